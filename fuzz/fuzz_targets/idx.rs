//! Images and labels in IDX: as they are, and packed, so that what is behind the checksum of gzip is reached.
#![no_main]

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use libfuzzer_sys::fuzz_target;

#[expect(dead_code, reason = "each target takes its own")]
#[path = "../../tests/hostile/readers.rs"]
mod readers;

fuzz_target!(|bytes: &[u8]| {
    let _ = (readers::images(bytes), readers::labels(bytes));
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    if packed.write_all(bytes).is_ok()
        && let Ok(packed) = packed.finish()
    {
        let _ = (readers::images(&packed), readers::labels(&packed));
    }
});
