//! The largest eigenvalues of a Hessian by the Lanczos method.
//!
//! From a random unit vector, each step multiplies the newest basis vector by H and makes the
//! product perpendicular to all before it (twice, in f64: the products carry f32 noise, and with less
//! the same eigenvalue would be found again and again). In this basis H is tridiagonal; its
//! eigenvalues approach those of H, the outermost first. Memory: 8 bytes times parameters times
//! steps.
//!
//! # References
//! Lanczos, *An iteration method for the solution of the eigenvalue problem*, J. Res. Nat. Bur.
//! Standards 45, 1950; Parlett, *The symmetric eigenvalue problem*, SIAM 1998 (residual bounds).

use atelier_core::seed::stream;
use linfa_linalg::eigh::Eigh;
use ndarray::Array2;
use rand_distr::{Distribution, StandardNormal};

use crate::vector::{add, dot, norm, scale_by};
use crate::watch::report;
use crate::{Error, Hessian, Method, Result, Watch};

/// How [`Hessian::eigenpairs`] looks for eigenvalues.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lanczos {
    /// How many eigenvalues to find, from the largest down.
    pub pairs: usize,
    /// At most how many products with the Hessian to build the basis from.
    pub steps: usize,
    /// How large a residual may be, as a share of the eigenvalue largest in magnitude, for the
    /// search to end before all steps are taken.
    pub tolerance: f64,
    /// Where the first vector is drawn from.
    pub seed: u64,
}

impl Default for Lanczos {
    /// The five largest, to a residual of a thousandth, within 100 steps.
    fn default() -> Self {
        Self { pairs: 5, steps: 100, tolerance: 1e-3, seed: 0 }
    }
}

/// An eigenvalue of the Hessian with its direction.
#[derive(Debug, Clone, PartialEq)]
pub struct Eigenpair {
    /// The curvature along `vector`: v^T H v, in loss per squared distance in parameter space.
    pub value: f64,
    /// Unit vector, `(parameters,)`; the component largest in magnitude is positive.
    pub vector: Vec<f64>,
    /// |H v - value v|, from a product of its own: the Hessian has an eigenvalue within this
    /// distance of `value` (as far as its products are exact).
    pub residual: f64,
    /// How far `value` may be off because derivatives are differences: what changes with twice the
    /// step; 0 where they are exact.
    pub difference_error: f64,
}

/// The upper end of the spectrum of a Hessian.
#[derive(Debug, Clone, PartialEq)]
pub struct Eigenpairs {
    /// From the largest eigenvalue down.
    pub pairs: Vec<Eigenpair>,
    /// How many steps the basis took.
    pub steps: usize,
    /// Whether all residuals came below the tolerance.
    pub converged: bool,
}

impl Hessian<'_> {
    /// The largest eigenvalues (by value, not by magnitude) and their directions.
    ///
    /// An eigenvalue that occurs several times may be found fewer times. `watch` is told after every
    /// product with the Hessian: one for each step, and one for each eigenvalue at the end (two, where
    /// products are differences).
    ///
    /// # Errors
    /// [`Error::Setting`] if no eigenvalue is asked for, or more than there are parameters or steps,
    /// or the tolerance is not positive; [`Error::Stopped`] if `watch` says so; as
    /// [`Hessian::product`].
    pub fn eigenpairs(&self, lanczos: &Lanczos, watch: &mut Watch) -> Result<Eigenpairs> {
        let for_each = if self.method() == Method::Exact { 1 } else { 2 };
        let of = lanczos.steps.min(self.dimension()) + for_each * lanczos.pairs;
        let mut done = 0;
        let mut told = |result: Result<Vec<f64>>| {
            let result = result?;
            done += 1;
            report(watch, done, of).map(|()| result)
        };
        let Ritz { vectors, steps, converged } =
            ritz(self.dimension(), lanczos, &mut |v| told(self.product(v)))?;
        let mut pairs = Vec::with_capacity(vectors.len());
        for vector in vectors {
            let mut rest = told(self.product(&vector))?;
            let value = dot(&vector, &rest);
            add(&mut rest, -value, &vector);
            let difference_error = match self.wider_product(&vector)? {
                Some(wider) => (dot(&vector, &told(Ok(wider))?) - value).abs(),
                None => 0.0,
            };
            pairs.push(Eigenpair { value, residual: norm(&rest), vector, difference_error });
        }
        pairs.sort_by(|a, b| b.value.total_cmp(&a.value));
        Ok(Eigenpairs { pairs, steps, converged })
    }
}

/// Approximate eigenvectors, those of the largest values first.
pub(crate) struct Ritz {
    pub(crate) vectors: Vec<Vec<f64>>,
    steps: usize,
    pub(crate) converged: bool,
}

