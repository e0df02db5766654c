//! Exact products of a dense network's Hessian with vectors.
//!
//! The gradient g(w) is computed in dual numbers (Pearlmutter's R-operator): beside every value stands
//! the rate at which it changes while the parameters w move along v, and the rate of g(w) is H v.
//! Forward: z = h W + b changes at h' W + h V + c, where V and c are the parts of v that belong to W
//! and b; an activation f(z) at f'(z) z'. Backward: the gradient with respect to a weight, h^T d,
//! changes at h'^T d + h^T d', and d = e f'(z) at e' f'(z) + e f''(z) z'.
//!
//! Nothing is a difference, so that no step is to be chosen and kinks stay where they are: at a kink,
//! derivatives are those that the backward pass takes.
//!
//! A product costs about as much as two gradients. The first layer's inputs stand still, which makes
//! it cheaper: three products with the inputs instead of the two of a gradient.
//!
//! # References
//! Pearlmutter, *Fast exact multiplication by the Hessian*, Neural Computation 6, 1994.

mod derivatives;
mod dual;

#[cfg(test)]
mod hyper_dual;
#[cfg(test)]
mod tests;

use candle_core::{D, DType, Tensor, Var};

use crate::plane::{DenseLoss, DenseModule};
use crate::{Activation, Batch, Error, Parameter, Result, backward, ops};
use derivatives::derivatives;
use dual::{Dual, Factor, matrix_product};

/// The product of `vector` with the Hessian of a dense network's mean loss over `batch`, at the values
/// that `parameters` have now: what [`crate::Objective::hessian_product`] asks for.
///
/// Computed in f32: a product is off by about 1e-6 of the length of its largest parts. Parameters that
/// no module names have rows of zeros.
///
/// # Shapes
/// `vector` (parameters,), as [`crate::flatten`] orders them, to the same.
///
/// # Errors
/// [`Error::Shape`] if the vector has another length; [`Error::Value`] if it is not finite; fails if
/// the batch does not fit the network or the loss, or the device does.
pub fn dense_network(
    parameters: &[Parameter],
    modules: &[DenseModule],
    loss: DenseLoss,
    vector: &[f32],
    batch: &Batch,
) -> Result<Vec<f32>> {
    let along = moving(parameters, vector)?;
    let inputs = batch.matrix()?.detach();
    let mut outputs = Dual::still(inputs.clone());
    let mut passed = Vec::with_capacity(2 * modules.len());
    for module in modules {
        outputs = pass(*module, &along, outputs, &mut passed)?;
    }
    let mut rates = Rates(vec![None; parameters.len()]);
    let mut adjoint = loss_gradient(loss, &outputs, &inputs, batch)?;
    for (position, step) in passed.iter().enumerate().rev() {
        match step {
            Step::Affine { weight, bias, input } => {
                let plain = (Factor::Plain, &adjoint);
                rates.add(*weight, Dual::product_rate((Factor::Transposed, input), plain)?)?;
                let sum = adjoint.rate.as_ref().map(|rate| rate.sum(0)).transpose()?;
                rates.add(*bias, sum)?;
                // Below the first layer nobody asks.
                if position > 0 {
                    adjoint = Dual::product(plain, (Factor::Transposed, &along[*weight]))?;
                }
            }
            Step::Bend { slope, prelu } => {
                if let Some((position, below)) = prelu {
                    let gradient = adjoint.times(below)?.rate;
                    let sum = gradient.map(|rate| rate.sum_all()?.reshape(1)).transpose()?;
                    rates.add(*position, sum)?;
                }
                adjoint = adjoint.times(slope)?;
            }
        }
    }
    rates.export(parameters)
}

/// What the backward pass needs of a module that the examples have passed.
enum Step {
    /// h W + b with its `input` h.
    Affine { weight: usize, bias: usize, input: Dual },
    /// f(z) with the `slope` f'(z); of `PReLU` also the position of its parameter and the negative
    /// part of z, which is the derivative with respect to it.
    Bend { slope: Dual, prelu: Option<(usize, Dual)> },
}

/// Every parameter as it lies in memory, moving along its part of `vector`.
fn moving(parameters: &[Parameter], vector: &[f32]) -> Result<Vec<Dual>> {
    let wanted: usize = parameters.iter().map(Parameter::len).sum();
    if vector.len() != wanted {
        return Err(Error::shape("a vector to multiply", &[wanted], &[vector.len()]));
    }
    let mut rest = vector;
    let mut all = Vec::with_capacity(parameters.len());
    for parameter in parameters {
        let (own, others) = rest.split_at(parameter.len());
        rest = others;
        let rate = Some(parameter.import(own)?);
        all.push(Dual { value: parameter.var.as_detached_tensor(), rate });
    }
    Ok(all)
}

