//! Forward passes with one example in each lane of a vector: for small layers, whose few units
//! would leave lanes empty, over many examples, of which a block stays in the first cache.
//!
//! A block holds [`LANES`] examples, feature by feature: element `(feature, example)` lies at
//! `feature * LANES + example`.
#![expect(
    clippy::inline_always,
    reason = "these must be compiled with the vector instructions of their caller"
)]

use pulp::{Simd, WithSimd};

use super::arch;
use super::math::exp;

/// Examples in a block: four vectors of AVX-512, eight of AVX2.
pub(crate) const LANES: usize = 64;

/// Units that are summed up at a time, with 64 examples in four registers each: 24 of the 32.
const MOST_ROWS: usize = 6;

/// `y = x W + b` for a block: `weight` row-major (in, out), `x` (in, [`LANES`]), `y` (out, [`LANES`]).
///
/// # Panics
/// Panics if the sizes do not fit.
pub(crate) fn dense(weight: &[f32], bias: &[f32], x: &[f32], y: &mut [f32]) {
    let outputs = bias.len();
    assert_eq!(weight.len() * LANES, x.len() * outputs, "weights and inputs of a block");
    assert_eq!(y.len(), outputs * LANES, "outputs of a block");
    arch().dispatch(Dense { weight, bias, x, y });
}

struct Dense<'a> {
    weight: &'a [f32],
    bias: &'a [f32],
    x: &'a [f32],
    y: &'a mut [f32],
}

impl WithSimd for Dense<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // Half as many registers with AVX2, and half as long.
        if S::F32_LANES == 16 { self.groups::<S, 4>(simd) } else { self.groups::<S, 2>(simd) }
    }
}

impl Dense<'_> {
    /// All units in groups of nearly the same size, `V` vectors of examples at a time.
    #[inline(always)]
    fn groups<S: Simd, const V: usize>(self, simd: S) {
        let outputs = self.bias.len();
        let groups = outputs.div_ceil(MOST_ROWS);
        let (x, _) = S::as_simd_f32s(self.x);
        let (y, _) = S::as_mut_simd_f32s(self.y);
        let vectors = LANES / S::F32_LANES;
        for group in 0..groups {
            let bound = |group: usize| group * outputs / groups;
            let (start, end) = (bound(group), bound(group + 1));
            for from in (0..vectors).step_by(V) {
                let block = Rows { simd, weight: self.weight, outputs, start, x, from, vectors };
                let bias = &self.bias[start..end];
                let y = &mut y[start * vectors..end * vectors];
                match end - start {
                    1 => block.sum::<1, V>(bias, y),
                    2 => block.sum::<2, V>(bias, y),
                    3 => block.sum::<3, V>(bias, y),
                    4 => block.sum::<4, V>(bias, y),
                    5 => block.sum::<5, V>(bias, y),
                    _ => block.sum::<MOST_ROWS, V>(bias, y),
                }
            }
        }
    }
}

/// Some units over some vectors of a block.
struct Rows<'a, S: Simd> {
    simd: S,
    weight: &'a [f32],
    outputs: usize,
    /// The first unit.
    start: usize,
    x: &'a [S::f32s],
    /// The first vector of examples, of `vectors`.
    from: usize,
    vectors: usize,
}

impl<S: Simd> Rows<'_, S> {
    #[inline(always)]
    fn sum<const R: usize, const V: usize>(self, bias: &[f32], y: &mut [S::f32s]) {
        let Self { simd, weight, outputs, start, x, from, vectors } = self;
        let mut sums = [[simd.splat_f32s(0.0); V]; R];
        for r in 0..R {
            sums[r] = [simd.splat_f32s(bias[r]); V];
        }
        for (row, x) in weight.chunks_exact(outputs).zip(x.chunks_exact(vectors)) {
            let (Some(w), Some(x)) =
                (row[start..].first_chunk::<R>(), x[from..].first_chunk::<V>())
            else {
                return;
            };
            for r in 0..R {
                let w = simd.splat_f32s(w[r]);
                for v in 0..V {
                    sums[r][v] = simd.mul_add_f32s(w, x[v], sums[r][v]);
                }
            }
        }
        for (y, sums) in y.chunks_exact_mut(vectors).zip(sums) {
            y[from..from + V].copy_from_slice(&sums);
        }
    }
}

/// Logits of a block, (classes, [`LANES`]), turned into what the loss of each example needs: its
/// largest logit, the class of it (the first of equals), and the sum of exp(logit - largest).
pub(crate) fn largest_and_sum(logits: &[f32]) -> [[f32; LANES]; 3] {
    let (rows, _) = logits.as_chunks::<LANES>();
    let mut largest = [f32::NEG_INFINITY; LANES];
    let (mut class, mut sum) = ([0.0; LANES], [0.0; LANES]);
    vectorized!(|| {
        for (c, row) in rows.iter().enumerate() {
            for ((largest, class), &x) in largest.iter_mut().zip(&mut class).zip(row) {
                let better = x > *largest;
                *class = if better { c as f32 } else { *class };
                *largest = if better { x } else { *largest };
            }
        }
        for row in rows {
            for ((sum, largest), &x) in sum.iter_mut().zip(&largest).zip(row) {
                *sum += exp(x - largest);
            }
        }
    });
    [largest, class, sum]
}

