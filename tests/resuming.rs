//! Interrupted runs: what is kept, and that going on ends in the same bits.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::cli::{Output, atelier};
use crate::fixture::{amend, home_with_sample, reopen};

/// Long enough to be interrupted, short enough to be finished.
const LONG: [&str; 7] = [
    "--smoke",
    "--set",
    "train.epochs=150",
    "--set",
    "train.checkpoint_every=20",
    "--set",
    "train.ema=0.9",
];

fn run(home: &Path, arguments: &[&str]) -> Output {
    atelier(arguments).env("ATELIER_HOME", home).run()
}

/// Starts a long run in `out` and returns when `file` of it is there.
fn start(home: &Path, out: &Path, file: &str) -> Child {
    let arguments = ["train"].iter().chain(&LONG).map(ToString::to_string);
    let arguments = arguments.chain(["--out".to_string(), out.display().to_string()]);
    let (mut command, _home) = atelier(arguments).into_command();
    command.env("ATELIER_HOME", home).stderr(Stdio::null());
    spawn(&mut command, &out.join(file))
}

/// Starts a program and returns when `file` is there.
fn spawn(command: &mut Command, file: &Path) -> Child {
    command.stdout(Stdio::null());
    let mut child = command.spawn().expect("atelier starts");
    for _ in 0..3000 {
        if file.exists() {
            return child;
        }
        assert!(
            child.try_wait().expect("a child").is_none(),
            "the run ended before {}",
            file.display()
        );
        sleep(Duration::from_millis(10));
    }
    panic!("{} does not appear", file.display());
}

fn signal(child: &mut Child, name: &str) -> Option<i32> {
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-s", name, &id]).status().expect("kill");
    assert!(sent.success());
    child.wait().expect("the run ends").code()
}

/// The model of the long run when nothing comes between.
fn undisturbed(home: &Path) -> Vec<u8> {
    let out = home.join("undisturbed");
    let path = out.display().to_string();
    let arguments = [&["train", "--quiet", "--out", &path], &LONG[..]].concat();
    run(home, &arguments).expect_code(0);
    fs::read(out.join("model.safetensors")).expect("a model")
}

fn status(run: &Path) -> String {
    let text = fs::read_to_string(run.join("manifest.json")).expect("a manifest");
    let manifest: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    manifest["status"].as_str().expect("a status").to_string()
}

fn out(home: &Path) -> PathBuf {
    home.join("runs/mine")
}

#[test]
fn an_interrupted_run_goes_on_to_the_same_bits() {
    let home = home_with_sample();
    let out = out(home.path());
    let mut child = start(home.path(), &out, "manifest.json");
    sleep(Duration::from_millis(100));
    assert_eq!(signal(&mut child, "INT"), Some(130));
    assert_eq!(status(&out), "interrupted");
    assert!(!out.join("model.safetensors").exists());

    // An older one is not taken for a newer whose manifest is damaged.
    let newer = home.path().join("runs/train-0001");
    fs::create_dir(&newer).expect("a directory");
    fs::write(newer.join("manifest.json"), "{").expect("a manifest");
    let refused = run(home.path(), &["train", "--resume"]).expect_code(2);
    assert!(refused.stderr.contains("train-0001/manifest.json is damaged"), "{refused}");
    assert!(refused.stderr.contains("name the run to take up with --out"), "{refused}");
    fs::remove_dir_all(newer).expect("a directory");

    // The newest interrupted run is found without being named, and with the sample it began with.
    run(home.path(), &["train", "--resume", "--threads", "1"]).expect_code(0);
    assert_eq!(status(&out), "complete");
    assert!(fs::read(out.join("model.safetensors")).expect("a model") == undisturbed(home.path()));
}

#[test]
fn a_terminated_run_exits_143_and_can_be_taken_up() {
    let home = home_with_sample();
    let out = out(home.path());
    let mut child = start(home.path(), &out, "manifest.json");
    assert_eq!(signal(&mut child, "TERM"), Some(143));
    assert_eq!(status(&out), "interrupted");
    run(home.path(), &["train", "--resume", "--out", &out.display().to_string()]).expect_code(0);
}

