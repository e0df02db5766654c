//! The best linear autoencoder: the mean and the directions of largest variance.
//!
//! x is reconstructed as m + V V^T (x - m); m is the mean of the examples, the columns of V are the
//! leading eigenvectors of their covariance. No affine encoder and decoder with a code of that size
//! have a lower mean squared error on these examples (Eckart and Young), which is what makes it the
//! one to compare an autoencoder with.
//!
//! The covariance is summed up in f64, batch after batch, so the examples are never held in f64 at
//! once, and its decomposition is exact: an iterative solver saves nothing at a few hundred features.
//! Of fewer examples than features the products of examples with each other say the same in fewer numbers
//! ([`Pca::of_few`]).
//!
//! # References
//! Eckart and Young, *The approximation of one matrix by another of lower rank*, Psychometrika 1936.

use candle_core::{Device, Tensor};
use linfa_linalg::eigh::{EigSort as _, Eigh as _};
use ndarray::{Array1, Array2, ArrayView2, Axis, s};

use crate::{Error, Result};

/// Sums up the mean and the covariance of examples.
#[derive(Debug, Clone)]
pub struct Moments {
    count: usize,
    sum: Array1<f64>,
    /// Sums of the products of two features each.
    products: Array2<f64>,
}

impl Moments {
    /// Of no example yet.
    #[must_use]
    pub fn new(features: usize) -> Self {
        let products = Array2::zeros((features, features));
        Self { count: 0, sum: Array1::zeros(features), products }
    }

    /// Adds examples `(batch, features)`.
    ///
    /// # Errors
    /// [`Error::Data`] if they have another number of features.
    pub fn add(&mut self, examples: ArrayView2<'_, f32>) -> Result<()> {
        let x = wide(examples, self.sum.len())?;
        self.count += x.nrows();
        self.sum += &x.sum_axis(Axis(0));
        // candle's product of two matrices is several times as fast as ndarray's.
        let x = Tensor::from_iter(x, &Device::Cpu)?.reshape(examples.dim())?;
        let products = x.t()?.matmul(&x)?.flatten_all()?.to_vec1::<f64>()?;
        for (sum, product) in self.products.iter_mut().zip(products) {
            *sum += product;
        }
        Ok(())
    }

    /// The leading `components` principal components, largest variance first; each has its
    /// largest entry (by magnitude) positive.
    ///
    /// # Errors
    /// [`Error::Setting`] if there are not so many features; [`Error::Data`] if there is no example or
    /// one of them was not finite; [`Error::Decomposition`] if the solver fails.
    pub fn principal_components(&self, components: usize) -> Result<Pca> {
        let features = self.sum.len();
        expect_components(components, features)?;
        if self.count == 0 {
            return Err(no_examples());
        }
        let count = self.count as f64;
        let mean = &self.sum / count;
        let mut covariance = &self.products / count;
        for (mut row, &m) in covariance.rows_mut().into_iter().zip(&mean) {
            row.scaled_add(-m, &mean);
        }
        if covariance.iter().any(|value| !value.is_finite()) {
            return Err(not_finite());
        }
        let total_variance = covariance.diag().sum();
        let decomposed = covariance
            .eigh()
            .map_err(|error| Error::Decomposition { size: features, reason: error.to_string() })?;
        let (values, vectors) = decomposed.sort_eig_desc();
        let mut directions = vectors.slice(s![.., ..components]).t().to_owned();
        turn(&mut directions);
        let variances = values.slice(s![..components]).mapv(|variance| variance.max(0.0));
        Ok(Pca { mean, directions, variances, total_variance })
    }
}

/// A mean and principal components.
#[derive(Debug, Clone, PartialEq)]
pub struct Pca {
    /// `(features)`.
    pub mean: Array1<f64>,
    /// `(components, features)`: orthonormal rows, largest variance first.
    pub directions: Array2<f64>,
    /// `(components)`: the variance of the examples along each, divided by their number.
    pub variances: Array1<f64>,
    /// The variance of the examples in all directions together.
    pub total_variance: f64,
}

/// Features that are made f64 at a time.
const BLOCK: usize = 256;
/// Directions with less than this share of the largest variance are rounding.
const NOTHING: f64 = 1e-9;

