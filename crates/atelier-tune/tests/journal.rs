//! What a study promises, kept in a journal that processes share and die over.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use atelier_tune::{
    Change, Direction, Ended, Journal, Options, Parameter, Pruner, Settings, Space, State, Storage,
    Study, Trial, TrialError, Value, Verdict, hyperparam_tuning,
};

const STEPS: u64 = 6;
const PRUNER: Pruner = Pruner::SuccessiveHalving { first: 1, reduction: 2 };

fn space() -> Space {
    Space::new([
        Parameter::float("x", 0.0, 1.0),
        Parameter::int("y", 0, 9),
        Parameter::choices("widths", [Value::from([30, 30]), Value::from([50])]).when("y", 3),
    ])
    .expect("a space")
}

fn value(settings: &Settings, step: u64) -> f64 {
    let x = settings.float("x").expect("x");
    let y = settings.float("y").expect("y");
    (x - 0.3).powi(2) + (y - 7.0).abs() / 10.0 + 1.0 / step as f64
}

/// A pretence of training that takes `pause` a step, keeps the number of steps that are done beside
/// the journal, and continues from it.
fn train(trial: &mut Trial<'_>, directory: &Path, pause: Duration) -> Result<f64, TrialError> {
    let path = directory.join(format!("trial-{}", trial.number()));
    let done: u64 = match std::fs::read_to_string(&path) {
        Ok(text) if trial.attempt() > 1 => text.parse()?,
        _ => 0,
    };
    // It may have been killed between a checkpoint and its report; what is known costs nothing.
    for step in 1..=done {
        if trial.report(step, value(trial.settings(), step))? != Verdict::Continue {
            return Ok(0.0);
        }
    }
    for step in done + 1..STEPS {
        std::thread::sleep(pause);
        atelier_store::durable_write(&path, step.to_string().as_bytes())?;
        if trial.report(step, value(trial.settings(), step))? != Verdict::Continue {
            return Ok(0.0);
        }
    }
    let last = value(trial.settings(), STEPS);
    trial.report_last(STEPS, last);
    Ok(last)
}

fn run(journal: &Path, trials: usize, workers: usize, pause: Duration) -> Study {
    let storage = Journal::open(journal, "s", Direction::Minimize).expect("a journal");
    let options =
        Options { trials, workers, pruner: PRUNER, storage: Some(&storage), ..Options::default() };
    let directory = journal.parent().expect("a directory");
    hyperparam_tuning(&space(), |trial| train(trial, directory, pause), &options).expect("a study")
}

/// All that a study has to show, without times, workers and attempts.
fn course(study: &Study) -> Vec<String> {
    let trial = |t: &atelier_tune::TrialRecord| {
        format!("{} {} {:?} {:?} {:?}", t.number, t.settings, t.state, t.value, t.reports)
    };
    study.trials.iter().map(trial).collect()
}

/// The study as it is without a journal or an interruption.
fn undisturbed(trials: usize) -> Study {
    let directory = tempfile::tempdir().expect("a directory");
    let options = Options { trials, pruner: PRUNER, ..Options::default() };
    let objective = |trial: &mut Trial<'_>| train(trial, directory.path(), Duration::ZERO);
    hyperparam_tuning(&space(), objective, &options).expect("a study")
}

const JOURNAL: &str = "ATELIER_TUNE_TEST_JOURNAL";
const TRIALS: &str = "ATELIER_TUNE_TEST_TRIALS";
const WORKERS: &str = "ATELIER_TUNE_TEST_WORKERS";

