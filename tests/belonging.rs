//! What does not belong to a run is not taken into it when the run goes on: another run in the place of an inner one,
//! other data, other sources, changed values.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::cli::{Output, atelier};
use crate::fixture::{Files, home_with_sample, reopen};

fn run(home: &Path, arguments: &[&str]) -> Output {
    atelier(arguments).env("ATELIER_HOME", home).run()
}

/// A home in which a run of these arguments has ended, and its directory.
fn ended(arguments: &[&str], out: &str) -> (TempDir, PathBuf) {
    let home = home_with_sample();
    run(home.path(), &[arguments, &["--smoke", "--quiet"]].concat()).expect_code(0);
    let out = home.path().join("runs").join(out);
    (home, out)
}

/// Takes the run in `out` up, which must be refused with all of these words and end with nothing changed but how it
/// stands.
#[track_caller]
fn refused(home: &Path, verb: &[&str], out: &Path, words: &[&str]) {
    let out = out.to_str().expect("a plain path");
    let refused = run(home, &[verb, &["--resume", "--out", out]].concat()).expect_code(2);
    for word in words {
        assert!(refused.stderr.contains(word), "{word:?} is not in {refused}");
    }
}

/// What a program says that ends with exit code 2.
#[track_caller]
fn refusal(child: Child) -> String {
    let ended = child.wait_with_output().expect("an end");
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(2), "{told}");
    told
}

/// Starts a run of these arguments in `out` and returns when `file` of it is there.
fn start(home: &Path, arguments: &[&str], out: &Path, file: &str) -> Child {
    let place = ["--quiet", "--out", out.to_str().expect("a plain path")];
    let (mut command, _home) = atelier([arguments, &place].concat()).into_command();
    command.env("ATELIER_HOME", home).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("a program");
    while !out.join(file).exists() {
        assert!(child.try_wait().expect("a child").is_none(), "it ended before {file}");
        sleep(Duration::from_millis(5));
    }
    child
}

fn sample(home: &Path) -> String {
    home.join("data/sample").display().to_string()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, target).expect("a copy");
        }
    }
}

#[test]
fn a_search_that_has_another_winner_does_not_take_the_old_ones_network() {
    let (home, search) = ended(&["tune", "--trials", "2", "--seed", "5"], "tune-0001");
    run(home.path(), &["train", "--smoke", "--quiet", "--seed", "9"]).expect_code(0);
    let retrained = search.join("retrained");
    let own = json(&retrained.join("manifest.json"))["config"].clone();
    fs::rename(&retrained, home.path().join("before")).expect("moved");
    for complete in [true, false] {
        let _ = fs::remove_dir_all(&retrained);
        copy(&home.path().join("runs/train-0001"), &retrained);
        if !complete {
            reopen(&retrained, "interrupted");
        }
        reopen(&search, "interrupted");
        let words = ["retrained holds another run", "seed is 9, expected 5", "help: move "];
        refused(home.path(), &["tune"], &search, &words);
    }
    // Moved away, as the help says, its place is taken by the winner's.
    fs::remove_dir_all(&retrained).expect("removed");
    let out = search.to_str().expect("a plain path");
    run(home.path(), &["tune", "--resume", "--quiet", "--out", out]).expect_code(0);
    assert_eq!(json(&retrained.join("manifest.json"))["config"], own);
}

#[test]
fn inner_runs_of_sweeps_and_series_are_those_of_their_place() {
    let (home, sweep) = ended(&["autoencoder", "--bottlenecks", "2,3"], "bottlenecks-0001");
    reopen(&sweep, "interrupted");
    fs::remove_dir_all(sweep.join("latent-0002")).expect("removed");
    copy(&sweep.join("latent-0003"), &sweep.join("latent-0002"));
    let words = ["latent-0002 holds another run", "autoencoder.latent is 3, expected 2"];
    refused(home.path(), &["autoencoder", "--bottlenecks"], &sweep, &words);

    let series = ["variants", "--best-dense", "--seeds", "2", "--set", "model.hidden=8"];
    let (home, series) = ended(&series, "best-dense-0001");
    reopen(&series, "interrupted");
    fs::remove_dir_all(series.join("seed-1")).expect("removed");
    copy(&series.join("seed-0"), &series.join("seed-1"));
    let words = ["seed-1 holds another run", "seed is 0, expected 1"];
    refused(home.path(), &["variants", "--best-dense"], &series, &words);

    // With the settings of its place, but from weights that were given.
    let [config, weights] = ["config.toml", "seed-0/model.safetensors"]
        .map(|name| series.join(name).to_str().expect("a plain path").to_string());
    let from = ["train", "--config", &config, "--seed", "1", "--from", &weights, "--quiet"];
    run(home.path(), &[&from[..], &["--data-dir", sample(home.path()).as_str()]].concat())
        .expect_code(0);
    fs::remove_dir_all(series.join("seed-1")).expect("removed");
    copy(&home.path().join("runs/train-0001"), &series.join("seed-1"));
    reopen(&series, "interrupted");
    let words = ["seed-1 holds another run", "it began from the weights in "];
    refused(home.path(), &["variants", "--best-dense"], &series, &words);
    let out = series.to_str().expect("a plain path");
    fs::remove_dir_all(series.join("seed-1")).expect("removed");
    run(home.path(), &["variants", "--best-dense", "--resume", "--quiet", "--out", out])
        .expect_code(0);
}

