//! One network, drawn, and a signal through it and back.

use atelier_core::seed::stream;
use ndarray::{Array1, Array2, Axis, Zip};

use crate::activation::{slope, value};
use crate::network::{EPSILON, Network};
use crate::unit::normal;
use crate::{Error, Histogram, Result};

/// Mean squares of a layer in one network, and its share of dead units.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Signal {
    pub pre_activation: f64,
    pub activation: f64,
    pub gradient: f64,
    pub dead_units: f64,
}

/// What one network does to signals.
#[derive(Debug)]
pub(crate) struct Pass {
    pub layers: Vec<Signal>,
    pub histograms: Vec<Histogram>,
}

/// What the way back needs of a layer.
struct Trace {
    /// (units, inputs).
    weight: Array2<f64>,
    /// What the activation was applied to, (examples, units).
    entering: Array2<f64>,
    /// With batch norm, one over the deviation of each unit.
    norm: Option<Array1<f64>>,
}

/// Sends `inputs` through network number `draw` and gradients from N(0, 1) back.
pub(crate) fn pass(
    network: &Network,
    inputs: &Array2<f64>,
    histograms: &[usize],
    seed: u64,
    draw: usize,
) -> Result<Pass> {
    let mut signals = vec![Signal::default(); network.layers];
    let mut traces = Vec::with_capacity(network.layers);
    let mut drawn = Vec::with_capacity(histograms.len());
    let mut x = inputs.clone();
    for (at, signal) in signals.iter_mut().enumerate() {
        let (weight, bias) = draw_layer(network, at, inputs.ncols(), seed, draw);
        let mut entering = x.dot(&weight.t());
        entering += &bias;
        signal.pre_activation = mean_square(&entering);
        finite(signal.pre_activation, "pre-activation", at, draw)?;
        let norm = network.batch_norm.then(|| normalise(&mut entering));
        x = entering.mapv(|z| value(network.activation, z));
        signal.activation = mean_square(&x);
        if draw == 0 && histograms.contains(&(at + 1)) {
            drawn.push(Histogram::of(at + 1, x.iter().copied()));
        }
        traces.push(Trace { weight, entering, norm });
    }

    let mut stream = stream(seed, "propagation gradient", draw as u64, 0);
    let mut gradient = Array2::from_shape_simple_fn(x.dim(), || normal(&mut stream));
    for (at, Trace { weight, entering, norm }) in traces.into_iter().enumerate().rev() {
        let slopes = entering.mapv(|z| slope(network.activation, z));
        let dead = slopes.columns().into_iter().filter(|unit| unit.iter().all(|s| *s == 0.0));
        signals[at].dead_units = dead.count() as f64 / network.width as f64;
        gradient *= &slopes;
        if let Some(norm) = norm {
            before_normalising(&mut gradient, &entering, &norm);
        }
        signals[at].gradient = mean_square(&gradient);
        finite(signals[at].gradient, "gradient", at, draw)?;
        gradient = gradient.dot(&weight);
    }
    Ok(Pass { layers: signals, histograms: drawn })
}

/// The weight, (units, inputs), and the bias, (units,).
fn draw_layer(
    network: &Network,
    layer: usize,
    features: usize,
    seed: u64,
    draw: usize,
) -> (Array2<f64>, Array1<f64>) {
    let (n, m) = (network.inputs(layer, features), network.width);
    let mut stream = stream(seed, "propagation weights", draw as u64, layer as u64);
    let weight = network.initializer.weight(n, m, network.scale, &mut stream);
    let bias = network.initializer.bias(n, m, network.scale, &mut stream);
    let weight = Array2::from_shape_fn((m, n), |(unit, input)| f64::from(weight[unit * n + input]));
    (weight, bias.into_iter().map(f64::from).collect())
}

/// Gives every unit mean 0 and variance 1 over the examples; returns one over its deviation.
fn normalise(z: &mut Array2<f64>) -> Array1<f64> {
    let examples = z.nrows() as f64;
    *z -= &(z.sum_axis(Axis(0)) / examples);
    let variance = z.mapv(|z| z * z).sum_axis(Axis(0)) / examples;
    let norm = variance.mapv(|variance| (variance + EPSILON).sqrt().recip());
    *z *= &norm;
    norm
}

/// The gradient with respect to what was normalised, from that with respect to the result y:
/// `(g - mean(g) - y mean(g y)) / deviation`.
fn before_normalising(gradient: &mut Array2<f64>, normalised: &Array2<f64>, norm: &Array1<f64>) {
    let examples = gradient.nrows() as f64;
    let mean = gradient.sum_axis(Axis(0)) / examples;
    let along = (&*gradient * normalised).sum_axis(Axis(0)) / examples;
    for (mut gradient, normalised) in gradient.rows_mut().into_iter().zip(normalised.rows()) {
        Zip::from(&mut gradient)
            .and(&normalised)
            .and(&mean)
            .and(&along)
            .and(norm)
            .for_each(|g, y, mean, along, norm| *g = (*g - mean - y * along) * norm);
    }
}

fn mean_square(values: &Array2<f64>) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>() / values.len() as f64
}

fn finite(value: f64, signal: &'static str, at: usize, draw: usize) -> Result<()> {
    if value.is_finite() { Ok(()) } else { Err(Error::NonFinite { signal, layer: at + 1, draw }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(rows: usize, columns: usize, index: u64) -> Array2<f64> {
        let mut stream = stream(4, "pass test", 0, index);
        Array2::from_shape_simple_fn((rows, columns), || 2.0 * normal(&mut stream) + 0.5)
    }

    #[test]
    fn normalised_units_have_mean_zero_and_variance_one() {
        let mut z = noise(50, 4, 0);
        let deviation = z.std_axis(Axis(0), 0.0);
        let norm = normalise(&mut z);
        assert!((deviation * norm).iter().all(|one| (one - 1.0).abs() < 1e-4));
        assert!(z.mean_axis(Axis(0)).is_some_and(|mean| mean.iter().all(|m| m.abs() < 1e-12)));
        assert!(z.var_axis(Axis(0), 0.0).iter().all(|v| (v - 1.0).abs() < 1e-4));
    }

    #[test]
    fn the_gradient_before_normalising_is_that_of_finite_differences() {
        let (z, weights) = (noise(7, 3, 1), noise(7, 3, 2));
        let loss = |z: &Array2<f64>| {
            let mut normalised = z.clone();
            normalise(&mut normalised);
            (&normalised * &weights).sum()
        };
        let mut normalised = z.clone();
        let norm = normalise(&mut normalised);
        let mut gradient = weights.clone();
        before_normalising(&mut gradient, &normalised, &norm);
        for (place, found) in gradient.indexed_iter() {
            let (mut up, mut down) = (z.clone(), z.clone());
            up[place] += 1e-5;
            down[place] -= 1e-5;
            let expected = (loss(&up) - loss(&down)) / 2e-5;
            assert!((found - expected).abs() < 1e-7, "{place:?}: {found} instead of {expected}");
        }
    }
}
