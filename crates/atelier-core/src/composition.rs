//! Every operation as a composition of candle's own: what devices other than the CPU run, and what
//! the kernels are tested against.

use candle_core::{D, DType, Result, Tensor, Var};
use candle_nn::ops::{log_softmax, sigmoid};

use crate::activation::{Activation, LEAKY_SLOPE};
use crate::update::{AdamStep, SgdStep};

pub(crate) fn dense(x: &Tensor, w: &Tensor, b: &Tensor, activation: Activation) -> Result<Tensor> {
    activate(&x.matmul(w)?.broadcast_add(b)?, activation)
}

pub(crate) fn activate(x: &Tensor, activation: Activation) -> Result<Tensor> {
    match activation {
        Activation::Identity => Ok(x.clone()),
        Activation::Relu => bend(x, &x.zeros_like()?),
        Activation::LeakyRelu => bend(x, &(x * f64::from(LEAKY_SLOPE))?),
        Activation::Elu => x.elu(1.0),
        Activation::Gelu => x.gelu_erf(),
        Activation::Silu => candle_nn::ops::silu(x),
        Activation::Tanh => x.tanh(),
        Activation::Sigmoid => sigmoid(x),
    }
}

pub(crate) fn prelu(x: &Tensor, slope: &Tensor) -> Result<Tensor> {
    bend(x, &x.broadcast_mul(slope)?)
}

/// `below` where x <= 0, x elsewhere. Not by candle's `relu`, which makes 0 of NaN and so hides a
/// divergence, and whose derivative at 0 is 1.
fn bend(x: &Tensor, below: &Tensor) -> Result<Tensor> {
    x.le(0.0)?.where_cond(below, x)
}

/// Smoothed mean loss, plain mean loss, number of correct examples; see the kernel.
pub(crate) fn cross_entropy(logits: &Tensor, targets: &Tensor, smoothing: f64) -> Result<Tensor> {
    let (batch, classes) = logits.dims2()?;
    let log_p = log_softmax(logits, D::Minus1)?;
    let (log_likelihood, labels) = if targets.dtype() == DType::U32 {
        let chosen = log_p.gather(&targets.unsqueeze(1)?, 1)?.sum_all()?;
        (chosen, targets.clone())
    } else {
        ((&log_p * targets)?.sum_all()?, targets.argmax(D::Minus1)?)
    };
    let n = batch as f64;
    let plain = (log_likelihood / -n)?;
    let spread = (log_p.sum_all()? / (-n * classes as f64))?;
    let smoothed = ((&plain * (1.0 - smoothing))? + (spread * smoothing)?)?;
    let correct = logits.argmax(D::Minus1)?.eq(&labels)?.to_dtype(logits.dtype())?.sum_all()?;
    Tensor::stack(&[smoothed, plain.detach(), correct], 0)
}

pub(crate) fn mean_squared_error(outputs: &Tensor, targets: &Tensor) -> Result<Tensor> {
    (outputs - targets)?.sqr()?.mean_all()
}

/// Normalised output, and mean and biased variance of the batch.
pub(crate) fn batch_norm(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    epsilon: f64,
) -> Result<(Tensor, Tensor, Tensor)> {
    let mean = x.mean(0)?;
    let centred = x.broadcast_sub(&mean)?;
    let variance = centred.sqr()?.mean(0)?;
    let deviation = (&variance + epsilon)?.sqrt()?;
    let y = centred.broadcast_div(&deviation)?.broadcast_mul(gamma)?.broadcast_add(beta)?;
    Ok((y, mean.detach(), variance.detach()))
}

pub(crate) fn sgd(
    w: &Var,
    velocity: Option<&Var>,
    gradient: &Tensor,
    step: &SgdStep,
) -> Result<()> {
    let rate = f64::from(step.learning_rate);
    let g = ((gradient * f64::from(step.gradient_scale))?
        + (w.as_tensor() * f64::from(step.weight_decay))?)?
    .detach();
    let direction = match velocity {
        None => g,
        Some(velocity) => {
            let keep = f64::from(step.momentum);
            let v = ((velocity.as_tensor() * keep)? + &g)?.detach();
            velocity.set(&v)?;
            if step.nesterov { (g + (v * keep)?)? } else { v }
        }
    };
    w.set(&(w.as_tensor() - (direction * rate)?)?.detach())
}

pub(crate) fn adam(
    w: &Var,
    mean: &Var,
    square: &Var,
    gradient: &Tensor,
    step: &AdamStep,
) -> Result<()> {
    let (into_gradient, shrink) = step.decays();
    let (rate, root_correction) = step.corrections();
    let (beta1, beta2) = (f64::from(step.beta1), f64::from(step.beta2));
    let g = ((gradient * f64::from(step.gradient_scale))?
        + (w.as_tensor() * f64::from(into_gradient))?)?
    .detach();
    mean.set(&((mean.as_tensor() * beta1)? + (&g * (1.0 - beta1))?)?.detach())?;
    square.set(&((square.as_tensor() * beta2)? + (g.sqr()? * (1.0 - beta2))?)?.detach())?;
    let denominator =
        ((square.as_tensor().sqrt()? * f64::from(root_correction))? + f64::from(step.epsilon))?;
    let update = ((mean.as_tensor() / denominator)? * f64::from(rate))?;
    w.set(&((w.as_tensor() * f64::from(shrink))? - update)?.detach())
}

pub(crate) fn average(average: &Var, values: &Tensor, decay: f32) -> Result<()> {
    let moved = ((values - average.as_tensor())? * (1.0 - f64::from(decay)))?;
    average.set(&(average.as_tensor() + moved)?.detach())
}
