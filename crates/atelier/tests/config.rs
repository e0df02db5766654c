//! Configurations: layers, origins, and what is refused.

use std::path::PathBuf;

use atelier::cli::ConfigFlags;
use atelier::config::{Config, Resolved};
use atelier::failure::render;

fn resolve(flags: &ConfigFlags) -> Resolved {
    Resolved::new("train", flags, false).expect("a configuration")
}

fn refused(flags: &ConfigFlags) -> String {
    render(&Resolved::<Config>::new("train", flags, false).expect_err("a refusal"))
}

fn set(assignments: &[&str]) -> ConfigFlags {
    ConfigFlags { set: assignments.iter().map(ToString::to_string).collect(), ..Default::default() }
}

fn file(text: &str) -> (tempfile::TempDir, ConfigFlags, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("mine.toml");
    std::fs::write(&path, text).expect("a file");
    (dir, ConfigFlags { config: Some(path.clone()), ..Default::default() }, path)
}

/// The line of `config show` for a key of the section that holds it.
fn line(resolved: &Resolved, key: &str) -> String {
    let text = resolved.to_toml().expect("toml");
    let found = text.lines().find(|line| line.starts_with(&format!("{key} = ")));
    found
        .unwrap_or_else(|| panic!("no {key} in {text}"))
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn the_default_preset_is_the_assignments_network() {
    let config = resolve(&ConfigFlags::default()).config;
    assert_eq!(config.model.hidden, [50, 50, 50]);
    assert_eq!(config.seed, 0);
    assert_eq!(
        line(&resolve(&ConfigFlags::default()), "hidden"),
        "hidden = [50, 50, 50] # preset train/baseline"
    );
}

#[test]
fn each_layer_wins_over_the_one_before() {
    let (_dir, mut flags, path) = file("seed = 4\n\n[train]\nepochs = 7\nbatch_size = 32\n");
    let shown = path.display();
    let from_file = resolve(&flags);
    assert_eq!((from_file.config.train.epochs, from_file.config.train.batch_size), (7, 32));
    assert_eq!(line(&from_file, "epochs"), format!("epochs = 7 # {shown}:4"));
    assert_eq!(line(&from_file, "seed"), format!("seed = 4 # {shown}:1"));
    assert_eq!(line(&from_file, "ema"), "ema = 0.0 # default");

    flags.set =
        vec!["train.epochs=8".to_string(), "train.epochs=9".to_string(), "seed=5".to_string()];
    let from_set = resolve(&flags);
    assert_eq!((from_set.config.train.epochs, from_set.config.seed), (9, 5));
    assert_eq!(line(&from_set, "epochs"), "epochs = 9 # --set");

    flags.seed = Some(6);
    assert_eq!(resolve(&flags).config.seed, 6);
    assert_eq!(line(&resolve(&flags), "seed"), "seed = 6 # --seed");
}

#[test]
fn smoke_wins_over_files_and_loses_to_set() {
    let (_dir, mut flags, _) = file("[train]\nepochs = 7\n");
    let smoke = |flags: &ConfigFlags| Resolved::<Config>::new("train", flags, true).expect("smoke");
    assert_eq!(smoke(&flags).config.train.epochs, 3);
    flags.set = vec!["train.epochs=2".to_string()];
    assert_eq!(smoke(&flags).config.train.epochs, 2);
}

#[test]
fn what_is_shown_can_be_given_back_and_gives_the_same() {
    let flags = set(&[
        "model.hidden=128,64",
        "optimizer.kind=adamw",
        "data.validation=0.25",
        "train.weight_decay=1e-7",
        "optimizer.learning_rate=1",
        "data.augment.shift=2",
    ]);
    let first = resolve(&flags);
    let (_dir, again, _) = file(&first.to_toml().expect("toml"));
    assert_eq!(resolve(&again).config, first.config);
    assert_ne!(first.config, Config::default());
}

#[test]
fn a_list_may_be_written_with_commas_or_as_one_value() {
    for (text, hidden) in [
        ("model.hidden=[10,20]", vec![10, 20]),
        ("model.hidden=10,20", vec![10, 20]),
        ("model.hidden=10", vec![10]),
        ("model.hidden=[]", vec![]),
    ] {
        assert_eq!(resolve(&set(&[text])).config.model.hidden, hidden, "{text}");
    }
}

#[test]
fn an_unknown_key_is_refused_with_its_place_and_the_nearest_right_one() {
    let message = refused(&set(&["train.epoch=5"]));
    assert!(message.contains("--set train.epoch=5"), "{message}");
    assert!(
        message.contains("unknown key `train.epoch`; did you mean `train.epochs`?"),
        "{message}"
    );

    for (text, place) in [
        ("seed = 1\n[train]\nbatchsize = 3\n", "mine.toml:3"),
        ("[trian]\nepochs = 3\n", "mine.toml:2"),
        ("[trian]\n", "mine.toml:1"),
    ] {
        let (_dir, flags, _) = file(text);
        let message = refused(&flags);
        assert!(message.contains(place) && message.contains("did you mean"), "{text}: {message}");
    }
}

#[test]
fn a_value_of_the_wrong_type_is_refused_with_what_was_expected() {
    for (assignment, found, expected) in [
        ("train.epochs=many", "the text \"many\"", "a whole number, 0 or more"),
        ("train.epochs=-3", "-3", "a whole number, 0 or more"),
        ("train.epochs=1.5", "1.5", "a whole number, 0 or more"),
        ("train.weight_decay=big", "the text \"big\"", "a number"),
        ("train.weight_decay=inf", "inf", "a finite number"),
        ("data.standardize=1", "1", "true or false"),
        ("optimizer.kind=adm", "the text \"adm\"", "one of sgd, adam, adamw"),
        ("model.hidden=50,wide", "wide", "a whole number, 0 or more"),
        ("train=5", "section", "`train.epochs`"),
    ] {
        let message = refused(&set(&[assignment]));
        assert!(message.contains(found) && message.contains(expected), "{assignment}: {message}");
    }
    let (_dir, flags, _) = file("[optimizer]\nkind = \"adm\"\n");
    assert!(refused(&flags).contains("mine.toml:2"));
}

#[test]
fn a_file_that_is_missing_or_no_toml_is_refused_by_name() {
    let missing = ConfigFlags { config: Some("no/such.toml".into()), ..Default::default() };
    assert!(refused(&missing).contains("no/such.toml"));
    let (_dir, broken, path) = file("[train\n");
    let message = refused(&broken);
    assert!(
        message.contains(&path.display().to_string()) && message.contains("line 1"),
        "{message}"
    );
}
