//! A small objective with everything that has state: dropout, batch norm; and how it is trained.

use std::cell::Cell;
use std::path::Path;

use atelier_core::seed::stream;
use atelier_core::{
    Activation, Batch, Evaluation, Loss, Mode, Objective, Parameter, Result, Targets, evaluate,
    flatten, ops,
};
use atelier_store::{RunDir, read_lines};
use atelier_train::{
    Error, Event, OptimizerKind, Outcome, ScheduleKind, Settings, Source, Surroundings, Trainer,
};
use candle_core::{DType, Device, Tensor, Var};
use rand::RngExt;

pub const INPUTS: usize = 6;
pub const HIDDEN: usize = 8;
pub const BATCHES: usize = 5;

/// Dense, batch norm, dropout, dense.
pub struct Small {
    pub parameters: Vec<Parameter>,
    pub buffers: Vec<Parameter>,
    norm: ops::BatchNorm,
}

impl Small {
    pub fn new(seed: u64) -> Self {
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

    pub fn bits(&self) -> Vec<u32> {
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
pub fn batch(purpose: &str, epoch: u64, index: usize) -> Batch {
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

pub fn source() -> Source<'static> {
    let batch = Box::new(|epoch, index| Ok(batch("train", epoch, index)));
    Source { batches_per_epoch: BATCHES, batch }
}

pub fn validate(objective: &dyn Objective) -> Result<Evaluation> {
    evaluate(objective, (0..3).map(|i| Ok(batch("validation", 0, i))))
}

/// Trains in `run_dir`, if there is one, until done or until `steps` more steps are taken.
pub fn train(
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

pub fn settings(kind: OptimizerKind) -> Settings {
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

pub fn run_dir(path: &Path) -> RunDir {
    if path.exists() { RunDir::open(path).unwrap() } else { fresh_run_dir(path) }
}

pub fn fresh_run_dir(path: &Path) -> RunDir {
    let run = RunDir::create(path).unwrap();
    let manifest = atelier_store::Manifest {
        schema_version: atelier_store::SCHEMA_VERSION,
        program: atelier_store::Program { name: "test".into(), version: "0".into() },
        git_commit: None,
        verb: "train".into(),
        command_line: vec![],
        config: serde_json::Value::Null,
        dataset: None,
        start: None,
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

/// The lines of metrics.jsonl without their times.
pub fn losses(run: &Path) -> Vec<serde_json::Value> {
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

/// A source whose batch (epoch, index) is poisoned.
pub fn poisoned(epoch: u64, index: usize) -> Source<'static> {
    let batch = move |e, i| {
        let mut batch = batch("train", e, i);
        if (e, i) == (epoch, index) {
            batch.inputs = (batch.inputs * f64::NAN)?;
        }
        Ok(batch)
    };
    Source { batches_per_epoch: BATCHES, batch: Box::new(batch) }
}

pub fn quiet<'a>(
    run_dir: Option<&'a RunDir>,
    observer: &'a mut dyn FnMut(Event),
) -> Surroundings<'a> {
    Surroundings { validation: None, run_dir, observer, interrupted: &|| false }
}
