//! Activations and their derivatives over slices.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor};

use super::math::{erf, exp, exp_m1, sigmoid, tanh};
use super::{elements, tensor, with_elements};
use crate::activation::{Activation, LEAKY_SLOPE};

impl Activation {
    /// Whether the derivative can be told from the output alone.
    pub(crate) fn differentiable_from_output(self) -> bool {
        !matches!(self, Self::Gelu | Self::Silu)
    }

    /// What a dense layer applies itself, and what is left to an operation of its own.
    pub(crate) fn split(self) -> (Self, Self) {
        if self.differentiable_from_output() {
            (self, Self::Identity)
        } else {
            (Self::Identity, self)
        }
    }
}

/// `each!(values, |x| f)`: x := f for every element. A macro for the reason that `vectorized` has.
macro_rules! each {
    ($values:expr, |$x:ident| $f:expr) => {
        vectorized!(|| for value in $values.iter_mut() {
            let $x = *value;
            *value = $f;
        })
    };
}

/// `each_pair!(gradient, values, |g, v| f)`: g := f for every element.
macro_rules! each_pair {
    ($gradient:expr, $values:expr, |$g:ident, $v:ident| $f:expr) => {
        vectorized!(|| for (gradient, &$v) in $gradient.iter_mut().zip($values) {
            let $g = *gradient;
            *gradient = $f;
        })
    };
}

/// Phi(x), the distribution function of N(0, 1).
#[inline(always)]
#[expect(clippy::inline_always, reason = "must be compiled with the caller's vector instructions")]
fn normal_cdf(x: f32) -> f32 {
    0.5 + 0.5 * erf(x * std::f32::consts::FRAC_1_SQRT_2)
}

/// values := activation(values).
pub(crate) fn apply(activation: Activation, values: &mut [f32]) {
    match activation {
        Activation::Identity => {}
        // Written so that NaN passes through and a divergence is noticed.
        Activation::Relu => each!(values, |x| if x < 0.0 { 0.0 } else { x }),
        Activation::LeakyRelu => each!(values, |x| if x < 0.0 { LEAKY_SLOPE * x } else { x }),
        Activation::Elu => each!(values, |x| {
            let below = exp_m1(x);
            if x < 0.0 { below } else { x }
        }),
        Activation::Gelu => each!(values, |x| x * normal_cdf(x)),
        Activation::Silu => each!(values, |x| x * sigmoid(x)),
        Activation::Tanh => each!(values, |x| tanh(x)),
        Activation::Sigmoid => each!(values, |x| sigmoid(x)),
    }
}

/// Gradients of saturated units shrink from step to step; below this their products with weights and
/// inputs are denormal numbers, and every operation on one takes a hundred cycles. (200 epochs of an
/// autoencoder with dark backgrounds took three times as long.) Nothing is learned from them: f32
/// carries seven digits.
const TINY: f32 = 1e-25;

/// gradient := gradient * activation'(.), told from the outputs of the activation.
///
/// The derivative at a kink is taken from the left (0 for ReLU at 0), as PyTorch does.
pub(crate) fn chain_from_output(activation: Activation, gradient: &mut [f32], outputs: &[f32]) {
    match activation {
        Activation::Identity => {}
        Activation::Relu => each_pair!(gradient, outputs, |g, y| if y > 0.0 { g } else { 0.0 }),
        Activation::LeakyRelu => {
            each_pair!(gradient, outputs, |g, y| if y > 0.0 { g } else { LEAKY_SLOPE * g });
        }
        Activation::Elu => {
            each_pair!(gradient, outputs, |g, y| if y > 0.0 { g } else { g * (y + 1.0) });
        }
        Activation::Tanh => each_pair!(gradient, outputs, |g, y| {
            let d = g * (1.0 - y * y);
            if d.abs() < TINY { 0.0 } else { d }
        }),
        Activation::Sigmoid => each_pair!(gradient, outputs, |g, y| {
            let d = g * y * (1.0 - y);
            if d.abs() < TINY { 0.0 } else { d }
        }),
        Activation::Gelu | Activation::Silu => unreachable!("their derivative needs the input"),
    }
}

/// gradient := gradient * activation'(inputs), for the activations that need their inputs.
fn chain_from_input(activation: Activation, gradient: &mut [f32], inputs: &[f32]) {
    match activation {
        Activation::Gelu => each_pair!(gradient, inputs, |g, x| {
            const INVERSE_SQRT_TAU: f32 = 0.398_942_3;
            g * (normal_cdf(x) + x * INVERSE_SQRT_TAU * exp(-0.5 * x * x))
        }),
        Activation::Silu => each_pair!(gradient, inputs, |g, x| {
            let s = sigmoid(x);
            g * (s + x * s * (1.0 - s))
        }),
        _ => unreachable!("the others are told from their output"),
    }
}

/// gradient := gradient * activation'(inputs), for all; the inputs are overwritten.
pub(crate) fn chain(activation: Activation, gradient: &mut [f32], inputs: &mut [f32]) {
    if activation.differentiable_from_output() {
        apply(activation, inputs);
        chain_from_output(activation, gradient, inputs);
    } else {
        chain_from_input(activation, gradient, inputs);
    }
}

/// y = activation(x), any shape.
pub(crate) struct Elementwise(pub(crate) Activation);

impl CustomOp1 for Elementwise {
    fn name(&self) -> &'static str {
        "activation"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let mut y = elements(storage, layout)?.to_vec();
        apply(self.0, &mut y);
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let mut dx = with_elements(&gradient.contiguous()?, <[f32]>::to_vec)?;
        if self.0.differentiable_from_output() {
            with_elements(y, |y| chain_from_output(self.0, &mut dx, y))?;
        } else {
            with_elements(x, |x| chain_from_input(self.0, &mut dx, x))?;
        }
        Ok(Some(tensor(dx, x.shape())?))
    }
}

/// values := PReLU(values).
pub(crate) fn apply_prelu(slope: f32, values: &mut [f32]) {
    each!(values, |x| if x < 0.0 { slope * x } else { x });
}

/// y = x for x > 0, a x otherwise, with one trained slope a.
pub(crate) struct Prelu;

impl CustomOp2 for Prelu {
    fn name(&self) -> &'static str {
        "prelu"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        slope: &CpuStorage,
        slope_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let a = elements(slope, slope_layout)?[0];
        let mut y = elements(x, x_layout)?.to_vec();
        apply_prelu(a, &mut y);
        Ok((CpuStorage::F32(y), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        slope: &Tensor,
        _y: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let a = with_elements(slope, |a| a[0])?;
        let mut dx = with_elements(&gradient.contiguous()?, <[f32]>::to_vec)?;
        let da = with_elements(x, |x| {
            let da: f64 = dx
                .iter()
                .zip(x)
                .map(|(&g, &x)| if x > 0.0 { 0.0 } else { f64::from(g) * f64::from(x) })
                .sum();
            each_pair!(dx, x, |g, x| if x > 0.0 { g } else { a * g });
            da
        })?;
        #[expect(clippy::cast_possible_truncation, reason = "gradients are f32")]
        let da = tensor(vec![da as f32], slope.shape())?;
        Ok((Some(tensor(dx, x.shape())?), Some(da)))
    }
}
