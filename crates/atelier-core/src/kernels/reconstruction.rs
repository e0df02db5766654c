//! The mean squared error of a dense layer's outputs, layer and loss in one.
//!
//! The outputs of an autoencoder are as large as its inputs: as tensors of their own, they and their
//! gradients would pass through the caches half a dozen times on their way from one operation to the
//! next.

use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};

use super::chain::{Upstream, chained};
use super::dense::{forward, gradients};
use super::mean_squared_error::mean_square;
use super::product::Matrix;
use super::{elements, with_elements};
use crate::activation::Activation;

/// `x` (batch, in), `weight` (in, out), `bias` (out) to the mean of
/// (activation(x W + b) - targets)^2 over all elements.
///
/// The activation must be differentiable from its output. The targets get no gradient.
pub(crate) struct Reconstruction {
    activation: Activation,
    /// Whether the input gets a gradient.
    inwards: bool,
    /// (batch, out)
    targets: Tensor,
    /// Of the forward pass, for the backward pass.
    outputs: OnceLock<Vec<f32>>,
}

impl Reconstruction {
    pub(crate) fn new(activation: Activation, inwards: bool, targets: Tensor) -> Self {
        Self { activation, inwards, targets, outputs: OnceLock::new() }
    }
}

impl CustomOp3 for Reconstruction {
    fn name(&self) -> &'static str {
        "reconstruction"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (batch, inputs) = x_layout.shape().dims2()?;
        let (_, outputs) = weight_layout.shape().dims2()?;
        let x = Matrix::new(elements(x, x_layout)?, batch, inputs);
        let weight = Matrix::new(elements(weight, weight_layout)?, inputs, outputs);
        let y = forward(x, weight, elements(bias, bias_layout)?, self.activation);
        let loss = with_elements(&self.targets, |targets| mean_square(&y, targets))?;
        // candle runs the forward pass of an operation once.
        let _ = self.outputs.set(y);
        Ok((CpuStorage::F32(vec![loss]), Shape::from(())))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _loss: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let Some(y) = self.outputs.get() else {
            candle_core::bail!("a backward pass without a forward pass");
        };
        let factor = 2.0 * gradient.to_scalar::<f32>()? / y.len() as f32;
        let (_, outputs) = weight.dims2()?;
        let (dz, db) = with_elements(&self.targets, |targets| {
            chained(self.activation, y, outputs, Upstream::Distance { targets, factor })
        })?;
        gradients(self.inwards, [x, weight, bias], &dz, db)
    }
}
