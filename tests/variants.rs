//! `variants` from one end to the other, on the sample.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::cli::{Output, atelier};
use crate::fixture::{home_with_sample, reopen};

/// Two variants, small and quick.
const MINE: &str = r#"
[variants]
seeds = 3
[[variants.list]]
name = "batch norm"
set = ["model.batch_norm=true"]
[[variants.list]]
name = "ELU, steeper"
set = ["model.activation=elu", "optimizer.learning_rate=0.05"]
[data]
standardize = true
[model]
hidden = [8]
"#;

/// `variants --smoke` with the variants above and more arguments.
fn variants(home: &Path, arguments: &[&str]) -> Output {
    let file = home.join("mine.toml");
    fs::write(&file, MINE).expect("written");
    let file = file.to_str().expect("a plain path");
    let all = ["variants", "--smoke", "--config", file];
    atelier(all.iter().chain(arguments)).env("ATELIER_HOME", home).run()
}

/// Starts the same in `out` and returns when two networks are trained.
fn start(home: &Path, out: &Path, arguments: &[&str]) -> Child {
    let file = home.join("mine.toml");
    fs::write(&file, MINE).expect("written");
    let [file, out_text] = [file.as_path(), out].map(|path| path.to_str().expect("a plain path"));
    let all = ["variants", "--smoke", "--config", file, "--out", out_text];
    let (mut command, _home) = atelier(all.iter().chain(arguments)).into_command();
    command.env("ATELIER_HOME", home).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("atelier starts");
    for _ in 0..6000 {
        let lines = fs::read_to_string(out.join("networks.jsonl")).unwrap_or_default();
        if lines.lines().count() >= 2 {
            return child;
        }
        sleep(Duration::from_millis(5));
    }
    child.kill().expect("a signal");
    panic!("nothing is recorded: {:?}", child.wait());
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&read(path)).expect("JSON")
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|n| n.as_f64().expect("a number")).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn the_best_variant_on_validation_is_the_one_that_is_tested_beside_the_baseline() {
    let home = home_with_sample();
    let shown = variants(home.path(), &[]).expect_code(0);
    let run = home.path().join("runs/variants-0001");
    let summary = json(&run.join("summary.json"));
    let networks = summary["variants"].as_array().expect("variants");
    let best = networks
        .iter()
        .max_by(|a, b| a["mean"].as_f64().partial_cmp(&b["mean"].as_f64()).expect("numbers"))
        .expect("a variant");
    let contrast = &summary["contrast"];
    assert_eq!(contrast["variant"], best["name"]);
    for network in networks {
        assert_eq!(network["test"].is_null(), network["name"] != best["name"]);
        assert_eq!(network["seeds"], serde_json::json!([0, 1, 2]));
        let mean = mean(&numbers(&network["accuracies"]));
        assert!((network["mean"].as_f64().expect("a mean") - mean).abs() < 1e-12);
    }
    let [first, second] =
        [&summary["baseline"], best].map(|network| numbers(&network["test"]["accuracies"]));
    let difference = contrast["difference"].as_f64().expect("a difference");
    assert!((mean(&second) - mean(&first) - difference).abs() < 1e-12);
    let ends = numbers(&contrast["ci95"]);
    assert!(ends[0] <= difference && difference <= ends[1], "{contrast}");
    // Three runs of two networks, each once.
    assert_eq!(json(&run.join("manifest.json"))["test_set_reads"], 6);
    assert!(read(&run.join("figures/variants.png")).starts_with(b"\x89PNG"));
    let svg = String::from_utf8(read(&run.join("figures/variants.svg"))).expect("text");
    for text in ["ELU, steeper", "accuracy (%)", "paired t-test over 3 seeds", "Not shown"] {
        assert!(svg.contains(text), "no {text:?}");
    }
    assert!(shown.stdout.contains("95 % interval"), "{shown}");
}

#[test]
fn a_network_of_the_comparison_is_the_one_that_train_gives() {
    let home = home_with_sample();
    variants(home.path(), &["--quiet", "--set", "train.epochs=1"]).expect_code(0);
    let summary = json(&home.path().join("runs/variants-0001/summary.json"));
    for (name, position, set) in [
        ("00-baseline", None, &["model.batch_norm=false"][..]),
        ("01-batch-norm", Some(0), &["model.batch_norm=true"]),
        ("02-elu--steeper", Some(1), &["model.activation=elu", "optimizer.learning_rate=0.05"]),
    ] {
        let out = home.path().join(name);
        let common = ["data.standardize=true", "model.hidden=8", "train.epochs=1"];
        let mut arguments = vec!["train", "--smoke", "--quiet", "--seed", "1", "--out"];
        arguments.push(out.to_str().expect("a plain path"));
        arguments.extend(common.iter().chain(set).flat_map(|set| ["--set", set]));
        atelier(arguments).env("ATELIER_HOME", home.path()).run().expect_code(0);
        let model = format!("runs/variants-0001/models/{name}-seed-1.safetensors");
        assert!(read(&home.path().join(model)) == read(&out.join("model.safetensors")), "{name}");
        let network = position.map_or(&summary["baseline"], |i: usize| &summary["variants"][i]);
        let own = json(&out.join("summary.json"));
        assert_eq!(network["accuracies"][1], own["validation"]["accuracy"], "{name}");
        if let Some(test) = network.get("test") {
            assert_eq!(test["accuracies"][1], own["test"]["accuracy"], "{name}");
        }
    }
}

