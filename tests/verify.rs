//! `runs verify` and `runs check`: what a run says of itself, held against its files and against
//! requirements.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::{Output, atelier};
use crate::fixture::{Files, home_with_sample};

fn in_home(home: &Path, arguments: &[&str]) -> Output {
    atelier(arguments).env("ATELIER_HOME", home).run()
}

/// A home with the run `train-0001`, and the run.
fn trained() -> (tempfile::TempDir, PathBuf) {
    let home = home_with_sample();
    in_home(home.path(), &["train", "--smoke", "--quiet"]).expect_code(0);
    let run = home.path().join("runs/train-0001");
    (home, run)
}

fn edit(path: &Path, change: impl Fn(&str) -> String) {
    let text = fs::read_to_string(path).expect("a file");
    let changed = change(&text);
    assert!(changed != text, "nothing was changed in {}", path.display());
    fs::write(path, changed).expect("a file");
}

/// What is said of one check.
fn said(output: &Output, check: &str) -> String {
    let line = output.stdout.lines().find(|line| line.split("  ").any(|cell| cell.trim() == check));
    line.unwrap_or_else(|| panic!("no {check}: {output}")).to_string()
}

#[test]
fn a_run_of_train_holds_and_each_check_is_told() {
    let (home, run) = trained();
    let before = fs::read(run.join("manifest.json")).expect("a manifest");
    let verified = in_home(home.path(), &["runs", "verify", "train-0001"]).expect_code(0);
    for check in ["manifest", "summary", "data", "model.safetensors", "test.accuracy"] {
        assert!(said(&verified, check).contains("yes"), "{verified}");
    }
    assert!(fs::read(run.join("manifest.json")).expect("a manifest") == before);
}

#[test]
fn a_network_with_standardised_inputs_and_batch_norm_holds() {
    let home = home_with_sample();
    let set = ["--set", "data.standardize=true", "--set", "model.batch_norm=true"];
    in_home(home.path(), &[&["train", "--smoke", "--quiet"], &set[..]].concat()).expect_code(0);
    in_home(home.path(), &["runs", "verify", "train-0001"]).expect_code(0);
}

#[test]
fn a_changed_result_does_not_hold() {
    let (home, run) = trained();
    edit(&run.join("summary.json"), |text| {
        let at = text.find("\"test\": {").expect("test results");
        let (head, tail) = text.split_at(at);
        format!("{head}{}", tail.replacen("\"cross_entropy\": ", "\"cross_entropy\": 1", 1))
    });
    let verified = in_home(home.path(), &["runs", "verify", "train-0001"]).expect_code(1);
    assert!(said(&verified, "test.cross_entropy").contains("the summary says 1"), "{verified}");
    assert!(verified.stderr.contains("1 of "), "{verified}");
}

#[test]
fn a_changed_model_does_not_hold() {
    let (home, run) = trained();
    let model = run.join("model.safetensors");
    let mut bytes = fs::read(&model).expect("a model");
    // The sign of every tenth of the last weights.
    let n = bytes.len();
    bytes[n - 1600..].iter_mut().skip(3).step_by(40).for_each(|byte| *byte ^= 0x80);
    fs::write(&model, bytes).expect("a model");
    let verified = in_home(home.path(), &["runs", "verify", "train-0001"]).expect_code(1);
    assert!(said(&verified, "model.safetensors").contains("yes"), "{verified}");
    assert!(said(&verified, "test.cross_entropy").contains("no "), "{verified}");

    fs::write(&model, b"nothing").expect("a file");
    let verified = in_home(home.path(), &["runs", "verify", "train-0001"]).expect_code(1);
    assert!(said(&verified, "model.safetensors").contains("no "), "{verified}");
}

