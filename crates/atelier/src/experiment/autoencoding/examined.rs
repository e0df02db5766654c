//! Examples seen through the autoencoder: their codes, their reconstructions, their errors.

use anyhow::{Result, anyhow};
use atelier_autoencoder::Autoencoder;
use atelier_autoencoder::pca::Pca;
use atelier_core::{Batch, Targets};
use candle_core::{Device, Tensor};
use ndarray::{Array2, Axis, concatenate};

use super::comparison::Points;

/// Examples that are evaluated at a time: the activations of a chunk stay in the cache.
pub(super) const CHUNK: usize = 1000;

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
}

impl Examined {
    /// Looks at every batch once.
    pub(super) fn new(
        model: &Autoencoder,
        pca: &Pca,
        batches: impl Iterator<Item = atelier_core::Result<Batch>>,
    ) -> Result<Self> {
        let [mut images, mut codes, mut reconstructions, mut coordinates] =
            [const { Vec::new() }; 4];
        let (mut labels, mut errors, mut pca_errors) = (Vec::new(), Vec::new(), Vec::new());
        for batch in batches {
            let batch = batch?;
            labels.extend(classes(&batch)?);
            let seen = matrix(&batch.inputs)?;
            let code = model.encode(&batch.inputs)?;
            let reconstruction = matrix(&model.decode(&code)?)?;
            let projected = pca.project(seen.view())?;
            let restored = pca.restore(&projected)?;
            errors.extend(squared_errors(&seen, &reconstruction.mapv(f64::from)));
            pca_errors.extend(squared_errors(&seen, &restored));
            codes.push(matrix(&code)?);
            #[expect(clippy::cast_possible_truncation, reason = "features of f32 arithmetic")]
            coordinates.push(projected.mapv(|value| value as f32));
            reconstructions.push(reconstruction);
            images.push(seen);
        }
        Ok(Self {
            images: joined(&images)?,
            labels,
            codes: joined(&codes)?,
            reconstructions: joined(&reconstructions)?,
            coordinates: joined(&coordinates)?,
            errors,
            pca_errors,
        })
    }

    pub(super) fn codes(&self) -> Points {
        Points { features: self.codes.clone(), labels: self.labels.clone() }
    }

    pub(super) fn coordinates(&self) -> Points {
        Points { features: self.coordinates.clone(), labels: self.labels.clone() }
    }
}

/// The codes and the coordinates of examples, without keeping their images.
pub(super) fn coded(
    model: &Autoencoder,
    pca: &Pca,
    batches: impl Iterator<Item = atelier_core::Result<Batch>>,
) -> Result<(Points, Points)> {
    let (mut codes, mut coordinates, mut labels) = (Vec::new(), Vec::new(), Vec::new());
    for batch in batches {
        let batch = batch?;
        labels.extend(classes(&batch)?);
        codes.push(matrix(&model.encode(&batch.inputs)?)?);
        let projected = pca.project(matrix(&batch.inputs)?.view())?;
        #[expect(clippy::cast_possible_truncation, reason = "features of f32 arithmetic")]
        coordinates.push(projected.mapv(|value| value as f32));
    }
    let codes = Points { features: joined(&codes)?, labels: labels.clone() };
    Ok((codes, Points { features: joined(&coordinates)?, labels }))
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

fn joined(parts: &[Array2<f32>]) -> Result<Array2<f32>> {
    let views: Vec<_> = parts.iter().map(Array2::view).collect();
    Ok(concatenate(Axis(0), &views)?)
}
