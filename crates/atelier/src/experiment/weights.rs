//! Weights from model files, of this and of other programs, held against the network that they are for.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use atelier_core::{Objective as _, Parameter};
use atelier_models::{NamedTensor, load_state, unfold_standardization};
use atelier_store::{Dtype, NamedArray, parse_model, read_model};

use super::prepared::{Prepared, Trainable};
use crate::failure::Help as _;

/// How the names of PyTorch's counters of batches end: part of its state, though nothing depends on them.
const COUNTER: &str = ".num_batches_tracked";

/// The arrays of a `.safetensors` file, in any order: PyTorch's own files are sorted by name, in which
/// `net.10.weight` comes before `net.2.weight`.
pub(crate) struct Weights {
    file: PathBuf,
    arrays: Vec<NamedArray>,
}

impl Weights {
    pub(crate) fn read(file: &Path) -> Result<Self> {
        Self::new(file, read_model(file))
    }

    /// Those in the content of a file that was read already.
    pub(crate) fn parse(bytes: &[u8], file: &Path) -> Result<Self> {
        Self::new(file, parse_model(bytes, file))
    }

    fn new(file: &Path, arrays: atelier_store::Result<Vec<NamedArray>>) -> Result<Self> {
        let arrays = arrays.help(|| {
            "give a .safetensors file with finite f32 or f64 tensors, such as \
             safetensors.torch.save_file(network.state_dict(), FILE) writes"
                .to_string()
        })?;
        Ok(Self { file: file.to_path_buf(), arrays })
    }

    /// How many numbers the sequence `net` takes and how many it gives: by its matrices of the least
    /// and of the greatest position.
    pub(crate) fn ends(&self) -> Result<(usize, usize)> {
        let position = |array: &NamedArray| {
            let place = array.name.strip_prefix("net.")?.strip_suffix(".weight")?;
            place.parse::<usize>().ok().filter(|_| array.shape.len() == 2)
        };
        let inputs = self.inputs("net.0.weight")?;
        let filled = self.arrays.iter().filter(|array| !array.bytes.is_empty());
        let last = filled.max_by_key(|array| position(array));
        Ok((inputs, last.map_or(0, |array| array.shape[0])))
    }

    /// How many numbers the first layer takes, whose weights have this name.
    pub(crate) fn inputs(&self, first: &str) -> Result<usize> {
        let file = self.file.display();
        let found = self.arrays.iter().find(|array| array.name == first);
        match found.map(|array| array.shape.as_slice()) {
            // Of a matrix without a number the shape could say anything.
            Some(&[outputs, inputs]) if outputs.min(inputs) > 0 => Ok(inputs),
            Some(shape) => Err(anyhow!("`{first}` in {file} has the shape {shape:?}")),
            None => Err(anyhow!("{file} has no tensor `{first}`")),
        }
        .help(|| "give the weights of a network that this program trains".to_string())
    }

    /// Refuses a description of a network that has far more weights than the file has numbers, before memory is
    /// taken for it; `widths` from the first layer's inputs on.
    pub(crate) fn bear<C: Trainable>(&self, widths: &[usize]) -> Result<()> {
        // What is so small is made, so that the first tensor that does not fit can be named.
        const SMALL: usize = 1 << 20;
        let of_layer = |pair: &[usize]| pair[0].saturating_mul(pair[1]);
        let described = widths.windows(2).map(of_layer).fold(0, usize::saturating_add);
        let held: usize =
            self.arrays.iter().map(|array| array.bytes.len() / array.dtype.size()).sum();
        if described <= held.max(SMALL) {
            return Ok(());
        }
        let file = self.file.display();
        Err(anyhow!(
            "{file} holds {held} numbers, and the network that is described has {described} weights"
        ))
        .help(|| describe(C::SECTION))
    }

