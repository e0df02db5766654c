//! One training step, as the trainer takes it: batch in memory, loss, gradients, update, and the
//! loss read.

use anyhow::Result;
use atelier_autoencoder::{Autoencoder, AutoencoderConfig};
use atelier_core::{Batch, Mode, Objective, StepAddress, Targets, backward};
use atelier_models::{Classifier, ModelConfig};
use atelier_train::{Optimizer, OptimizerConfig, OptimizerKind};
use candle_core::{Device, Tensor};

/// Pixels of an image.
const INPUTS: usize = 784;
/// Classes.
const CLASSES: usize = 10;

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
        let pixels: Vec<f32> =
            (0..size * INPUTS).map(|i| ((i * 7919) % 256) as f32 / 255.0).collect();
        let labels: Vec<u32> = (0..10).cycle().take(size).collect();
        let batch = Batch {
            inputs: Tensor::from_vec(pixels, (size, INPUTS), &Device::Cpu)?,
            targets: Targets::Classes(Tensor::from_vec(labels, size, &Device::Cpu)?),
        };
        Ok(Self { objective, optimizer, batch, number: 0, flop })
    }

    /// Takes the step; the loss before it.
    ///
    /// # Errors
    /// Fails if there is no memory left.
    pub fn take(&mut self) -> Result<f32> {
        let address = StepAddress { seed: 0, epoch: 0, index: self.number };
        self.number += 1;
        let loss = self.objective.loss(&self.batch, Mode::Train(address))?;
        let value = loss.reported.to_scalar::<f32>()?;
        let gradients = backward(&loss.objective)?;
        self.optimizer.step(self.objective.parameters(), &gradients, 1e-3)?;
        Ok(value)
    }
}

/// Forward, weight gradients, and input gradients of every layer but the first: 2 operations a
/// multiplication.
fn flop(hidden: &[usize], outputs: usize, batch: usize) -> f64 {
    let mut widths = vec![INPUTS];
    widths.extend(hidden);
    widths.push(outputs);
    let products: usize = widths
        .windows(2)
        .enumerate()
        .map(|(layer, pair)| pair[0] * pair[1] * if layer == 0 { 2 } else { 3 })
        .sum();
    2.0 * (products * batch) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_counted_as_by_hand() {
        // 784 x 50 twice; 50 x 50 three times, two layers; 50 x 10 three times.
        let by_hand = 2.0 * 16.0 * (2.0 * 39_200.0 + 6.0 * 2_500.0 + 3.0 * 500.0);
        assert!((flop(&[50, 50, 50], CLASSES, 16) - by_hand).abs() < 0.5);
    }

    #[test]
    fn operations_of_the_autoencoder_are_counted_as_by_hand() {
        // 784 x 128 twice and three times; 128 x 64 three times, twice.
        let by_hand = 2.0 * 128.0 * (5.0 * 100_352.0 + 6.0 * 8_192.0);
        assert!((Step::autoencoder(128).unwrap().flop - by_hand).abs() < 0.5);
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
