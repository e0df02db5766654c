//! Arrays, images and labels in NPY.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[expect(dead_code, reason = "each target takes its own")]
#[path = "../../tests/hostile/readers.rs"]
mod readers;

fuzz_target!(|bytes: &[u8]| {
    let _ = (readers::array(bytes), readers::npy_images(bytes), readers::npy_labels(bytes));
});
