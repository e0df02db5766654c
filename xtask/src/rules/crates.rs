//! Rules over the members: what each must have.

use super::{Breach, Member, Repository, items, text_of};

/// Every member inherits the workspace's lints.
pub fn lints(repository: &Repository) -> Vec<Breach> {
    let members = repository.members().map(|member| member.file("Cargo.toml"));
    let broken = members.filter(|manifest| {
        let mut lines = repository.text(manifest).unwrap_or_default().lines().map(str::trim);
        let table = lines.find(|line| *line == "[lints]");
        table.is_none() || lines.find(|line| !line.is_empty()) != Some("workspace = true")
    });
    broken
        .map(|place| Breach { place, found: "no `[lints]` with `workspace = true`".into() })
        .collect()
}

/// Every crate has a README.md that is its documentation's first page, and an example.
pub fn front_page(repository: &Repository) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for member in repository.members().filter(Member::is_crate) {
        let mut breach =
            |place: String, found: &str| breaches.push(Breach { place, found: found.into() });
        let readme = member.file("README.md");
        if repository.text(&readme).is_none_or(|text| text.trim().is_empty()) {
            breach(readme, "missing or empty");
        }
        let library = member.file("src/lib.rs");
        let attribute = r#"#![doc = include_str!("../README.md")]"#;
        if !repository
            .text(&library)
            .unwrap_or_default()
            .lines()
            .any(|line| line.trim() == attribute)
        {
            breach(library, &format!("no `{attribute}`"));
        }
        let is_example = |target| items(target).any(|kind| text_of(kind) == "example");
        if !items(&member.package["targets"]).any(|target| is_example(&target["kind"])) {
            breach(member.file("examples"), "no example");
        }
    }
    breaches
}
