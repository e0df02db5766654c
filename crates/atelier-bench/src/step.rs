//! One training step, as the trainer takes it: batch in memory, loss, gradients, update, and the
//! loss read.

use anyhow::Result;
use atelier_autoencoder::{Autoencoder, AutoencoderConfig};
use atelier_core::{Batch, Mode, Objective, StepAddress, backward};
use atelier_models::{Classifier, ModelConfig};
use atelier_train::{Optimizer, OptimizerConfig, OptimizerKind};
use candle_core::Device;

use crate::epoch::batch;
use crate::row::{CLASSES, INPUTS, training};

/// A network and a batch.
pub struct Step {
    objective: Box<dyn Objective>,
    optimizer: Optimizer,
    batch: Batch,
    number: u64,
    /// Multiplications and additions of the products of one step.
    pub flop: f64,
}

impl Step {
    /// A classifier with `hidden` layers, trained by SGD with weight decay on a batch of `size`.
    ///
    /// # Errors
    /// Fails if a width is 0, or there is no memory left.
    pub fn new(hidden: &[usize], size: usize) -> Result<Self> {
        let config = ModelConfig { hidden: hidden.to_vec(), ..ModelConfig::default() };
        Self::classifier(&config, &OptimizerConfig::default(), size)
    }

    /// A classifier with `hidden` layers, batch norm and dropout, trained by `AdamW` on a batch of
    /// `size`.
    ///
    /// # Errors
    /// Fails if a width is 0, or there is no memory left.
    pub fn regularized(hidden: &[usize], size: usize) -> Result<Self> {
        let hidden = hidden.to_vec();
        let config =
            ModelConfig { hidden, batch_norm: true, dropout: 0.25, ..ModelConfig::default() };
        let optimizer = OptimizerConfig { kind: OptimizerKind::Adamw, ..Default::default() };
        Self::classifier(&config, &optimizer, size)
    }

    /// The autoencoder 784-128-64-128-784, trained by Adam on a batch of `size`.
    ///
    /// # Errors
    /// Fails if there is no memory left.
    pub fn autoencoder(size: usize) -> Result<Self> {
        let config = AutoencoderConfig::default();
        let autoencoder = Autoencoder::new(INPUTS, &config, 0, &Device::Cpu)?;
        let code = [config.latent];
        let back = config.hidden.iter().rev();
        let hidden: Vec<usize> = config.hidden.iter().chain(&code).chain(back).copied().collect();
        let optimizer = OptimizerConfig { kind: OptimizerKind::Adam, ..Default::default() };
        let flop = flop(&hidden, INPUTS, size);
        Self::of(Box::new(autoencoder), &optimizer, 0.0, size, flop)
    }

    fn classifier(config: &ModelConfig, optimizer: &OptimizerConfig, size: usize) -> Result<Self> {
        let classifier = Classifier::new(INPUTS, CLASSES, config, 0.0, 0, &Device::Cpu)?;
        let flop = flop(&config.hidden, CLASSES, size);
        Self::of(Box::new(classifier), optimizer, 5e-4, size, flop)
    }

    fn of(
        objective: Box<dyn Objective>,
        optimizer: &OptimizerConfig,
        weight_decay: f64,
        size: usize,
        flop: f64,
    ) -> Result<Self> {
        let optimizer = Optimizer::new(optimizer, weight_decay, 0.0, objective.parameters())?;
        let batch = batch(size, INPUTS, 10)?;
        Ok(Self { objective, optimizer, batch, number: 0, flop })
    }

    /// How many steps were taken.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.number
    }

    /// Takes the step; the loss before it.
    ///
    /// # Errors
    /// Fails if there is no memory left.
    pub fn take(&mut self) -> Result<f32> {
        let batch = self.batch.clone();
        self.take_on(&batch)
    }

    /// Takes a step on another batch; the loss before it.
    ///
    /// # Errors
    /// Fails if the batch does not fit the network, or there is no memory left.
    pub fn take_on(&mut self, batch: &Batch) -> Result<f32> {
        let address = StepAddress { seed: 0, epoch: 0, index: self.number };
        self.number += 1;
        let loss = self.objective.loss(batch, Mode::Train(address))?;
        let value = loss.reported.to_scalar::<f32>()?;
        let gradients = backward(&loss.objective)?;
        self.optimizer.step(self.objective.parameters(), &gradients, 1e-3)?;
        Ok(value)
    }
}

fn flop(hidden: &[usize], outputs: usize, batch: usize) -> f64 {
    let widths: Vec<usize> = [INPUTS].into_iter().chain(hidden.iter().copied()).collect();
    training(&[&widths[..], &[outputs]].concat()) * batch as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_counts_the_operations_of_its_row() {
        for (step, id) in [
            (Step::new(&[50; 3], 16), "step-50-16"),
            (Step::regularized(&[512; 3], 256), "step-512-256"),
            (Step::autoencoder(128), "step-autoencoder"),
        ] {
            let row = crate::row::ROWS.iter().find(|row| row.id == id).unwrap();
            assert!((step.unwrap().flop - row.flop()).abs() < 0.5, "{id}");
        }
    }

    #[test]
    fn a_step_lowers_the_loss_of_its_batch() {
        let steps = [Step::new(&[50], 16), Step::regularized(&[50], 16), Step::autoencoder(16)];
        for step in steps {
            let mut step = step.unwrap();
            let first = step.take().unwrap();
            let last = (0..200).map(|_| step.take().unwrap()).last().unwrap();
            assert!(last < first, "{first} to {last}");
        }
    }
}
