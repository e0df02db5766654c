//! `tune` from one end to the other, on the sample.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::{Output, atelier};
use crate::fixture::{home_with_sample, reopen};

/// A space of short trials of a small network.
const SMALL: [&str; 10] = [
    "--set",
    "tune.space={'optimizer.learning_rate'={float=[0.01,0.3],log=true},\
     'train.epochs'={choices=[1,2]},'model.activation'={choices=['relu','elu']}}",
    "--set",
    "model.hidden=8",
    "--set",
    "tune.batch=4",
    "--set",
    "tune.first_rung=1",
    "--set",
    "retrain.epochs=2",
];

fn run(home: &Path, arguments: &[&str]) -> Output {
    atelier(["tune"].iter().chain(arguments)).env("ATELIER_HOME", home).run()
}

/// `tune --smoke` in the small space.
fn tune(home: &Path, arguments: &[&str]) -> Output {
    run(home, &[&["--smoke"], &SMALL[..], arguments].concat())
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&read(path)).expect("JSON")
}

fn runs(home: &Path) -> PathBuf {
    home.join("runs")
}

#[test]
fn trials_winner_and_every_file_are_the_same_for_one_worker_and_two() {
    let home = home_with_sample();
    for workers in ["1", "2"] {
        let more = ["--trials", "10", "--workers", workers, "--quiet"];
        tune(home.path(), &more).expect_code(0);
    }
    let [one, two] = ["tune-0001", "tune-0002"].map(|name| runs(home.path()).join(name));
    for file in [
        "summary.json",
        "best.toml",
        "tuning.html",
        "retrained.toml",
        "retrained/model.safetensors",
        "figures/history.svg",
        "figures/history.png",
        "figures/curves.svg",
        "figures/parallel-coordinates.svg",
        "figures/importances.svg",
        "figures/slice-optimizer.learning_rate.svg",
        "figures/slice-train.epochs.svg",
        "figures/slice-model.activation.svg",
    ] {
        assert!(read(&one.join(file)) == read(&two.join(file)), "{file} differs");
    }
    assert!(!one.join("trials").exists(), "checkpoints of trials were left behind");
    let summary = json(&one.join("summary.json"));
    assert_eq!(summary["trials"], 10);
    let ended =
        ["completed", "pruned", "failed"].map(|key| summary[key].as_u64().expect("a count"));
    assert_eq!(ended.iter().sum::<u64>(), 10, "{ended:?}");
    assert_eq!(summary["history"].as_array().map(Vec::len), Some(10));
    assert_eq!(summary["ranking"][0], summary["best"]);
}

#[test]
fn the_winner_can_be_trained_again_and_is_tested_once_after_it_was_trained_on_everything() {
    let home = home_with_sample();
    let shown = tune(home.path(), &["--trials", "6"]).expect_code(0);
    assert!(shown.stdout.contains("the last 20 iterations"), "{shown}");
    assert!(shown.stdout.contains("rank  trial  accuracy"), "{shown}");
    let run = runs(home.path()).join("tune-0001");
    let summary = json(&run.join("summary.json"));
    let best = run.join("best.toml");
    let best = best.to_str().expect("a plain path");
    let data = home.path().join("data/sample");
    let data = data.to_str().expect("a plain path");
    let again = ["train", "--config", best, "--data-dir", data, "--format", "json", "--quiet"];
    let again = atelier(again).env("ATELIER_HOME", home.path()).run().expect_code(0);
    assert_eq!(again.json()["validation"]["accuracy"], summary["best"]["value"]);

    let manifest = json(&run.join("manifest.json"));
    assert_eq!(manifest["test_set_reads"], 1);
    let retrained = json(&run.join("retrained/manifest.json"));
    assert_eq!(retrained["config"]["data"]["validation"], 0);
    assert_eq!(retrained["config"]["train"]["epochs"], 2);
    let rate = &summary["best"]["params"]["optimizer.learning_rate"];
    assert_eq!(retrained["config"]["optimizer"]["learning_rate"], *rate);
    let test = json(&run.join("retrained/summary.json"))["test"].clone();
    assert_eq!(summary["retrained"]["test"], test);
}

