//! The loop as its users see it, on a small objective with everything that has state: dropout,
//! batch norm, momentum, averages.

use std::cell::Cell;
use std::path::Path;

use atelier_core::seed::stream;
use atelier_core::{
    Activation, Batch, Evaluation, Loss, Mode, Objective, Parameter, Result, Targets, evaluate,
    flatten, ops,
};
use atelier_store::{RunDir, read_lines};
use atelier_train::{
    Error, Event, OptimizerKind, Outcome, ScheduleKind, Settings, Source, Stop, Surroundings,
    Trainer, range_test,
};
use candle_core::{DType, Device, Tensor, Var};
use rand::RngExt;

const INPUTS: usize = 6;
const HIDDEN: usize = 8;
const BATCHES: usize = 5;

/// Dense, batch norm, dropout, dense.
struct Small {
    parameters: Vec<Parameter>,
    buffers: Vec<Parameter>,
    norm: ops::BatchNorm,
}

impl Small {
    fn new(seed: u64) -> Self {
        let mut stream = stream(seed, "small", 0, 0);
        let mut parameter = |name: &str, shape: &[usize], decayed: bool| {
            let values: Vec<f32> =
                (0..shape.iter().product()).map(|_| stream.random_range(-0.5..0.5)).collect();
            let var = Var::from_tensor(&Tensor::from_vec(values, shape, &Device::Cpu).unwrap());
            let transposed = shape.len() == 2;
            Parameter { name: name.to_string(), var: var.unwrap(), decayed, transposed }
        };
        let parameters = vec![
            parameter("a.weight", &[INPUTS, HIDDEN], true),
            parameter("a.bias", &[HIDDEN], false),
            parameter("n.weight", &[HIDDEN], false),
            parameter("n.bias", &[HIDDEN], false),
            parameter("b.weight", &[HIDDEN, 3], true),
            parameter("b.bias", &[3], false),
        ];
        let buffer = |name: &str, value: f64| Parameter {
            name: name.to_string(),
            var: Var::from_tensor(
                &Tensor::full(value, HIDDEN, &Device::Cpu).unwrap().to_dtype(DType::F32).unwrap(),
            )
            .unwrap(),
            decayed: false,
            transposed: false,
        };
        let buffers = vec![buffer("n.mean", 0.0), buffer("n.variance", 1.0)];
        let norm = ops::BatchNorm {
            gamma: parameters[2].var.clone(),
            beta: parameters[3].var.clone(),
            mean: buffers[0].var.clone(),
            variance: buffers[1].var.clone(),
        };
        Self { parameters, buffers, norm }
    }

    fn bits(&self) -> Vec<u32> {
        let mut values = flatten(&self.parameters).unwrap();
        values.extend(flatten(&self.buffers).unwrap());
        values.iter().map(|v| v.to_bits()).collect()
    }
}

impl Objective for Small {
    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn buffers(&self) -> &[Parameter] {
        &self.buffers
    }

    fn loss(&self, batch: &Batch, mode: Mode) -> Result<Loss> {
        let p = |i: usize| self.parameters[i].var.as_tensor();
        let h = ops::dense(&batch.inputs, p(0), p(1), Activation::Identity)?;
        let h = match mode {
            Mode::Train(step) => {
                ops::dropout(&self.norm.train(&h)?, 0.2, &mut step.stream("dropout", 0))?
            }
            Mode::Evaluate => self.norm.evaluate(&h)?,
        };
        let h = ops::activate(&h, Activation::Relu)?;
        let logits = ops::dense(&h, p(4), p(5), Activation::Identity)?;
        ops::cross_entropy(&logits, &batch.targets, 0.1)
    }
}

/// Sixteen points around three centres; a pure function of its address.
fn batch(purpose: &str, epoch: u64, index: usize) -> Batch {
    let mut stream = stream(11, purpose, epoch, index as u64);
    let labels: Vec<u32> = (0..16).map(|_| stream.random_range(0..3)).collect();
    let inputs: Vec<f32> = labels
        .iter()
        .flat_map(|&label| {
            let mut point = [0.0_f32; INPUTS];
            for (j, x) in point.iter_mut().enumerate() {
                let centre = if j % 3 == label as usize { 1.0 } else { -0.5 };
                *x = centre + stream.random_range(-1.0..1.0);
            }
            point
        })
        .collect();
    Batch {
        inputs: Tensor::from_vec(inputs, (16, INPUTS), &Device::Cpu).unwrap(),
        targets: Targets::Classes(Tensor::from_vec(labels, 16, &Device::Cpu).unwrap()),
    }
}

fn source() -> Source<'static> {
    let batch = Box::new(|epoch, index| Ok(batch("train", epoch, index)));
    Source { batches_per_epoch: BATCHES, batch }
}

