//! Which rows of a grid are done, in memory and on disk.

use std::path::Path;
use std::time::{Duration, Instant};

use atelier_core::{Batch, Objective, Targets, assign, evaluate_batch};
use atelier_store::AppendLog;
use candle_core::{DType, Tensor};
use sha2::{Digest as _, Sha256};

use crate::kept::restored;
use crate::rows::{Content, Row, append_head, append_row, hex};
use crate::{Axes, Height, Plane, Result, Surface};

/// The rows of a grid that are done.
pub(crate) struct Done<'a> {
    axes: &'a Axes,
    rows: Vec<Option<Vec<Height>>>,
    /// The file and the digest of the grid.
    log: Option<(AppendLog, String)>,
    synced: Instant,
}

/// How often finished rows are written: what a kill can cost.
const BETWEEN_SYNCS: Duration = Duration::from_millis(200);

impl<'a> Done<'a> {
    /// Nothing done, or what `file` remembers of this very grid.
    pub(crate) fn open(
        file: Option<&Path>,
        objective: &dyn Objective,
        plane: &Plane,
        axes: &'a Axes,
        batches: &[Batch],
    ) -> Result<Self> {
        let mut done =
            Self { axes, rows: vec![None; axes.y.len()], log: None, synced: Instant::now() };
        let Some(file) = file else { return Ok(done) };
        let digest = digest(objective, plane, axes, batches)?;
        let mut log = AppendLog::open(file)?;
        let kept = Content::read(file)?;
        let fits = |row: &Row| row.y < axes.y.len() && row.width() == axes.x.len();
        if kept.of == digest && kept.rows.iter().all(fits) {
            // What stands behind a damaged line is as it should be, or not: it is evaluated anew with it.
            if kept.end < log.len() {
                log.truncate(kept.end)?;
            }
            for row in &kept.rows {
                done.rows[row.y] = Some(row.heights());
            }
        } else {
            log.truncate(0)?;
            append_head(&mut log, &digest)?;
            log.sync()?;
        }
        done.log = Some((log, digest));
        Ok(done)
    }

    /// The rows that are left, in order.
    pub(crate) fn todo(&self) -> Vec<usize> {
        (0..self.rows.len()).filter(|&row| self.rows[row].is_none()).collect()
    }

    /// How many rows are left.
    pub(crate) fn left(&self) -> usize {
        self.rows.iter().filter(|row| row.is_none()).count()
    }

    /// Keeps the heights along a row.
    pub(crate) fn add(&mut self, row: usize, heights: Vec<Height>) -> Result<()> {
        if let Some((log, of)) = &mut self.log {
            append_row(log, of, row, &heights)?;
            if self.synced.elapsed() > BETWEEN_SYNCS {
                self.sync()?;
            }
        }
        self.rows[row] = Some(heights);
        Ok(())
    }

    /// Makes the rows that are done durable.
    pub(crate) fn sync(&mut self) -> Result<()> {
        if let Some((log, _)) = &mut self.log {
            log.sync()?;
            self.synced = Instant::now();
        }
        Ok(())
    }

    /// The surface of the rows, all of which are done.
    pub(crate) fn surface(self) -> Surface {
        let heights: Vec<Height> = self.rows.into_iter().flatten().flatten().collect();
        Surface {
            axes: self.axes.clone(),
            loss: heights.iter().map(|h| h.loss).collect(),
            standard_error: heights.iter().map(|h| h.standard_error).collect(),
            accuracy: heights.iter().map(|h| h.accuracy).collect(),
        }
    }
}

/// What the values of a grid depend on. The kind of an objective cannot be told from its parameters; its
/// loss at the plane's origin stands for it.
fn digest(
    objective: &dyn Objective,
    plane: &Plane,
    axes: &Axes,
    batches: &[Batch],
) -> Result<String> {
    let mut digest = Sha256::new();
    digest.update(env!("CARGO_PKG_VERSION"));
    for parameter in objective.parameters().iter().chain(objective.buffers()) {
        digest.update(format!("{:?} {:?}", parameter.name, parameter.shape()));
    }
    for axis in [&axes.x, &axes.y] {
        digest.update(axis.len().to_le_bytes());
        for coordinate in axis {
            digest.update(coordinate.to_le_bytes());
        }
    }
    for vector in [&plane.origin, &plane.directions[0], &plane.directions[1]] {
        for value in vector {
            digest.update(value.to_le_bytes());
        }
    }
    for batch in batches {
        let targets = match &batch.targets {
            Targets::None => None,
            Targets::Classes(targets) | Targets::Distribution(targets) => Some(targets),
        };
        for tensor in [Some(&batch.inputs), targets].into_iter().flatten() {
            digest.update(format!("{:?}", tensor.dims()));
            for value in numbers(tensor)? {
                digest.update(value.to_le_bytes());
            }
        }
    }
    if let Some(first) = batches.first() {
        let loss = restored(objective, || {
            assign(objective.parameters(), &plane.origin)?;
            objective.recompute_statistics(std::slice::from_ref(first))?;
            Ok(evaluate_batch(objective, first)?.loss)
        })?;
        digest.update(loss.to_le_bytes());
    }
    Ok(hex(digest))
}

fn numbers(tensor: &Tensor) -> candle_core::Result<Vec<f32>> {
    tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()
}
