//! What is left when numbers leave the numbers.

use crate::small::{BATCHES, Small, poisoned, quiet, run_dir, settings, source};
use atelier_core::{Batch, Evaluation, Loss, Mode, Objective, Parameter, Result, flatten};
use atelier_train::{Error, Event, OptimizerKind, Surroundings, Trainer};
use candle_core::{DType, Device, Var};
use std::cell::Cell;

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
