//! One training step of a dense classifier, as the trainer takes it: batch in memory, loss,
//! gradients, update, and the loss read.

use anyhow::Result;
use atelier_core::{Batch, Mode, Objective, StepAddress, Targets, backward};
use atelier_models::{Classifier, ModelConfig};
use atelier_train::{Optimizer, OptimizerConfig};
use candle_core::{Device, Tensor};

/// Pixels of an image.
const INPUTS: usize = 784;
/// Classes.
const CLASSES: usize = 10;

/// A network and a batch.
pub struct Step {
    classifier: Classifier,
    optimizer: Optimizer,
    batch: Batch,
    number: u64,
    /// Multiplications and additions of the products of one step.
    pub flop: f64,
}

impl Step {
    /// A network of `hidden` layers and a batch of `size`.
    ///
    /// # Errors
    /// Fails if a width is 0, or there is no memory left.
    pub fn new(hidden: &[usize], size: usize) -> Result<Self> {
        let config = ModelConfig { hidden: hidden.to_vec(), ..ModelConfig::default() };
        let classifier = Classifier::new(INPUTS, CLASSES, &config, 0.0, 0, &Device::Cpu)?;
        let optimizer =
            Optimizer::new(&OptimizerConfig::default(), 5e-4, 0.0, classifier.parameters())?;
        let pixels: Vec<f32> =
            (0..size * INPUTS).map(|i| ((i * 7919) % 256) as f32 / 255.0).collect();
        let labels: Vec<u32> = (0..10).cycle().take(size).collect();
        let batch = Batch {
            inputs: Tensor::from_vec(pixels, (size, INPUTS), &Device::Cpu)?,
            targets: Targets::Classes(Tensor::from_vec(labels, size, &Device::Cpu)?),
        };
        Ok(Self { classifier, optimizer, batch, number: 0, flop: flop(hidden, size) })
    }

    /// Takes the step; the loss before it.
    ///
    /// # Errors
    /// Fails if there is no memory left.
    pub fn take(&mut self) -> Result<f32> {
        let address = StepAddress { seed: 0, epoch: 0, index: self.number };
        self.number += 1;
        let loss = self.classifier.loss(&self.batch, Mode::Train(address))?;
        let value = loss.reported.to_scalar::<f32>()?;
        let gradients = backward(&loss.objective)?;
        self.optimizer.step(self.classifier.parameters(), &gradients, 1e-3)?;
        Ok(value)
    }
}

/// Forward, weight gradients, and input gradients of every layer but the first: 2 operations a
/// multiplication.
fn flop(hidden: &[usize], batch: usize) -> f64 {
    let mut widths = vec![INPUTS];
    widths.extend(hidden);
    widths.push(CLASSES);
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
        assert!((flop(&[50, 50, 50], 16) - by_hand).abs() < 0.5);
    }

    #[test]
    fn a_step_lowers_the_loss_of_its_batch() {
        let mut step = Step::new(&[50], 16).unwrap();
        let first = step.take().unwrap();
        let last = (0..200).map(|_| step.take().unwrap()).last().unwrap();
        assert!(last < first, "{first} to {last}");
    }
}
