//! Epochs and evaluation, data in memory: what the trainer does over and above its steps.

use std::sync::Arc;

use anyhow::Result;
use atelier_core::{Batch, Targets, evaluate};
use atelier_data::{AugmentConfig, Batcher, Dataset, Subset};
use atelier_models::{Classifier, ModelConfig};
use candle_core::Device;
use ndarray::Array2;

use crate::step::Step;

/// Images that are evaluated at a time, as the program does.
const PIECE: usize = 1000;

/// Images of no meaning: the time does not depend on them.
fn images(count: usize, classes: usize) -> Result<Subset> {
    #[expect(clippy::cast_possible_truncation, reason = "below 256")]
    let pixels = Array2::from_shape_fn((count, 784), |(i, j)| (((i * 784 + j) * 7919) % 256) as u8);
    #[expect(clippy::cast_possible_truncation, reason = "as many as there are classes")]
    let labels = (0..count).map(|i| (i % classes) as u8).collect();
    Ok(Subset::all(&Arc::new(Dataset::new(pixels, labels, (28, 28), classes)?)))
}

/// A network, and epochs to train it for.
pub struct Epochs {
    step: Step,
    batcher: Batcher,
    times: usize,
    /// Epochs that are over.
    number: u64,
}

impl Epochs {
    /// `times` epochs over so many images of `classes` classes, for the network of `step`.
    ///
    /// # Errors
    /// Fails if there is no memory left.
    pub fn of(
        step: Step,
        count: usize,
        classes: usize,
        batch: usize,
        times: usize,
    ) -> Result<Self> {
        let augment = AugmentConfig::default();
        let images = images(count, classes)?;
        let batcher = Batcher::new(images, batch, 0, &augment, None, &Device::Cpu)?;
        Ok(Self { step, batcher, times, number: 0 })
    }

    /// Trains for all of them; every epoch has an order of its own.
    ///
    /// # Errors
    /// Fails if there is no memory left.
    pub fn take(&mut self) -> Result<()> {
        for _ in 0..self.times {
            for index in 0..self.batcher.batches_per_epoch() {
                let batch = self.batcher.batch(self.number, index)?;
                self.step.take_on(&batch)?;
            }
            self.number += 1;
        }
        Ok(())
    }
}

/// A classifier, and images to evaluate it on.
pub struct Evaluation {
    classifier: Classifier,
    images: Subset,
}

impl Evaluation {
    /// A classifier with `hidden` layers, and so many images.
    ///
    /// # Errors
    /// Fails if there is no memory left.
    pub fn new(hidden: &[usize], count: usize, inputs: usize, classes: usize) -> Result<Self> {
        let config = ModelConfig { hidden: hidden.to_vec(), ..ModelConfig::default() };
        let classifier = Classifier::new(inputs, classes, &config, 0.0, 0, &Device::Cpu)?;
        Ok(Self { classifier, images: images(count, classes)? })
    }

    /// Loss and accuracy of all images.
    ///
    /// # Errors
    /// Fails if there is no memory left.
    pub fn take(&self) -> Result<()> {
        let batches = self.images.evaluation_batches(PIECE, None, &Device::Cpu)?;
        evaluate(&self.classifier, batches)?;
        Ok(())
    }
}

/// A batch of no meaning.
pub(crate) fn batch(size: usize, inputs: usize, classes: u32) -> Result<Batch> {
    use candle_core::Tensor;
    let pixels: Vec<f32> = (0..size * inputs).map(|i| ((i * 7919) % 256) as f32 / 255.0).collect();
    let labels: Vec<u32> = (0..classes).cycle().take(size).collect();
    Ok(Batch {
        inputs: Tensor::from_vec(pixels, (size, inputs), &Device::Cpu)?,
        targets: Targets::Classes(Tensor::from_vec(labels, size, &Device::Cpu)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_has_a_step_for_every_batch_the_last_one_too() {
        let step = Step::new(&[8], 16).unwrap();
        let mut epochs = Epochs::of(step, 100, 10, 16, 3).unwrap();
        assert_eq!(epochs.batcher.batches_per_epoch(), 7);
        epochs.take().unwrap();
        assert_eq!((epochs.step.steps(), epochs.number), (21, 3));
    }

    #[test]
    fn evaluation_takes_any_number_of_images() {
        Evaluation::new(&[8], 1001, 784, 10).unwrap().take().unwrap();
    }
}
