//! A decoder that uses the encoder's weights backwards (tied weights):
//! `h_0 = code`, `h_l = activation(V_l h_(l-1) + b_l)`, `V_l` the transpose of `W_(L+1-l)`.

use atelier_core::{Activation as Core, Parameter, ops};
use atelier_models::{DenseNet, Layer, NamedTensor};
use candle_core::Tensor;

use crate::Result;

/// The layers of the decoder, first to last.
#[derive(Debug)]
pub(crate) struct TiedDecoder {
    dense: Vec<Dense>,
    layers: Vec<Layer>,
}

/// A layer with a bias of its own.
#[derive(Debug)]
struct Dense {
    /// The encoder's.
    weight: Parameter,
    bias: Parameter,
    activation: Core,
}

impl TiedDecoder {
    /// The mirror of `encoder` with names, biases and activations of `decoder`, whose own weights
    /// are not used.
    pub(crate) fn new(encoder: &DenseNet, decoder: &DenseNet) -> Self {
        let weights = encoder.parameters().iter().step_by(2).rev();
        let biases = decoder.parameters().iter().skip(1).step_by(2);
        let mut dense: Vec<Dense> = weights
            .zip(biases)
            .map(|(weight, bias)| Dense {
                weight: weight.clone(),
                bias: bias.clone(),
                activation: Core::Relu,
            })
            .collect();
        if let Some(last) = dense.last_mut() {
            last.activation = Core::Sigmoid;
        }
        let mut layers = decoder.layers().to_vec();
        for (layer, dense) in layers.iter_mut().step_by(2).zip(&dense) {
            let of = dense.weight.name.trim_end_matches(".weight");
            layer.kind = format!("{}, weights of {of}", layer.kind);
            layer.parameters = dense.bias.len();
        }
        Self { dense, layers }
    }

    /// The same layers over `encoder`, a replica of the encoder, with biases of their own.
    pub(crate) fn replica(&self, encoder: &DenseNet) -> atelier_core::Result<Self> {
        let weights = encoder.parameters().iter().step_by(2).rev();
        let dense = self.dense.iter().zip(weights).map(|(layer, weight)| {
            let (weight, bias) = (weight.clone(), layer.bias.replica()?);
            Ok(Dense { weight, bias, activation: layer.activation })
        });
        Ok(Self { dense: dense.collect::<atelier_core::Result<_>>()?, layers: self.layers.clone() })
    }

    /// The parameters that the encoder has not.
    pub(crate) fn biases(&self) -> impl Iterator<Item = &Parameter> {
        self.dense.iter().map(|dense| &dense.bias)
    }

    pub(crate) fn layers(&self) -> &[Layer] {
        &self.layers
    }

    pub(crate) fn forward(&self, codes: &Tensor) -> atelier_core::Result<Tensor> {
        let mut h = codes.clone();
        for Dense { weight, bias, activation } in &self.dense {
            // Copied, because the product wants its rows side by side.
            let weight = weight.var.t()?.contiguous()?;
            h = ops::dense(&h, &weight, &bias.var, *activation)?;
        }
        Ok(h)
    }

    /// Weights and biases under the names of a decoder that has its own.
    pub(crate) fn state(&self) -> Result<Vec<NamedTensor>> {
        let mut tensors = Vec::new();
        for Dense { weight, bias, .. } in &self.dense {
            let name = format!("{}.weight", bias.name.trim_end_matches(".bias"));
            let shape: Vec<usize> = weight.shape().into_iter().rev().collect();
            // What lies in memory is the transpose of what the outside sees of the encoder.
            let values = weight.var.flatten_all()?.to_vec1()?;
            tensors.push(NamedTensor { name, shape, values });
            tensors.extend(atelier_models::state([bias])?);
        }
        Ok(tensors)
    }
}
