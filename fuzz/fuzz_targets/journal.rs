//! A search's journal, in Optuna's format.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "each target takes its own")]
#[path = "../../tests/hostile/readers/files.rs"]
mod files;

fuzz_target!(|bytes: &[u8]| {
    let _ = files::journal(bytes);
});
