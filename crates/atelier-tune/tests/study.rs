//! What a study promises, kept in memory.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use atelier_tune::{
    Change, Direction, Ended, Error, Event, Memory, Options, Parameter, Pruner, Sampler, Schedule,
    Space, State, Storage, Study, StudyRecord, Trial, TrialError, Verdict, hyperparam_tuning,
};

fn space() -> Space {
    Space::new([
        Parameter::log_float("rate", 1e-4, 1.0),
        Parameter::choices("kind", ["a", "b"]),
        Parameter::int("width", 1, 64).when("kind", "b"),
    ])
    .expect("a space")
}

/// Something like training: nine epochs, better with a rate near 0.03, diverging above 0.7.
fn train(trial: &mut Trial<'_>) -> Result<f64, TrialError> {
    let rate = trial.settings().float("rate")?;
    let width = trial.settings().int("width").unwrap_or(8);
    let end = (rate.ln() - 0.03_f64.ln()).powi(2) + (width - 30).pow(2) as f64 / 500.0;
    for epoch in 1..9 {
        if rate > 0.7 && epoch == 5 {
            return Err(TrialError::failed("diverged"));
        }
        if trial.report(epoch, end + 3.0 / epoch as f64)? != Verdict::Continue {
            return Ok(f64::NAN);
        }
    }
    trial.report_last(9, end + 1.0 / 3.0);
    Ok(end)
}

/// All that a study has to show, without times.
fn course(study: &Study) -> Vec<String> {
    let trial = |t: &atelier_tune::TrialRecord| {
        format!("{} {} {:?} {:?} {:?}", t.number, t.settings, t.state, t.value, t.reports)
    };
    study.trials.iter().map(trial).collect()
}

const PRUNERS: [Pruner; 4] = [
    Pruner::None,
    Pruner::Median { first: 2 },
    Pruner::SuccessiveHalving { first: 1, reduction: 3 },
    Pruner::Hyperband { first: 1, last: 9, reduction: 3 },
];

#[test]
fn the_same_seed_gives_the_same_study_with_any_number_of_workers() {
    for sampler in [Sampler::Random, Sampler::Tpe] {
        for pruner in PRUNERS {
            let run = |workers, seed| {
                let options =
                    Options { trials: 35, sampler, pruner, workers, seed, ..Options::default() };
                hyperparam_tuning(&space(), train, &options).expect("a study")
            };
            let one = run(1, 7);
            assert_eq!(one.trials.len(), 35);
            for workers in [2, 5, 12] {
                assert_eq!(
                    course(&run(workers, 7)),
                    course(&one),
                    "{sampler:?} {pruner:?} {workers}"
                );
            }
            assert_ne!(course(&run(1, 8)), course(&one));
            let pruned = one.count(State::Pruned);
            assert_eq!(pruned > 0, pruner != Pruner::None, "{pruner:?} pruned {pruned}");
            assert!(one.best().is_some(), "{sampler:?} {pruner:?}");
        }
    }
}

#[test]
fn a_study_that_was_stopped_goes_on_as_if_nothing_had_happened() {
    for pruner in PRUNERS {
        let whole = hyperparam_tuning(
            &space(),
            train,
            &Options { trials: 30, pruner, workers: 2, ..Options::default() },
        )
        .expect("a study");
        let storage = Memory::new(Direction::Minimize);
        let mut runs = 0;
        let study = loop {
            runs += 1;
            assert!(runs < 300, "{pruner:?} does not end");
            // Told to stop after a few reports, at another place each time.
            let left = AtomicUsize::new(5 + runs * 7 % 19);
            let observer = |event: Event<'_>| {
                if matches!(event, Event::Reported { .. }) {
                    let _ = left
                        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
                }
            };
            let stop = || left.load(Ordering::Relaxed) == 0;
            let options = Options {
                trials: 30,
                pruner,
                workers: 2,
                storage: Some(&storage),
                observer: &observer,
                stop: &stop,
                ..Options::default()
            };
            let study = hyperparam_tuning(&space(), train, &options).expect("a study");
            if study.ended == Ended::Complete {
                break study;
            }
            assert_eq!(study.ended, Ended::Stopped);
            assert_eq!(study.count(State::Running), 0);
        };
        assert!(runs > 3, "{pruner:?} was hardly interrupted");
        assert_eq!(course(&study), course(&whole), "{pruner:?}");
    }
}

