//! Every claim holds of good results, and each fails where what it is about is otherwise.

use serde_json::{Value, json};

use super::*;
use crate::experiment::reproducing::evidence::{EXPECTED, Facts, Files};

/// Results as the assignment wants them.
fn good() -> Evidence {
    let facts = |run: &str, manifest: Value, summary: Value| Facts {
        run: run.to_string(),
        found: json!({ "manifest": manifest, "summary": summary }),
    };
    let recipe = |validation: usize| {
        json!({
            "seed": 0,
            "data": { "validation": validation, "seed": "run", "augment": { "mixup": 0.0 } },
            "model": {
                "hidden": [50, 50, 50], "activation": "relu", "batch_norm": false, "dropout": 0.0,
            },
            "train": {
                "batch_size": 64, "weight_decay": 1e-3, "label_smoothing": 0.0, "clip": 0.0,
                "ema": 0.0,
            },
            "optimizer": { "kind": "sgd", "learning_rate": 0.01 },
        })
    };
    Evidence {
        data: Seen {
            name: "fashion-mnist".to_string(),
            real: true,
            train: 60_000,
            test: 10_000,
            height: 28,
            width: 28,
            classes: 10,
            pixels: [0.0, 1.0],
        },
        init: facts("init", json!({}), init()),
        tune: facts(
            "tune",
            json!({ "test_set_reads": 1, "config": { "data": { "validation": 10_000 } } }),
            json!({
                "history": (0..12).map(trial).collect::<Vec<_>>(),
                "best": { "params": trial(0)["params"] },
            }),
        ),
        retrained: facts(
            "tune/retrained",
            json!({
                "test_set_reads": 1,
                "config": recipe(0),
            }),
            json!({
                "parameters": 44_860, "epochs": 2, "steps": 2 * 938,
                "test": { "accuracy": 0.8841, "correct": 8841, "total": 10_000 },
                "last_20": vec![json!({ "loss": 0.25 }); 20],
            }),
        ),
        variants: facts(
            "variants",
            json!({}),
            json!({
                "tested": { "examples": 60_000 },
                "baseline": {
                    "name": "baseline", "parameters": 44_860, "config": recipe(10_000),
                    "test": { "mean": 0.884 },
                },
                "variants": [
                    { "name": "norm", "parameters": 45_160, "test": { "mean": 0.889 } },
                    { "name": "dropout", "parameters": 44_860 },
                ],
                "contrast": {
                    "variant": "norm", "difference": 0.005, "p_value": 0.01,
                    "differences": [0.004, 0.005, 0.006],
                },
            }),
        ),
        landscape: facts(
            "landscape",
            json!({ "config": { "landscape": { "train": { "weight_decay": 0.0 } } } }),
            json!({
                "loss": "cross-entropy (nats)", "split": "training", "examples": 2500,
                "grid": { "x": { "points": 41 }, "y": { "points": 41 } },
                "loss_min": 0.1, "loss_max": 6.0,
                "directions": "pca", "explained_variance_ratio": [0.6, 0.2],
                "scree": [0.6, 0.2, 0.1, 0.1],
                "runs": [
                    {
                        "seed": 0, "snapshots": 181, "epochs": 60.0,
                        "start": { "loss": 2.3 }, "end": { "loss": 0.11 },
                    },
                    {
                        "seed": 1, "snapshots": 181, "epochs": 60.0,
                        "start": { "loss": 2.31 }, "end": { "loss": 0.12 },
                    },
                ],
                "paths": [{
                    "line": { "barrier": 1.0, "standard_error": 0.05, "distinct": true },
                    "curve": { "barrier": 0.0 },
                }],
            }),
        ),
        autoencoder: facts(
            "autoencoder",
            json!({
                "config": {
                    "autoencoder": { "hidden": [128], "latent": 64 },
                    "train": { "batch_size": 128 },
                    "optimizer": { "kind": "adam", "learning_rate": 1e-3 },
                },
            }),
            json!({
                "parameters": 218_192, "epochs": 20, "steps": 9380,
                "epoch_losses": (0..20).map(|k| 0.03 / f64::from(k + 1)).collect::<Vec<_>>(),
                "train_mse": 0.0096, "test_mse": 0.0096,
            }),
        ),
        decayed: ["weight", "bias"].map(|of| (format!("net.0.{of}"), of == "weight")).to_vec(),
        files: Files {
            there: EXPECTED.iter().map(ToString::to_string).collect(),
            last_20: "The last 20 iterations; test accuracy 88.41 %".to_string(),
            reconstructions: reconstructions(["a", "b", "c", "d"]),
        },
    }
}

