//! Reordering the hidden units of one solution so that it comes close to another.
//!
//! Hidden units have no order: a network with its units permuted is the same function at another
//! point, and two trainings from different starts name theirs differently. Weight matching looks for
//! the permutations that bring the points closest: with those of all other layers held, the best
//! one of a layer is a linear assignment, which the Hungarian method solves exactly; layers take
//! turns in random order until none changes. That is a local optimum: finding the best for all layers
//! at once is NP-hard.
//!
//! # References
//! Ainsworth et al., *Git Re-Basin: merging models modulo permutation symmetries*, ICLR 2023
//! (algorithm 1); Kuhn, *The Hungarian method for the assignment problem*, 1955.

use atelier_core::seed::{permutation, stream};
use atelier_core::{HiddenUnits, Objective, Parameter};
use ndarray::Array2;
use pathfinding::prelude::{Matrix, kuhn_munkres};

use crate::kept::check_point;
use crate::watch::report;
use crate::{Error, Result, Watch};

/// More rounds over the layers than this are not made; ten are many.
const ROUNDS: usize = 1000;

/// A point with its hidden units reordered.
#[derive(Debug, Clone, PartialEq)]
pub struct Matching {
    /// The reordered point, as [`atelier_core::flatten`] gives points; the same function.
    pub point: Vec<f32>,
    /// For each layer of [`Objective::hidden_units`]: the unit that now stands at each position.
    pub permutations: Vec<Vec<usize>>,
    /// How many rounds over the layers it took; the last one changed nothing.
    pub rounds: usize,
}

/// Reorders the hidden units of `moved` so that it comes as close to `fixed` as weight matching
/// finds.
///
/// `objective` tells the shapes; its values are not looked at. `watch` is told after every layer. A
/// layer of n units takes time in n^3 at worst, and memory for n^2 numbers.
///
/// Buffers such as running statistics keep their order: recompute them.
///
/// # Errors
/// [`Error::Setting`] if the objective names no hidden units or its names fit no parameter, or if a
/// point has another number of parameters or is not finite; [`Error::Stopped`] if `watch` says so.
pub fn match_units(
    objective: &dyn Objective,
    fixed: &[f32],
    moved: &[f32],
    seed: u64,
    watch: &mut Watch,
) -> Result<Matching> {
    check_point(objective, "the point to match", fixed)?;
    check_point(objective, "the point to reorder", moved)?;
    let layers = layers(objective)?;
    let mut point = moved.to_vec();
    let mut permutations: Vec<Vec<usize>> =
        layers.iter().map(|layer| (0..layer.units).collect()).collect();
    let (mut rounds, mut changed) = (0, true);
    #[expect(clippy::cast_possible_truncation, reason = "a network has fewer layers than 2^32")]
    let n_layers = layers.len() as u32;
    while changed && rounds < ROUNDS {
        changed = false;
        let order = permutation(&mut stream(seed, "matching", rounds as u64, 0), n_layers);
        for (turn, k) in order.into_iter().map(|k| k as usize).enumerate() {
            let layer = &layers[k];
            if let Some(order) = assignment(&layer.similarity(fixed, &point)) {
                layer.reorder(&mut point, &order);
                permutations[k] = order.iter().map(|&unit| permutations[k][unit]).collect();
                changed = true;
            }
            report(watch, rounds * layers.len() + turn + 1, ROUNDS * layers.len())?;
        }
        rounds += 1;
    }
    Ok(Matching { point, permutations, rounds })
}

/// One layer's units in a flat point.
struct Layer {
    units: usize,
    axes: Vec<Axis>,
}

/// One axis of one parameter, row-major: `outer` blocks of `units` times `inner` numbers.
struct Axis {
    start: usize,
    outer: usize,
    inner: usize,
}

impl Layer {
    /// Unit i of `fixed` times unit j of `point`, summed over all their weights.
    fn similarity(&self, fixed: &[f32], point: &[f32]) -> Array2<f64> {
        let mut sum = Array2::zeros((self.units, self.units));
        for axis in &self.axes {
            sum += &axis.units(self.units, fixed).dot(&axis.units(self.units, point).t());
        }
        sum
    }

    /// Puts unit `order[i]` at position i.
    fn reorder(&self, point: &mut [f32], order: &[usize]) {
        for axis in &self.axes {
            let block = self.units * axis.inner;
            for outer in 0..axis.outer {
                let start = axis.start + outer * block;
                let block = &mut point[start..start + block];
                let before = block.to_vec();
                for (to, &from) in block.chunks_exact_mut(axis.inner).zip(order) {
                    to.copy_from_slice(&before[from * axis.inner..(from + 1) * axis.inner]);
                }
            }
        }
    }
}

impl Axis {
    /// One row for each unit: its numbers, `(units, outer * inner)`.
    fn units(&self, units: usize, point: &[f32]) -> Array2<f64> {
        Array2::from_shape_fn((units, self.outer * self.inner), |(unit, k)| {
            let (outer, inner) = (k / self.inner, k % self.inner);
            f64::from(point[self.start + (outer * units + unit) * self.inner + inner])
        })
    }
}

/// The layers that the objective names, as places in a flat point.
fn layers(objective: &dyn Objective) -> Result<Vec<Layer>> {
    let parameters = objective.parameters();
    let starts: Vec<usize> = parameters
        .iter()
        .scan(0, |next, p| {
            let start = *next;
            *next += p.len();
            Some(start)
        })
        .collect();
    let named = objective.hidden_units();
    if named.is_empty() {
        let expected = "an objective that names hidden units that can be reordered";
        return Err(Error::setting("hidden units", expected, "none"));
    }
    let layer = |HiddenUnits { units, axes }: HiddenUnits| {
        let mut places = Vec::with_capacity(axes.len());
        for (i, &(p, axis)) in axes.iter().enumerate() {
            let shape = parameters.get(p).map(Parameter::shape).unwrap_or_default();
            if units == 0 || shape.get(axis) != Some(&units) {
                let expected = format!("{units} units along axis {axis} of parameter {p}");
                return Err(Error::setting("hidden units", expected, format!("{shape:?}")));
            }
            // The similarity would then depend on the permutation that is looked for.
            if axes[..i].iter().any(|&(other, _)| other == p) {
                let expected = "one axis of a parameter in a layer";
                return Err(Error::setting("hidden units", expected, format!("two of {p}")));
            }
            let (outer, inner) =
                (shape[..axis].iter().product(), shape[axis + 1..].iter().product());
            places.push(Axis { start: starts[p], outer, inner });
        }
        Ok(Layer { units, axes: places })
    };
    named.into_iter().map(layer).collect()
}

/// The assignment of columns to rows with the largest sum, where that is better than leaving them
/// as they are.
fn assignment(similarity: &Array2<f64>) -> Option<Vec<usize>> {
    let largest = similarity.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    if largest <= 0.0 {
        return None;
    }
    // The solver wants whole numbers: 40 bits are finer than f32 weights, and leave 23 for sums.
    let scale = f64::from(2.0_f32.powi(40)) / largest;
    let n = similarity.nrows();
    #[expect(clippy::cast_possible_truncation, reason = "at most 2^40")]
    let weights = Matrix::from_fn(n, n, |place| (similarity[place] * scale).round() as i64);
    let (_, order) = kuhn_munkres(&weights);
    let gain: f64 =
        order.iter().enumerate().map(|(i, &j)| similarity[(i, j)] - similarity[(i, i)]).sum();
    // Less is rounding, and could go back and forth.
    (gain > 1e-9 * largest).then_some(order)
}
