//! `reproduce` from one end to the other, on the sample; what its claims are worth is tested where they are judged.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::cli::{Invocation, atelier};
use crate::fixture::{
    failing_report_program, home_with_sample, report_program, slow_report_program,
};
use crate::odd_places::odd;
use crate::schemas::check;

const PARTS: [&str; 5] = ["init", "tune", "variants", "landscape", "autoencoder"];

/// `reproduce` in a home, with the stand-in for the program that makes reports.
fn reproduce(home: &Path, report: &Path, arguments: &[&str]) -> Invocation {
    atelier(["reproduce"].iter().chain(arguments))
        .env("ATELIER_HOME", home)
        .env("ATELIER_REPORT", report)
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&read(path)).expect("JSON")
}

/// A summary without the times in it.
fn timeless(run: &Path) -> Value {
    fn clear(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|key, _| !matches!(key.as_str(), "seconds" | "started" | "finished"));
                fields.values_mut().for_each(clear);
            }
            Value::Array(list) => list.iter_mut().for_each(clear),
            _ => {}
        }
    }
    let mut summary = json(&run.join("summary.json"));
    clear(&mut summary);
    summary
}

/// Waits until `file` is there.
fn wait_for(file: &Path) {
    for _ in 0..60_000 {
        if file.exists() {
            return;
        }
        sleep(Duration::from_millis(2));
    }
    panic!("{} does not come", file.display());
}

#[test]
fn a_reproduction_does_every_part_and_ends_the_same_however_often_it_is_interrupted() {
    let (whole, pieces) = (home_with_sample(), home_with_sample());
    let report = report_program(whole.path());
    let whole = in_one_go(whole.path(), &report);

    let home = pieces.path();
    let run = home.join("runs/mine");
    let out = run.display().to_string();
    // Within a part, and between two of them.
    for (arguments, file, signal, code) in [
        (&["--smoke", "--out", &out][..], "tune/study.log", "INT", Some(130)),
        (&["--resume", "--out", &out], "variants/summary.json", "KILL", None),
    ] {
        let arguments = [arguments, &["--quiet"]].concat();
        let (mut command, _home) = reproduce(home, &report, &arguments).into_command();
        let mut child = command.stdout(Stdio::null()).spawn().expect("atelier starts");
        wait_for(&run.join(file));
        let id = child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status().expect("kill");
        assert!(sent.success());
        assert_eq!(child.wait().expect("an end").code(), code);
        assert!(!run.join("summary.json").exists());
    }
    let finished = read(&run.join("init/manifest.json"));

    // A signal that reaches this program alone ends the other one with it.
    let slow = slow_report_program(home);
    let arguments = ["--resume", "--quiet"];
    let (mut command, _home) = reproduce(home, &slow, &arguments).into_command();
    let mut child = command.stdout(Stdio::null()).spawn().expect("atelier starts");
    wait_for(&run.join("typesetting"));
    let sent = Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status();
    assert!(sent.expect("kill").success());
    assert_eq!(child.wait().expect("an end").code(), Some(130));
    assert_eq!(json(&run.join("manifest.json"))["status"], "interrupted");
    let id = String::from_utf8(read(&run.join("typesetting"))).expect("text");
    assert!(!Path::new("/proc").join(id.trim()).exists(), "the program for reports is left behind");

    // A report that fails is no result lost, and no result either.
    let failing = failing_report_program(home);
    let failed = reproduce(home, &failing, &["--resume"]).run().expect_code(2);
    for text in ["no ink left", "reproduce --resume --out ", "part 1 of 6, init: done before"] {
        assert!(failed.stderr.contains(text), "no {text:?}: {failed}");
    }
    assert_eq!(json(&run.join("manifest.json"))["status"], "failed");
    assert_eq!(json(&run.join("manifest.json"))["test_set_reads"], 8);
    assert!(!run.join("report.pdf").exists());
    assert!(read(&run.join("init/manifest.json")) == finished, "init was done once more");
    for part in PARTS.iter().chain(&["tune/retrained"]) {
        assert_eq!(timeless(&run.join(part)), timeless(&whole.join(part)), "{part}");
    }
    assert_eq!(timeless(&run), timeless(&whole));

    // A claim that does not hold is said, after everything was done.
    let file = run.join("autoencoder/summary.json");
    let text = String::from_utf8(read(&file)).expect("text");
    fs::write(&file, text.replace("\"parameters\": 218192", "\"parameters\": 218193"))
        .expect("a file");
    let broken = reproduce(home, &report, &["--resume"]).run().expect_code(1);
    assert!(broken.stderr.contains("error: 1 of "), "{broken}");
    assert!(broken.stdout.contains("784-128-64-128-784, 218,193 parameters"), "{broken}");
    assert_eq!(json(&run.join("manifest.json"))["status"], "complete");
    // Nothing is left to do, and it is no better for that.
    let before = read(&run.join("summary.json"));
    let again = ["--resume", "--format", "json", "--out", &out];
    let again = reproduce(home, &report, &again).run().expect_code(1);
    assert!(read(&run.join("summary.json")) == before);
    for text in ["is complete: nothing to do", "error: 1 of "] {
        assert!(again.stderr.contains(text), "no {text:?}: {again}");
    }
    // A report that was lost is missed, too.
    let summary = String::from_utf8(read(&run.join("summary.json"))).expect("text");
    fs::write(run.join("summary.json"), summary.replace("\"holds\": false", "\"holds\": true"))
        .expect("a file");
    reproduce(home, &report, &["--resume", "--out", &out]).run().expect_code(0);
    fs::remove_file(run.join("report.pdf")).expect("a report");
    let again = reproduce(home, &report, &["--resume", "--out", &out]).run().expect_code(2);
    assert!(again.stderr.contains("has no report.pdf"), "{again}");
}

