//! Runs that a signal interrupts, and that go on.

use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::{assert_tied, autoencoder, model};
use crate::cli::atelier;
use crate::fixture::home_with_sample;

#[test]
fn an_interrupted_run_goes_on_to_the_same_bits() {
    interrupt_and_resume("false");
}

#[test]
fn an_interrupted_run_with_tied_weights_goes_on_to_the_same_bits() {
    let home = interrupt_and_resume("true");
    assert_tied(&home.path().join("runs/mine"));
}

#[test]
fn a_run_that_is_interrupted_while_it_measures_can_be_taken_up() {
    let home = home_with_sample();
    let run = home.path().join("runs/mine");
    let out = run.display().to_string();
    // From the model on, the principal components alone take longer than a signal.
    let arguments = ["autoencoder", "--smoke", "--out", &out];
    let (mut command, _home) = atelier(arguments).into_command();
    command.env("ATELIER_HOME", home.path()).stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().expect("atelier starts");
    for _ in 0..60_000 {
        if run.join("model.safetensors").exists() {
            break;
        }
        sleep(Duration::from_millis(1));
    }
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-s", "TERM", &id]).status().expect("kill");
    assert!(sent.success());
    let ended = child.wait_with_output().expect("an end");
    assert_eq!(ended.status.code(), Some(143));
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(said.contains("interrupted while the results were measured"), "{said}");
    assert!(!run.join("summary.json").exists());
    let manifest = fs::read_to_string(run.join("manifest.json")).expect("a manifest");
    assert!(manifest.contains("\"status\": \"interrupted\""), "{manifest}");

    let before = model(&run);
    let resume = atelier(["autoencoder", "--resume", "--quiet"]);
    resume.env("ATELIER_HOME", home.path()).run().expect_code(0);
    assert!(run.join("summary.json").exists());
    assert!(model(&run) == before, "nothing was left to train");
}

fn interrupt_and_resume(tied: &str) -> TempDir {
    let home = home_with_sample();
    let tied = format!("autoencoder.tied={tied}");
    let long = ["--quiet", "--set", "train.epochs=60", "--set", "train.checkpoint_every=50"];
    let long = [&long[..], &["--set", &tied]].concat();
    let run = |name: &str| home.path().join("runs").join(name);
    let out = run("mine").display().to_string();
    let arguments = ["autoencoder", "--smoke", "--out", &out];
    let (mut command, _home) = atelier(arguments.iter().chain(&long)).into_command();
    command.env("ATELIER_HOME", home.path()).stdout(Stdio::null());
    let mut child = command.spawn().expect("atelier starts");
    for _ in 0..3000 {
        if run("mine").join("metrics.jsonl").exists() {
            break;
        }
        sleep(Duration::from_millis(10));
    }
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-s", "INT", &id]).status().expect("kill");
    assert!(sent.success());
    assert_eq!(child.wait().expect("an end").code(), Some(130));
    assert!(!run("mine").join("model.safetensors").exists());

    let resume = atelier(["autoencoder", "--resume"]).env("ATELIER_HOME", home.path());
    resume.run().expect_code(0);
    let whole = run("whole").display().to_string();
    autoencoder(home.path(), &[&long[..], &["--out", &whole]].concat()).expect_code(0);
    assert!(model(&run("mine")) == model(&run("whole")));
    let summaries = ["mine", "whole"].map(|name| {
        let text = fs::read_to_string(run(name).join("summary.json")).expect("a summary");
        serde_json::from_str::<Value>(&text).expect("JSON")["epoch_losses"].take()
    });
    assert_eq!(summaries[0], summaries[1]);
    home
}