/// The figure of two images and their reconstructions, as far as it is looked at.
fn reconstructions(pictures: [&str; 4]) -> String {
    let images = pictures.map(|picture| format!("<image x=\"1\" href=\"{picture}\"/>")).concat();
    format!(
        "Autoencoder: Test Originals vs Reconstructions{images}Original 1 Original 2 \
         Reconstructed 1 Reconstructed 2"
    )
}

fn init() -> Value {
    let identity = |step: &&str| {
        json!({
            "step": step, "theory": 1.0, "estimate": 1.02, "standard_error": 0.01, "p_value": null,
            "holds": true,
        })
    };
    let median = |last: f64| json!({ "median": (1..=50).map(|k| if k < 50 { 1.0 } else { last }).collect::<Vec<_>>() });
    // Of "c" only the gradients are lost.
    let schemes = [
        ("He", 0.7, 0.6),
        ("a", 1e-9, 1e-9),
        ("b", 1e-9, 0.5),
        ("c", 0.5, 1e-9),
        ("d", 1e-9, 1e-9),
        ("e", 1e9, 1e9),
    ];
    let propagation = schemes.iter().flat_map(|(scheme, activation, gradient)| {
        ["random", "images"].map(|inputs| {
            json!({
                "scheme": scheme, "inputs": inputs, "activation": median(*activation),
                "gradient": median(*gradient),
            })
        })
    });
    let identities: Vec<Value> =
        ["1", "2", "3a", "3b", "3c", "3d", "3e"].iter().map(identity).collect();
    json!({
        "identities": identities,
        "violations": [
            { "detected": true, "explained": true },
            { "detected": true, "explained": true },
        ],
        "propagation": propagation.collect::<Vec<_>>(),
    })
}

fn trial(number: u64) -> Value {
    json!({
        "state": if number % 3 == 1 { "pruned" } else { "complete" },
        "params": {
            "model.layers": 3 + number % 3,
            "model.units": 30 + 10 * (number % 2),
            "optimizer.learning_rate": 0.01 * (1.0 + 0.5 * number as f64),
            "train.batch_size": 64 << (number % 2),
            "train.epochs": 8 + number % 2,
            "train.weight_decay": 1e-3 * (1.0 + number as f64),
        },
    })
}

/// The claims that do not hold of `evidence`.
fn broken(evidence: &Evidence) -> Vec<String> {
    let claims = claims(evidence).expect("claims");
    claims.into_iter().filter(|c| c.holds == Some(false)).map(|c| c.claim).collect()
}

#[test]
fn every_claim_holds_of_good_results() {
    let evidence = good();
    assert_eq!(broken(&evidence), [""; 0]);
    assert!(claims(&evidence).expect("claims").iter().all(|claim| claim.holds == Some(true)));
}

/// Puts `value` at a place of one run's results, and says which claims break.
#[track_caller]
fn breaks(of: fn(&mut Evidence) -> &mut Facts, pointer: &str, value: Value, claim: &str) {
    let mut evidence = good();
    let place = of(&mut evidence).found.pointer_mut(pointer);
    *place.unwrap_or_else(|| panic!("{pointer} is not there")) = value;
    let broken = broken(&evidence);
    assert!(broken.len() == 1 && broken[0].contains(claim), "{pointer}: {broken:?}");
}

#[test]
fn claims_about_the_derivation_fail_where_it_is_otherwise() {
    let of: fn(&mut Evidence) -> &mut Facts = |evidence| &mut evidence.init;
    breaks(of, "/summary/identities/3/holds", json!(false), "every step of the derivation");
    breaks(of, "/summary/identities/0/step", json!("2"), "every step of the derivation");
    breaks(of, "/summary/violations/1/detected", json!(false), "every assumption is needed");
    breaks(of, "/summary/violations/0/explained", json!(false), "every assumption is needed");
    breaks(of, "/summary/violations", json!([]), "every assumption is needed");
    let keeps = "He keeps signals";
    breaks(of, "/summary/propagation/0/activation/median/49", json!(1e-4), keeps);
    breaks(of, "/summary/propagation/1/gradient/median/49", json!(100.0), keeps);
    breaks(of, "/summary/propagation/0/scheme", json!("a"), keeps);
    // One of the others that keeps both ways is enough.
    breaks(of, "/summary/propagation/6/gradient/median/49", json!(0.5), keeps);
}

