//! Weights from model files, of this and of other programs, held against the network that they are for.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use atelier_core::{Objective, Parameter};
use atelier_models::{NamedTensor, load_state, unfold_standardization};
use atelier_store::{Dtype, NamedArray, read_model};

use super::prepared::{Prepared, Trainable};
use crate::failure::Help as _;

/// How the names of PyTorch's counters of batches end: part of its state, though nothing depends on them.
const COUNTER: &str = ".num_batches_tracked";

/// The tensors of `wanted`, in that order, from a `.safetensors` file. It may hold those of `also`
/// and PyTorch's counters beside them, and no others: it would be of another network than `network`.
pub(crate) fn read(
    file: &Path,
    wanted: &[&Parameter],
    also: &[Parameter],
    network: &str,
) -> Result<Vec<NamedTensor>> {
    let arrays = read_model(file).help(|| {
        "give a .safetensors file with finite f32 or f64 tensors, such as \
         safetensors.torch.save_file(network.state_dict(), FILE) writes"
            .to_string()
    })?;
    let of_network = |name: &str| {
        let mut all = wanted.iter().copied().chain(also);
        all.any(|p| p.name == name) || name.ends_with(COUNTER)
    };
    if let Some(other) = arrays.iter().find(|array| !of_network(&array.name)) {
        return Err(anyhow!(
            "{} has a tensor `{}` that {network} has not",
            file.display(),
            other.name,
        ))
        .help(|| "say with --set model.… or --config what the network is".to_string());
    }
    let what = || format!("say with --set model.… or --config what the network is, now {network}");
    let mut tensors = Vec::with_capacity(wanted.len());
    for parameter in wanted {
        let array = arrays
            .iter()
            .find(|array| array.name == parameter.name)
            .ok_or_else(|| anyhow!("{} has no tensor `{}`", file.display(), parameter.name))
            .help(what)?;
        if array.shape != parameter.shape() {
            return Err(anyhow!(
                "`{}` in {} has the shape {:?}, expected {:?}",
                parameter.name,
                file.display(),
                array.shape,
                parameter.shape()
            ))
            .help(what);
        }
        let values = numbers(array).with_context(|| format!("cannot use {}", file.display()))?;
        tensors.push(NamedTensor { name: array.name.clone(), shape: array.shape.clone(), values });
    }
    Ok(tensors)
}

/// Sets all parameters and buffers of `model`, which is `network`, to those in `file`; nothing is
/// changed unless all of them are there and fit.
pub(crate) fn load(model: &dyn Objective, file: &Path, network: &str) -> Result<()> {
    let all: Vec<&Parameter> = model.parameters().iter().chain(model.buffers()).collect();
    let tensors = read(file, &all, &[], network)?;
    load_state(&all, &tensors).with_context(|| format!("cannot use {}", file.display()))
}

/// As [`load`], for training to begin from. Model files are for plain pixels in [0, 1]: where the
/// inputs are standardised, the first layer is changed so that it computes the same of them.
pub(crate) fn begin_from<C: Trainable>(
    prepared: &Prepared<C, C::Model>,
    file: &Path,
) -> Result<()> {
    let model = &prepared.model;
    let all: Vec<&Parameter> = model.parameters().iter().chain(model.buffers()).collect();
    let mut tensors = read(file, &all, &[], &prepared.network())?;
    if let Some(standardization) = &prepared.standardization {
        let [weight, bias, ..] = tensors.as_mut_slice() else {
            bail!("the network has no first layer to standardise the inputs of");
        };
        unfold_standardization(weight, bias, &standardization.mean, &standardization.scale)?;
    }
    load_state(&all, &tensors).with_context(|| format!("cannot use {}", file.display()))
}

/// The numbers of an array of floats.
fn numbers(array: &NamedArray) -> Result<Vec<f32>> {
    if array.dtype != Dtype::F64 {
        return Ok(array.as_f32()?);
    }
    let wide = array.as_f64()?;
    #[expect(clippy::cast_possible_truncation, reason = "parameters are f32")]
    let narrow: Vec<f32> = wide.iter().map(|&value| value as f32).collect();
    match narrow.iter().position(|value| !value.is_finite()) {
        Some(i) => {
            bail!("`{}`[{i}] is {:e}, expected a number that f32 holds", array.name, wide[i])
        }
        None => Ok(narrow),
    }
}