#[test]
fn a_run_that_evaluated_a_file_holds_until_the_file_or_a_result_is_changed() {
    let (home, run) = trained();
    let model = run.join("model.safetensors").display().to_string();
    let evaluate = ["train", "--smoke", "--quiet", "--evaluate", &model];
    in_home(home.path(), &evaluate).expect_code(0);
    let evaluated = home.path().join("runs/evaluate-0001");
    let verify = || in_home(home.path(), &["runs", "verify", "evaluate-0001"]);
    let verified = verify().expect_code(0);
    for check in ["sha256", "model.safetensors", "test.accuracy", "test.cross_entropy", "confusion"]
    {
        assert!(said(&verified, check).contains("yes"), "{verified}");
    }

    let summary = evaluated.join("summary.json");
    let whole = fs::read_to_string(&summary).expect("a summary");
    edit(&summary, |text| text.replacen("\"correct\": ", "\"correct\": 1", 1));
    let verified = verify().expect_code(1);
    assert!(said(&verified, "test.accuracy").contains("no "), "{verified}");

    // The same numbers of another file.
    fs::write(&summary, whole).expect("a summary");
    let copy = evaluated.join("model.safetensors");
    let mut bytes = fs::read(&copy).expect("a model");
    let form = bytes.windows(4).position(|part| part == b"\"pt\"").expect("a form");
    bytes[form + 1..form + 3].copy_from_slice(b"np");
    fs::write(&copy, bytes).expect("a model");
    let verified = verify().expect_code(1);
    assert!(said(&verified, "sha256").contains("no "), "{verified}");
    assert!(said(&verified, "test.accuracy").contains("yes"), "{verified}");
}

#[test]
fn a_changed_confusion_matrix_and_changed_classes_do_not_hold() {
    let (home, run) = trained();
    let summary = run.join("summary.json");
    let whole = fs::read(&summary).expect("a summary");
    let verify = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut changed = serde_json::from_slice(&whole).expect("JSON");
        change(&mut changed);
        fs::write(&summary, changed.to_string()).expect("a summary");
        in_home(home.path(), &["runs", "verify", "train-0001"]).expect_code(1)
    };
    let verified = verify(&|summary| summary["confusion"][0][0] = 1000.into());
    assert!(said(&verified, "confusion").contains("images elsewhere"), "{verified}");
    assert!(said(&verified, "classes").contains("no "), "{verified}");
    let verified = verify(&|summary| summary["classes"][3]["recall"] = 1.into());
    assert!(said(&verified, "classes").contains("no "), "{verified}");
    assert!(said(&verified, "confusion").contains("yes"), "{verified}");
    let verified = verify(&|summary| summary["calibration"]["expected_error"] = 0.5.into());
    assert!(said(&verified, "calibration.expected_error").contains("no "), "{verified}");
}

#[test]
fn other_data_and_another_configuration_do_not_hold() {
    let (home, run) = trained();
    let files = Files::new();
    let mut bytes = files.get("t10k-images-idx3-ubyte");
    bytes[1000] ^= 1;
    files.put("t10k-images-idx3-ubyte", &bytes);
    let data = files.directory().display().to_string();
    let arguments = ["runs", "verify", "train-0001", "--data-dir", &data];
    let verified = in_home(home.path(), &arguments).expect_code(1);
    assert!(said(&verified, "data").contains("SHA-256 of t10k-images-idx3-ubyte"), "{verified}");
    assert!(said(&verified, "model.safetensors").contains("not verified"), "{verified}");

    edit(&run.join("config.toml"), |text| text.replace("epochs = 3", "epochs = 4"));
    let verified = in_home(home.path(), &["runs", "verify", "train-0001"]).expect_code(1);
    let told = said(&verified, "config.toml");
    assert!(told.contains("train.epochs is 4 in config.toml and 3 in manifest.json"), "{verified}");
}

#[test]
fn a_summary_of_another_version_or_another_run_does_not_hold() {
    for (from, to) in
        [("\"schema_version\": 1", "\"schema_version\": 9"), ("\"seed\": 0", "\"seed\": 2")]
    {
        let (home, run) = trained();
        edit(&run.join("summary.json"), |text| text.replacen(from, to, 1));
        let verified = in_home(home.path(), &["runs", "verify", "train-0001"]).expect_code(1);
        assert!(said(&verified, "summary").contains("expected"), "{verified}");
    }
}

