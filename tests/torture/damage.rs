//! Damaged checkpoints, and runs that are taken up with something else than they began with.

use std::fs;
use std::path::PathBuf;

use super::budget::Random;
use super::cases::tell;
use super::toy::{TRAIN, Workbench};
use crate::cli::{root, skip};
use crate::fixture::amend;

/// The checkpoints of what was interrupted, oldest first.
fn checkpoints(bench: &Workbench) -> Vec<PathBuf> {
    let entries = fs::read_dir(bench.out().join("checkpoints")).expect("checkpoints");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "safetensors"));
    paths.sort();
    paths
}

/// Dies when its second checkpoint and the one after it are whole.
fn with_two_checkpoints(bench: &Workbench) {
    let of_checkpoint = |path: &PathBuf| path.to_string_lossy().contains("checkpoints/step-");
    let renamed = bench.operations.iter().enumerate();
    let mut renamed = renamed
        .filter(|(_, operation)| operation.name == "rename" && of_checkpoint(&operation.path));
    let (index, _) = renamed.nth(1).expect("two checkpoints");
    bench.interrupt(&format!("kill@{}", index + 2));
    assert_eq!(checkpoints(bench).len(), 2);
}

#[test]
fn a_damaged_newest_checkpoint_is_passed_over_aloud_and_the_run_ends_the_same() {
    let bench = Workbench::new(&TRAIN);
    with_two_checkpoints(&bench);
    let newest = checkpoints(&bench).pop().expect("a checkpoint");
    let whole = fs::read(&newest).expect("a checkpoint");
    let mut random = Random::new(3);
    for case in 0..12 {
        with_two_checkpoints(&bench);
        let mut bytes = whole.clone();
        if case % 3 == 0 {
            bytes.truncate(random.below(whole.len()));
        } else {
            bytes[random.below(whole.len())] ^= 1 << random.below(8);
        }
        fs::write(&newest, bytes).expect("damage");
        let output = bench.go_on(None).expect_code(0);
        assert!(output.stderr.contains("is passed over: "), "case {case}: {output}");
        bench.ends_the_same(0).unwrap_or_else(|why| panic!("case {case}: {why}"));
    }
    tell("| damaged checkpoints, `train` | | 12 | 12 | 0 |");
}

#[test]
fn a_run_none_of_whose_checkpoints_can_be_used_is_refused_and_stays_as_it_is() {
    let bench = Workbench::new(&TRAIN);
    with_two_checkpoints(&bench);
    for path in checkpoints(&bench) {
        fs::write(path, "rubbish").expect("damage");
    }
    let output = bench.go_on(None).expect_code(2);
    assert!(
        output.stderr.contains("is damaged") && output.stderr.contains("begin anew"),
        "{output}"
    );
    assert!(!bench.out().join("model.safetensors").exists());
}

#[test]
fn a_run_of_another_version_is_refused_with_both_versions() {
    let bench = Workbench::new(&TRAIN);
    with_two_checkpoints(&bench);
    let manifest = bench.out().join("manifest.json");
    let before = fs::read_to_string(&manifest).expect("a manifest");
    let version = format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(before.contains(&version), "{before}");
    fs::write(&manifest, before.replace(&version, "\"version\": \"0.0.7\"")).expect("a manifest");
    let output = bench.go_on(None).expect_code(2);
    let text =
        format!("was begun by atelier 0.0.7, and this is atelier {}", env!("CARGO_PKG_VERSION"));
    assert!(output.stderr.contains(&text), "{output}");
    fs::write(&manifest, before).expect("a manifest");
    bench.finish().expect("taken up");
}

#[test]
fn a_run_of_another_commit_is_taken_up_with_a_warning_that_shows_both() {
    let head =
        std::process::Command::new("git").args(["rev-parse", "HEAD"]).current_dir(root()).output();
    let Some(head) = head.ok().filter(|head| head.status.success()) else {
        skip("there is no git, or no repository");
        return;
    };
    let head = String::from_utf8_lossy(&head.stdout).trim().to_string();
    let bench = Workbench::new(&TRAIN);
    with_two_checkpoints(&bench);
    amend(&bench.out(), |manifest| manifest["git_commit"] = "0123abcd".into());
    let output = bench.resume_in(root()).expect_code(0);
    let warning = format!("was begun at commit 0123abcd, and this source tree is at {head}");
    assert!(output.stderr.contains(&warning), "{output}");
}
