//! Studies that Atelier and the real Optuna write, read and complete together.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use atelier_tune::{
    Direction, Ended, Journal, Options, Parameter, Pruner, Space, State, Storage, Study, Trial,
    TrialError, TrialRecord, Value, Verdict, hyperparam_tuning,
};
use serde_json::{Value as Json, json};

use crate::cli::{root, skip, temp_dir};

/// A Python that has Optuna; a word about why the test is skipped where there is none.
fn python() -> Option<PathBuf> {
    let named = std::env::var_os("ATELIER_PYTHON").map(PathBuf::from);
    let python = named.unwrap_or_else(|| root().join("target/python/bin/python"));
    let has_optuna = |python: &PathBuf| {
        let output = Command::new(python).args(["-c", "import optuna"]).output();
        output.is_ok_and(|output| output.status.success())
    };
    let found = Some(python).filter(|python| python.is_file()).filter(has_optuna);
    if found.is_none() {
        skip("no Python environment with Optuna; .ci/run makes one");
    }
    found
}

fn script(python: &Path, command: &str, journal: &Path, argument: &str) -> Command {
    let mut script = Command::new(python);
    script.arg(root().join("tests/python/tuning.py")).arg(command).arg(journal).arg(argument);
    script
}

#[track_caller]
fn run_script(python: &Path, command: &str, journal: &Path, argument: &Path) {
    let argument = argument.to_str().expect("a plain path");
    let output = script(python, command, journal, argument).output().expect("Python runs");
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", said(&output.stdout), said(&output.stderr));
}

fn space() -> Space {
    let share = Parameter {
        name: "share".into(),
        domain: atelier_tune::Domain::Float { low: 0.0, high: 1.0, log: false, step: Some(0.25) },
        when: vec![],
    };
    Space::new([
        Parameter::log_float("rate", 1e-4, 1.0),
        share,
        Parameter::int("depth", 3, 5),
        Parameter::choices("kind", ["a", "b"]),
        Parameter::choices("norm", [false, true]),
        Parameter::choices("widths", [Value::from([30, 30]), Value::from([50])]),
        Parameter::float("momentum", 0.0, 0.9).when("kind", "b"),
    ])
    .expect("a space")
}

fn describe(trial: &TrialRecord) -> Json {
    let setting = |(name, value): (&str, &Value)| {
        let value = match value {
            // Optuna has no lists among choices; they are text there.
            Value::List(_) => json!(value.to_string()),
            other => serde_json::to_value(other).expect("JSON"),
        };
        (name.to_string(), value)
    };
    json!({
        "number": trial.number,
        "state": trial.state.name(),
        "value": trial.value,
        "settings": trial.settings.iter().map(setting).collect::<serde_json::Map<_, _>>(),
        "reports": trial.reports.iter().map(|(step, value)| (step.to_string(), json!(value))).collect::<serde_json::Map<_, _>>(),
    })
}

fn objective(trial: &mut Trial<'_>) -> Result<f64, TrialError> {
    let rate = trial.settings().float("rate")?;
    if trial.number() == 3 {
        return Err(TrialError::failed("diverged"));
    }
    for step in 1..4 {
        if trial.report(step, rate * step as f64)? != Verdict::Continue {
            return Ok(0.0);
        }
    }
    Ok(rate + trial.settings().float("depth")?)
}

fn tune(
    journal: &Path,
    trials: usize,
    objective: impl Fn(&mut Trial<'_>) -> Result<f64, TrialError> + Sync,
) -> Study {
    let storage = Journal::open(journal, "shared", Direction::Maximize).expect("a journal");
    let options = Options {
        trials,
        workers: 2,
        direction: Direction::Maximize,
        pruner: Pruner::SuccessiveHalving { first: 1, reduction: 2 },
        storage: Some(&storage),
        ..Options::default()
    };
    hyperparam_tuning(&space(), objective, &options).expect("a study")
}

#[test]
fn optuna_reads_a_study_of_ours() {
    let Some(python) = python() else { return };
    let directory = temp_dir();
    let journal = directory.path().join("study.log");
    let study = tune(&journal, 20, objective);
    assert!(study.count(State::Pruned) > 0 && study.count(State::Failed) > 0);
    let described: Vec<Json> = study.trials.iter().map(describe).collect();
    let expected = directory.path().join("trials.json");
    std::fs::write(&expected, Json::from(described).to_string()).expect("a file");
    run_script(&python, "read", &journal, &expected);
}

#[test]
fn we_read_a_study_of_optunas_and_go_on_with_it() {
    let Some(python) = python() else { return };
    let directory = temp_dir();
    let journal = directory.path().join("study.log");
    let expected = directory.path().join("trials.json");
    run_script(&python, "write", &journal, &expected);
    let expected = std::fs::read_to_string(&expected).expect("a file");
    let expected: Vec<Json> = serde_json::from_str(&expected).expect("JSON");
    let storage = Journal::open(&journal, "shared", Direction::Maximize).expect("a journal");
    let mut found = Vec::new();
    storage
        .look(&mut |study| found = study.trials.iter().map(describe).collect())
        .expect("a study");
    assert_eq!(found, expected);
    drop(storage);

    // Six trials ended there; the one that waits with half of its settings is left to Optuna.
    let study = tune(&journal, 15, objective);
    assert_eq!(study.ended, Ended::Complete);
    let finished = study.trials.iter().filter(|trial| trial.state.is_finished()).count();
    assert_eq!((finished, study.count(State::Waiting), study.trials.len()), (15, 1, 16));
}

#[test]
fn a_python_worker_and_a_rust_worker_complete_one_study() {
    let Some(python) = python() else { return };
    let directory = temp_dir();
    let journal = directory.path().join("study.log");
    drop(Journal::open(&journal, "shared", Direction::Maximize).expect("a journal"));
    let mut worker = script(&python, "work", &journal, "8");
    let mut worker = worker.stdout(Stdio::piped()).spawn().expect("Python runs");
    let mut said = BufReader::new(worker.stdout.take().expect("its output")).lines();
    // It is at work before the others begin, and done before the study can be.
    let first = said.next().expect("a line").expect("text");
    assert!(first.starts_with("made 0"), "{first}");
    let worker = Mutex::new(worker);
    let wait = || worker.lock().expect("the worker").wait().expect("an end");
    let study = tune(&journal, 40, |trial| {
        if trial.number() >= 20 {
            wait();
        }
        objective(trial)
    });
    assert!(wait().success());
    assert_eq!(study.ended, Ended::Complete);
    assert_eq!(study.trials.len(), 40);
    assert!(study.trials.iter().all(|trial| trial.state.is_finished()));
    assert_eq!(study.trials.iter().filter(|trial| trial.foreign).count(), 8);
    let rest: Vec<String> = said.map(|line| line.expect("text")).collect();
    assert_eq!(rest.len(), 7, "{rest:?}");
}
