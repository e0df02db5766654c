//! Interrupted runs: what is kept, and that going on ends in the same bits.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::cli::{Output, atelier};
use crate::fixture::home_with_sample;

/// Long enough to be interrupted, short enough to be finished.
const LONG: [&str; 7] = [
    "--smoke",
    "--set",
    "train.epochs=150",
    "--set",
    "train.checkpoint_every=20",
    "--set",
    "train.ema=0.9",
];

fn run(home: &Path, arguments: &[&str]) -> Output {
    atelier(arguments).env("ATELIER_HOME", home).run()
}

/// Starts a long run in `out` and returns when `file` of it is there.
fn start(home: &Path, out: &Path, file: &str) -> Child {
    let arguments = ["train"].iter().chain(&LONG).map(ToString::to_string);
    let arguments = arguments.chain(["--out".to_string(), out.display().to_string()]);
    let (mut command, _home) = atelier(arguments).into_command();
    command.env("ATELIER_HOME", home).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("atelier starts");
    for _ in 0..3000 {
        if out.join(file).exists() {
            return child;
        }
        assert!(child.try_wait().expect("a child").is_none(), "the run ended before {file}");
        sleep(Duration::from_millis(10));
    }
    panic!("{file} does not appear");
}

fn signal(child: &mut Child, name: &str) -> Option<i32> {
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-s", name, &id]).status().expect("kill");
    assert!(sent.success());
    child.wait().expect("the run ends").code()
}

/// The model of the long run when nothing comes between.
fn undisturbed(home: &Path) -> Vec<u8> {
    let out = home.join("undisturbed");
    let path = out.display().to_string();
    let arguments = [&["train", "--quiet", "--out", &path], &LONG[..]].concat();
    run(home, &arguments).expect_code(0);
    fs::read(out.join("model.safetensors")).expect("a model")
}

fn status(run: &Path) -> String {
    let text = fs::read_to_string(run.join("manifest.json")).expect("a manifest");
    let manifest: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    manifest["status"].as_str().expect("a status").to_string()
}

fn out(home: &Path) -> PathBuf {
    home.join("runs/mine")
}

#[test]
fn an_interrupted_run_goes_on_to_the_same_bits() {
    let home = home_with_sample();
    let out = out(home.path());
    let mut child = start(home.path(), &out, "manifest.json");
    sleep(Duration::from_millis(100));
    assert_eq!(signal(&mut child, "INT"), Some(130));
    assert_eq!(status(&out), "interrupted");
    assert!(!out.join("model.safetensors").exists());

    // The newest interrupted run is found without being named, and with the sample it began with.
    run(home.path(), &["train", "--resume", "--threads", "1"]).expect_code(0);
    assert_eq!(status(&out), "complete");
    assert!(fs::read(out.join("model.safetensors")).expect("a model") == undisturbed(home.path()));
}

#[test]
fn a_terminated_run_exits_143_and_can_be_taken_up() {
    let home = home_with_sample();
    let out = out(home.path());
    let mut child = start(home.path(), &out, "manifest.json");
    assert_eq!(signal(&mut child, "TERM"), Some(143));
    assert_eq!(status(&out), "interrupted");
    run(home.path(), &["train", "--resume", "--out", &out.display().to_string()]).expect_code(0);
}

#[test]
fn a_killed_run_goes_on_from_its_checkpoint_to_the_same_bits() {
    let home = home_with_sample();
    let out = out(home.path());
    let mut child = start(home.path(), &out, "checkpoints");
    assert_eq!(signal(&mut child, "KILL"), None);
    assert_eq!(status(&out), "running");
    run(home.path(), &["train", "--resume"]).expect_code(0);
    assert!(fs::read(out.join("model.safetensors")).expect("a model") == undisturbed(home.path()));
    let lines = fs::read_to_string(out.join("metrics.jsonl")).expect("metrics");
    let epochs = lines.lines().filter(|line| line.contains("\"kind\":\"epoch\"")).count();
    assert_eq!(epochs, 150, "epochs are missing from the metrics, or stand there twice");
}

#[test]
fn a_run_that_goes_on_cannot_be_taken_up_by_another_process() {
    let home = home_with_sample();
    let out = out(home.path());
    let mut child = start(home.path(), &out, "manifest.json");
    let refused = run(home.path(), &["train", "--resume", "--out", &out.display().to_string()]);
    signal(&mut child, "KILL");
    let refused = refused.expect_code(2);
    assert!(refused.stderr.contains("is in use by"), "{refused}");
}

#[test]
fn what_cannot_be_resumed_is_refused_with_the_reason() {
    let home = home_with_sample();
    let none = run(home.path(), &["train", "--resume"]).expect_code(2);
    assert!(none.stderr.contains("no interrupted run"), "{none}");

    let out = out(home.path()).display().to_string();
    run(home.path(), &["train", "--smoke", "--quiet", "--out", &out]).expect_code(0);
    let complete = run(home.path(), &["train", "--resume", "--out", &out]).expect_code(2);
    assert!(complete.stderr.contains("is complete"), "{complete}");
    let other = run(home.path(), &["reproduce", "--resume", "--out", &out]).expect_code(2);
    assert!(other.stderr.contains("is a run of `train`"), "{other}");
    let set = run(home.path(), &["train", "--resume", "--set", "train.epochs=9"]).expect_code(2);
    assert!(set.stderr.contains("own configuration"), "{set}");
}

#[test]
fn a_run_is_not_taken_up_with_other_data() {
    let home = home_with_sample();
    let out = out(home.path());
    let mut child = start(home.path(), &out, "manifest.json");
    signal(&mut child, "INT");
    let files = crate::fixture::Files::new();
    let mut bytes = files.get("train-images-idx3-ubyte");
    bytes[1000] ^= 1;
    files.put("train-images-idx3-ubyte", &bytes);
    let data = files.directory().display().to_string();
    let arguments = ["train", "--resume", "--allow-unpinned", "--data-dir", &data];
    let refused = run(home.path(), &arguments).expect_code(2);
    assert!(refused.stderr.contains("was trained on fashion-mnist-sample"), "{refused}");
    assert_eq!(status(&out), "interrupted");
}
