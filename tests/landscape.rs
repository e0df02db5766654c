//! `landscape` from one end to the other, on the sample.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::cli::{Output, atelier};
use crate::fixture::{home_with_sample, reopen};

/// `landscape --smoke` with more arguments, in a home of its own.
fn landscape(home: &Path, arguments: &[&str]) -> Output {
    atelier(["landscape", "--smoke"].iter().chain(arguments)).env("ATELIER_HOME", home).run()
}

/// A short training run that records snapshots.
fn train(home: &Path, name: &str, arguments: &[&str]) {
    let out = home.join("runs").join(name);
    let out = out.to_str().expect("a plain path");
    let settings =
        ["--set", "train.epochs=1", "--set", "train.snapshots_per_epoch=4", "--out", out];
    let all = ["train", "--smoke", "--quiet"];
    let command = atelier(all.iter().chain(&settings).chain(arguments));
    command.env("ATELIER_HOME", home).run().expect_code(0);
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&read(path)).expect("JSON")
}

#[test]
fn two_runs_are_trained_and_drawn_with_a_caption_that_states_every_choice() {
    let home = home_with_sample();
    let shown = landscape(home.path(), &[]).expect_code(0);
    let run = home.path().join("runs/landscape-0001");
    for file in [
        "origin.npy",
        "directions.npy",
        "surface.npy",
        "surface.csv",
        "surface.vtk",
        "axes.json",
        "examples.npy",
        "snapshots-a.npy",
        "snapshots-b.npy",
        "trajectory-a.csv",
        "trajectory-b.csv",
        "trajectory-a.vtk",
        "landscape.html",
        "figures/landscape.png",
        "figures/landscape.svg",
        "figures/contour.png",
        "figures/descent.png",
        "figures/scree.png",
        "figures/barrier-a-b.png",
        "figures/curvature.png",
        "figures/animation.png",
    ] {
        assert!(run.join(file).is_file(), "no {file}");
    }
    assert!(
        shown.stdout.contains("Barrier on the straight line between the ends of A and B"),
        "{shown}"
    );
    let summary = json(&run.join("summary.json"));
    let caption = summary["caption"].as_str().expect("a caption");
    for text in [
        "500 training examples",
        "15 x 15 points",
        "counted from their mean",
        "of the total variance",
        "Random walks of the same steps",
        "seed 0",
        "seed 1",
        "at most",
        "other directions may be sharper",
    ] {
        assert!(caption.contains(text), "no {text:?} in {caption}");
        assert!(shown.stdout.contains(text), "no {text:?}: {shown}");
    }
    let shares = summary["explained_variance_ratio"].as_array().expect("two shares");
    let scree: f64 =
        summary["scree"].as_array().expect("shares").iter().filter_map(Value::as_f64).sum();
    assert!((scree - 1.0).abs() < 1e-9 && shares[0].as_f64() > shares[1].as_f64());
    // 3 epochs of 500 examples in batches of 64, 3 snapshots each and the start.
    assert_eq!(summary["runs"][0]["snapshots"], 10);
    assert_eq!(summary["runs"][1]["seed"], 1);
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let home = home_with_sample();
    for threads in ["1", "2"] {
        landscape(home.path(), &["--threads", threads, "--quiet"]).expect_code(0);
    }
    let runs = home.path().join("runs");
    for file in [
        "surface.npy",
        "directions.npy",
        "trajectory-a.csv",
        "landscape.html",
        "figures/landscape.svg",
    ] {
        let [one, two] =
            ["landscape-0001", "landscape-0002"].map(|run| read(&runs.join(run).join(file)));
        assert!(one == two, "{file} differs");
    }
}

