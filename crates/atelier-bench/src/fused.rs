//! The machine's peak without any memory: multiplications fused with additions, all of their numbers in registers.
//! It knows nothing of the kernels whose share of it is told.

use std::hint::black_box;
use std::thread;

use pulp::{Arch, Simd, WithSimd};

/// Sums that do not wait for each other. Two units of four cycles need eight; with factor and addend twelve still fit
/// the sixteen registers of AVX2.
const SUMS: usize = 12;
/// Operations of one thread in a call, whatever the width of its vectors up to sixteen: some milliseconds.
const FLOP: usize = (2 * SUMS * 16) << 20;

/// Multiplies and adds on each of so many threads at once.
pub fn take(threads: usize) -> f32 {
    thread::scope(|scope| {
        let others: Vec<_> =
            (1..threads).map(|_| scope.spawn(|| Arch::new().dispatch(Fused))).collect();
        let own = Arch::new().dispatch(Fused);
        others.into_iter().filter_map(|other| other.join().ok()).fold(own, f32::max)
    })
}

/// Operations of one call with so many threads.
pub fn flop(threads: usize) -> f64 {
    (FLOP * threads) as f64
}

struct Fused;

impl WithSimd for Fused {
    type Output = f32;

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the loop must end up inside the dispatched function")]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        let (factor, addend) = (simd.splat_f32s(black_box(0.5)), simd.splat_f32s(black_box(1.0)));
        // Different and unknown beginnings: sums that are surely the same would be computed once.
        let mut sums: [S::f32s; SUMS] =
            std::array::from_fn(|number| simd.splat_f32s(black_box(number as f32)));
        for _ in 0..FLOP / (2 * SUMS * S::F32_LANES) {
            for sum in &mut sums {
                *sum = simd.mul_add_f32s(*sum, factor, addend);
            }
        }
        let [first, others @ ..] = sums;
        simd.reduce_sum_f32s(others.into_iter().fold(first, |a, b| simd.add_f32s(a, b)))
            / (SUMS * S::F32_LANES) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sum_ends_where_halving_and_adding_one_leads() {
        for threads in [1, 2] {
            assert!((take(threads) - 2.0).abs() < 1e-6);
        }
        assert!(flop(2) > flop(1));
    }
}
