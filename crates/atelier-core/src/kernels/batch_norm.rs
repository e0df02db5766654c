//! Batch normalisation with the statistics of the batch, and what follows it.
#![expect(unsafe_code, reason = "tiles write disjoint columns of room that is not zeroed first")]

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};

use super::activation::{apply, chain};
use super::chain::{add_rows, columns_at_a_time};
use super::dropout::Dropout;
use super::{elements, tensor, with_elements};
use crate::activation::Activation;
use crate::gradient::put_aside;
use crate::threads::{Parts, for_each_range};

/// Mean and (biased) variance of every column of a row-major `(batch, features)` matrix.
pub(crate) fn statistics(x: &[f32], features: usize) -> (Vec<f32>, Vec<f32>) {
    assert!(features > 0 && x.len().is_multiple_of(features), "rows as wide as the layer");
    let n = (x.len() / features) as f32;
    let (mut mean, mut variance) = (vec![0.0; features], vec![0.0; features]);
    let (means, variances) = (Parts::new(&mut mean), Parts::new(&mut variance));
    for_each_range(features, columns_at_a_time(x.len(), features), &|some| {
        // SAFETY: the ranges of `for_each_range` are disjoint.
        let (mean, variance) = unsafe { (means.part(some.clone()), variances.part(some.clone())) };
        let rows = || x.chunks_exact(features).map(|row| &row[some.clone()]);
        rows().for_each(|row| add_rows(row, mean));
        for m in &mut *mean {
            *m /= n;
        }
        vectorized!(|| {
            for row in rows() {
                for ((v, x), m) in variance.iter_mut().zip(row).zip(&*mean) {
                    *v += (x - m) * (x - m);
                }
            }
        });
        for v in variance {
            *v /= n;
        }
    });
    (mean, variance)
}

/// `x` (batch, features), `gamma` (features), `beta` (features) to
/// dropout(activation(gamma (x - mean) / sqrt(variance + epsilon) + beta)).
///
/// `mean` and `inverse_deviation` are those of `x` itself, which the gradient takes into account.
pub(crate) struct BatchNorm {
    pub(crate) mean: Vec<f32>,
    pub(crate) inverse_deviation: Vec<f32>,
    pub(crate) activation: Activation,
    pub(crate) dropout: Option<Dropout>,
}

impl BatchNorm {
    /// Calls `work` for pieces of all columns, with the numbers of the columns and the slope that each
    /// is multiplied by.
    fn for_columns(
        &self,
        len: usize,
        gamma: &[f32],
        work: &(dyn Fn(std::ops::Range<usize>, &[f32]) + Sync),
    ) {
        let slope: Vec<f32> =
            gamma.iter().zip(&self.inverse_deviation).map(|(g, s)| g * s).collect();
        let features = gamma.len();
        for_each_range(features, columns_at_a_time(len, features), &|some| {
            work(some.clone(), &slope[some]);
        });
    }

    fn forward(&self, x: &[f32], gamma: &[f32], beta: &[f32]) -> Vec<f32> {
        let (len, features) = (x.len(), gamma.len());
        assert!(features > 0 && len.is_multiple_of(features), "rows as wide as the layer");
        let mut y: Vec<f32> = Vec::with_capacity(len);
        {
            let room = Parts::new(&mut y.spare_capacity_mut()[..len]);
            self.for_columns(len, gamma, &|some, slope| {
                let (mean, beta) = (&self.mean[some.clone()], &beta[some.clone()]);
                for start in (some.start..len).step_by(features) {
                    let range = start..start + some.len();
                    // SAFETY: other pieces have other columns.
                    let out = unsafe { room.part(range.clone()) };
                    let x = &x[range];
                    vectorized!(|| {
                        for ((((out, x), m), s), b) in
                            out.iter_mut().zip(x).zip(mean).zip(slope).zip(beta)
                        {
                            out.write((x - m) * s + b);
                        }
                    });
                    // SAFETY: the loop has initialised every element: all slices are of one length.
                    let y = unsafe { &mut *(std::ptr::from_mut(out) as *mut [f32]) };
                    apply(self.activation, y);
                    if let Some(dropout) = &self.dropout {
                        dropout.scale(start, y);
                    }
                }
            });
        }
        // SAFETY: the pieces cover all columns, of which there are some, of all rows, which are whole.
        unsafe { y.set_len(len) };
        y
    }

