//! `init` from one end to the other, on the sample.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cli::{Output, atelier};
use crate::fixture::{amend, home_with_sample};

fn init(home: &Path, arguments: &[&str]) -> Output {
    atelier(["init"].iter().chain(arguments)).env("ATELIER_HOME", home).run()
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&read(path)).expect("JSON")
}

#[test]
fn a_study_checks_every_identity_and_its_files_do_not_depend_on_threads() {
    let home = home_with_sample();
    let shown = init(home.path(), &["--smoke", "--threads", "1"]).expect_code(0);
    for text in
        ["40 of 40 hold", "12 of 12 are detected", "sum-variance-normal", "30 hidden layers"]
    {
        assert!(shown.stdout.contains(text), "no {text:?}: {shown}");
    }
    init(home.path(), &["--smoke", "--threads", "2", "--quiet"]).expect_code(0);
    let [one, two] = ["init-0001", "init-0002"].map(|name| home.path().join("runs").join(name));
    let figures = ["variance", "histograms", "training"];
    let figures = figures
        .iter()
        .flat_map(|name| [format!("figures/{name}.png"), format!("figures/{name}.svg")]);
    for file in figures.chain(["summary.json".to_string()]) {
        assert!(read(&one.join(&file)) == read(&two.join(&file)), "{file} differs");
    }

    let summary = json(&one.join("summary.json"));
    assert_eq!(summary["propagation"].as_array().map(Vec::len), Some(12));
    assert_eq!(summary["training"].as_array().map(Vec::len), Some(18));
    let of = |list: &str, scheme: &str| -> Value {
        let found =
            summary[list].as_array().expect("a list").iter().rfind(|of| of["scheme"] == scheme);
        found.unwrap_or_else(|| panic!("{scheme} is not there")).clone()
    };
    // At the largest depth weights that are too large leave the numbers, and only theirs do.
    assert_eq!(of("training", "too large")["loss"], Value::Null);
    assert!(of("training", "He")["loss"].is_number());
    let last = |scheme: &str| of("propagation", scheme)["activation"]["median"][49].as_f64();
    assert!(last("too small") < last("He") && last("He") < last("too large"));
    // What does not hold does so no more when the run is found complete.
    let text = String::from_utf8(read(&one.join("summary.json"))).expect("text");
    fs::write(one.join("summary.json"), text.replacen("\"holds\": true", "\"holds\": false", 1))
        .expect("a file");
    let out = one.display().to_string();
    let resumed = init(home.path(), &["--resume", "--out", &out]).expect_code(1);
    for text in ["is complete: nothing to do", " does not hold"] {
        assert!(resumed.stderr.contains(text), "no {text:?}: {resumed}");
    }
    // Nothing of it looks at test images.
    assert_eq!(json(&one.join("manifest.json"))["test_set_reads"], 0);
}

#[test]
fn an_interrupted_study_ends_soon_and_goes_on_to_the_same_end() {
    let home = home_with_sample();
    let run = home.path().join("runs/mine");
    let out = run.display().to_string();
    // Draws for minutes; the study that goes on is an ordinary one again.
    let arguments = ["init", "--smoke", "--quiet", "--out", &out];
    let (mut command, _home) =
        atelier(arguments.iter().chain(&["--set", "init.draws=10000000"])).into_command();
    command.env("ATELIER_HOME", home.path()).stdout(Stdio::null());
    let mut child = command.spawn().expect("atelier starts");
    while !run.join("config.toml").exists() {
        sleep(Duration::from_millis(5));
    }
    sleep(Duration::from_millis(300));
    let id = child.id().to_string();
    let asked = Instant::now();
    let sent = Command::new("kill").args(["-s", "INT", &id]).status().expect("kill");
    assert!(sent.success());
    assert_eq!(child.wait().expect("an end").code(), Some(130));
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    assert_eq!(json(&run.join("manifest.json"))["status"], "interrupted");

    amend(&run, |manifest| manifest["config"]["init"]["draws"] = 5000.into());
    let config = fs::read_to_string(run.join("config.toml")).expect("a configuration");
    assert!(config.contains("draws = 10000000"), "{config}");
    let config = config.replace("draws = 10000000", "draws = 5000");
    fs::write(run.join("config.toml"), config).expect("a configuration");
    init(home.path(), &["--resume", "--quiet"]).expect_code(0);
    init(home.path(), &["--smoke", "--quiet"]).expect_code(0);
    let whole = home.path().join("runs/init-0001");
    assert!(read(&run.join("summary.json")) == read(&whole.join("summary.json")));
}

#[test]
fn values_that_cannot_be_are_refused_before_a_run_begins() {
    let home = home_with_sample();
    for (set, said) in [
        ("init.draws=10", "init.draws is 10, expected from 1000"),
        ("depths.layers=30,3", "depths.layers is [30, 3], expected"),
        ("depths.units=0", "depths.units is 0, expected from 1 to 65536"),
        ("init.drawz=10", "did you mean `init.draws`?"),
        ("train.epochs=0", "train.epochs is 0"),
    ] {
        let refused = init(home.path(), &["--smoke", "--set", set]).expect_code(2);
        assert!(refused.stderr.contains(said), "{refused}");
        assert!(!home.path().join("runs").exists(), "{refused}");
    }
    let resumed = init(home.path(), &["--resume", "--seed", "1"]).expect_code(2);
    assert!(resumed.stderr.contains("own configuration"), "{resumed}");
}
