//! Products by the kernel of the networks: the machine's f32 peak is at least as fast. One is larger than the caches, one
//! fits them.

use atelier_core::{Activation, Result, ops};
use candle_core::{DType, Device, Tensor};

/// Shapes (m, k, n) of the products.
pub const SHAPES: [(usize, usize, usize); 2] = [(1024, 1024, 1024), (256, 784, 256)];

/// Operands of a product.
pub struct Product {
    a: Tensor,
    b: Tensor,
    zero: Tensor,
}

impl Product {
    /// Matrices of shape (m, k) and (k, n).
    pub fn new((m, k, n): (usize, usize, usize)) -> Result<Self> {
        let values = |count: usize| (0..count).map(|i| (i % 97) as f32 / 97.0 - 0.5).collect();
        Ok(Self {
            a: Tensor::from_vec(values(m * k), (m, k), &Device::Cpu)?,
            b: Tensor::from_vec(values(k * n), (k, n), &Device::Cpu)?,
            zero: Tensor::zeros(n, DType::F32, &Device::Cpu)?,
        })
    }

    /// Operations of one product of this shape.
    pub fn flop((m, k, n): (usize, usize, usize)) -> f64 {
        2.0 * (m * k * n) as f64
    }

    /// One product, by the kernel that the networks use too, on the threads of the calling thread.
    pub fn take(&self) -> Result<Tensor> {
        ops::dense(&self.a, &self.b, &self.zero, Activation::Identity)
    }
}
