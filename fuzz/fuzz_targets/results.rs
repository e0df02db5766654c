//! A run's metrics and results, the record of a comparison, the rows of a grid, and the names of classes.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "each target takes its own")]
#[path = "../../tests/hostile/readers/program.rs"]
mod program;

/// What messages name.
const PATH: &str = "some/file";

fuzz_target!(|bytes: &[u8]| {
    let _ = (program::metrics(bytes), program::networks(bytes), program::summary(bytes));
    let _ = (program::grid(bytes), program::classes(bytes));
});
