//! `summary.json` of a landscape, and its caption.

use atelier_landscape::{Anchor, Directions, HeightScale, LandscapeConfig, Spread};
use serde::{Deserialize, Serialize};

use super::computed::{Curvature, Landscape, Seen};
use super::paths::{Between, Path};
use super::subject::{Run, Subject};
use crate::terminal::{counted, significant, thousands};

/// The results of a landscape.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Summary {
    pub(crate) schema_version: u32,
    pub(crate) verb: String,
    pub(crate) seed: u64,
    /// What figures say of themselves.
    pub(crate) caption: String,
    /// Whether the axis of the loss is logarithmic in figures.
    pub(crate) logarithmic: bool,
    /// Snapshots whose projections lie outside the grid.
    pub(crate) snapshots_outside: usize,
    pub(crate) network: String,
    pub(crate) loss: String,
    pub(crate) parameters: usize,
    pub(crate) directions: Directions,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) anchor: Option<Anchor>,
    /// Shares of the total variance of all snapshots together along the two axes.
    pub(crate) explained_variance_ratio: Option<[f64; 2]>,
    /// The same along all principal directions.
    pub(crate) scree: Vec<f64>,
    /// Of the variance along the first axis, the share between the means of the runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) between_runs: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) null: Option<NullSummary>,
    pub(crate) grid: Grid,
    pub(crate) examples: usize,
    /// Which examples these are.
    pub(crate) split: String,
    pub(crate) batches: usize,
    pub(crate) loss_min: f64,
    pub(crate) loss_max: f64,
    pub(crate) runs: Vec<RunSummary>,
    /// How the Hessians of the runs were computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) curvature: Option<String>,
    pub(crate) paths: Vec<Between>,
}

/// What random walks show in principal directions of their own.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct NullSummary {
    pub(crate) draws: usize,
    /// Shares of the total variance along the first, the second, and both.
    pub(crate) first: Spread,
    pub(crate) second: Spread,
    pub(crate) both: Spread,
}

/// The points at which the surface was evaluated.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Grid {
    pub(crate) x: Axis,
    pub(crate) y: Axis,
}

/// One axis of the grid, in distances in parameter space.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Axis {
    pub(crate) points: usize,
    pub(crate) from: f64,
    pub(crate) to: f64,
}

/// A run as seen from the plane.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RunSummary {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) seed: Option<u64>,
    pub(crate) snapshots: usize,
    pub(crate) steps: u64,
    pub(crate) epochs: f64,
    /// Shares of this run's own variance along the two axes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) explained_variance_ratio: Option<[f64; 2]>,
    pub(crate) start: At,
    pub(crate) end: At,
    pub(crate) largest_distance_off_plane: f64,
    /// Over the snapshots: loss in the plane less loss at the snapshot, largest in magnitude.
    pub(crate) largest_loss_difference: f64,
    pub(crate) curvature: Vec<Curvature>,
    /// Eigenvalues of the Hessian within the plane at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) curvature_in_plane: Option<[f64; 2]>,
}

/// A snapshot.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct At {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) loss: f64,
    pub(crate) standard_error: Option<f64>,
    pub(crate) accuracy: Option<f64>,
    pub(crate) loss_in_plane: f64,
    pub(crate) distance_off_plane: f64,
}

impl Summary {
    pub(crate) fn new(
        seed: u64,
        config: &LandscapeConfig,
        subject: &Subject,
        runs: &[Run],
        landscape: &Landscape,
        directory: &std::path::Path,
    ) -> Self {
        let surface = &landscape.surface;
        let axis = |coordinates: &[f64]| Axis {
            points: coordinates.len(),
            from: coordinates[0],
            to: coordinates[coordinates.len() - 1],
        };
        let scree = landscape.pca.as_ref().map(atelier_landscape::Pca::shares).unwrap_or_default();
        let least = surface.loss.iter().copied().fold(f64::INFINITY, f64::min);
        let most = surface.loss.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let null = landscape.null.as_ref().map(|null| {
            let [first, second] = null.each();
            NullSummary { draws: null.shares.len(), first, second, both: null.both() }
        });
        let mut summary = Self {
            schema_version: 1,
            verb: "landscape".to_string(),
            seed,
            caption: String::new(),
            logarithmic: logarithmic(landscape, config),
            snapshots_outside: outside(landscape),
            network: subject.network.clone(),
            loss: subject.quantity.to_string(),
            parameters: subject.parameters(),
            directions: config.directions,
            anchor: landscape.pca.is_some().then_some(config.anchor),
            explained_variance_ratio: (scree.len() > 1).then(|| [scree[0], scree[1]]),
            scree,
            between_runs: landscape.pca.as_ref().map(|pca| pca.between_runs),
            null,
            grid: Grid { x: axis(&surface.axes.x), y: axis(&surface.axes.y) },
            examples: subject.examples.len(),
            split: "training".to_string(),
            batches: subject.batches.len(),
            loss_min: least,
            loss_max: most,
            runs: Vec::new(),
            curvature: landscape.curvature.clone(),
            paths: landscape.paths.clone(),
        };
        for (i, (run, seen)) in runs.iter().zip(&landscape.runs).enumerate() {
            let own = landscape.pca.as_ref().map(|pca| pca.runs[i].shares);
            summary.runs.push(RunSummary::new(run, seen, own, directory));
        }
        summary.caption = caption(config, subject, runs, &summary);
        summary
    }
}