#[test]
fn data_that_are_away_are_no_failed_check() {
    let (home, _) = trained();
    let nowhere = home.path().join("nowhere").display().to_string();
    let arguments = ["runs", "verify", "train-0001", "--data-dir", &nowhere];
    let refused = in_home(home.path(), &arguments).expect_code(2);
    assert!(refused.stderr.contains("nowhere"), "{refused}");
}

#[test]
fn autoencoders_hold_tied_ones_too() {
    let home = home_with_sample();
    for set in ["autoencoder.tied=false", "autoencoder.tied=true"] {
        in_home(home.path(), &["autoencoder", "--smoke", "--quiet", "--set", set]).expect_code(0);
    }
    for run in ["autoencoder-0001", "autoencoder-0002"] {
        let verified = in_home(home.path(), &["runs", "verify", run]).expect_code(0);
        assert!(said(&verified, "test_mse").contains("yes"), "{verified}");
    }
    let summary = home.path().join("runs/autoencoder-0001/summary.json");
    edit(&summary, |text| text.replacen("\"test_mse\": 0.0", "\"test_mse\": 0.1", 1));
    let verified = in_home(home.path(), &["runs", "verify", "autoencoder-0001"]).expect_code(1);
    assert!(said(&verified, "test_mse").contains("the summary says"), "{verified}");
}

#[test]
fn runs_within_a_run_are_verified_and_what_cannot_be_is_told() {
    let home = home_with_sample();
    in_home(home.path(), &["tune", "--smoke", "--quiet", "--trials", "3"]).expect_code(0);
    let verified = in_home(home.path(), &["runs", "verify", "tune-0001"]).expect_code(0);
    assert!(said(&verified, "trials").contains("not verified"), "{verified}");
    assert!(said(&verified, "test.accuracy").starts_with("retrained"), "{verified}");
    assert!(said(&verified, "agrees with retrained").contains("yes"), "{verified}");

    let inner = home.path().join("runs/tune-0001/retrained/summary.json");
    edit(&inner, |text| text.replacen("\"correct\": ", "\"correct\": 1", 1));
    let verified = in_home(home.path(), &["runs", "verify", "tune-0001"]).expect_code(1);
    assert!(said(&verified, "agrees with retrained").contains("no "), "{verified}");
}

#[test]
fn requirements_that_hold_exit_0_and_one_that_does_not_exits_1() {
    let (home, _) = trained();
    let check = |required: &[&str]| {
        let flags = required.iter().flat_map(|text| ["--require", *text]);
        let arguments: Vec<&str> =
            ["runs", "check", "train-0001"].into_iter().chain(flags).collect();
        in_home(home.path(), &arguments)
    };
    let held = check(&["test.accuracy>=0.1", "epochs == 3", "verb==train", "last_20.0.step > 0"]);
    let held = held.expect_code(0);
    assert_eq!(held.stdout.lines().filter(|line| line.ends_with("yes")).count(), 4, "{held}");
    let broken = check(&["test.accuracy>=0.1", "test.accuracy>=0.999"]).expect_code(1);
    assert!(broken.stdout.lines().last().is_some_and(|line| line.ends_with("no")), "{broken}");
    assert!(broken.stderr.contains("1 of 2 requirements does not hold"), "{broken}");

    let unknown = check(&["test.acuracy>=0.1"]).expect_code(2);
    assert!(unknown.stderr.contains("did you mean `test.accuracy`?"), "{unknown}");
    let senseless = check(&["test.accuracy~0.1"]).expect_code(2);
    assert!(senseless.stderr.contains("none of >= <= == != > <"), "{senseless}");
}

#[test]
fn a_run_without_results_is_neither_verified_nor_checked() {
    let home = home_with_sample();
    let failing = ["train", "--smoke", "--set", "optimizer.learning_rate=1e6"];
    in_home(home.path(), &failing).expect_code(1);
    for verb in [&["verify", "train-0001"][..], &["check", "train-0001", "--require", "epochs==3"]]
    {
        let refused = in_home(home.path(), &[&["runs"], verb].concat()).expect_code(2);
        assert!(refused.stderr.contains("is failed"), "{refused}");
    }
}
