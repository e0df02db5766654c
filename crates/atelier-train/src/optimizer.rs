//! Update rules with their state, one slot of state per parameter in the objective's order.
//!
//! Weight decay applies to parameters that are marked as decayed, and to no others.

use atelier_core::Parameter;
use atelier_core::update::{AdamStep, SgdStep, adam, sgd, squared_norm};
use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};

use crate::{Error, OptimizerConfig, OptimizerKind, Result};

/// An optimiser over the parameters of one objective.
#[derive(Debug)]
pub struct Optimizer {
    config: OptimizerConfig,
    weight_decay: f64,
    clip: f64,
    /// Steps taken.
    pub(crate) steps: u64,
    /// The slots, each with one tensor per parameter.
    pub(crate) slots: Vec<Slot>,
}

/// One kind of state, such as the velocity.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) name: &'static str,
    pub(crate) tensors: Vec<Var>,
}

impl Slot {
    pub(crate) fn zeros(name: &'static str, parameters: &[Parameter]) -> Result<Self> {
        let tensors =
            parameters.iter().map(Parameter::zeros).collect::<atelier_core::Result<_>>()?;
        Ok(Self { name, tensors })
    }
}

impl Optimizer {
    /// An optimiser whose state is zero. `clip` is the largest global norm of the gradient, 0 for none.
    ///
    /// # Errors
    /// Fails if the device has no memory left.
    pub fn new(
        config: &OptimizerConfig,
        weight_decay: f64,
        clip: f64,
        parameters: &[Parameter],
    ) -> Result<Self> {
        let names: &[&'static str] = match config.kind {
            OptimizerKind::Sgd if config.momentum > 0.0 => &["velocity"],
            OptimizerKind::Sgd => &[],
            OptimizerKind::Adam | OptimizerKind::Adamw => &["mean", "square"],
        };
        let slots =
            names.iter().map(|name| Slot::zeros(name, parameters)).collect::<Result<_>>()?;
        Ok(Self { config: config.clone(), weight_decay, clip, steps: 0, slots })
    }

    /// One step along `gradients` with the given learning rate. A parameter without a gradient is
    /// left alone.
    ///
    /// # Errors
    /// [`Error::GradientNorm`] if it is to be clipped and is not finite; [`Error::Mismatch`] if these
    /// are not the parameters that the optimiser was made for; fails if a gradient does not fit.
    /// Nothing is changed by the first two.
    #[expect(clippy::cast_possible_truncation, reason = "a factor of f32 arithmetic")]
    pub fn step(
        &mut self,
        parameters: &[Parameter],
        gradients: &GradStore,
        learning_rate: f64,
    ) -> Result<()> {
        self.check(parameters)?;
        let gradient_scale = self.clipping_factor(parameters, gradients)? as f32;
        self.steps += 1;
        for (i, parameter) in parameters.iter().enumerate() {
            if let Some(gradient) = gradients.get(&parameter.var) {
                self.update(i, parameter, gradient, learning_rate, gradient_scale)?;
            }
        }
        Ok(())
    }

    /// One step that waits for nothing: the device itself leaves everything as it is where `alive`, a
    /// byte, is 0, or where the norm of a gradient that is to be clipped is not finite. Gives `alive`,
    /// 0 in both cases.
    pub(crate) fn step_where(
        &mut self,
        parameters: &[Parameter],
        gradients: &GradStore,
        learning_rate: f64,
        alive: Tensor,
    ) -> Result<Tensor> {
        self.check(parameters)?;
        let (alive, factor) = match self.squared_norm_on_device(parameters, gradients)? {
            Some(sum) => {
                let norm = sum.sqrt()?;
                let factor = ((norm.affine(1.0, 1e-6)?.recip()? * self.clip)?).minimum(1.0)?;
                ((alive * finite(&norm)?)?, Some(factor))
            }
            None => (alive, None),
        };
        self.steps += 1;
        for (i, parameter) in parameters.iter().enumerate() {
            let Some(gradient) = gradients.get(&parameter.var) else { continue };
            let clipped = factor.as_ref().map(|factor| gradient.broadcast_mul(factor));
            let clipped = clipped.transpose()?;
            let before = self.values_of(i, parameter).map(|var| var.copy());
            let before = before.collect::<candle_core::Result<Vec<Tensor>>>()?;
            self.update(i, parameter, clipped.as_ref().unwrap_or(gradient), learning_rate, 1.0)?;
            let chosen = alive.broadcast_as(parameter.var.shape())?;
            for (var, before) in self.values_of(i, parameter).zip(&before) {
                var.set(&chosen.where_cond(var.as_tensor(), before)?)?;
            }
        }
        Ok(alive)
    }

