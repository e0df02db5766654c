//! Weights from files: tested (`train --evaluate`), begun from (`--from`), written for other programs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cli::{Output, atelier};
use crate::fixture::{home_with_sample, reopen};

const SMALL: [&str; 4] = ["--set", "model.hidden=12,12", "--set", "model.batch_norm=true"];

fn run(home: &Path, arguments: &[&str]) -> Output {
    atelier(arguments).env("ATELIER_HOME", home).run()
}

fn train(home: &Path, more: &[&str]) -> Output {
    run(home, &[&["train", "--smoke"], &SMALL[..], more].concat())
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

fn json(path: PathBuf) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON")
}

/// The file of weights of a run.
fn model(home: &Path, run: &str) -> PathBuf {
    home.join("runs").join(run).join("model.safetensors")
}

/// A changed copy of a file of weights.
fn changed(home: &Path, file: &Path, change: impl FnOnce(&mut Vec<u8>)) -> PathBuf {
    let mut bytes = fs::read(file).expect("the weights");
    change(&mut bytes);
    let path = home.join("changed.safetensors");
    fs::write(&path, bytes).expect("a file");
    path
}

type Change = Box<dyn Fn(&mut Vec<u8>)>;

/// Replaces the first occurrence of `from` by something as long.
fn replace(bytes: &mut [u8], from: &str, to: &str) {
    let at = bytes.windows(from.len()).position(|part| part == from.as_bytes()).expect("the text");
    bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
}

#[test]
fn evaluating_a_file_finds_what_its_run_found_and_is_on_record() {
    let home = home_with_sample();
    train(home.path(), &["--quiet", "--set", "data.standardize=true"]).expect_code(0);
    let before = json(home.path().join("runs/train-0001/summary.json"));
    let file = model(home.path(), "train-0001");
    let shown = train(home.path(), &["--evaluate", text(&file)]).expect_code(0);
    assert!(shown.stdout.contains("test accuracy: ") && shown.stdout.contains("Ankle boot"));

    let run = home.path().join("runs/evaluate-0001");
    let found = json(run.join("summary.json"));
    for key in ["test", "validation"] {
        let loss = |of: &Value| of[key]["cross_entropy"].as_f64().expect("a loss");
        assert!((loss(&found) - loss(&before)).abs() < 1e-5, "{found} {before}");
    }
    assert_eq!(found["confusion"], before["confusion"]);
    let manifest = json(run.join("manifest.json"));
    assert_eq!((&manifest["test_set_reads"], &manifest["status"]), (&1.into(), &"complete".into()));
    assert_eq!(manifest["start"]["sha256"], found["sha256"]);
    assert_eq!(fs::read(run.join("model.safetensors")).ok(), fs::read(&file).ok());
    for figure in ["confusion", "mistakes", "calibration", "first-layer", "network"] {
        assert!(run.join(format!("figures/{figure}.svg")).is_file(), "{figure}");
    }
}

/// The same file as safetensors itself writes it for PyTorch: sorted by name, in which `net.10.weight` comes
/// before `net.2.weight`.
fn sorted_by_name(bytes: &[u8]) -> Vec<u8> {
    let (length, rest) = bytes.split_first_chunk::<8>().expect("a length");
    let length = usize::try_from(u64::from_le_bytes(*length)).expect("a length");
    let (header, data) = rest.split_at(length);
    let header: BTreeMap<String, Value> = serde_json::from_slice(header).expect("a header");
    let (mut sorted, mut content) = (serde_json::Map::new(), Vec::new());
    for (name, mut tensor) in header {
        if name != "__metadata__" {
            let at = |i: usize| tensor["data_offsets"][i].as_u64().expect("an offset");
            let of = [at(0), at(1)].map(|at| usize::try_from(at).expect("an offset"));
            let start = content.len();
            content.extend_from_slice(&data[of[0]..of[1]]);
            tensor["data_offsets"] = serde_json::json!([start, content.len()]);
        }
        sorted.insert(name, tensor);
    }
    let mut header = serde_json::to_vec(&sorted).expect("a header");
    header.resize(header.len().next_multiple_of(8), b' ');
    [&(header.len() as u64).to_le_bytes()[..], &header, &content].concat()
}

