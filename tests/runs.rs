//! `runs list` and `runs show`.

use std::fs;

use crate::cli::{Output, atelier};
use crate::fixture::home_with_sample;

fn in_home(home: &tempfile::TempDir, arguments: &[&str]) -> Output {
    atelier(arguments).env("ATELIER_HOME", home.path()).run()
}

#[test]
fn no_run_is_no_failure() {
    let listed = atelier(["runs", "list"]).run().expect_code(0);
    assert!(listed.stdout.is_empty() && listed.stderr.contains("no runs"), "{listed}");
}

#[test]
fn runs_are_listed_and_shown_by_name_and_by_path() {
    let home = home_with_sample();
    in_home(&home, &["train", "--smoke", "--quiet"]).expect_code(0);
    let listed = in_home(&home, &["runs", "list"]).expect_code(0);
    let line = listed.stdout.lines().find(|line| line.starts_with("train-0001"));
    let line = line.unwrap_or_else(|| panic!("{listed}"));
    assert!(line.contains("complete") && line.ends_with('%'), "{line}");

    let of_verb = |verb| in_home(&home, &["runs", "list", verb]).expect_code(0);
    assert!(of_verb("train").stdout.contains("train-0001"));
    let none = of_verb("trian");
    assert!(none.stdout.is_empty() && none.stderr.contains("did you mean `train`?"), "{none}");

    let path = home.path().join("runs/train-0001").display().to_string();
    for name in ["train-0001", path.as_str()] {
        let shown = in_home(&home, &["runs", "show", name]).expect_code(0);
        for text in ["complete", "test.accuracy", "test set read  1 time\n", "fashion-mnist-sample"]
        {
            assert!(shown.stdout.contains(text), "no {text:?}: {shown}");
        }
    }
    let unknown = in_home(&home, &["runs", "show", "train-001"]).expect_code(2);
    assert!(unknown.stderr.contains("did you mean `train-0001`?"), "{unknown}");
}

#[test]
fn the_lists_of_a_summary_are_shown_as_tables() {
    let home = home_with_sample();
    in_home(&home, &["train", "--smoke", "--quiet"]).expect_code(0);
    let shown = in_home(&home, &["runs", "show", "train-0001"]).expect_code(0);
    let (_, last) = shown.stdout.split_once("the last 20 iterations\n\n").expect("the losses");
    let (losses, classes) = last.split_once("\n\n").expect("the classes below the losses");
    assert_eq!(losses.lines().count(), 22, "{shown}");
    assert!(classes.contains("Ankle boot"), "{shown}");
}

#[test]
fn a_run_is_shown_with_the_table_that_its_verb_ends_with() {
    let home = home_with_sample();
    for (verb, more, head) in [
        ("tune", &[][..], "rank  trial"),
        ("variants", &["--seeds", "2"], "network  "),
        ("landscape", &[], "run  seed"),
        ("autoencoder", &[], "test images  "),
    ] {
        let arguments = [&[verb, "--smoke", "--quiet"], more].concat();
        let ended = in_home(&home, &arguments).expect_code(0);
        let shown = in_home(&home, &["runs", "show", &format!("{verb}-0001")]).expect_code(0);
        let table = |output: &Output| -> Vec<String> {
            let lines = output.stdout.lines().skip_while(|line| !line.starts_with(head));
            lines.take_while(|line| !line.is_empty()).map(str::to_string).collect()
        };
        assert!(table(&ended).len() > 2, "{verb}: {ended}");
        assert_eq!(table(&shown), table(&ended), "{verb}");
    }
}

#[test]
fn a_damaged_manifest_is_listed_as_such_and_hides_no_other_run() {
    let home = home_with_sample();
    in_home(&home, &["train", "--smoke", "--quiet"]).expect_code(0);
    let damaged = home.path().join("runs/train-0002");
    fs::create_dir(&damaged).expect("a directory");
    fs::write(damaged.join("manifest.json"), "{\"schema_version\": 1").expect("a file");
    let listed = in_home(&home, &["runs", "list"]).expect_code(0);
    assert!(
        listed.stdout.contains("train-0001") && listed.stdout.contains("unreadable"),
        "{listed}"
    );
    in_home(&home, &["runs", "show", "train-0002"]).expect_code(2);
}
