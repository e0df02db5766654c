//! `autoencoder --bottlenecks` from one end to the other, on the sample.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::cli::{Output, atelier};
use crate::fixture::home_with_sample;

fn autoencoder(home: &Path, arguments: &[&str]) -> Output {
    atelier(["autoencoder"].iter().chain(arguments)).env("ATELIER_HOME", home).run()
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&read(path)).expect("JSON")
}

#[test]
fn a_sweep_trains_every_size_once_and_reads_the_test_set_once_for_each() {
    let home = home_with_sample();
    let sweep = ["--smoke", "--bottlenecks", "8,4,8", "--set", "train.epochs=1"];
    let mut shown = autoencoder(home.path(), &[&sweep[..], &["--format", "json"]].concat())
        .expect_code(0)
        .json();
    let run = home.path().join("runs/bottlenecks-0001");
    shown.as_object_mut().expect("an object").remove("run");
    assert_eq!(shown, json(&run.join("summary.json")));

    let found = shown["sweep"].as_array().expect("a sweep");
    assert_eq!(found.iter().map(|of| &of["latent"]).collect::<Vec<_>>(), [4, 8]);
    for (of, name) in found.iter().zip(["latent-0004", "latent-0008"]) {
        let own = json(&run.join(name).join("summary.json"));
        // Not the 3 epochs of `--smoke`, which would otherwise be applied once more.
        assert_eq!(own["epochs"], 1);
        for key in ["latent", "test_mse", "pca_components", "pca_test_mse", "dead_latent_units"] {
            assert_eq!(of[key], own[key], "{key} of {name}");
        }
        assert_eq!(json(&run.join(name).join("manifest.json"))["test_set_reads"], 1);
    }
    assert_eq!(json(&run.join("manifest.json"))["test_set_reads"], 2);
    let pca = [0, 1].map(|i| found[i]["pca_test_mse"].as_f64().expect("an error"));
    assert!(pca[0] > pca[1], "{pca:?}");
    assert!(read(&run.join("figures/bottleneck.png")).starts_with(b"\x89PNG"));
    let svg = String::from_utf8(read(&run.join("figures/bottleneck.svg"))).expect("text");
    assert!(svg.contains("principal components") && svg.contains("Sizes: 4, 8."));
    assert!(svg.contains("(sample), layers 128-code-128, 1 epoch, seed 0"), "{svg}");

    let alone = ["--smoke", "--quiet", "--set", "train.epochs=1", "--set", "autoencoder.latent=8"];
    autoencoder(home.path(), &alone).expect_code(0);
    let alone = home.path().join("runs/autoencoder-0001/model.safetensors");
    assert!(read(&alone) == read(&run.join("latent-0008/model.safetensors")));

    let list = ["runs", "show", "bottlenecks-0001"];
    let list = atelier(list).env("ATELIER_HOME", home.path()).run().expect_code(0);
    assert!(list.stdout.contains("size of the code  autoencoder  principal components"), "{list}");
}

#[test]
fn an_interrupted_sweep_goes_on_and_leaves_finished_sizes_as_they_are() {
    let home = home_with_sample();
    let run = home.path().join("runs/mine");
    let out = run.display().to_string();
    let long = ["--set", "train.epochs=60", "--set", "train.checkpoint_every=50", "--quiet"];
    let sweep = ["autoencoder", "--smoke", "--bottlenecks", "4,8", "--out", &out];
    let (mut command, _home) = atelier(sweep.iter().chain(&long)).into_command();
    command.env("ATELIER_HOME", home.path()).stdout(Stdio::null());
    let mut child = command.spawn().expect("atelier starts");
    for _ in 0..6000 {
        if run.join("latent-0008/metrics.jsonl").exists() {
            break;
        }
        sleep(Duration::from_millis(10));
    }
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-s", "INT", &id]).status().expect("kill");
    assert!(sent.success());
    assert_eq!(child.wait().expect("an end").code(), Some(130));
    assert!(!run.join("summary.json").exists());
    assert_eq!(json(&run.join("manifest.json"))["status"], "interrupted");
    let before = read(&run.join("latent-0004/manifest.json"));

    // What takes up a run takes up no sweep, and says what does.
    for (arguments, help) in [
        (&["--resume"][..], "autoencoder --bottlenecks --resume` goes on with it"),
        (&["--resume", "--out", &out], "autoencoder --bottlenecks --resume --out "),
    ] {
        let refused = autoencoder(home.path(), arguments).expect_code(2);
        assert!(refused.stderr.contains(help), "{refused}");
    }
    autoencoder(home.path(), &["--bottlenecks", "--resume", "--quiet"]).expect_code(0);
    assert!(read(&run.join("latent-0004/manifest.json")) == before, "trained once more");
    assert_eq!(json(&run.join("manifest.json"))["test_set_reads"], 2);
    assert_eq!(json(&run.join("summary.json"))["sweep"][1]["latent"], 8);
    let whole = home.path().join("whole");
    let alone = ["--smoke", "--set", "autoencoder.latent=8", "--out"];
    let place = whole.display().to_string();
    let alone = [&alone[..], &[&place], &long].concat();
    autoencoder(home.path(), &alone).expect_code(0);
    let models = [whole, run.join("latent-0008")].map(|run| read(&run.join("model.safetensors")));
    assert!(models[0] == models[1]);
}

#[test]
fn a_sweep_with_noise_tells_the_errors_of_noisy_images_and_large_codes_their_components() {
    let home = home_with_sample();
    let sweep = ["--smoke", "--bottlenecks", "4,790", "--set", "train.epochs=1"];
    let noise = ["--set", "autoencoder.noise=0.3"];
    let shown = autoencoder(home.path(), &[&sweep[..], &noise].concat()).expect_code(0);
    for text in ["autoencoder  of noisy images", " (of 784)"] {
        assert!(shown.stdout.contains(text), "no {text:?}: {shown}");
    }
    let run = home.path().join("runs/bottlenecks-0001");
    let summary = json(&run.join("summary.json"));
    for (of, name) in [(0, "latent-0004"), (1, "latent-0790")] {
        let own = json(&run.join(name).join("summary.json"));
        assert_eq!(summary["sweep"][of]["noisy_test_mse"], own["denoising"]["test_mse"]);
    }
    let svg = String::from_utf8(read(&run.join("figures/bottleneck.svg"))).expect("text");
    assert!(svg.contains("autoencoder, noisy images"));
    assert!(svg.contains("no more than 784 principal components"), "{svg}");
}

#[test]
fn sizes_that_cannot_be_are_refused_before_anything_is_written() {
    let home = home_with_sample();
    for (arguments, text) in [
        (&["--smoke", "--bottlenecks", "4,0"][..], "autoencoder.latent is 0, expected from 1"),
        (&["--smoke", "--bottlenecks", "4,x"], "invalid value 'x' for '--bottlenecks"),
        (
            &["--smoke", "--bottlenecks", "4", "--set", "autoencoder.latent=3"],
            "both name sizes of the code",
        ),
        (
            &["--smoke", "--bottlenecks", "4", "--set", "autoencoder.latents=3"],
            "did you mean `autoencoder.latent`?",
        ),
        (&["--bottlenecks", "4", "--resume"], "leave out the sizes after --bottlenecks"),
        (&["--bottlenecks", "--resume"], "autoencoder --bottlenecks`, or name one with --out"),
    ] {
        let refused = autoencoder(home.path(), arguments).expect_code(2);
        assert!(refused.stderr.contains(text), "{arguments:?}: {refused}");
    }
    assert!(!home.path().join("runs").exists());
}
