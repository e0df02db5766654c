//! The rules of the repository that no compiler checks.
//!
//! Each rule looks at what `cargo metadata` says and at the files that git tracks, and gives the places that break
//! it.

use std::{collections::BTreeMap, fs, io, path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{talk, workspace::Workspace};

mod contents;
mod crates;
mod dependencies;
mod sources;
#[cfg(test)]
mod tests;

/// What the rules look at.
#[derive(Debug, Default)]
struct Repository {
    /// The workspace's packages and the resolved graph of all they depend on, with default features.
    metadata: Value,
    /// Path from the root, with slashes, and content of every tracked file.
    files: BTreeMap<String, Vec<u8>>,
}

/// A place that breaks a rule.
#[derive(Debug)]
struct Breach {
    /// The file, and the line where there is one.
    place: String,
    found: String,
}

struct Rule {
    name: &'static str,
    why: &'static str,
    breaches: fn(&Repository) -> Vec<Breach>,
}

const RULES: &[Rule] = &[
    Rule {
        name: "arrows",
        why: "a crate that knows few others can be used alone and built early; the table in \
              xtask/src/rules/dependencies.rs is the architecture",
        breaches: dependencies::arrows,
    },
    Rule {
        name: "versions",
        why: "versions and features stand in the root Cargo.toml only, so that no two crates disagree",
        breaches: dependencies::versions,
    },
    Rule {
        name: "forbidden-packages",
        why: "these packages bring system libraries, CUDA or a second network stack into every build",
        breaches: dependencies::forbidden_packages,
    },
    Rule {
        name: "light-xtask",
        why: "`cargo xtask --help` answers within seconds of a fresh clone",
        breaches: dependencies::light_xtask,
    },
    Rule {
        name: "lints",
        why: "the lints stand in the root Cargo.toml and hold for every member",
        breaches: crates::lints,
    },
    Rule {
        name: "front-page",
        why: "a crate's README.md is its documentation's first page, and its example runs",
        breaches: crates::front_page,
    },
    Rule {
        name: "unsafe",
        why: "unsafe code belongs to atelier-core's kernels, where each block has its reason",
        breaches: sources::unsafe_code,
    },
    Rule {
        name: "file-writes",
        why: "atelier-store's file system alone writes files, because only it makes them survive a crash",
        breaches: sources::file_writes,
    },
    Rule {
        name: "machine-paths",
        why: "a path of one machine means nothing on another",
        breaches: contents::machine_paths,
    },
    Rule {
        name: "registry-hosts",
        why: "which registry or mirror serves a build is the machine's affair",
        breaches: contents::registry_hosts,
    },
    Rule {
        name: "file-size",
        why: "every clone carries a large file for ever; data and figures are made, not kept",
        breaches: contents::file_size,
    },
    Rule {
        name: "native-code",
        why: "a program built for one processor dies on another; kernels are chosen at run time",
        breaches: contents::native_code,
    },
];

/// Whether the repository keeps every rule; what breaks one is printed.
pub fn run(workspace: &Workspace) -> Result<bool> {
    let repository = Repository::read(workspace)?;
    let mut kept = true;
    for rule in RULES {
        let breaches = (rule.breaches)(&repository);
        for Breach { place, found } in &breaches {
            talk::tell(&format!("{place}: {found} [{}]", rule.name));
        }
        if !breaches.is_empty() {
            talk::tell(&format!("  why: {}", rule.why));
            kept = false;
        }
    }
    Ok(kept)
}

impl Repository {
    fn read(workspace: &Workspace) -> Result<Self> {
        let metadata = workspace.metadata(&["--filter-platform", &host()?])?;
        let listed = Command::new("git")
            .args(["ls-files", "-z"])
            .current_dir(&workspace.root)
            .output()
            .context("cannot run git, which knows the files that the rules look at")?;
        let errors = String::from_utf8_lossy(&listed.stderr);
        ensure!(listed.status.success(), "`git ls-files` failed: {}", errors.trim());

        let mut files = BTreeMap::new();
        for path in listed.stdout.split(|&byte| byte == 0).filter(|path| !path.is_empty()) {
            let path = String::from_utf8_lossy(path).into_owned();
            match fs::read(workspace.root.join(&path)) {
                Ok(content) => drop(files.insert(path, content)),
                // Removed and not committed yet.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error).with_context(|| format!("cannot read {path}")),
            }
        }
        Ok(Self { metadata, files })
    }

    /// The tracked text files; those with a zero byte or another encoding are data.
    fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        let text = |content| std::str::from_utf8(content).ok().filter(|text| !text.contains('\0'));
        self.files.iter().filter_map(move |(path, content)| Some((path.as_str(), text(content)?)))
    }

    fn text(&self, path: &str) -> Option<&str> {
        std::str::from_utf8(self.files.get(path)?).ok()
    }

    /// Name and directory (from the root) of every member.
    fn members(&self) -> impl Iterator<Item = Member<'_>> {
        let root = text_of(&self.metadata["workspace_root"]);
        let members = &self.metadata["workspace_members"];
        items(&self.metadata["packages"])
            .filter(move |package| items(members).any(|id| *id == package["id"]))
            .map(move |package| {
                let manifest = text_of(&package["manifest_path"]);
                let manifest =
                    manifest.strip_prefix(root).unwrap_or(manifest).trim_start_matches('/');
                let directory = manifest.strip_suffix("/Cargo.toml").unwrap_or_default();
                Member { name: text_of(&package["name"]), directory, package }
            })
    }
}

/// A package of the workspace.
#[derive(Clone, Copy)]
struct Member<'a> {
    name: &'a str,
    directory: &'a str,
    /// What `cargo metadata` says about it.
    package: &'a Value,
}

impl Member<'_> {
    fn file(&self, name: &str) -> String {
        format!("{}/{name}", self.directory)
    }

    /// Whether it is one of the crates, and neither xtask nor the tests.
    fn is_crate(&self) -> bool {
        self.directory.starts_with("crates/")
    }
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Whether a file is Rust source, by its name.
fn is_rust(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "rs")
}

/// The platform that this machine builds for, as rustc names it.
fn host() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("cannot run rustc")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc -vV` does not name a host")
}