impl RunSummary {
    fn new(run: &Run, seen: &Seen, own: Option<[f64; 2]>, directory: &std::path::Path) -> Self {
        let last = seen.heights.len() - 1;
        let at = |i: usize| At {
            x: seen.projections[i].x,
            y: seen.projections[i].y,
            loss: seen.heights[i].loss,
            standard_error: seen.heights[i].standard_error,
            accuracy: seen.heights[i].accuracy,
            loss_in_plane: seen.in_plane[i].loss,
            distance_off_plane: seen.projections[i].distance,
        };
        let differences = seen.in_plane.iter().zip(&seen.heights).map(|(p, h)| p.loss - h.loss);
        let largest = differences.fold(0.0_f64, |a, b| if b.abs() > a.abs() { b } else { a });
        let end = run.trajectory.snapshots[last];
        Self {
            name: run.name.clone(),
            // One of the landscape's own lies in its directory; any other wherever it is.
            path: run.path.strip_prefix(directory).unwrap_or(&run.path).display().to_string(),
            seed: run.seed,
            snapshots: last + 1,
            steps: end.step,
            epochs: end.epoch,
            explained_variance_ratio: own,
            start: at(0),
            end: at(last),
            largest_distance_off_plane: seen
                .projections
                .iter()
                .map(|p| p.distance)
                .fold(0.0, f64::max),
            largest_loss_difference: largest,
            curvature: seen.curvature.clone(),
            curvature_in_plane: seen.within_plane.as_ref().map(|within| within.eigenvalues),
        }
    }
}

/// What is drawn, how it was chosen, and what it does not show.
fn caption(config: &LandscapeConfig, subject: &Subject, runs: &[Run], summary: &Summary) -> String {
    let statistics = if subject.objective.buffers().is_empty() {
        ""
    } else {
        ", batch-norm statistics recomputed at each point, dropout off"
    };
    let height = if summary.logarithmic { "logarithmic" } else { "linear" };
    let others =
        list(runs.iter().filter(|run| !run.same_examples).map(|run| run.name.to_uppercase()));
    let others = match others.as_str() {
        "" => String::new(),
        others => format!(" of A ({others} learned from others)"),
    };
    let outside = match summary.snapshots_outside {
        0 => String::new(),
        n => format!(" {} outside the picture.", counted(n, "snapshot")),
    };
    let distances = summary.runs.iter().map(|run| {
        format!("{} ({})", significant(run.largest_distance_off_plane), run.name.to_uppercase())
    });
    format!(
        "{} of {} {} examples{others} on {} x {} points, without regularisation{statistics}; loss axis \
         {height}, nothing cut. {}{outside} Points lie on the surface at the projections of the snapshots, at most \
         {} off the plane; stems lead to the snapshots' own losses. A two-dimensional slice: other \
         directions may be sharper.",
        mean_of(subject.quantity),
        thousands(summary.examples),
        summary.split,
        summary.grid.x.points,
        summary.grid.y.points,
        axes_text(config, runs, summary),
        list(distances),
    )
}

/// `Mean cross-entropy (nats)`; a mean squared error is one already.
fn mean_of(quantity: &str) -> String {
    let mean = if quantity.starts_with("mean ") { "" } else { "mean " };
    format!("{mean}{quantity}").replacen('m', "M", 1)
}