/// Squares of `y - x` of a block, both (features, [`LANES`]), summed over the features.
pub(crate) fn squared_distances(y: &[f32], x: &[f32]) -> [f64; LANES] {
    /// Features that are summed in f32 before they join the f64 sums.
    const FEATURES: usize = 32;
    let mut total = [0.0_f64; LANES];
    let (y, _) = y.as_chunks::<LANES>();
    let (x, _) = x.as_chunks::<LANES>();
    for (y, x) in y.chunks(FEATURES).zip(x.chunks(FEATURES)) {
        let mut sums = [0.0_f32; LANES];
        vectorized!(|| {
            for (y, x) in y.iter().zip(x) {
                for ((sum, y), x) in sums.iter_mut().zip(y).zip(x) {
                    *sum += (y - x) * (y - x);
                }
            }
        });
        total.iter_mut().zip(sums).for_each(|(total, sum)| *total += f64::from(sum));
    }
    total
}

/// `out = origin + a first + b second`, element by element.
pub(crate) fn combine([origin, first, second]: [&[f32]; 3], a: f32, b: f32, out: &mut [f32]) {
    vectorized!(|| {
        for (((out, o), f), s) in out.iter_mut().zip(origin).zip(first).zip(second) {
            *out = o + a * f + b * s;
        }
    });
}

/// Row-major `(examples, features)` as blocks of [`LANES`] examples; the last is filled up with 0.
pub(crate) fn blocks(rows: &[f32], features: usize) -> Vec<f32> {
    let examples = rows.len() / features.max(1);
    let mut blocks = vec![0.0; examples.div_ceil(LANES) * LANES * features];
    for (block, rows) in
        blocks.chunks_exact_mut(LANES * features).zip(rows.chunks(LANES * features))
    {
        for (lane, row) in rows.chunks_exact(features).enumerate() {
            for (feature, &value) in row.iter().enumerate() {
                block[feature * LANES + lane] = value;
            }
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_through_a_layer_is_the_product_for_all_numbers_of_units() {
        for outputs in 1..20 {
            let inputs = 7;
            let weight: Vec<f32> =
                (0..inputs * outputs).map(|i| ((i * 7) % 13) as f32 - 6.0).collect();
            let bias: Vec<f32> = (0..outputs).map(|i| i as f32).collect();
            let x: Vec<f32> = (0..inputs * LANES).map(|i| ((i * 5) % 11) as f32 - 5.0).collect();
            let mut y = vec![f32::NAN; outputs * LANES];
            dense(&weight, &bias, &x, &mut y);
            // Small whole numbers: every order of summation is exact.
            for (i, value) in y.iter().enumerate() {
                let (unit, lane) = (i / LANES, i % LANES);
                let sum: f32 =
                    (0..inputs).map(|k| weight[k * outputs + unit] * x[k * LANES + lane]).sum();
                assert!((value - sum - bias[unit]).abs() < 1e-6, "{outputs} units: {i}");
            }
        }
    }

    #[test]
    fn the_first_of_equal_logits_is_the_largest() {
        let mut logits = vec![0.0; 3 * LANES];
        logits[LANES] = 2.0;
        logits[2 * LANES] = 2.0;
        let [largest, class, sum] = largest_and_sum(&logits);
        assert!((class[0] - 1.0).abs() < 1e-6 && class[1].abs() < 1e-6);
        assert!((largest[0] - 2.0).abs() < 1e-6);
        assert!((sum[0] - (2.0 + (-2.0_f32).exp())).abs() < 1e-5 && (sum[1] - 3.0).abs() < 1e-6);
    }

    #[test]
    fn blocks_hold_every_example_and_zeros_behind_the_last() {
        let rows: Vec<f32> = (0..(LANES + 3) * 2).map(|i| i as f32 + 1.0).collect();
        let blocks = blocks(&rows, 2);
        assert_eq!(blocks.len(), 2 * LANES * 2);
        for (example, row) in rows.chunks_exact(2).enumerate() {
            for (feature, value) in row.iter().enumerate() {
                let at = (example / LANES) * LANES * 2 + feature * LANES + example % LANES;
                assert!((blocks[at] - value).abs() < 1e-6);
            }
        }
        assert!((blocks.iter().sum::<f32>() - rows.iter().sum::<f32>()).abs() < 1e-3);
    }
}
