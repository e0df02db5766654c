use atelier_core::seed::{Stream, stream};
use ndarray::{Array2, ArrayView1, Axis, s};
use rand_distr::{ChiSquared, Distribution as _, StandardNormal};

use crate::pca::{self, Anchor};
use crate::watch::report;
use crate::{Error, Result, Trajectory, Watch, leading};

/// What random walks show in the place of the runs: how much explained variance is no evidence.
///
/// In each draw every run is replaced by a random walk that starts where the run starts and takes
/// as many steps, each exactly as long as the run's own between the same two snapshots; only the
/// directions are random, each isotropic in all P dimensions and independent of the others. The
/// walks go through the same decomposition, about the same [`Anchor`], as the runs. A single walk of
/// many equal steps in a space of many more dimensions shows 6/pi^2 = 61 % in its first component
/// and 15 % in its second; of two runs, the gap between the starts is a part of both the runs and
/// their null.
///
/// A decomposition sees inner products only, so a walk is drawn in coordinates of its own. Fixed
/// axes span the gaps between the starts; a Gaussian vector has independent normal coordinates
/// along them, and the rest of all n Gaussian vectors together is L Q, where Q has orthonormal rows
/// that nobody needs and L is lower trapezoidal with chi-distributed numbers of P', P'-1, ...
/// degrees of freedom on the diagonal and normal ones below (Bartlett's decomposition of the Wishart
/// matrix L L^T; P' = P less the fixed axes). Scaled to the steps' lengths, these rows have exactly
/// the distribution of the inner products of the walks in P dimensions, at a cost that does not
/// grow with P. [`random_walk`] writes out a walk in full.
///
/// # References
/// Antognini and Sohl-Dickstein, *PCA of high dimensional random walks with comparison to neural
/// network training*, `NeurIPS` 2018; Bartlett, *On the theory of statistical regression*, 1933.
#[derive(Debug, Clone, PartialEq)]
pub struct Null {
    /// For each draw, the shares of the total variance along the first two principal directions.
    pub shares: Vec<[f64; 2]>,
}

/// A mean over draws, and the range that they cover.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The least.
    pub least: f64,
    /// The most.
    pub most: f64,
}

impl Null {
    /// `draws` times a walk for each of the runs; 20 are enough for a caption, because the shares
    /// of walks in many dimensions hardly differ. `watch` is told after each draw.
    ///
    /// # Errors
    /// As [`crate::principal_components`], and [`Error::Setting`] if `draws` is 0 or there are
    /// fewer parameters than runs; [`Error::Stopped`] if `watch` says so.
    pub fn draw(
        trajectories: &[Trajectory],
        anchor: Anchor,
        draws: u64,
        seed: u64,
        watch: &mut Watch,
    ) -> Result<Self> {
        let parameters = pca::parameters(trajectories)?;
        if draws == 0 {
            return Err(Error::setting("draws", "1 or more", draws));
        }
        if parameters < trajectories.len() {
            let expected = format!("{}, one for each run, or more", trajectories.len());
            return Err(Error::setting("parameters", expected, parameters));
        }
        let starts = starts(trajectories);
        let lengths: Vec<Vec<f64>> = trajectories.iter().map(step_lengths).collect();
        if starts.iter().chain(lengths.iter().flatten()).any(|length| !length.is_finite()) {
            let found = "a value that is not finite";
            return Err(Error::trajectory(pca::names(trajectories), "finite parameters", found));
        }
        let of = usize::try_from(draws).unwrap_or(usize::MAX);
        let mut shares = Vec::new();
        for draw in 0..draws {
            let stream = &mut stream(seed, "null", draw, 0);
            let mut points = walks(&starts, &lengths, parameters, stream)?;
            pca::subtract_anchor(&mut points, anchor, lengths[0].len() + 1);
            shares.push(leading::shares(&points)?);
            report(watch, shares.len(), of)?;
        }
        Ok(Self { shares })
    }

    /// The share along the first and the second direction.
    #[must_use]
    pub fn each(&self) -> [Spread; 2] {
        [0, 1].map(|k| Spread::of(self.shares.iter().map(|shares| shares[k])))
    }

    /// The share along both directions together.
    #[must_use]
    pub fn both(&self) -> Spread {
        Spread::of(self.shares.iter().map(|shares| shares[0] + shares[1]))
    }
}

impl Spread {
    fn of(values: impl ExactSizeIterator<Item = f64> + Clone) -> Self {
        Self {
            mean: values.clone().sum::<f64>() / values.len() as f64,
            least: values.clone().fold(f64::INFINITY, f64::min),
            most: values.fold(f64::NEG_INFINITY, f64::max),
        }
    }
}

