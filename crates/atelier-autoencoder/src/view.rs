//! Codes in the plane of their two directions of largest variance, to be looked at.
//!
//! A direction or two of many are what an iterative solver is for: linfa's (LOBPCG) finds them by
//! products with the codes alone, where an exact decomposition takes time with the cube of the code's
//! size. What it leaves open is settled here. Asked for two directions at once it breaks off early
//! where the codes vary in a few directions only, so it is asked for one, and then for the first one
//! of what is left. It does not say when it breaks off, so a direction is held to what it must fulfil.
//! Its tolerance is an absolute one, so the codes are scaled to a total variance of 1. And its shares
//! are of the variance in the directions it was asked for; here they are of all variance.

use linfa::DatasetBase;
use linfa::traits::{Fit as _, Predict as _};
use linfa_reduction::Pca;
use ndarray::{Array2, ArrayView1, ArrayView2, Axis};

use crate::{Error, Result};

/// A direction `v` of unit length must have `|C v - l v|` below this share of the total variance: far
/// below what can be seen, far above what the solver leaves.
const RESIDUAL: f64 = 1e-6;
/// Less of the variance than this is rounding.
const NOTHING: f64 = 1e-24;

/// Codes in a plane.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// `(examples, 2)`: coordinates along the two directions, larger variance first, in the units of
    /// the codes. The mean of the codes is at (0, 0).
    pub coordinates: Array2<f64>,
    /// The share of the variance of all units together that lies along each.
    pub shares: [f64; 2],
}

/// The view of `codes` (examples, latent). A direction without variance, and a second one of codes with
/// one unit, has coordinates of 0. Each direction has its largest entry (by magnitude) positive.
///
/// # Errors
/// [`Error::Data`] if there is no example or a code is not finite; [`Error::Decomposition`] if the solver
/// fails or ends too far from a solution.
pub fn view(codes: ArrayView2<'_, f32>) -> Result<View> {
    let refuse = |expected: &str, found: &str| {
        let (expected, found) = (expected.to_string(), found.to_string());
        Err(Error::Data { what: "codes to look at", expected, found })
    };
    let mut centred = codes.mapv(f64::from);
    let Some(mean) = centred.mean_axis(Axis(0)).filter(|mean| !mean.is_empty()) else {
        return refuse("at least one, of at least one unit", "none");
    };
    if !mean.iter().all(|value| value.is_finite()) {
        return refuse("finite numbers", "others");
    }
    centred -= &mean;
    let (examples, units) = centred.dim();
    let mut view = View { coordinates: Array2::zeros((examples, 2)), shares: [0.0; 2] };
    let scale = centred.iter().map(|value| value * value).sum::<f64>().sqrt();
    // The rounding of the mean leaves equal codes this far apart.
    let apart = mean.iter().map(|value| value.abs()).fold(0.0, f64::max) * f64::EPSILON;
    if scale <= apart * (centred.len() as f64).sqrt() {
        return Ok(view);
    }
    centred /= scale;

    let failed = |reason: String| Error::Decomposition { size: units, reason };
    let mut data = DatasetBase::from(centred);
    for i in 0..units.min(2) {
        let left = data.records.iter().map(|value| value * value).sum::<f64>();
        if left < NOTHING {
            break;
        }
        let pca = Pca::params(1).fit(&data).map_err(|error| failed(error.to_string()))?;
        let found = pca.components().rows().into_iter().zip(pca.singular_values()).next();
        let Some((direction, sigma)) = found else {
            return Err(failed(format!("direction {} was not found", i + 1)));
        };
        let variance = sigma * sigma;
        let along: Array2<f64> = pca.predict(&data.records);
        let along = along.column(0);
        let residual = data.records.t().dot(&along) - &(&direction * variance);
        let residual = residual.dot(&residual).sqrt();
        if residual.is_nan() || residual > RESIDUAL {
            return Err(failed(format!(
                "direction {} is {residual:.1e} away from a solution, expected at most {RESIDUAL:.0e}",
                i + 1
            )));
        }
        let largest = direction.iter().fold(0.0_f64, |a, &b| if b.abs() > a.abs() { b } else { a });
        let sign = scale * largest.signum();
        view.coordinates.column_mut(i).assign(&along.mapv(|value| value * sign));
        view.shares[i] = variance;
        // The second direction is the first one of what is left.
        let taken = outer(&along, &direction);
        data.records -= &taken;
    }
    Ok(view)
}

/// Column times row.
fn outer(column: &ArrayView1<'_, f64>, row: &ArrayView1<'_, f64>) -> Array2<f64> {
    column.insert_axis(Axis(1)).dot(&row.insert_axis(Axis(0)))
}
