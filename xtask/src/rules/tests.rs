//! Every rule is fed an input that breaks it and one that does not, and the repository itself.

use std::path::PathBuf;

use serde_json::json;

use super::*;

/// A repository of these members, each with whom it depends on, and of these files.
fn repository(members: &[(&str, &str, &[&str])], files: &[(&str, &str)]) -> Repository {
    let package = |(name, directory, dependencies): &(&str, &str, &[&str])| {
        json!({
            "id": format!("id of {name}"),
            "name": name,
            "manifest_path": format!("/somewhere/{directory}/Cargo.toml"),
            "dependencies": dependencies.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>(),
            "targets": [{ "kind": ["lib"] }, { "kind": ["example"] }],
        })
    };
    let metadata = json!({
        "workspace_root": "/somewhere",
        "workspace_members": members.iter().map(|(name, ..)| format!("id of {name}")).collect::<Vec<_>>(),
        "packages": members.iter().map(package).collect::<Vec<_>>(),
    });
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()));
    Repository { metadata, files: files.collect() }
}

/// A repository whose graph has these edges, each of the given kind.
fn graph(edges: &[(&str, &str, Option<&str>)]) -> Repository {
    let mut names: Vec<&str> = edges.iter().flat_map(|(from, to, _)| [*from, *to]).collect();
    names.sort_unstable();
    names.dedup();
    let node = |name: &&str| {
        let out = edges.iter().filter(|(from, ..)| from == name);
        let deps: Vec<Value> =
            out.map(|(_, to, kind)| json!({ "pkg": format!("{to} 1"), "dep_kinds": [{ "kind": kind }] })).collect();
        json!({ "id": format!("{name} 1"), "deps": deps })
    };
    let metadata = json!({
        "packages": names.iter().map(|name| json!({ "id": format!("{name} 1"), "name": name })).collect::<Vec<_>>(),
        "resolve": { "nodes": names.iter().map(node).collect::<Vec<_>>() },
    });
    Repository { metadata, files: BTreeMap::new() }
}

fn breaches(rule: &str, repository: &Repository) -> Vec<String> {
    let rule = RULES.iter().find(|known| known.name == rule).expect("a rule of this name");
    (rule.breaches)(repository)
        .into_iter()
        .map(|Breach { place, found }| format!("{place}: {found}"))
        .collect()
}

/// Asserts that each input breaks the rule once, in a breach that begins and ends so.
fn breaks(rule: &str, begin: &str, end: &str, repository: &Repository) {
    match &breaches(rule, repository)[..] {
        [one] => assert!(one.starts_with(begin) && one.ends_with(end), "{rule}: {one}"),
        others => panic!("{rule}: one breach expected, not {others:?}"),
    }
}

fn keeps(rule: &str, repository: &Repository) {
    assert_eq!(breaches(rule, repository), [""; 0], "{rule}");
}

const TRAIN: &str = "crates/atelier-train";
const MANIFEST: &str = "crates/atelier-train/Cargo.toml";
const SOURCE: &str = "crates/atelier-train/src/step.rs";

fn one_crate(files: &[(&str, &str)]) -> Repository {
    repository(&[("atelier-train", TRAIN, &[])], files)
}

#[test]
fn the_repository_keeps_every_rule() -> Result<()> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let repository =
        Repository::read(&Workspace { root: root.join(".."), target: PathBuf::new() })?;
    assert!(repository.members().count() > 2, "the workspace has members");
    let broken: Vec<String> =
        RULES.iter().flat_map(|rule| breaches(rule.name, &repository)).collect();
    assert!(broken.is_empty(), "see `cargo xtask ci --only rules`:\n{}", broken.join("\n"));
    Ok(())
}

#[test]
fn an_arrow_outside_the_architecture_is_found_at_its_line() {
    let core = ("atelier-core", "crates/atelier-core", &[][..]);
    let models = ("atelier-models", "crates/atelier-models", &["atelier-core", "serde"][..]);
    let manifest = (
        MANIFEST,
        "[dependencies]\natelier-core.workspace = true\natelier-models.workspace = true\n",
    );
    let train = ("atelier-train", TRAIN, &["atelier-core", "atelier-models"][..]);
    let end = "`atelier-train` may not depend on `atelier-models`";
    breaks(
        "arrows",
        &format!("{MANIFEST}:3"),
        end,
        &repository(&[core, models, train], &[manifest]),
    );
    let train = ("atelier-train", TRAIN, &["atelier-core"][..]);
    keeps("arrows", &repository(&[core, models, train], &[manifest]));
    let stranger = ("atelier-paint", "crates/atelier-paint", &[][..]);
    breaks(
        "arrows",
        "crates/atelier-paint/Cargo.toml",
        "arrows",
        &repository(&[core, stranger], &[]),
    );
}