#[test]
fn more_trials_are_those_that_a_longer_study_would_have_had() {
    let storage = Memory::new(Direction::Minimize);
    let run = |trials| {
        let options = Options { trials, storage: Some(&storage), workers: 3, ..Options::default() };
        hyperparam_tuning(&space(), train, &options).expect("a study")
    };
    assert_eq!(run(11).trials.len(), 11);
    assert_eq!(run(11).trials.len(), 11, "the number is a total");
    let longer = run(29);
    let at_once = Options { trials: 29, ..Options::default() };
    let at_once = hyperparam_tuning(&space(), train, &at_once).expect("a study");
    assert_eq!(course(&longer), course(&at_once));
}

#[test]
fn trials_that_diverge_are_failed_and_the_search_goes_on() {
    let objective = |trial: &mut Trial<'_>| match trial.number() % 4 {
        0 => Err(TrialError::failed("diverged at epoch 2")),
        1 => {
            let verdict = trial.report(1, f64::NAN)?;
            assert_eq!(verdict, Verdict::Prune);
            Ok(1.0)
        }
        2 => Ok(f64::INFINITY),
        _ => Ok(2.0),
    };
    let options = Options { trials: 12, workers: 2, ..Options::default() };
    let study = hyperparam_tuning(&space(), objective, &options).expect("a study");
    assert_eq!((study.count(State::Failed), study.count(State::Complete)), (9, 3));
    let why = |number: usize| study.trials[number].failure.as_deref();
    assert_eq!(why(0), Some("diverged at epoch 2"));
    assert_eq!(why(1), Some("the value after step 1 is NaN"));
    assert_eq!(why(2), Some("the objective is inf"));
    assert_eq!(study.best().expect("a trial").number, 3);
}

#[test]
fn a_finite_space_ends_the_study_when_every_setting_was_tried_once() {
    let space = Space::new([Parameter::int("n", 1, 7), Parameter::choices("b", [true, false])]);
    let space = space.expect("a space");
    for schedule in [Schedule::Batches(4), Schedule::Async] {
        for sampler in
            [Sampler::Grid { points: 1 }, Sampler::Random, Sampler::QuasiRandom, Sampler::Tpe]
        {
            let options =
                Options { trials: 40, sampler, schedule, workers: 3, ..Options::default() };
            let objective = |trial: &mut Trial<'_>| Ok(trial.settings().float("n")?);
            let study = hyperparam_tuning(&space, objective, &options).expect("a study");
            assert_eq!(study.ended, Ended::Exhausted);
            let settings: HashSet<String> =
                study.trials.iter().map(|trial| trial.settings.to_string()).collect();
            assert_eq!((study.trials.len(), settings.len()), (14, 14), "{sampler:?} {schedule:?}");
        }
    }
}

#[test]
fn an_exhausted_study_that_is_resumed_ends_at_once() {
    let space = Space::new([Parameter::int("n", 1, 5)]).expect("a space");
    let storage = Memory::new(Direction::Minimize);
    for _ in 0..2 {
        let options = Options { trials: 9, storage: Some(&storage), ..Options::default() };
        let objective = |trial: &mut Trial<'_>| {
            assert_eq!(trial.attempt(), 1);
            Ok(trial.settings().float("n")?)
        };
        let study = hyperparam_tuning(&space, objective, &options).expect("a study");
        assert_eq!((study.ended, study.trials.len()), (Ended::Exhausted, 5));
    }
}

/// A study in memory that shows itself to the one who gives out trials, once, only after trial 5 was
/// put back.
struct SlowToShow {
    memory: Memory,
    armed: AtomicBool,
}

impl Storage for SlowToShow {
    fn look(&self, view: &mut dyn FnMut(&StudyRecord)) -> atelier_tune::Result<()> {
        if self.armed.swap(false, Ordering::SeqCst) {
            let mut back = false;
            while !back {
                self.memory.look(&mut |study| back = study.trials[5].state == State::Waiting)?;
            }
        }
        self.memory.look(view)
    }

    fn change(
        &self,
        decide: &mut dyn FnMut(&StudyRecord) -> atelier_tune::Result<Vec<Change>>,
    ) -> atelier_tune::Result<()> {
        self.memory.change(decide)
    }

    fn worker(&self) -> &str {
        self.memory.worker()
    }

    fn is_gone(&self, worker: &str) -> atelier_tune::Result<bool> {
        self.memory.is_gone(worker)
    }
}

