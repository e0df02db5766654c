use atelier_core::{Parameter, flatten};
use candle_core::Device;

use super::*;
use crate::OptimizerKind;

/// The mean square of x - w over a batch; a batch of NaN has a loss that is none.
struct Quadratic(Vec<Parameter>);

impl Quadratic {
    fn new() -> Self {
        let var = Var::new(&[1.0_f32, -2.0, 0.5], &Device::Cpu).expect("a variable");
        Self(vec![Parameter { name: "w".to_string(), var, decayed: true, transposed: false }])
    }
}

impl Objective for Quadratic {
    fn parameters(&self) -> &[Parameter] {
        &self.0
    }

    fn loss(&self, batch: &Batch, _: Mode) -> atelier_core::Result<Loss> {
        let loss = batch.inputs.broadcast_sub(self.0[0].var.as_tensor())?.sqr()?.mean_all()?;
        Ok(Loss { reported: loss.detach(), objective: loss, correct: None, total: batch.len() })
    }
}

/// Twelve steps; the batch of step `bad`, counted from 1, holds NaN.
fn trained(settings: &Settings, deferred: bool, bad: usize) -> (Vec<f32>, Result<Outcome>) {
    let objective = Quadratic::new();
    let mut trainer = Trainer::new(&objective, settings, 0).expect("a trainer");
    trainer.deferred = deferred;
    let batch = |epoch: u64, index: usize| {
        let x = if index + 1 == bad { f32::NAN } else { (epoch + index as u64) as f32 };
        let inputs = Tensor::new(&[[x, 0.5, -x], [0.1, x, 1.0]], &Device::Cpu)?;
        let targets = atelier_core::Targets::Classes(Tensor::new(&[0_u32, 1], &Device::Cpu)?);
        Ok(Batch { inputs, targets })
    };
    let mut source = Source { batches_per_epoch: 12, batch: Box::new(batch) };
    let around = Surroundings {
        validation: None,
        run_dir: None,
        observer: &mut |_| {},
        interrupted: &|| false,
    };
    let outcome = trainer.run(&mut source, around);
    (flatten(objective.parameters()).expect("values"), outcome)
}

fn settings() -> Vec<Settings> {
    let mut all = Vec::new();
    for kind in [OptimizerKind::Sgd, OptimizerKind::Adam, OptimizerKind::Adamw] {
        for clip in [0.0, 0.5] {
            let mut settings = Settings::default();
            settings.train.epochs = 1;
            settings.train.clip = clip;
            settings.train.weight_decay = 0.01;
            settings.optimizer.kind = kind;
            settings.optimizer.momentum = if kind == OptimizerKind::Sgd { 0.9 } else { 0.0 };
            settings.optimizer.learning_rate = 0.05;
            all.push(settings);
        }
    }
    all
}

#[test]
fn losses_that_are_read_later_change_no_step() {
    for settings in settings() {
        let [(now, told), (later, told_later)] =
            [false, true].map(|deferred| trained(&settings, deferred, 0));
        let (told, told_later) = (told.expect("an end"), told_later.expect("an end"));
        for (a, b) in now.iter().zip(&later) {
            assert!((a - b).abs() < 1e-5, "{now:?} and {later:?} by {:?}", settings.optimizer);
        }
        assert_eq!(told.last.len(), told_later.last.len());
    }
}

#[test]
fn a_device_holds_back_the_step_of_a_loss_that_is_none_and_all_that_follow() {
    for settings in settings() {
        let [(now, error), (later, error_later)] =
            [false, true].map(|deferred| trained(&settings, deferred, 5));
        for error in [error, error_later] {
            let error = error.expect_err("a loss that is none");
            assert!(matches!(error, Error::Diverged { step: 5, .. }), "{error}");
        }
        for (a, b) in now.iter().zip(&later) {
            assert!((a - b).abs() < 1e-5, "{now:?} and {later:?} by {:?}", settings.optimizer);
        }
    }
}