#[test]
fn the_number_of_workers_changes_nothing() {
    let home = home_with_sample();
    for threads in ["1", "3"] {
        variants(home.path(), &["--quiet", "--threads", threads]).expect_code(0);
    }
    let runs = home.path().join("runs");
    for file in ["summary.json", "figures/variants.svg"] {
        let [one, three] =
            ["variants-0001", "variants-0002"].map(|r| read(&runs.join(r).join(file)));
        assert!(one == three, "{file} differs");
    }
}

#[test]
fn a_killed_comparison_goes_on_with_what_is_left_to_the_same_result() {
    let home = home_with_sample();
    let long = ["--quiet", "--threads", "2", "--set", "train.epochs=20"];
    variants(home.path(), &long).expect_code(0);
    let (whole, cut) = (home.path().join("runs/variants-0001"), home.path().join("runs/cut"));
    let mut child = start(home.path(), &cut, &long);
    let lines = || fs::read_to_string(cut.join("networks.jsonl")).unwrap_or_default();
    child.kill().expect("a signal");
    assert_eq!(child.wait().expect("an end").code(), None, "it came to its end before the kill");
    assert!(!cut.join("summary.json").exists());
    let before = lines();
    assert!(before.lines().count() >= 2, "nothing was recorded");

    let resume = ["variants", "--resume", "--quiet", "--threads", "1"];
    atelier(resume).env("ATELIER_HOME", home.path()).run().expect_code(0);
    for file in ["summary.json", "figures/variants.svg"] {
        assert!(read(&whole.join(file)) == read(&cut.join(file)), "{file} differs");
    }
    let whole_lines: Vec<&str> = before.lines().filter(|line| line.ends_with('}')).collect();
    let after = lines();
    assert!(whole_lines.iter().all(|line| after.contains(line)), "a line is lost");
    // Three networks with three seeds; the baseline and one other tested.
    let trained = |line: &&str| line.contains("\"trained\"");
    assert_eq!((after.lines().filter(trained).count(), after.lines().count()), (9, 15));
}

#[test]
fn an_interrupted_comparison_says_how_it_goes_on() {
    let home = home_with_sample();
    let out = home.path().join("runs/cut");
    let mut child = start(home.path(), &out, &["--set", "train.epochs=100"]);
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-s", "TERM", &id]).status().expect("kill");
    assert!(sent.success());
    assert_eq!(child.wait().expect("an end").code(), Some(143));
    let manifest = json(&out.join("manifest.json"));
    assert_eq!(
        (&manifest["status"], &manifest["test_set_reads"]),
        (&"interrupted".into(), &0.into())
    );
    let mut said = String::new();
    child.stderr.expect("stderr").read_to_string(&mut said).expect("text");
    assert!(said.contains("variants --resume --out "), "{said}");
}

#[test]
fn without_variants_the_baseline_alone_is_trained_and_tested() {
    let home = home_with_sample();
    let file = home.path().join("alone.toml");
    fs::write(&file, "[variants]\nlist = []\nseeds = 1\n").expect("written");
    let alone = ["variants", "--smoke", "--quiet", "--set", "data.validation=0", "--config"];
    let arguments = alone.iter().copied().chain([file.to_str().expect("a plain path")]);
    atelier(arguments).env("ATELIER_HOME", home.path()).run().expect_code(0);
    let summary = json(&home.path().join("runs/variants-0001/summary.json"));
    assert!(summary.get("contrast").is_none() && summary["baseline"].get("mean").is_none());
    assert_eq!(numbers(&summary["baseline"]["test"]["accuracies"]).len(), 1);
}

