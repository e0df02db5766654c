//! A run that stops and goes on ends as one that never stopped.

use crate::small::{BATCHES, Small, losses, quiet, run_dir, settings, source, train};
use atelier_core::{Batch, Loss, Mode, Objective, Parameter, Result};
use atelier_store::RunDir;
use atelier_train::{Error, Event, OptimizerKind, Stop, Surroundings, Trainer};
use serde_json::{Value, json};
use std::cell::Cell;

#[test]
fn interrupted_at_any_step_and_resumed_a_run_ends_in_the_same_bits() {
    for kind in [OptimizerKind::Sgd, OptimizerKind::Adam, OptimizerKind::Adamw] {
        for early_stopping in [0, 2] {
            let mut settings = settings(kind);
            settings.train.early_stopping = early_stopping;
            let directory = tempfile::tempdir().unwrap();
            let straight = Small::new(1);
            let dir = run_dir(&directory.path().join("straight"));
            let wanted = train(&straight, &settings, Some(&dir), usize::MAX).unwrap();
            let metrics = losses(dir.path());

            for stop in 0..15 {
                let path = directory.path().join(format!("stopped-{stop}"));
                let outcome =
                    train(&Small::new(1), &settings, Some(&run_dir(&path)), stop).unwrap();
                assert_eq!((outcome.stop, outcome.steps), (Stop::Interrupted, stop as u64));
                // Another seed for the start: everything must come from the checkpoint.
                let resumed = Small::new(2);
                let outcome =
                    train(&resumed, &settings, Some(&run_dir(&path)), usize::MAX).unwrap();
                assert!(resumed.bits() == straight.bits(), "{kind:?} stopped at {stop}");
                assert_eq!(outcome.last, wanted.last);
                assert_eq!(outcome.best, wanted.best);
                assert_eq!(losses(&path), metrics, "metrics after a stop at {stop}");
            }
        }
    }
}

#[test]
fn steps_after_the_last_checkpoint_are_cut_from_the_metrics_and_done_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run");
    let settings = settings(OptimizerKind::Sgd);
    train(&Small::new(1), &settings, Some(&run_dir(&path)), 7).unwrap();
    let mut log = RunDir::open(&path).unwrap().metrics().unwrap();
    log.append(br#"{"kind":"step","step":8,"a step of which no checkpoint":"knows"}"#).unwrap();
    log.sync().unwrap();
    let resumed = Small::new(1);
    train(&resumed, &settings, Some(&run_dir(&path)), usize::MAX).unwrap();
    let lines = losses(&path);
    let steps: Vec<_> = lines.iter().filter(|v| v["kind"] == "step").collect();
    let numbers: Vec<_> = steps.iter().filter_map(|v| v["step"].as_u64()).collect();
    assert_eq!(numbers, (1..=15).collect::<Vec<_>>());
    assert!(!lines.iter().any(|v| v.to_string().contains("knows")));
    let straight = Small::new(1);
    train(&straight, &settings, None, usize::MAX).unwrap();
    assert!(resumed.bits() == straight.bits());
}

#[test]
fn a_finished_run_resumes_to_its_own_result_without_a_step() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run");
    let settings = settings(OptimizerKind::Sgd);
    let first = Small::new(1);
    train(&first, &settings, Some(&run_dir(&path)), usize::MAX).unwrap();
    let again = Small::new(2);
    let outcome = train(&again, &settings, Some(&run_dir(&path)), 0).unwrap();
    assert_eq!((outcome.stop, outcome.steps), (Stop::Completed, 15));
    assert_eq!(first.bits(), again.bits());
}

#[test]
fn a_checkpoint_of_other_settings_is_refused_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let dir = run_dir(&directory.path().join("run"));
    train(&Small::new(1), &settings(OptimizerKind::Sgd), Some(&dir), 7).unwrap();
    let mut other = settings(OptimizerKind::Sgd);
    other.optimizer.learning_rate = 0.06;
    let objective = Small::new(2);
    let before = objective.bits();
    let error = train(&objective, &other, Some(&dir), usize::MAX).expect_err("other settings");
    assert!(matches!(error, Error::Mismatch { .. }), "{error}");
    assert_eq!(objective.bits(), before);
}

