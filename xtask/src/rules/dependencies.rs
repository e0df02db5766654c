//! Rules over the dependencies: between the crates, and on the world.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

use super::{Breach, Repository, items, text_of};

/// Whom each crate may depend on: the architecture. Development dependencies follow the same arrows.
const ARROWS: &[(&str, &[&str])] = &[
    ("atelier-core", &[]),
    ("atelier-store", &[]),
    ("atelier-data", &["atelier-core", "atelier-store"]),
    ("atelier-models", &["atelier-core"]),
    ("atelier-autoencoder", &["atelier-core", "atelier-models"]),
    ("atelier-train", &["atelier-core", "atelier-store"]),
    ("atelier-tune", &["atelier-store"]),
    ("atelier-init", &["atelier-core"]),
    ("atelier-landscape", &["atelier-core", "atelier-store"]),
    ("atelier-plot", &[]),
    ("atelier-report", &["atelier-store"]),
    ("atelier", LIBRARIES),
    ("atelier-bench", ALL_BUT_REPORT),
    ("atelier-tests", ALL_BUT_REPORT),
    ("xtask", &[]),
];

const LIBRARIES: &[&str] = &[
    "atelier-core",
    "atelier-store",
    "atelier-data",
    "atelier-models",
    "atelier-autoencoder",
    "atelier-train",
    "atelier-tune",
    "atelier-init",
    "atelier-landscape",
    "atelier-plot",
];

const ALL_BUT_REPORT: &[&str] = &[
    "atelier",
    "atelier-core",
    "atelier-store",
    "atelier-data",
    "atelier-models",
    "atelier-autoencoder",
    "atelier-train",
    "atelier-tune",
    "atelier-init",
    "atelier-landscape",
    "atelier-plot",
];

/// What the default build of `atelier` must not contain, and why.
const FORBIDDEN: &[(&str, &str)] = &[
    ("font-kit", "looks for the machine's fonts; figures use an embedded one"),
    ("cudarc", "needs CUDA; only `--features cuda` may bring it"),
    ("ndarray-linalg", "links a system BLAS"),
    ("hf-hub", "a second network stack, for reading a file"),
];

/// Every dependency between members is one that the architecture allows.
pub fn arrows(repository: &Repository) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for member in repository.members() {
        let manifest = member.file("Cargo.toml");
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == member.name) else {
            let found = format!(
                "the architecture has no crate `{}`; add it to the table of arrows",
                member.name
            );
            breaches.push(Breach { place: manifest, found });
            continue;
        };
        for dependency in
            items(&member.package["dependencies"]).map(|dependency| text_of(&dependency["name"]))
        {
            let ours = repository.members().any(|other| other.name == dependency);
            if ours && !allowed.contains(&dependency) {
                let found = format!("`{}` may not depend on `{dependency}`", member.name);
                breaches.push(Breach { place: line_of(repository, &manifest, dependency), found });
            }
        }
    }
    breaches
}

/// Every dependency of a member is inherited from the workspace.
pub fn versions(repository: &Repository) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for member in repository.members() {
        let manifest = member.file("Cargo.toml");
        for (line, entry) in dependency_entries(repository.text(&manifest).unwrap_or_default()) {
            if !entry.contains("workspace = true") {
                let found = format!("`{}` is not inherited by `workspace = true`", entry.trim());
                breaches.push(Breach { place: format!("{manifest}:{line}"), found });
            }
        }
    }
    breaches
}

/// `atelier` as built by default contains none of the forbidden packages.
pub fn forbidden_packages(repository: &Repository) -> Vec<Breach> {
    let broken = FORBIDDEN.iter().filter_map(|(package, why)| {
        let chain = chain(&repository.metadata, "atelier", package)?;
        Some(Breach {
            place: "Cargo.toml".into(),
            found: format!("{}: {package} {why}", chain.join(" -> ")),
        })
    });
    broken.collect()
}

/// xtask builds without candle.
pub fn light_xtask(repository: &Repository) -> Vec<Breach> {
    let chain = ["candle-core", "candle-nn"]
        .iter()
        .find_map(|heavy| chain(&repository.metadata, "xtask", heavy));
    let breach = chain.map(|chain| Breach {
        place: "xtask/Cargo.toml".into(),
        found: format!("xtask links candle: {}", chain.join(" -> ")),
    });
    breach.into_iter().collect()
}

/// The entries of a manifest's dependency tables, each with its line and joined where it spans several.
fn dependency_entries(manifest: &str) -> Vec<(usize, String)> {
    let mut entries: Vec<(usize, String)> = Vec::new();
    // Whether the table lists dependencies, and whether it is all about one: `[dependencies.name]`.
    let (mut listing, mut single) = (false, false);
    let mut open_brackets = 0;
    for (number, line) in (1..).zip(manifest.lines()) {
        let line = line.split('#').next().unwrap_or_default().trim();
        if open_brackets == 0 && line.starts_with('[') {
            let header = line.trim_matches(['[', ']']);
            listing = header.ends_with("dependencies");
            single = header.contains("dependencies.");
            if single {
                entries.push((number, line.to_owned()));
            }
        } else if (listing || single) && !line.is_empty() {
            match entries.last_mut().filter(|_| single || open_brackets > 0) {
                Some((_, entry)) => *entry = format!("{entry} {line}"),
                None => entries.push((number, line.to_owned())),
            }
            open_brackets += line.matches(['[', '{']).count();
            open_brackets -= line.matches([']', '}']).count().min(open_brackets);
        }
    }
    entries
}

/// The shortest chain of dependencies from one package to another, development dependencies aside.
fn chain<'a>(metadata: &'a Value, from: &str, to: &str) -> Option<Vec<&'a str>> {
    let names: BTreeMap<&str, &str> = items(&metadata["packages"])
        .map(|package| (text_of(&package["id"]), text_of(&package["name"])))
        .collect();
    let nodes: BTreeMap<&str, &Value> =
        items(&metadata["resolve"]["nodes"]).map(|node| (text_of(&node["id"]), node)).collect();
    let start = names.iter().find(|(_, name)| **name == from).map(|(id, _)| *id)?;

    let mut came_from = BTreeMap::from([(start, None)]);
    let mut queue = VecDeque::from([start]);
    while let Some(id) = queue.pop_front() {
        if names.get(id) == Some(&to) {
            let mut chain: Vec<&str> =
                std::iter::successors(Some(id), |id| came_from.get(id).copied().flatten())
                    .filter_map(|id| names.get(id).copied())
                    .collect();
            chain.reverse();
            return Some(chain);
        }
        for dependency in nodes.get(id).into_iter().flat_map(|node| items(&node["deps"])) {
            let next = text_of(&dependency["pkg"]);
            let built = items(&dependency["dep_kinds"]).any(|kind| kind["kind"] != "dev");
            if built && !came_from.contains_key(next) {
                came_from.insert(next, Some(id));
                queue.push_back(next);
            }
        }
    }
    None
}

/// The line of a manifest that begins with a dependency's name.
fn line_of(repository: &Repository, manifest: &str, dependency: &str) -> String {
    let text = repository.text(manifest).unwrap_or_default();
    let named = |line: &str| {
        line.strip_prefix(dependency).is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
    };
    match text.lines().position(named) {
        Some(at) => format!("{manifest}:{}", at + 1),
        None => manifest.to_owned(),
    }
}
