//! Rules over what tracked files contain, whatever their language.
//!
//! The patterns are put together from pieces, so that this file does not contain them.

use super::{Breach, Repository, is_rust};
use crate::rust_text;

/// Directories in which checkouts and home directories lie on somebody's machine.
const MACHINE_PATHS: &[&str] =
    &[concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/wo", "rk/")];

const REGISTRY_HOSTS: &[&str] = &[
    concat!("crates", ".io"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("npmjs", ".org"),
    concat!("npmjs", ".com"),
    concat!("anaconda", ".org"),
    concat!("proxy.golang", ".org"),
    concat!("deb.debian", ".org"),
    concat!("archive.ubuntu", ".com"),
];

const NATIVE: &str = concat!("target-cpu", "=native");

const MOST_BYTES: usize = 2_000_000;

/// No path of somebody's machine.
pub fn machine_paths(repository: &Repository) -> Vec<Breach> {
    find(repository.texts(), |line| {
        MACHINE_PATHS.iter().copied().find(|path| {
            line.match_indices(path).any(|(at, _)| {
                // Where something comes before, it is the middle of another path or of an address.
                line[..at].chars().next_back().is_none_or(|before| !belongs_to_path(before))
            })
        })
    })
}

fn belongs_to_path(c: char) -> bool {
    c.is_alphanumeric() || "._-~})/".contains(c)
}

/// No host of a package registry, but in the sources that the lock files name.
pub fn registry_hosts(repository: &Repository) -> Vec<Breach> {
    let texts = repository.texts().filter(|(path, _)| !path.ends_with("Cargo.lock"));
    find(texts, |line| REGISTRY_HOSTS.iter().copied().find(|host| line.contains(host)))
}

/// No file that weighs down every clone.
pub fn file_size(repository: &Repository) -> Vec<Breach> {
    let large = repository.files.iter().filter(|(_, content)| content.len() > MOST_BYTES);
    let breach = |(path, content): (&String, &Vec<u8>)| Breach {
        place: path.clone(),
        found: format!("{} bytes; at most {MOST_BYTES} are kept", content.len()),
    };
    large.map(breach).collect()
}

/// Nothing that builds for the processor at hand. Prose may speak of it.
pub fn native_code(repository: &Repository) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (path, text) in repository.texts() {
        let found = |line: &str| line.contains(NATIVE).then_some(NATIVE);
        if is_rust(path) {
            breaches.extend(find([(path, rust_text::code_and_strings(text).as_str())], found));
        } else if ![".md", ".typ"].iter().any(|prose| path.ends_with(prose)) {
            breaches.extend(find([(path, text)], |line| {
                found(line.split('#').next().unwrap_or_default())
            }));
        }
    }
    breaches
}

/// The lines in which `search` finds something.
fn find<'a>(
    texts: impl IntoIterator<Item = (&'a str, &'a str)>,
    search: impl Fn(&str) -> Option<&'static str>,
) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (path, text) in texts {
        for (number, line) in (1..).zip(text.lines()) {
            if let Some(found) = search(line) {
                breaches.push(Breach {
                    place: format!("{path}:{number}"),
                    found: format!("`{found}`"),
                });
            }
        }
    }
    breaches
}