#[test]
fn a_killed_search_goes_on_from_its_checkpoints_to_the_same_end() {
    let home = home_with_sample();
    let long = ["--set", "tune.space={'optimizer.learning_rate'={choices=[0.01,0.02,0.05,0.1]}}"];
    let more = ["--set", "train.epochs=150", "--trials", "4", "--workers", "2", "--out"];
    let path = |name: &str| runs(home.path()).join(name).display().to_string();
    let whole = path("whole");
    tune(home.path(), &[&long[..], &more, &[&whole, "--quiet"]].concat()).expect_code(0);

    let cut = path("cut");
    let begin = [&["tune", "--smoke"], &SMALL[..], &long, &more, &[&cut]].concat();
    let resume = ["tune", "--resume", "--workers", "1", "--out", &cut];
    for (arguments, trial) in [(begin.as_slice(), "0000"), (resume.as_slice(), "0002")] {
        let (mut command, _home) = atelier(arguments).into_command();
        command.env("ATELIER_HOME", home.path()).stderr(Stdio::null()).stdout(Stdio::null());
        let mut child = command.spawn().expect("atelier starts");
        let checkpoints = runs(home.path()).join("cut/trials").join(trial);
        let appears = (0..6000).any(|_| {
            sleep(Duration::from_millis(5));
            checkpoints.is_dir() || child.try_wait().expect("a child").is_some()
        });
        assert!(appears && checkpoints.is_dir(), "trial {trial} has no checkpoint");
        child.kill().expect("killed");
        child.wait().expect("the end");
    }
    assert_eq!(json(&runs(home.path()).join("cut/manifest.json"))["status"], "running");
    let ended = run(home.path(), &["--resume", "--out", &cut]).expect_code(0);
    assert!(ended.stderr.contains("trial 2 goes on"), "{ended}");
    for file in ["summary.json", "best.toml", "tuning.html"] {
        let [whole, cut] = ["whole", "cut"].map(|name| runs(home.path()).join(name).join(file));
        assert!(read(&whole) == read(&cut), "{file} differs");
    }
}

#[test]
fn an_interrupted_search_exits_130_and_goes_on_to_another_total() {
    let home = home_with_sample();
    let long = ["--set", "tune.space={'optimizer.learning_rate'={float=[0.01,0.1]}}"];
    let more = ["--set", "train.epochs=300", "--trials", "40", "--set", "tune.batch=2"];
    let (mut command, _home) =
        atelier([&["tune", "--smoke"], &SMALL[..], &long, &more].concat()).into_command();
    command.env("ATELIER_HOME", home.path()).stderr(Stdio::null()).stdout(Stdio::null());
    let mut child = command.spawn().expect("atelier starts");
    let run_dir = runs(home.path()).join("tune-0001");
    while !run_dir.join("trials/0000").is_dir() {
        assert!(child.try_wait().expect("a child").is_none(), "it ended before a checkpoint");
        sleep(Duration::from_millis(5));
    }
    let sent = Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status();
    assert!(sent.expect("kill").success());
    assert_eq!(child.wait().expect("the end").code(), Some(130));
    assert_eq!(json(&run_dir.join("manifest.json"))["status"], "interrupted");

    run(home.path(), &["--resume", "--trials", "3", "--quiet"]).expect_code(0);
    assert_eq!(json(&run_dir.join("summary.json"))["trials"], 3);
    let again = ["--resume", "--out", &run_dir.display().to_string()];
    let complete = run(home.path(), &again).expect_code(0);
    assert!(complete.stderr.contains("is complete: nothing to do"), "{complete}");
    // A finished search is not made longer: its winner is trained and tested.
    let longer = run(home.path(), &[&again[..], &["--trials", "9"]].concat()).expect_code(2);
    assert!(longer.stderr.contains("nothing is left to resume"), "{longer}");
}

