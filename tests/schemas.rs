//! Whatever is printed as JSON, or left as JSON, is as its schema in docs/schemas says.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::cli::{atelier, root};
use crate::fixture::home_with_sample;

/// Holds `value` to a schema.
#[track_caller]
pub fn check(schema: &str, value: &Value) {
    let path = root().join("docs/schemas").join(format!("{schema}.json"));
    let text = fs::read_to_string(&path).expect("a schema");
    let schema: Value = serde_json::from_str(&text).expect("a schema in JSON");
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    let errors: Vec<String> = validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{}: {errors:#?}\n{value:#}", path.display());

    // A schema that accepts anything would say nothing.
    assert!(!validator.is_valid(&serde_json::json!({})), "{} accepts {{}}", path.display());
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).expect("a file")).expect("JSON")
}

#[test]
fn every_json_output_and_file_is_as_its_schema_says() {
    let home = home_with_sample();
    let shown = |arguments: &[&str]| {
        let command = atelier(arguments.iter().chain(&["--format", "json"]));
        command.env("ATELIER_HOME", home.path()).run().expect_code(0).json()
    };
    check("config-show", &shown(&["config", "show"]));
    check("config-show", &shown(&["config", "show", "autoencoder/assignment"]));
    check("data", &shown(&["data", "verify", "--smoke"]));
    check("data", &shown(&["data", "fetch", "--smoke"]));
    check("data-info", &shown(&["data", "info", "--smoke"]));
    check("runs-list", &shown(&["runs", "list"]));
    check("summary-train", &shown(&["train", "--smoke"]));
    check("summary-train", &shown(&["train", "--smoke", "--set", "data.validation=0"]));
    check("summary-find-learning-rate", &shown(&["train", "--smoke", "--find-learning-rate"]));
    let weights = home.path().join("runs/train-0001/model.safetensors");
    let weights = weights.to_str().expect("a plain path");
    check("summary-evaluate", &shown(&["train", "--smoke", "--evaluate", weights]));
    check("summary-train", &shown(&["train", "--smoke", "--from", weights]));
    check("runs-export", &shown(&["runs", "export", "train-0001", "--onnx", "--tensorboard"]));
    let picture = home.path().join("runs/train-0001/figures/network.png");
    check("predict", &shown(&["predict", picture.to_str().expect("a plain path")]));
    check("summary-autoencoder", &shown(&["autoencoder", "--smoke"]));
    let noise = ["--set", "autoencoder.noise=0.1"];
    check("summary-autoencoder", &shown(&[&["autoencoder", "--smoke"], &noise[..]].concat()));
    let sweep = ["autoencoder", "--smoke", "--bottlenecks", "4"];
    check("summary-bottlenecks", &shown(&sweep));
    check("summary-bottlenecks", &shown(&[&sweep[..], &noise].concat()));
    check("summary-landscape", &shown(&["landscape", "--smoke"]));
    check("summary-variants", &shown(&["variants", "--smoke", "--seeds", "2"]));
    let best_dense = ["variants", "--best-dense", "--smoke", "--seeds", "2"];
    check("summary-best-dense", &shown(&best_dense));
    check("summary-tune", &shown(&["tune", "--smoke"]));
    let space = "tune.space={'optimizer.learning_rate'={choices=[0.1,1e30]}}";
    check("summary-tune", &shown(&["tune", "--smoke", "--set", space]));
    check("summary-init", &shown(&["init", "--smoke"]));
    check("runs-show", &shown(&["runs", "show", "train-0001"]));
    let inner = ["train-0001", "landscape-0001/run-a"];
    check("runs-compare", &shown(&["runs", "compare", inner[0], inner[1]]));
    check("runs-compare", &shown(&["runs", "compare", "train-0001", "tune-0001"]));
    check("runs-verify", &shown(&["runs", "verify", "tune-0001"]));
    let required = ["--require", "verb==train", "--require", "test.accuracy>0.1"];
    check("runs-check", &shown(&[&["runs", "check", "train-0001"], &required[..]].concat()));

    let runs = home.path().join("runs");
    for (run, schema) in [
        ("train-0001", "summary-train"),
        ("train-0003", "summary-train"),
        ("evaluate-0001", "summary-evaluate"),
        ("find-learning-rate-0001", "summary-find-learning-rate"),
        ("autoencoder-0001", "summary-autoencoder"),
        ("bottlenecks-0001", "summary-bottlenecks"),
        ("bottlenecks-0001/latent-0004", "summary-autoencoder"),
        ("landscape-0001", "summary-landscape"),
        ("landscape-0001/run-a", "summary-train"),
        ("variants-0001", "summary-variants"),
        ("best-dense-0001", "summary-best-dense"),
        ("best-dense-0001/seed-1", "summary-train"),
        ("tune-0001", "summary-tune"),
        ("tune-0001/retrained", "summary-train"),
        ("init-0001", "summary-init"),
    ] {
        check("manifest", &read(&runs.join(run).join("manifest.json")));
        check(schema, &read(&runs.join(run).join("summary.json")));
    }
    // A damaged run, and one that failed.
    fs::write(runs.join("train-0002/manifest.json"), "{}").expect("a file");
    let failing = ["train", "--smoke", "--set", "optimizer.learning_rate=1e6"];
    atelier(failing).env("ATELIER_HOME", home.path()).run().expect_code(1);
    check("manifest", &read(&runs.join("train-0004/manifest.json")));
    check("runs-list", &shown(&["runs", "list"]));
}

#[test]
fn examples_in_schemas_are_as_the_schemas_say() {
    for entry in fs::read_dir(root().join("docs/schemas")).expect("the schemas") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").display().to_string();
        for example in read(&path)["examples"].as_array().into_iter().flatten() {
            check(&name, example);
        }
    }
}

#[test]
fn every_schema_is_used() {
    let source = concat!(
        include_str!("schemas.rs"),
        include_str!("reproduce.rs"),
        include_str!("report.rs")
    );
    for entry in fs::read_dir(root().join("docs/schemas")).expect("the schemas") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").display().to_string();
        assert!(source.contains(&format!("\"{name}\"")), "{name} is checked by no test");
    }
}