    /// The tensors of `wanted`, in that order. There may be those that `also` knows and PyTorch's
    /// counters beside them, and no others: they would be of another network than `network`, which `section`
    /// describes.
    pub(crate) fn tensors(
        &self,
        wanted: &[&Parameter],
        also: impl Fn(&str) -> bool,
        (network, section): (&str, &str),
    ) -> Result<Vec<NamedTensor>> {
        let file = self.file.display();
        let of_network = |name: &str| {
            wanted.iter().any(|p| p.name == name) || also(name) || name.ends_with(COUNTER)
        };
        if let Some(other) = self.arrays.iter().find(|array| !of_network(&array.name)) {
            let name = &other.name;
            return Err(anyhow!("{file} has a tensor `{name}` that {network} has not"))
                .help(|| describe(section));
        }
        let what = || format!("{}; now it is {network}", describe(section));
        let mut tensors = Vec::with_capacity(wanted.len());
        for parameter in wanted {
            let name = &parameter.name;
            let found = self.arrays.iter().find(|array| array.name == *name);
            let array = found.ok_or_else(|| anyhow!("{file} has no tensor `{name}`")).help(what)?;
            if array.shape != parameter.shape() {
                return Err(anyhow!(
                    "`{name}` in {file} has the shape {:?}, expected {:?}",
                    array.shape,
                    parameter.shape()
                ))
                .help(what);
            }
            tensors.push(self.tensor(array)?);
        }
        Ok(tensors)
    }

    /// Sets all parameters and buffers of `model`, which is `network`; nothing is changed unless all of
    /// them are there and fit. What the file holds beside them must follow from them, as the weights of a
    /// tied decoder do.
    pub(crate) fn load<C: Trainable>(&self, model: &C::Model, network: &str) -> Result<()> {
        let all: Vec<&Parameter> = model.parameters().iter().chain(model.buffers()).collect();
        let before = C::state(model)?;
        let derived = |name: &str| before.iter().any(|tensor| tensor.name == name);
        let tensors = self.tensors(&all, derived, (network, C::SECTION))?;
        let file = self.file.display();
        load_state(&all, &tensors).with_context(|| format!("cannot use {file}"))?;
        let others: Vec<&NamedArray> = (self.arrays.iter())
            .filter(|array| derived(&array.name) && all.iter().all(|p| p.name != array.name))
            .collect();
        if others.is_empty() {
            return Ok(());
        }
        let state = C::state(model)?;
        for other in others {
            if !state.contains(&self.tensor(other)?) {
                bail!("`{}` in {file} does not follow from the other weights", other.name);
            }
        }
        Ok(())
    }

    /// As [`Weights::load`], for training to begin from. Model files are for plain pixels in [0, 1]: where
    /// the inputs are standardised, the first layer is changed so that it computes the same of them.
    pub(crate) fn begin<C: Trainable>(&self, prepared: &Prepared<C, C::Model>) -> Result<()> {
        let model = &prepared.model;
        let all: Vec<&Parameter> = model.parameters().iter().chain(model.buffers()).collect();
        let mut tensors = self.tensors(&all, |_| false, (&prepared.network(), C::SECTION))?;
        if let Some(standardization) = &prepared.standardization {
            let [weight, bias, ..] = tensors.as_mut_slice() else {
                bail!("the network has no first layer to standardise the inputs of");
            };
            unfold_standardization(weight, bias, &standardization.mean, &standardization.scale)?;
        }
        let file = self.file.display();
        load_state(&all, &tensors).with_context(|| format!("cannot use {file}"))
    }

    /// An array of floats as f32.
    fn tensor(&self, array: &NamedArray) -> Result<NamedTensor> {
        let file = self.file.display();
        let values = numbers(array).with_context(|| format!("cannot use {file}"))?;
        Ok(NamedTensor { name: array.name.clone(), shape: array.shape.clone(), values })
    }
}

/// What to do where a file and the network do not fit.
fn describe(section: &str) -> String {
    format!(
        "say with --set {section}.… or --config what the network is; that of a run stands in its manifest.json"
    )
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
