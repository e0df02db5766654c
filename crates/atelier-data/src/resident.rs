//! Training images that stay on a device: gathered, moved, scaled and mixed there.
//!
//! The order, the shifts, the flips and the partners are drawn on the host from the same streams as
//! for the CPU, so that every device sees the same examples. Only these few numbers travel with a
//! batch (and two bytes for each pixel where parts are erased); the order of an epoch travels once.

use atelier_core::{Batch, Result, Targets};
use candle_core::{DType, Device, Tensor};

use crate::Dataset;
use crate::augment::{Mixup, Move};
use crate::rows::Scaling;

/// All images of a data set and their labels.
#[derive(Debug)]
pub(crate) struct Resident {
    /// `(examples, pixels)` bytes.
    images: Tensor,
    /// `(examples)`.
    labels: Tensor,
    height: usize,
    width: usize,
    classes: usize,
    /// For each pixel what is multiplied by and what is added, where there is a standardisation.
    standardized: Option<(Tensor, Tensor)>,
    /// The examples in the order of that epoch.
    order: Option<(u64, Tensor)>,
}

impl Resident {
    /// Copies the data set to `device`.
    pub fn new(dataset: &Dataset, scaling: &Scaling, device: &Device) -> Result<Self> {
        let shape = (dataset.len(), dataset.pixels());
        let labels: Vec<u32> = dataset.labels().iter().map(|&label| u32::from(label)).collect();
        let standardized = match scaling {
            Scaling::Plain => None,
            Scaling::Standardized { factor, offset } => {
                let row = |values: &[f32]| Tensor::from_slice(values, (1, values.len()), device);
                Some((row(factor)?, row(offset)?))
            }
        };
        Ok(Self {
            images: Tensor::from_slice(dataset.bytes(), shape, device)?,
            labels: Tensor::from_vec(labels, dataset.len(), device)?,
            height: dataset.height(),
            width: dataset.width(),
            classes: dataset.classes(),
            standardized,
            order: None,
        })
    }

    /// The examples `order[start..end]`, where `order` is that of `epoch`.
    pub fn batch(
        &mut self,
        (epoch, order): (u64, &[u32]),
        (start, end): (usize, usize),
        moves: Option<&[Move]>,
        mixup: Option<&Mixup>,
    ) -> Result<Batch> {
        if self.order.as_ref().is_none_or(|(of, _)| *of != epoch) {
            let order = Tensor::from_slice(order, order.len(), self.images.device())?;
            self.order = Some((epoch, order));
        }
        let Some((_, order)) = &self.order else { unreachable!("it was just put there") };
        let rows = order.narrow(0, start, end - start)?;
        let labels = self.labels.index_select(&rows, 0)?;
        let mut inputs = self.images.index_select(&rows, 0)?.to_dtype(DType::F32)?;
        if let Some(moves) = moves {
            inputs = self.moved(&inputs, moves)?;
        }
        let inputs = match &self.standardized {
            None => inputs.affine(f64::from(1.0_f32 / 255.0), 0.0)?,
            Some((factor, offset)) => inputs.broadcast_mul(factor)?.broadcast_add(offset)?,
        };
        let Some(mixup) = mixup else {
            return Ok(Batch { inputs, targets: Targets::Classes(labels) });
        };
        let device = self.images.device();
        let partners = Tensor::from_slice(&mixup.partners, mixup.partners.len(), device)?;
        let own = f64::from(mixup.weight);
        let mixed = |rows: &Tensor| -> candle_core::Result<Tensor> {
            let others =
                rows.index_select(&partners, 0)?.affine(f64::from(1.0 - mixup.weight), 0.0)?;
            rows.affine(own, 0.0)? + others
        };
        let classes = u32::try_from(self.classes).unwrap_or(u32::MAX);
        let classes = Tensor::arange(0, classes, device)?.unsqueeze(0)?;
        let one_hot = labels.unsqueeze(1)?.broadcast_eq(&classes)?.to_dtype(DType::F32)?;
        Ok(Batch { inputs: mixed(&inputs)?, targets: Targets::Distribution(mixed(&one_hot)?) })
    }

    /// Each image as its move says; what comes in from outside is 0.
    fn moved(&self, images: &Tensor, moves: &[Move]) -> candle_core::Result<Tensor> {
        let images = self.shifted(images, moves)?;
        if moves.iter().all(|of| of.patch.is_none()) {
            return Ok(images);
        }
        let (mut erased, mut noise) =
            (vec![0_u8; images.elem_count()], vec![0_u8; images.elem_count()]);
        let pixels = self.height * self.width;
        for (image, of) in moves.iter().enumerate() {
            let Some(patch) = &of.patch else { continue };
            patch.for_rows(self.width, |start, bytes| {
                let range = image * pixels + start..image * pixels + start + bytes.len();
                erased[range.clone()].fill(1);
                noise[range].copy_from_slice(bytes);
            });
        }
        let on_device = |bytes| Tensor::from_vec(bytes, images.shape(), images.device());
        on_device(erased)?.where_cond(&on_device(noise)?.to_dtype(DType::F32)?, &images)
    }

