//! Batch normalisation with the statistics of the batch.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};

use super::chain::add_rows;
use super::{elements, tensor, vectorized, with_elements};
use crate::gradient::put_aside;

/// Mean and (biased) variance of every column of a row-major `(batch, features)` matrix.
pub(crate) fn statistics(x: &[f32], features: usize) -> (Vec<f32>, Vec<f32>) {
    let n = (x.len() / features) as f32;
    let mut mean = vec![0.0; features];
    add_rows(x, &mut mean);
    for m in &mut mean {
        *m /= n;
    }
    let mut variance = vec![0.0; features];
    vectorized(|| {
        for row in x.chunks_exact(features) {
            for ((v, x), m) in variance.iter_mut().zip(row).zip(&mean) {
                *v += (x - m) * (x - m);
            }
        }
    });
    for v in &mut variance {
        *v /= n;
    }
    (mean, variance)
}

/// `x` (batch, features), `gamma` (features), `beta` (features) to
/// gamma (x - mean) / sqrt(variance + epsilon) + beta.
///
/// `mean` and `inverse_deviation` are those of `x` itself, which the gradient takes into account.
pub(crate) struct BatchNorm {
    pub(crate) mean: Vec<f32>,
    pub(crate) inverse_deviation: Vec<f32>,
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
        let mut y = elements(x, x_layout)?.to_vec();
        let gamma = elements(gamma, gamma_layout)?;
        let beta = elements(beta, beta_layout)?;
        let scale: Vec<f32> =
            gamma.iter().zip(&self.inverse_deviation).map(|(g, s)| g * s).collect();
        vectorized(|| {
            for row in y.chunks_exact_mut(gamma.len()) {
                for (((y, m), s), b) in row.iter_mut().zip(&self.mean).zip(&scale).zip(beta) {
                    *y = (*y - m) * s + b;
                }
            }
        });
        Ok((CpuStorage::F32(y), x_layout.shape().clone()))
    }

    /// With x' the normalised input and g the incoming gradient:
    /// d beta = sum g, d gamma = sum g x', dx = gamma / sd (g - mean(g) - x' mean(g x')).
    fn bwd(
        &self,
        x: &Tensor,
        gamma: &Tensor,
        beta: &Tensor,
        _y: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let features = gamma.elem_count();
        let mut dx = with_elements(&gradient.contiguous()?, <[f32]>::to_vec)?;
        let mut dbeta = vec![0.0; features];
        add_rows(&dx, &mut dbeta);
        let mut dgamma = vec![0.0; features];
        with_elements(x, |x| {
            with_elements(gamma, |gamma| {
                let inverse_n = features as f32 / x.len() as f32;
                vectorized(|| {
                    let normalization = || self.mean.iter().zip(&self.inverse_deviation);
                    for (g, x) in dx.chunks_exact(features).zip(x.chunks_exact(features)) {
                        for (((d, g), x), (m, s)) in
                            dgamma.iter_mut().zip(g).zip(x).zip(normalization())
                        {
                            *d += g * (x - m) * s;
                        }
                    }
                    for (g, x) in dx.chunks_exact_mut(features).zip(x.chunks_exact(features)) {
                        for (((((g, x), (m, s)), gamma), db), dg) in g
                            .iter_mut()
                            .zip(x)
                            .zip(normalization())
                            .zip(gamma)
                            .zip(&dbeta)
                            .zip(&dgamma)
                        {
                            *g = gamma * s * (*g - (db + (x - m) * s * dg) * inverse_n);
                        }
                    }
                });
            })
        })??;
        let (dgamma, dbeta) = (tensor(dgamma, features)?, tensor(dbeta, features)?);
        Ok((Some(tensor(dx, x.shape())?), put_aside(gamma, dgamma), put_aside(beta, dbeta)))
    }
}
