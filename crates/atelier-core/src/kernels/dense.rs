//! y = activation(x W + b) and its gradients, one pass each.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};

use super::activation::apply;
use super::chain::{Upstream, chained};
use super::product::{Cut, Matrix, product, with_product};
use super::tile::Start;
use super::{elements, tensor, with_elements};
use crate::activation::Activation;
use crate::gradient::put_aside;

/// `x` (batch, in), `weight` (in, out), `bias` (out) to (batch, out).
///
/// The activation must be differentiable from its output.
pub(crate) struct Dense {
    pub(crate) activation: Activation,
    /// Whether the input gets a gradient: the first layer's needs none, and its product would be the
    /// largest of all.
    pub(crate) inwards: bool,
}

impl CustomOp3 for Dense {
    fn name(&self) -> &'static str {
        "dense"
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
        Ok((CpuStorage::F32(y), Shape::from((batch, outputs))))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        y: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (_, outputs) = weight.dims2()?;
        let (dz, db) = with_elements(&gradient.contiguous()?, |gradient| {
            with_elements(y, |y| chained(self.activation, y, outputs, Upstream::Gradient(gradient)))
        })??;
        gradients(self.inwards, [x, weight, bias], &dz, db)
    }
}

/// activation(x W + b).
pub(crate) fn forward(x: Matrix, weight: Matrix, bias: &[f32], activation: Activation) -> Vec<f32> {
    let cut = if tall(weight.rows, weight.cols) { Cut::Inner } else { Cut::Columns };
    with_product(x, weight, Start::Row(bias), cut, &|y| apply(activation, y))
}

/// Whether a weight is divided among threads by its rows rather than by its columns.
pub(crate) fn tall(inputs: usize, outputs: usize) -> bool {
    inputs >= outputs
}

/// The gradients of input (where it goes `inwards`), weight and bias from `dz` (batch, out), that of
/// x W + b, and its sums.
pub(crate) fn gradients(
    inwards: bool,
    [x, weight, bias]: [&Tensor; 3],
    dz: &[f32],
    db: Vec<f32>,
) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
    let (batch, inputs) = x.dims2()?;
    let (_, outputs) = weight.dims2()?;
    let dz = Matrix::new(dz, batch, outputs);
    let (outer, inner) =
        if tall(inputs, outputs) { (Cut::Rows, Cut::Columns) } else { (Cut::Columns, Cut::Inner) };
    let dw = with_elements(x, |x| product(Matrix::new(x, batch, inputs).t(), dz, outer))?;
    let dx = if inwards {
        let product_with =
            |weight: &[f32]| product(dz, Matrix::new(weight, inputs, outputs).t(), inner);
        Some(tensor(with_elements(weight, product_with)?, (batch, inputs))?)
    } else {
        None
    };
    let (dw, db) = (tensor(dw, weight.shape())?, tensor(db, bias.shape())?);
    Ok((dx, put_aside(weight, dw), put_aside(bias, db)))
}