    fn shifted(&self, images: &Tensor, moves: &[Move]) -> candle_core::Result<Tensor> {
        let (device, n) = (images.device(), moves.len());
        // Places are whole numbers that f32 holds exactly.
        let places = |size: usize| Tensor::arange(0.0, size as f32, device);
        let each = |value: fn(&Move) -> f32| {
            Tensor::from_iter(moves.iter().map(value), device)?.reshape((n, 1, 1))
        };
        let (height, width) = (self.height, self.width);
        let x = places(width)?.reshape((1, 1, width))?;
        // Mirrored, the place x shows what would be at width - 1 - x.
        let turned = x.affine(-2.0, (width - 1) as f64)?;
        let x =
            x.broadcast_add(&turned.broadcast_mul(&each(|of| f32::from(u8::from(of.flip)))?)?)?;
        let from_x = x.broadcast_sub(&each(|of| of.right)?)?;
        let from_y =
            places(height)?.reshape((1, height, 1))?.broadcast_sub(&each(|of| of.down)?)?;
        let inside = |from: &Tensor, size: usize| {
            let last = (size - 1) as f64;
            from.ge(0.0)?.mul(&from.le(last)?)?.to_dtype(DType::F32)
        };
        let seen = inside(&from_y, height)?.broadcast_mul(&inside(&from_x, width)?)?;
        let rows = from_y.clamp(0.0, (height - 1) as f64)?.affine(width as f64, 0.0)?;
        let places = rows.broadcast_add(&from_x.clamp(0.0, (width - 1) as f64)?)?;
        let places = places.reshape((n, height * width))?.to_dtype(DType::U32)?;
        images.gather(&places, 1)? * seen.reshape((n, height * width))?
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ndarray::Array2;

    use super::*;
    use crate::{AugmentConfig, Batcher, DataConfig, Standardization, ValidationSize, split};

    /// The composition on the CPU, against the bytes as the CPU takes them.
    #[test]
    fn a_device_sees_the_examples_that_the_cpu_sees() {
        let (n, height, width) = (23, 5, 7);
        let images = Array2::from_shape_fn((n, height * width), |(i, j)| {
            u8::try_from((i * height * width + j) * 37 % 251).unwrap()
        });
        let labels = (0..n).map(|i| u8::try_from(i % 3).unwrap()).collect();
        let dataset = Dataset::new(images, labels, (height, width), 3).unwrap();
        let config = DataConfig { validation: ValidationSize::Count(0), ..DataConfig::default() };
        let examples = split(&Arc::new(dataset), &config, 0).unwrap().train;
        let standardization = Standardization::fit(&examples);
        let plain = AugmentConfig::default();
        for augment in [
            plain.clone(),
            AugmentConfig { flip: true, ..plain.clone() },
            AugmentConfig { shift: 2, ..plain.clone() },
            AugmentConfig { erase: 0.7, ..plain.clone() },
            AugmentConfig { flip: true, shift: 3, erase: 0.5, mixup: 0.4 },
        ] {
            for standardization in [None, Some(&standardization)] {
                let batcher = || {
                    let examples = examples.clone();
                    Batcher::new(examples, 4, 9, &augment, standardization, &Device::Cpu).unwrap()
                };
                let (mut host, mut device) = (batcher(), batcher());
                for (epoch, index) in [(0, 0), (0, 5), (3, 1)] {
                    let expected = host.batch(epoch, index).unwrap();
                    let order = device.order_of(epoch);
                    let range = (4 * index, (4 * index + 4).min(n));
                    let found = device.on_device((epoch, &order), range, index as u64).unwrap();
                    same(&expected.inputs, &found.inputs);
                    match (&expected.targets, &found.targets) {
                        (Targets::Classes(a), Targets::Classes(b))
                        | (Targets::Distribution(a), Targets::Distribution(b)) => same(a, b),
                        _ => panic!("targets of two kinds"),
                    }
                }
            }
        }
    }

    fn same(a: &Tensor, b: &Tensor) {
        assert_eq!(a.dims(), b.dims());
        let values = |t: &Tensor| -> Vec<f32> {
            t.to_dtype(DType::F32).unwrap().flatten_all().unwrap().to_vec1().unwrap()
        };
        for (a, b) in values(a).into_iter().zip(values(b)) {
            assert!((a - b).abs() < 1e-5 * a.abs().max(1.0), "{a} and {b}");
        }
    }
}
