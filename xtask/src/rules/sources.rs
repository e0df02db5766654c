//! Rules over the Rust sources.

use super::{Breach, Repository, is_rust};
use crate::rust_text;

/// What writes, replaces or makes a file.
const WRITES: &[&str] = &[
    "fs::write",
    "fs::copy",
    "fs::rename",
    "fs::hard_link",
    "File::create",
    "File::options",
    "OpenOptions",
    "serialize_to_file",
];

/// An allocator that counts what readers of hostile files take: the trait is unsafe, and there is no other way to count.
const ALLOCATOR: &str = "tests/hostile/allocator.rs";

/// No unsafe code but in atelier-core's sources and in the allocator of one test.
pub fn unsafe_code(repository: &Repository) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let may = |path: &str| path.starts_with("crates/atelier-core/src/") || path == ALLOCATOR;
    let sources = rust_sources(repository).filter(|(path, _)| !may(path));
    for (path, source) in sources {
        for (number, line) in (1..).zip(rust_text::code(source).lines()) {
            if line.split(|c| !rust_text::is_word(c)).any(|word| word == "unsafe") {
                let found = "unsafe code outside atelier-core".into();
                breaches.push(Breach { place: format!("{path}:{number}"), found });
            }
        }
    }
    breaches
}

/// No crate but atelier-store writes files; tests and examples may.
pub fn file_writes(repository: &Repository) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let sources = rust_sources(repository).filter(|(path, _)| {
        path.starts_with("crates/")
            && !path.starts_with("crates/atelier-store/")
            && !is_for_tests(path)
    });
    for (path, source) in sources {
        let code = rust_text::without_test_modules(&rust_text::code(source));
        for (number, line) in (1..).zip(code.lines()) {
            for call in WRITES.iter().filter(|call| line.contains(**call)) {
                let found = format!("`{call}`; use atelier-store");
                breaches.push(Breach { place: format!("{path}:{number}"), found });
            }
        }
    }
    breaches
}

fn rust_sources(repository: &Repository) -> impl Iterator<Item = (&str, &str)> {
    repository.texts().filter(|(path, _)| is_rust(path))
}

/// Whether cargo, or a `#[cfg(test)] mod tests;`, builds this file for tests, examples or benches only.
fn is_for_tests(path: &str) -> bool {
    path.split('/').any(|part| ["tests", "tests.rs", "examples", "benches"].contains(&part))
}