impl Pca {
    /// The leading principal components of `examples` `(n, features)` as [`Moments`] finds them, from the n x n
    /// products of the examples with each other. Along no more than n - 1 directions do examples vary:
    /// there may be fewer components than asked for, but at least one.
    ///
    /// With the centred examples as the rows of X, X X^T u = l u gives the direction X^T u of the variance l / n.
    ///
    /// # Errors
    /// As [`Moments::principal_components`].
    pub fn of_few(examples: ArrayView2<'_, f32>, components: usize) -> Result<Self> {
        let (count, features) = examples.dim();
        expect_components(components, features)?;
        if count == 0 {
            return Err(no_examples());
        }
        let blocks = || (0..features).step_by(BLOCK).map(|from| from..features.min(from + BLOCK));
        let mut mean = Array1::zeros(features);
        let mut gram = Array2::<f64>::zeros((count, count));
        for block in blocks() {
            let x = examples.slice(s![.., block.clone()]).mapv(f64::from);
            let own = x.sum_axis(Axis(0)) / count as f64;
            let x = x - &own;
            mean.slice_mut(s![block]).assign(&own);
            let x = Tensor::from_iter(x.iter().copied(), &Device::Cpu)?.reshape(x.dim())?;
            let products = x.matmul(&x.t()?)?.flatten_all()?.to_vec1::<f64>()?;
            gram.iter_mut().zip(products).for_each(|(sum, product)| *sum += product);
        }
        gram /= count as f64;
        if gram.iter().any(|value| !value.is_finite()) {
            return Err(not_finite());
        }
        let total_variance = gram.diag().sum();
        let (values, vectors) = gram
            .eigh()
            .map_err(|error| Error::Decomposition { size: count, reason: error.to_string() })?
            .sort_eig_desc();
        let varying = values.iter().filter(|value| **value > NOTHING * values[0].max(0.0)).count();
        let kept = components.min(varying.max(1));
        let mut directions = Array2::zeros((kept, features));
        if varying == 0 {
            // Examples without variance: one direction is as good as another.
            directions[[0, 0]] = 1.0;
        } else {
            let leading = vectors.slice(s![.., ..kept]);
            for block in blocks() {
                let x = examples.slice(s![.., block.clone()]).mapv(f64::from);
                let x = x - mean.slice(s![block.clone()]);
                directions.slice_mut(s![.., block]).assign(&leading.t().dot(&x));
            }
            for mut direction in directions.rows_mut() {
                let norm = direction.dot(&direction).sqrt();
                direction /= norm;
            }
        }
        turn(&mut directions);
        let variances = values.slice(s![..kept]).mapv(|variance| variance.max(0.0));
        Ok(Self { mean, directions, variances, total_variance })
    }

    /// The coordinates of examples along the components.
    ///
    /// # Shapes
    /// (batch, features) to (batch, components).
    ///
    /// # Errors
    /// [`Error::Data`] if they have another number of features.
    pub fn project(&self, examples: ArrayView2<'_, f32>) -> Result<Array2<f64>> {
        let x = wide(examples, self.mean.len())?;
        Ok((x - &self.mean).dot(&self.directions.t()))
    }

    /// The examples that belong to coordinates.
    ///
    /// # Errors
    /// [`Error::Data`] if there is not one coordinate for each component.
    pub fn restore(&self, coordinates: &Array2<f64>) -> Result<Array2<f64>> {
        expect_columns(coordinates.ncols(), self.directions.nrows())?;
        Ok(coordinates.dot(&self.directions) + &self.mean)
    }

    /// The sum of squared differences between examples and their reconstructions; divided by the
    /// number of values it is the mean squared error.
    ///
    /// # Errors
    /// [`Error::Data`] if they have another number of features.
    pub fn squared_error(&self, examples: ArrayView2<'_, f32>) -> Result<f64> {
        let restored = self.restore(&self.project(examples)?)?;
        let difference = examples.iter().zip(&restored).map(|(&x, y)| (f64::from(x) - y).powi(2));
        Ok(difference.sum())
    }
}

/// Makes the largest entry (by magnitude) of each direction positive.
fn turn(directions: &mut Array2<f64>) {
    for mut direction in directions.rows_mut() {
        let largest = direction.iter().fold(0.0_f64, |a, &b| if b.abs() > a.abs() { b } else { a });
        direction *= largest.signum();
    }
}

fn expect_components(components: usize, features: usize) -> Result<()> {
    if (1..=features).contains(&components) {
        return Ok(());
    }
    let expected = format!("from 1 to {features}, the number of features");
    let key = "number of principal components";
    Err(Error::Setting { key, expected, found: components.to_string() })
}

fn no_examples() -> Error {
    let (expected, found) = ("at least one".to_string(), "none".to_string());
    Error::Data { what: "examples of the components", expected, found }
}

fn not_finite() -> Error {
    let (expected, found) = ("finite numbers".to_string(), "others".to_string());
    Error::Data { what: "examples of the components", expected, found }
}

fn wide(examples: ArrayView2<'_, f32>, features: usize) -> Result<Array2<f64>> {
    expect_columns(examples.ncols(), features)?;
    Ok(examples.mapv(f64::from))
}

fn expect_columns(found: usize, expected: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    let (expected, found) = (expected.to_string(), found.to_string());
    Err(Error::Data { what: "numbers in an example", expected, found })
}
