//! Rules over the Rust sources.

use super::{Breach, Repository, is_rust};
use crate::rust_text;

/// What makes, writes, replaces or removes a file or a directory.
const WRITES: &[&str] = &[
    "fs::write",
    "fs::copy",
    "fs::rename",
    "fs::hard_link",
    "fs::symlink",
    "fs::create_dir",
    "fs::remove_",
    "fs::set_permissions",
    "fs::*",
    "File::create",
    "File::options",
    "OpenOptions",
    "DirBuilder",
    ".persist(",
    "tempfile::",
    "serialize_to_file",
    "save_safetensors",
    ".save(",
    "save_with_format",
    "save_buffer",
    "BitMapBackend::new(",
    // Under another name no call would be found.
    "fs as ",
    "File as ",
];

/// Places that make what is no loss: how their paths begin, what is called there, and why.
const MAY_WRITE: &[(&str, &[&str], &str)] = &[
    (
        "crates/atelier-data/src/package.rs",
        &["tempfile::"],
        "a package is unpacked into a directory that goes away as soon as it is read",
    ),
    (
        "crates/atelier-bench/src/",
        &["tempfile::", "fs::create_dir", "fs::symlink"],
        "directories that go away with a measurement; what it keeps is written by the store",
    ),
    ("crates/atelier-train/src/session.rs", &[".save("], "checkpoints, which the store writes"),
    ("crates/atelier/src/experiment/tuning/objective.rs", &[".save("], "the same"),
];

/// The store's sources, and those of them that are its file system and what is known of it.
const STORE: &str = "crates/atelier-store/src/";
const FILE_SYSTEM: [&str; 3] = ["fs.rs", "faults.rs", "unsynced.rs"];

/// Files outside of atelier-core with unsafe code, since there is no other way.
const MAY_BE_UNSAFE: &[&str] = &[
    // An allocator that counts what readers of hostile files take: the trait is unsafe.
    "tests/hostile/allocator.rs",
    // Peers of the bench, outside of the workspace, flush denormals: a register of the processor.
    "xtask/peers/asked.rs",
];

/// No unsafe code but in atelier-core's sources, in the allocator of one test and in what the bench's peers share.
pub fn unsafe_code(repository: &Repository) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let may =
        |path: &str| path.starts_with("crates/atelier-core/src/") || MAY_BE_UNSAFE.contains(&path);
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

/// Files are written by atelier-store's own file system alone; tests and examples may.
pub fn file_writes(repository: &Repository) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let is_file_system =
        |path: &str| path.strip_prefix(STORE).is_some_and(|file| FILE_SYSTEM.contains(&file));
    let sources = rust_sources(repository).filter(|(path, _)| {
        path.starts_with("crates/") && !is_file_system(path) && !is_for_tests(path)
    });
    for (path, source) in sources {
        let in_store = path.starts_with(STORE);
        let code = rust_text::without_test_modules(&rust_text::code(source));
        for (number, line) in (1..).zip(with_imports_joined(&code)) {
            let may = |call: &&str| {
                MAY_WRITE
                    .iter()
                    .any(|(place, calls, _)| path.starts_with(place) && calls.contains(call))
            };
            let line = if in_store { without_own(&line) } else { line };
            // Without it, `fs` is the store's own.
            let imported =
                in_store && line.contains("use std::") && words(&line).any(|w| w == "fs");
            let calls = calls(&line).chain(imported.then_some("use std::fs"));
            for call in calls.filter(|call| !may(call)) {
                let found = format!("`{call}`; use atelier-store");
                breaches.push(Breach { place: format!("{path}:{number}"), found });
            }
        }
    }
    breaches
}

/// A line of the store's code without what it calls of its own file system.
fn without_own(line: &str) -> String {
    let line = line.replace("crate::fs::", "fs::");
    let mut parts = line.split("fs::");
    let mut kept = parts.next().unwrap_or_default().to_string();
    for part in parts {
        let own = !kept.ends_with("::") && !kept.ends_with(rust_text::is_word);
        kept += if own { "own::" } else { "fs::" };
        kept += if own { part.strip_prefix("File::").unwrap_or(part) } else { part };
    }
    kept
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c| !rust_text::is_word(c))
}

/// The lines of code; the first of an import from `fs` that goes on has all its names.
fn with_imports_joined(code: &str) -> Vec<String> {
    let mut lines: Vec<String> = code.lines().map(str::to_string).collect();
    for at in 0..lines.len() {
        let names = lines[at].split_once("fs::{").map(|(_, names)| names);
        if names.is_some_and(|names| !names.contains('}')) {
            let rest = lines[at + 1..].join(" ");
            lines[at] += rest.split('}').next().unwrap_or_default();
        }
    }
    lines
}

/// What writes in a line of code, as a call by its path or as an import.
fn calls(line: &str) -> impl Iterator<Item = &'static str> {
    let from_fs = line.split_once("fs::{").map_or("", |(_, names)| names);
    let words: Vec<&str> = words(from_fs).collect();
    let imported = move |call: &str| {
        let name = call.strip_prefix("fs::").unwrap_or(call);
        words.iter().any(|word| match name {
            "create_dir" | "remove_" => word.starts_with(name),
            name => *word == name,
        })
    };
    WRITES.iter().copied().filter(move |call| is_called(call, line) || imported(call))
}

/// Whether a line holds a call, and neither the end of a longer word that ends so nor `symlink_metadata`, which reads.
fn is_called(call: &str, line: &str) -> bool {
    let begins = |at: usize| {
        !call.starts_with(rust_text::is_word) || !line[..at].ends_with(rust_text::is_word)
    };
    let reads = |at: usize| line[at + call.len()..].starts_with("_metadata");
    line.match_indices(call).any(|(at, _)| begins(at) && !reads(at))
}

fn rust_sources(repository: &Repository) -> impl Iterator<Item = (&str, &str)> {
    repository.texts().filter(|(path, _)| is_rust(path))
}

/// Whether cargo, or a `#[cfg(test)] mod tests;`, builds this file for tests, examples or benches only.
fn is_for_tests(path: &str) -> bool {
    path.split('/').any(|part| ["tests", "tests.rs", "examples", "benches"].contains(&part))
}