/// Run by itself it is a test like the others. Tests below run it in processes of their own,
/// over a journal that they name.
#[test]
fn a_study_in_a_journal_is_the_study_in_memory() {
    if let Some(journal) = std::env::var_os(JOURNAL) {
        let count = |name| std::env::var(name).expect("a number").parse().expect("a number");
        run(Path::new(&journal), count(TRIALS), count(WORKERS), Duration::from_millis(4));
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let journal = directory.path().join("study.log");
    let study = run(&journal, 24, 2, Duration::ZERO);
    assert_eq!(study.ended, Ended::Complete);
    assert_eq!(course(&study), course(&undisturbed(24)));
    // And again from what was read back, lists among the choices included.
    assert_eq!(course(&run(&journal, 24, 1, Duration::ZERO)), course(&study));
    let lists = study.trials.iter().filter_map(|trial| trial.settings.get("widths"));
    assert!(lists.count() > 0, "no trial had a list");
}

fn worker_process(journal: &Path, trials: usize, workers: usize) -> Child {
    let program = std::env::current_exe().expect("this program");
    Command::new(program)
        .args(["--exact", "a_study_in_a_journal_is_the_study_in_memory"])
        .env(JOURNAL, journal)
        .env(TRIALS, trials.to_string())
        .env(WORKERS, workers.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a worker")
}

#[test]
fn killing_workers_at_any_moment_neither_loses_nor_doubles_a_trial() {
    let kills: u64 =
        std::env::var("ATELIER_TUNE_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(12);
    let expected = course(&undisturbed(24));
    let (mut done, mut round) = (0, 0_u64);
    let mut requeued = 0;
    while done < kills {
        round += 1;
        let directory = tempfile::tempdir().expect("a directory");
        let journal = directory.path().join("study.log");
        let start = || worker_process(&journal, 24, 2);
        // One process or two at a time, killed at moments that differ from round to round.
        let mut workers: Vec<Child> = (0..=round % 2).map(|_| start()).collect();
        for kill in 0..6 {
            let moment = 25 + (round * 37 + kill * 61) % 90;
            std::thread::sleep(Duration::from_millis(moment));
            let place = usize::try_from(kill).expect("small") % workers.len();
            // SIGKILL on Unix. One that has ended already is no harm, and not counted.
            if workers[place].try_wait().expect("a process").is_none() {
                workers[place].kill().expect("a kill");
                done += 1;
            }
            workers[place].wait().expect("an end");
            workers[place] = start();
        }
        for mut worker in workers {
            assert!(worker.wait().expect("an end").success(), "round {round}");
        }
        let study = run(&journal, 24, 2, Duration::ZERO);
        assert_eq!(course(&study), expected, "round {round}");
        requeued += study.trials.iter().filter(|trial| trial.attempts > 1).count();
    }
    assert!(requeued > 0, "nothing was interrupted");
}

#[test]
fn two_workers_at_once_complete_one_study_as_one_does() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = directory.path().join("study.log");
    let studies: Vec<Study> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| run(&journal, 30, 1, Duration::from_millis(1))))
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("a worker")).collect()
    });
    let expected = course(&undisturbed(30));
    for study in studies {
        assert_eq!(study.ended, Ended::Complete);
        assert_eq!(course(&study), expected);
    }
}

#[test]
fn many_more_workers_than_cores_in_threads_and_processes_do_each_trial_once() {
    const TRIALS: usize = 60;
    let directory = tempfile::tempdir().expect("a directory");
    let journal = directory.path().join("study.log");
    // 3 processes and 2 searches of this one, with 8 workers each.
    let processes: Vec<Child> = (0..3).map(|_| worker_process(&journal, TRIALS, 8)).collect();
    let studies: Vec<Study> = std::thread::scope(|scope| {
        let search = || run(&journal, TRIALS, 8, Duration::from_millis(4));
        let searches = [scope.spawn(search), scope.spawn(search)];
        searches.into_iter().map(|search| search.join().expect("a search")).collect()
    });
    for mut process in processes {
        assert!(process.wait().expect("an end").success());
    }
    let expected = course(&undisturbed(TRIALS));
    for study in studies {
        assert_eq!(study.ended, Ended::Complete);
        assert_eq!(course(&study), expected);
        assert!(study.trials.iter().all(|trial| trial.attempts == 1), "a trial was begun twice");
    }
    // And in the file every trial ends once: what reads it takes the first end.
    let text = std::fs::read_to_string(&journal).expect("the journal");
    let mut ends = [0; TRIALS];
    for line in text.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).expect("JSON");
        // Optuna's change of a trial's state; 1 to 3 are complete, pruned and failed.
        if entry["op_code"] == 6 && (1..=3).contains(&entry["state"].as_u64().expect("a state")) {
            ends[usize::try_from(entry["trial_id"].as_u64().expect("a trial")).expect("small")] +=
                1;
        }
    }
    assert_eq!(ends, [1; TRIALS]);
}

