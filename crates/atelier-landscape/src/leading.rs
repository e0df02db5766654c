//! The two largest eigenvalues of Gram matrices, at the cost of a few products where they are large.
//!
//! A full decomposition of an N x N matrix costs some N^3, and its vectors several times that. Two
//! vectors are wanted, which the Lanczos method finds in some tens of products. What it finds is
//! checked, and where the check fails the full decomposition is done after all.

use linfa_linalg::LinalgError;
use linfa_linalg::eigh::{EigSort as _, EigValsh as _, Eigh as _};
use ndarray::{Array1, Array2, aview1, s};

use crate::lanczos::{Lanczos, ritz};
use crate::vector::{add, norm};
use crate::{Error, Result};

/// Up to so many rows the full decomposition is as fast.
const SMALL: usize = 200;
/// How large the residuals of vectors may be, as shares of the largest eigenvalue. Rounding leaves the
/// full decomposition residuals of this size too.
const RESIDUAL: f64 = 1e-12;
/// The same where values are wanted: a value is off by no more than its residual, and where it lies
/// apart from the others by about the square.
const VALUE_RESIDUAL: f64 = 1e-8;

/// All eigenvalues of a Gram matrix, falling, and the vectors of the first two as rows `(2, N)`.
pub(crate) fn eigenpairs(gram: &Array2<f64>) -> Result<(Array1<f64>, Array2<f64>)> {
    let failed = |error| failed(gram.nrows(), &error);
    if gram.nrows() > SMALL {
        let values = gram.eigvalsh().map_err(failed)?.sort_eig_desc();
        if let Some(vectors) = vectors(gram, &values)? {
            return Ok((values, vectors));
        }
    }
    let (values, vectors) = gram.eigh().map_err(failed)?.sort_eig_desc();
    Ok((values, vectors.slice(s![.., ..2]).t().to_owned()))
}

/// The vectors of the first two of `values`; none where one of them is not exact, or belongs to
/// another value: of equal values, the search may find one alone.
fn vectors(gram: &Array2<f64>, values: &Array1<f64>) -> Result<Option<Array2<f64>>> {
    let multiply = |v: &[f64]| gram.dot(&aview1(v)).to_vec();
    let found = ritz(gram.nrows(), &search(RESIDUAL / 10.0), &mut |v| Ok(multiply(v)))?;
    let mut vectors = Array2::zeros((2, gram.nrows()));
    for (k, vector) in found.vectors.iter().enumerate() {
        let mut rest = multiply(vector);
        add(&mut rest, -values[k], vector);
        if norm(&rest) > RESIDUAL * values[0] {
            return Ok(None);
        }
        vectors.row_mut(k).assign(&aview1(vector));
    }
    Ok(Some(vectors))
}

/// The first two eigenvalues of X X^T as shares of its trace, where the rows of X are `points`.
pub(crate) fn shares(points: &Array2<f64>) -> Result<[f64; 2]> {
    let total = points.iter().map(|value| value * value).sum::<f64>();
    let n = points.nrows();
    if n > SMALL {
        // X (X^T v) without X X^T, and X^T v as a sum of rows, which lie side by side in memory.
        let across = |v: &[f64]| {
            let mut sum = Array1::zeros(points.ncols());
            points.rows().into_iter().zip(v).for_each(|(row, &v)| sum.scaled_add(v, &row));
            sum
        };
        let multiply = &mut |v: &[f64]| Ok(points.dot(&across(v)).to_vec());
        let found = ritz(n, &search(VALUE_RESIDUAL), multiply)?;
        if let ([first, second], true) = (found.vectors.as_slice(), found.converged) {
            return Ok([first, second].map(|v| across(v).mapv(|x| x * x).sum() / total));
        }
    }
    let values = points.dot(&points.t()).eigvalsh().map_err(|error| failed(n, &error))?;
    let values = values.sort_eig_desc();
    Ok([values[0] / total, values[1] / total])
}

fn search(tolerance: f64) -> Lanczos {
    Lanczos { pairs: 2, steps: 300, tolerance, seed: 0 }
}

fn failed(size: usize, error: &LinalgError) -> Error {
    Error::Decomposition { size, reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use atelier_core::seed::stream;
    use rand_distr::{Distribution as _, StandardNormal};

    /// Random points, whose coordinates have these standard deviations.
    fn points(rows: usize, deviations: &[f64]) -> Array2<f64> {
        let mut stream = stream(1, "test", 0, 0);
        Array2::from_shape_fn((rows, deviations.len()), |(_, j)| {
            let normal: f64 = StandardNormal.sample(&mut stream);
            normal * deviations[j]
        })
    }

    /// Those of a random walk: 1/k.
    fn falling(n: usize) -> Vec<f64> {
        (1..=n).map(|k| 1.0 / k as f64).collect()
    }

    fn expect_as_from_the_full_decomposition(gram: &Array2<f64>) {
        let (values, vectors) = eigenpairs(gram).unwrap();
        let (all, full) = gram.eigh().unwrap().sort_eig_desc();
        for (value, expected) in values.iter().zip(&all) {
            assert!((value - expected).abs() < 1e-12 * all[0], "{value} is not {expected}");
        }
        for (k, vector) in vectors.rows().into_iter().enumerate() {
            let cosine = vector.dot(&full.column(k)).abs();
            assert!((cosine - 1.0).abs() < 1e-12, "vector {k}: {cosine}");
        }
        assert!(vectors.row(0).dot(&vectors.row(1)).abs() < 1e-12);
    }

    #[test]
    fn of_large_matrices_values_and_vectors_are_those_of_the_full_decomposition() {
        let points = points(SMALL + 60, &falling(400));
        let gram = points.dot(&points.t());
        let values = gram.eigvalsh().unwrap().sort_eig_desc();
        assert!(vectors(&gram, &values).unwrap().is_some(), "the search does without");
        expect_as_from_the_full_decomposition(&gram);
    }

    #[test]
    fn a_second_value_far_below_the_first_keeps_its_vector() {
        let mut deviations = falling(300);
        deviations[0] = 300.0;
        let points = points(SMALL + 20, &deviations);
        expect_as_from_the_full_decomposition(&points.dot(&points.t()));
    }

    #[test]
    fn equal_values_have_two_vectors_all_the_same() {
        // The search sees the first two as one, takes the third for the second, and is caught.
        let mut gram = Array2::from_diag(&Array1::from(falling(SMALL + 10)));
        gram[(1, 1)] = 1.0;
        let (values, vectors) = eigenpairs(&gram).unwrap();
        assert!((values[1] - 1.0).abs() < 1e-12, "{values}");
        for vector in vectors.rows() {
            assert!((gram.dot(&vector) - vector).mapv(f64::abs).sum() < 1e-10, "{vector}");
        }
        assert!(vectors.row(0).dot(&vectors.row(1)).abs() < 1e-12);
    }

    #[test]
    fn shares_are_those_of_the_full_decomposition() {
        // Fewer coordinates than points, more, and pairs of nearly equal values.
        let pairs: Vec<f64> = falling(600).iter().flat_map(|&d| [d, 0.99 * d]).collect();
        for deviations in [falling(100), falling(500), pairs] {
            let points = points(SMALL + 100, &deviations);
            let gram = points.dot(&points.t());
            let values = gram.eigvalsh().unwrap().sort_eig_desc();
            for (k, share) in shares(&points).unwrap().into_iter().enumerate() {
                let expected = values[k] / gram.diag().sum();
                assert!((share - expected).abs() < 1e-9, "{k}: {share} is not {expected}");
            }
        }
    }
}