#[test]
fn a_journal_with_settings_or_values_that_cannot_be_is_refused_by_name_and_line() {
    let home = home_with_sample();
    tune(home.path(), &["--trials", "4", "--workers", "1", "--quiet"]).expect_code(0);
    let run_directory = runs(home.path()).join("tune-0001");
    reopen(&run_directory, "running");
    let journal = run_directory.join("study.log");
    let text = String::from_utf8(read(&journal)).expect("text");
    let lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let first = |op: u64, has: &str| {
        lines.iter().position(|line| line["op_code"] == op && line.pointer(has).is_some())
    };
    let rate = (first(4, "/params/optimizer.learning_rate"), "/params/optimizer.learning_rate");
    let (value, report) = ((first(6, "/values/0"), "/values/0"), "/intermediate_value");
    for ((at, what), put, expected) in [
        (rate, 0.0, "within its distribution"),
        (rate, -1.0, "within its distribution"),
        (rate, 1e308, "within its distribution"),
        (value, -1e308, "finite"),
        ((first(7, report), report), 1e308, "finite"),
    ] {
        let at = at.expect("such a line");
        let mut lines = lines.clone();
        *lines[at].pointer_mut(what).expect("the value") = json!(put);
        let changed: Vec<String> = lines.iter().map(|line| format!("{line}\n")).collect();
        fs::write(&journal, changed.concat()).expect("written");
        let out = run_directory.to_str().expect("a plain path");
        let refused = run(home.path(), &["--resume", "--out", out]).expect_code(2);
        assert!(refused.stderr.contains(&format!("study.log line {}", at + 1)), "{refused}");
        assert!(refused.stderr.contains(expected), "{refused}");
    }
    fs::write(&journal, text).expect("written");
    let out = run_directory.to_str().expect("a plain path");
    run(home.path(), &["--resume", "--quiet", "--out", out]).expect_code(0);
}

#[test]
fn a_finite_space_that_is_exhausted_ends_the_search_with_a_word() {
    let home = home_with_sample();
    let space = "tune.space={'train.batch_size'={choices=[32,64,128]}}";
    let shown = tune(home.path(), &["--set", space, "--set", "train.epochs=1"]).expect_code(0);
    assert!(shown.stdout.contains("the space is exhausted: all of its 3 settings"), "{shown}");
    let summary = json(&runs(home.path()).join("tune-0001/summary.json"));
    assert_eq!((&summary["ended"], &summary["settings"]), (&json!("exhausted"), &json!(3)));
    assert_eq!(summary["trials"], 3);
}

#[test]
fn diverged_trials_are_failed_and_the_search_goes_on_unless_all_of_them_did() {
    let home = home_with_sample();
    let space =
        |rates: &str| format!("tune.space={{'optimizer.learning_rate'={{choices={rates}}}}}");
    let one = ["--set", &space("[0.1,1e30]"), "--set", "train.epochs=1"];
    tune(home.path(), &one).expect_code(0);
    let summary = json(&runs(home.path()).join("tune-0001/summary.json"));
    assert_eq!((&summary["failed"], &summary["completed"]), (&json!(1), &json!(1)), "{summary}");
    let failed = summary["history"].as_array().expect("trials").iter();
    let mut failed = failed.filter(|trial| trial["state"] == "failed");
    let why = failed.next().expect("a failed trial")["failure"].as_str().expect("a reason");
    assert!(why.contains("not finite") || why.contains("NaN") || why.contains("inf"), "{why}");

    let all = ["--set", &space("[1e30,1e31]"), "--set", "train.epochs=1"];
    let refused = tune(home.path(), &all).expect_code(1);
    assert!(refused.stderr.contains("none of 2 trials was completed, 2 failed"), "{refused}");
    assert_eq!(json(&runs(home.path()).join("tune-0002/manifest.json"))["status"], "failed");
}

