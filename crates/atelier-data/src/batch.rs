use atelier_core::seed::{permutation, stream};
use atelier_core::{Batch, Targets};
use candle_core::{Device, Tensor};

use crate::augment::{self, Mixup, Movement};
use crate::resident::Resident;
use crate::rows::Scaling;
use crate::{AugmentConfig, Dataset, Error, Result, Standardization, Subset};

/// The training batches of every epoch, each a function of its address.
///
/// `batch(epoch, index)` depends on the subset, the settings and the seed, and on nothing that was
/// asked for before: a resumed run continues with exactly the batches it would have seen. Every
/// epoch visits the examples in a fresh random order; the last batch may be shorter.
#[derive(Debug)]
pub struct Batcher {
    subset: Subset,
    batch_size: usize,
    seed: u64,
    augment: AugmentConfig,
    scaling: Scaling,
    device: Device,
    /// The images on a device other than the CPU, which makes the batches there; from the first
    /// batch on.
    resident: Option<Resident>,
    /// The examples in the order of that epoch.
    order: Option<(u64, Vec<u32>)>,
}

impl Batcher {
    /// Batches of `batch_size` examples of `subset`, on `device`.
    ///
    /// # Errors
    /// [`Error::Setting`] if the batch size is 0, the subset is empty, or the augmentation or the
    /// standardisation does not fit the images.
    pub fn new(
        subset: Subset,
        batch_size: usize,
        seed: u64,
        augment: &AugmentConfig,
        standardization: Option<&Standardization>,
        device: &Device,
    ) -> Result<Self> {
        if batch_size == 0 {
            return Err(Error::Setting {
                key: "train.batch_size",
                expected: "at least 1".to_string(),
                found: "0".to_string(),
            });
        }
        if subset.is_empty() {
            return Err(Error::Setting {
                key: "number of training examples",
                expected: "at least 1".to_string(),
                found: "0".to_string(),
            });
        }
        augment::check(augment, subset.dataset())?;
        let scaling = Scaling::new(standardization, subset.dataset().pixels())?;
        let (augment, device) = (augment.clone(), device.clone());
        let (resident, order) = (None, None);
        Ok(Self { subset, batch_size, seed, augment, scaling, device, resident, order })
    }

    /// The examples that the batches are made of.
    #[must_use]
    pub fn subset(&self) -> &Subset {
        &self.subset
    }

    /// How many batches an epoch has.
    #[must_use]
    pub fn batches_per_epoch(&self) -> usize {
        self.subset.len().div_ceil(self.batch_size)
    }

    /// Batch `index` of `epoch`, both counted from 0.
    ///
    /// # Shapes
    /// Inputs `(batch, pixels)` f32, in [0, 1] unless standardised; targets are classes, or a
    /// distribution `(batch, classes)` under mixup.
    ///
    /// # Errors
    /// [`atelier_core::Error::Value`] if the epoch has no such batch; otherwise only what the
    /// device refuses.
    pub fn batch(&mut self, epoch: u64, index: usize) -> atelier_core::Result<Batch> {
        if index >= self.batches_per_epoch() {
            let expected = format!("below {}", self.batches_per_epoch());
            return Err(atelier_core::Error::value("batch of the epoch", expected, index));
        }
        let order = match self.order.take() {
            Some((of, order)) if of == epoch => order,
            _ => self.order_of(epoch),
        };
        let start = index * self.batch_size;
        let end = (start + self.batch_size).min(order.len());
        let batch = if self.device.is_cpu() {
            self.gather(&order[start..end], epoch, index as u64)
        } else {
            self.on_device((epoch, &order), (start, end), index as u64)
        };
        self.order = Some((epoch, order));
        batch
    }

    /// The examples in the order in which an epoch visits them.
    pub(crate) fn order_of(&self, epoch: u64) -> Vec<u32> {
        let examples = self.subset.indices();
        let n = u32::try_from(examples.len()).unwrap_or(u32::MAX);
        let order = permutation(&mut stream(self.seed, "shuffle", epoch, 0), n);
        order.into_iter().map(|position| examples[position as usize]).collect()
    }

    /// The same examples as [`gather`](Self::gather) gives, made where the images are.
    pub(crate) fn on_device(
        &mut self,
        (epoch, order): (u64, &[u32]),
        (start, end): (usize, usize),
        index: u64,
    ) -> atelier_core::Result<Batch> {
        let (n, dataset) = (end - start, self.subset.dataset());
        let movement = Movement::new(dataset, &self.augment, self.seed, epoch, index);
        let moves = movement.map(|mut movement| movement.next(n));
        let mixup = Mixup::new(self.augment.mixup, self.seed, epoch, index, n);
        let mut resident = match self.resident.take() {
            Some(resident) => resident,
            None => Resident::new(dataset, &self.scaling, &self.device)?,
        };
        let batch = resident.batch((epoch, order), (start, end), moves.as_deref(), mixup.as_ref());
        self.resident = Some(resident);
        batch
    }

    fn gather(&self, rows: &[u32], epoch: u64, index: u64) -> atelier_core::Result<Batch> {
        let dataset = self.subset.dataset();
        let mut movement = Movement::new(dataset, &self.augment, self.seed, epoch, index);
        let (mut inputs, labels) = match &mut movement {
            None => gather(dataset, rows, &self.scaling),
            Some(movement) => {
                let mut moved = vec![0; dataset.pixels()];
                gather_with(dataset, rows, &self.scaling, |image, append| {
                    movement.apply(image, &mut moved);
                    append(&moved);
                })
            }
        };
        let shape = (rows.len(), dataset.pixels());
        let targets = match Mixup::new(self.augment.mixup, self.seed, epoch, index, rows.len()) {
            None => Targets::Classes(Tensor::from_vec(labels, rows.len(), &self.device)?),
            Some(mixup) => {
                inputs = mixup.inputs(&inputs, dataset.pixels());
                let targets = mixup.targets(&labels, dataset.classes());
                let shape = (rows.len(), dataset.classes());
                Targets::Distribution(Tensor::from_vec(targets, shape, &self.device)?)
            }
        };
        Ok(Batch { inputs: Tensor::from_vec(inputs, shape, &self.device)?, targets })
    }
}

/// The scaled images and the labels of `rows`: one pass over the bytes, and no copy after it.
pub(crate) fn gather(dataset: &Dataset, rows: &[u32], scaling: &Scaling) -> (Vec<f32>, Vec<u32>) {
    gather_with(dataset, rows, scaling, |image, append| append(image))
}

fn gather_with(
    dataset: &Dataset,
    rows: &[u32],
    scaling: &Scaling,
    mut each: impl FnMut(&[u8], &mut dyn FnMut(&[u8])),
) -> (Vec<f32>, Vec<u32>) {
    let pixels = dataset.pixels();
    let mut inputs = Vec::with_capacity(rows.len() * pixels);
    for &row in rows {
        let image = &dataset.bytes()[row as usize * pixels..][..pixels];
        each(image, &mut |image| scaling.append(image, &mut inputs));
    }
    let labels = rows.iter().map(|&row| u32::from(dataset.labels()[row as usize])).collect();
    (inputs, labels)
}