#[test]
fn an_objective_without_accuracy_resumes_too() {
    /// Only the loss of [`Small`].
    struct Silent(Small);
    impl Objective for Silent {
        fn parameters(&self) -> &[Parameter] {
            self.0.parameters()
        }
        fn buffers(&self) -> &[Parameter] {
            self.0.buffers()
        }
        fn loss(&self, batch: &Batch, mode: Mode) -> Result<Loss> {
            Ok(Loss { correct: None, ..self.0.loss(batch, mode)? })
        }
    }
    let settings = settings(OptimizerKind::Sgd);
    let straight = Silent(Small::new(1));
    let mut epochs = Vec::new();
    let mut observe = |event: Event| {
        if let Event::Epoch(report) = event {
            epochs.push(report.train_accuracy);
        }
    };
    let mut trainer = Trainer::new(&straight, &settings, 7).unwrap();
    trainer.run(&mut source(), quiet(None, &mut observe)).unwrap();
    assert_eq!(epochs, [None, None, None]);

    let stopped = Silent(Small::new(1));
    let mut trainer = Trainer::new(&stopped, &settings, 7).unwrap();
    let left = Cell::new(8);
    let interrupted = || {
        left.set(left.get() - 1);
        left.get() == 0
    };
    let mut unseen = |_: Event| {};
    let around = Surroundings { interrupted: &interrupted, ..quiet(None, &mut unseen) };
    assert_eq!(trainer.run(&mut source(), around).unwrap().stop, Stop::Interrupted);
    let checkpoint = trainer.checkpoint().unwrap();
    let resumed = Silent(Small::new(2));
    let mut trainer = Trainer::new(&resumed, &settings, 7).unwrap();
    trainer.resume(&checkpoint).unwrap();
    trainer.run(&mut source(), quiet(None, &mut |_| {})).unwrap();
    assert!(resumed.0.bits() == straight.0.bits());
    // And once more from its end: nothing is left to do, and nothing changes.
    let end = trainer.checkpoint().unwrap();
    let again = Silent(Small::new(3));
    let mut trainer = Trainer::new(&again, &settings, 7).unwrap();
    trainer.resume(&end).unwrap();
    trainer.run(&mut source(), quiet(None, &mut |_| {})).unwrap();
    assert!(again.0.bits() == straight.0.bits());
}

#[test]
fn the_best_epoch_is_kept_also_between_periodic_checkpoints() {
    let directory = tempfile::tempdir().unwrap();
    let dir = run_dir(&directory.path().join("run"));
    let mut settings = settings(OptimizerKind::Adam);
    settings.train.epochs = 12;
    settings.train.checkpoint_every = 5;
    let outcome = train(&Small::new(1), &settings, Some(&dir), usize::MAX).unwrap();
    let best = outcome.best.unwrap().epoch * BATCHES;
    let checkpoints = dir.checkpoints();
    assert_eq!(checkpoints.best_step().unwrap(), Some(best as u64));
    assert!(checkpoints.load(best as u64).is_ok());
    assert!(checkpoints.steps().unwrap().len() <= 3);
}

#[test]
fn two_interruptions_and_a_refused_checkpoint_change_nothing_either() {
    let mut settings = settings(OptimizerKind::Adamw);
    settings.train.early_stopping = 2;
    settings.train.epochs = 30;
    let directory = tempfile::tempdir().unwrap();
    let straight = Small::new(1);
    let wanted = train(&straight, &settings, None, usize::MAX).unwrap();
    let path = directory.path().join("run");
    train(&Small::new(1), &settings, Some(&run_dir(&path)), 6).unwrap();
    train(&Small::new(1), &settings, Some(&run_dir(&path)), 11).unwrap();
    let resumed = Small::new(1);
    let outcome = train(&resumed, &settings, Some(&run_dir(&path)), usize::MAX).unwrap();
    assert!(resumed.bits() == straight.bits());
    assert_eq!((outcome.epochs, outcome.stop), (wanted.epochs, wanted.stop));
}