/// A reproduction without interruption, in a home whose name is no text; its directory.
fn in_one_go(home: &Path, report: &Path) -> PathBuf {
    let odd_home = home.join("home").join(odd());
    fs::create_dir_all(&odd_home).expect("a directory");
    fs::rename(home.join("data"), odd_home.join("data")).expect("the sample");
    let arguments = ["--smoke", "--format", "json", "--author", "A. Student", "--author=B"];
    let done = reproduce(&odd_home, report, &arguments).run().expect_code(0);
    for text in
        ["part 1 of 6, init: next tune, about ", "part 6 of 6, report: about ", "tune: done in"]
    {
        assert!(done.stderr.contains(text), "no {text:?}: {done}");
    }
    let run = odd_home.join("runs/reproduce-0001");
    let mut shown = done.json();
    check("summary-reproduce", &shown);
    shown.as_object_mut().expect("an object").remove("run");
    assert_eq!(shown, json(&run.join("summary.json")));
    check("manifest", &json(&run.join("manifest.json")));
    for part in PARTS {
        check("manifest", &json(&run.join(part).join("manifest.json")));
        check(&format!("summary-{part}"), &json(&run.join(part).join("summary.json")));
    }

    let claims = shown["claims"].as_array().expect("claims");
    assert!(claims.len() >= 20, "{} claims", claims.len());
    let of = |holds: Value| claims.iter().filter(move |claim| claim["holds"] == holds).count();
    assert_eq!(of(Value::Bool(false)), 0, "{claims:#?}");
    // What the sample cannot carry: accuracy, minima, the error of 20 epochs and so on.
    assert!((5..=12).contains(&of(Value::Null)), "{claims:#?}");
    let reads: u64 = shown["parts"]
        .as_array()
        .expect("parts")
        .iter()
        .filter_map(|part| part["test_set_reads"].as_u64())
        .sum();
    assert_eq!(json(&run.join("manifest.json"))["test_set_reads"], reads);
    assert_eq!(json(&run.join("tune/manifest.json"))["test_set_reads"], 1);
    // The first of the networks that were trained anew is the one of item 3.
    let of_variants = json(&run.join("variants/summary.json"));
    let network = json(&run.join("tune/retrained/summary.json"));
    let tested = &of_variants["baseline"]["test"]["accuracies"];
    assert_eq!(tested[0], network["test"]["accuracy"]);
    assert_eq!(of_variants["tested"]["seeds"], serde_json::json!([0, 1]));
    let told = String::from_utf8_lossy(&read(&run.join("report.pdf"))).into_owned();
    assert!(told.starts_with("--author=A. Student\n--author=B\n--\n"), "{told}");

    let shown = atelier(["runs", "show", "reproduce-0001"]).env("ATELIER_HOME", &odd_home);
    let shown = shown.run().expect_code(0);
    for text in ["measured", "at least 87.00 %", "not applicable"] {
        assert!(shown.stdout.contains(text), "no {text:?}: {shown}");
    }
    run
}

#[test]
fn what_a_reproduction_lacks_is_said_before_anything_is_written() {
    let home = home_with_sample();
    let report = report_program(home.path());
    let nowhere = home.path().join("nowhere");
    let sample = crate::cli::sample().display().to_string();
    for (program, more, said) in [
        (&report, &["--data-dir", &sample][..], "a reproduction has the assignment's own settings"),
        (&report, &["--smoke", "--device", "gpu"], "write cpu, cuda or cuda:N"),
        (&report, &["--resume", "--seed", "3"], "cannot be used with"),
        (&report, &["--smoke", "--author", " "], "--author is empty"),
        (&report, &["--resume"], "no interrupted run of `reproduce`"),
        (&nowhere, &["--smoke"], "nowhere, which is no file"),
    ] {
        let refused = reproduce(home.path(), program, more).run().expect_code(2);
        assert!(refused.stderr.contains(said), "{refused}");
        assert!(!home.path().join("runs").exists(), "{refused}");
    }
}
