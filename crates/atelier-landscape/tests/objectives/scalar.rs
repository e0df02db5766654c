//! Losses that can be written down: functions of a few numbers, times the mean of the inputs, so
//! that batches differ.

use atelier_core::{Batch, Loss, Mode, Objective, Parameter, Result, Targets};
use candle_core::{Device, Tensor, Var};

type Function = dyn Fn(&Tensor) -> candle_core::Result<Tensor>;

/// `function` of one vector of parameters, times the mean of the inputs.
pub struct Scalar {
    parameters: Vec<Parameter>,
    function: Box<Function>,
}

impl Scalar {
    pub fn new(
        start: &[f32],
        function: impl Fn(&Tensor) -> candle_core::Result<Tensor> + 'static,
    ) -> Self {
        let var = Var::from_slice(start, start.len(), &Device::Cpu).unwrap();
        let w = Parameter { name: "w".into(), var, decayed: true, transposed: false };
        Self { parameters: vec![w], function: Box::new(function) }
    }
}

impl Objective for Scalar {
    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn loss(&self, batch: &Batch, _mode: Mode) -> Result<Loss> {
        let factor = batch.inputs.mean_all()?;
        let objective = ((self.function)(self.parameters[0].var.as_tensor())? * factor)?;
        let reported = objective.detach();
        Ok(Loss { objective, reported, correct: None, total: batch.len() })
    }
}

/// Batches with these inputs.
pub fn batches(inputs: &[&[f32]]) -> Vec<Batch> {
    let batch = |x: &&[f32]| Batch {
        inputs: Tensor::from_slice(x, (x.len(), 1), &Device::Cpu).unwrap(),
        targets: Targets::None,
    };
    inputs.iter().map(batch).collect()
}
