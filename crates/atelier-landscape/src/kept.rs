//! An objective is evaluated at other points by setting its parameters; here they are put back.

use atelier_core::{Batch, Objective, Parameter};
use candle_core::{Tensor, Var};

use crate::{Error, Result};

/// The parameters and buffers of an objective at one moment. They are put back when this is
/// dropped, so also after an error or a panic.
pub(crate) struct Kept(Vec<(Var, Tensor)>);

impl Kept {
    pub(crate) fn of(objective: &dyn Objective) -> Result<Self> {
        let all = objective.parameters().iter().chain(objective.buffers());
        let copy = |p: &Parameter| Ok((p.var.clone(), p.var.as_detached_tensor().copy()?));
        Ok(Self(all.map(copy).collect::<Result<_>>()?))
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        for (var, value) in &self.0 {
            // Of the same shape and device; and there is nobody to tell.
            let _ = var.set(value);
        }
    }
}

/// Does `work`, which may change the values of `objective`, and puts them back.
pub(crate) fn restored<T>(
    objective: &dyn Objective,
    work: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let _kept = Kept::of(objective)?;
    work()
}

/// The number of examples in `batches`, none of which may be empty.
pub(crate) fn examples(batches: &[Batch]) -> Result<usize> {
    if batches.is_empty() {
        return Err(Error::setting("batches", "at least one batch", "none"));
    }
    if let Some(i) = batches.iter().position(Batch::is_empty) {
        let found = format!("an empty batch at position {i}");
        return Err(Error::setting("batches", "batches with examples", found));
    }
    Ok(batches.iter().map(Batch::len).sum())
}

/// Refuses a point that is not one of `objective`, or not finite.
pub(crate) fn check_point(
    objective: &dyn Objective,
    what: &'static str,
    point: &[f32],
) -> Result<()> {
    let wanted: usize = objective.parameters().iter().map(Parameter::len).sum();
    if point.len() != wanted {
        let expected = format!("a point with {wanted} parameters");
        return Err(Error::setting(what, expected, format!("one with {}", point.len())));
    }
    match point.iter().position(|v| !v.is_finite()) {
        Some(i) => {
            Err(Error::setting(what, "finite numbers", format!("{} at position {i}", point[i])))
        }
        None => Ok(()),
    }
}
