//! Data of one's own, with what Fashion-MNIST does not have: images that are all alike, classes without a
//! test image.

use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::cli::atelier;
use crate::fixture::{Files, amend, home_with_sample};

#[test]
fn images_that_are_all_alike_leave_no_error_and_all_figures() {
    let files = Files::new();
    for name in ["train-images-idx3-ubyte", "t10k-images-idx3-ubyte"] {
        let mut bytes = files.get(name);
        bytes[16..].fill(0);
        files.put(name, &bytes);
    }
    let data = files.directory().display().to_string();
    let home = home_with_sample();
    let arguments = ["autoencoder", "--allow-unpinned", "--data-dir", &data, "--quiet"];
    let small = ["--set", "train.epochs=2", "--set", "train.batch_size=32"];
    let run = atelier(arguments.iter().chain(&small)).env("ATELIER_HOME", home.path()).run();
    run.expect_code(0);
    let run = home.path().join("runs/autoencoder-0001");
    let read = |name: &str| fs::read_to_string(run.join(name)).expect("a file");
    let summary: Value = serde_json::from_str(&read("summary.json")).expect("JSON");
    assert_eq!(summary["pca_test_mse"], 0.0);
    assert!(read("figures/losses.svg").contains("Not drawn: test, 64 principal components, 0."));
    assert!(read("figures/latent.svg").contains("All codes are the same"));
}

#[test]
fn a_figure_without_room_for_all_classes_is_left_out_and_the_run_is_complete() {
    let files = Files::new();
    for name in ["train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte"] {
        let mut bytes = files.get(name);
        for (label, class) in bytes[8..].iter_mut().zip((0..50).cycle()) {
            *label = class;
        }
        files.put(name, &bytes);
    }
    let data = files.directory().display().to_string();
    let home = home_with_sample();
    let arguments = ["autoencoder", "--allow-unpinned", "--data-dir", &data];
    let small = ["--set", "train.epochs=1", "--set", "data.validation=0"];
    let run = atelier(arguments.iter().chain(&small)).env("ATELIER_HOME", home.path()).run();
    let run = run.expect_code(0);
    let said =
        "warning: figures/gallery is left out: cannot draw the gallery: 300 images in 50 columns";
    assert!(run.stderr.contains(said), "{run}");
    let figures = home.path().join("runs/autoencoder-0001/figures");
    assert!(figures.join("reconstructions.png").exists() && !figures.join("gallery.png").exists());
}

#[test]
fn of_few_large_images_principal_components_are_found_by_the_images() {
    let files = Files::new();
    let side = 175_u32;
    for (images, labels) in [
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
        ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
    ] {
        let pixels = files.get(images)[16..].to_vec();
        let count = 12 * usize::try_from(side * side).expect("a size");
        let header = [0x0803, 12, side, side].map(u32::to_be_bytes).concat();
        files.put(images, &[&header, &pixels[..count]].concat());
        let header = [0x0801, 12].map(u32::to_be_bytes).concat();
        files.put(labels, &[&header, &files.get(labels)[8..20]].concat());
    }
    let data = files.directory().display().to_string();
    let home = home_with_sample();
    let arguments = ["autoencoder", "--allow-unpinned", "--data-dir", &data, "--quiet"];
    let small = ["--set", "train.epochs=1", "--set", "data.validation=0"];
    let run = atelier(arguments.iter().chain(&small)).env("ATELIER_HOME", home.path()).run();
    run.expect_code(0);
    let summary = home.path().join("runs/autoencoder-0001/summary.json");
    let summary = fs::read_to_string(summary).expect("a summary");
    let summary: Value = serde_json::from_str(&summary).expect("JSON");
    // Twelve images vary in eleven directions.
    assert_eq!((&summary["pca_components"], &summary["latent"]), (&11.into(), &64.into()));
}

#[test]
fn classes_without_a_test_image_are_not_shown_and_hints_name_the_data() {
    let files = Files::new();
    let mut labels = files.get("t10k-labels-idx1-ubyte");
    for label in &mut labels[8..] {
        *label = (*label).max(2);
    }
    files.put("t10k-labels-idx1-ubyte", &labels);
    let data = files.directory().display().to_string();
    let home = home_with_sample();
    let out = home.path().join("mine").display().to_string();
    let arguments = ["autoencoder", "--allow-unpinned", "--data-dir", &data, "--out", &out];
    let small = ["--quiet", "--set", "train.epochs=1", "--set", "autoencoder.noise=0.2"];
    let more = ["--set", "train.snapshots_per_epoch=0"];
    let command = atelier(arguments.iter().chain(&small).chain(&more));
    command.env("ATELIER_HOME", home.path()).run().expect_code(0);
    let figure = |name: &str| {
        fs::read_to_string(home.path().join(format!("mine/figures/{name}.svg"))).expect("a figure")
    };
    assert_eq!(figure("denoising").matches("<image ").count(), 3 * 8);
    // Eight classes, and ten of the best and of the worst, twice; those that are missing are white.
    assert_eq!(figure("gallery").matches("<image ").count(), 6 * 10);
    assert_eq!(figure("interpolation").matches("<image ").count(), 3 * 9);

    let landscape = atelier(["landscape", "--run", &out]).env("ATELIER_HOME", home.path()).run();
    let refused = landscape.expect_code(2);
    let hint = format!(
        "autoencoder --config {out}/config.toml --data-dir {data} --allow-unpinned --set \
         train.snapshots_per_epoch=4`"
    );
    assert!(refused.stderr.contains(&hint), "{refused}");
}

#[test]
fn a_run_whose_settings_were_changed_is_told_how_to_begin_anew_on_its_own_data() {
    let files = Files::new();
    let mut bytes = files.get("train-images-idx3-ubyte");
    bytes[1000] ^= 1;
    files.put("train-images-idx3-ubyte", &bytes);
    let data = files.directory().display().to_string();
    let home = home_with_sample();
    let run = home.path().join("mine");
    let out = run.display().to_string();
    let arguments = ["autoencoder", "--allow-unpinned", "--data-dir", &data, "--out", &out];
    let long = ["--quiet", "--set", "train.epochs=500", "--set", "train.checkpoint_every=5"];
    let (mut command, _home) = atelier(arguments.iter().chain(&long)).into_command();
    command.env("ATELIER_HOME", home.path()).stdout(Stdio::null());
    let mut child = command.spawn().expect("atelier starts");
    for _ in 0..6000 {
        if run.join("metrics.jsonl").exists() {
            break;
        }
        sleep(Duration::from_millis(10));
    }
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-s", "INT", &id]).status().expect("kill");
    assert!(sent.success());
    assert_eq!(child.wait().expect("an end").code(), Some(130));

    let config = fs::read_to_string(run.join("config.toml")).expect("a file");
    let changed = config.replace("learning_rate = 0.001", "learning_rate = 0.002");
    assert_ne!(changed, config);
    fs::write(run.join("config.toml"), changed).expect("a file");
    amend(&run, |manifest| manifest["config"]["optimizer"]["learning_rate"] = 0.002.into());
    let resume = atelier(["autoencoder", "--resume", "--out", &out]);
    let refused = resume.env("ATELIER_HOME", home.path()).run().expect_code(2);
    let hint = format!(
        "begin anew with `cargo xtask autoencoder --config {out}/config.toml --data-dir {data} \
         --allow-unpinned`"
    );
    assert!(refused.stderr.contains(&hint), "{refused}");
}