#[test]
fn a_checkpoint_whose_tensors_do_not_fit_is_refused_before_the_objective_is_touched() {
    let settings = settings(OptimizerKind::Adam);
    let directory = tempfile::tempdir().unwrap();
    let dir = run_dir(&directory.path().join("run"));
    train(&Small::new(1), &settings, Some(&dir), 7).unwrap();
    let good = dir.checkpoints().latest().unwrap().unwrap().checkpoint;
    let last = good.arrays.len() - 1;
    let change = |what: &str| {
        let mut changed = good.clone();
        match what {
            "missing" => drop(changed.arrays.remove(last)),
            "extra" => changed.arrays.push(changed.arrays[last].clone()),
            "renamed" => changed.arrays[last].name.push('x'),
            "swapped" => changed.arrays.swap(0, last),
            "misshaped" => changed.arrays[last].shape.push(1),
            "cut" => drop(changed.arrays[last].bytes.pop()),
            "infinite" => {
                let bytes = &mut changed.arrays[last].bytes;
                let end = bytes.len();
                bytes[end - 4..].copy_from_slice(&f32::INFINITY.to_le_bytes());
            }
            "no progress" => drop(changed.metadata.remove("progress")),
            _ => unreachable!("{what}"),
        }
        changed
    };
    for what in
        ["missing", "extra", "renamed", "swapped", "misshaped", "cut", "infinite", "no progress"]
    {
        let objective = Small::new(2);
        let before = objective.bits();
        let mut trainer = Trainer::new(&objective, &settings, 7).unwrap();
        assert!(trainer.resume(&change(what)).is_err(), "{what}");
        assert!(objective.bits() == before, "{what}");
        trainer.resume(&good).unwrap();
        assert!(objective.bits() != before);
    }
}

#[test]
fn progress_that_no_run_comes_to_is_refused_before_the_objective_is_touched() {
    let settings = settings(OptimizerKind::Sgd);
    let directory = tempfile::tempdir().unwrap();
    let dir = run_dir(&directory.path().join("run"));
    train(&Small::new(1), &settings, Some(&dir), 7).unwrap();
    let good = dir.checkpoints().latest().unwrap().unwrap().checkpoint;
    let progress: Value = serde_json::from_str(&good.metadata["progress"]).unwrap();
    let with = |key: &str, value: Value| {
        let (mut changed, mut progress) = (good.clone(), progress.clone());
        assert!(!progress[key].is_null(), "{key}");
        progress[key] = value;
        changed.metadata.insert("progress".into(), progress.to_string());
        changed
    };
    let late = json!([{ "step": 8, "epoch": 2, "loss": 1.0 }]);
    for (key, value) in [
        ("epoch", json!(u64::MAX)),
        ("epoch", json!(settings.train.epochs + 1)),
        ("finished", json!(true)),
        ("loss_sum", json!(null)),
        ("correct", json!(-1.0)),
        ("correct", json!(1e300)),
        ("seconds", json!(-1.0)),
        ("last", late),
    ] {
        let objective = Small::new(2);
        let before = objective.bits();
        let mut trainer = Trainer::new(&objective, &settings, 7).unwrap();
        assert!(trainer.resume(&with(key, value.clone())).is_err(), "{key} {value}");
        assert!(objective.bits() == before, "{key}");
    }
    // How many batches an epoch has is known when it runs.
    for (key, value) in [("index", json!(u64::MAX)), ("index", json!(1)), ("step", json!(8))] {
        let objective = Small::new(2);
        let mut trainer = Trainer::new(&objective, &settings, 7).unwrap();
        trainer.resume(&with(key, value)).unwrap();
        let surroundings = Surroundings {
            validation: None,
            run_dir: None,
            observer: &mut |_| {},
            interrupted: &|| false,
        };
        let error = trainer.run(&mut source(), surroundings).unwrap_err();
        assert!(matches!(error, Error::Mismatch { .. }), "{key}: {error}");
    }
}