#[test]
fn a_deep_network_is_the_same_in_whatever_order_its_tensors_lie() {
    let home = home_with_sample();
    let deep = ["--set", "model.hidden=20,20,20,20,20"];
    let smoke = ["train", "--smoke", "--quiet"];
    run(home.path(), &[&smoke[..], &deep].concat()).expect_code(0);
    let own = fs::read(model(home.path(), "train-0001")).expect("the weights");
    let sorted = home.path().join("sorted.safetensors");
    fs::write(&sorted, sorted_by_name(&own)).expect("a file");
    assert!(own != fs::read(&sorted).expect("a file"), "the order is the same");

    let evaluate = [&smoke[..], &deep, &["--evaluate", text(&sorted)]].concat();
    run(home.path(), &evaluate).expect_code(0);
    run(home.path(), &[&smoke[..], &deep, &["--from", text(&sorted)]].concat()).expect_code(0);
    let picture = home.path().join("runs/train-0001/figures/network.png");
    let predict = |more: &[&str]| {
        let all = [&["predict", text(&picture), "--format", "json"], more].concat();
        run(home.path(), &all).expect_code(0).json()["predictions"].clone()
    };
    let before = predict(&["--run", "train-0001"]);
    assert_eq!(before, predict(&["--run", "evaluate-0001"]));
    assert_eq!(before, predict(&[&["--model", text(&sorted)], &deep[..]].concat()));
    for name in ["train-0001", "evaluate-0001"] {
        run(home.path(), &["runs", "export", name, "--onnx"]).expect_code(0);
        run(home.path(), &["runs", "verify", name]).expect_code(0);
    }
    let onnx = |name: &str| fs::read(home.path().join("runs").join(name).join("model.onnx"));
    assert_eq!(onnx("train-0001").ok(), onnx("evaluate-0001").ok());
}

#[test]
fn a_file_that_does_not_fit_is_refused_before_anything_is_written() {
    let home = home_with_sample();
    train(home.path(), &["--quiet"]).expect_code(0);
    let file = model(home.path(), "train-0001");
    let renamed = |bytes: &mut Vec<u8>| replace(bytes, "net.0.bias", "net.9.bias");
    let infinite = |bytes: &mut Vec<u8>| {
        let end = bytes.len();
        bytes[end - 4..].copy_from_slice(&f32::INFINITY.to_le_bytes());
    };
    let cut = |bytes: &mut Vec<u8>| bytes.truncate(1000);
    let halves = |bytes: &mut Vec<u8>| replace(bytes, "\"F32\"", "\"F16\"");
    let changes: [(Change, &str); 4] = [
        (Box::new(renamed), "a tensor `net.9.bias`"),
        (Box::new(infinite), "is not a finite number"),
        (Box::new(cut), "changed.safetensors"),
        (Box::new(halves), "changed.safetensors"),
    ];
    for (change, reason) in changes {
        let bad = changed(home.path(), &file, change);
        for flag in ["--evaluate", "--from"] {
            let refused = train(home.path(), &[flag, text(&bad)]).expect_code(2);
            assert!(refused.stderr.contains(reason), "{refused}");
            assert!(refused.stderr.contains(text(&bad)), "{refused}");
        }
    }
    let others = [
        (["--set", "model.hidden=12,13"], "has the shape [12, 12], expected [13, 12]"),
        (["--set", "model.hidden=12,12,12"], "has the shape [10, 12], expected [12, 12]"),
        (["--set", "model.activation=prelu"], "no tensor `net.2.weight`"),
        (["--set", "model.batch_norm=false"], "that 784-12-12-10 has not"),
    ];
    for (setting, reason) in others {
        let more = [&["--from", text(&file)][..], &setting].concat();
        let refused = train(home.path(), &more).expect_code(2);
        assert!(refused.stderr.contains(reason), "{refused}");
        assert!(refused.stderr.contains("help: say with --set model."), "{refused}");
    }
    let missing = train(home.path(), &["--from", "nowhere.safetensors"]).expect_code(2);
    assert!(missing.stderr.contains("nowhere.safetensors"), "{missing}");
    let runs = fs::read_dir(home.path().join("runs")).expect("the runs").count();
    assert_eq!(runs, 1, "something was written");
}

#[test]
fn training_begins_from_a_file_whatever_the_inputs_are_scaled_to_and_repeats_itself() {
    let home = home_with_sample();
    train(home.path(), &["--quiet"]).expect_code(0);
    let file = model(home.path(), "train-0001");
    // Steps of no length: what comes out is what went in.
    let still = ["--quiet", "--set", "optimizer.learning_rate=1e-30", "--set", "train.epochs=1"];
    for standardize in ["data.standardize=false", "data.standardize=true"] {
        let more = [&still[..], &["--set", standardize, "--from", text(&file), "--format", "json"]];
        let summary = train(home.path(), &more.concat()).expect_code(0).json();
        let first = summary["last_20"][0]["loss"].as_f64().expect("a loss");
        // A drawn network has ln 10, or more.
        assert!(first < 2.0, "{standardize}: {first}");
    }
    let shown = train(home.path(), &["--from", text(&file)]).expect_code(0);
    let again = shown.stdout.lines().find_map(|line| line.strip_prefix("again: cargo xtask "));
    let again: Vec<&str> = again.expect("a command").split(' ').collect();
    assert!(again.contains(&"--from"), "{again:?}");
    run(home.path(), &again).expect_code(0);
    let weights = |run| fs::read(model(home.path(), run)).expect("weights");
    assert_eq!(weights("train-0004"), weights("train-0005"));
    assert_ne!(weights("train-0001"), weights("train-0005"));
    let manifest = json(home.path().join("runs/train-0004/manifest.json"));
    assert_eq!(manifest["start"]["file"], text(&file));
}

