//! The Hessian of a small dense classifier, from its loss alone.

use ndarray::Array2;

use super::network::Examples;

/// Mean cross-entropy of the network at `point`, in f64 and by plain loops.
fn loss(sizes: &[usize], activation: fn(f64) -> f64, examples: &Examples, point: &[f64]) -> f64 {
    let mut sum = 0.0;
    for (x, &class) in examples.inputs.iter().zip(&examples.classes) {
        let mut x: Vec<f64> = x.iter().map(|&v| f64::from(v)).collect();
        let mut rest = point;
        for (layer, pair) in sizes.windows(2).enumerate() {
            let (weight, others) = rest.split_at(pair[0] * pair[1]);
            let (bias, others) = others.split_at(pair[1]);
            rest = others;
            let unit = |(w, b): (&[f64], &f64)| {
                let z = b + w.iter().zip(&x).map(|(w, x)| w * x).sum::<f64>();
                if layer + 2 == sizes.len() { z } else { activation(z) }
            };
            x = weight.chunks_exact(pair[0]).zip(bias).map(unit).collect();
        }
        sum += x.iter().map(|z| z.exp()).sum::<f64>().ln() - x[class as usize];
    }
    sum / examples.inputs.len() as f64
}

/// The full Hessian in f64, by second differences of the loss.
pub fn full_hessian(
    sizes: &[usize],
    activation: fn(f64) -> f64,
    examples: &Examples,
    point: &[f32],
) -> Array2<f64> {
    // Short, so that no kink lies within it.
    let h = 1e-4;
    let n = point.len();
    let mut w: Vec<f64> = point.iter().map(|&x| f64::from(x)).collect();
    let mut at = |moves: [(usize, f64); 2]| {
        for (i, by) in moves {
            w[i] += by;
        }
        let value = loss(sizes, activation, examples, &w);
        for (i, by) in moves {
            w[i] -= by;
        }
        value
    };
    let mut hessian = Array2::zeros((n, n));
    for i in 0..n {
        for j in 0..=i {
            let sum = at([(i, h), (j, h)]) - at([(i, h), (j, -h)]) - at([(i, -h), (j, h)])
                + at([(i, -h), (j, -h)]);
            hessian[(i, j)] = sum / (4.0 * h * h);
            hessian[(j, i)] = hessian[(i, j)];
        }
    }
    hessian
}