    /// Everything that a step of parameter `i` changes.
    fn values_of<'s>(
        &'s self,
        i: usize,
        parameter: &'s Parameter,
    ) -> impl Iterator<Item = &'s Var> {
        std::iter::once(&parameter.var).chain(self.slots.iter().map(move |slot| &slot.tensors[i]))
    }

    fn check(&self, parameters: &[Parameter]) -> Result<()> {
        match self.slots.iter().find(|slot| slot.tensors.len() != parameters.len()) {
            None => Ok(()),
            Some(slot) => {
                let (expected, found) = (slot.tensors.len(), parameters.len());
                Err(Error::mismatch("the number of parameters", expected, found))
            }
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "factors of f32 arithmetic")]
    fn update(
        &self,
        i: usize,
        parameter: &Parameter,
        gradient: &Tensor,
        learning_rate: f64,
        gradient_scale: f32,
    ) -> Result<()> {
        let weight_decay = if parameter.decayed { self.weight_decay as f32 } else { 0.0 };
        match self.config.kind {
            OptimizerKind::Sgd => {
                let step = SgdStep {
                    learning_rate: learning_rate as f32,
                    momentum: self.config.momentum as f32,
                    nesterov: self.config.nesterov,
                    weight_decay,
                    gradient_scale,
                };
                let velocity = self.slots.first().map(|slot| &slot.tensors[i]);
                sgd(&parameter.var, velocity, gradient, &step)?;
            }
            OptimizerKind::Adam | OptimizerKind::Adamw => {
                let step = AdamStep {
                    learning_rate: learning_rate as f32,
                    beta1: self.config.beta1 as f32,
                    beta2: self.config.beta2 as f32,
                    epsilon: self.config.epsilon as f32,
                    weight_decay,
                    decoupled: self.config.kind == OptimizerKind::Adamw,
                    number: self.steps,
                    gradient_scale,
                };
                let (mean, square) = (&self.slots[0].tensors[i], &self.slots[1].tensors[i]);
                adam(&parameter.var, mean, square, gradient, &step)?;
            }
        }
        Ok(())
    }

    /// The sum of the squares of all gradients, left on their device; `None` without clipping.
    fn squared_norm_on_device(
        &self,
        parameters: &[Parameter],
        gradients: &GradStore,
    ) -> Result<Option<Tensor>> {
        if self.clip <= 0.0 {
            return Ok(None);
        }
        let of = parameters.iter().filter_map(|parameter| gradients.get(&parameter.var));
        let sums = of.map(|gradient| gradient.sqr()?.sum_all());
        let sums = sums.collect::<candle_core::Result<Vec<Tensor>>>()?;
        Ok(if sums.is_empty() { None } else { Some(Tensor::stack(&sums, 0)?.sum_all()?) })
    }

    /// What the gradient is multiplied by so that its global norm is at most `clip`.
    fn clipping_factor(&self, parameters: &[Parameter], gradients: &GradStore) -> Result<f64> {
        if self.clip <= 0.0 {
            return Ok(1.0);
        }
        let mut sum = 0.0;
        for parameter in parameters {
            if let Some(gradient) = gradients.get(&parameter.var) {
                sum += squared_norm(gradient)?;
            }
        }
        let norm = sum.sqrt();
        if !norm.is_finite() {
            return Err(Error::GradientNorm { norm });
        }
        Ok((self.clip / (norm + 1e-6)).min(1.0))
    }
}

/// A byte: 1 where the scalar is a finite number.
pub(crate) fn finite(scalar: &Tensor) -> Result<Tensor> {
    // NaN compares as false.
    Ok(scalar.abs()?.le(f64::from(f32::MAX))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn parameter(name: &str, decayed: bool) -> Parameter {
        let var = Var::new(&[1.0_f32, -1.0], &Device::Cpu).unwrap();
        Parameter { name: name.to_string(), var, decayed, transposed: false }
    }

    fn gradients(parameters: &[Parameter], factor: f64) -> GradStore {
        let mut sum = Tensor::new(0.0_f32, &Device::Cpu).unwrap();
        for p in parameters {
            sum = (sum + (p.var.sum_all().unwrap() * factor).unwrap()).unwrap();
        }
        sum.backward().unwrap()
    }

    fn values(p: &Parameter) -> Vec<f32> {
        p.var.to_vec1().unwrap()
    }

    #[test]
    fn decay_touches_weights_and_nothing_else() {
        for kind in [OptimizerKind::Sgd, OptimizerKind::Adam, OptimizerKind::Adamw] {
            // The large epsilon keeps Adam from making a step of the tiny gradient.
            let config = OptimizerConfig { kind, epsilon: 1.0, ..Default::default() };
            let parameters = [parameter("w", true), parameter("b", false)];
            let mut optimizer = Optimizer::new(&config, 0.5, 0.0, &parameters).unwrap();
            optimizer.step(&parameters, &gradients(&parameters, 1e-12), 0.1).unwrap();
            assert!(values(&parameters[0])[0] < 0.99, "{kind:?}");
            assert!((values(&parameters[1])[0] - 1.0).abs() < 1e-7, "{kind:?}");
        }
    }

    #[test]
    fn clipping_bounds_the_global_norm() {
        let parameters = [parameter("a", false), parameter("b", false)];
        let mut optimizer =
            Optimizer::new(&OptimizerConfig::default(), 0.0, 1.0, &parameters).unwrap();
        // The gradient is (3, 3, 3, 3), of norm 6.
        optimizer.step(&parameters, &gradients(&parameters, 3.0), 1.0).unwrap();
        for p in &parameters {
            assert!((values(p)[0] - 0.5).abs() < 1e-5, "{:?}", values(p));
        }
    }

    #[test]
    fn a_parameter_without_a_gradient_is_left_alone() {
        let parameters = [parameter("used", true), parameter("unused", true)];
        let mut optimizer =
            Optimizer::new(&OptimizerConfig::default(), 0.1, 0.0, &parameters).unwrap();
        let gradients = gradients(&parameters[..1], 1.0);
        optimizer.step(&parameters, &gradients, 0.1).unwrap();
        assert!((values(&parameters[1])[0] - 1.0).abs() < 1e-7);
        assert!(values(&parameters[0])[0] < 0.95);
    }
}