#[test]
fn a_killed_run_goes_on_from_its_checkpoint_to_the_same_bits() {
    let home = home_with_sample();
    let out = out(home.path());
    let mut child = start(home.path(), &out, "checkpoints");
    assert_eq!(signal(&mut child, "KILL"), None);
    assert_eq!(status(&out), "running");
    run(home.path(), &["train", "--resume"]).expect_code(0);
    assert!(fs::read(out.join("model.safetensors")).expect("a model") == undisturbed(home.path()));
    let lines = fs::read_to_string(out.join("metrics.jsonl")).expect("metrics");
    let epochs = lines.lines().filter(|line| line.contains("\"kind\":\"epoch\"")).count();
    assert_eq!(epochs, 150, "epochs are missing from the metrics, or stand there twice");
}

#[test]
fn a_run_that_goes_on_cannot_be_taken_up_by_another_process() {
    let home = home_with_sample();
    let out = out(home.path());
    let mut child = start(home.path(), &out, "manifest.json");
    let refused = run(home.path(), &["train", "--resume", "--out", &out.display().to_string()]);
    signal(&mut child, "KILL");
    let refused = refused.expect_code(2);
    assert!(refused.stderr.contains("is in use by"), "{refused}");
}

#[test]
fn what_cannot_be_resumed_is_refused_with_the_reason() {
    let home = home_with_sample();
    let none = run(home.path(), &["train", "--resume"]).expect_code(2);
    assert!(none.stderr.contains("no interrupted run"), "{none}");

    let out = out(home.path()).display().to_string();
    run(home.path(), &["train", "--smoke", "--quiet", "--out", &out]).expect_code(0);
    let other = run(home.path(), &["reproduce", "--resume", "--out", &out]).expect_code(2);
    assert!(other.stderr.contains("is a run of `train`"), "{other}");
    let set = run(home.path(), &["train", "--resume", "--set", "train.epochs=9"]).expect_code(2);
    assert!(set.stderr.contains("own configuration"), "{set}");
}

#[test]
fn a_run_is_not_taken_up_with_other_data() {
    let home = home_with_sample();
    let out = out(home.path());
    let mut child = start(home.path(), &out, "manifest.json");
    signal(&mut child, "INT");
    let files = crate::fixture::Files::new();
    let mut bytes = files.get("train-images-idx3-ubyte");
    bytes[1000] ^= 1;
    files.put("train-images-idx3-ubyte", &bytes);
    let data = files.directory().display().to_string();
    let arguments = ["train", "--resume", "--allow-unpinned", "--data-dir", &data];
    let refused = run(home.path(), &arguments).expect_code(2);
    assert!(refused.stderr.contains("was trained on fashion-mnist-sample"), "{refused}");
    assert!(refused.stderr.contains("SHA-256 of train-images-idx3-ubyte is "), "{refused}");
    assert_eq!(status(&out), "interrupted");
}

/// A long run that was interrupted soon after it began.
fn interrupted(home: &Path) -> PathBuf {
    let out = out(home);
    // Not before there is something to go on from, however busy the machine is.
    let mut child = start(home, &out, "checkpoints/step-00000500.safetensors");
    assert_eq!(signal(&mut child, "INT"), Some(130));
    out
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).expect("a file");
    assert!(text.contains(from), "{from:?} is not in {}", path.display());
    fs::write(path, text.replace(from, to)).expect("a file");
}

#[test]
fn a_run_on_ones_own_data_goes_on_with_them_and_says_how_it_is_repeated() {
    let home = home_with_sample();
    let files = crate::fixture::Files::new();
    let mut bytes = files.get("train-images-idx3-ubyte");
    bytes[1000] ^= 1;
    files.put("train-images-idx3-ubyte", &bytes);
    let data = files.directory().display().to_string();
    let (out, said) = (out(home.path()), home.path().join("said"));
    let path = out.display().to_string();
    let more = ["--set", "data.validation=400", "--allow-unpinned", "--data-dir", &data];
    let arguments = [&["train", "--out", &path], &LONG[1..], &more].concat();
    let (mut command, _home) = atelier(arguments).into_command();
    let stderr = fs::File::create(&said).expect("a file");
    let mut child =
        spawn(command.env("ATELIER_HOME", home.path()).stderr(stderr), &out.join("manifest.json"));
    assert_eq!(signal(&mut child, "INT"), Some(130));
    let said = fs::read_to_string(said).expect("what it said");
    let hint = format!("train --resume --out {path} --data-dir {data}` goes on from here");
    assert!(said.contains(&hint), "{said}");

    let resumed = run(home.path(), &["train", "--resume"]).expect_code(0);
    let again = resumed.stdout.lines().find_map(|line| line.strip_prefix("again: cargo xtask "));
    let words: Vec<&str> = again.expect("a command").split(' ').collect();
    run(home.path(), &words).expect_code(0);
    let model = |run: &Path| fs::read(run.join("model.safetensors")).expect("a model");
    assert!(model(&out) == model(&home.path().join("runs/train-0001")));
}