#[test]
fn claims_about_the_search_fail_where_it_is_otherwise() {
    let of: fn(&mut Evidence) -> &mut Facts = |evidence| &mut evidence.tune;
    let few: Vec<Value> = (0..9).map(trial).collect();
    breaks(of, "/summary/history", json!(few), "settings tried");
    // Failed trials, and the same setting twice, count for nothing.
    for state in ["failed", "running"] {
        let mut history: Vec<Value> = (0..12).map(trial).collect();
        for trial in &mut history[..3] {
            trial["state"] = json!(state);
        }
        breaks(of, "/summary/history", json!(history), "settings tried");
    }
    let mut history: Vec<Value> = (0..12).map(trial).collect();
    for number in 1..4 {
        history[number]["params"] = history[0]["params"].clone();
    }
    breaks(of, "/summary/history", json!(history), "settings tried");
    breaks(of, "/summary/history/0/params/model.layers", json!(6), "what was varied");
    breaks(of, "/summary/history/0/params/model.units", json!(20), "what was varied");
    breaks(of, "/manifest/test_set_reads", json!(2), "chosen on validation images");
    breaks(of, "/manifest/config/data/validation", json!(0), "chosen on validation images");
    breaks(of, "/summary/best/params/train.batch_size", json!(32), "is trained anew");
}

#[test]
fn claims_about_the_network_fail_where_it_is_otherwise() {
    let of: fn(&mut Evidence) -> &mut Facts = |evidence| &mut evidence.retrained;
    breaks(of, "/summary/parameters", json!(44_861), "a plain network");
    for (key, other) in [
        ("data/augment/mixup", json!(0.2)),
        ("train/clip", json!(0.5)),
        ("train/ema", json!(0.5)),
        ("train/label_smoothing", json!(0.1)),
        ("optimizer/kind", json!("adamw")),
    ] {
        let mut evidence = good();
        let place = evidence.retrained.found.pointer_mut(&format!("/manifest/config/{key}"));
        *place.expect("a setting") = other.clone();
        // The baseline of the variants has it as well.
        let place = format!("/summary/baseline/config/{key}");
        *evidence.variants.found.pointer_mut(&place).expect("a setting") = other;
        assert_eq!(broken(&evidence), ["2: the cost"], "{key}");
    }
    for (position, decayed) in [(0, false), (1, true)] {
        let mut evidence = good();
        evidence.decayed[position].1 = decayed;
        assert_eq!(broken(&evidence), ["2: the cost"]);
    }
    breaks(of, "/summary/steps", json!(2 * 782), "is trained anew");
    breaks(of, "/summary/last_20", json!(vec![json!({ "loss": 0.2 }); 19]), "last 20 iterations");
    breaks(
        of,
        "/summary/test",
        json!({ "accuracy": 0.8841, "correct": 8700, "total": 10_000 }),
        "test accuracy",
    );

    let mut low = good();
    let test = json!({ "accuracy": 0.8699, "correct": 8699, "total": 10_000 });
    low.retrained.found["summary"]["test"] = test;
    low.files.last_20 = "test accuracy 86.99 %".to_string();
    assert_eq!(broken(&low), ["2: test accuracy of this network"]);
    low.data.real = false;
    assert_eq!(broken(&low), [""; 0]);

    let mut unlabelled = good();
    unlabelled.files.last_20 = "The last 20 iterations".to_string();
    assert!(broken(&unlabelled)[0].contains("last 20 iterations"));
    let mut normed = good();
    for facts in [
        &mut normed.retrained.found["manifest"]["config"],
        &mut normed.variants.found["summary"]["baseline"]["config"],
    ] {
        facts["model"]["batch_norm"] = json!(true);
    }
    assert_eq!(broken(&normed), ["2: a plain network"]);
}

