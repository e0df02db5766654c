//! `config show` and what a wrong configuration is answered with.

use crate::cli::{Output, atelier, temp_dir};

fn show(arguments: &[&str]) -> Output {
    atelier(["config", "show"].iter().chain(arguments)).run()
}

#[test]
fn the_resolved_configuration_is_shown_with_the_origin_of_each_value() {
    let shown = show(&["--set", "train.epochs=7", "--seed", "3"]).expect_code(0);
    let line = |start: &str| {
        let found = shown.stdout.lines().find(|line| line.starts_with(start));
        found.unwrap_or_else(|| panic!("no line {start:?}:\n{shown}")).to_string()
    };
    assert!(line("seed = 3").ends_with("# --seed"), "{shown}");
    assert!(line("epochs = 7").ends_with("# --set"), "{shown}");
    assert!(line("hidden = [50, 50, 50]").ends_with("# preset train/baseline"), "{shown}");
    assert!(line("ema = 0.0").ends_with("# default"), "{shown}");
}

#[test]
fn what_is_shown_can_be_given_back_as_a_file() {
    let directory = temp_dir();
    let shown = show(&["--set", "model.hidden=128,64"]).expect_code(0);
    std::fs::write(directory.path().join("mine.toml"), &shown.stdout).expect("a file");
    let given = atelier(["config", "show", "--config", "mine.toml", "--format", "json"]);
    let given = given.in_dir(directory.path()).run().expect_code(0);
    assert_eq!(given.json()["config"]["model"]["hidden"], serde_json::json!([128, 64]));
    let origin = &given.json()["origins"]["model.hidden"];
    assert!(origin.as_str().is_some_and(|origin| origin.starts_with("mine.toml:")), "{origin}");
}

#[test]
fn an_unknown_key_exits_2_with_the_nearest_right_one_and_where_to_look() {
    let refused = show(&["--set", "train.epoch=5"]).expect_code(2);
    assert!(refused.stderr.starts_with("error: --set train.epoch=5\n"), "{refused}");
    assert!(refused.stderr.contains("did you mean `train.epochs`?"), "{refused}");
    assert!(refused.stderr.contains("\nhelp: "), "{refused}");
    assert!(refused.stdout.is_empty(), "{refused}");
}

#[test]
fn an_unknown_key_of_a_file_is_named_with_its_line() {
    let directory = temp_dir();
    std::fs::write(directory.path().join("mine.toml"), "[train]\nepochs = 3\nbatches = 2\n")
        .expect("a file");
    let refused = atelier(["train", "--config", "mine.toml"]).in_dir(directory.path()).run();
    let refused = refused.expect_code(2);
    assert!(refused.stderr.contains("mine.toml:3"), "{refused}");
    assert!(refused.stderr.contains("unknown key `train.batches`"), "{refused}");
}

#[test]
fn a_value_out_of_range_exits_2_and_names_its_key() {
    for (key, value) in [
        ("train.epochs", "0"),
        ("train.batch_size", "0"),
        ("optimizer.learning_rate", "-1"),
        ("optimizer.momentum", "1"),
        ("train.label_smoothing", "1"),
        ("model.dropout", "1"),
        ("model.hidden", "50,0"),
        ("data.augment.mixup", "-1"),
        ("data.augment.erase", "-0.1"),
        ("data.validation", "1.5"),
        ("data.validation", "2000"),
    ] {
        let home = crate::fixture::home_with_sample();
        let set = format!("{key}={value}");
        let refused =
            atelier(["train", "--smoke", "--set", &set]).env("ATELIER_HOME", home.path()).run();
        let refused = refused.expect_code(2);
        assert!(refused.stderr.contains(key), "{set}: {refused}");
        assert!(!home.path().join("runs").exists(), "{set} left a run behind");
    }
}

#[test]
fn an_unknown_preset_verb_or_flag_exits_2() {
    let refused = show(&["basline"]).expect_code(2);
    assert!(refused.stderr.contains("did you mean `baseline`?"), "{refused}");
    atelier(["trian"]).run().expect_code(2);
    atelier(["train", "--epochs", "3"]).run().expect_code(2);
    atelier(["train", "--seed", "-1"]).run().expect_code(2);
    atelier(["train", "--threads", "0"]).run().expect_code(2);
}

#[test]
fn validation_is_a_count_a_share_or_none() {
    let none = show(&["--set", "data.validation=none", "--format", "json"]).expect_code(0);
    assert_eq!(none.json()["config"]["data"]["validation"], 0);
    for value in ["-1", "many", "true"] {
        let refused = show(&["--set", &format!("data.validation={value}")]).expect_code(2);
        let expected = "expected a count (0 or more), a share (0.0 to 1.0), or none";
        assert!(refused.stderr.contains(expected), "{refused}");
    }
}

#[test]
fn a_name_that_is_one_of_a_few_is_told_with_the_others_whatever_was_given() {
    for value in ["5", "true", "rleu"] {
        let refused = show(&["--set", &format!("model.activation={value}")]).expect_code(2);
        for name in ["relu", "tanh", "gelu"] {
            assert!(refused.stderr.contains(name), "{value}: no {name}: {refused}");
        }
    }
}

#[test]
fn what_is_echoed_is_cut() {
    let long = "x".repeat(5000);
    for set in [format!("train.epochs={long}"), format!("{long}=1"), long.clone()] {
        let refused = show(&["--set", &set]).expect_code(2);
        assert!(refused.stderr.lines().all(|line| line.chars().count() < 200), "{refused}");
    }
}
