//! `autoencoder` from one end to the other, on the sample.

mod interrupted;
mod own_data;

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::cli::{Output, atelier};
use crate::fixture::{Files, home_with_sample};

/// `autoencoder --smoke` with more arguments, in a home of its own.
fn autoencoder(home: &Path, arguments: &[&str]) -> Output {
    atelier(["autoencoder", "--smoke"].iter().chain(arguments)).env("ATELIER_HOME", home).run()
}

fn model(run: &Path) -> Vec<u8> {
    fs::read(run.join("model.safetensors")).expect("a model")
}

/// The tensors of a model file: name, shape, values.
fn tensors(file: &[u8]) -> Vec<(String, Vec<u64>, Vec<f64>)> {
    let (length, rest) = file.split_at(8);
    let length = u64::from_le_bytes(length.try_into().expect("eight bytes"));
    let (header, data) = rest.split_at(usize::try_from(length).expect("a short header"));
    let header: Value = serde_json::from_slice(header).expect("a header in JSON");
    let tensors = header.as_object().expect("an object").iter();
    tensors
        .filter(|(name, _)| *name != "__metadata__")
        .map(|(name, of)| {
            let number = |value: &Value| value.as_u64().expect("a number");
            let shape = of["shape"].as_array().expect("a shape").iter().map(number).collect();
            let [from, to] =
                [0, 1].map(|i| usize::try_from(number(&of["data_offsets"][i])).expect("an offset"));
            let values = data[from..to].as_chunks::<4>().0.iter();
            let values = values.map(|&bytes| f64::from(f32::from_le_bytes(bytes))).collect();
            (name.clone(), shape, values)
        })
        .collect()
}

#[test]
fn a_run_tells_batches_and_epochs_and_compares_with_principal_components() {
    let home = home_with_sample();
    let arguments = ["--set", "train.batch_size=16", "--set", "data.validation=0"];
    let shown = autoencoder(home.path(), &arguments).expect_code(0);
    for text in [
        "training       2,000  1x28x28       10        200\n",
        "test           1,000  1x28x28       10        100\n",
        "\n125 batches of 16 an epoch\n",
        "218,192 parameters",
        "encoder.2  Linear 128 to 64",
        "test MSE: ",
        "principal components",
        "dead units of the code: ",
        "linear classifier",
        "again: cargo xtask autoencoder --config ",
    ] {
        assert!(shown.stdout.contains(text), "no {text:?}: {shown}");
    }
    for text in ["epoch  1 | batch  100/125 | loss 0.", "epoch  3 complete | avg loss 0."] {
        assert!(shown.stderr.contains(text), "no {text:?}: {shown}");
    }
    assert_eq!(shown.stderr.matches(" | batch ").count(), 3, "{shown}");
}

#[test]
fn a_run_directory_holds_everything_that_it_promises() {
    let home = home_with_sample();
    autoencoder(home.path(), &["--quiet"]).expect_code(0);
    let run = home.path().join("runs/autoencoder-0001");
    for name in
        ["manifest.json", "config.toml", "metrics.jsonl", "summary.json", "model.safetensors"]
            .into_iter()
            .chain(["reconstructions.safetensors"])
    {
        assert!(run.join(name).is_file(), "no {name}");
    }
    for name in [
        "reconstructions",
        "gallery",
        "losses",
        "classes",
        "units",
        "latent",
        "interpolation",
        "neighbours",
    ] {
        let png = fs::read(run.join(format!("figures/{name}.png"))).expect("a figure");
        assert!(png.starts_with(b"\x89PNG"), "{name}");
    }
    let svg = fs::read_to_string(run.join("figures/reconstructions.svg")).expect("a figure");
    for text in [
        "Autoencoder: Test Originals vs Reconstructions",
        "Original 1",
        "Original 2",
        "Reconstructed 1",
        "Reconstructed 2",
    ] {
        assert!(svg.contains(text), "no {text:?}");
    }
    assert_eq!(svg.matches("<image ").count(), 4);
    let manifest = fs::read_to_string(run.join("manifest.json")).expect("a manifest");
    assert!(manifest.contains("\"test_set_reads\": 1"), "{manifest}");
    assert!(!run.join("figures/denoising.png").exists(), "there was no noise");
}