#[test]
fn a_terminal_that_closes_saves_the_run_unless_it_is_to_outlive_it() {
    let home = home_with_sample();
    let out = out(home.path());
    let path = out.display().to_string();
    let (command, _home) = atelier([&["train", "--out", &path], &LONG[..]].concat()).into_command();
    // The tests themselves may be such as are to outlive it.
    let mut heeding = Command::new("env");
    heeding.arg("--default-signal=HUP").arg(command.get_program()).args(command.get_args());
    heeding.env("ATELIER_HOME", home.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = spawn(&mut heeding, &out.join("manifest.json"));
    assert_eq!(signal(&mut child, "HUP"), Some(129));
    assert_eq!(status(&out), "interrupted");
    run(home.path(), &["train", "--resume"]).expect_code(0);

    // As `nohup` does it.
    let out = home.path().join("runs/outliving");
    let path = out.display().to_string();
    let (command, _home) = atelier([&["train", "--out", &path], &LONG[..]].concat()).into_command();
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' HUP; exec \"$0\" \"$@\""]).arg(command.get_program());
    shell.args(command.get_args()).env("ATELIER_HOME", home.path()).stderr(Stdio::null());
    let mut child = spawn(&mut shell, &out.join("manifest.json"));
    let sent = Command::new("kill").args(["-s", "HUP", &child.id().to_string()]).status();
    assert!(sent.expect("kill").success());
    sleep(Duration::from_millis(100));
    assert!(child.try_wait().expect("a child").is_none(), "the run ended");
    assert_eq!(signal(&mut child, "INT"), Some(130));
}

#[test]
fn a_killed_run_is_told_as_interrupted() {
    let home = home_with_sample();
    let out = out(home.path());
    let mut child = start(home.path(), &out, "manifest.json");
    let shown = |word: &str| {
        for arguments in [&["runs", "list"][..], &["runs", "show", "mine"]] {
            let told = run(home.path(), arguments).expect_code(0);
            assert!(told.stdout.contains(word), "no {word:?}: {told}");
        }
    };
    shown("running");
    signal(&mut child, "KILL");
    shown("interrupted");
}

#[test]
fn a_range_test_can_be_interrupted() {
    let home = home_with_sample();
    let large = ["--find-learning-rate", "--smoke", "--set", "model.hidden=3000,3000"];
    let (mut command, _home) = atelier(["train"].iter().chain(&large)).into_command();
    command.env("ATELIER_HOME", home.path()).stderr(Stdio::null());
    let out = home.path().join("runs/find-learning-rate-0001");
    let mut child = spawn(&mut command, &out.join("config.toml"));
    assert_eq!(signal(&mut child, "INT"), Some(130));
    assert_eq!(status(&out), "interrupted");
}

#[test]
fn a_run_that_failed_for_want_of_something_else_is_taken_up_when_that_is_mended() {
    let home = home_with_sample();
    let out = interrupted(home.path());
    let metrics = out.join("metrics.jsonl");
    let before = fs::read(&metrics).expect("metrics");
    fs::write(&metrics, &before[..before.len() / 2]).expect("damage");
    let failed = run(home.path(), &["train", "--resume"]).expect_code(2);
    assert!(failed.stderr.contains("metrics.jsonl is damaged"), "{failed}");
    let path = out.display().to_string();
    let help = format!("help: mend this, then `cargo xtask train --resume --out {path}` goes on");
    assert!(failed.stderr.contains(&help), "{failed}");
    assert_eq!(status(&out), "failed");

    fs::write(&metrics, before).expect("mended");
    run(home.path(), &["train", "--resume"]).expect_code(0);
    assert!(fs::read(out.join("model.safetensors")).expect("a model") == undisturbed(home.path()));
}

#[test]
fn a_run_that_diverged_is_not_taken_up_by_itself() {
    let home = home_with_sample();
    let rate = "optimizer.learning_rate=1e6";
    run(home.path(), &["train", "--smoke", "--set", rate]).expect_code(1);
    let none = run(home.path(), &["train", "--resume"]).expect_code(2);
    assert!(none.stderr.contains("no interrupted run"), "{none}");
}

#[test]
fn a_damaged_mark_of_the_best_checkpoint_is_a_warning() {
    let home = home_with_sample();
    let out = interrupted(home.path());
    fs::write(out.join("checkpoints/best"), "rubbish").expect("damage");
    let resumed = run(home.path(), &["train", "--resume"]).expect_code(0);
    assert!(resumed.stderr.contains("warning: which checkpoint is the best"), "{resumed}");
}

#[test]
fn settings_that_are_not_those_of_the_checkpoint_are_told_by_their_keys() {
    let home = home_with_sample();
    let out = interrupted(home.path());
    edit(&out.join("manifest.json"), "\"epochs\": 150", "\"epochs\": 151");
    let refused = run(home.path(), &["train", "--resume"]).expect_code(2);
    let text = "train.epochs is 150 in config.toml and 151 in manifest.json";
    assert!(refused.stderr.contains(text), "{refused}");
    // Where somebody has changed both, the manifest still knows.
    edit(&out.join("config.toml"), "epochs = 150", "epochs = 151");
    let refused = run(home.path(), &["train", "--resume"]).expect_code(2);
    assert!(refused.stderr.contains("values with the checksum"), "{refused}");
    // And where its checksum is gone, too, the checkpoint.
    amend(&out, |_| {});
    let refused = run(home.path(), &["train", "--resume"]).expect_code(2);
    let text = "train.epochs is 151, and was 150 when the checkpoint was made";
    assert!(refused.stderr.contains(text), "{refused}");
    assert!(!refused.stderr.contains('{'), "{refused}");
}

#[test]
fn a_complete_run_is_resumed_by_doing_nothing() {
    let home = home_with_sample();
    let cases: [&[&str]; 7] = [
        &["train"],
        &["autoencoder"],
        &["autoencoder", "--bottlenecks", "4"],
        &["landscape"],
        &["variants", "--seeds", "2"],
        &["tune"],
        &["init"],
    ];
    for (number, verb) in cases.into_iter().enumerate() {
        let out = home.path().join(format!("runs/{number}"));
        let path = out.display().to_string();
        let flags = ["--out", &path];
        let first = run(home.path(), &[verb, &["--smoke", "--format", "json"], &flags].concat());
        let first = first.expect_code(0).json();
        let files = || -> Vec<(PathBuf, Vec<u8>)> {
            ["manifest.json", "summary.json"]
                .map(|name| (out.join(name), fs::read(out.join(name)).expect("a file")))
                .to_vec()
        };
        let before = files();
        // Sizes and seeds are the run's own.
        let verb: Vec<&str> =
            verb.iter().copied().filter(|word| !["4", "2", "--seeds"].contains(word)).collect();
        let resumed =
            run(home.path(), &[&verb[..], &["--resume", "--format", "json"], &flags].concat());
        let resumed = resumed.expect_code(0);
        assert!(resumed.stderr.contains("is complete: nothing to do"), "{verb:?}: {resumed}");
        assert_eq!(resumed.json(), first, "{verb:?}");
        assert!(files() == before, "{verb:?} has changed its run");

        // Taken up, it goes on with its own settings and no others, whatever they are.
        reopen(&out, "interrupted");
        let go_on = || run(home.path(), &[&verb[..], &["--resume"], &flags].concat());
        let config = out.join("config.toml");
        let own = fs::read(&config).expect("a configuration");
        edit(&config, "seed = 0", "seed = 17");
        let refused = go_on().expect_code(2);
        let text = "seed is 17 in config.toml and 0 in manifest.json";
        assert!(refused.stderr.contains(text), "{verb:?}: {refused}");
        assert_eq!(status(&out), "interrupted", "{verb:?}");
        fs::remove_file(&config).expect("it is there");
        let refused = go_on().expect_code(2);
        assert!(refused.stderr.contains("config.toml is not there"), "{verb:?}: {refused}");
        fs::write(&config, own).expect("as it was");
        go_on().expect_code(0);
    }
}
