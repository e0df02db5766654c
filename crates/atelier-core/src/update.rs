//! Optimiser steps, in place.
//!
//! Each takes everything that its rule needs as plain numbers, so that whoever calls it owns the
//! schedule and the state. Formulas and their order are PyTorch's (`torch.optim.SGD`, `Adam`,
//! `AdamW`).

use candle_core::{Tensor, Var};

use crate::ops::fused;
use crate::{Error, Result, composition, kernels};

/// The numbers of one step of stochastic gradient descent:
/// g = `gradient_scale` dw + `weight_decay` w; v = `momentum` v + g; w -= `learning_rate` v
/// (Nesterov: w -= `learning_rate` (g + `momentum` v)).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SgdStep {
    /// Step length.
    pub learning_rate: f32,
    /// Share of the velocity that is kept; 0 needs no velocity.
    pub momentum: f32,
    /// Look ahead along the velocity.
    pub nesterov: bool,
    /// L2 strength for this parameter.
    pub weight_decay: f32,
    /// Factor on the gradient (clipping).
    pub gradient_scale: f32,
}

/// The numbers of one step of Adam (Kingma and Ba 2015) or `AdamW` (Loshchilov and Hutter 2019).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamStep {
    /// Step length before bias correction.
    pub learning_rate: f32,
    /// Decay of the mean.
    pub beta1: f32,
    /// Decay of the mean square.
    pub beta2: f32,
    /// Added to the root of the mean square.
    pub epsilon: f32,
    /// Weight decay for this parameter.
    pub weight_decay: f32,
    /// Whether decay shrinks the weights directly (`AdamW`) or enters the gradient (Adam).
    pub decoupled: bool,
    /// Which step this is, counted from 1.
    pub number: u64,
    /// Factor on the gradient (clipping).
    pub gradient_scale: f32,
}

impl AdamStep {
    /// Decay that enters the gradient, and the factor on the weights.
    pub(crate) fn decays(&self) -> (f32, f32) {
        if self.decoupled {
            (0.0, 1.0 - self.learning_rate * self.weight_decay)
        } else {
            (self.weight_decay, 1.0)
        }
    }

    /// The bias-corrected step length, and the factor on the root of the mean square.
    #[expect(clippy::cast_possible_truncation, reason = "factors of f32 arithmetic")]
    pub(crate) fn corrections(&self) -> (f32, f32) {
        let n = self.number.max(1) as f64;
        let mean = 1.0 - f64::from(self.beta1).powf(n);
        let square = 1.0 - f64::from(self.beta2).powf(n);
        ((f64::from(self.learning_rate) / mean) as f32, (1.0 / square.sqrt()) as f32)
    }
}

/// One step of SGD.
///
/// # Errors
/// [`Error::Value`] if there is momentum and no `velocity`; fails if shapes or devices differ.
pub fn sgd(
    parameter: &Var,
    velocity: Option<&Var>,
    gradient: &Tensor,
    step: &SgdStep,
) -> Result<()> {
    same_shape(parameter, gradient)?;
    if let Some(velocity) = velocity {
        same_shape(parameter, velocity)?;
    } else if step.momentum > 0.0 {
        return Err(Error::value("the velocity", "one where there is momentum", "none"));
    }
    match velocity {
        None if fused(parameter) && fused(gradient) => {
            kernels::update::sgd(parameter, gradient, step)?;
        }
        Some(velocity) if fused(parameter) && fused(velocity) && fused(gradient) => {
            kernels::update::momentum(parameter, velocity, gradient, step)?;
        }
        velocity => composition::sgd(parameter, velocity, gradient, step)?,
    }
    Ok(())
}

/// One step of Adam or `AdamW`, with its running `mean` and mean `square` of the gradient.
///
/// # Errors
/// Fails if shapes or devices differ.
pub fn adam(
    parameter: &Var,
    mean: &Var,
    square: &Var,
    gradient: &Tensor,
    step: &AdamStep,
) -> Result<()> {
    let mut all_fused = fused(parameter);
    for tensor in [mean.as_tensor(), square.as_tensor(), gradient] {
        same_shape(parameter, tensor)?;
        all_fused &= fused(tensor);
    }
    if all_fused {
        kernels::update::adam(parameter, mean, square, gradient, step)?;
    } else {
        composition::adam(parameter, mean, square, gradient, step)?;
    }
    Ok(())
}

/// Moves an exponential moving average towards `values`: average += (1 - decay) (values - average).
///
/// # Errors
/// Fails if shapes or devices differ.
pub fn average(average: &Var, values: &Tensor, decay: f32) -> Result<()> {
    same_shape(average, values)?;
    if fused(average) && fused(values) {
        kernels::update::average(average, values, decay)?;
    } else {
        composition::average(average, values, decay)?;
    }
    Ok(())
}

/// The sum of squares of all elements.
///
/// # Errors
/// Fails if the device cannot be read.
pub fn squared_norm(values: &Tensor) -> Result<f64> {
    if fused(values) {
        Ok(kernels::update::squared_norm(values)?)
    } else {
        Ok(f64::from(values.sqr()?.sum_all()?.to_scalar::<f32>()?))
    }
}

fn same_shape(a: &Tensor, b: &Tensor) -> Result<()> {
    if a.dims() == b.dims() {
        Ok(())
    } else {
        Err(Error::shape("the gradient or state of a parameter", a.dims(), b.dims()))
    }
}
