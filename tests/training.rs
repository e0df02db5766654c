//! `train` from one end to the other, on the sample.

use std::fs;
use std::path::Path;

use crate::cli::{Output, atelier};
use crate::fixture::home_with_sample;

/// `train --smoke` with more arguments, in a home of its own.
fn train(home: &Path, arguments: &[&str]) -> Output {
    atelier(["train", "--smoke"].iter().chain(arguments)).env("ATELIER_HOME", home).run()
}

fn model(home: &Path, run: &str) -> Vec<u8> {
    fs::read(home.join("runs").join(run).join("model.safetensors")).expect("a model")
}

#[test]
fn a_run_shows_data_network_last_iterations_accuracy_and_how_to_repeat_it() {
    let home = home_with_sample();
    let shown = train(home.path(), &[]).expect_code(0);
    for text in [
        "data: Fashion-MNIST (sample) from ",
        "44,860",
        "the last 20 iterations",
        "test accuracy: ",
        "again: cargo xtask train --config ",
    ] {
        assert!(shown.stdout.contains(text), "no {text:?}: {shown}");
    }
    let rows = shown.stdout.lines().skip_while(|line| !line.starts_with("---------  -----"));
    let losses = rows.skip(1).take_while(|line| !line.is_empty());
    assert_eq!(losses.count(), 20, "{shown}");
    // Without a terminal: one line an epoch.
    assert_eq!(shown.stderr.matches("epoch ").count(), 3, "{shown}");
}

#[test]
fn a_run_directory_holds_everything_that_it_promises() {
    let home = home_with_sample();
    train(home.path(), &["--quiet"]).expect_code(0);
    let run = home.path().join("runs/train-0001");
    for name in
        ["manifest.json", "config.toml", "metrics.jsonl", "summary.json", "model.safetensors"]
    {
        assert!(run.join(name).is_file(), "no {name}");
    }
    for name in ["curves", "last-20"] {
        let png = fs::read(run.join(format!("figures/{name}.png"))).expect("a figure");
        assert!(png.starts_with(b"\x89PNG"), "{name}");
        let svg = fs::read_to_string(run.join(format!("figures/{name}.svg"))).expect("a figure");
        assert!(svg.contains("<svg") && svg.contains("test accuracy"), "{name}");
    }
    assert!(fs::read_dir(run.join("checkpoints")).expect("checkpoints").count() > 0);
}

#[test]
fn json_is_exactly_the_summary_and_the_directory() {
    let home = home_with_sample();
    let mut shown = train(home.path(), &["--format", "json"]).expect_code(0).json();
    let run = shown["run"].take();
    let run = Path::new(run.as_str().expect("a directory"));
    let summary = fs::read_to_string(run.join("summary.json")).expect("a summary");
    let summary: serde_json::Value = serde_json::from_str(&summary).expect("JSON");
    shown.as_object_mut().expect("an object").remove("run");
    assert_eq!(shown, summary);
    assert_eq!(summary["last_20"].as_array().map(Vec::len), Some(20));
    assert!(summary["test"]["accuracy"].as_f64().expect("accuracy") > 0.5, "{summary}");
    assert_eq!(summary["test"]["total"], 1000);
}

#[test]
fn without_validation_the_summary_has_none() {
    let home = home_with_sample();
    let arguments = ["--set", "data.validation=0", "--format", "json"];
    let summary = train(home.path(), &arguments).expect_code(0).json();
    assert!(summary.get("validation").is_none(), "{summary}");
}

#[test]
fn the_same_seed_gives_the_same_weights_with_any_number_of_threads_and_another_seed_others() {
    let home = home_with_sample();
    let more = ["--set", "model.batch_norm=true", "--set", "model.dropout=0.2", "--quiet"];
    for extra in [&["--threads", "1"][..], &["--threads", "2"], &["--threads", "2", "--seed", "1"]]
    {
        train(home.path(), &[&more[..], extra].concat()).expect_code(0);
    }
    let [one, two, other] =
        ["train-0001", "train-0002", "train-0003"].map(|run| model(home.path(), run));
    assert!(one == two, "one and two threads differ");
    assert!(one != other, "the seed does not matter");
}