/// What comes out of `module`.
fn pass(module: DenseModule, along: &[Dual], h: Dual, passed: &mut Vec<Step>) -> Result<Dual> {
    match module {
        DenseModule::Dense { weight, bias, activation } => {
            let z = affine(&h, &along[weight], &along[bias])?;
            passed.push(Step::Affine { weight, bias, input: h });
            activate(activation, z, passed)
        }
        DenseModule::Activation(activation) => activate(activation, h, passed),
        DenseModule::Prelu { slope } => prelu(slope, &along[slope], &h, passed),
    }
}

/// h W + b.
fn affine(h: &Dual, weight: &Dual, bias: &Dual) -> Result<Dual> {
    let dense = |w: &Tensor, b: &Tensor| ops::dense(&h.value, w, b, Activation::Identity);
    let value = dense(&weight.value, &bias.value)?;
    let by_weight = match (&weight.rate, &bias.rate) {
        (Some(w), Some(b)) => Some(dense(w, b)?),
        _ => None,
    };
    let by_input = match &h.rate {
        Some(rate) => Some(matrix_product((Factor::Plain, rate), (Factor::Plain, &weight.value))?),
        None => None,
    };
    Ok(Dual { value, rate: dual::sum(by_weight, by_input)? })
}

fn activate(activation: Activation, z: Dual, passed: &mut Vec<Step>) -> Result<Dual> {
    if activation == Activation::Identity {
        return Ok(z);
    }
    let value = ops::activate(&z.value, activation)?;
    let (first, second) = derivatives(activation, &z.value, &value)?;
    let bending = match (&z.rate, second) {
        (Some(rate), Some(second)) => Some((second * rate)?),
        _ => None,
    };
    let rate = z.rate.map(|rate| rate * &first).transpose()?;
    passed.push(Step::Bend { slope: Dual { value: first, rate: bending }, prelu: None });
    Ok(Dual { value, rate })
}

/// z where it is positive, a z elsewhere.
fn prelu(position: usize, a: &Dual, z: &Dual, passed: &mut Vec<Step>) -> Result<Dual> {
    let negative = Dual::still(z.value.le(0.0)?.to_dtype(DType::F32)?);
    let below = z.times(&negative)?;
    let value = ops::prelu(&z.value, &a.value)?;
    // 1 + (a - 1) [z <= 0], and its rate.
    let slope = Dual {
        value: (negative.value.broadcast_mul(&(&a.value - 1.0)?)? + 1.0)?,
        rate: a.rate.as_ref().map(|rate| negative.value.broadcast_mul(rate)).transpose()?,
    };
    let by_input = z.rate.as_ref().map(|rate| rate * &slope.value).transpose()?;
    let by_slope = a.rate.as_ref().map(|rate| below.value.broadcast_mul(rate)).transpose()?;
    passed.push(Step::Bend { slope, prelu: Some((position, below)) });
    Ok(Dual { value, rate: dual::sum(by_input, by_slope)? })
}

/// The gradient of the loss with respect to the outputs y.
///
/// Softmax cross-entropy: (p - t) / n with p = softmax(y), which changes at p (y' - p . y') / n;
/// squared error: 2 (y - x) / N over N numbers, which changes at 2 y' / N.
fn loss_gradient(loss: DenseLoss, y: &Dual, inputs: &Tensor, batch: &Batch) -> Result<Dual> {
    let outputs = Var::from_tensor(&y.value)?;
    let found = match loss {
        DenseLoss::CrossEntropy => ops::cross_entropy(&outputs, &batch.targets, 0.0)?,
        DenseLoss::Reconstruction => ops::mean_squared_error(&outputs, inputs)?,
    };
    let value = match backward(&found.objective)?.get(&outputs) {
        Some(gradient) => gradient.detach(),
        None => outputs.zeros_like()?,
    };
    let Some(rate) = &y.rate else { return Ok(Dual::still(value)) };
    let rate = match loss {
        DenseLoss::CrossEntropy => {
            let p = candle_nn::ops::softmax(&y.value, D::Minus1)?;
            let mean = (&p * rate)?.sum_keepdim(D::Minus1)?;
            ((p * rate.broadcast_sub(&mean)?)? / batch.len() as f64)?
        }
        DenseLoss::Reconstruction => (rate * (2.0 / rate.elem_count() as f64))?,
    };
    Ok(Dual { value, rate: Some(rate) })
}

/// The rate of the gradient with respect to each parameter, as it lies in memory.
struct Rates(Vec<Option<Tensor>>);

impl Rates {
    fn add(&mut self, position: usize, rate: Option<Tensor>) -> Result<()> {
        let before = self.0[position].take();
        self.0[position] = dual::sum(before, rate)?;
        Ok(())
    }

    fn export(self, parameters: &[Parameter]) -> Result<Vec<f32>> {
        let mut all = Vec::with_capacity(parameters.iter().map(Parameter::len).sum());
        for (parameter, rate) in parameters.iter().zip(self.0) {
            match rate {
                Some(rate) => all.extend(parameter.export(&rate)?),
                None => all.resize(all.len() + parameter.len(), 0.0),
            }
        }
        Ok(all)
    }
}
