//! Mean squared error without intermediate tensors.
#![expect(unsafe_code, reason = "tiles write disjoint parts of the sums")]

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};

use super::{elements, tensor, with_elements};
use crate::threads::{Parts, for_each_range};

/// `outputs` and `targets` of the same shape to the mean of (outputs - targets)^2 over all elements.
///
/// The targets get no gradient.
pub(crate) struct MeanSquaredError;

impl CustomOp2 for MeanSquaredError {
    fn name(&self) -> &'static str {
        "mean-squared-error"
    }

    fn cpu_fwd(
        &self,
        outputs: &CpuStorage,
        outputs_layout: &Layout,
        targets: &CpuStorage,
        targets_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let y = elements(outputs, outputs_layout)?;
        let t = elements(targets, targets_layout)?;
        Ok((CpuStorage::F32(vec![mean_square(y, t)]), Shape::from(())))
    }

    fn bwd(
        &self,
        outputs: &Tensor,
        targets: &Tensor,
        _loss: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let factor = 2.0 * gradient.to_scalar::<f32>()? / outputs.elem_count() as f32;
        let dy = with_elements(outputs, |y| {
            with_elements(targets, |t| {
                let mut dy = vec![0.0; y.len()];
                vectorized!(|| {
                    for ((d, y), t) in dy.iter_mut().zip(y).zip(t) {
                        *d = (y - t) * factor;
                    }
                });
                dy
            })
        })??;
        Ok((Some(tensor(dy, outputs.shape())?), None))
    }
}

/// Elements that are summed in f32 before they join the f64 sum: few enough to lose nothing that
/// counts, enough to keep the vector units busy.
const ROW: usize = 1024;

/// Tiles, if each has this many rows: some microseconds of one core.
const TILES: usize = 4;
const ROWS_PER_TILE: usize = 16;

/// The mean of (y - t)^2; sums of rows join the f64 sum in their order, whoever computes them.
#[expect(clippy::cast_possible_truncation, reason = "losses are reported in f32")]
pub(crate) fn mean_square(y: &[f32], t: &[f32]) -> f32 {
    let mut sums = vec![0.0; y.len().div_ceil(ROW)];
    let parts = Parts::new(&mut sums);
    let step = parts.len().div_ceil(TILES).max(ROWS_PER_TILE);
    for_each_range(parts.len(), step, &|rows| {
        let range = rows.start * ROW..y.len().min(rows.end * ROW);
        let pairs = y[range.clone()].chunks(ROW).zip(t[range].chunks(ROW));
        // SAFETY: the ranges of `for_each_range` are disjoint.
        for (sum, (y, t)) in unsafe { parts.part(rows) }.iter_mut().zip(pairs) {
            *sum = squared_distance(y, t);
        }
    });
    (sums.iter().sum::<f64>() / y.len() as f64) as f32
}

/// Sum of squared differences, in sixteen lanes that are added in a fixed order.
fn squared_distance(y: &[f32], t: &[f32]) -> f64 {
    let mut lanes = [0.0_f32; 16];
    vectorized!(|| {
        let (y_lanes, y_rest) = y.as_chunks::<16>();
        let (t_lanes, t_rest) = t.as_chunks::<16>();
        for (y, t) in y_lanes.iter().zip(t_lanes) {
            for ((lane, y), t) in lanes.iter_mut().zip(y).zip(t) {
                *lane += (y - t) * (y - t);
            }
        }
        for ((lane, y), t) in lanes.iter_mut().zip(y_rest).zip(t_rest) {
            *lane += (y - t) * (y - t);
        }
    });
    lanes.iter().map(|&lane| f64::from(lane)).sum()
}
