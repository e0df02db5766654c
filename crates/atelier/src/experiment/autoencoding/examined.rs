//! Examples seen through the autoencoder: their codes, their reconstructions, their errors.

use anyhow::{Result, anyhow};
use atelier_autoencoder::pca::Pca;
use atelier_core::{Batch, Targets, seed};
use candle_core::{Device, Tensor};
use ndarray::{Array2, Axis, concatenate};

use super::Autoencoding;
use super::comparison::Points;
use crate::experiment::training::MeasuringInterrupted;
use crate::signals::Stop;

/// Examples that are evaluated at a time: the activations of a chunk stay in the cache.
pub(super) const CHUNK: usize = 1000;
/// Numbers of training codes that are kept at once, 256 MiB: the codes of all 60,000 images up to a
/// thousand units.
const NUMBERS: usize = 1 << 26;

/// Examples and what the autoencoder and the principal components make of them.
pub(super) struct Examined {
    /// `(examples, pixels)`, in [0, 1].
    pub(super) images: Array2<f32>,
    pub(super) labels: Vec<u32>,
    /// `(examples, latent)`.
    pub(super) codes: Array2<f32>,
    /// `(examples, pixels)`, in [0, 1].
    pub(super) reconstructions: Array2<f32>,
    /// `(examples, components)`.
    pub(super) coordinates: Array2<f32>,
    /// Mean squared error of each example.
    pub(super) errors: Vec<f64>,
    /// The same by the principal components.
    pub(super) pca_errors: Vec<f64>,
    /// The examples with noise, where the autoencoder was trained with it.
    pub(super) denoised: Option<Denoised>,
}

/// Examples with noise on them and what the autoencoder makes of those.
pub(super) struct Denoised {
    /// `(examples, pixels)`, in [0, 1].
    pub(super) noisy: Array2<f32>,
    /// `(examples, pixels)`, in [0, 1].
    pub(super) reconstructions: Array2<f32>,
    /// Mean squared error of each reconstruction against the example without noise.
    pub(super) errors: Vec<f64>,
    /// The same of the noisy examples themselves.
    pub(super) noisy_errors: Vec<f64>,
}

impl Examined {
    /// Looks at every batch once.
    pub(super) fn new(
        prepared: &Autoencoding,
        pca: &Pca,
        batches: impl Iterator<Item = Result<Batch>>,
    ) -> Result<Self> {
        let model = &prepared.model;
        let [mut images, mut codes, mut reconstructions, mut coordinates, mut noisy, mut restored] =
            [const { Vec::new() }; 6];
        let (mut labels, mut errors, mut pca_errors) = (Vec::new(), Vec::new(), Vec::new());
        let (mut denoised_errors, mut noisy_errors) = (Vec::new(), Vec::new());
        for (index, batch) in batches.enumerate() {
            let batch = batch?;
            labels.extend(classes(&batch)?);
            let seen = matrix(&batch.inputs)?;
            let code = model.encode(&batch.inputs)?;
            let reconstruction = matrix(&model.decode(&code)?)?;
            let projected = pca.project(seen.view())?;
            errors.extend(squared_errors(&seen, &reconstruction.mapv(f64::from)));
            pca_errors.extend(squared_errors(&seen, &pca.restore(&projected)?));
            if prepared.config.autoencoder.noise > 0.0 {
                let mut stream = seed::stream(prepared.seed, "test-noise", 0, index as u64);
                let inputs = model.noisy(&batch.inputs, &mut stream)?;
                let [of_noisy, inputs] = [matrix(&model.reconstruct(&inputs)?)?, matrix(&inputs)?];
                denoised_errors.extend(squared_errors(&seen, &of_noisy.mapv(f64::from)));
                noisy_errors.extend(squared_errors(&seen, &inputs.mapv(f64::from)));
                restored.push(of_noisy);
                noisy.push(inputs);
            }
            codes.push(matrix(&code)?);
            #[expect(clippy::cast_possible_truncation, reason = "features of f32 arithmetic")]
            coordinates.push(projected.mapv(|value| value as f32));
            reconstructions.push(reconstruction);
            images.push(seen);
        }
        let denoised = (!noisy.is_empty())
            .then(|| -> Result<Denoised> {
                Ok(Denoised {
                    noisy: joined(&noisy)?,
                    reconstructions: joined(&restored)?,
                    errors: denoised_errors,
                    noisy_errors,
                })
            })
            .transpose()?;
        Ok(Self {
            images: joined(&images)?,
            labels,
            codes: joined(&codes)?,
            reconstructions: joined(&reconstructions)?,
            coordinates: joined(&coordinates)?,
            errors,
            pca_errors,
            denoised,
        })
    }

