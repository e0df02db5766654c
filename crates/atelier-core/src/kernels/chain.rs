//! The gradient before an activation from the one behind it, with its sums over the batch.
#![expect(unsafe_code, reason = "tiles write disjoint columns of room that is not zeroed first")]

use std::mem::MaybeUninit;
use std::ops::Range;

use super::activation::chain_from_output;
use crate::activation::Activation;
use crate::threads::{Parts, for_each_range};

/// Fewer elements than this are left to one core.
const FEW: usize = 32_768;
/// Pieces of more elements, cut by columns, so that each has the sums of its own.
const PIECES: usize = 4;
/// Floats in a line of the cache.
const LINE: usize = 16;

/// Where the gradient behind the activation comes from.
#[derive(Clone, Copy)]
pub(crate) enum Upstream<'a> {
    Gradient(&'a [f32]),
    /// Of a squared distance: `factor` (outputs - targets).
    Distance {
        targets: &'a [f32],
        factor: f32,
    },
}

impl Upstream<'_> {
    /// Writes all of `out`: the elements of `range`, where the outputs are `y`.
    fn write(self, range: Range<usize>, y: &[f32], out: &mut [MaybeUninit<f32>]) {
        vectorized!(|| match self {
            Self::Gradient(gradient) => {
                for (out, g) in out.iter_mut().zip(&gradient[range]) {
                    out.write(*g);
                }
            }
            Self::Distance { targets, factor } => {
                for ((out, y), t) in out.iter_mut().zip(y).zip(&targets[range]) {
                    out.write((y - t) * factor);
                }
            }
        });
    }
}

/// The gradient before an activation with outputs `y` (batch, `columns`), and its sums over the batch
/// from the first row to the last.
///
/// # Panics
/// Panics if `upstream` has not as many elements as `y`, or `y` is not whole rows.
pub(crate) fn chained(
    activation: Activation,
    y: &[f32],
    columns: usize,
    upstream: Upstream,
) -> (Vec<f32>, Vec<f32>) {
    let len = y.len();
    let (Upstream::Gradient(other) | Upstream::Distance { targets: other, .. }) = upstream;
    assert_eq!(other.len(), len, "elements of a gradient");
    assert!(len == 0 || (columns > 0 && len.is_multiple_of(columns)), "outputs in whole rows");
    let mut dz: Vec<f32> = Vec::with_capacity(len);
    let mut sums = vec![0.0; columns];
    let step = columns_at_a_time(len, columns);
    let cut = step < columns;
    {
        let room = Parts::new(&mut dz.spare_capacity_mut()[..len]);
        let sums = Parts::new(&mut sums);
        for_each_range(columns, step, &|some| {
            // SAFETY: the ranges of `for_each_range` are disjoint.
            let sums = unsafe { sums.part(some.clone()) };
            // Whole rows follow each other.
            let together = if cut { 1 } else { len / columns.max(1) };
            for top in (0..len / columns).step_by(together.max(1)) {
                let start = top * columns + some.start;
                let range = start..start + if cut { some.len() } else { len };
                // SAFETY: other pieces have other columns.
                let out = unsafe { room.part(range.clone()) };
                upstream.write(range.clone(), &y[range.clone()], out);
                // SAFETY: `write` has initialised every element.
                let dz = unsafe { &mut *(std::ptr::from_mut(out) as *mut [f32]) };
                chain_from_output(activation, dz, &y[range]);
                add_rows(dz, sums);
            }
        });
    }
    // SAFETY: the pieces cover all columns of all rows.
    unsafe { dz.set_len(len) };
    (dz, sums)
}

/// How many columns of a matrix of `len` elements make a piece: all of them where there are few.
pub(crate) fn columns_at_a_time(len: usize, columns: usize) -> usize {
    let cut = len >= FEW && columns >= 2 * LINE;
    if cut { columns.div_ceil(PIECES).next_multiple_of(LINE) } else { columns }
}

/// Adds rows as long as `sums` to it, from the first to the last.
pub(crate) fn add_rows(rows: &[f32], sums: &mut [f32]) {
    vectorized!(|| {
        for row in rows.chunks_exact(sums.len().max(1)) {
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
    });
}