#[test]
fn the_command_that_is_shown_repeats_the_run() {
    let home = home_with_sample();
    let first = train(home.path(), &["--set", "train.epochs=2", "--seed", "5"]).expect_code(0);
    let again = first.stdout.lines().find_map(|line| line.strip_prefix("again: cargo xtask "));
    let words: Vec<String> = again
        .expect("a command")
        .split(' ')
        .map(|word| word.trim_matches('\'').to_string())
        .collect();
    atelier(words).env("ATELIER_HOME", home.path()).run().expect_code(0);
    assert!(model(home.path(), "train-0001") == model(home.path(), "train-0002"));
}

#[test]
fn an_existing_directory_is_never_written_to() {
    let home = home_with_sample();
    let out = home.path().join("mine");
    fs::create_dir(&out).expect("a directory");
    fs::write(out.join("notes.txt"), "mine").expect("a file");
    let out = out.display().to_string();
    let refused = train(home.path(), &["--out", &out]).expect_code(2);
    assert!(refused.stderr.contains("choose another --out"), "{refused}");
    assert_eq!(fs::read_dir(&out).expect("a directory").count(), 1);
}

#[test]
fn diverging_exits_1_says_where_and_keeps_the_last_good_state() {
    let home = home_with_sample();
    let failed = train(home.path(), &["--set", "optimizer.learning_rate=1e6"]).expect_code(1);
    for text in ["training diverged", "epoch 1", "step", "learning rate", "help: lower"] {
        assert!(failed.stderr.contains(text), "no {text:?}: {failed}");
    }
    let run = home.path().join("runs/train-0001");
    let manifest = fs::read_to_string(run.join("manifest.json")).expect("a manifest");
    assert!(manifest.contains("\"failed\""), "{manifest}");
    assert!(fs::read_dir(run.join("checkpoints")).expect("checkpoints").count() > 0);
    assert!(!run.join("model.safetensors").exists() && !run.join("summary.json").exists());
}

#[test]
fn early_stopping_needs_validation() {
    let home = home_with_sample();
    let arguments = ["--set", "train.early_stopping=2", "--set", "data.validation=0"];
    let refused = train(home.path(), &arguments).expect_code(2);
    assert!(refused.stderr.contains("train.early_stopping"), "{refused}");
}

#[test]
fn a_device_that_is_not_there_is_refused_before_anything_is_written() {
    let home = home_with_sample();
    let refused = train(home.path(), &["--device", "gpu"]).expect_code(2);
    assert!(refused.stderr.contains("write cpu, cuda or cuda:N"), "{refused}");
    assert!(!home.path().join("runs").exists());
}

#[test]
fn the_range_test_suggests_a_rate_and_draws_its_curve() {
    let home = home_with_sample();
    let arguments = ["--find-learning-rate", "--format", "json"];
    let found = train(home.path(), &arguments).expect_code(0).json();
    let rate = found["suggestion"].as_f64().expect("a rate");
    assert!((1e-4..1.0).contains(&rate), "{rate}");
    let run = Path::new(found["run"].as_str().expect("a directory"));
    assert!(run.join("figures/learning-rate.png").is_file());
}

#[test]
fn a_reproduction_ends_with_its_claims() {
    let home = home_with_sample();
    let reproduce = |format: &str| {
        let command = atelier(["reproduce", "--smoke", "--format", format]);
        command.env("ATELIER_HOME", home.path()).run().expect_code(0)
    };
    let shown = reproduce("text");
    assert!(shown.stdout.contains("at least 87.00 %"), "{shown}");
    assert!(shown.stdout.contains("not applicable"), "{shown}");
    let claims = &reproduce("json").json()["claims"];
    assert!(claims.as_array().is_some_and(|claims| claims.len() >= 4), "{claims}");
}