#[test]
fn what_cannot_be_compared_is_refused_before_anything_is_written() {
    let home = home_with_sample();
    let wide = home.path().join("wide.toml");
    let variant = "[[variants.list]]\nname = \"wide\"\nset = [\"model.hidden=60,60,60\"]\n";
    fs::write(&wide, variant).expect("written");
    let arguments = ["variants", "--smoke", "--config", wide.to_str().expect("a plain path")];
    let refused = atelier(arguments).env("ATELIER_HOME", home.path()).run().expect_code(2);
    assert!(refused.stderr.contains("variant \"wide\" has 55,030 parameters"), "{refused}");
    assert!(refused.stderr.contains("within 5 % of the 44,860"), "{refused}");

    fs::write(&wide, variant.replace("hidden=60,60,60", "hiden=5")).expect("written");
    let refused = atelier(arguments).env("ATELIER_HOME", home.path()).run().expect_code(2);
    assert!(refused.stderr.contains("did you mean `model.hidden`?"), "{refused}");

    for (arguments, text) in [
        (&["--seeds", "1"][..], "variants.seeds is 1, expected from 2 to 20"),
        (&["--seeds", "21"], "variants.seeds is 21, expected from 2 to 20"),
        (&["--set", "variants.retrain=1"], "variants.retrain is 1, expected 0, or from 2 to 20"),
        (&["--set", "data.validation=0"], "data.validation sets nothing aside"),
        (&["--set", "data.validation=9999"], "data.validation is 9999"),
        (&["--set", "variants.seed=5"], "did you mean `variants.seeds`?"),
        (&["--resume"], "--resume goes on with the run's own configuration"),
    ] {
        let refused = variants(home.path(), arguments).expect_code(2);
        assert!(refused.stderr.contains(text), "{arguments:?}: {refused}");
    }
    assert!(!home.path().join("runs").exists(), "something was written");
}

#[test]
fn a_variant_that_diverges_is_named_and_ends_the_comparison() {
    let home = home_with_sample();
    let failed = variants(home.path(), &["--set", "optimizer.learning_rate=1e30"]).expect_code(1);
    assert!(
        failed.stderr.contains("baseline, seed ") || failed.stderr.contains("batch norm, seed")
    );
    assert!(failed.stderr.contains("leave the variant out"), "{failed}");
    let manifest = json(&home.path().join("runs/variants-0001/manifest.json"));
    assert_eq!((&manifest["status"], &manifest["diverged"]), (&"failed".into(), &true.into()));
}

#[test]
fn baseline_and_choice_are_trained_anew_on_all_training_examples_before_they_are_tested() {
    let home = home_with_sample();
    let arguments = ["--quiet", "--set", "train.epochs=1", "--set", "variants.retrain=4"];
    variants(home.path(), &arguments).expect_code(0);
    let run = home.path().join("runs/variants-0001");
    let summary = json(&run.join("summary.json"));
    let examples = summary["examples"].as_u64().expect("a number");
    let tested = serde_json::json!({ "examples": examples + 400, "seeds": [0, 1, 2, 3] });
    assert_eq!(summary["tested"], tested);
    assert_eq!(json(&run.join("manifest.json"))["test_set_reads"], 8);
    assert_eq!(summary["contrast"]["differences"].as_array().map(Vec::len), Some(4));
    assert_eq!(numbers(&summary["baseline"]["accuracies"]).len(), 3);

    // They are the networks that `train` gives on all examples.
    let out = home.path().join("alone");
    let mut arguments = vec!["train", "--smoke", "--quiet", "--seed", "3"];
    arguments.extend(["--out", out.to_str().expect("a plain path")]);
    let set = ["data.standardize=true", "model.hidden=8", "train.epochs=1", "data.validation=0"];
    arguments.extend(set.iter().flat_map(|set| ["--set", set]));
    atelier(arguments).env("ATELIER_HOME", home.path()).run().expect_code(0);
    let model = read(&run.join("models/00-baseline-seed-3-all.safetensors"));
    assert!(model == read(&out.join("model.safetensors")), "the networks differ");
    let own = &json(&out.join("summary.json"))["test"]["accuracy"];
    assert_eq!(&summary["baseline"]["test"]["accuracies"][3], own);
    let svg = String::from_utf8(read(&run.join("figures/variants.svg"))).expect("text");
    assert!(svg.contains("trained anew on all"), "the figure does not say so");

    // Cut off while they are trained, and while they are tested: the rest is done, to the same end.
    let log = String::from_utf8(read(&run.join("networks.jsonl"))).expect("text");
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(lines.len(), 9 + 8 + 8, "{log}");
    for done in [9 + 3, 9 + 8 + 5] {
        let kept = lines[..done].join("\n") + "\n";
        fs::write(run.join("networks.jsonl"), &kept).expect("written");
        fs::remove_file(run.join("summary.json")).expect("a summary");
        reopen(&run, "interrupted");
        let resume = ["variants", "--resume", "--quiet"];
        atelier(resume).env("ATELIER_HOME", home.path()).run().expect_code(0);
        assert_eq!(json(&run.join("summary.json")), summary, "from {done} lines on");
        let after = String::from_utf8(read(&run.join("networks.jsonl"))).expect("text");
        assert!(after.starts_with(&kept) && after.lines().count() == lines.len(), "{after}");
    }
}