    /// With x' the normalised input and g the gradient before activation and dropout:
    /// d beta = sum g, d gamma = sum g x', dx = gamma / sd (g - mean(g) - x' mean(g x')).
    fn backward(
        &self,
        x: &[f32],
        [gamma, beta]: [&[f32]; 2],
        gradient: &[f32],
    ) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
        let (len, features) = (x.len(), gamma.len());
        assert_eq!(gradient.len(), len, "elements of a gradient");
        let inverse_n = features as f32 / len as f32;
        let mut dx = gradient.to_vec();
        let (mut dgamma, mut dbeta) = (vec![0.0; features], vec![0.0; features]);
        let parts = (Parts::new(&mut dx), Parts::new(&mut dgamma), Parts::new(&mut dbeta));
        self.for_columns(len, gamma, &|some, slope| {
            // SAFETY: other pieces have other columns.
            let (dgamma, dbeta) =
                unsafe { (parts.1.part(some.clone()), parts.2.part(some.clone())) };
            let (mean, beta) = (&self.mean[some.clone()], &beta[some.clone()]);
            let inverse_deviation = &self.inverse_deviation[some.clone()];
            let mut before = vec![0.0; some.len()];
            for start in (some.start..len).step_by(features) {
                let range = start..start + some.len();
                let x = &x[range.clone()];
                // SAFETY: other pieces have other columns.
                let g = unsafe { parts.0.part(range) };
                if let Some(dropout) = &self.dropout {
                    dropout.scale(start, g);
                }
                if self.activation != Activation::Identity {
                    vectorized!(|| {
                        for ((((before, x), m), s), b) in
                            before.iter_mut().zip(x).zip(mean).zip(slope).zip(beta)
                        {
                            *before = (x - m) * s + b;
                        }
                    });
                    chain(self.activation, g, &mut before);
                }
                add_rows(g, dbeta);
                vectorized!(|| {
                    for ((((d, g), x), m), s) in
                        dgamma.iter_mut().zip(&*g).zip(x).zip(mean).zip(inverse_deviation)
                    {
                        *d += g * (x - m) * s;
                    }
                });
            }
            for start in (some.start..len).step_by(features) {
                let range = start..start + some.len();
                let x = &x[range.clone()];
                // SAFETY: other pieces have other columns.
                let g = unsafe { parts.0.part(range) };
                vectorized!(|| {
                    let statistics = mean.iter().zip(inverse_deviation).zip(slope);
                    let sums = dbeta.iter().zip(&*dgamma);
                    for (((g, x), ((m, s), slope)), (db, dg)) in
                        g.iter_mut().zip(x).zip(statistics).zip(sums)
                    {
                        *g = slope * (*g - (db + (x - m) * s * dg) * inverse_n);
                    }
                });
            }
        });
        (dx, dgamma, dbeta)
    }
}

impl CustomOp3 for BatchNorm {
    fn name(&self) -> &'static str {
        "batch-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        gamma: &CpuStorage,
        gamma_layout: &Layout,
        beta: &CpuStorage,
        beta_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (gamma, beta) = (elements(gamma, gamma_layout)?, elements(beta, beta_layout)?);
        let y = self.forward(elements(x, x_layout)?, gamma, beta);
        Ok((CpuStorage::F32(y), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        gamma: &Tensor,
        beta: &Tensor,
        _y: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (dx, dgamma, dbeta) = with_elements(&gradient.contiguous()?, |gradient| {
            with_elements(x, |x| {
                with_elements(gamma, |gamma| {
                    with_elements(beta, |beta| self.backward(x, [gamma, beta], gradient))
                })
            })
        })????;
        let features = gamma.elem_count();
        let (dgamma, dbeta) = (tensor(dgamma, features)?, tensor(dbeta, features)?);
        Ok((Some(tensor(dx, x.shape())?), put_aside(gamma, dgamma), put_aside(beta, dbeta)))
    }
}