/// The walk of one draw written out in parameter space, to be looked at or sent through the same
/// functions as a run: starts at the run's first point, has steps of the run's lengths in random
/// directions and the run's times of snapshots. Named after the run, with "random walk for". Walks
/// of the same `draw` go in the same directions: each run needs another.
///
/// # Errors
/// As [`Trajectory::new`].
pub fn random_walk(trajectory: &Trajectory, seed: u64, draw: u64) -> Result<Trajectory> {
    let mut at = trajectory.points.row(0).mapv(f64::from);
    let mut points = trajectory.points.clone();
    for (i, length) in step_lengths(trajectory).into_iter().enumerate() {
        let stream = &mut stream(seed, "random walk", draw, i as u64);
        let step = at.mapv(|_| normal(stream));
        at.scaled_add(length / step.dot(&step).sqrt(), &step);
        #[expect(clippy::cast_possible_truncation, reason = "points are f32")]
        points.row_mut(i + 1).assign(&at.mapv(|value| value as f32));
    }
    let name = format!("random walk for {}", trajectory.run);
    Trajectory::new(name, points, trajectory.snapshots.clone())
}

/// Walks from `starts` (runs x fixed axes) in coordinates with the inner products of walks in
/// `parameters` dimensions; `(points of all runs, coordinates)`.
fn walks(
    starts: &Array2<f64>,
    lengths: &[Vec<f64>],
    parameters: usize,
    stream: &mut Stream,
) -> Result<Array2<f64>> {
    let fixed = starts.ncols();
    let steps: usize = lengths.iter().map(Vec::len).sum();
    let free = parameters - fixed;
    let width = fixed + steps.min(free);
    let mut points = Array2::zeros((steps + lengths.len(), width));
    let (mut row, mut step) = (0, 0);
    for (start, lengths) in starts.rows().into_iter().zip(lengths) {
        points.slice_mut(s![row, ..fixed]).assign(&start);
        for length in lengths {
            let diagonal = fixed + step;
            let (before, mut rest) = points.view_mut().split_at(Axis(0), row + 1);
            let mut next = rest.row_mut(0);
            next.slice_mut(s![..diagonal.min(width)]).mapv_inplace(|_| normal(stream));
            if diagonal < width {
                next[diagonal] = chi(free - step, stream)?;
            }
            next *= length / next.dot(&next).sqrt();
            next += &before.row(row);
            (row, step) = (row + 1, step + 1);
        }
        row += 1;
    }
    Ok(points)
}

fn normal(stream: &mut Stream) -> f64 {
    StandardNormal.sample(stream)
}

/// The length of a standard normal vector of `dimensions`.
fn chi(dimensions: usize, stream: &mut Stream) -> Result<f64> {
    let squared = ChiSquared::new(dimensions as f64)
        .map_err(|_| Error::setting("degrees of freedom", "1 or more", dimensions))?;
    Ok(squared.sample(stream).sqrt())
}

/// The lengths of the steps between snapshots.
fn step_lengths(trajectory: &Trajectory) -> Vec<f64> {
    let points = &trajectory.points;
    (1..points.nrows())
        .map(|i| inner(points.row(i), points.row(i - 1), points.row(i), points.row(i - 1)).sqrt())
        .collect()
}

/// The starts of the runs, seen from the first run's, along fixed orthonormal axes that span them:
/// `(runs, runs - 1)`, lower trapezoidal.
fn starts(trajectories: &[Trajectory]) -> Array2<f64> {
    let start = |run: usize| trajectories[run].points.row(0);
    let axes = trajectories.len() - 1;
    // The Cholesky factor of the gaps' inner products; a gap that lies in the span of those before
    // it, such as none at all, needs no axis of its own.
    let mut starts = Array2::zeros((axes + 1, axes));
    for i in 1..=axes {
        for j in 1..=i {
            let product = inner(start(i), start(0), start(j), start(0));
            let shared: f64 = (0..j - 1).map(|k| starts[[i, k]] * starts[[j, k]]).sum();
            let rest = product - shared;
            starts[[i, j - 1]] = if i > j {
                let pivot: f64 = starts[[j, j - 1]];
                if pivot > 0.0 { rest / pivot } else { 0.0 }
            } else if rest > 1e-12 * product {
                rest.sqrt()
            } else {
                0.0
            };
        }
    }
    starts
}

/// (a - b) . (c - d) in f64.
fn inner(
    a: ArrayView1<'_, f32>,
    b: ArrayView1<'_, f32>,
    c: ArrayView1<'_, f32>,
    d: ArrayView1<'_, f32>,
) -> f64 {
    let terms = a.iter().zip(b).zip(c.iter().zip(d));
    terms
        .map(|((&a, &b), (&c, &d))| (f64::from(a) - f64::from(b)) * (f64::from(c) - f64::from(d)))
        .sum()
}
