use atelier_core::number;
use serde::{Deserialize, Serialize};

use crate::{Anchor, AxisRange, Error, Result};

/// What the axes of a landscape are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Directions {
    /// The principal directions of all runs' snapshots together.
    #[default]
    Pca,
    /// Two random directions.
    Random,
    /// Two random directions, each filter scaled to the size of the parameters' own (Li et al. 2018).
    FilterNormalized,
    /// The plane through the end points of two runs and the mean of their starts.
    ThreePoints,
    /// The two directions of largest curvature at the end of the first run.
    Hessian,
}

/// The axis of the loss in figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeightScale {
    /// Logarithmic where the largest loss is more than 20 times the smallest.
    #[default]
    Auto,
    /// Linear.
    Linear,
    /// Logarithmic.
    Log,
}

/// The section `landscape` of a configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LandscapeConfig {
    /// Runs that are trained where none are given; their seeds count up from `seed`.
    pub runs: usize,
    /// What the axes are.
    pub directions: Directions,
    /// What principal directions are counted from, and the point (0, 0) of their plane.
    pub anchor: Anchor,
    /// Points along each axis of the grid.
    pub grid: usize,
    /// What is added to the extent of the trajectories on each side, as a share of it.
    pub margin: f64,
    /// From where to where along the first axis; nothing is by the trajectories and `margin`.
    pub x: Vec<f64>,
    /// The same along the second axis.
    pub y: Vec<f64>,
    /// Training examples that the loss is computed on; 0 is all that the runs learned from.
    pub examples: usize,
    /// Examples in a batch; standard errors are told from the differences between batches.
    pub batch_size: usize,
    /// The axis of the loss in figures.
    pub height: HeightScale,
    /// Random walks that the shares of variance are compared with; 0 is none.
    pub null_draws: u64,
    /// Epochs that a curved path between two end points is trained for; 0 leaves it out.
    pub path_epochs: usize,
    /// Snapshots of each run at which the largest eigenvalues and the trace of the Hessian are
    /// computed; 0 leaves them out.
    pub curvature: usize,
}

impl Default for LandscapeConfig {
    fn default() -> Self {
        Self {
            runs: 2,
            directions: Directions::Pca,
            anchor: Anchor::Mean,
            grid: 41,
            margin: 0.2,
            x: Vec::new(),
            y: Vec::new(),
            examples: 0,
            batch_size: 100,
            height: HeightScale::Auto,
            null_draws: 20,
            path_epochs: 80,
            curvature: 5,
        }
    }
}

impl LandscapeConfig {
    /// Checks every value.
    ///
    /// # Errors
    /// [`Error::Setting`] for the first value out of range, with its key.
    pub fn check(&self) -> Result<()> {
        let within = |key, value: usize, least: usize, most: usize| {
            if (least..=most).contains(&value) {
                return Ok(());
            }
            Err(Error::setting(key, format!("from {least} to {most}"), value))
        };
        within("landscape.runs", self.runs, 1, 8)?;
        within("landscape.grid", self.grid, 2, 1001)?;
        within("landscape.batch_size", self.batch_size, 1, 1 << 20)?;
        within("landscape.path_epochs", self.path_epochs, 0, 10_000)?;
        within("landscape.curvature", self.curvature, 0, 1000)?;
        if self.null_draws > 10_000 {
            return Err(Error::setting("landscape.null_draws", "from 0 to 10000", self.null_draws));
        }
        if !(0.0..=100.0).contains(&self.margin) {
            return Err(Error::setting(
                "landscape.margin",
                "a share from 0 to 100",
                number(self.margin),
            ));
        }
        for (key, axis) in [("landscape.x", &self.x), ("landscape.y", &self.y)] {
            range(key, axis)?;
        }
        Ok(())
    }

    /// The given ranges of the axes.
    ///
    /// # Errors
    /// [`Error::Setting`] if one is neither empty nor two finite numbers, the first one smaller.
    pub fn ranges(&self) -> Result<[Option<AxisRange>; 2]> {
        Ok([range("landscape.x", &self.x)?, range("landscape.y", &self.y)?])
    }
}

fn range(key: &'static str, axis: &[f64]) -> Result<Option<AxisRange>> {
    match *axis {
        [] => Ok(None),
        [from, to] if AxisRange::new(from, to).is_ok() => Ok(Some(AxisRange { from, to })),
        _ => {
            let expected = "nothing, or two numbers, the first one smaller";
            let found = match axis.len() {
                2 => format!("{axis:?}"),
                n => format!("a list of {n}"),
            };
            Err(Error::setting(key, expected, found))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_right_and_every_key_out_of_range_is_named() {
        LandscapeConfig::default().check().expect("the defaults");
        let refused = |change: &dyn Fn(&mut LandscapeConfig), key: &str| {
            let mut config = LandscapeConfig::default();
            change(&mut config);
            let message = config.check().expect_err(key).to_string();
            assert!(message.starts_with(key), "{message}");
        };
        refused(&|c| c.runs = 0, "landscape.runs");
        refused(&|c| c.grid = 1, "landscape.grid");
        refused(&|c| c.batch_size = 0, "landscape.batch_size");
        refused(&|c| c.margin = f64::NAN, "landscape.margin");
        refused(&|c| c.x = vec![1.0, 1.0], "landscape.x");
        refused(&|c| c.y = vec![0.0], "landscape.y");
        refused(&|c| c.null_draws = 1 << 40, "landscape.null_draws");
        refused(&|c| c.curvature = 5000, "landscape.curvature");
        refused(&|c| c.path_epochs = 50_000, "landscape.path_epochs");
    }

    #[test]
    fn ranges_are_given_or_left_to_the_trajectories() {
        let config = LandscapeConfig { x: vec![-1.0, 2.0], ..LandscapeConfig::default() };
        let given = AxisRange { from: -1.0, to: 2.0 };
        assert_eq!(config.ranges().expect("right"), [Some(given), None]);
    }
}