#[test]
fn given_runs_of_one_architecture_are_drawn_and_others_are_refused() {
    let home = home_with_sample();
    train(home.path(), "first", &["--set", "model.hidden=12,8"]);
    train(home.path(), "second", &["--set", "model.hidden=12,8", "--seed", "5"]);
    train(home.path(), "other", &["--set", "model.hidden=12,9"]);
    train(home.path(), "bent", &["--set", "model.hidden=12,8", "--set", "model.activation=tanh"]);
    let small = ["--set", "landscape.curvature=0", "--set", "landscape.examples=200"];
    let with = |runs: &[&str]| {
        let mut arguments: Vec<&str> = runs.iter().flat_map(|run| ["--run", *run]).collect();
        arguments.extend(small);
        landscape(home.path(), &arguments)
    };
    let shown = with(&["first", "second"]).expect_code(0);
    assert!(shown.stdout.contains("784-12-8-10"), "{shown}");
    for other in ["other", "bent"] {
        let refused = with(&["first", other]).expect_code(2);
        assert!(refused.stderr.contains("is another than 784-12-8-10"), "{refused}");
    }
    let refused = with(&["nowhere"]).expect_code(2);
    assert!(refused.stderr.contains("there is no run `nowhere`"), "{refused}");
    // What belongs to training has no meaning for runs that are there.
    let file = home.path().join("mine.toml");
    fs::write(&file, "[train]\nepochs = 5\n").expect("written");
    let file = file.to_str().expect("a plain path");
    for (flag, value) in [("--set", "train.epochs=5"), ("--config", file)] {
        let refused = landscape(home.path(), &["--run", "first", flag, value]).expect_code(2);
        assert!(refused.stderr.contains("the runs are trained already"), "{refused}");
    }
    // Seeds 0 and 5 set other examples aside.
    assert!(shown.stdout.contains("200 training examples of A (B learned from others)"), "{shown}");
    let aside =
        ["--run", "first", "--set", "landscape.x=100,101", "--set", "landscape.curvature=0"];
    let shown = landscape(home.path(), &aside).expect_code(0);
    assert!(shown.stdout.contains("5 snapshots outside the picture."), "{shown}");
}

#[test]
fn more_snapshots_than_can_be_decomposed_are_thinned_and_the_caption_says_so() {
    let home = home_with_sample();
    let many =
        ["--set", "model.hidden=2", "--set", "train.epochs=60", "--set", "train.batch_size=40"];
    train(home.path(), "long", &[&many[..], &["--set", "train.snapshots_per_epoch=40"]].concat());
    let small = ["--set", "landscape.curvature=0", "--set", "landscape.null_draws=0"];
    let arguments = [&["--run", "long"][..], &small, &["--set", "landscape.examples=100"]].concat();
    let shown = landscape(home.path(), &arguments).expect_code(0);
    assert!(
        shown.stdout.contains("1,201 snapshots, one of 2, 40 an epoch over 60 epochs"),
        "{shown}"
    );
}

#[test]
fn a_run_without_usable_snapshots_is_refused_with_what_to_do_and_nothing_is_written() {
    let home = home_with_sample();
    let runs = home.path().join("runs");
    let settings = ["--set", "train.snapshots_per_epoch=0"];
    train(home.path(), "bare", &settings);
    let refused = landscape(home.path(), &["--run", "bare"]).expect_code(2);
    assert!(refused.stderr.contains("--set train.snapshots_per_epoch=4"), "{refused}");

    train(home.path(), "whole", &[]);
    let file = runs.join("whole/snapshots.npy");
    let bytes = read(&file);
    fs::write(&file, &bytes[..bytes.len() / 2]).expect("written");
    let refused = landscape(home.path(), &["--run", "whole"]).expect_code(2);
    assert!(refused.stderr.contains("snapshots.npy"), "{refused}");
    fs::write(&file, &bytes).expect("written");
    fs::remove_file(runs.join("whole/snapshots.csv")).expect("removed");
    let refused = landscape(home.path(), &["--run", "whole"]).expect_code(2);
    assert!(refused.stderr.contains("snapshots"), "{refused}");
    assert!(!runs.join("landscape-0001").exists(), "a directory was left behind");
}