#[test]
fn a_run_that_was_stopped_before_its_first_checkpoint_still_begins_from_the_file() {
    let home = home_with_sample();
    train(home.path(), &["--quiet"]).expect_code(0);
    let file = model(home.path(), "train-0001");
    let whole = train(home.path(), &["--quiet", "--from", text(&file)]);
    whole.expect_code(0);
    let run_dir = home.path().join("runs/train-0002");
    let weights = || fs::read(run_dir.join("model.safetensors")).expect("weights");
    let before = weights();
    reopen(&run_dir, "interrupted");
    fs::remove_dir_all(run_dir.join("checkpoints")).expect("the checkpoints");
    fs::remove_file(run_dir.join("model.safetensors")).expect("the weights");
    run(home.path(), &["train", "--resume"]).expect_code(0);
    assert_eq!(before, weights());

    // Without the weights that it began from it would be another run.
    reopen(&run_dir, "interrupted");
    let start = run_dir.join("start.safetensors");
    let last = fs::read(&start).expect("the start").len() - 1;
    let mut bytes = fs::read(&start).expect("the start");
    bytes[last] ^= 1;
    fs::write(&start, bytes).expect("the start");
    let refused = run(home.path(), &["train", "--resume"]).expect_code(2);
    assert!(refused.stderr.contains("not the file that the run began from"), "{refused}");
    assert!(refused.stderr.contains("--from"), "{refused}");
}

#[test]
fn a_manifest_that_describes_another_network_than_the_file_is_refused_by_its_section() {
    let home = home_with_sample();
    for (verb, settings, section) in [
        ("train", "model.hidden=4", "model"),
        ("autoencoder", "autoencoder.hidden=4", "autoencoder"),
    ] {
        let begun = [verb, "--smoke", "--quiet", "--set", settings, "--set", "train.epochs=1"];
        run(home.path(), &begun).expect_code(0);
        let name = format!("{verb}-0001");
        let manifest = home.path().join("runs").join(&name).join("manifest.json");
        let mut value: Value =
            serde_json::from_slice(&fs::read(&manifest).expect("a manifest")).expect("JSON");
        value["config"][section]["hidden"] = serde_json::json!([30_000, 30_000]);
        fs::write(&manifest, value.to_string()).expect("a manifest");
        let refused = run(home.path(), &["runs", "export", &name, "--onnx"]).expect_code(2);
        assert!(refused.stderr.contains("the network that is described has 9"), "{refused}");
        assert!(refused.stderr.contains(&format!("help: say with --set {section}.…")), "{refused}");
    }
}

#[test]
fn exports_lie_in_the_run_or_in_a_new_file_and_never_over_another() {
    let home = home_with_sample();
    train(home.path(), &["--quiet"]).expect_code(0);
    let export =
        |more: &[&str]| run(home.path(), &[&["runs", "export", "train-0001"], more].concat());
    let shown = export(&["--onnx", "--tensorboard"]).expect_code(0);
    assert!(shown.stdout.contains("opset 17") && shown.stdout.contains("tensorboard --logdir"));
    assert!(home.path().join("runs/train-0001/model.onnx").is_file());
    let out = home.path().join("network.onnx");
    export(&["--onnx", "--out", text(&out)]).expect_code(0);
    let own = fs::read(home.path().join("runs/train-0001/model.onnx")).expect("the export");
    assert_eq!(own, fs::read(&out).expect("the export"));

    let refused = export(&["--onnx", "--out", text(&out)]).expect_code(2);
    assert!(refused.stderr.contains("is there already"), "{refused}");
    let refused = export(&["--onnx", "--out", "nowhere/network.onnx"]).expect_code(2);
    assert!(refused.stderr.contains("there is no directory nowhere\nhelp: "), "{refused}");
    let refused = export(&["--onnx", "--tensorboard", "--out", "both"]).expect_code(2);
    assert!(refused.stderr.contains("--out names one file"), "{refused}");
    let refused = export(&[]).expect_code(2);
    assert!(refused.stderr.contains("--onnx"), "{refused}");
    run(home.path(), &["variants", "--smoke", "--quiet", "--seeds", "2"]).expect_code(0);
    let refused = run(home.path(), &["runs", "export", "variants-0001", "--onnx"]).expect_code(2);
    assert!(refused.stderr.contains("is one of `variants`"), "{refused}");
}

#[test]
fn every_run_carries_the_python_that_loads_it() {
    let home = home_with_sample();
    train(home.path(), &["--quiet"]).expect_code(0);
    run(home.path(), &["autoencoder", "--smoke", "--quiet"]).expect_code(0);
    let code = |run: &str| {
        let path = home.path().join("runs").join(run).join("load.py");
        fs::read_to_string(path).expect("the loader")
    };
    let (classifier, autoencoder) = (code("train-0001"), code("autoencoder-0001"));
    for line in ["nn.Linear(784, 12),", "nn.BatchNorm1d(12),", "return self.net(x)", "strict=True"]
    {
        assert!(classifier.contains(line), "no {line} in\n{classifier}");
    }
    for line in ["nn.Linear(64, 128),", "nn.Sigmoid(),", "return self.decoder(self.encoder(x))"] {
        assert!(autoencoder.contains(line), "no {line} in\n{autoencoder}");
    }
}