/// `a`, `a and b`, or `a, b and c`.
fn list(parts: impl Iterator<Item = String>) -> String {
    let mut parts: Vec<String> = parts.collect();
    match parts.pop() {
        Some(last) if !parts.is_empty() => format!("{} and {last}", parts.join(", ")),
        last => last.unwrap_or_default(),
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

fn axes_text(config: &LandscapeConfig, runs: &[Run], summary: &Summary) -> String {
    let first = summary.runs[0].name.to_uppercase();
    let text = match config.directions {
        Directions::Pca => return principal_text(config, runs, summary),
        Directions::Random => format!("Axes: two random directions through the end of {first}"),
        Directions::FilterNormalized => format!(
            "Axes: two random directions through the end of {first}, each filter as large as that of the \
             parameters, biases fixed"
        ),
        Directions::ThreePoints => format!(
            "Axes: the plane through the mean of the starts of {first} and {} and their ends",
            summary.runs[1].name.to_uppercase()
        ),
        Directions::Hessian => format!(
            "Axes: the directions of the two largest eigenvalues of the Hessian at the end of {first}"
        ),
    };
    format!("{text}. Snapshots: {}.", list(runs.iter().map(run_text)))
}

fn principal_text(config: &LandscapeConfig, runs: &[Run], summary: &Summary) -> String {
    let anchor = match config.anchor {
        Anchor::Mean => "their mean",
        Anchor::Final => "the last point of the first run",
    };
    let [first, second] = summary.explained_variance_ratio.unwrap_or([f64::NAN; 2]);
    let null = summary.null.as_ref().map_or(String::new(), |null| {
        format!(
            " Random walks of the same steps from the same starts have {} and {} in their own ({} draws): \
             that much is no evidence of structure.",
            percent(null.first.mean),
            percent(null.second.mean),
            null.draws,
        )
    });
    let gap = match summary.between_runs {
        Some(share) if runs.len() > 1 => {
            format!(" Of the first, {} is the gap between the runs' means.", percent(share))
        }
        _ => String::new(),
    };
    let of = match config.anchor {
        Anchor::Mean => "the total variance",
        Anchor::Final => "the mean squared distance from it",
    };
    let own = summary.runs.iter().filter_map(|run| {
        let [first, second] = run.explained_variance_ratio?;
        Some(format!("{} ({})", percent(first + second), run.name.to_uppercase()))
    });
    format!(
        "Axes: principal directions (PC) of all snapshots ({}), counted from {anchor}, with {} and {} of {of}; \
         of each run's own variance both show {}.{gap}{null}",
        list(runs.iter().map(run_text)),
        percent(first),
        percent(second),
        list(own),
    )
}

fn run_text(run: &Run) -> String {
    let seed = run.seed.map_or(String::new(), |seed| format!(", seed {seed}"));
    let every = if run.every > 1 { format!(", one of {}", run.every) } else { String::new() };
    let n = counted(run.trajectory.snapshots.len(), "snapshot") + &every;
    if run.seed.is_none() {
        return format!("{}: {n}, imported in the order of their names", run.name.to_uppercase());
    }
    let schedule =
        run.recipe.as_ref().map_or(String::new(), |recipe| format!(", {}", recipe.schedule()));
    format!("{}: {n}{schedule}{seed}", run.name.to_uppercase())
}

/// What lies between two end points, in a sentence.
pub(crate) fn between_text(between: &Between, epochs: usize) -> String {
    let verdict = match (between.line.distinct, between.line.standard_error) {
        (_, None) => "one batch: no standard error",
        (true, _) => "more than three standard errors: distinct minima",
        (false, _) => "not more than three standard errors: not shown to be distinct minima",
    };
    let curve = between.curve.as_ref().map_or(String::new(), |curve| {
        let epochs = counted(epochs, "epoch");
        let found = if curve.distinct {
            format!("{}, an upper bound", barrier(curve))
        } else {
            "no barrier beyond the noise".to_string()
        };
        format!("; along a curve trained for {epochs}: {found}")
    });
    let aligned = between.aligned.as_ref().map_or(String::new(), |aligned| {
        format!("; on the line after matching hidden units {}", barrier(&aligned.line))
    });
    format!(
        "Barrier on the straight line between the ends of {} and {}: {} ({verdict}){curve}{aligned}.",
        between.from.to_uppercase(),
        between.to.to_uppercase(),
        barrier(&between.line),
    )
}

/// How many snapshots have projections outside the grid.
fn outside(landscape: &Landscape) -> usize {
    let axes = &landscape.surface.axes;
    let within = |axis: &[f64], value: f64| axis[0] <= value && value <= axis[axis.len() - 1];
    let all = landscape.runs.iter().flat_map(|seen| &seen.projections);
    all.filter(|at| !(within(&axes.x, at.x) && within(&axes.y, at.y))).count()
}

/// Whether losses are drawn on a logarithmic axis.
fn logarithmic(landscape: &Landscape, config: &LandscapeConfig) -> bool {
    let heights = landscape.runs.iter().flat_map(|seen| &seen.heights).map(|h| h.loss);
    let all = landscape.surface.loss.iter().copied().chain(heights);
    let least = all.clone().fold(f64::INFINITY, f64::min);
    let most = all.fold(f64::NEG_INFINITY, f64::max);
    match config.height {
        HeightScale::Linear => false,
        HeightScale::Log => least > 0.0,
        HeightScale::Auto => least > 0.0 && most > 20.0 * least,
    }
}

/// A barrier with its standard error.
pub(crate) fn barrier(path: &Path) -> String {
    let error = path.standard_error.map_or(String::new(), |e| format!(" ± {}", significant(e)));
    format!("{}{error}", significant(path.barrier))
}
