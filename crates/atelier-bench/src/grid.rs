//! A loss grid: the plane of a landscape, evaluated on examples in memory.

use std::ops::ControlFlow;

use anyhow::Result;
use atelier_core::{Batch, Objective, Targets, flatten};
use atelier_landscape::{Axes, GridWork, Plane, evaluate_grid, random_directions};
use atelier_models::{Classifier, ModelConfig};
use candle_core::{Device, Tensor};

/// Widths of the network, its ends included.
const WIDTHS: [usize; 5] = [784, 50, 50, 50, 10];
/// Examples, and how many of them make a batch.
const EXAMPLES: usize = 2500;
const BATCH: usize = 100;

/// A network, a plane through its parameters, and examples.
pub struct Grid {
    classifier: Classifier,
    plane: Plane,
    axes: Axes,
    batches: Vec<Batch>,
    threads: usize,
    /// Multiplications and additions of the products: three for the first layer, and those of the others
    /// at each point.
    pub flop: f64,
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
        let batch = |number: usize| -> Result<Batch> {
            let pixels: Vec<f32> = (0..BATCH * WIDTHS[0])
                .map(|i| (((number * BATCH + i) * 7919) % 256) as f32 / 255.0)
                .collect();
            let labels: Vec<u32> = (0..10).cycle().take(BATCH).collect();
            Ok(Batch {
                inputs: Tensor::from_vec(pixels, (BATCH, WIDTHS[0]), &Device::Cpu)?,
                targets: Targets::Classes(Tensor::from_vec(labels, BATCH, &Device::Cpu)?),
            })
        };
        let batches = (0..EXAMPLES / BATCH).map(batch).collect::<Result<_>>()?;
        let axes = Axes { x: axis.clone(), y: axis };
        Ok(Self { classifier, plane, axes, batches, threads, flop: flop(points) })
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

fn flop(points: usize) -> f64 {
    let first = 3 * WIDTHS[0] * WIDTHS[1];
    let others: usize = WIDTHS[1..].windows(2).map(|pair| pair[0] * pair[1]).sum();
    2.0 * (EXAMPLES * (first + points * points * others)) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_counted_as_by_hand() {
        // 2 x 2,500 x (3 x 39,200 + 9 x 5,500).
        assert!((flop(3) - 5000.0 * (117_600.0 + 49_500.0)).abs() < 0.5);
    }

    #[test]
    fn a_grid_has_losses_and_threads_change_none() {
        let [one, two] = [1, 2].map(|threads| Grid::new(3, threads).unwrap().take().unwrap());
        assert!(one.is_finite() && one.to_bits() == two.to_bits());
    }
}