#[test]
fn an_error_that_no_setting_would_cure_ends_the_study_and_leaves_its_trial_waiting() {
    let memory = Memory::new(Direction::Maximize);
    let storage = SlowToShow { memory, armed: AtomicBool::new(false) };
    let broken = AtomicBool::new(true);
    let objective = |trial: &mut Trial<'_>| {
        if trial.number() == 5 && broken.load(Ordering::SeqCst) {
            storage.armed.store(trial.attempt() == 1, Ordering::SeqCst);
            while storage.armed.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            return Err(std::io::Error::other("disk full").into());
        }
        Ok(1.0)
    };
    let options = Options {
        trials: 9,
        direction: Direction::Maximize,
        storage: Some(&storage),
        workers: 2,
        ..Options::default()
    };
    let error = hyperparam_tuning(&space(), objective, &options).expect_err("an error");
    assert_eq!(error.to_string(), "trial 5: disk full");
    broken.store(false, Ordering::SeqCst);
    let study = hyperparam_tuning(&space(), objective, &options).expect("a study");
    assert_eq!(study.count(State::Complete), 9);
    assert_eq!(study.trials[5].attempts, 2);
}

#[test]
fn a_study_is_resumed_only_as_it_was_begun() {
    let storage = Memory::new(Direction::Minimize);
    let options = Options { trials: 2, storage: Some(&storage), ..Options::default() };
    hyperparam_tuning(&space(), train, &options).expect("a study");
    let message = |options: &Options<'_>| {
        hyperparam_tuning(&space(), train, options).expect_err("refused").to_string()
    };
    let other = Options { seed: 1, ..options };
    assert!(message(&other).starts_with("the stored study has the seed 0, this one 1; resume it"));
    let other = Options { direction: Direction::Maximize, ..options };
    assert!(message(&other).contains("direction Minimize, this one Maximize"));
    let other = Options { sampler: Sampler::Random, ..options };
    assert!(message(&other).contains("the sampler"));
    let other = Space::new([Parameter::float("x", 0.0, 1.0)]).expect("a space");
    let error = hyperparam_tuning(&other, train, &options).expect_err("refused");
    assert!(matches!(error, Error::Mismatch { .. }), "{error}");
}

#[test]
fn without_batches_every_worker_is_busy_and_the_number_of_trials_is_kept() {
    for pruner in PRUNERS {
        let most = AtomicUsize::new(0);
        let now = AtomicUsize::new(0);
        let objective = |trial: &mut Trial<'_>| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(std::time::Duration::from_millis(2));
            let result = train(trial);
            now.fetch_sub(1, Ordering::SeqCst);
            result
        };
        let schedule = Schedule::Async;
        let options = Options { trials: 40, schedule, pruner, workers: 4, ..Options::default() };
        let study = hyperparam_tuning(&space(), objective, &options).expect("a study");
        assert_eq!(study.trials.len(), 40);
        assert!(study.trials.iter().all(|trial| trial.state.is_finished()));
        assert!(most.into_inner() <= 4);
    }
}

fn panics(
    objective: &(dyn Fn(&mut Trial<'_>) -> Result<f64, TrialError> + Sync),
    options: &Options<'_>,
) -> bool {
    let run = || hyperparam_tuning(&space(), objective, options);
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err()
}

#[test]
fn a_panic_of_objective_or_observer_is_passed_on_after_the_others_have_stopped() {
    let objective = |trial: &mut Trial<'_>| {
        assert_ne!(trial.number(), 3, "a mistake");
        train(trial)
    };
    let pruner = Pruner::SuccessiveHalving { first: 1, reduction: 2 };
    let options = Options { trials: 20, workers: 2, pruner, ..Options::default() };
    assert!(panics(&objective, &options));
    for place in 0..3 {
        let observer = move |event: Event<'_>| match event {
            Event::Started { number: 4, .. } => assert_ne!(place, 0, "a mistake"),
            Event::Reported { number: 4, .. } => assert_ne!(place, 1, "a mistake"),
            Event::Finished { number: 4, .. } => assert_ne!(place, 2, "a mistake"),
            _ => {}
        };
        assert!(panics(&train, &Options { observer: &observer, ..options }), "{place}");
    }
}

#[test]
fn learning_from_trials_finds_better_settings_than_chance() {
    // The median over seeds of the best of 60 trials; the bench compares in earnest.
    let median = |sampler| {
        let mut best: Vec<f64> = (0..15)
            .map(|seed| {
                let options = Options { trials: 60, sampler, seed, ..Options::default() };
                let study = hyperparam_tuning(&space(), train, &options).expect("a study");
                study.best().and_then(|trial| trial.value).expect("a value")
            })
            .collect();
        best.sort_by(f64::total_cmp);
        best[7]
    };
    let (tpe, random) = (median(Sampler::Tpe), median(Sampler::Random));
    assert!(tpe < 0.5 * random, "{tpe} with, {random} without");
}