#[test]
fn claims_about_variants_fail_where_they_are_otherwise() {
    let of: fn(&mut Evidence) -> &mut Facts = |evidence| &mut evidence.variants;
    breaks(of, "/summary/contrast/difference", json!(-0.005), "is better on test images");
    breaks(of, "/summary/contrast/p_value", json!(0.06), "is better on test images");
    breaks(of, "/summary/tested/examples", json!(50_000), "is better on test images");
    // Better than the baseline's mean, and no better than the one network of item 3.
    breaks(of, "/summary/variants/0/test/mean", json!(0.8841), "is better on test images");
    breaks(of, "/summary/variants/1/parameters", json!(60_000), "variants of the same size");
    for (key, other) in [
        ("model/hidden", json!([30, 30, 30])),
        ("train/weight_decay", json!(2e-3)),
        ("optimizer/learning_rate", json!(0.02)),
        ("data/augment", json!({})),
    ] {
        let place = format!("/summary/baseline/config/{key}");
        breaks(of, &place, other, "variants of the same size");
    }
}

#[test]
fn claims_about_the_landscape_fail_where_it_is_otherwise() {
    let of: fn(&mut Evidence) -> &mut Facts = |evidence| &mut evidence.landscape;
    let surface = "the surface";
    breaks(of, "/summary/loss", json!("mean squared error"), surface);
    breaks(of, "/summary/split", json!("test"), surface);
    breaks(of, "/manifest/config/landscape/train/weight_decay", json!(1e-3), surface);
    breaks(of, "/summary/grid/y/points", json!(2), surface);
    breaks(of, "/summary/directions", json!("random"), "the axes");
    breaks(of, "/summary/explained_variance_ratio", json!(null), "the axes");
    breaks(of, "/summary/scree/2", json!(0.5), "the axes");
    breaks(of, "/summary/runs/1/seed", json!(0), "the descents");
    breaks(of, "/summary/runs/0/snapshots", json!(61), "the descents");
    breaks(of, "/summary/paths/0/line/distinct", json!(false), "the minima");
    breaks(of, "/summary/runs/0/end/loss", json!(0.2), "the minima");
    breaks(of, "/summary/paths", json!([]), "the minima");
}

#[test]
fn claims_about_the_autoencoder_fail_where_it_is_otherwise() {
    let of: fn(&mut Evidence) -> &mut Facts = |evidence| &mut evidence.autoencoder;
    breaks(of, "/summary/parameters", json!(218_193), "4: the network");
    breaks(of, "/manifest/config/autoencoder/latent", json!(32), "4: the network");
    breaks(of, "/summary/steps", json!(9360), "batches of an epoch");
    breaks(of, "/manifest/config/optimizer/learning_rate", json!(2e-3), "the update rule");
    breaks(of, "/summary/epoch_losses", json!(vec![0.01; 20]), "mean loss of every epoch");
    for (loss, holds) in [(0.009, true), (0.00997, true), (0.00998, false), (0.0, false)] {
        let mut evidence = good();
        evidence.autoencoder.found["summary"]["train_mse"] = json!(loss);
        assert_eq!(broken(&evidence).is_empty(), holds, "{loss}");
    }
}

#[test]
fn claims_about_files_and_data_fail_where_they_are_otherwise() {
    for name in EXPECTED {
        let mut evidence = good();
        evidence.files.there.retain(|there| *there != name);
        assert_eq!(broken(&evidence).len(), 1, "{name}");
    }
    let mut untitled = good();
    untitled.files.reconstructions = reconstructions(["a", "b", "c", "d"]).replace("vs", "and");
    assert_eq!(broken(&untitled), ["4: the figure"]);
    let mut alike = good();
    alike.files.reconstructions = reconstructions(["a", "b", "a", "b"]);
    assert_eq!(broken(&alike), ["4: the figure"]);
    let mut unlabelled = good();
    unlabelled.files.reconstructions.truncate(100);
    assert_eq!(broken(&unlabelled), ["4: the figure"]);
    let mut bytes = good();
    bytes.data.pixels = [0.0, 255.0];
    assert_eq!(broken(&bytes), ["pixels, as networks get them"]);
    let mut fewer = good();
    fewer.data.test = 9_999;
    assert_eq!(broken(&fewer), ["images and classes"]);
    fewer.data.real = false;
    let claims = claims(&fewer).expect("claims");
    assert!(claims.iter().filter(|claim| claim.holds.is_none()).count() >= 7, "{claims:?}");
}

#[test]
fn a_result_that_is_missing_is_named_with_its_file() {
    let mut evidence = good();
    let test = evidence.retrained.found["summary"].as_object_mut().expect("an object");
    test.remove("test");
    let message = claims(&evidence).expect_err("nothing to judge by").to_string();
    assert_eq!(message, "`test.accuracy` in summary.json of tune/retrained is missing");
}
