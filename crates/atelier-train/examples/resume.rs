//! Trains two spirals apart, stops in the middle, resumes from the checkpoint, and compares the
//! weights with those of a run that was never stopped.

use std::cell::Cell;

use atelier_core::seed::stream;
use atelier_core::{Activation, Batch, Loss, Mode, Objective, Parameter, Targets, ops};
use atelier_store::Checkpoints;
use atelier_train::{Error, Event, Settings, Source, Surroundings, Trainer};
use candle_core::{Device, Tensor, Var};
use rand::RngExt;

/// Two inputs, 32 hidden units, two classes.
struct Spirals(Vec<Parameter>);

impl Spirals {
    fn new() -> Result<Self, Error> {
        let mut stream = stream(0, "spirals", 0, 0);
        let mut parameter = |name: &str, shape: &[usize]| -> Result<Parameter, Error> {
            let count = shape.iter().product();
            let values: Vec<f32> = (0..count).map(|_| stream.random_range(-1.0..1.0)).collect();
            let tensor = Tensor::from_vec(values, shape, &Device::Cpu)?;
            let var = Var::from_tensor(&tensor)?;
            let decayed = shape.len() == 2;
            Ok(Parameter { name: name.to_string(), var, decayed, transposed: decayed })
        };
        Ok(Self(vec![
            parameter("0.weight", &[2, 32])?,
            parameter("0.bias", &[32])?,
            parameter("2.weight", &[32, 2])?,
            parameter("2.bias", &[2])?,
        ]))
    }
}

impl Objective for Spirals {
    fn parameters(&self) -> &[Parameter] {
        &self.0
    }

    fn loss(&self, batch: &Batch, _mode: Mode) -> atelier_core::Result<Loss> {
        let h = ops::dense(&batch.inputs, &self.0[0].var, &self.0[1].var, Activation::Tanh)?;
        let logits = ops::dense(&h, &self.0[2].var, &self.0[3].var, Activation::Identity)?;
        ops::cross_entropy(&logits, &batch.targets, 0.0)
    }
}

/// Points of two spirals; a pure function of its address.
fn batch(epoch: u64, index: usize) -> atelier_core::Result<Batch> {
    let mut stream = stream(0, "points", epoch, index as u64);
    let (mut points, mut labels) = (Vec::new(), Vec::new());
    for _ in 0..64 {
        let (label, t) = (stream.random_range(0..2_u32), stream.random_range(0.5..6.0_f32));
        let angle = t + std::f32::consts::PI * label as f32;
        points.extend([t * angle.cos() / 3.0, t * angle.sin() / 3.0]);
        labels.push(label);
    }
    Ok(Batch {
        inputs: Tensor::from_vec(points, (64, 2), &Device::Cpu)?,
        targets: Targets::Classes(Tensor::new(labels, &Device::Cpu)?),
    })
}

/// Runs `trainer` for at most `steps` more steps.
fn run(trainer: &mut Trainer, steps: usize) -> Result<(), Error> {
    let mut source = Source { batches_per_epoch: 20, batch: Box::new(batch) };
    let left = Cell::new(steps);
    let around = Surroundings {
        validation: None,
        run_dir: None,
        observer: &mut |event| match event {
            Event::Step(_) => left.set(left.get().saturating_sub(1)),
            Event::Epoch(report) if report.epoch % 10 == 0 => {
                println!("epoch {:2}: training loss {:.4}", report.epoch, report.train_loss);
            }
            _ => {}
        },
        interrupted: &|| left.get() == 0,
    };
    trainer.run(&mut source, around).map(|_| ())
}

fn main() -> Result<(), Error> {
    let settings = Settings::default();
    let directory = std::env::temp_dir().join(format!("atelier-resume-{}", std::process::id()));
    let checkpoints = Checkpoints::new(&directory);

    let straight = Spirals::new()?;
    run(&mut Trainer::new(&straight, &settings, 1)?, usize::MAX)?;

    let stopped = Spirals::new()?;
    let mut trainer = Trainer::new(&stopped, &settings, 1)?;
    run(&mut trainer, 137)?;
    checkpoints.save(trainer.steps(), &trainer.checkpoint()?)?;
    println!("stopped after {} steps", trainer.steps());

    let resumed = Spirals::new()?;
    let mut trainer = Trainer::new(&resumed, &settings, 1)?;
    if let Some(latest) = checkpoints.latest()? {
        trainer.resume(&latest.checkpoint)?;
    }
    run(&mut trainer, usize::MAX)?;
    let same = atelier_core::flatten(&straight.0)? == atelier_core::flatten(&resumed.0)?;
    println!("the same bits as without the stop: {same}");
    // Best effort: a directory for temporary files may be cleaned by others.
    let _ = std::fs::remove_dir_all(directory);
    Ok(())
}
