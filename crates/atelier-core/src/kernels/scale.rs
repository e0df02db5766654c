//! Multiplication by a constant tensor: dropout's mask.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::{elements, tensor, vectorized, with_elements};

/// y = x * factors, element by element.
pub(crate) struct Scale(pub(crate) Vec<f32>);

impl Scale {
    fn times(&self, values: &[f32]) -> Vec<f32> {
        let mut out = values.to_vec();
        vectorized(|| out.iter_mut().zip(&self.0).for_each(|(value, factor)| *value *= factor));
        out
    }
}

impl CustomOp1 for Scale {
    fn name(&self) -> &'static str {
        "scale"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(self.times(elements(storage, layout)?)), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let dx = with_elements(&gradient.contiguous()?, |gradient| self.times(gradient))?;
        Ok(Some(tensor(dx, x.shape())?))
    }
}
