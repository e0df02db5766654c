//! What a run writes as text and is read again.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[expect(dead_code, reason = "each target takes its own")]
#[path = "../../tests/hostile/readers.rs"]
mod readers;

fuzz_target!(|bytes: &[u8]| {
    let _ = (readers::metrics(bytes), readers::networks(bytes), readers::snapshots(bytes));
    let _ = (readers::manifest(bytes), readers::summary(bytes));
});
