use std::ops::Range;

use candle_core::{Device, Tensor};
use ndarray::{Array1, Array2, ArrayView1, Axis, s};
use serde::{Deserialize, Serialize};

use crate::watch::report;
use crate::{Error, Plane, Result, Trajectory, Watch, leading};

/// 1000 snapshots are decomposed in 2 seconds, 2000 in 17: the time grows with the cube.
pub const MOST_SNAPSHOTS: usize = 2048;
/// Parameters at a time: with 200 snapshots 3 MB in f64.
const COLUMNS: usize = 2048;
/// Below this share of the first variance, the second is no direction. Rounding points to f32 makes
/// a share of about 1e-15 where a run moves as far as its parameters are large.
const FLAT: f64 = 1e-12;

/// What principal directions are counted from, and with it the origin of their plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Anchor {
    /// The mean of all points of all runs: each point counts the same, so a run with more snapshots
    /// counts for more.
    #[default]
    Mean,
    /// The last point of the first run, as Li et al. have it. What is then called variance is the
    /// mean square of the distance from that point.
    Final,
}

/// The principal directions of one or several trajectories.
///
/// The rows of X (N x P) are the points of all runs less the anchor. G = X X^T is summed up over
/// blocks of parameters in f64 and decomposed exactly, G = U S^2 U^T; direction k is
/// `v_k = X^T u_k / s_k`, and its variance is `s_k^2 / N`. Nothing of size P x P exists. Each
/// direction has its entry of the largest magnitude positive.
///
/// # References
/// Li et al., *Visualizing the loss landscape of neural nets*, `NeurIPS` 2018 (section 7).
#[derive(Debug, Clone, PartialEq)]
pub struct Pca {
    /// The anchor, `(parameters,)`, rounded to f32 as all points are.
    pub origin: Vec<f32>,
    /// The two leading directions, each `(parameters,)`, orthonormal.
    pub directions: [Vec<f64>; 2],
    /// The variances along all principal directions, falling, one for each point.
    pub variances: Vec<f64>,
    /// The variance in all directions together: the sum of squared distances from the anchor,
    /// divided by the number of points.
    pub total_variance: f64,
    /// What the two directions hold of each run's own variance, in the order of the runs.
    pub runs: Vec<RunVariance>,
    /// Of the variance along the first direction, the share that is between the means of the runs:
    /// 0 for one run, 1 where every run stands still in that direction. Both are taken about the
    /// mean of all points, whatever the anchor. With several runs the first direction is often
    /// mostly the gap between them, and this says how far it is.
    pub between_runs: f64,
}

/// The variance of one run about its own mean, whatever the anchor, and how much of it the two
/// directions of a [`Pca`] show.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunVariance {
    /// The name of the run.
    pub run: String,
    /// The sum of squared distances from the mean of the run, divided by its number of points.
    pub variance: f64,
    /// The share of it along each direction.
    pub shares: [f64; 2],
}

impl Pca {
    /// The variances as shares of the *total* variance: they add up to 1 over all directions, not
    /// over those that were kept.
    #[must_use]
    pub fn shares(&self) -> Vec<f64> {
        self.variances.iter().map(|variance| variance / self.total_variance).collect()
    }

    /// The plane of the two directions through the anchor.
    ///
    /// # Errors
    /// As [`Plane::new`]; does not happen to what [`principal_components`] returns.
    pub fn plane(&self) -> Result<Plane> {
        let [first, second] = &self.directions;
        Plane::new(self.origin.clone(), first, second)
    }
}

