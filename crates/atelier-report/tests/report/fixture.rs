//! A finished run of `reproduce` as small as it can be, written by hand.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

/// The parts of a reproduction, by their directories.
const PARTS: [(&str, &str); 7] = [
    ("", "reproduce"),
    ("init", "init"),
    ("tune", "tune"),
    ("tune/retrained", "train"),
    ("variants", "variants"),
    ("landscape", "landscape"),
    ("autoencoder", "autoencoder"),
];

/// The figures of a part, by its directory.
pub const FIGURES: [(&str, &[&str]); 6] = [
    ("init", &["variance", "histograms", "training"]),
    ("tune", &["history", "curves", "parallel-coordinates", "importances"]),
    ("tune/retrained", &["last-20", "curves"]),
    ("variants", &["variants"]),
    ("landscape", &["landscape", "contour", "descent", "barrier-a-b"]),
    ("autoencoder", &["reconstructions", "losses", "latent", "classes"]),
];

/// A whole run in a directory of its own.
pub fn run() -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    for (part, verb) in PARTS {
        let place = directory.path().join(part);
        fs::create_dir_all(place.join("figures")).expect("a directory");
        let mut of_part = manifest(verb);
        of_part["test_set_reads"] = json!(reads(verb));
        write(&place.join("manifest.json"), &of_part);
        write(&place.join("summary.json"), &summary(verb));
    }
    for (part, names) in FIGURES {
        for name in names {
            let place = directory.path().join(part).join("figures").join(format!("{name}.png"));
            fs::write(place, png(u8::try_from(name.len()).expect("a short name")))
                .expect("a figure");
        }
    }
    directory
}

/// How often a part has read the test set.
fn reads(verb: &str) -> u64 {
    match verb {
        "reproduce" => 20,
        "variants" => 16,
        "landscape" => 2,
        "init" => 0,
        _ => 1,
    }
}

/// Changes a file of JSON.
pub fn change(path: &Path, change: impl FnOnce(&mut Value)) {
    let text = fs::read_to_string(path).expect("a file");
    let mut value = serde_json::from_str(&text).expect("JSON");
    change(&mut value);
    write(path, &value);
}

fn write(path: &Path, value: &Value) {
    fs::write(path, value.to_string()).expect("a file");
}

/// A grey picture of 8 x 5 points.
pub fn png(shade: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 8, 5);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(&[shade; 40]).expect("points");
    writer.finish().expect("an end");
    bytes
}

fn manifest(verb: &str) -> Value {
    json!({
        "schema_version": 1,
        "program": { "name": "atelier", "version": "0.1.0" },
        "git_commit": "0123456789abcdef",
        "verb": verb,
        "command_line": ["atelier", "reproduce", "--seed", "3", "--out", "somewhere/else"],
        "config": {
            "data": { "validation": 400 },
            "model": { "hidden": [50, 40], "activation": "relu" },
            "autoencoder": { "hidden": [128] },
            "train": { "batch_size": 128 },
            "optimizer": { "learning_rate": 0.001 },
            "tune": { "pruner": "median" },
        },
        "dataset": {
            "name": "fashion-mnist", "pinned": true, "source": "here",
            "files": { "train-images-idx3-ubyte": "c59f468a" },
        },
        "device": "cpu", "threads": 2, "seed": 3,
        "started": "2026-01-01T00:00:00Z", "finished": "2026-01-01T00:05:00Z",
        "status": if verb == "reproduce" { "running" } else { "complete" },
        "error": null, "diverged": false, "test_set_reads": 1,
    })
}

fn summary(verb: &str) -> Value {
    let mut summary = match verb {
        "reproduce" => json!({
            "seed": 3, "whole": true,
            "claims": [
                { "claim": "test accuracy", "asked": "at least 87 %", "measured": "88.31 %", "holds": true },
                { "claim": "a variant", "asked": "better", "measured": "worse", "holds": false },
                { "claim": "the data", "asked": "real", "measured": "a sample", "holds": null },
            ],
        }),
        "init" => init(),
        "tune" => json!({
            "trials": 12, "completed": 2, "pruned": 10, "failed": 0,
            "best": { "number": 7, "value": 0.8912, "params": { "train.batch_size": 16, "optimizer.learning_rate": 0.0197 } },
            "ranking": [
                { "number": 7, "value": 0.8912, "params": { "train.batch_size": 16, "optimizer.learning_rate": 0.0197 } },
                { "number": 2, "value": 0.8704, "params": { "train.batch_size": 64, "optimizer.learning_rate": 1e-5 } },
            ],
            "importances": [{ "parameter": "train.batch_size", "share": 1.0 }],
        }),
        "train" => json!({
            "parameters": 41740, "epochs": 2, "steps": 24,
            "train": { "accuracy": 0.9123, "cross_entropy": 0.2311 },
            "test": { "accuracy": 0.8831, "cross_entropy": 0.3345, "correct": 8831, "total": 10000 },
            "last_20": (5..25).map(|step| json!({ "step": step, "epoch": 2, "loss": 0.25 })).collect::<Vec<_>>(),
        }),
        "variants" => variants(),
        "landscape" => landscape(),
        _ => json!({
            "parameters": 218_192, "latent": 64, "epochs": 2, "epoch_losses": [0.0374, 0.0198],
            "train_mse": 0.0198, "test_mse": 0.0191, "pca_components": 64, "pca_test_mse": 0.01037,
            "dead_latent_units": 7, "active_share": 0.41,
            "classes": [
                { "class": "Trouser", "mse": 0.006, "pca_mse": 0.0071 },
                { "class": "Shirt", "mse": 0.012, "pca_mse": 0.0141 },
            ],
            "linear_classifier": { "codes": 0.81, "pca": 0.79 },
        }),
    };
    summary["schema_version"] = json!(1);
    summary["verb"] = json!(verb);
    summary
}

