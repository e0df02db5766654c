//! A loss grid: the plane of a landscape, evaluated on examples in memory.

use std::ops::ControlFlow;

use anyhow::Result;
use atelier_core::{Batch, Objective, flatten};
use atelier_landscape::{Axes, GridWork, Plane, evaluate_grid, random_directions};
use atelier_models::{Classifier, ModelConfig};
use candle_core::Device;

use crate::epoch::batch;
use crate::row::GRID_EXAMPLES;

/// Widths of the network, its ends included.
const WIDTHS: [usize; 5] = [784, 50, 50, 50, 10];
/// How many examples make a batch.
const BATCH: usize = 100;

/// A network, a plane through its parameters, and examples.
pub struct Grid {
    classifier: Classifier,
    plane: Plane,
    axes: Axes,
    batches: Vec<Batch>,
    threads: usize,
}

impl Grid {
    /// `points` by `points` for 784-50-50-50-10 on 2,500 examples.
    ///
    /// # Errors
    /// Fails if there is no memory left.
    pub fn new(points: usize, threads: usize) -> Result<Self> {
        let config = ModelConfig { hidden: WIDTHS[1..4].to_vec(), ..ModelConfig::default() };
        let classifier = Classifier::new(WIDTHS[0], WIDTHS[4], &config, 0.0, 0, &Device::Cpu)?;
        let origin = flatten(classifier.parameters())?;
        let [first, second] = random_directions(origin.len(), 0);
        let plane = Plane::new(origin, &first, &second)?;
        let axis: Vec<f64> =
            (0..points).map(|i| 20.0 * i as f64 / (points - 1) as f64 - 10.0).collect();
        let batches = (0..GRID_EXAMPLES / BATCH)
            .map(|_| batch(BATCH, WIDTHS[0], 10))
            .collect::<Result<_>>()?;
        let axes = Axes { x: axis.clone(), y: axis };
        Ok(Self { classifier, plane, axes, batches, threads })
    }

    /// Evaluates the grid; its highest loss.
    ///
    /// # Errors
    /// Fails if there is no memory left.
    pub fn take(&self) -> Result<f64> {
        let work = GridWork { threads: self.threads, remember: None };
        let watch = &mut |_, _| ControlFlow::Continue(());
        let (plane, axes, batches) = (&self.plane, &self.axes, &self.batches);
        let surface = evaluate_grid(&self.classifier, plane, axes, batches, work, watch)?;
        Ok(surface.loss.iter().copied().fold(f64::NEG_INFINITY, f64::max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_has_losses_and_threads_change_none() {
        let [one, two] = [1, 2].map(|threads| Grid::new(3, threads).unwrap().take().unwrap());
        assert!(one.is_finite() && one.to_bits() == two.to_bits());
    }
}
