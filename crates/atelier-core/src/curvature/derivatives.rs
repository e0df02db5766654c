//! Activations' first and second derivatives.

use candle_core::Tensor;

use crate::activation::{Activation, LEAKY_SLOPE};
use crate::{Result, ops};

/// 1 / sqrt(2 pi).
const INVERSE_SQRT_TAU: f64 = 0.398_942_280_401_432_7;

/// The first and the second derivative of `activation` at `z`, where its value is `y`; no second
/// one where it is 0 everywhere.
///
/// At a kink the first is taken from the left and the second is 0.
pub(super) fn derivatives(
    activation: Activation,
    z: &Tensor,
    y: &Tensor,
) -> Result<(Tensor, Option<Tensor>)> {
    let steep = || y.gt(0.0)?.to_dtype(y.dtype());
    Ok(match activation {
        Activation::Identity => (z.ones_like()?, None),
        Activation::Relu => (steep()?, None),
        Activation::LeakyRelu => {
            let below = f64::from(LEAKY_SLOPE);
            (steep()?.affine(1.0 - below, below)?, None)
        }
        // e^z = y + 1 below 0.
        Activation::Elu => {
            let (above, power) = (y.gt(0.0)?, (y + 1.0)?);
            let first = above.where_cond(&y.ones_like()?, &power)?;
            (first, Some(above.where_cond(&y.zeros_like()?, &power)?))
        }
        // f' = Phi(z) + z phi(z), f'' = phi(z) (2 - z^2).
        Activation::Gelu => {
            let square = z.sqr()?;
            let density = ((&square * -0.5)?.exp()? * INVERSE_SQRT_TAU)?;
            let below = (z * std::f64::consts::FRAC_1_SQRT_2)?.erf()?.affine(0.5, 0.5)?;
            let first = (below + (z * &density)?)?;
            (first, Some((density * square.affine(-1.0, 2.0)?)?))
        }
        // With s = sigmoid(z): f' = s + z s (1 - s), f'' = s (1 - s) (2 + z (1 - 2 s)).
        Activation::Silu => {
            let s = ops::activate(z, Activation::Sigmoid)?;
            let bell = (&s * s.affine(-1.0, 1.0)?)?;
            let first = (&s + (z * &bell)?)?;
            let second = (bell * ((z * s.affine(-2.0, 1.0)?)? + 2.0)?)?;
            (first, Some(second))
        }
        Activation::Tanh => {
            let first = y.sqr()?.affine(-1.0, 1.0)?;
            let second = ((y * &first)? * -2.0)?;
            (first, Some(second))
        }
        Activation::Sigmoid => {
            let first = (y * y.affine(-1.0, 1.0)?)?;
            let second = (&first * y.affine(-2.0, 1.0)?)?;
            (first, Some(second))
        }
    })
}
