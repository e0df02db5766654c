use std::cmp::Ordering;

use candle_nn::VarMap;

use crate::{Batch, Error, Loss, Mode, Objective, Parameter, Result};

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
pub struct VarMapObjective<F> {
    parameters: Vec<Parameter>,
    buffers: Vec<Parameter>,
    loss: F,
    anew: Option<Box<Anew>>,
}

/// Makes an objective of the same kind.
type Anew = dyn Fn() -> Result<Box<dyn Objective + Send>> + Send + Sync;

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
        Self { parameters, buffers, loss, anew: None }
    }

    /// Lets other threads evaluate it: `anew` makes the same model in variables of its own, whose
    /// values are then those of this one. Without it [`Objective::replica`] gives none.
    ///
    /// ```
    /// # use atelier_core::{Batch, Loss, Mode, Objective, Result, VarMapObjective, ops};
    /// # use candle_core::{DType, Device};
    /// # use candle_nn::{Module, VarBuilder, VarMap, linear};
    /// fn network() -> Result<VarMapObjective<impl Fn(&Batch, Mode) -> Result<Loss>>> {
    ///     let variables = VarMap::new();
    ///     let layer = linear(4, 3, VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu))?;
    ///     Ok(VarMapObjective::new(&variables, move |batch: &Batch, _mode: Mode| {
    ///         ops::cross_entropy(&layer.forward(&batch.inputs)?, &batch.targets, 0.0)
    ///     }))
    /// }
    ///
    /// let objective = network()?.with_replicas(network);
    /// assert!(objective.replica()?.is_some());
    /// # Ok::<(), atelier_core::Error>(())
    /// ```
    #[must_use]
    pub fn with_replicas<G>(
        mut self,
        anew: impl Fn() -> Result<VarMapObjective<G>> + Send + Sync + 'static,
    ) -> Self
    where
        G: Fn(&Batch, Mode) -> Result<Loss> + Send + 'static,
    {
        self.anew = Some(Box::new(move || Ok(Box::new(anew()?))));
        self
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

    fn replica(&self) -> Result<Option<Box<dyn Objective + Send>>> {
        let Some(anew) = &self.anew else { return Ok(None) };
        let replica = anew()?;
        copy(&self.parameters, replica.parameters())?;
        copy(&self.buffers, replica.buffers())?;
        Ok(Some(replica))
    }
}

/// Gives `to` the values of `from`.
fn copy(from: &[Parameter], to: &[Parameter]) -> Result<()> {
    let described = |all: &[Parameter]| -> Vec<String> {
        all.iter().map(|p| format!("{} {:?}", p.name, p.var.dims())).collect()
    };
    let (expected, found) = (described(from), described(to));
    if expected != found {
        let (expected, found) = (expected.join(", "), found.join(", "));
        return Err(Error::value("the variables of a replica", expected, found));
    }
    for (from, to) in from.iter().zip(to) {
        to.var.set(from.var.as_tensor())?;
    }
    Ok(())
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
    use candle_core::{DType, Device, Tensor};
    use candle_nn::{Conv2dConfig, Module, ModuleT, VarBuilder, batch_norm, conv2d, linear};

    use super::*;
    use crate::{Targets, evaluate_batch, ops};

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

    /// A layer of `inputs` by 2 with batch norm, whose weights candle draws anew each time.
    fn network(inputs: usize) -> Result<VarMapObjective<impl Fn(&Batch, Mode) -> Result<Loss>>> {
        let variables = VarMap::new();
        let builder = VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
        let layer = linear(inputs, 2, builder.pp("0"))?;
        let norm = batch_norm(2, 1e-5, builder.pp("1"))?;
        Ok(VarMapObjective::new(&variables, move |batch: &Batch, _: Mode| {
            let logits = norm.forward_t(&layer.forward(&batch.inputs)?, false)?;
            ops::cross_entropy(&logits, &batch.targets, 0.0)
        }))
    }

    #[test]
    fn a_replica_has_the_same_loss_and_values_of_its_own() {
        let batch = Batch {
            inputs: Tensor::new(&[[1.0_f32, -2.0, 0.5], [0.0, 3.0, 1.0]], &Device::Cpu).unwrap(),
            targets: Targets::Classes(Tensor::new(&[1_u32, 0], &Device::Cpu).unwrap()),
        };
        let loss = |objective: &dyn Objective| evaluate_batch(objective, &batch).unwrap();
        let objective = network(3).unwrap();
        assert!(objective.replica().unwrap().is_none());
        let objective = objective.with_replicas(|| network(3));
        objective.buffers()[0].assign(&[0.5, -0.25]).unwrap();
        let before = loss(&objective);
        let replica = objective.replica().unwrap().expect("a replica");
        assert_eq!(loss(&*replica), before);
        replica.parameters()[0].assign(&[0.0; 6]).unwrap();
        assert_eq!(loss(&objective), before);
        assert_ne!(loss(&*replica), before);
    }

    #[test]
    fn a_replica_of_another_shape_is_refused() {
        let objective = network(3).unwrap().with_replicas(|| network(4));
        let message = objective.replica().map(|_| ()).unwrap_err().to_string();
        assert!(message.contains("0.weight [2, 4]"), "{message}");
        assert!(message.contains("expected 0.weight [2, 3]"), "{message}");
    }

    #[test]
    fn running_statistics_are_buffers_and_only_weight_matrices_are_decayed() {
        let variables = VarMap::new();
        let builder = VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
        conv2d(1, 4, 3, Conv2dConfig::default(), builder.pp("0")).unwrap();
        batch_norm(4, 1e-5, builder.pp("1")).unwrap();
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