#[test]
fn bad_settings_are_named_before_anything_is_written() {
    let home = home_with_sample();
    for (setting, text) in [
        ("landscape.grid=1", "landscape.grid is 1"),
        ("landscape.margin=-1", "landscape.margin is -1"),
        ("landscape.x=2,1", "landscape.x is [2.0, 1.0]"),
        ("landscape.runs=0", "landscape.runs is 0"),
        ("landscape.batch_size=0", "landscape.batch_size is 0"),
        ("landscape.directions=sideways", "landscape.directions"),
        ("train.snapshots_per_epoch=0", "train.snapshots_per_epoch is 0"),
        ("landscape.girt=5", "did you mean"),
    ] {
        let refused = landscape(home.path(), &["--set", setting]).expect_code(2);
        assert!(refused.stderr.contains(text), "{setting}: {refused}");
    }
    let only = ["--set", "landscape.runs=1", "--set", "landscape.directions=three-points"];
    let refused = landscape(home.path(), &only).expect_code(2);
    assert!(refused.stderr.contains("there is one run"), "{refused}");
}

#[test]
fn other_directions_say_what_they_are() {
    let home = home_with_sample();
    train(home.path(), "one", &["--set", "model.hidden=12"]);
    train(home.path(), "two", &["--set", "model.hidden=12", "--seed", "1"]);
    for (directions, text) in [
        ("random", "two random directions through the end of A"),
        ("filter-normalized", "each filter as large as that of the parameters"),
        ("three-points", "the mean of the starts of A and B and their ends"),
        ("hessian", "two largest eigenvalues of the Hessian at the end of A"),
    ] {
        let setting = format!("landscape.directions={directions}");
        let arguments = ["--run", "one", "--run", "two", "--set", &setting];
        let more = ["--set", "landscape.curvature=0", "--set", "landscape.examples=200"];
        let all: Vec<&str> = arguments.iter().chain(&more).copied().collect();
        let shown = landscape(home.path(), &all).expect_code(0);
        assert!(shown.stdout.contains(text), "{shown}");
    }
}

#[test]
fn an_autoencoder_has_a_landscape() {
    let home = home_with_sample();
    let settings = ["--set", "autoencoder.hidden=16", "--set", "autoencoder.latent=4"];
    let more = ["--set", "train.snapshots_per_epoch=2", "--set", "train.epochs=1"];
    let arguments = ["autoencoder", "--smoke", "--quiet"].iter().chain(&settings).chain(&more);
    atelier(arguments).env("ATELIER_HOME", home.path()).run().expect_code(0);
    let small = ["--set", "landscape.curvature=0", "--set", "landscape.examples=200"];
    let arguments: Vec<&str> =
        ["--run", "autoencoder-0001"].iter().chain(&small).copied().collect();
    let shown = landscape(home.path(), &arguments).expect_code(0);
    assert!(shown.stdout.contains("Mean squared error of 200"), "{shown}");
    assert!(shown.stdout.contains("784-16-4-16-784"), "{shown}");
}

#[test]
fn a_series_of_model_files_is_a_run() {
    let home = home_with_sample();
    let series = home.path().join("series");
    fs::create_dir(&series).expect("a directory");
    for (i, epochs) in ["1", "2", "3", "4"].iter().enumerate() {
        let setting = format!("train.epochs={epochs}");
        let name = format!("run-{i}");
        train(home.path(), &name, &["--set", "model.hidden=12", "--set", &setting]);
        let model = home.path().join("runs").join(&name).join("model.safetensors");
        fs::copy(model, series.join(format!("step-{}.safetensors", i * 9))).expect("copied");
    }
    let directory = series.to_str().expect("a plain path");
    let arguments =
        ["--import", directory, "--set", "model.hidden=12", "--set", "landscape.curvature=0"];
    let shown = landscape(home.path(), &arguments).expect_code(0);
    assert!(shown.stdout.contains("4 snapshots"), "{shown}");
    // Another network than the files are of.
    let refused =
        landscape(home.path(), &["--import", directory, "--set", "model.hidden=13"]).expect_code(2);
    assert!(refused.stderr.contains("has the shape [12, 784], expected [13, 784]"), "{refused}");
}