/// The search over whatever multiplies by a symmetric matrix.
pub(crate) fn ritz(
    dimension: usize,
    lanczos: &Lanczos,
    multiply: &mut dyn FnMut(&[f64]) -> Result<Vec<f64>>,
) -> Result<Ritz> {
    let &Lanczos { pairs, steps, tolerance, seed } = lanczos;
    let steps = steps.min(dimension);
    if !(1..=steps).contains(&pairs) {
        let expected = format!("from 1 to {steps}, the number of steps or of parameters");
        return Err(Error::setting("the number of eigenvalues", expected, pairs));
    }
    if !(tolerance > 0.0 && tolerance.is_finite()) {
        return Err(Error::setting("the tolerance", "a positive number", tolerance));
    }
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(steps);
    let (mut diagonal, mut beside) = (Vec::with_capacity(steps), Vec::with_capacity(steps));
    basis.push(fresh(seed, &basis, dimension));
    loop {
        let mut next = multiply(&basis[diagonal.len()])?;
        diagonal.push(dot(&next, &basis[diagonal.len()]));
        remove(&mut next, &basis);
        let length = norm(&next);
        let done = diagonal.len();
        let last = done == steps;
        // The small problem costs as much as a product when it is no longer small.
        if last || (done >= pairs && done % 5 == 0) {
            let (values, vectors) = tridiagonal(&diagonal, &beside)?;
            let scale = values.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
            let mut order: Vec<usize> = (0..done).collect();
            order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
            order.truncate(pairs);
            let worst =
                order.iter().map(|&i| length * vectors[(done - 1, i)].abs()).fold(0.0, f64::max);
            // Where the space is exhausted, `length` is rounding.
            let converged = worst <= tolerance * scale || done == dimension;
            if last || converged {
                let combine = |&i: &usize| combined(&basis, vectors.column(i).iter().copied());
                let vectors = order.iter().map(combine).collect();
                return Ok(Ritz { vectors, steps: done, converged });
            }
        }
        let scale = diagonal.iter().chain(&beside).fold(0.0_f64, |m, v| m.max(v.abs()));
        if length > 1e-12 * scale {
            scale_by(&mut next, length.recip());
            beside.push(length);
            basis.push(next);
        } else {
            // What the first vector can reach is used up; go on in what is perpendicular to it.
            beside.push(0.0);
            basis.push(fresh(seed, &basis, dimension));
        }
    }
}

/// A random unit vector perpendicular to `basis`.
fn fresh(seed: u64, basis: &[Vec<f64>], dimension: usize) -> Vec<f64> {
    let mut stream = stream(seed, "lanczos", 0, basis.len() as u64);
    let mut vector: Vec<f64> = (0..dimension).map(|_| StandardNormal.sample(&mut stream)).collect();
    remove(&mut vector, basis);
    let length = norm(&vector);
    scale_by(&mut vector, length.recip());
    vector
}

/// Makes `vector` perpendicular to the orthonormal `basis`; twice, because once leaves a rest.
fn remove(vector: &mut [f64], basis: &[Vec<f64>]) {
    for _ in 0..2 {
        for q in basis {
            let along = dot(q, vector);
            add(vector, -along, q);
        }
    }
}

/// The combination of `basis` with the given factors, of length 1 and with a fixed sign.
fn combined(basis: &[Vec<f64>], factors: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut sum = vec![0.0; basis[0].len()];
    for (q, factor) in basis.iter().zip(factors) {
        add(&mut sum, factor, q);
    }
    let largest = sum.iter().fold(0.0_f64, |m, &x| if x.abs() > m.abs() { x } else { m });
    let factor = norm(&sum).recip().copysign(largest);
    scale_by(&mut sum, factor);
    sum
}

/// Eigenvalues and eigenvectors (columns) of the symmetric tridiagonal matrix.
fn tridiagonal(diagonal: &[f64], beside: &[f64]) -> Result<(Vec<f64>, Array2<f64>)> {
    let n = diagonal.len();
    let mut matrix = Array2::zeros((n, n));
    for (i, &a) in diagonal.iter().enumerate() {
        matrix[(i, i)] = a;
    }
    for (i, &b) in beside.iter().take(n - 1).enumerate() {
        matrix[(i, i + 1)] = b;
        matrix[(i + 1, i)] = b;
    }
    let failed =
        |e: linfa_linalg::LinalgError| Error::Decomposition { size: n, reason: e.to_string() };
    let (values, vectors) = matrix.eigh().map_err(failed)?;
    Ok((values.to_vec(), vectors))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagonal(values: &[f64]) -> impl FnMut(&[f64]) -> Result<Vec<f64>> {
        move |v| Ok(v.iter().zip(values).map(|(v, d)| v * d).collect())
    }

    #[test]
    fn with_exact_products_the_eigenvectors_are_exact() {
        let values: Vec<f64> = (0..200).map(|i| f64::from(i % 40) + f64::from(i) / 200.0).collect();
        let lanczos = Lanczos { pairs: 3, steps: 200, tolerance: 1e-10, seed: 1 };
        let found = ritz(values.len(), &lanczos, &mut diagonal(&values)).unwrap();
        assert!(found.converged && found.steps < 200, "{} steps", found.steps);
        // The three largest stand at 199, 159 and 119.
        for (vector, place) in found.vectors.iter().zip([199, 159, 119]) {
            assert!((vector[place] - 1.0).abs() < 1e-8, "{}", vector[place]);
        }
    }

    #[test]
    fn where_every_direction_is_an_eigenvector_the_basis_is_carried_on() {
        for value in [0.0, 3.0] {
            let lanczos = Lanczos { pairs: 3, steps: 6, ..Lanczos::default() };
            let found = ritz(6, &lanczos, &mut diagonal(&[value; 6])).unwrap();
            for (i, a) in found.vectors.iter().enumerate() {
                for (j, b) in found.vectors.iter().enumerate() {
                    let expected = f64::from(u8::from(i == j));
                    assert!((dot(a, b) - expected).abs() < 1e-12, "{value}: {i}, {j}");
                }
            }
        }
    }

    #[test]
    fn a_search_that_ends_too_early_says_so() {
        let values: Vec<f64> = (0..500).map(f64::from).collect();
        let lanczos = Lanczos { pairs: 5, steps: 8, ..Lanczos::default() };
        let found = ritz(values.len(), &lanczos, &mut diagonal(&values)).unwrap();
        assert!(!found.converged);
        assert_eq!((found.steps, found.vectors.len()), (8, 5));
    }
}