#[test]
fn a_landscape_goes_on_with_its_data_and_its_runs_only() {
    let files = Files::new();
    // Other images than the sample's.
    let mut images = files.get("train-images-idx3-ubyte");
    *images.last_mut().expect("pixels") ^= 2;
    files.put("train-images-idx3-ubyte", &images);
    let data = files.directory().to_str().expect("a plain path");
    let own = ["--data-dir", data, "--allow-unpinned"];
    let home = home_with_sample();
    let train = |seed: &str, out: &str| {
        let set = ["--set", "train.snapshots_per_epoch=2", "--set", "data.validation=400"];
        let out = home.path().join(out);
        let rest = ["--set", "train.epochs=2", "--quiet", "--seed", seed, "--out"];
        let out = [out.to_str().expect("a plain path")];
        run(home.path(), &[&["train"], &own[..], &set, &rest, &out].concat()).expect_code(0);
    };
    train("0", "source");
    train("3", "other");
    let source = home.path().join("source");
    let of = ["landscape", "--run", source.to_str().expect("a plain path")];
    let few = ["--set", "landscape.grid=5", "--set", "landscape.curvature=0", "--quiet"];
    run(home.path(), &[&of[..], &few].concat()).expect_code(0);
    let landscape = home.path().join("runs/landscape-0001");

    reopen(&landscape, "running");
    let keep = home.path().join("kept");
    fs::rename(&source, &keep).expect("moved");
    copy(&home.path().join("other"), &source);
    let words = ["are not those that this landscape was begun with", "put them back"];
    refused(home.path(), &["landscape"], &landscape, &words);
    fs::remove_dir_all(&source).expect("removed");
    fs::rename(&keep, &source).expect("moved");

    let mut changed = images.clone();
    *changed.last_mut().expect("pixels") ^= 1;
    files.put("train-images-idx3-ubyte", &changed);
    refused(home.path(), &["landscape"], &landscape, &["SHA-256 of train-images", ", and was "]);
    let anew = run(home.path(), &[&of[..], &["--quiet"]].concat()).expect_code(2);
    assert!(anew.stderr.contains("SHA-256 of train-images"), "{anew}");

    files.put("train-images-idx3-ubyte", &images);
    let out = landscape.to_str().expect("a plain path");
    run(home.path(), &["landscape", "--resume", "--quiet", "--out", out]).expect_code(0);
}

#[test]
fn values_that_stand_in_the_manifest_alone_are_not_changed_unnoticed() {
    let (home, sweep) = ended(&["autoencoder", "--bottlenecks", "2,3"], "bottlenecks-0001");
    let file = sweep.join("manifest.json");
    let whole = fs::read_to_string(&file).expect("a manifest");
    for (from, to) in [
        ("\"complete\"", "\"interrupted\""),
        ("\"complete\"", "\"running\""),
        ("\"seed\": 0,\n  \"started\"", "\"seed\": 4242,\n  \"started\""),
    ] {
        let changed = whole.replacen(from, to, 1);
        assert_ne!(changed, whole, "{from}");
        fs::write(&file, &changed).expect("a manifest");
        if to.contains("seed") {
            let verified = run(home.path(), &["runs", "verify", "bottlenecks-0001"]);
            assert!(verified.expect_code(1).stdout.contains("checksum"));
        } else {
            let words = ["manifest.json is damaged", "checksum"];
            refused(home.path(), &["autoencoder", "--bottlenecks"], &sweep, &words);
        }
    }
}

#[test]
fn a_changed_digit_in_the_record_of_a_comparison_is_noticed() {
    let (home, comparison) = ended(&["variants", "--set", "variants.seeds=2"], "variants-0001");
    let file = comparison.join("networks.jsonl");
    let lines = fs::read_to_string(&file).expect("a record");
    let changed = lines.replacen("\"accuracy\":0.", "\"accuracy\":0.9", 1);
    assert_ne!(changed, lines);
    fs::write(&file, changed).expect("a record");
    reopen(&comparison, "interrupted");
    refused(home.path(), &["variants"], &comparison, &["networks.jsonl:", "checksum"]);
    fs::write(&file, lines).expect("a record");
    let out = comparison.to_str().expect("a plain path");
    run(home.path(), &["variants", "--resume", "--quiet", "--out", out]).expect_code(0);
}