fn validate(objective: &dyn Objective) -> Result<Evaluation> {
    evaluate(objective, (0..3).map(|i| Ok(batch("validation", 0, i))))
}

/// Trains in `run_dir`, if there is one, until done or until `steps` more steps are taken.
fn train(
    objective: &Small,
    settings: &Settings,
    run_dir: Option<&RunDir>,
    steps: usize,
) -> std::result::Result<Outcome, Error> {
    let mut trainer = Trainer::new(objective, settings, 7)?;
    if let Some(latest) = run_dir.and_then(|dir| dir.checkpoints().latest().unwrap()) {
        trainer.resume(&latest.checkpoint)?;
    }
    let left = Cell::new(steps);
    let around = Surroundings {
        validation: Some(&mut validate),
        run_dir,
        observer: &mut |event| {
            if let Event::Step(_) = event {
                left.set(left.get().saturating_sub(1));
            }
        },
        interrupted: &|| left.get() == 0,
    };
    trainer.run(&mut source(), around)
}

fn settings(kind: OptimizerKind) -> Settings {
    let mut settings = Settings::default();
    settings.train.epochs = 3;
    settings.train.weight_decay = 1e-3;
    settings.train.ema = 0.9;
    settings.train.clip = 1.0;
    settings.optimizer.kind = kind;
    settings.optimizer.learning_rate = 0.05;
    if kind == OptimizerKind::Sgd {
        settings.optimizer.momentum = 0.9;
        settings.optimizer.nesterov = true;
    }
    settings.schedule.kind = ScheduleKind::OneCycle;
    settings.schedule.warmup = 0.3;
    settings
}

fn run_dir(path: &Path) -> RunDir {
    if path.exists() { RunDir::open(path).unwrap() } else { fresh_run_dir(path) }
}

fn fresh_run_dir(path: &Path) -> RunDir {
    let run = RunDir::create(path).unwrap();
    let manifest = atelier_store::Manifest {
        schema_version: atelier_store::SCHEMA_VERSION,
        program: atelier_store::Program { name: "test".into(), version: "0".into() },
        git_commit: None,
        verb: "train".into(),
        command_line: vec![],
        config: serde_json::Value::Null,
        dataset: None,
        device: "cpu".into(),
        threads: 1,
        seed: 7,
        started: atelier_store::utc_now(),
        finished: None,
        status: atelier_store::Status::Running,
        error: None,
        diverged: false,
        test_set_reads: 0,
    };
    run.write_manifest(&manifest).unwrap();
    run
}

#[test]
fn training_lowers_the_loss_and_reports_every_step_and_epoch() {
    let objective = Small::new(1);
    let before = validate(&objective).unwrap();
    let mut settings = settings(OptimizerKind::Adam);
    settings.train.epochs = 20;
    let (mut steps, mut epochs) = (Vec::new(), Vec::new());
    let mut trainer = Trainer::new(&objective, &settings, 7).unwrap();
    let around = Surroundings {
        validation: Some(&mut validate),
        run_dir: None,
        observer: &mut |event| match event {
            Event::Step(report) => steps.push(*report),
            Event::Epoch(report) => epochs.push(*report),
            _ => {}
        },
        interrupted: &|| false,
    };
    let outcome = trainer.run(&mut source(), around).unwrap();
    let after = validate(&objective).unwrap();
    assert!(after.loss < 0.7 * before.loss, "{} to {}", before.loss, after.loss);
    assert!(after.accuracy().unwrap() > 0.8);
    assert_eq!((outcome.stop, outcome.epochs, outcome.steps), (Stop::Completed, 20, 100));
    assert_eq!(outcome.last.len(), 20);
    assert_eq!(outcome.last[19].step, 100);
    assert_eq!((steps.len(), epochs.len()), (100, 20));
    assert!(steps.iter().enumerate().all(|(i, s)| s.step == i as u64 + 1 && s.loss.is_finite()));
    assert!((steps[0].learning_rate - 0.05 / 25.0).abs() < 1e-12);
    let last = epochs[19];
    assert_eq!((last.epoch, last.step), (20, 100));
    // The last validation is of the averaged weights, which the run ends with.
    assert!((last.validation_loss.unwrap() - after.loss).abs() < 1e-12);
}

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

