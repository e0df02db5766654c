//! The files that a landscape leaves behind: enough to compute every number of it again.

use anyhow::Result;
use atelier_landscape::{SurfaceTable, TrajectoryTable};
use atelier_store::npy_bytes;
use serde_json::json;

use super::computed::{Landscape, Seen};
use super::subject::{Run, Subject};
use crate::experiment::recorded::Recorded;

/// Writes arrays, tables and scenes.
pub(crate) fn write(
    recorded: &Recorded,
    subject: &Subject,
    runs: &[Run],
    landscape: &Landscape,
) -> Result<()> {
    let dir = &recorded.dir;
    let Landscape { plane, surface, .. } = landscape;
    let n = plane.origin.len();
    let grid = [surface.axes.y.len(), surface.axes.x.len()];
    dir.write("origin.npy", &npy_bytes(&[n], &plane.origin)?)?;
    dir.write("directions.npy", &npy_bytes(&[2, n], &plane.directions.concat())?)?;
    dir.write("surface.npy", &npy_bytes(&grid, &surface.loss)?)?;
    dir.write("examples.npy", &npy_bytes(&[subject.examples.len()], &subject.examples)?)?;
    if let Some(standardization) = &subject.standardization {
        let rows = [standardization.mean.as_slice(), &standardization.scale].concat();
        let shape = [2, standardization.mean.len()];
        dir.write("standardization.npy", &npy_bytes(&shape, &rows)?)?;
    }

    let table = table(landscape);
    dir.write("surface.csv", &table.csv()?)?;
    dir.write("surface.vtk", &table.vtk()?)?;
    for (run, seen) in runs.iter().zip(&landscape.runs) {
        let points = &run.trajectory.points;
        let values: Vec<f32> = points.iter().copied().collect();
        let name = &run.name;
        let bytes = npy_bytes(&[points.nrows(), points.ncols()], &values)?;
        dir.write(&format!("snapshots-{name}.npy"), &bytes)?;
        let (loss, in_plane) = losses(seen);
        let table = TrajectoryTable {
            snapshots: &run.trajectory.snapshots,
            projections: &seen.projections,
            loss: &loss,
            loss_in_plane: &in_plane,
        };
        dir.write(&format!("trajectory-{name}.csv"), &table.csv()?)?;
        dir.write(&format!("trajectory-{name}.vtk"), &table.vtk()?)?;
    }
    let axes = json!({
        "schema_version": 1,
        "x": surface.axes.x,
        "y": surface.axes.y,
        "parameters": parameters(subject),
        "batches": subject.batches.iter().map(atelier_core::Batch::len).collect::<Vec<_>>(),
        "standardized": subject.standardization.is_some(),
        "loss": subject.quantity,
    });
    let mut text = serde_json::to_vec_pretty(&axes)?;
    text.push(b'\n');
    Ok(dir.write("axes.json", &text)?)
}

/// The parameters in the order of the arrays' columns, with their shapes.
fn parameters(subject: &Subject) -> Vec<serde_json::Value> {
    let parameters = subject.objective.parameters().iter();
    parameters.map(|p| json!({ "name": p.name, "shape": p.shape() })).collect()
}

fn table(landscape: &Landscape) -> SurfaceTable<'_> {
    let surface = &landscape.surface;
    SurfaceTable {
        x: &surface.axes.x,
        y: &surface.axes.y,
        loss: &surface.loss,
        standard_error: surface.standard_error.as_deref(),
        accuracy: surface.accuracy.as_deref(),
    }
}

/// The losses of a run at its snapshots and at their projections.
pub(crate) fn losses(seen: &Seen) -> (Vec<f64>, Vec<f64>) {
    let of = |heights: &[atelier_landscape::Height]| heights.iter().map(|h| h.loss).collect();
    (of(&seen.heights), of(&seen.in_plane))
}
