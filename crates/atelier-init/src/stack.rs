//! A few narrow ReLU layers, thousands of times: what He's rule keeps is kept on average at any
//! width, so that narrow networks show it as well as wide ones. (But for layers that are silent
//! altogether, which pass no gradient. With 16 units that is one layer in 65,536.)

use atelier_core::seed::stream;

use crate::unit::{Inputs, Weights, dot, normal};

/// Layers of a network.
pub(crate) const STACKED: usize = 3;
/// Units of each.
pub(crate) const NARROW: usize = 16;

/// The mean squares of pre-activations of the layer after the last, and of gradients with respect
/// to the network's inputs, for `networks` networks with inputs of mean square 1/2 and gradients of
/// the outputs from N(0, 1).
pub(crate) fn stacked(
    seed: u64,
    purpose: &str,
    networks: usize,
    weights: Weights,
) -> (Vec<f64>, Vec<f64>) {
    (0..networks as u64)
        .map(|network| {
            let mut stream = stream(seed, purpose, network, 0);
            let mut x = vec![0.0; NARROW];
            Inputs::Independent.fill(&mut x, &mut stream);
            let mut layer = || {
                let drawn = weights.initializer().weight(NARROW, NARROW, 1.0, &mut stream);
                drawn.into_iter().map(f64::from).collect::<Vec<f64>>()
            };
            // The weights with the rows of silent units set to 0, which pass no gradient back.
            let mut passing = Vec::with_capacity(STACKED);
            for _ in 0..STACKED {
                let mut w = layer();
                x = w.chunks_exact(NARROW).map(|row| dot(row, &x).max(0.0)).collect();
                for (row, _) in w.chunks_exact_mut(NARROW).zip(&x).filter(|(_, x)| **x <= 0.0) {
                    row.fill(0.0);
                }
                passing.push(w);
            }
            let after = layer();
            let signal = mean_square(after.chunks_exact(NARROW).map(|row| dot(row, &x)));

            let mut gradient: Vec<f64> = (0..NARROW).map(|_| normal(&mut stream)).collect();
            for w in passing.iter().rev() {
                let mut before = vec![0.0; NARROW];
                for (row, g) in w.chunks_exact(NARROW).zip(&gradient) {
                    before.iter_mut().zip(row).for_each(|(before, w)| *before += w * g);
                }
                gradient = before;
            }
            (signal, mean_square(gradient.into_iter()))
        })
        .unzip()
}

fn mean_square(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|value| value * value).sum::<f64>() / NARROW as f64
}