/// The lines of metrics.jsonl without their times.
fn losses(run: &Path) -> Vec<serde_json::Value> {
    let lines = read_lines(&run.join("metrics.jsonl")).unwrap();
    lines
        .iter()
        .map(|line| {
            let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
            value.as_object_mut().unwrap().remove("seconds");
            value
        })
        .collect()
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
fn early_stopping_takes_the_best_values_back() {
    let mut settings = settings(OptimizerKind::Sgd);
    settings.train.ema = 0.0;
    settings.train.epochs = 200;
    settings.train.early_stopping = 3;
    settings.optimizer.learning_rate = 0.5;
    settings.schedule.kind = ScheduleKind::Constant;
    let objective = Small::new(1);
    let outcome = train(&objective, &settings, None, usize::MAX).unwrap();
    let best = outcome.best.expect("validated");
    assert_eq!(outcome.stop, Stop::EarlyStopped);
    assert_eq!(outcome.epochs, best.epoch + 3);
    assert!((validate(&objective).unwrap().loss - best.loss).abs() < 1e-12);
}

#[test]
fn early_stopping_without_validation_is_refused() {
    let mut settings = settings(OptimizerKind::Sgd);
    settings.train.early_stopping = 3;
    let objective = Small::new(1);
    let around = Surroundings {
        validation: None,
        run_dir: None,
        observer: &mut |_| {},
        interrupted: &|| false,
    };
    let mut trainer = Trainer::new(&objective, &settings, 7).unwrap();
    let error = trainer.run(&mut source(), around).expect_err("no validation");
    assert!(error.to_string().contains("train.early_stopping"), "{error}");
}

/// A source whose batch (epoch, index) is poisoned.
fn poisoned(epoch: u64, index: usize) -> Source<'static> {
    let batch = move |e, i| {
        let mut batch = batch("train", e, i);
        if (e, i) == (epoch, index) {
            batch.inputs = (batch.inputs * f64::NAN)?;
        }
        Ok(batch)
    };
    Source { batches_per_epoch: BATCHES, batch: Box::new(batch) }
}

fn quiet<'a>(run_dir: Option<&'a RunDir>, observer: &'a mut dyn FnMut(Event)) -> Surroundings<'a> {
    Surroundings { validation: None, run_dir, observer, interrupted: &|| false }
}

#[test]
fn divergence_is_caught_before_the_update_and_the_last_good_state_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    for (epoch, index, good) in [(0, 0, 0), (0, 3, 0), (1, 2, BATCHES), (2, 0, 2 * BATCHES)] {
        let dir = run_dir(&directory.path().join(format!("{epoch}-{index}")));
        let settings = settings(OptimizerKind::Adam);
        let objective = Small::new(1);
        let parameters = |o: &Small| flatten(&o.parameters).unwrap();
        let before = std::cell::RefCell::new(parameters(&objective));
        let mut observe = |event: Event| {
            if let Event::Step(_) = event {
                *before.borrow_mut() = parameters(&objective);
            }
        };
        let mut trainer = Trainer::new(&objective, &settings, 7).unwrap();
        let around = quiet(Some(&dir), &mut observe);
        let error = trainer.run(&mut poisoned(epoch, index), around).expect_err("diverges");
        let Error::Diverged { epoch: found, step, value, .. } = error else { panic!("{error}") };
        assert_eq!(found as u64, epoch + 1);
        assert_eq!(step, epoch * BATCHES as u64 + index as u64 + 1);
        assert!(value.is_nan());
        assert_eq!(parameters(&objective), *before.borrow(), "the parameters before the step");

        let latest = dir.checkpoints().latest().unwrap().expect("a last good state");
        assert_eq!(latest.step, good as u64);
        assert!(latest.passed_over.is_empty());
        // It is the state of an undisturbed run at that step.
        let straight = Small::new(1);
        let other = run_dir(&directory.path().join(format!("straight-{epoch}-{index}")));
        let mut trainer = Trainer::new(&straight, &settings, 7).unwrap();
        let left = Cell::new(good);
        let mut count = |event: Event| {
            if let Event::Step(_) = event {
                left.set(left.get() - 1);
            }
        };
        let interrupted = || left.get() == 0;
        let around = Surroundings { interrupted: &interrupted, ..quiet(Some(&other), &mut count) };
        trainer.run(&mut source(), around).unwrap();
        let wanted = other.checkpoints().latest().unwrap().unwrap();
        assert!(latest.checkpoint.arrays == wanted.checkpoint.arrays, "{epoch}, {index}");
    }
}

#[test]
fn a_gradient_that_cannot_be_clipped_is_a_divergence_and_not_an_update() {
    /// The square root has an infinite slope at 0.
    struct Steep(Vec<Parameter>);
    impl Objective for Steep {
        fn parameters(&self) -> &[Parameter] {
            &self.0
        }
        fn loss(&self, batch: &Batch, _mode: Mode) -> Result<Loss> {
            let objective = self.0[0].var.sqrt()?.sum_all()?;
            Ok(Loss { reported: objective.detach(), objective, correct: None, total: batch.len() })
        }
    }
    let var = Var::zeros(1, DType::F32, &Device::Cpu).unwrap();
    let name = "w".to_string();
    let steep = Steep(vec![Parameter { name, var, decayed: false, transposed: false }]);
    let settings = settings(OptimizerKind::Sgd);
    let mut trainer = Trainer::new(&steep, &settings, 7).unwrap();
    let error = trainer.run(&mut source(), quiet(None, &mut |_| {})).expect_err("infinite slope");
    assert!(error.to_string().contains("norm of the gradient is inf"), "{error}");
    assert!(steep.0[0].values().unwrap()[0].abs() < 1e-9);
}

