use std::ops::ControlFlow;

use crate::{Error, Result};

/// Told after every step of a long computation how many are done and how many there will be at
/// most; the answer `Break` ends it with [`Error::Stopped`].
pub type Watch<'a> = dyn FnMut(usize, usize) -> ControlFlow<()> + 'a;

/// Tells `watch`, and turns its `Break` into an error.
pub(crate) fn report(watch: &mut Watch, done: usize, of: usize) -> Result<()> {
    match watch(done, of) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::Stopped { done, of }),
    }
}
