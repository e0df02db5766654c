//! Trained networks on the test examples.

use std::path::Path;

use anyhow::{Context as _, Result};
use atelier_core::{Mode, Objective, Parameter, Targets};
use atelier_data::Loaded;
use atelier_models::{Classifier, NamedTensor, load_state};
use atelier_store::read_model;
use candle_core::{D, Device};

use crate::config::Config;
use crate::experiment::prepared::{CHUNK, Trainable};

/// Which test images, in their order, the network of `config` with the weights in `file` gets right.
/// One read of the test examples.
pub(super) fn correct(
    config: &Config,
    file: &Path,
    data: &Loaded,
    device: &Device,
) -> Result<Vec<bool>> {
    let model = config.model(&data.train, device)?;
    load(&model, file).with_context(|| format!("cannot use {}", file.display()))?;
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

fn load(model: &Classifier, file: &Path) -> Result<()> {
    let parameters: Vec<&Parameter> = model.parameters().iter().chain(model.buffers()).collect();
    // PyTorch's counters of batches are no part of ours.
    let counters = model.net.batch_counters();
    let mut tensors = Vec::with_capacity(parameters.len());
    for array in read_model(file)?.into_iter().filter(|array| !counters.contains(&array.name)) {
        let values = array.as_f32()?;
        tensors.push(NamedTensor { name: array.name, shape: array.shape, values });
    }
    Ok(load_state(&parameters, &tensors)?)
}