#[test]
fn the_units_of_the_code_are_told_one_by_one() {
    let home = home_with_sample();
    let summary = autoencoder(home.path(), &["--format", "json"]).expect_code(0).json();
    let units = summary["units"].as_array().expect("units");
    assert_eq!(units.len(), 64);
    let of = |unit: &Value, key: &str| unit[key].as_f64().expect("a number");
    let dead = units.iter().filter(|unit| of(unit, "active") <= 0.0).count();
    assert_eq!(summary["dead_latent_units"], dead);
    let share = units.iter().map(|unit| of(unit, "active")).sum::<f64>() / 64.0;
    assert!((share - of(&summary, "active_share")).abs() < 1e-12, "{share}");
    for unit in units {
        // A value that is nowhere below 0 has a mean just where it is somewhere above.
        assert_eq!(of(unit, "mean") > 0.0, of(unit, "active") > 0.0, "{unit}");
    }
}

#[test]
fn an_autoencoder_that_learns_from_noisy_images_is_tested_on_clean_and_on_noisy_ones() {
    let home = home_with_sample();
    let noisy = ["--set", "autoencoder.noise=0.2", "--set", "train.epochs=40"];
    let shown = autoencoder(home.path(), &noisy).expect_code(0);
    for text in [
        "mean training loss of epoch 40 (of inputs with noise): ",
        "test MSE with noise of deviation 0.2: ",
    ] {
        assert!(shown.stdout.contains(text), "no {text:?}: {shown}");
    }
    let run = home.path().join("runs/autoencoder-0001");
    let read = |name: &str| fs::read_to_string(run.join(name)).expect("a file");
    let summary: Value = serde_json::from_str(&read("summary.json")).expect("JSON");
    let [clean, denoised, untouched] = [
        &summary["test_mse"],
        &summary["denoising"]["test_mse"],
        &summary["denoising"]["noisy_mse"],
    ]
    .map(|error| error.as_f64().expect("an error"));
    // The deviation is 0.2, and half of the noise on black pixels is cut off.
    assert!((0.02..0.04).contains(&untouched), "{untouched}");
    // It has learned from noisy images alone, and these are others.
    assert!(denoised < clean && clean < 0.05, "{denoised}, {clean}");
    assert!(read("figures/denoising.svg").contains("noise of deviation 0.2"));
    assert!(read("figures/losses.svg").contains("noise of deviation 0.2"));

    let again = ["--set", "autoencoder.noise=0.2", "--set", "train.epochs=40", "--format", "json"];
    let again = autoencoder(home.path(), &again).expect_code(0).json();
    assert_eq!(again["denoising"], summary["denoising"], "the noise is not that of the seed");
}

#[test]
fn a_code_larger_than_an_image_is_compared_with_all_principal_components_there_are() {
    let home = home_with_sample();
    let large = ["--set", "autoencoder.latent=800", "--set", "train.epochs=1"];
    let shown = autoencoder(home.path(), &large).expect_code(0);
    assert!(
        shown.stdout.contains("of principal components the training images have only 784"),
        "{shown}"
    );
    let run = home.path().join("runs/autoencoder-0001");
    let read = |name: &str| fs::read_to_string(run.join(name)).expect("a file");
    let summary: Value = serde_json::from_str(&read("summary.json")).expect("JSON");
    assert_eq!((&summary["latent"], &summary["pca_components"]), (&800.into(), &784.into()));
    assert!(summary["pca_test_mse"].as_f64().expect("an error") < 1e-12);
    let losses = read("figures/losses.svg");
    assert!(losses.contains("no more than 784 principal"), "{losses}");
    // Some 1e-30: an axis down to there would show nothing else.
    assert!(losses.contains("Not drawn: test, 784 principal components, "), "{losses}");
}

#[test]
fn the_presets_are_there_and_train() {
    let home = home_with_sample();
    for (preset, epochs, rate) in [("best", 20, 4e-3), ("longest", 200, 2e-3)] {
        let show = ["config", "show", &format!("autoencoder/{preset}"), "--format", "json"];
        let config = atelier(show).run().expect_code(0).json()["config"].take();
        assert_eq!(config["train"]["epochs"], epochs, "{preset}");
        assert_eq!(config["optimizer"]["learning_rate"], rate, "{preset}");
        assert_eq!(config["autoencoder"]["latent"], 64, "{preset}");
        assert_eq!(config["data"]["validation"], 0, "{preset}");

        let run = ["--preset", preset, "--format", "json"];
        let summary = autoencoder(home.path(), &run).expect_code(0).json();
        assert_eq!((&summary["epochs"], &summary["parameters"]), (&3.into(), &218_192.into()));
        // What the first biases of the code are there for.
        assert_eq!(summary["dead_latent_units"], 0, "{preset}");
    }
}