#[test]
fn verifying_misses_no_inner_run_and_follows_no_link() {
    let (home, search) = ended(&["tune", "--trials", "2"], "tune-0001");
    for name in ["one", "two"] {
        std::os::unix::fs::symlink(".", search.join(name)).expect("a link");
    }
    let verify = || run(home.path(), &["runs", "verify", "tune-0001"]);
    verify().expect_code(0);
    let manifest = search.join("retrained/manifest.json");
    fs::write(&manifest, "{").expect("damage");
    assert!(verify().expect_code(1).stdout.contains("is damaged"));
    fs::remove_file(&manifest).expect("removed");
    assert!(verify().expect_code(1).stdout.contains("there is no such run"));
}

#[test]
fn a_run_whose_directory_is_moved_says_so_at_its_next_checkpoint() {
    let home = home_with_sample();
    let out = home.path().join("runs/mine");
    let long = ["--set", "train.epochs=100000", "--set", "train.checkpoint_every=20"];
    let child =
        start(home.path(), &[&["train", "--smoke"], &long[..]].concat(), &out, "checkpoints");
    fs::rename(&out, home.path().join("runs/kept")).expect("moved");
    let told = refusal(child);
    // Between two files of a checkpoint the system says it.
    let words = ["is not the directory that this run is in", "No such file"];
    assert!(words.iter().any(|word| told.contains(word)), "{told}");
    assert!(told.contains("--out DIR` takes it up"), "{told}");
    assert!(!out.exists());
}

#[test]
fn a_study_whose_directory_is_moved_does_not_end_well_elsewhere() {
    let home = home_with_sample();
    let out = home.path().join("runs/mine");
    let long = ["init", "--smoke", "--set", "init.draws=30000"];
    let child = start(home.path(), &long, &out, "manifest.json");
    fs::rename(&out, home.path().join("runs/kept")).expect("moved");
    // Somebody else's is there by then.
    fs::create_dir(&out).expect("a directory");
    let told = refusal(child);
    assert!(told.contains("is not the directory that this run is in"), "{told}");
    assert_eq!(fs::read_dir(&out).expect("a directory").count(), 0);
}

#[test]
fn comparisons_go_through_no_link_and_into_no_run() {
    let (home, _) = ended(&["train"], "train-0001");
    run(home.path(), &["train", "--smoke", "--quiet", "--seed", "1"]).expect_code(0);
    let compare = || run(home.path(), &["runs", "compare", "train-0001", "train-0002"]);
    let place = home.path().join("runs/comparison");
    let elsewhere = home.path().join("elsewhere");
    fs::create_dir(&elsewhere).expect("a directory");
    std::os::unix::fs::symlink(&elsewhere, &place).expect("a link");
    let refused = compare().expect_code(2);
    assert!(refused.stderr.contains("is a link") && refused.stderr.contains("--out"), "{refused}");
    assert_eq!(fs::read_dir(&elsewhere).expect("a directory").count(), 0);
    fs::remove_file(&place).expect("removed");
    copy(&home.path().join("runs/train-0001"), &place);
    let refused = compare().expect_code(2);
    assert!(refused.stderr.contains("is a run") && refused.stderr.contains("--out"), "{refused}");
    fs::remove_dir_all(&place).expect("removed");
    compare().expect_code(0);
    assert!(place.join("comparison.png").is_file());
}

#[test]
fn what_a_landscape_cannot_be_drawn_of_is_refused_before_it_is_trained() {
    let home = home_with_sample();
    let few = ["--set", "train.epochs=1", "--set", "train.snapshots_per_epoch=1"];
    let refused = run(home.path(), &[&["landscape", "--smoke"], &few[..]].concat()).expect_code(2);
    assert!(refused.stderr.contains("2 snapshots, expected 3 or more"), "{refused}");
    let largest = "9223372036854775807";
    run(home.path(), &["landscape", "--smoke", "--seed", largest]).expect_code(2);
    let refused = run(home.path(), &["train", "--smoke", "--set", &format!("seed={largest}")]);
    assert!(
        refused.expect_code(2).stderr.contains("`seed` is 9223372036854775807, expected at most")
    );
    assert!(!home.path().join("runs").exists());
}

#[test]
fn predict_does_not_take_an_older_network_for_one_that_is_damaged() {
    let (home, _) = ended(&["train"], "train-0001");
    run(home.path(), &["train", "--smoke", "--quiet"]).expect_code(0);
    fs::write(home.path().join("runs/train-0002/manifest.json"), "{").expect("damage");
    let image = home.path().join("image.png");
    fs::write(&image, crate::predict::png(28, 28, &vec![vec![0; 28]; 28])).expect("a picture");
    let refused =
        run(home.path(), &["predict", image.to_str().expect("a plain path")]).expect_code(2);
    assert!(refused.stderr.contains("train-0002/manifest.json is damaged"), "{refused}");
    assert!(refused.stderr.contains("--run"), "{refused}");
}
