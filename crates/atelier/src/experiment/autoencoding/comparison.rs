//! What the autoencoder is compared with: principal components of the same examples, and what a
//! linear classifier makes of either.

use anyhow::{Context as _, Result, anyhow};
use atelier_autoencoder::pca::{Moments, Pca};
use atelier_core::{Batch, Targets, evaluate, seed};
use atelier_data::Subset;
use atelier_models::{Classifier, ModelConfig};
use atelier_train::{
    OptimizerConfig, OptimizerKind, ScheduleConfig, ScheduleKind, Settings, Source, Surroundings,
    TrainConfig, Trainer,
};
use candle_core::{Device, Tensor};
use ndarray::{Array2, ArrayView2, Axis};

use super::Autoencoding;
use super::examined::{CHUNK, joined, matrix, until};
use crate::experiment::training::MeasuringInterrupted;
use crate::failure::Help as _;
use crate::signals::Stop;

/// Enough for the accuracy to settle.
const EPOCHS: usize = 10;
const BATCH: usize = 256;

/// The decomposition of a matrix of more rows would take many minutes, and heed no signal meanwhile.
const MOST_ROWS: usize = 2048;
/// Images of more pixels are decomposed by their products with each other where they are fewer than that.
const FEW_PIXELS: usize = 1024;

/// Refuses examples whose principal components cannot be found.
pub(super) fn check(learned: &Subset) -> Result<()> {
    let (images, pixels) = (learned.len(), learned.dataset().pixels());
    if images.min(pixels) <= MOST_ROWS {
        return Ok(());
    }
    Err(anyhow!(
        "the autoencoder is compared with principal components, and those of {images} images of {pixels} \
         pixels take too long; expected at most {MOST_ROWS} of either"
    ))
    .help(|| {
        format!("make the images smaller, or learn from fewer: --set data.examples={MOST_ROWS}")
    })
}

/// The principal components of the training examples, as many as the code has units, as far as there are.
pub(super) fn components(prepared: &Autoencoding, stop: &Stop) -> Result<Pca> {
    let pixels = prepared.data.train.pixels();
    // An image has no more components than pixels; that many leave no error.
    let components = prepared.config.autoencoder.latent.min(pixels);
    let batches = prepared.split.train.evaluation_batches(CHUNK, None, &Device::Cpu)?;
    let mut batches = until(stop, batches).map(|batch| matrix(&batch?.inputs));
    let found = if pixels > FEW_PIXELS && prepared.split.train.len() < pixels {
        let batches = batches.collect::<Result<Vec<_>>>()?;
        Pca::of_few(joined(&batches)?.view(), components)
    } else {
        let mut moments = Moments::new(pixels);
        batches.try_for_each(|batch| anyhow::Ok(moments.add(batch?.view())?))?;
        moments.principal_components(components)
    };
    found.context("cannot find the principal components")
}

/// Labelled points.
#[derive(Clone, Copy)]
pub(super) struct Points<'a> {
    /// `(points, features)`.
    pub(super) features: &'a Array2<f32>,
    pub(super) labels: &'a [u32],
}

/// The share of `test` that a softmax regression, trained on `train`, gets right.
pub(super) fn linear_accuracy(
    train: Points<'_>,
    test: Points<'_>,
    classes: usize,
    seed: u64,
    stop: &Stop,
) -> Result<f64> {
    let mean = train.features.mean_axis(Axis(0)).context("no example to classify")?;
    // One scale for all: brought to the same deviation, the last principal components, which are
    // little but noise, would say as much as the first.
    let variance = train.features.var_axis(Axis(0), 0.0).mean().unwrap_or(0.0);
    // Features that never change stay what they are.
    let deviation = if variance > 0.0 { variance.sqrt() } else { 1.0 };
    let scaled = |points: Points<'_>| (points.features - &mean) / deviation;
    let (train_features, test_features) = (scaled(train), scaled(test));

    let model = ModelConfig { hidden: Vec::new(), ..ModelConfig::default() };
    let features = train.features.ncols();
    let classifier = Classifier::new(features, classes, &model, 0.0, seed, &Device::Cpu)?;
    let settings = Settings {
        train: TrainConfig { epochs: EPOCHS, batch_size: BATCH, ..TrainConfig::default() },
        optimizer: OptimizerConfig {
            kind: OptimizerKind::Adam,
            learning_rate: 0.01,
            ..OptimizerConfig::default()
        },
        schedule: ScheduleConfig { kind: ScheduleKind::Cosine, ..ScheduleConfig::default() },
    };
    let count = u32::try_from(train.labels.len()).context("too many examples to classify")?;
    let mut order = (u64::MAX, Vec::new());
    let mut source = Source {
        batches_per_epoch: train.labels.len().div_ceil(BATCH),
        batch: Box::new(|epoch, index| {
            if order.0 != epoch {
                let mut stream = seed::stream(seed, "linear-classifier", epoch, 0);
                order = (epoch, seed::permutation(&mut stream, count));
            }
            let rows = order.1.chunks(BATCH).nth(index).unwrap_or_default();
            let rows: Vec<usize> = rows.iter().map(|&row| row as usize).collect();
            let labels = rows.iter().map(|&row| train.labels[row]).collect();
            batch(train_features.select(Axis(0), &rows).view(), labels)
        }),
    };
    let surroundings = Surroundings {
        validation: None,
        run_dir: None,
        observer: &mut |_| {},
        interrupted: &|| stop.requested(),
    };
    Trainer::new(&classifier, &settings, seed)?.run(&mut source, surroundings)?;
    MeasuringInterrupted::check(stop)?;
    let all = batch(test_features.view(), test.labels.to_vec());
    let accuracy = evaluate(&classifier, [all])?.accuracy();
    accuracy.context("the evaluation counted no correct answers")
}

fn batch(features: ArrayView2<'_, f32>, labels: Vec<u32>) -> atelier_core::Result<Batch> {
    let inputs = Tensor::from_iter(features.iter().copied(), &Device::Cpu)?;
    let labels = Tensor::from_vec(labels, features.nrows(), &Device::Cpu)?;
    let inputs = inputs.reshape(features.dim())?;
    Ok(Batch { inputs, targets: Targets::Classes(labels) })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use atelier_data::Dataset;

    use super::*;
    use crate::failure::render;

    #[test]
    fn many_images_of_many_pixels_are_refused_with_what_to_do() {
        let of = |images: usize, side: usize| {
            let pixels = Array2::<u8>::zeros((images, side * side));
            let data = Dataset::new(pixels, vec![0; images], (side, side), 1).expect("a data set");
            check(&Subset::all(&Arc::new(data)))
        };
        assert!(of(MOST_ROWS + 1, 45).is_ok() && of(MOST_ROWS, 46).is_ok());
        let said = render(&of(MOST_ROWS + 1, 46).expect_err("too many of both"));
        assert!(said.contains("those of 2049 images of 2116 pixels take too long"), "{said}");
        assert!(said.contains("help: make the images smaller, or learn from fewer"), "{said}");
    }
}
