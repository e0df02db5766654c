//! The state of a trainer as a checkpoint, and back.

use std::collections::BTreeMap;

use atelier_core::{Objective, Parameter};
use atelier_store::{Checkpoint, NamedArray};
use candle_core::Var;

use crate::average::averaged;
use crate::progress::Progress;
use crate::{Error, Result, Settings, Trainer};

/// Everything that decides what a run computes, as text: a checkpoint of another is refused.
fn identity(settings: &Settings, seed: u64) -> Result<String> {
    serde_json::to_string(&(settings, seed))
        .map_err(|error| Error::mismatch("the settings", "plain values", error))
}

/// All tensors of a trainer in order: the group, the parameter that it belongs to, and the tensor.
fn tensors<'a>(
    trainer: &'a Trainer,
    best: &'a [Var],
) -> Vec<(&'static str, &'a Parameter, &'a Var)> {
    let objective: &'a dyn Objective = trainer.objective;
    let mut all = Vec::new();
    all.extend(objective.parameters().iter().map(|p| ("parameter", p, &p.var)));
    all.extend(objective.buffers().iter().map(|p| ("buffer", p, &p.var)));
    let mut extend = |group, tensors: &'a [Var]| {
        all.extend(averaged(objective).zip(tensors).map(|(p, t)| (group, p, t)));
    };
    for slot in &trainer.optimizer.slots {
        extend(slot.name, &slot.tensors);
    }
    if let Some(average) = &trainer.average {
        extend("average", &average.tensors);
    }
    extend("best", best);
    all
}

/// The state of `trainer`; all arrays are in PyTorch's layout.
pub(crate) fn save(trainer: &Trainer) -> Result<Checkpoint> {
    let arrays = tensors(trainer, &trainer.best)
        .into_iter()
        .map(|(group, parameter, tensor)| {
            let name = format!("{group}/{}", parameter.name);
            Ok(NamedArray::f32(name, &parameter.shape(), &parameter.export(tensor)?))
        })
        .collect::<Result<_>>()?;
    let progress = serde_json::to_string(&trainer.progress)
        .map_err(|error| Error::mismatch("the progress", "plain values", error))?;
    let metadata = BTreeMap::from([
        ("progress".to_string(), progress),
        ("settings".to_string(), identity(&trainer.settings, trainer.seed)?),
    ]);
    Ok(Checkpoint { arrays, metadata })
}

/// Puts `trainer` into the state of `checkpoint`; nothing is changed unless all of it fits.
pub(crate) fn restore(trainer: &mut Trainer, checkpoint: &Checkpoint) -> Result<()> {
    let text = |key: &str| {
        checkpoint.metadata.get(key).ok_or_else(|| Error::mismatch(key, "present", "missing"))
    };
    let expected = identity(&trainer.settings, trainer.seed)?;
    if *text("settings")? != expected {
        return Err(Error::mismatch("the settings and seed", expected, text("settings")?));
    }
    let progress: Progress = serde_json::from_str(text("progress")?)
        .map_err(|error| Error::mismatch("the progress", "a known form", error))?;
    let train = &trainer.settings.train;
    progress.check(train.epochs, train.early_stopping)?;

    let has_best = checkpoint.arrays.iter().any(|array| array.name.starts_with("best/"));
    let best = if has_best { trainer.copy_of_values()? } else { Vec::new() };
    let targets = tensors(trainer, &best);
    if checkpoint.arrays.len() != targets.len() {
        let (expected, found) = (targets.len(), checkpoint.arrays.len());
        return Err(Error::mismatch("the number of tensors", expected, found));
    }
    let mut ready = Vec::with_capacity(targets.len());
    for ((group, parameter, target), array) in targets.into_iter().zip(&checkpoint.arrays) {
        let name = format!("{group}/{}", parameter.name);
        if array.name != name {
            return Err(Error::mismatch("a tensor's name", name, &array.name));
        }
        if array.shape != parameter.shape() {
            let (expected, found) =
                (format!("{:?}", parameter.shape()), format!("{:?}", array.shape));
            return Err(Error::mismatch(format!("the shape of {name}"), expected, found));
        }
        let values = array.as_f32()?;
        if let Some(value) = values.iter().find(|value| !value.is_finite()) {
            return Err(Error::mismatch(format!("a value of {name}"), "a finite number", value));
        }
        ready.push((target.clone(), parameter.import(&values)?));
    }
    for (target, values) in ready {
        target.set(&values)?;
    }
    trainer.best = best;
    trainer.optimizer.steps = progress.step;
    if let Some(average) = &mut trainer.average {
        average.updates = progress.step;
    }
    trainer.progress = progress;
    Ok(())
}