#[test]
fn a_validation_loss_that_is_not_finite_is_a_divergence() {
    let directory = tempfile::tempdir().unwrap();
    let dir = run_dir(&directory.path().join("run"));
    let objective = Small::new(1);
    let mut trainer = Trainer::new(&objective, &settings(OptimizerKind::Sgd), 7).unwrap();
    let mut validation =
        |_: &dyn Objective| Ok(Evaluation { loss: f64::NAN, correct: Some(0), total: 1 });
    let mut unseen = |_: Event| {};
    let around =
        Surroundings { validation: Some(&mut validation), ..quiet(Some(&dir), &mut unseen) };
    let error = trainer.run(&mut source(), around).expect_err("no number");
    assert!(error.to_string().contains("the validation loss is NaN at epoch 1"), "{error}");
    assert_eq!(dir.checkpoints().latest().unwrap().unwrap().step, 0);
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
fn no_batches_is_an_error() {
    let objective = Small::new(1);
    let mut source =
        Source { batches_per_epoch: 0, batch: Box::new(|_, _| unreachable!("no batch is asked")) };
    let around = Surroundings {
        validation: None,
        run_dir: None,
        observer: &mut |_| {},
        interrupted: &|| false,
    };
    let mut trainer = Trainer::new(&objective, &Settings::default(), 7).unwrap();
    assert!(matches!(trainer.run(&mut source, around), Err(Error::NoBatches)));
}

#[test]
fn every_setting_out_of_range_is_refused_by_its_key() {
    type Change = fn(&mut Settings);
    let cases: [(&str, Change); 18] = [
        ("optimizer.beta2", |s| s.optimizer.beta2 = 0.999_999_999),
        ("optimizer.epsilon", |s| s.optimizer.epsilon = 1e-50),
        ("optimizer.learning_rate", |s| s.optimizer.learning_rate = 1e40),
        ("schedule.warmup", |s| s.schedule.kind = ScheduleKind::OneCycle),
        ("train.epochs", |s| s.train.epochs = 0),
        ("train.batch_size", |s| s.train.batch_size = 0),
        ("train.checkpoint_every", |s| s.train.checkpoint_every = 0),
        ("train.weight_decay", |s| s.train.weight_decay = -1.0),
        ("train.label_smoothing", |s| s.train.label_smoothing = 1.0),
        ("train.ema", |s| s.train.ema = 1.0),
        ("train.clip", |s| s.train.clip = f64::NAN),
        ("optimizer.learning_rate", |s| s.optimizer.learning_rate = 0.0),
        ("optimizer.learning_rate", |s| s.optimizer.learning_rate = f64::INFINITY),
        ("optimizer.momentum", |s| s.optimizer.momentum = 1.0),
        ("optimizer.nesterov", |s| s.optimizer.nesterov = true),
        ("optimizer.beta2", |s| s.optimizer.beta2 = -0.1),
        ("schedule.warmup", |s| s.schedule.warmup = 1.5),
        ("schedule.every", |s| s.schedule.every = 0),
    ];
    for (key, change) in cases {
        let mut settings = Settings::default();
        assert!(settings.check().is_ok());
        change(&mut settings);
        let message = settings.check().expect_err(key).to_string();
        assert!(message.starts_with(key), "{message}");
    }
}

#[test]
fn the_range_test_rises_to_where_training_breaks_and_suggests_less() {
    let mut settings = settings(OptimizerKind::Sgd);
    settings.train.clip = 0.0;
    let test = range_test(&Small::new(1), &settings, 7, &mut source(), 300).unwrap();
    let rates: Vec<f64> = test.points.iter().map(|p| p.learning_rate).collect();
    assert!(rates.is_sorted() && rates[0] < 2e-5 && rates.len() > 50);
    let suggestion = test.suggestion.expect("the loss falls");
    assert!(suggestion > 1e-4 && suggestion < *rates.last().unwrap());
    let few = range_test(&Small::new(1), &settings, 7, &mut source(), 9);
    assert!(matches!(few, Err(Error::TooFewSteps { steps: 9, .. })));
    assert!(test.points.iter().all(|p| p.loss.is_finite() && p.smoothed.is_finite()));
}