#[test]
fn a_parameter_can_be_added_to_the_space_and_layers_stand_for_widths() {
    let home = home_with_sample();
    let more = [
        "--set",
        "tune.space.model.layers={choices=[2]}",
        "--set",
        "tune.space.model.units={choices=[6]}",
        "--trials",
        "4",
        "--async",
    ];
    tune(home.path(), &more).expect_code(0);
    let run = runs(home.path()).join("tune-0001");
    let best = String::from_utf8(read(&run.join("best.toml"))).expect("text");
    assert!(best.contains("hidden = [6, 6]"), "{best}");
    let summary = json(&run.join("summary.json"));
    assert_eq!(summary["best"]["params"].as_object().map(serde_json::Map::len), Some(5));
    let manifest = json(&run.join("manifest.json"));
    assert_eq!(manifest["config"]["tune"]["async"], true);
    // What config.toml holds begins the same search again.
    let file = run.join("config.toml");
    let file = file.to_str().expect("a plain path");
    let shown = atelier(["config", "show", "tune/assignment", "--config", file]);
    let shown = shown.env("ATELIER_HOME", home.path()).run().expect_code(0);
    assert!(shown.stdout.contains("\"model.units\" = { choices = [6] }"), "{shown}");
}

#[test]
fn bad_input_is_named_before_anything_is_written() {
    let home = home_with_sample();
    for (setting, text) in [
        ("tune.space={'train.epoch'={int=[1,2]}}", "did you mean `train.epochs`?"),
        ("tune.space={'zzz'={int=[1,2]}}", "unknown key `zzz` in tune.space"),
        ("tune.space={}", "tune.space is empty"),
        ("tune.space={'train.epochs'={it=[1,2]}}", "unknown field `it`"),
        ("tune.space={'train.epochs'={int=[0,2]}}", "train.epochs is 0"),
        ("tune.space={'train.epochs'={float=[1,2]}}", "train.epochs"),
        ("tune.space={'model.activation'={choices=['rely']}}", "rely"),
        ("tune.space={'data.validation'={int=[100,200]}}", "`data.validation` cannot be searched"),
        ("tune.space.seed={int=[1,2]}", "`seed` cannot be searched"),
        ("tune.trials=0", "tune.trials is 0"),
        ("tune.trials=9223372036854775807", "expected from 1 to 100000"),
        ("retrain.epochs=4294967295", "free some space or choose another directory"),
        ("tune.trails=5", "did you mean `tune.trials`?"),
        ("tune.pruner=median-ish", "tune.pruner"),
        ("data.validation=0", "settings are chosen by validation examples"),
        ("data.validation=5000", "data.validation"),
        ("retrain.epoch=5", "did you mean `retrain.epochs`?"),
    ] {
        let refused = run(home.path(), &["--smoke", "--set", setting]).expect_code(2);
        assert!(refused.stderr.contains(text), "{setting}: {refused}");
    }
    let refused = run(home.path(), &["--smoke", "--trials", "0"]).expect_code(2);
    assert!(refused.stderr.contains("tune.trials is 0"), "{refused}");
    let refused = run(home.path(), &["--smoke", "--workers", "0"]).expect_code(2);
    assert!(refused.stderr.contains("--workers"), "{refused}");
    let refused = run(home.path(), &["--resume"]).expect_code(2);
    assert!(refused.stderr.contains("no interrupted run of `tune`"), "{refused}");
    assert!(!runs(home.path()).exists(), "a directory was left behind");
}

#[test]
fn what_is_told_is_a_line_for_each_trial_and_nothing_under_quiet() {
    let home = home_with_sample();
    let told = tune(home.path(), &["--trials", "3"]).expect_code(0);
    for number in 0..3 {
        let lines = told.stderr.lines().filter(|l| l.starts_with(&format!("trial {number}  ")));
        assert_eq!(lines.count(), 1, "{told}");
    }
    assert!(told.stderr.contains("[3 of 3, best "), "{told}");
    let quiet = tune(home.path(), &["--trials", "3", "--quiet", "--format", "json"]).expect_code(0);
    assert_eq!(quiet.stderr, "", "{quiet}");
    assert_eq!(quiet.json()["trials"], 3);
}