/// The principal directions of `trajectories` together, at most [`MOST_SNAPSHOTS`] snapshots in all.
///
/// `watch` is told after every block of parameters, and after the decomposition.
///
/// # Errors
/// [`Error::Trajectory`] if there is no run, if the runs have different numbers of parameters, too
/// many snapshots, a number that is not finite, or points that span no plane;
/// [`Error::Decomposition`] if the solver fails; [`Error::Stopped`] if `watch` says so.
pub fn principal_components(
    trajectories: &[Trajectory],
    anchor: Anchor,
    watch: &mut Watch,
) -> Result<Pca> {
    let parameters = parameters(trajectories)?;
    // Each block is read twice, for the matrix and for the directions.
    let of = 2 * parameters.div_ceil(COLUMNS) + 1;
    let mut done = 0;
    let mut step = || {
        done += 1;
        report(watch, done, of)
    };
    let gram = gram(trajectories, anchor, &mut step)?;
    let n = gram.nrows();
    let total = gram.diag().sum();
    if !total.is_finite() {
        let found = "a value that is not finite";
        return Err(Error::trajectory(names(trajectories), "finite parameters", found));
    }
    let own: Vec<f64> = runs(trajectories)
        .map(|rows| {
            let block = gram.slice(s![rows.clone(), rows.clone()]);
            block.diag().sum() - block.sum() / rows.len() as f64
        })
        .collect();
    let (values, mut coordinates) = leading::eigenpairs(&gram)?;
    step()?;
    if values[0] <= 0.0 || values[1] <= FLAT * values[0] {
        let found =
            if values[0] <= 0.0 { "the same point everywhere" } else { "points on one line" };
        return Err(Error::trajectory(names(trajectories), "points that span a plane", found));
    }

    // Row k is s_k u_k: the coordinates of all points along direction k.
    coordinates.rows_mut().into_iter().zip(&values).for_each(|(mut row, &v)| row *= v.sqrt());
    let mut directions = Array2::<f64>::zeros((2, parameters));
    let mut origin = Vec::with_capacity(parameters);
    for columns in blocks(parameters) {
        let (points, at) = block(trajectories, anchor, columns.clone());
        directions.slice_mut(s![.., columns]).assign(&coordinates.dot(&points));
        #[expect(clippy::cast_possible_truncation, reason = "points are f32")]
        origin.extend(at.iter().map(|&value| value as f32));
        step()?;
    }
    orthonormalise(&mut directions);
    for (mut direction, mut along) in directions.rows_mut().into_iter().zip(coordinates.rows_mut())
    {
        let sign = sign_of_largest(&direction);
        direction *= sign;
        along *= sign;
    }

    let own_shares = runs(trajectories).zip(trajectories).zip(own).map(|((rows, run), own)| {
        let along = coordinates.slice(s![.., rows.clone()]);
        let share = |k: usize| along.row(k).var(0.0) * rows.len() as f64 / own;
        let variance = own / rows.len() as f64;
        RunVariance { run: run.run.clone(), variance, shares: [share(0), share(1)] }
    });
    Ok(Pca {
        origin,
        directions: [0, 1].map(|k| directions.row(k).to_vec()),
        // Rounding leaves the smallest a little to either side of zero.
        variances: values.iter().map(|value| value.max(0.0) / n as f64).collect(),
        total_variance: total / n as f64,
        runs: own_shares.collect(),
        between_runs: between(trajectories, &coordinates.row(0)),
    })
}

/// The share of the variance of all runs' coordinates that is between the means of the runs.
fn between(trajectories: &[Trajectory], along: &ArrayView1<'_, f64>) -> f64 {
    let mean = along.sum() / along.len() as f64;
    let gaps = runs(trajectories).map(|rows| {
        let own = along.slice(s![rows]);
        own.len() as f64 * (own.sum() / own.len() as f64 - mean).powi(2)
    });
    gaps.sum::<f64>() / along.mapv(|value| (value - mean).powi(2)).sum()
}

/// Subtracts the anchor from points `(N, dimensions)` of which the first run has `first`; returns it.
pub(crate) fn subtract_anchor(
    points: &mut Array2<f64>,
    anchor: Anchor,
    first: usize,
) -> Array1<f64> {
    let at = match anchor {
        Anchor::Mean => points.sum_axis(Axis(0)) / points.nrows() as f64,
        Anchor::Final => points.row(first - 1).to_owned(),
    };
    *points -= &at;
    at
}