#[test]
fn an_interrupted_landscape_goes_on_and_ends_with_the_same_bytes() {
    let home = home_with_sample();
    landscape(home.path(), &["--quiet"]).expect_code(0);
    let runs = home.path().join("runs");
    // As after a kill in the middle of the grid: the manifest says running, some rows are done.
    let (whole, cut) = (runs.join("landscape-0001"), runs.join("cut"));
    landscape(home.path(), &["--quiet", "--out", cut.to_str().expect("a plain path")])
        .expect_code(0);
    reopen(&cut, "running");
    let rows = fs::read_to_string(cut.join("grid.jsonl")).expect("the rows");
    let kept: Vec<&str> = rows.lines().take(6).collect();
    fs::write(cut.join("grid.jsonl"), kept.join("\n") + "\n{\"row\":{\"y\":").expect("written");
    for file in ["surface.npy", "summary.json", "landscape.html"] {
        fs::remove_file(cut.join(file)).expect("removed");
    }
    // And in the middle of the second run.
    reopen(&cut.join("run-b"), "running");
    let arguments =
        ["landscape", "--resume", "--quiet", "--out", cut.to_str().expect("a plain path")];
    atelier(arguments).env("ATELIER_HOME", home.path()).run().expect_code(0);
    for file in ["surface.npy", "landscape.html", "trajectory-b.csv"] {
        assert!(read(&whole.join(file)) == read(&cut.join(file)), "{file} differs");
    }
}

#[test]
fn rows_of_a_grid_from_a_damaged_one_on_are_computed_anew_and_that_is_said() {
    let home = home_with_sample();
    landscape(home.path(), &["--quiet", "--set", "landscape.curvature=0"]).expect_code(0);
    let run = home.path().join("runs/landscape-0001");
    let rows = read(&run.join("grid.jsonl"));
    let surface = read(&run.join("surface.csv"));
    let lines: Vec<&[u8]> = rows.split_inclusive(|&byte| byte == b'\n').collect();
    let fourth = String::from_utf8_lossy(lines[3]).into_owned();
    let (before, losses) = fourth.split_once("\"loss\":[").expect("a row");
    let (_, others) = losses.split_once(',').expect("several losses");
    let another = format!("{before}\"loss\":[99.5,{others}").into_bytes();
    for damaged in [another, b"{\"row\":\xff}\n".to_vec(), lines[2].to_vec()] {
        reopen(&run, "running");
        let with = [&lines[..3].concat()[..], &damaged, &lines[4..].concat()].concat();
        fs::write(run.join("grid.jsonl"), with).expect("written");
        let out = run.to_str().expect("a plain path");
        let arguments = ["landscape", "--resume", "--quiet", "--out", out];
        let resumed = atelier(arguments).env("ATELIER_HOME", home.path()).run().expect_code(0);
        assert!(resumed.stderr.contains("grid.jsonl is damaged: line 4 is"), "{resumed}");
        assert!(resumed.stderr.contains("rows are computed anew"), "{resumed}");
        assert!(read(&run.join("surface.csv")) == surface, "another surface");
        let kept = read(&run.join("grid.jsonl"));
        assert!(kept.starts_with(&lines[..3].concat()), "rows before the damage were lost");
        assert_eq!(kept.split(|&byte| byte == b'\n').count(), lines.len() + 1);
    }
}

#[test]
fn batch_norm_is_looked_at_with_the_statistics_of_each_point() {
    let home = home_with_sample();
    let settings = ["--set", "model.batch_norm=true", "--set", "model.dropout=0.2", "--set"];
    let arguments: Vec<&str> = settings.iter().chain(&["model.hidden=50"]).copied().collect();
    let shown = landscape(home.path(), &arguments).expect_code(0);
    let text = "batch-norm statistics recomputed at each point, dropout off";
    assert!(shown.stdout.contains(text), "{shown}");
    let summary = json(&home.path().join("runs/landscape-0001/summary.json"));
    for run in summary["runs"].as_array().expect("runs") {
        // Below chance with these statistics; with those of a fresh model it would be far above.
        assert!(run["end"]["loss"].as_f64() < Some(10_f64.ln()), "{}", run["end"]);
        let at = &run["curvature"][1];
        let (trace, error) = (at["trace"].as_f64(), at["trace_standard_error"].as_f64());
        assert!(trace > error.map(|error| 3.0 * error), "{at}");
        assert!(at["eigenvalues"][0].as_f64() > Some(0.0), "{at}");
    }
}
