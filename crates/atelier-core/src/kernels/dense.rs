//! y = activation(x W + b) and its gradients, one pass each.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};

use super::activation::{apply, chain_from_output};
use super::product::{Matrix, add_product, product};
use super::{elements, tensor, vectorized, with_elements};
use crate::activation::Activation;
use crate::gradient::put_aside;

/// `x` (batch, in), `weight` (in, out), `bias` (out) to (batch, out).
///
/// The activation must be differentiable from its output.
pub(crate) struct Dense(pub(crate) Activation);

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
        let bias = elements(bias, bias_layout)?;
        let mut y = Vec::with_capacity(batch * outputs);
        for _ in 0..batch {
            y.extend_from_slice(bias);
        }
        add_product(x, weight, &mut y);
        apply(self.0, &mut y);
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
        let (batch, inputs) = x.dims2()?;
        let (_, outputs) = weight.dims2()?;
        let mut dz = with_elements(&gradient.contiguous()?, <[f32]>::to_vec)?;
        with_elements(y, |y| chain_from_output(self.0, &mut dz, y))?;
        let dz_matrix = Matrix::new(&dz, batch, outputs);

        let dw = with_elements(x, |x| product(Matrix::new(x, batch, inputs).t(), dz_matrix))?;
        // The first layer's input needs no gradient, and its product would be the largest of all.
        let dx = if x.track_op() {
            let product_with =
                |weight: &[f32]| product(dz_matrix, Matrix::new(weight, inputs, outputs).t());
            Some(tensor(with_elements(weight, product_with)?, (batch, inputs))?)
        } else {
            None
        };
        let db = tensor(column_sums(&dz, outputs), bias.shape())?;
        let dw = tensor(dw, weight.shape())?;
        Ok((dx, put_aside(weight, dw), put_aside(bias, db)))
    }
}

/// Sums over the rows of a row-major matrix with `cols` columns, from the first row to the last.
pub(crate) fn column_sums(rows: &[f32], cols: usize) -> Vec<f32> {
    let mut sums = vec![0.0; cols];
    vectorized(|| {
        for row in rows.chunks_exact(cols) {
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
    });
    sums
}
