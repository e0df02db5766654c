//! Images and labels in IDX: as they are, and packed, so that what is behind the checksum of gzip is reached; and in NPY.
#![no_main]

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "each target takes its own")]
#[path = "../../tests/hostile/readers/program.rs"]
mod program;

/// What messages name.
const PATH: &str = "some/file";

fuzz_target!(|bytes: &[u8]| {
    let _ = (program::images(bytes), program::labels(bytes));
    let _ = (program::npy_images(bytes), program::npy_labels(bytes));
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    if packed.write_all(bytes).is_ok()
        && let Ok(packed) = packed.finish()
    {
        let _ = (program::images(&packed), program::labels(&packed));
    }
});