fn init() -> Value {
    let identity = |step: &str| {
        json!({
            "name": "an-identity-normal", "step": step, "weights": "normal",
            "statement": "Var[w x] = Var[w] E[x^2]", "method": "monte-carlo",
            "theory": 1.0, "estimate": 0.9987, "standard_error": 0.006, "p_value": null, "holds": true,
        })
    };
    let identities = ["1", "2", "3a", "3e", "consequence"].map(identity);
    let by_layer = json!({ "median": [1.0, 0.5], "predicted": [1.0, 0.25] });
    json!({
        "draws": 100_000,
        "identities": identities,
        "violations": [{
            "name": "correlated-weights", "assumption": "the weights are independent", "step": "1",
            "statement": "Var[sum_j w_j x_j] = n Var[w x]", "promised": 1.0, "theory": 1.98,
            "estimate": 1.99, "standard_error": 0.01, "detected": true, "explained": true,
        }],
        "gains": [{ "activation": "tanh", "forward": 1.5925, "backward": 1.4674, "closed_form": null, "pytorch": 1.6667 }],
        "network": { "layers": 50, "width": 256, "networks": 9, "examples": 64 },
        "propagation": [{ "scheme": "He", "inputs": "random", "activation": by_layer, "gradient": by_layer }],
        "training": [
            { "scheme": "He", "layers": 3, "loss": 0.61, "accuracy": 0.784, "runs": [1, 2, 3] },
            { "scheme": "too large", "layers": 3, "loss": null, "accuracy": null, "runs": [1, 2, 3] },
        ],
        "recipe": { "examples": 10000, "units": 50, "epochs": 3, "batch_size": 64, "learning_rate": 0.02 },
    })
}

fn variants() -> Value {
    json!({
        "epochs": 20, "best": "batch norm",
        "examples": 50_000, "tested": { "examples": 60_000, "seeds": [0, 1, 2, 3, 4, 5, 6, 7] },
        "baseline": {
            "name": "baseline", "parameters": 44860, "seeds": [0, 1], "mean": 0.881, "sd": 0.002,
            "test": { "mean": 0.8803, "sd": 0.0019 },
        },
        "variants": [{
            "name": "batch norm", "parameters": 45160, "mean": 0.889, "sd": 0.003,
            "test": { "mean": 0.8871, "sd": 0.0021 },
        }],
        "contrast": {
            "variant": "batch norm", "difference": 0.0068, "differences": [0.007, 0.0066],
            "ci95": [0.0031, 0.0104], "p_value": 0.004, "sign_flip_p_value": 0.5, "method": "a paired t-test",
        },
    })
}

fn landscape() -> Value {
    let run = |name: &str| {
        json!({
            "name": name, "seed": 0, "snapshots": 10, "epochs": 3.0,
            "start": { "loss": 2.3 },
            "end": { "loss": 0.4, "accuracy": 0.87, "loss_in_plane": 0.5, "distance_off_plane": 1.5 },
        })
    };
    json!({
        "caption": "Mean cross-entropy of 500 training examples.", "network": "784-50-50-50-10",
        "parameters": 44860, "explained_variance_ratio": [0.6, 0.123],
        "between_runs": 0.8, "null": { "draws": 20, "both": { "mean": 0.7, "least": 0.69, "most": 0.72 } },
        "grid": { "x": { "points": 15 }, "y": { "points": 15 } },
        "examples": 500,
        "runs": [run("a"), run("b")],
        "paths": [{
            "from": "a", "to": "b", "distance": 20.0,
            "line": { "barrier": 1.2, "standard_error": 0.05, "distinct": true },
        }],
    })
}
