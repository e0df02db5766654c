use std::cmp::Ordering;

use candle_nn::VarMap;

use crate::{Batch, Loss, Mode, Objective, Parameter, Result};

/// Any candle model as an [`Objective`]: the variables of a `candle_nn::VarMap` and a closure that
/// computes the loss.
///
/// The order of a `VarMap` differs from process to process; here parameters are ordered by name,
/// numbers as numbers, `weight` before `bias`. Variables called `running_mean` and `running_var` are
/// buffers; weights with two dimensions or more are decayed.
///
/// ```
/// use atelier_core::{Batch, Loss, Mode, Objective, Targets, VarMapObjective, ops};
/// use candle_core::{DType, Device, Tensor};
/// use candle_nn::{Module, VarBuilder, VarMap, linear};
///
/// let variables = VarMap::new();
/// let builder = VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
/// let (first, second) = (linear(4, 8, builder.pp("0"))?, linear(8, 3, builder.pp("2"))?);
/// let objective = VarMapObjective::new(&variables, move |batch: &Batch, _mode: Mode| {
///     let logits = second.forward(&first.forward(&batch.inputs)?.relu()?)?;
///     ops::cross_entropy(&logits, &batch.targets, 0.0)
/// });
/// assert_eq!(objective.parameters()[0].name, "0.weight");
/// assert_eq!(objective.parameters()[3].name, "2.bias");
///
/// let batch = Batch {
///     inputs: Tensor::ones((2, 4), DType::F32, &Device::Cpu)?,
///     targets: Targets::Classes(Tensor::new(&[0_u32, 2], &Device::Cpu)?),
/// };
/// assert!(objective.loss(&batch, Mode::Evaluate)?.reported.to_scalar::<f32>()? > 0.0);
/// # Ok::<(), atelier_core::Error>(())
/// ```
#[derive(Debug)]
pub struct VarMapObjective<F> {
    parameters: Vec<Parameter>,
    buffers: Vec<Parameter>,
    loss: F,
}

impl<F: Fn(&Batch, Mode) -> Result<Loss>> VarMapObjective<F> {
    /// An objective over all variables that `variables` holds at this moment.
    pub fn new(variables: &VarMap, loss: F) -> Self {
        // A poisoned lock means that another thread panicked while it held the map; the map itself
        // is only ever added to.
        let held = variables.data().lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut all: Vec<Parameter> = held
            .iter()
            .map(|(name, var)| Parameter {
                name: name.clone(),
                var: var.clone(),
                decayed: last(name) == "weight" && var.rank() >= 2,
                transposed: false,
            })
            .collect();
        all.sort_by(|a, b| by_name(&a.name, &b.name));
        let (buffers, parameters) =
            all.into_iter().partition(|p| matches!(last(&p.name), "running_mean" | "running_var"));
        Self { parameters, buffers, loss }
    }
}

impl<F: Fn(&Batch, Mode) -> Result<Loss>> Objective for VarMapObjective<F> {
    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn buffers(&self) -> &[Parameter] {
        &self.buffers
    }

    fn loss(&self, batch: &Batch, mode: Mode) -> Result<Loss> {
        (self.loss)(batch, mode)
    }
}

/// The part of a name after its last dot.
fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// Part by part; numbers as numbers, `weight` before `bias`, everything else by the alphabet.
fn by_name(a: &str, b: &str) -> Ordering {
    let key = |part: &str| match part.parse::<u64>() {
        Ok(number) => (0, number, String::new()),
        Err(_) => (1, u64::from(part == "bias"), part.to_string()),
    };
    a.split('.').map(key).cmp(b.split('.').map(key)).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ordered_as_layers_are() {
        let mut names = [
            "net.10.weight",
            "net.2.bias",
            "net.2.weight",
            "conv1.weight",
            "net.2.running_var",
            "conv1.bias",
            "net.0.weight",
        ];
        names.sort_by(|a, b| by_name(a, b));
        assert_eq!(
            names,
            [
                "conv1.weight",
                "conv1.bias",
                "net.0.weight",
                "net.2.running_var",
                "net.2.weight",
                "net.2.bias",
                "net.10.weight",
            ]
        );
    }

    #[test]
    fn running_statistics_are_buffers_and_only_weight_matrices_are_decayed() {
        use candle_core::{DType, Device};
        let variables = VarMap::new();
        let builder = candle_nn::VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
        candle_nn::conv2d(1, 4, 3, candle_nn::Conv2dConfig::default(), builder.pp("0")).unwrap();
        candle_nn::batch_norm(4, 1e-5, builder.pp("1")).unwrap();
        let objective = VarMapObjective::new(&variables, |_: &Batch, _| unreachable!("not asked"));
        let names = |all: &[Parameter]| -> Vec<(String, bool)> {
            all.iter().map(|p| (p.name.clone(), p.decayed)).collect()
        };
        let of = |name: &str, decayed| (name.to_string(), decayed);
        assert_eq!(
            names(objective.parameters()),
            [of("0.weight", true), of("0.bias", false), of("1.weight", false), of("1.bias", false)]
        );
        assert_eq!(
            names(objective.buffers()),
            [of("1.running_mean", false), of("1.running_var", false)]
        );
    }
}