#[test]
fn the_model_file_alone_gives_the_error_that_was_reported() {
    let home = home_with_sample();
    let arguments = ["--format", "json", "--set", "train.epochs=12"];
    let summary = autoencoder(home.path(), &arguments).expect_code(0).json();
    let run = home.path().join("runs/autoencoder-0001");
    let tensors = tensors(&model(&run));
    let layers = ["encoder.0", "encoder.2", "decoder.0", "decoder.2"].map(|layer| {
        let find = |part: &str| {
            let name = format!("{layer}.{part}");
            tensors.iter().find(|(found, ..)| *found == name).expect("a tensor")
        };
        let (weight, bias) = (find("weight"), find("bias"));
        assert_eq!(weight.1, [bias.1[0], (weight.2.len() / bias.2.len()) as u64]);
        (&weight.2, &bias.2)
    });
    assert_eq!(tensors.len(), 8, "a strict loader would refuse more");

    let images = Files::new().get("t10k-images-idx3-ubyte")[16..].to_vec();
    let mut sum = 0.0;
    for image in images.chunks_exact(784) {
        let x: Vec<f64> = image.iter().map(|&pixel| f64::from(pixel) / 255.0).collect();
        let mut h = x.clone();
        for (position, (weight, bias)) in layers.iter().enumerate() {
            let rows = weight.chunks_exact(h.len()).zip(*bias);
            let z = rows.map(|(row, b)| row.iter().zip(&h).map(|(w, h)| w * h).sum::<f64>() + b);
            h = if position < 3 {
                z.map(|z| z.max(0.0)).collect()
            } else {
                z.map(|z| 1.0 / (1.0 + (-z).exp())).collect()
            };
        }
        sum += x.iter().zip(&h).map(|(x, y)| (x - y).powi(2)).sum::<f64>();
    }
    let reported = summary["test_mse"].as_f64().expect("an error");
    assert!((reported - sum / images.len() as f64).abs() < 1e-7, "{reported}");
    assert!(reported < 0.05, "{reported}");
}

#[test]
fn json_is_exactly_the_summary_and_the_directory() {
    let home = home_with_sample();
    let mut shown = autoencoder(home.path(), &["--format", "json"]).expect_code(0).json();
    let run = shown["run"].take();
    let run = Path::new(run.as_str().expect("a directory"));
    let summary = fs::read_to_string(run.join("summary.json")).expect("a summary");
    let summary: Value = serde_json::from_str(&summary).expect("JSON");
    shown.as_object_mut().expect("an object").remove("run");
    assert_eq!(shown, summary);
    let losses = summary["epoch_losses"].as_array().expect("losses");
    assert_eq!((losses.len(), losses.last()), (3, Some(&summary["train_mse"])));
    // Nothing learned from 1,600 images depends on the seed less than this.
    let pca = summary["pca_test_mse"].as_f64().expect("an error");
    assert!((0.010..0.012).contains(&pca), "{pca}");
}

#[test]
fn the_mean_over_the_batches_counts_a_short_one_fully() {
    let home = home_with_sample();
    autoencoder(home.path(), &["--set", "train.epochs=1", "--quiet"]).expect_code(0);
    let run = home.path().join("runs/autoencoder-0001");
    let read = |name: &str| fs::read_to_string(run.join(name)).expect("a file");
    let metrics = read("metrics.jsonl");
    let lines = metrics.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    let steps: Vec<Value> = lines.filter(|line: &Value| line["kind"] == "step").collect();
    let sum: f64 = steps.iter().map(|step| step["loss"].as_f64().expect("a loss")).sum();
    let summary: Value = serde_json::from_str(&read("summary.json")).expect("JSON");
    let reported = summary["train_mse"].as_f64().expect("an error");
    assert!((reported - sum / steps.len() as f64).abs() < 1e-12, "{reported}");
}

/// The model file has all eight tensors, and the decoder's weights are the encoder's.
fn assert_tied(run: &Path) {
    let tensors = tensors(&model(run));
    assert_eq!(tensors.len(), 8, "a strict loader would refuse others");
    for (down, up) in [("encoder.0", "decoder.2"), ("encoder.2", "decoder.0")] {
        let [down, up] = [down, up].map(|layer| {
            let name = format!("{layer}.weight");
            tensors.iter().find(|(found, ..)| *found == name).expect("a tensor")
        });
        assert_eq!(up.1, [down.1[1], down.1[0]]);
        let columns = usize::try_from(down.1[1]).expect("a small matrix");
        let rows = down.2.len() / columns;
        for (row, values) in down.2.chunks_exact(columns).enumerate() {
            let column: Vec<f64> = up.2.iter().copied().skip(row).step_by(rows).collect();
            assert!(column == values, "row {row} of {} is not a column of {}", down.0, up.0);
        }
    }
}