#[test]
fn the_program_may_know_every_library_but_neither_the_bench_nor_the_report() {
    let library = ("atelier-landscape", "crates/atelier-landscape", &[][..]);
    let report = ("atelier-report", "crates/atelier-report", &[][..]);
    let program = ("atelier", "crates/atelier", &["atelier-landscape"][..]);
    keeps("arrows", &repository(&[library, report, program], &[]));
    let program = ("atelier", "crates/atelier", &["atelier-landscape", "atelier-report"][..]);
    breaks(
        "arrows",
        "crates/atelier",
        "`atelier-report`",
        &repository(&[library, report, program], &[]),
    );
}

#[test]
fn a_version_in_a_member_is_found() {
    for (line, entry) in [
        (2, "[dependencies]\nserde = \"1\""),
        (2, "[dev-dependencies]\nserde = { version = \"1\", features = [\n  \"derive\",\n] }"),
        (
            2,
            "[target.'cfg(unix)'.dependencies]\nserde = { path = \"../serde\" } # workspace = true",
        ),
        (1, "[dependencies.serde]\nversion = \"1\"\nfeatures = [\"derive\"]"),
    ] {
        breaks("versions", &format!("{MANIFEST}:{line}: "), "", &one_crate(&[(MANIFEST, entry)]));
    }
    let clean = "[package]\nversion.workspace = true\n\n[dependencies]\nserde.workspace = true # why\n\
                 serde_json = { workspace = true, features = [\n  \"std\",\n] }\n\n\
                 [build-dependencies.cc]\nworkspace = true\n\n[features]\ncuda = [\"core/cuda\"]\n";
    keeps("versions", &one_crate(&[(MANIFEST, clean)]));
}

#[test]
fn a_forbidden_package_is_found_with_the_way_to_it() {
    for package in ["font-kit", "cudarc", "ndarray-linalg", "hf-hub"] {
        let edges = [("atelier", "atelier-plot", None), ("atelier-plot", package, None)];
        breaks(
            "forbidden-packages",
            &format!("Cargo.toml: atelier -> atelier-plot -> {package}"),
            "",
            &graph(&edges),
        );
        let by_build = [("atelier", "candle-core", None), ("candle-core", package, Some("build"))];
        breaks("forbidden-packages", "Cargo.toml: atelier -> candle-core", "", &graph(&by_build));
        let aside = [
            ("atelier", "atelier-plot", None),
            ("atelier", package, Some("dev")),
            ("xtask", package, None),
        ];
        keeps("forbidden-packages", &graph(&aside));
    }
}

#[test]
fn candle_behind_xtask_is_found() {
    let heavy = graph(&[("xtask", "atelier-core", None), ("atelier-core", "candle-core", None)]);
    breaks("light-xtask", "xtask/Cargo.toml: ", "xtask -> atelier-core -> candle-core", &heavy);
    keeps("light-xtask", &graph(&[("xtask", "anyhow", None), ("atelier", "candle-core", None)]));
}

#[test]
fn a_member_with_lints_of_its_own_is_found() {
    for manifest in
        ["[package]\n", "[lints]\nrust.unsafe_code = \"allow\"\n", "[package]\nworkspace = true\n"]
    {
        breaks("lints", MANIFEST, "", &one_crate(&[(MANIFEST, manifest)]));
    }
    keeps("lints", &one_crate(&[(MANIFEST, "[package]\n\n[lints]\nworkspace = true\n")]));
}