#[test]
fn the_trial_of_a_worker_that_is_gone_is_taken_up_and_that_of_a_stranger_left_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = directory.path().join("study.log");
    let claim = |number| {
        let gone = Journal::open(&journal, "s", Direction::Minimize).expect("a journal");
        let create = |slot: u64| Change::Create {
            settings: [
                ("x", Value::Float(0.5)),
                ("y", Value::from(i64::try_from(slot).expect("small"))),
            ]
            .into_iter()
            .collect(),
            domains: space().parameters()[..2].iter().map(|p| p.domain.clone()).collect(),
            slot,
        };
        gone.change(&mut |study| {
            let new = study.trials.is_empty().then(|| [create(0), create(1)]);
            Ok(new.into_iter().flatten().chain([Change::Claim { number }]).collect())
        })
        .expect("a claim");
    };
    claim(0);
    // Trial 1 goes to a worker of Optuna, of whom nothing is known.
    let stranger = "{\"op_code\":6,\"worker_id\":\"8d2c-140\",\"trial_id\":1,\"state\":0,\"values\":null,\"datetime_start\":\"2026-01-01T00:00:00.000000+00:00\"}\n";
    let mut text = std::fs::read_to_string(&journal).expect("the journal");
    text.push_str(stranger);
    std::fs::write(&journal, text).expect("the journal");

    let study = run(&journal, 10, 2, Duration::ZERO);
    assert_eq!(study.trials.len(), 10);
    assert!(study.trials[0].state.is_finished());
    assert_eq!(study.trials[0].attempts, 2);
    assert_eq!(study.trials[1].state, State::Running);
    assert_eq!(study.count(State::Running), 1);
}

#[test]
fn a_line_that_a_crash_tore_is_cut_off_and_the_study_goes_on() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = directory.path().join("study.log");
    run(&journal, 16, 2, Duration::ZERO);
    let text = std::fs::read_to_string(&journal).expect("the journal");
    let expected = course(&undisturbed(16));
    // Torn in the middle of the batch that was added at once, in a report, before an end.
    let lines: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
    for cut in [lines[4] + 20, lines[11] + 1, lines[lines.len() / 2] + 9, text.len() - 2] {
        std::fs::write(&journal, &text[..cut]).expect("the journal");
        assert_eq!(course(&run(&journal, 16, 2, Duration::ZERO)), expected, "cut at {cut}");
        let repaired = std::fs::read_to_string(&journal).expect("the journal");
        assert!(
            repaired.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok())
        );
    }
}

#[test]
fn nothing_that_is_no_number_gets_into_the_journal() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = directory.path().join("study.log");
    let storage = Journal::open(&journal, "s", Direction::Maximize).expect("a journal");
    let objective = |trial: &mut Trial<'_>| {
        match trial.number() {
            0 => return Ok(f64::NAN),
            1 => assert_eq!(trial.report(1, f64::NEG_INFINITY)?, Verdict::Prune),
            2 => trial.report_last(1, f64::INFINITY),
            _ => {}
        }
        Ok(0.5)
    };
    let options = Options {
        trials: 4,
        direction: Direction::Maximize,
        storage: Some(&storage),
        ..Options::default()
    };
    let study = hyperparam_tuning(&space(), objective, &options).expect("a study");
    assert_eq!((study.count(State::Failed), study.count(State::Complete)), (3, 1));
    let text = std::fs::read_to_string(&journal).expect("the journal");
    for line in text.lines() {
        serde_json::from_str::<serde_json::Value>(line).expect("JSON");
    }
    let reopened = Journal::open(&journal, "s", Direction::Maximize).expect("a journal");
    reopened
        .look(&mut |stored| {
            assert_eq!(stored.trials[0].failure.as_deref(), Some("the objective is NaN"));
            assert!(stored.trials[0].finished.as_deref().is_some_and(|at| at.ends_with("+00:00")));
        })
        .expect("a study");
}

#[test]
fn a_file_holds_several_studies_that_do_not_meet() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = directory.path().join("study.log");
    let other = Journal::open(&journal, "other", Direction::Maximize).expect("a journal");
    let options = Options {
        trials: 5,
        direction: Direction::Maximize,
        storage: Some(&other),
        ..Options::default()
    };
    hyperparam_tuning(&space(), |trial| Ok(trial.settings().float("x")?), &options)
        .expect("a study");
    assert_eq!(course(&run(&journal, 10, 2, Duration::ZERO)), course(&undisturbed(10)));
    let message = Journal::open(&journal, "other", Direction::Minimize)
        .and_then(|storage| {
            let options = Options { storage: Some(&storage), ..Options::default() };
            hyperparam_tuning(&space(), |_| Ok(0.0), &options)
        })
        .expect_err("refused")
        .to_string();
    assert!(message.contains("direction Maximize, this one Minimize"), "{message}");
}