/// How many parameters the runs share, once they can be decomposed together.
pub(crate) fn parameters(trajectories: &[Trajectory]) -> Result<usize> {
    let Some(first) = trajectories.first() else {
        return Err(Error::trajectory("the runs", "one or more", "none"));
    };
    let parameters = first.parameters();
    if let Some(other) = trajectories.iter().find(|run| run.parameters() != parameters) {
        let expected = format!("{parameters} parameters, as run {} has", first.run);
        return Err(Error::trajectory(&other.run, expected, other.parameters()));
    }
    if let Some(short) = trajectories.iter().find(|run| run.points.nrows() < 3) {
        return Err(Error::trajectory(&short.run, "3 or more snapshots", short.points.nrows()));
    }
    let snapshots: usize = trajectories.iter().map(|run| run.points.nrows()).sum();
    if snapshots > MOST_SNAPSHOTS {
        let expected =
            format!("at most {MOST_SNAPSHOTS} snapshots together (leave out every other)");
        return Err(Error::trajectory(names(trajectories), expected, snapshots));
    }
    Ok(parameters)
}

/// The names of the runs, as an error calls them.
pub(crate) fn names(trajectories: &[Trajectory]) -> String {
    trajectories.iter().map(|run| run.run.as_str()).collect::<Vec<_>>().join(", ")
}

/// The rows of each run among the rows of all.
pub(crate) fn runs(trajectories: &[Trajectory]) -> impl Iterator<Item = Range<usize>> {
    trajectories.iter().scan(0, |start, run| {
        let rows = *start..*start + run.points.nrows();
        *start = rows.end;
        Some(rows)
    })
}

fn blocks(parameters: usize) -> impl Iterator<Item = Range<usize>> {
    (0..parameters).step_by(COLUMNS).map(move |start| start..parameters.min(start + COLUMNS))
}

/// Some columns of all points less the anchor, in f64, and the anchor there.
///
/// Differences of f32 values are exact in f64 to 16 digits, so nothing is lost to parameters that
/// are large against their changes.
fn block(
    trajectories: &[Trajectory],
    anchor: Anchor,
    columns: Range<usize>,
) -> (Array2<f64>, Array1<f64>) {
    let n = trajectories.iter().map(|run| run.points.nrows()).sum();
    let mut points = Array2::zeros((n, columns.len()));
    for (rows, run) in runs(trajectories).zip(trajectories) {
        let from = run.points.slice(s![.., columns.clone()]);
        points.slice_mut(s![rows, ..]).zip_mut_with(&from, |to, &from| *to = f64::from(from));
    }
    let at = subtract_anchor(&mut points, anchor, trajectories[0].points.nrows());
    (points, at)
}

/// X X^T, N x N.
fn gram(
    trajectories: &[Trajectory],
    anchor: Anchor,
    step: &mut dyn FnMut() -> Result<()>,
) -> Result<Array2<f64>> {
    let n = trajectories.iter().map(|run| run.points.nrows()).sum();
    let mut gram = Array2::<f64>::zeros((n, n));
    for columns in blocks(trajectories[0].parameters()) {
        let (points, _) = block(trajectories, anchor, columns);
        // candle's product of two matrices is several times as fast as ndarray's.
        let shape = points.dim();
        let points = Tensor::from_iter(points, &Device::Cpu)?.reshape(shape)?;
        let products = points.matmul(&points.t()?)?.flatten_all()?.to_vec1::<f64>()?;
        gram.iter_mut().zip(products).for_each(|(sum, product)| *sum += product);
        step()?;
    }
    Ok(gram)
}

/// Makes two rows orthonormal, the second to the first.
fn orthonormalise(directions: &mut Array2<f64>) {
    let (mut first, mut second) = directions.view_mut().split_at(Axis(0), 1);
    let (mut first, mut second) = (first.row_mut(0), second.row_mut(0));
    first /= first.dot(&first).sqrt();
    // They are perpendicular but for rounding, which is large against a small second variance.
    let shared = first.dot(&second);
    second.scaled_add(-shared, &first);
    second /= second.dot(&second).sqrt();
}

fn sign_of_largest<D: ndarray::Data<Elem = f64>>(v: &ndarray::ArrayBase<D, ndarray::Ix1>) -> f64 {
    v.iter().fold(0.0_f64, |a, &b| if b.abs() > a.abs() { b } else { a }).signum()
}
