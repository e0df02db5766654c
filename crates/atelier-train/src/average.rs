use atelier_core::{Objective, Parameter, update};
use candle_core::Var;

use crate::Result;

/// An exponential moving average of an objective's parameters and buffers.
///
/// Early in a run the decay is (1 + n) / (10 + n), so that the average forgets the random start.
#[derive(Debug)]
pub(crate) struct Average {
    decay: f64,
    pub(crate) updates: u64,
    pub(crate) tensors: Vec<Var>,
}

/// All that is averaged: parameters, then buffers.
pub(crate) fn averaged(objective: &dyn Objective) -> impl Iterator<Item = &Parameter> {
    objective.parameters().iter().chain(objective.buffers())
}

impl Average {
    pub(crate) fn new(decay: f64, objective: &dyn Objective) -> Result<Self> {
        let tensors = averaged(objective)
            .map(|p| Ok(Var::from_tensor(&p.var.copy()?)?))
            .collect::<Result<_>>()?;
        Ok(Self { decay, updates: 0, tensors })
    }

    pub(crate) fn update(&mut self, objective: &dyn Objective) -> Result<()> {
        self.updates += 1;
        let n = self.updates as f64;
        #[expect(clippy::cast_possible_truncation, reason = "a factor of f32 arithmetic")]
        let decay = self.decay.min((1.0 + n) / (10.0 + n)) as f32;
        for (average, parameter) in self.tensors.iter().zip(averaged(objective)) {
            update::average(average, &parameter.var, decay)?;
        }
        Ok(())
    }

    /// Exchanges the averaged values with those of the objective; a second call undoes it.
    pub(crate) fn swap(&self, objective: &dyn Objective) -> Result<()> {
        for (average, parameter) in self.tensors.iter().zip(averaged(objective)) {
            let current = parameter.var.copy()?;
            parameter.var.set(average)?;
            average.set(&current)?;
        }
        Ok(())
    }
}