    pub(super) fn codes(&self) -> Points<'_> {
        Points { features: &self.codes, labels: &self.labels }
    }

    pub(super) fn coordinates(&self) -> Points<'_> {
        Points { features: &self.coordinates, labels: &self.labels }
    }
}

/// The codes and the coordinates of examples, without their images.
pub(super) struct Coded {
    codes: Array2<f32>,
    coordinates: Array2<f32>,
    labels: Vec<u32>,
}

impl Coded {
    /// Of at least as many training examples as make [`NUMBERS`] numbers of their codes; of all of
    /// them where there are not so many.
    pub(super) fn new(prepared: &Autoencoding, pca: &Pca, stop: &Stop) -> Result<Self> {
        let (mut codes, mut coordinates, mut labels) = (Vec::new(), Vec::new(), Vec::new());
        let batches = prepared.split.train.evaluation_batches(CHUNK, None, &prepared.device)?;
        let enough = NUMBERS.div_ceil(prepared.config.autoencoder.latent * CHUNK);
        for batch in until(stop, batches).take(enough) {
            let batch = batch?;
            labels.extend(classes(&batch)?);
            codes.push(matrix(&prepared.model.encode(&batch.inputs)?)?);
            let projected = pca.project(matrix(&batch.inputs)?.view())?;
            #[expect(clippy::cast_possible_truncation, reason = "features of f32 arithmetic")]
            coordinates.push(projected.mapv(|value| value as f32));
        }
        Ok(Self { codes: joined(&codes)?, coordinates: joined(&coordinates)?, labels })
    }

    pub(super) fn len(&self) -> usize {
        self.labels.len()
    }

    pub(super) fn codes(&self) -> Points<'_> {
        Points { features: &self.codes, labels: &self.labels }
    }

    pub(super) fn coordinates(&self) -> Points<'_> {
        Points { features: &self.coordinates, labels: &self.labels }
    }
}

/// The batches, until a signal comes.
pub(super) fn until(
    stop: &Stop,
    batches: impl Iterator<Item = atelier_core::Result<Batch>>,
) -> impl Iterator<Item = Result<Batch>> {
    batches.map(|batch| {
        MeasuringInterrupted::check(stop)?;
        Ok(batch?)
    })
}

/// A matrix of a device as one of the host.
pub(super) fn matrix(tensor: &Tensor) -> Result<Array2<f32>> {
    let values = tensor.to_device(&Device::Cpu)?.flatten_all()?.to_vec1::<f32>()?;
    Ok(Array2::from_shape_vec(tensor.dims2()?, values)?)
}

fn classes(batch: &Batch) -> Result<Vec<u32>> {
    match &batch.targets {
        Targets::Classes(classes) => Ok(classes.to_vec1()?),
        _ => Err(anyhow!("the examples have no classes")),
    }
}

fn squared_errors(images: &Array2<f32>, others: &Array2<f64>) -> Vec<f64> {
    let error = |(image, other): (ndarray::ArrayView1<'_, f32>, ndarray::ArrayView1<'_, f64>)| {
        let squares = image.iter().zip(other).map(|(&x, &y)| (f64::from(x) - y).powi(2));
        squares.sum::<f64>() / image.len() as f64
    };
    images.rows().into_iter().zip(others.rows()).map(error).collect()
}

pub(super) fn joined(parts: &[Array2<f32>]) -> Result<Array2<f32>> {
    let views: Vec<_> = parts.iter().map(Array2::view).collect();
    Ok(concatenate(Axis(0), &views)?)
}
