//! Trained networks on the test examples.

use std::path::Path;

use anyhow::Result;
use atelier_core::{Mode, Targets};
use atelier_data::Loaded;
use atelier_models::Layer;
use candle_core::{D, Device};

use crate::config::Config;
use crate::experiment::prepared::{CHUNK, Trainable as _, widths};
use crate::experiment::weights::Weights;

/// Which test images, in their order, the network of `config` with the weights in `file` gets right.
/// One read of the test examples.
pub(super) fn correct(
    config: &Config,
    file: &Path,
    data: &Loaded,
    device: &Device,
) -> Result<Vec<bool>> {
    let model = config.model(&data.train, device)?;
    let layers: Vec<&Layer> = model.net.layers().iter().collect();
    Weights::read(file)?.load::<Config>(&model, &widths(data.train.pixels(), &layers))?;
    let mut correct = Vec::with_capacity(data.test.len());
    // The standardisation is folded into the weights.
    for batch in data.test.evaluation_batches(CHUNK, None, device)? {
        let batch = batch?;
        let logits = model.net.forward(&batch.matrix()?, Mode::Evaluate)?;
        let said: Vec<u32> = logits.argmax(D::Minus1)?.to_vec1()?;
        if let Targets::Classes(classes) = &batch.targets {
            let is: Vec<u32> = classes.to_vec1()?;
            correct.extend(said.iter().zip(&is).map(|(said, is)| said == is));
        }
    }
    Ok(correct)
}
