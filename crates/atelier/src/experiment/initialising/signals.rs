//! Signals through deep networks that were not trained.

use anyhow::Result;
use atelier_init::{Propagation, Scheme, propagation, random_inputs, schemes};
use ndarray::Array2;

use crate::config::InitialisingConfig;
use crate::experiment::prepared::Prepared;
use crate::signals::Stop;
use crate::terminal::{Terminal, counted};

/// Numbers from N(0, 1).
pub(super) const RANDOM: &str = "random";
/// Training images, pixels in [0, 1].
pub(super) const IMAGES: &str = "images";

/// What became of signals.
pub(super) struct Sent {
    pub(super) scheme: Scheme,
    /// [`RANDOM`] or [`IMAGES`].
    pub(super) inputs: &'static str,
    pub(super) found: Propagation,
}

/// Sends both inputs through networks of every scheme; `None` if a signal of the other kind came.
pub(super) fn sent(
    config: &InitialisingConfig,
    prepared: &Prepared,
    terminal: Terminal,
    stop: &Stop,
) -> Result<Option<Vec<Sent>>> {
    let init = &config.init;
    terminal.talk(&format!(
        "signals through {}, {} of each initialisation",
        counted(init.layers, "layer"),
        counted(init.networks, "network")
    ));
    let images = images(prepared, init.examples);
    let numbers = random_inputs(images.nrows(), images.ncols(), config.seed);
    let looked_at = looked_at(init.layers);
    let mut sent = Vec::new();
    for scheme in schemes() {
        for (inputs, values) in [(RANDOM, &numbers), (IMAGES, &images)] {
            let network = init.network().initialised(scheme);
            let (draws, threads, seed) = (init.networks, prepared.threads, config.seed);
            let (values, looked_at) = (values.clone(), looked_at.clone());
            let found = stop.unless_requested(move || {
                atelier_core::threads::set(threads);
                propagation(&network, values.view(), draws, &looked_at, seed)
            })?;
            let Some(found) = found.transpose()? else { return Ok(None) };
            sent.push(Sent { scheme, inputs, found });
        }
    }
    Ok(Some(sent))
}

/// The layers whose activations are counted into histograms: the first, the last, and one in between.
pub(super) fn looked_at(layers: usize) -> Vec<usize> {
    let mut looked_at = vec![1, layers.div_ceil(5), layers];
    looked_at.dedup();
    looked_at
}

/// The first of the training images, pixels in [0, 1].
fn images(prepared: &Prepared, examples: usize) -> Array2<f32> {
    let subset = &prepared.split.train;
    let images = subset.dataset().images();
    let chosen = &subset.indices()[..examples.min(subset.len())];
    Array2::from_shape_fn((chosen.len(), images.ncols()), |(row, pixel)| {
        f32::from(images[[chosen[row] as usize, pixel]]) / 255.0
    })
}
