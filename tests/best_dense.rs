//! `variants --best-dense` from one end to the other, on the sample and with a smaller network.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::cli::{Output, atelier};
use crate::fixture::home_with_sample;

const SMALL: [&str; 5] = ["--smoke", "--best-dense", "--quiet", "--set", "model.hidden=24,24"];

/// `variants --smoke --best-dense` with a small network and more arguments.
fn best_dense(home: &Path, arguments: &[&str]) -> Output {
    let all = ["variants"].iter().chain(&SMALL).chain(arguments);
    atelier(all).env("ATELIER_HOME", home).run()
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&read(path)).expect("JSON")
}

#[test]
fn a_series_trains_each_seed_as_train_does_and_reads_the_test_set_once_for_each() {
    let home = home_with_sample();
    let arguments = ["--seeds", "3", "--seed", "4", "--set", "data.validation=0"];
    let mut shown =
        best_dense(home.path(), &[&arguments[..], &["--format", "json"]].concat()).json();
    let run = home.path().join("runs/best-dense-0001");
    shown.as_object_mut().expect("an object").remove("run");
    assert_eq!(shown, json(&run.join("summary.json")));

    let network = &shown["network"];
    assert_eq!(network["seeds"], serde_json::json!([4, 5, 6]));
    assert!(network.get("accuracies").is_none(), "{network}");
    let mut sum = 0.0;
    for (position, seed) in [4, 5, 6].iter().enumerate() {
        let own = run.join(format!("seed-{seed}"));
        let (manifest, summary) =
            (json(&own.join("manifest.json")), json(&own.join("summary.json")));
        assert_eq!((&manifest["test_set_reads"], &summary["seed"]), (&1.into(), &(*seed).into()));
        let accuracy = &summary["test"]["accuracy"];
        assert_eq!(&network["test"]["accuracies"][position], accuracy);
        assert_eq!(shown["seconds"][position], summary["seconds"]);
        sum += accuracy.as_f64().expect("a number");
    }
    let mean = network["test"]["mean"].as_f64().expect("a mean");
    assert!((mean - sum / 3.0).abs() < 1e-12 && network["test"]["sd"].is_f64(), "{network}");
    assert_eq!(json(&run.join("manifest.json"))["test_set_reads"], 3);
    assert!(read(&run.join("figures/best-dense.png")).starts_with(b"\x89PNG"));
    let svg = String::from_utf8(read(&run.join("figures/best-dense.svg"))).expect("text");
    for text in ["test accuracy", "hidden layers 24-24", "3 epochs, 3 seeds", "A dot is a seed"] {
        assert!(svg.contains(text), "no {text:?}");
    }

    // Its networks are those of the preset under `train`.
    let out = home.path().join("alone");
    let alone = ["train", "--preset", "best-dense", "--smoke", "--quiet", "--seed", "5", "--out"];
    let more = ["--set", "model.hidden=24,24", "--set", "data.validation=0"];
    let out_text = out.to_str().expect("a plain path");
    let alone = alone.iter().chain([&out_text]).chain(&more);
    atelier(alone).env("ATELIER_HOME", home.path()).run().expect_code(0);
    let models = [out, run.join("seed-5")].map(|run| read(&run.join("model.safetensors")));
    assert!(models[0] == models[1]);
}

#[test]
fn without_flags_there_are_five_seeds_and_the_result_is_told() {
    let home = home_with_sample();
    let shown = best_dense(home.path(), &["--set", "train.epochs=1"]).expect_code(0);
    let summary = json(&home.path().join("runs/best-dense-0001/summary.json"));
    assert_eq!(summary["network"]["seeds"], serde_json::json!([0, 1, 2, 3, 4]));
    // `--smoke` sets examples aside.
    assert_eq!(summary["network"]["accuracies"].as_array().map(Vec::len), Some(5));
    for text in ["seed  ", "mean test accuracy: ", " ± ", "figures/best-dense.png"] {
        assert!(shown.stdout.contains(text), "no {text:?}: {shown}");
    }
    let show = ["runs", "show", "best-dense-0001"];
    let show = atelier(show).env("ATELIER_HOME", home.path()).run().expect_code(0);
    assert!(show.stdout.contains("seed     test  seconds"), "{show}");
    let out = home.path().join("runs/best-dense-0001");
    let again =
        ["variants", "--best-dense", "--resume", "--out", out.to_str().expect("a plain path")];
    let again = atelier(again).env("ATELIER_HOME", home.path()).run().expect_code(0);
    assert!(again.stderr.contains("is complete: nothing to do"), "{again}");
}

#[test]
fn an_interrupted_series_goes_on_in_the_middle_of_a_seed_to_the_same_result() {
    let home = home_with_sample();
    let long = ["--seeds", "2", "--set", "train.epochs=60", "--set", "train.checkpoint_every=50"];
    best_dense(home.path(), &long).expect_code(0);
    let whole = home.path().join("runs/best-dense-0001");
    let cut = home.path().join("runs/cut");
    let out = ["--out", cut.to_str().expect("a plain path")];
    let all = ["variants"].iter().chain(&SMALL).chain(&long).chain(&out);
    let (mut command, _home) = atelier(all).into_command();
    command.env("ATELIER_HOME", home.path()).stdout(Stdio::null());
    let mut child = command.spawn().expect("atelier starts");
    for _ in 0..6000 {
        if fs::metadata(cut.join("seed-1/metrics.jsonl")).is_ok_and(|file| file.len() > 0) {
            break;
        }
        sleep(Duration::from_millis(2));
    }
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-s", "INT", &id]).status().expect("kill");
    assert!(sent.success());
    assert_eq!(child.wait().expect("an end").code(), Some(130));
    assert!(!cut.join("summary.json").exists());
    assert_eq!(json(&cut.join("seed-1/manifest.json"))["status"], "interrupted");
    let before = read(&cut.join("seed-0/manifest.json"));

    let resume = ["variants", "--best-dense", "--resume", "--quiet"];
    atelier(resume).env("ATELIER_HOME", home.path()).run().expect_code(0);
    assert!(read(&cut.join("seed-0/manifest.json")) == before, "trained once more");
    let [one, other] = [&whole, &cut].map(|run| json(&run.join("summary.json")));
    assert_eq!(one["network"], other["network"]);
    assert_eq!(json(&cut.join("manifest.json"))["test_set_reads"], 2);
}

#[test]
fn wrong_flags_of_a_series_are_refused_before_anything_is_written() {
    let home = home_with_sample();
    for (arguments, text) in [
        (&["--seeds", "0"][..], "--seeds is 0, expected from 1 to 20"),
        (&["--seeds", "21"], "--seeds is 21, expected from 1 to 20"),
        (&["--preset", "assignment"], "cannot be used with"),
        (&["--set", "variants.seeds=3"], "variants"),
        (&["--resume"], "--resume goes on with the run's own configuration"),
    ] {
        let refused = best_dense(home.path(), arguments).expect_code(2);
        assert!(refused.stderr.contains(text), "{arguments:?}: {refused}");
    }
    assert!(!home.path().join("runs").exists(), "something was written");
}
