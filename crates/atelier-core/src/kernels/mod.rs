//! Fused kernels for the CPU, each with its backward pass, as custom operations of candle.
//!
//! They are called through [`crate::ops`], which takes the plain composition of candle's operations
//! instead where a kernel does not apply. Element-wise loops are written plainly and compiled for
//! several instruction sets; `pulp` chooses at run time. They use separate multiplications and
//! additions, so that the instruction set does not change their results.

/// Runs a closure, `|| loops`, compiled for the best vector instructions of this machine.
///
/// A macro, so that every instruction set has a closure of its own: one that is called from a single place the compiler
/// inlines there, and only what is inlined is compiled with the instructions. (Adam took twice as long as a
/// closure that three instruction sets called, and that the compiler therefore left by itself.) A profile in which
/// closures of this crate have names of their own is the sign that one was left.
macro_rules! vectorized {
    ($loops:expr) => {
        match $crate::kernels::arch() {
            #[cfg(target_arch = "x86_64")]
            ::pulp::Arch::V4(simd) => ::pulp::Simd::vectorize(simd, $loops),
            #[cfg(target_arch = "x86_64")]
            ::pulp::Arch::V3(simd) => ::pulp::Simd::vectorize(simd, $loops),
            #[cfg(target_arch = "x86_64")]
            _ => ::pulp::Simd::vectorize(::pulp::Scalar, $loops),
            #[cfg(not(target_arch = "x86_64"))]
            arch => arch.dispatch($loops),
        }
    };
}
pub(crate) use vectorized;

pub(crate) mod activation;
pub(crate) mod batch_norm;
pub(crate) mod chain;
pub(crate) mod cross_entropy;
pub(crate) mod dense;
pub(crate) mod dropout;
pub(crate) mod lanes;
pub(crate) mod math;
pub(crate) mod mean_squared_error;
pub(crate) mod pack;
pub(crate) mod product;
pub(crate) mod reconstruction;
pub(crate) mod tile;
pub(crate) mod update;

use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::{CpuStorage, Layout, Result, Shape, Storage, Tensor, bail};

static AVX2_ONLY: AtomicBool = AtomicBool::new(false);

/// Lets all kernels of this crate go without AVX-512, as on a processor that has only AVX2; `false`
/// takes it back. For measurements, before any kernel runs: results may differ in the last bits, and candle's own
/// products do not heed it.
pub fn set_avx2_only(only: bool) {
    AVX2_ONLY.store(only, Ordering::Relaxed);
}

/// The best vector instructions of this machine that may be used.
#[inline]
pub(crate) fn arch() -> pulp::Arch {
    let best = pulp::Arch::new();
    #[cfg(target_arch = "x86_64")]
    if let (pulp::Arch::V4(v4), true) = (best, AVX2_ONLY.load(Ordering::Relaxed)) {
        return pulp::Arch::V3(*v4);
    }
    best
}

/// The elements behind a contiguous f32 layout.
pub(crate) fn elements<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(data), Some((start, end))) => Ok(&data[start..end]),
        _ => bail!("a kernel got a tensor that is not contiguous f32"),
    }
}

/// As [`elements`], to be written.
pub(crate) fn elements_mut<'a>(
    storage: &'a mut CpuStorage,
    layout: &Layout,
) -> Result<&'a mut [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(data), Some((start, end))) => Ok(&mut data[start..end]),
        _ => bail!("a kernel got a tensor that is not contiguous f32"),
    }
}

/// Calls `f` with the elements of a contiguous f32 tensor on the CPU.
pub(crate) fn with_elements<R>(tensor: &Tensor, f: impl FnOnce(&[f32]) -> R) -> Result<R> {
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => Ok(f(elements(storage, layout)?)),
        _ => bail!("a CPU kernel got a tensor of another device"),
    }
}

/// A new tensor on the CPU.
pub(crate) fn tensor(data: Vec<f32>, shape: impl Into<Shape>) -> Result<Tensor> {
    Tensor::from_vec(data, shape.into(), &candle_core::Device::Cpu)
}

#[cfg(test)]
pub(crate) mod tests;
#[cfg(test)]
mod update_tests;
