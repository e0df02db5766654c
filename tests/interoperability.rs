//! What we write, read and computed again by other programs.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cli::{atelier, atelier_program, root, sample, skip, temp_dir};

/// The Python of the environment that `.ci/run` makes, or of `ATELIER_PYTHON`.
fn python() -> Option<PathBuf> {
    let named = std::env::var_os("ATELIER_PYTHON").map(PathBuf::from);
    named.or_else(|| Some(root().join("target/python/bin/python"))).filter(|path| path.is_file())
}

/// Runs a script of `tests/python`; fails the test with all that it said if it fails.
#[track_caller]
fn check(python: &Path, script: &str, run: &Path, parts: &[&str]) {
    let output = Command::new(python)
        .arg(root().join("tests/python").join(script))
        .arg(run)
        .arg(sample())
        .args(parts)
        .output()
        .expect("Python runs");
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let stdout = said(&output.stdout);
    assert!(output.status.success(), "{script}:\n{stdout}{}", said(&output.stderr));
    // Past the test harness, which would hide it: what the check did without is worth knowing.
    for note in stdout.lines().filter(|line| line.starts_with("note: ")) {
        let line = format!("\n{script}: {note}\n");
        std::io::stdout().write_all(line.as_bytes()).expect("stdout can be written");
    }
}

#[test]
fn numpy_computes_the_same_test_results_from_the_model_file() {
    let Some(python) = python() else {
        skip("no Python environment with NumPy and safetensors; .ci/run makes one");
        return;
    };
    let networks: [(&[&str], &[&str]); 4] = [
        (&[], &[]),
        (&["model.batch_norm=true", "model.dropout=0.1"], &["batch-norm", "dropout"]),
        (&["model.activation=prelu", "model.batch_norm=true"], &["prelu", "batch-norm"]),
        // The standardisation of the inputs must have gone into the first layer.
        (&["data.standardize=true", "train.ema=0.9"], &[]),
    ];
    for (settings, parts) in networks {
        let directory = temp_dir();
        let run = directory.path().join("run");
        let mut arguments = vec!["train", "--smoke", "--quiet", "--set", "model.hidden=20,20"];
        for setting in settings {
            arguments.extend(["--set", setting]);
        }
        let out = run.to_str().expect("a plain path");
        arguments.extend(["--out", out]);
        atelier(&arguments).env("ATELIER_HOME", root()).run().expect_code(0);
        atelier(["runs", "export", out, "--onnx"]).run().expect_code(0);
        check(&python, "classifier.py", &run, parts);
    }
}

#[test]
fn onnxruntime_gives_the_probabilities_of_predict_for_every_activation() {
    let Some(python) = python() else {
        skip("no Python environment with NumPy and onnxruntime; .ci/run makes one");
        return;
    };
    let program = atelier_program();
    let program = program.to_str().expect("a plain path");
    for activation in ["relu", "leaky-relu", "elu", "prelu", "gelu", "silu", "tanh", "sigmoid"] {
        let directory = temp_dir();
        let run = directory.path().join("run");
        let out = run.to_str().expect("a plain path");
        let activation = format!("model.activation={activation}");
        let settings =
            ["--set", &activation, "--set", "model.hidden=20", "--set", "data.standardize=true"];
        let all = ["train", "--smoke", "--quiet", "--out", out];
        atelier(all.iter().chain(&settings)).env("ATELIER_HOME", root()).run().expect_code(0);
        atelier(["runs", "export", out, "--onnx"]).run().expect_code(0);
        check(&python, "predict.py", &run, &[program]);
    }
}

#[test]
fn networks_that_another_program_wrote_are_what_numpy_says_of_them() {
    let Some(python) = python() else {
        skip("no Python environment with NumPy, safetensors and onnxruntime; .ci/run makes one");
        return;
    };
    let program = atelier_program();
    let directory = temp_dir();
    check(&python, "foreign.py", directory.path(), &[program.to_str().expect("a plain path")]);
}

#[test]
fn tensorboard_reads_the_metrics_of_runs() {
    let Some(python) = python() else {
        skip("no Python environment with TensorBoard; .ci/run makes one");
        return;
    };
    let directory = temp_dir();
    for verb in ["train", "autoencoder"] {
        let run = directory.path().join(verb);
        let out = run.to_str().expect("a plain path");
        let all = [verb, "--smoke", "--quiet", "--out", out];
        atelier(all).env("ATELIER_HOME", root()).run().expect_code(0);
        atelier(["runs", "export", out, "--tensorboard"]).run().expect_code(0);
        check(&python, "events.py", &run, &[]);
    }
}

#[test]
fn numpy_computes_the_same_reconstructions_and_the_same_errors_of_both_methods() {
    let Some(python) = python() else {
        skip("no Python environment with NumPy and safetensors; .ci/run makes one");
        return;
    };
    let directory = temp_dir();
    for tied in ["autoencoder.tied=false", "autoencoder.tied=true"] {
        let run = directory.path().join(tied);
        let out = run.to_str().expect("a plain path");
        let settings = ["--set", "data.validation=0", "--set", "train.epochs=10", "--set", tied];
        let arguments = ["autoencoder", "--smoke", "--quiet", "--out", out];
        let command = atelier(arguments.iter().chain(&settings)).env("ATELIER_HOME", root());
        command.run().expect_code(0);
        atelier(["runs", "export", out, "--onnx"]).run().expect_code(0);
        check(&python, "autoencoder.py", &run, &[]);
    }
}

#[test]
fn numpy_computes_the_same_landscape_from_its_files() {
    let Some(python) = python() else {
        skip("no Python environment with NumPy and safetensors; .ci/run makes one");
        return;
    };
    let directory = temp_dir();
    let small = ["--set", "landscape.curvature=0", "--set", "landscape.path_epochs=0"];
    let landscape = |name: &str, arguments: &[&str], parts: &[&str]| {
        let run = directory.path().join(name);
        let out = run.to_str().expect("a plain path");
        let all = ["landscape", "--smoke", "--quiet", "--out", out];
        let command = atelier(all.iter().chain(&small).chain(arguments));
        command.env("ATELIER_HOME", root()).run().expect_code(0);
        check(&python, "landscape.py", &run, parts);
    };
    landscape("plain", &["--set", "model.hidden=20,20"], &[]);
    landscape("standardized", &["--set", "model.hidden=20", "--set", "data.standardize=true"], &[]);

    let autoencoder = directory.path().join("autoencoder");
    let out = autoencoder.to_str().expect("a plain path");
    let settings = ["--set", "train.snapshots_per_epoch=1", "--set", "data.validation=0"];
    let all = ["autoencoder", "--smoke", "--quiet", "--out", out];
    atelier(all.iter().chain(&settings)).env("ATELIER_HOME", root()).run().expect_code(0);
    let arguments = ["--run", out, "--set", "landscape.examples=300", "--set", "landscape.grid=9"];
    landscape("of-autoencoder", &arguments, &["autoencoder"]);
}