#[test]
fn a_crate_without_readme_front_page_or_example_is_found() {
    let readme = ("crates/atelier-train/README.md", "# atelier-train\n");
    let library = ("crates/atelier-train/src/lib.rs", "#![doc = include_str!(\"../README.md\")]\n");
    keeps("front-page", &one_crate(&[readme, library]));
    breaks("front-page", readme.0, "missing or empty", &one_crate(&[library]));
    breaks("front-page", readme.0, "missing or empty", &one_crate(&[(readme.0, "\n"), library]));
    let other = (library.0, "// #![doc = include_str!(\"../README.md\")]\n");
    breaks("front-page", library.0, "]`", &one_crate(&[readme, other]));

    let mut bare = one_crate(&[readme, library]);
    bare.metadata["packages"][0]["targets"] = json!([{ "kind": ["lib"] }]);
    breaks("front-page", "crates/atelier-train/examples", "no example", &bare);

    keeps("front-page", &repository(&[("xtask", "xtask", &[])], &[]));
}

#[test]
fn unsafe_code_is_found_where_it_is_code_and_outside_the_kernels() {
    let source = "fn f() {}\nfn g() { unsafe { f() } }\n";
    breaks("unsafe", &format!("{SOURCE}:2"), "", &one_crate(&[(SOURCE, source)]));
    breaks("unsafe", "xtask/src/main.rs:2", "", &one_crate(&[("xtask/src/main.rs", source)]));
    keeps("unsafe", &one_crate(&[("crates/atelier-core/src/kernels/dense.rs", source)]));
    for exception in ["tests/hostile/allocator.rs", "xtask/peers/asked.rs"] {
        keeps("unsafe", &one_crate(&[(exception, source)]));
    }
    breaks("unsafe", "xtask/peers/burn.rs:2", "", &one_crate(&[("xtask/peers/burn.rs", source)]));
    breaks(
        "unsafe",
        "tests/hostile/main.rs:2",
        "",
        &one_crate(&[("tests/hostile/main.rs", source)]),
    );
    let talk = "// unsafe\n#![deny(unsafe_code)]\nconst A: &str = \"unsafe\";\n";
    keeps("unsafe", &one_crate(&[(SOURCE, talk)]));
}

#[test]
fn a_file_write_is_found_outside_the_store_and_outside_tests() {
    for call in [
        "fs::write(p, b)",
        "File::create(p)",
        "std::fs::OpenOptions::new()",
        "fs::rename(p, q)",
        "fs::create_dir_all(p)",
        "fs::remove_dir_all(p)",
        "std::os::unix::fs::symlink(p, q)",
        "tempfile::tempdir()",
        "file.persist(p)",
        "image.save(p)",
        "image.save_with_format(p, f)",
    ] {
        let source = format!("fn f() {{\n    let _ = {call};\n}}\n");
        breaks(
            "file-writes",
            &format!("{SOURCE}:2"),
            "use atelier-store",
            &one_crate(&[(SOURCE, &source)]),
        );
        for elsewhere in [
            "crates/atelier-store/src/fs.rs",
            "crates/atelier-store/src/unsynced.rs",
            "crates/atelier-store/tests/durable.rs",
            "crates/atelier-train/examples/one.rs",
            "crates/atelier-train/tests/one.rs",
            "crates/atelier-train/src/loop/tests.rs",
            "xtask/src/main.rs",
            "tests/main.rs",
        ] {
            keeps("file-writes", &one_crate(&[(elsewhere, &source)]));
        }
        let in_tests = format!("#[cfg(test)]\nmod tests {{\n{source}}}\n");
        keeps("file-writes", &one_crate(&[(SOURCE, &in_tests)]));
        let after_tests = format!("#[cfg(test)]\nmod tests {{}}\n{source}");
        breaks("file-writes", &format!("{SOURCE}:4"), "", &one_crate(&[(SOURCE, &after_tests)]));
    }
    for import in [
        "use std::fs::{self, rename};",
        "use std::fs::{create_dir_all, read};",
        "use std::fs::{\n    read,\n    write,\n};",
        "use std::{fs::{self,\n    rename}, io};",
        "use std::fs::*;",
        "use std::fs as f;",
        "use std::{fs as f, io};",
        "use std::fs::File as F;",
    ] {
        breaks("file-writes", &format!("{SOURCE}:1"), "", &one_crate(&[(SOURCE, import)]));
    }
    let reads = "use std::fs::{self, File, read};\nfn f() { fs::read(p); fmt::write(a, b); }\n";
    keeps("file-writes", &one_crate(&[(SOURCE, reads)]));
    let reads = "use std::fs::{\n    self,\n    read,\n};\nfn f() { fmt::write(a, b); }\n";
    keeps("file-writes", &one_crate(&[(SOURCE, reads)]));
    let counts = "fn f() { let n = diffs as f64; checkpoints.save(p); }\n";
    keeps("file-writes", &one_crate(&[("crates/atelier-train/src/session.rs", counts)]));
    let unpacked = ("crates/atelier-data/src/package.rs", "use tempfile::TempDir;\n");
    keeps("file-writes", &one_crate(&[unpacked]));
    let bench = "crates/atelier-bench/src/row.rs";
    keeps("file-writes", &one_crate(&[(bench, "use tempfile::TempDir;\n")]));
    breaks("file-writes", bench, "", &one_crate(&[(bench, "fn f() { fs::write(p, b); }\n")]));
}

