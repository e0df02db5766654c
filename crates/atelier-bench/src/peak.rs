//! The machine's own f32 peak: a product of matrices of side 1024, the largest share of the peak
//! that a library reaches here.

use atelier_core::{Activation, Result, ops};
use candle_core::{Device, Tensor};

/// Side of the matrices.
const SIDE: usize = 1024;

/// Operations of one call of [`Peak::product`].
pub const FLOP: f64 = 2.0 * (SIDE * SIDE * SIDE) as f64;

/// Operands.
pub struct Peak {
    a: Tensor,
    b: Tensor,
    zero: Tensor,
}

impl Peak {
    /// Two square matrices.
    pub fn new() -> Result<Self> {
        let values: Vec<f32> = (0..SIDE * SIDE).map(|i| (i % 97) as f32 / 97.0 - 0.5).collect();
        let a = Tensor::from_slice(&values, (SIDE, SIDE), &Device::Cpu)?;
        let zero = Tensor::zeros(SIDE, candle_core::DType::F32, &Device::Cpu)?;
        Ok(Self { b: a.t()?.contiguous()?, a, zero })
    }

    /// One product, by the kernel that the networks use too, on the threads of the calling thread.
    pub fn product(&self) -> Result<Tensor> {
        ops::dense(&self.a, &self.b, &self.zero, Activation::Identity)
    }
}
