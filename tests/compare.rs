//! `runs compare`: settings, results and curves side by side.

use std::fs;
use std::path::Path;

use crate::cli::{Output, atelier};
use crate::fixture::home_with_sample;

fn in_home(home: &Path, arguments: &[&str]) -> Output {
    atelier(arguments).env("ATELIER_HOME", home).run()
}

fn train(home: &Path, more: &[&str]) {
    in_home(home, &[&["train", "--smoke", "--quiet"], more].concat()).expect_code(0);
}

/// The cells of a table's row that begins with `key`.
fn row<'o>(output: &'o Output, key: &str) -> Vec<&'o str> {
    let line = output.stdout.lines().find(|line| line.split_whitespace().next() == Some(key));
    line.unwrap_or_else(|| panic!("no {key}: {output}")).split_whitespace().skip(1).collect()
}

#[test]
fn what_differs_is_told_and_what_came_of_it_and_the_curves_are_drawn() {
    let home = home_with_sample();
    train(home.path(), &[]);
    train(home.path(), &["--seed", "7", "--set", "optimizer.learning_rate=0.2"]);
    let compared = in_home(home.path(), &["runs", "compare", "train-0001", "train-0002"]);
    let compared = compared.expect_code(0);
    assert_eq!(row(&compared, "seed")[1], "7");
    assert_eq!(row(&compared, "optimizer.learning_rate")[1], "0.2000");
    // What is the same is not told, of results it is.
    assert!(!compared.stdout.contains("train.epochs"), "{compared}");
    assert_eq!(row(&compared, "parameters"), ["44860", "44860", "0"]);
    let cells = row(&compared, "test.accuracy");
    let number = |cell: &str| cell.parse::<f64>().expect("a number");
    assert!((number(cells[0]) + number(cells[2]) - number(cells[1])).abs() < 2e-4, "{compared}");

    let svg = fs::read_to_string(home.path().join("runs/comparison/comparison.svg"));
    let svg = svg.expect("a figure");
    for text in ["train-0001", "train-0002", "Training loss", "Validation accuracy", "epoch"] {
        assert!(svg.contains(text), "the figure does not say {text:?}");
    }
    assert!(home.path().join("runs/comparison/comparison.png").is_file());
    // It is no run.
    let listed = in_home(home.path(), &["runs", "list"]).expect_code(0);
    assert!(!listed.stdout.contains("comparison"), "{listed}");
}

#[test]
fn the_figure_goes_where_it_is_asked_to_go_and_replaces_nothing() {
    let home = home_with_sample();
    train(home.path(), &[]);
    train(home.path(), &["--seed", "7"]);
    let out = home.path().join("figures").display().to_string();
    let arguments = ["runs", "compare", "train-0001", "train-0002", "--out", &out];
    in_home(home.path(), &arguments).expect_code(0);
    let png = home.path().join("figures/comparison.png");
    let before = fs::read(&png).expect("a figure");
    let refused = in_home(home.path(), &arguments).expect_code(2);
    assert!(refused.stderr.contains("comparison.png is there already"), "{refused}");
    assert!(fs::read(&png).expect("a figure") == before);
    assert!(!home.path().join("runs/comparison").exists());
}

#[test]
fn runs_of_different_verbs_are_compared_in_what_they_share() {
    let home = home_with_sample();
    train(home.path(), &[]);
    in_home(home.path(), &["autoencoder", "--smoke", "--quiet"]).expect_code(0);
    let compared = in_home(home.path(), &["runs", "compare", "train-0001", "autoencoder-0001"]);
    let compared = compared.expect_code(0);
    assert!(compared.stderr.contains("runs of different verbs (autoencoder, train)"), "{compared}");
    assert!(
        compared.stderr.contains("no figure: curves of `train` and `autoencoder`"),
        "{compared}"
    );
    assert_eq!(row(&compared, "verb"), ["train", "autoencoder"]);
    assert_eq!(row(&compared, "optimizer.kind"), ["sgd", "adam"]);
    assert_eq!(row(&compared, "parameters")[0], "44860");
    assert!(!compared.stdout.contains("test_mse"), "{compared}");
}

#[test]
fn runs_within_runs_are_named_by_what_tells_them_apart() {
    let home = home_with_sample();
    in_home(home.path(), &["landscape", "--smoke", "--quiet"]).expect_code(0);
    let inner = ["landscape-0001/run-a", "landscape-0001/run-b"];
    let compared = in_home(home.path(), &["runs", "compare", inner[0], inner[1]]).expect_code(0);
    let head = compared.stdout.lines().next().expect("a line");
    assert_eq!(head.split_whitespace().collect::<Vec<_>>(), ["setting", "run-a", "run-b"]);
    let twice = in_home(home.path(), &["runs", "compare", inner[0], inner[0]]).expect_code(2);
    assert!(twice.stderr.contains("is named twice"), "{twice}");
}
