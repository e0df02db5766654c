use std::panic::resume_unwind;
use std::thread;

use atelier_core::{seed::stream, threads};
use ndarray::{Array2, ArrayView2};
use serde::Serialize;

use crate::pass::{Pass, Signal, pass};
use crate::prediction::{Prediction, predict};
use crate::unit::normal;
use crate::{Error, Histogram, Network, Result};

/// What becomes of signals and gradients in a deep network at initialisation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Propagation {
    /// The network.
    pub network: Network,
    /// The number of networks that were drawn.
    pub draws: usize,
    /// The layers, from the first to the last.
    pub layers: Vec<Layer>,
    /// The activations of the first network at the layers that were asked for.
    pub histograms: Vec<Histogram>,
}

/// The signals of one layer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Layer {
    /// The layer, counted from 1.
    pub layer: usize,
    /// The mean square of the pre-activations `z = W x + b`, before any batch norm.
    pub pre_activation: Spread,
    /// The mean square of the activations.
    pub activation: Spread,
    /// The mean square of the gradients with respect to z, where the gradients with respect to the
    /// last activations are drawn from N(0, 1).
    pub gradient: Spread,
    /// The share of units that pass no gradient back for any of the inputs.
    pub dead_units: Spread,
    /// What theory expects of the means.
    pub predicted: Prediction,
}

/// A quantity over the networks that were drawn.
///
/// In deep networks it is far from normally distributed: its logarithm is (Hanin and Nica, *Products
/// of many large random matrices and gradients in deep neural networks*, 2018). A few large draws
/// decide the mean, and the median of a ReLU network of width n falls like e^(-5 layers / (2 n))
/// where the mean is kept.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The standard deviation from network to network; 0 of a single one.
    pub standard_deviation: f64,
    /// The smallest.
    pub smallest: f64,
    /// The middle one.
    pub median: f64,
    /// The largest.
    pub largest: f64,
}

impl Spread {
    /// The spread of at least one value.
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        let n = values.len();
        let mean = values.iter().sum::<f64>() / n as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Self {
            mean,
            standard_deviation: (squares / (n.max(2) - 1) as f64).sqrt(),
            smallest: values[0],
            median: 0.5 * (values[(n - 1) / 2] + values[n / 2]),
            largest: values[n - 1],
        }
    }
}

/// Sends `inputs`, shape `(examples, features)`, through `draws` networks and gradients back, and
/// gives the mean squares by layer; `histograms` lists layers, counted from 1.
///
/// Works in f64, so that signals may shrink or grow by 150 orders of magnitude. As many networks
/// are computed at the same time as [`atelier_core::threads`] has threads here; the results do not
/// depend on it. 64 examples are enough: the spread is between networks.
///
/// # Errors
/// [`Error::Argument`] if the network, the inputs, the number of draws or a layer of a histogram
/// cannot be; [`Error::NonFinite`] if a signal grows beyond f64.
pub fn propagation(
    network: &Network,
    inputs: ArrayView2<'_, f32>,
    draws: usize,
    histograms: &[usize],
    seed: u64,
) -> Result<Propagation> {
    network.check()?;
    check_inputs(inputs)?;
    if draws == 0 {
        return Err(Error::argument("draws", "at least 1", draws));
    }
    if let Some(layer) = histograms.iter().find(|layer| !(1..=network.layers).contains(*layer)) {
        let expected = "a layer of the network, counted from 1";
        return Err(Error::argument("histograms", expected, layer));
    }
    let inputs = inputs.mapv(f64::from);

    let passes = all_passes(draws, |draw| pass(network, &inputs, histograms, seed, draw))?;
    let predictions = predict(network, inputs.view());
    let layers = predictions.into_iter().enumerate().map(|(at, predicted)| {
        let spread = |of: fn(&Signal) -> f64| {
            Spread::of(passes.iter().map(|pass| of(&pass.layers[at])).collect())
        };
        Layer {
            layer: at + 1,
            pre_activation: spread(|signal| signal.pre_activation),
            activation: spread(|signal| signal.activation),
            gradient: spread(|signal| signal.gradient),
            dead_units: spread(|signal| signal.dead_units),
            predicted,
        }
    });
    let layers = layers.collect();
    let histograms = passes.into_iter().next().map(|first| first.histograms).unwrap_or_default();
    Ok(Propagation { network: *network, draws, layers, histograms })
}

/// Inputs from N(0, 1), shape `(examples, features)`.
#[must_use]
pub fn random_inputs(examples: usize, features: usize, seed: u64) -> Array2<f32> {
    let mut stream = stream(seed, "random inputs", 0, 0);
    #[expect(clippy::cast_possible_truncation, reason = "inputs are f32")]
    Array2::from_shape_simple_fn((examples, features), || normal(&mut stream) as f32)
}

/// The passes of all networks, in their order, by as many threads as the caller's kernels may use.
fn all_passes(draws: usize, pass: impl Fn(usize) -> Result<Pass> + Sync) -> Result<Vec<Pass>> {
    let workers = threads::count().min(draws);
    let pass = &pass;
    let mut passes: Vec<(usize, Result<Pass>)> = thread::scope(|scope| {
        let share = |worker| {
            move || {
                (worker..draws).step_by(workers).map(|draw| (draw, pass(draw))).collect::<Vec<_>>()
            }
        };
        let begin = |worker| (worker, thread::Builder::new().spawn_scoped(scope, share(worker)));
        let others: Vec<_> = (1..workers).map(begin).collect();
        let mut passes = share(0)();
        for (worker, other) in others {
            passes.extend(match other {
                Ok(other) => other.join().unwrap_or_else(|panic| resume_unwind(panic)),
                // The system has no more threads to give.
                Err(_) => share(worker)(),
            });
        }
        passes
    });
    passes.sort_unstable_by_key(|(draw, _)| *draw);
    passes.into_iter().map(|(_, pass)| pass).collect()
}

fn check_inputs(inputs: ArrayView2<'_, f32>) -> Result<()> {
    if inputs.is_empty() {
        let found = format!("{} x {}", inputs.nrows(), inputs.ncols());
        return Err(Error::argument("inputs", "at least one example with one feature", found));
    }
    if let Some(value) = inputs.iter().find(|value| !value.is_finite()) {
        return Err(Error::argument("inputs", "finite numbers", value));
    }
    Ok(())
}
