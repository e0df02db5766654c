//! Numerical integration: adaptive Simpson, written for functions that are smooth between given
//! points.

use std::f64::consts::TAU;

use crate::estimate::Estimate;

/// Panels of an interval before any is halved, so that nothing narrow is overlooked.
const PANELS: u32 = 16;
/// How often a panel is halved at most: 16 * 2^40 of them would reach the resolution of f64.
const DEPTH: u32 = 40;
/// The error allowed, as a share of the integral of the function's magnitude.
const TOLERANCE: f64 = 1e-12;
/// Beyond twelve standard deviations N(0, 1) holds less than 1e-32.
const TAIL: f64 = 12.0;

/// The integral of `f` from the first of `points` to the last, and a bound of its error; between
/// the points `f` must be smooth.
///
/// Simpson's rule on a panel is compared with that on its halves, a fifteenth of the difference
/// being the error of the finer one (Lyness, *Notes on the adaptive Simpson quadrature routine*,
/// JACM 1969), and the panel halved where that is too large.
pub(crate) fn integrate(points: &[f64], f: impl Fn(f64) -> f64) -> Estimate {
    let mut panels: Vec<Panel> = Vec::new();
    for ends in points.windows(2) {
        let step = (ends[1] - ends[0]) / f64::from(PANELS);
        let panel = |k| {
            let from = ends[0] + step * f64::from(k);
            Panel::new(&f, from, f(from), from + step, f(from + step))
        };
        panels.extend((0..PANELS).map(panel));
    }
    let magnitude: f64 = panels.iter().map(|panel| panel.magnitude).sum();
    let tolerance = TOLERANCE * magnitude / panels.len().max(1) as f64;
    let mut sum = Estimate { value: 0.0, standard_error: f64::EPSILON * magnitude };
    for panel in panels {
        panel.refine(&f, tolerance, DEPTH, &mut sum);
    }
    sum
}

/// E[f(z)] for z from N(0, 1); `f` may have a kink at 0.
pub(crate) fn gaussian_mean(f: impl Fn(f64) -> f64) -> f64 {
    integrate(&[-TAIL, 0.0, TAIL], |z| f(z) * normal_density(z)).value
}

/// The density of N(0, 1).
pub(crate) fn normal_density(z: f64) -> f64 {
    (-0.5 * z * z).exp() / TAU.sqrt()
}

struct Panel {
    from: (f64, f64),
    middle: (f64, f64),
    to: (f64, f64),
    simpson: f64,
    magnitude: f64,
}

impl Panel {
    fn new(f: &impl Fn(f64) -> f64, from: f64, at_from: f64, to: f64, at_to: f64) -> Self {
        let middle = 0.5 * (from + to);
        let at_middle = f(middle);
        let sixth = (to - from) / 6.0;
        Self {
            from: (from, at_from),
            middle: (middle, at_middle),
            to: (to, at_to),
            simpson: sixth * (at_from + 4.0 * at_middle + at_to),
            magnitude: sixth * (at_from.abs() + 4.0 * at_middle.abs() + at_to.abs()),
        }
    }

    fn refine(&self, f: &impl Fn(f64) -> f64, tolerance: f64, depth: u32, sum: &mut Estimate) {
        let left = Self::new(f, self.from.0, self.from.1, self.middle.0, self.middle.1);
        let right = Self::new(f, self.middle.0, self.middle.1, self.to.0, self.to.1);
        let finer = left.simpson + right.simpson;
        let error = (finer - self.simpson) / 15.0;
        // A difference that is not a number is not going to become one by halving.
        if depth > 0 && error.abs() > tolerance {
            left.refine(f, 0.5 * tolerance, depth - 1, sum);
            right.refine(f, 0.5 * tolerance, depth - 1, sum);
        } else {
            sum.value += finer + error;
            sum.standard_error += error.abs();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integrals_with_a_closed_form_come_out_within_their_bound() {
        type Case = (&'static [f64], fn(f64) -> f64, f64);
        let cases: [Case; 4] = [
            (&[0.0, 3.0], |x| x * x * x, 81.0 / 4.0),
            (&[0.0, 1.0], f64::exp, std::f64::consts::E - 1.0),
            (&[-1.0, 0.0, 2.0], f64::abs, 2.5),
            // A peak of width 0.003 in an interval of 20.
            (&[-10.0, 10.0], |x| 1.0 / (1.0 + (1000.0 * x).powi(2)), 0.003_141_392_653_591_793),
        ];
        for (points, f, expected) in cases {
            let found = integrate(points, f);
            let off = (found.value - expected).abs();
            assert!(off < 1e-9 * expected, "{} instead of {expected}", found.value);
            assert!(found.standard_error < 1e-9 * expected);
            assert!(found.standard_error > 0.0);
        }
    }

    #[test]
    fn moments_of_the_normal_distribution_come_out() {
        for (power, expected) in [(0, 1.0), (1, 0.0), (2, 1.0), (4, 3.0), (6, 15.0)] {
            let found = gaussian_mean(|z| z.powi(power));
            assert!((found - expected).abs() < 1e-9, "power {power}: {found}");
        }
        assert!((gaussian_mean(|z| z.max(0.0)) - 1.0 / TAU.sqrt()).abs() < 1e-11);
    }

    #[test]
    fn tiny_values_are_integrated_to_as_many_digits_as_large_ones() {
        let found = gaussian_mean(|z| 1e-60 * z * z);
        assert!((found / 1e-60 - 1.0).abs() < 1e-9);
    }
}