#[test]
fn tied_weights_are_counted_once_written_twice_and_the_same_with_any_number_of_threads() {
    let home = home_with_sample();
    let run = |name: &str| home.path().join(name);
    for threads in ["1", "2"] {
        let out = run(threads).display().to_string();
        let tied = ["--set", "autoencoder.tied=true", "--threads", threads, "--out", &out];
        let shown = autoencoder(home.path(), &tied).expect_code(0);
        for text in ["109,648 parameters", "decoder.2  Linear 128 to 784, weights of encoder.0"] {
            assert!(shown.stdout.contains(text), "no {text:?}: {shown}");
        }
    }
    assert!(model(&run("1")) == model(&run("2")), "one and two threads differ");
    assert_tied(&run("1"));
}

#[test]
fn the_same_seed_gives_the_same_weights_with_any_number_of_threads_and_noise_others() {
    let home = home_with_sample();
    let noise = ["--set", "autoencoder.noise=0.2"];
    for (run, extra) in [
        ("one", &["--threads", "1"][..]),
        ("two", &["--threads", "2"]),
        ("noisy", &noise),
        ("noisy-again", &noise),
        ("other", &["--seed", "1"]),
    ] {
        let out = home.path().join(run).display().to_string();
        autoencoder(home.path(), &[extra, &["--quiet", "--out", &out]].concat()).expect_code(0);
    }
    let [one, two, noisy, again, other] =
        ["one", "two", "noisy", "noisy-again", "other"].map(|run| model(&home.path().join(run)));
    assert!(one == two, "one and two threads differ");
    assert!(noisy == again, "noise is not that of the seed");
    assert!(one != noisy && one != other);
}

#[test]
fn another_bottleneck_changes_network_and_comparison() {
    let home = home_with_sample();
    let arguments = ["--format", "json", "--set", "autoencoder.latent=8"];
    let narrow = autoencoder(home.path(), &arguments).expect_code(0).json();
    assert_eq!(narrow["parameters"], 784 * 128 + 128 + 129 * 8 + 9 * 128 + 129 * 784);
    let pca = narrow["pca_test_mse"].as_f64().expect("an error");
    assert!((0.02..0.04).contains(&pca), "{pca}");
}

#[test]
fn settings_that_cannot_be_are_refused_before_anything_is_written() {
    let home = home_with_sample();
    for (setting, text) in [
        ("autoencoder.latent=0", "autoencoder.latent is 0, expected from 1 to 8192"),
        ("autoencoder.latent=60000", "autoencoder.latent is 60000"),
        ("autoencoder.hidden=128,0", "autoencoder.hidden is 0"),
        ("autoencoder.noise=-1", "autoencoder.noise is -1"),
        ("autoencoder.noise=11", "autoencoder.noise is 11, expected 0, or a deviation up to 10"),
        ("autoencoder.code_bias=2e3", "autoencoder.code_bias is 2000, expected from -1000 to 1000"),
        ("autoencoder.laten=3", "did you mean `autoencoder.latent`?"),
        ("model.hidden=3", "unknown key `model.hidden`"),
        ("data.augment.mixup=0.2", "`data.augment.mixup` is 0.2, expected 0: an autoencoder has"),
        ("data.augment.erase=0.2", "`data.augment.erase` is 0.2, expected 0: the noise would"),
        ("data.standardize=true", "`data.standardize` is true, expected false"),
        ("train.label_smoothing=0.1", "expected 0: an autoencoder looks at no labels"),
    ] {
        let refused = autoencoder(home.path(), &["--set", setting]).expect_code(2);
        assert!(refused.stderr.contains(text), "{setting}: {refused}");
    }
    let both = autoencoder(home.path(), &["--resume", "--seed", "2"]).expect_code(2);
    assert!(both.stderr.contains("--resume goes on with the run's own"), "{both}");
    let none = autoencoder(home.path(), &["--preset", "baseline"]).expect_code(2);
    assert!(none.stderr.contains("presets of `autoencoder`: assignment"), "{none}");
    assert!(!home.path().join("runs").exists());
}

#[test]
fn a_run_of_another_verb_is_not_taken_up() {
    let home = home_with_sample();
    let out = home.path().join("mine").display().to_string();
    let train = ["train", "--smoke", "--quiet", "--out", &out];
    atelier(train).env("ATELIER_HOME", home.path()).run().expect_code(0);
    let resume = ["autoencoder", "--resume", "--out", &out];
    let refused = atelier(resume).env("ATELIER_HOME", home.path()).run().expect_code(2);
    assert!(refused.stderr.contains("is a run of `train`, not of `autoencoder`"), "{refused}");
}