#[test]
fn in_the_store_only_its_file_system_touches_files() {
    let file = "crates/atelier-store/src/durable.rs";
    let own = "use crate::{Result, fs};\nfn f() {\n    fs::rename(p, q);\n    fs::File::create_new(p);\n    \
               crate::fs::remove_file(p);\n    std::fs::read(p);\n    \
               std::fs::symlink_metadata(p);\n}\n#[cfg(all(test, unix))]\nmod tests {\n    use std::fs;\n}\n";
    keeps("file-writes", &one_crate(&[(file, own)]));
    for line in [
        "use std::fs;",
        "use std::{fs, io};",
        "std::fs::rename(p, q);",
        "std::fs::File::create(p);",
        "std::os::unix::fs::symlink(p, q);",
        "OpenOptions::new().open(p);",
    ] {
        let source = format!("fn f() {{\n    {line}\n}}\n");
        breaks("file-writes", &format!("{file}:2"), "", &one_crate(&[(file, &source)]));
    }
}

#[test]
fn a_path_of_a_machine_is_found_and_the_middle_of_a_path_is_not() {
    for directory in ["ro\u{6f}t", "h\u{6f}me", "w\u{6f}rk"] {
        for (before, after) in [("", "x"), ("see ", "x"), ("\"", "x\""), ("file:", "x"), ("=", "x")]
        {
            let text = format!("first\n{before}/{directory}/{after}\n");
            breaks(
                "machine-paths",
                "README.md:2",
                &format!("`/{directory}/`"),
                &one_crate(&[("README.md", &text)]),
            );
        }
        for before in ["https://example.org", "..", "~", "${HOME}", "target"] {
            let text = format!("{before}/{directory}/x\n");
            keeps("machine-paths", &one_crate(&[("README.md", &text)]));
        }
    }
}

#[test]
fn a_registry_is_found_but_not_in_a_lock_file() {
    for host in ["crates.i\u{6f}", "static.crates.i\u{6f}", "pypi.\u{6f}rg", "deb.debian.\u{6f}rg"]
    {
        let text = format!("\n\nfrom https://{host}/x\n");
        breaks(
            "registry-hosts",
            "docs/theory.typ:3",
            "`",
            &one_crate(&[("docs/theory.typ", &text)]),
        );
        keeps("registry-hosts", &one_crate(&[("Cargo.lock", &text)]));
    }
    keeps(
        "registry-hosts",
        &one_crate(&[("README.md", "https://example.org and http://www.w3.org/2000/svg\n")]),
    );
}

#[test]
fn a_file_over_two_megabytes_is_found() {
    breaks("file-size", "data/big", "kept", &one_crate(&[("data/big", &"x".repeat(2_000_001))]));
    keeps("file-size", &one_crate(&[("data/big", &"x".repeat(2_000_000))]));
}

#[test]
fn code_for_one_processor_is_found_and_talk_about_it_is_not() {
    let flag = ["target-cpu", "native"].join("=");
    let config = format!("[build]\nrustflags = [\"-C\", \"{flag}\"]\n");
    breaks(
        "native-code",
        ".cargo/config.toml:2",
        "",
        &one_crate(&[(".cargo/config.toml", &config)]),
    );
    let source = format!("const FLAGS: &str = \"-C{flag}\";\n");
    breaks(
        "native-code",
        "xtask/src/build.rs:1",
        "",
        &one_crate(&[("xtask/src/build.rs", &source)]),
    );
    keeps("native-code", &one_crate(&[("README.md", &config)]));
    keeps("native-code", &one_crate(&[("Cargo.toml", &format!("# no {flag}\n"))]));
    keeps("native-code", &one_crate(&[(SOURCE, &format!("// no {flag}\n"))]));
}
