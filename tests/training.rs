//! `train` from one end to the other, on the sample.

use std::fs;
use std::path::Path;

use crate::cli::{Output, atelier};
use crate::fixture::{home_with_sample, report_program};

/// `train --smoke` with more arguments, in a home of its own.
fn train(home: &Path, arguments: &[&str]) -> Output {
    atelier(["train", "--smoke"].iter().chain(arguments)).env("ATELIER_HOME", home).run()
}

/// The words of a command that is shown after `start`.
fn shown_command(shown: &Output, start: &str) -> Vec<String> {
    let command = shown.stdout.lines().find_map(|line| line.strip_prefix(start));
    let words = command.unwrap_or_else(|| panic!("no {start:?}: {shown}")).split(' ');
    words.map(|word| word.trim_matches('\'').to_string()).collect()
}

fn manifest(home: &Path, run: &str) -> serde_json::Value {
    let path = home.join("runs").join(run).join("manifest.json");
    serde_json::from_str(&fs::read_to_string(path).expect("a manifest")).expect("JSON")
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
    for name in [
        "manifest.json",
        "config.toml",
        "metrics.jsonl",
        "summary.json",
        "model.safetensors",
        "load.py",
    ] {
        assert!(run.join(name).is_file(), "no {name}");
    }
    for (name, text) in [
        ("curves", "test accuracy"),
        ("last-20", "test accuracy"),
        ("confusion", "Ankle boot"),
        ("mistakes", "said "),
        ("calibration", "expected error"),
        ("first-layer", "net.0.weight"),
        ("network", "softmax"),
    ] {
        let png = fs::read(run.join(format!("figures/{name}.png"))).expect("a figure");
        assert!(png.starts_with(b"\x89PNG"), "{name}");
        let svg = fs::read_to_string(run.join(format!("figures/{name}.svg"))).expect("a figure");
        assert!(svg.contains("<svg") && svg.contains(text), "{name}");
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
fn classes_confusions_and_calibration_are_of_the_test_examples_which_were_read_once() {
    let home = home_with_sample();
    let shown = train(home.path(), &[]).expect_code(0);
    let rows = shown.stdout.lines().skip_while(|line| !line.starts_with("class of test images"));
    let classes: Vec<&str> = rows.skip(2).take_while(|line| !line.is_empty()).collect();
    assert!(classes.len() == 10 && classes[9].starts_with("Ankle boot"), "{shown}");
    assert!(classes.iter().all(|line| line.ends_with(" 100")), "{shown}");

    let summary = fs::read_to_string(home.path().join("runs/train-0001/summary.json"));
    let summary: serde_json::Value = serde_json::from_str(&summary.expect("a file")).expect("JSON");
    let confusion: Vec<Vec<u64>> =
        serde_json::from_value(summary["confusion"].clone()).expect("counts");
    let right: u64 = (0..10).map(|class| confusion[class][class]).sum();
    assert_eq!(summary["test"]["correct"], right);
    for (class, row) in confusion.iter().enumerate() {
        assert_eq!(row.iter().sum::<u64>(), 100);
        let recall = summary["classes"][class]["recall"].as_f64().expect("a share");
        assert!((recall - row[class] as f64 / 100.0).abs() < 1e-12, "{class}");
    }
    let intervals = summary["calibration"]["intervals"].as_array().expect("intervals");
    let examples: u64 = intervals.iter().filter_map(|of| of["examples"].as_u64()).sum();
    assert_eq!(examples, 1000);
    assert_eq!(manifest(home.path(), "train-0001")["test_set_reads"], 1);
}

/// An IDX file of bytes with these dimensions.
fn idx(dimensions: &[u32], bytes: &[u8]) -> Vec<u8> {
    let rank = u8::try_from(dimensions.len()).expect("few dimensions");
    let sizes: Vec<u8> = dimensions.iter().flat_map(|n| n.to_be_bytes()).collect();
    [&[0, 0, 8, rank], &sizes[..], bytes].concat()
}

#[test]
fn figures_without_room_are_left_out_and_the_run_is_complete() {
    let home = home_with_sample();
    let data = home.path().join("own");
    fs::create_dir(&data).expect("a directory");
    // 200 classes of images of one line.
    let labels: Vec<u8> = (0..400_u16).map(|i| u8::try_from(i % 200).expect("below 200")).collect();
    let pixels: Vec<u8> = labels.iter().flat_map(|&label| [label; 12]).collect();
    for part in ["train", "t10k"] {
        let images = idx(&[400, 1, 12], &pixels);
        fs::write(data.join(format!("{part}-images-idx3-ubyte")), images).expect("a file");
        let labels = idx(&[400], &labels);
        fs::write(data.join(format!("{part}-labels-idx1-ubyte")), labels).expect("a file");
    }
    let own = ["--data-dir", data.to_str().expect("a plain path"), "--allow-unpinned"];
    let small = ["--set", "data.validation=0", "--set", "train.epochs=1"];
    let command = ["train"].iter().chain(&own).chain(&small);
    let shown = atelier(command).env("ATELIER_HOME", home.path()).run().expect_code(0);
    for name in ["confusion", "mistakes", "first-layer"] {
        let line = format!("warning: figures/{name} is left out");
        assert!(shown.stderr.contains(&line), "no {line:?}: {shown}");
    }
    let figures = home.path().join("runs/train-0001/figures");
    for name in ["curves", "calibration", "network"] {
        assert!(figures.join(format!("{name}.png")).is_file(), "no {name}");
    }
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
    let words = shown_command(&first, "again: cargo xtask ");
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
    assert!(refused.stderr.contains("train.early_stopping is 2, expected 0"), "{refused}");
    assert!(!home.path().join("runs").exists(), "{refused}");
}

#[test]
fn a_place_that_cannot_take_the_run_is_refused_before_data_are_looked_for() {
    let home = crate::cli::temp_dir();
    fs::write(home.path().join("notes.txt"), "mine").expect("a file");
    let occupied = home.path().display().to_string();
    let below_a_file = home.path().join("notes.txt/run").display().to_string();
    let elsewhere = crate::cli::temp_dir();
    let report = report_program(elsewhere.path());
    for out in [occupied.as_str(), &below_a_file, "/proc/no/run"] {
        for verb in ["train", "init", "reproduce"] {
            let refused = atelier([verb, "--out", out]).env("ATELIER_HOME", home.path());
            let refused = refused.env("ATELIER_REPORT", &report).run().expect_code(2);
            assert!(!refused.stderr.contains("holds none of the files"), "{refused}");
        }
    }
    assert_eq!(fs::read_dir(home.path()).expect("the home").count(), 1);
}

#[test]
fn final_weights_that_give_no_number_are_a_divergence() {
    let home = home_with_sample();
    // One step, whose own loss is still a number.
    let step = ["train.epochs=1", "train.batch_size=2000", "data.validation=0"];
    let arguments: Vec<&str> = step.iter().flat_map(|set| ["--set", set]).collect();
    let far = [&arguments[..], &["--set", "optimizer.learning_rate=1e15"]].concat();
    let failed = train(home.path(), &far).expect_code(1);
    assert!(failed.stderr.contains("training diverged"), "{failed}");
    assert!(failed.stderr.contains("help: lower the learning rate"), "{failed}");
    assert_eq!(manifest(home.path(), "train-0001")["diverged"], true);
    for name in ["summary.json", "model.safetensors"] {
        assert!(!home.path().join("runs/train-0001").join(name).exists(), "{name}");
    }

    // The same with a rate of this world: one of each, and told so.
    let near = train(home.path(), &arguments).expect_code(0);
    assert!(near.stdout.contains("\nthe last iteration\n"), "{near}");
    assert!(near.stdout.contains(" s, 1 step\n"), "{near}");
    let figures = home.path().join("runs/train-0002/figures");
    let svg = fs::read_to_string(figures.join("last-20.svg")).expect("a figure");
    for text in ["The last iteration; test", "Fashion-MNIST (sample), hidden", " 1 epoch, seed"] {
        assert!(svg.contains(text), "no {text:?}");
    }
    assert!(!svg.contains("mean "), "one point and its mean");
}

#[test]
fn the_counters_of_batch_norm_are_in_the_model_file() {
    let home = home_with_sample();
    train(home.path(), &["--set", "model.batch_norm=true", "--quiet"]).expect_code(0);
    let file = model(home.path(), "train-0001");
    let (length, rest) = file.split_first_chunk::<8>().expect("a length");
    let (header, data) =
        rest.split_at(usize::try_from(u64::from_le_bytes(*length)).expect("short"));
    let header: serde_json::Value = serde_json::from_slice(header).expect("JSON");
    for layer in ["net.1", "net.4", "net.7"] {
        let counter = &header[format!("{layer}.num_batches_tracked")];
        assert_eq!(counter["dtype"], "I64", "{header}");
        assert_eq!(counter["shape"], serde_json::json!([]), "{header}");
        let start = counter["data_offsets"][0].as_u64().expect("an offset");
        let bytes = &data[usize::try_from(start).expect("short")..];
        // Three epochs of 1,600 examples in batches of 64.
        assert_eq!(i64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")), 75);
    }
}

#[test]
fn commands_are_shown_as_the_program_was_called_and_commits_are_its_own() {
    let home = home_with_sample();
    let (mut command, _home) = atelier(["train", "--smoke"]).into_command();
    command.env("ATELIER_HOME", home.path()).env_remove("ATELIER_PROGRAM");
    let shown = command.output().expect("atelier starts");
    let shown = String::from_utf8_lossy(&shown.stdout);
    assert!(shown.contains("\nagain: atelier train --config "), "{shown}");
    assert!(manifest(home.path(), "train-0001")["git_commit"].is_null());

    let mut git = std::process::Command::new("git");
    git.args(["rev-parse", "HEAD"]).current_dir(crate::cli::root());
    let Some(head) = git.output().ok().filter(|head| head.status.success()) else {
        crate::cli::skip("there is no git, or no repository");
        return;
    };
    let command = atelier(["train", "--smoke"]).env("ATELIER_HOME", home.path());
    command.env("ATELIER_REPOSITORY", crate::cli::root()).run().expect_code(0);
    let commit = manifest(home.path(), "train-0002")["git_commit"].clone();
    let head = String::from_utf8_lossy(&head.stdout).trim().to_string();
    assert!(commit.as_str().is_some_and(|commit| commit.starts_with(&head)), "{commit}");
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
fn the_rate_that_is_found_is_tried_on_the_same_network_and_data() {
    let home = home_with_sample();
    let arguments = ["--find-learning-rate", "--set", "model.hidden=20", "--seed", "3"];
    let found = train(home.path(), &arguments).expect_code(0);
    let words = shown_command(&found, "try: cargo xtask ");
    atelier(words).env("ATELIER_HOME", home.path()).run().expect_code(0);
    let (tested, tried) =
        (manifest(home.path(), "find-learning-rate-0001"), manifest(home.path(), "train-0001"));
    assert_eq!(tried["dataset"]["files"], tested["dataset"]["files"]);
    for section in ["seed", "data", "model", "train", "schedule"] {
        assert_eq!(tried["config"][section], tested["config"][section], "{section}");
    }
    let rate = |of: &serde_json::Value| of["config"]["optimizer"]["learning_rate"].clone();
    assert_ne!(rate(&tried), rate(&tested));
}

#[test]
fn snapshots_are_recorded_in_the_order_and_layout_of_the_model() {
    let home = home_with_sample();
    let set = ["--set", "train.snapshots_per_epoch=4", "--set", "train.snapshots_early=3"];
    train(home.path(), &[&["--quiet"], &set[..]].concat()).expect_code(0);
    let run = home.path().join("runs/train-0001");
    let points = fs::read(run.join("snapshots.npy")).expect("snapshots");
    let times = fs::read_to_string(run.join("snapshots.csv")).expect("their times");
    let lines: Vec<&str> = times.lines().collect();
    assert_eq!(lines[..2], ["step,epoch,training_loss", "0,0,"], "{times}");
    // 25 steps in each of 3 epochs: 4 times in each, and after steps 1, 2 and 4.
    let steps: Vec<&str> = lines[1..].iter().filter_map(|line| line.split(',').next()).collect();
    let expected = "0 1 2 4 7 13 19 25 32 38 44 50 57 63 69 75";
    assert_eq!(steps.join(" "), expected);

    let header = String::from_utf8_lossy(&points[10..128]);
    assert!(
        header.contains("'descr': '<f4', 'fortran_order': False, 'shape': (16, 44860)"),
        "{header}"
    );
    let row = 4 * 44_860;
    assert_eq!(points.len(), 128 + 16 * row);
    // The last one is the trained network: both files end with the same numbers.
    let model = model(home.path(), "train-0001");
    assert!(points[points.len() - row..] == model[model.len() - row..]);

    // Recording disturbs nothing.
    let none = ["--quiet", "--set", "train.snapshots_per_epoch=0"];
    train(home.path(), &none).expect_code(0);
    assert!(self::model(home.path(), "train-0002") == model);
    assert!(!home.path().join("runs/train-0002/snapshots.npy").exists());
}

#[test]
fn a_gpu_that_is_not_there_is_told_before_anything_is_written() {
    let home = home_with_sample();
    for verb in ["train", "autoencoder", "tune", "variants", "landscape", "reproduce"] {
        let run = atelier([verb, "--smoke", "--device", "cuda:7"]).env("ATELIER_HOME", home.path());
        let refused = run.run().expect_code(2);
        assert!(refused.stderr.contains("device \"cuda:7\" cannot be used"), "{refused}");
        assert!(refused.stderr.contains("use cpu"), "{refused}");
    }
    assert!(!home.path().join("runs").exists());
}
