use std::borrow::Cow;

use atelier_core::{Batch, Targets};
use candle_core::{Device, Tensor};

use crate::batch::gather;
use crate::rows::Scaling;
use crate::{Dataset, Error, Result, Standardization, Subset, TestSet};

/// Batches in the order of the examples, without augmentation: for evaluation.
///
/// # Shapes
/// Inputs `(batch, pixels)` f32, in [0, 1] unless standardised; targets are classes.
#[derive(Debug)]
pub struct EvaluationBatches<'a> {
    dataset: &'a Dataset,
    indices: Cow<'a, [u32]>,
    position: usize,
    chunk: usize,
    scaling: Scaling,
    device: Device,
}

impl<'a> EvaluationBatches<'a> {
    fn new(
        dataset: &'a Dataset,
        indices: Cow<'a, [u32]>,
        chunk: usize,
        standardization: Option<&Standardization>,
        device: &Device,
    ) -> Result<Self> {
        if chunk == 0 {
            return Err(Error::Setting {
                key: "examples at a time",
                expected: "at least 1".to_string(),
                found: "0".to_string(),
            });
        }
        let scaling = Scaling::new(standardization, dataset.pixels())?;
        Ok(Self { dataset, indices, position: 0, chunk, scaling, device: device.clone() })
    }
}

impl Iterator for EvaluationBatches<'_> {
    type Item = atelier_core::Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        let rows = &self.indices[self.position..];
        let rows = &rows[..rows.len().min(self.chunk)];
        if rows.is_empty() {
            return None;
        }
        self.position += rows.len();
        let (inputs, labels) = gather(self.dataset, rows, &self.scaling);
        let batch = || {
            let labels = Tensor::from_vec(labels, rows.len(), &self.device)?;
            let shape = (rows.len(), self.dataset.pixels());
            let inputs = Tensor::from_vec(inputs, shape, &self.device)?;
            Ok(Batch { inputs, targets: Targets::Classes(labels) })
        };
        Some(batch())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.indices.len() - self.position).div_ceil(self.chunk);
        (left, Some(left))
    }
}

impl ExactSizeIterator for EvaluationBatches<'_> {}

impl Subset {
    /// The examples in order, `chunk` at a time, on `device`.
    ///
    /// # Errors
    /// [`Error::Setting`] if `chunk` is 0 or the standardisation does not fit the images.
    pub fn evaluation_batches(
        &self,
        chunk: usize,
        standardization: Option<&Standardization>,
        device: &Device,
    ) -> Result<EvaluationBatches<'_>> {
        let indices = Cow::Borrowed(self.indices());
        EvaluationBatches::new(self.dataset(), indices, chunk, standardization, device)
    }
}

impl TestSet {
    /// The examples in order, `chunk` at a time, on `device`; counted as a read.
    ///
    /// # Errors
    /// [`Error::Setting`] if `chunk` is 0 or the standardisation does not fit the images.
    pub fn evaluation_batches(
        &self,
        chunk: usize,
        standardization: Option<&Standardization>,
        device: &Device,
    ) -> Result<EvaluationBatches<'_>> {
        let dataset = self.read();
        let n = u32::try_from(dataset.len()).unwrap_or(u32::MAX);
        let indices = Cow::Owned((0..n).collect());
        EvaluationBatches::new(dataset, indices, chunk, standardization, device)
    }
}
