//! Tables and scenes: every number comes back to the bit, in the place that it belongs to.

use atelier_landscape::{Error, Projection, Snapshot, SurfaceTable, TrajectoryTable};

const LOSS: [f64; 6] = [0.1, 1.0 / 3.0, 2.5e-17, 4.0, 1e300, 6.0];
const ERROR: [f64; 6] = [0.01, 0.02, 0.03, 0.04, 0.05, 0.06];
const SURFACE: SurfaceTable = SurfaceTable {
    x: &[-1.0, 0.0, 0.7],
    y: &[10.0, 20.5],
    loss: &LOSS,
    standard_error: Some(&ERROR),
    accuracy: Some(&[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
};

fn snapshots() -> Vec<Snapshot> {
    let at = |(step, minibatch_loss)| Snapshot { step, epoch: step as f64 / 3.0, minibatch_loss };
    [(0, None), (10, Some(0.7)), (20, Some(0.1))].map(at).to_vec()
}

fn projections() -> Vec<Projection> {
    let at = |(x, y, distance)| Projection { x, y, distance };
    [(0.0, 0.1, 0.0), (1.0 / 3.0, -2.0, 1e-20), (3.0, 4.0, 5.0)].map(at).to_vec()
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

/// The numbers of the lines after the one that is `heading`.
fn after(text: &str, heading: &str, lines: usize) -> Vec<f64> {
    let rest = text.lines().skip_while(|line| *line != heading).skip(1);
    let rest = rest.filter(|line| !line.starts_with("LOOKUP_TABLE")).take(lines);
    rest.flat_map(str::split_whitespace).map(|word| word.parse().unwrap()).collect()
}

#[test]
fn a_surface_is_a_line_for_each_point_row_by_row() {
    let text = text(SURFACE.csv().unwrap());
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("x,y,loss,standard_error,accuracy"));
    let rows: Vec<Vec<f64>> =
        lines.map(|line| line.split(',').map(|field| field.parse().unwrap()).collect()).collect();
    assert_eq!(rows.len(), 6);
    assert_eq!(rows[1], [0.0, 10.0, 1.0 / 3.0, 0.02, 0.2]);
    assert_eq!(rows[2], [0.7, 10.0, 2.5e-17, 0.03, 0.4]);
    assert_eq!(rows[4], [0.0, 20.5, 1e300, 0.05, 0.8]);
}

#[test]
fn columns_that_are_not_known_are_empty() {
    let table = SurfaceTable { standard_error: None, accuracy: None, ..SURFACE };
    let csv = text(table.csv().unwrap());
    assert_eq!(csv.lines().nth(1), Some("-1.0,10.0,0.1,,"));
    let vtk = text(table.vtk().unwrap());
    assert!(vtk.contains("SCALARS loss") && !vtk.contains("FIELD") && !vtk.contains("accuracy"));
}

#[test]
fn a_surface_is_a_structured_grid_whose_height_is_the_loss() {
    let text = text(SURFACE.vtk().unwrap());
    assert!(text.starts_with("# vtk DataFile Version 3.0\n"));
    let wanted = "ASCII\nDATASET STRUCTURED_GRID\nDIMENSIONS 3 2 1\nPOINTS 6 double\n";
    assert!(text.contains(wanted), "{text}");
    let points = after(&text, "POINTS 6 double", 6);
    assert_eq!(points[3..6], [0.0, 10.0, 1.0 / 3.0]);
    assert_eq!(points[15..], [0.7, 20.5, 6.0]);
    assert!(text.contains("\nPOINT_DATA 6\nSCALARS") && text.contains("\nFIELD FieldData 2\n"));
    assert_eq!(after(&text, "SCALARS loss double 1", 6), LOSS);
    assert_eq!(after(&text, "standard_error 1 6 double", 6), ERROR);
    assert_eq!(after(&text, "accuracy 1 6 double", 6), SURFACE.accuracy.unwrap());
}

#[test]
fn a_trajectory_is_a_line_for_each_snapshot_and_lies_on_the_surface() {
    let (snapshots, projections) = (snapshots(), projections());
    let table = TrajectoryTable {
        snapshots: &snapshots,
        projections: &projections,
        loss: &[2.3, 0.6, 0.1],
        loss_in_plane: &[2.3, 0.9, 0.7],
    };
    assert_eq!(
        text(table.csv().unwrap()),
        "step,epoch,x,y,loss,loss_in_plane,distance_off_plane,minibatch_loss\n\
         0,0.0,0.0,0.1,2.3,2.3,0.0,\n\
         10,3.3333333333333335,0.3333333333333333,-2.0,0.6,0.9,1e-20,0.7\n\
         20,6.666666666666667,3.0,4.0,0.1,0.7,5.0,0.1\n"
    );
    let vtk = text(table.vtk().unwrap());
    assert!(vtk.contains("DATASET POLYDATA\nPOINTS 3 double\n"));
    assert_eq!(after(&vtk, "POINTS 3 double", 3)[3..6], [1.0 / 3.0, -2.0, 0.9]);
    assert!(vtk.contains("\nLINES 1 4\n3 0 1 2\nPOINT_DATA 3\n"));
    assert_eq!(after(&vtk, "step 1 3 long", 3), [0.0, 10.0, 20.0]);
    assert_eq!(after(&vtk, "SCALARS loss double 1", 3), [2.3, 0.6, 0.1]);
    assert_eq!(after(&vtk, "distance_off_plane 1 3 double", 3), [0.0, 1e-20, 5.0]);
}

#[test]
fn tables_with_missing_or_infinite_values_are_refused() {
    let short = SurfaceTable { loss: &LOSS[..5], ..SURFACE };
    let message = short.csv().unwrap_err().to_string();
    assert_eq!(message, "loss of the surface is 5 values, expected 6 values");
    assert!(SurfaceTable { accuracy: Some(&[0.5]), ..SURFACE }.vtk().is_err());
    assert!(SurfaceTable { standard_error: Some(&[0.5]), ..SURFACE }.csv().is_err());
    let nan = [0.0, 0.0, f64::NAN, 0.0, 0.0, 0.0];
    for error in [
        SurfaceTable { loss: &nan, ..SURFACE }.csv().unwrap_err(),
        SurfaceTable { loss: &nan, ..SURFACE }.vtk().unwrap_err(),
    ] {
        assert!(matches!(error, Error::NonFinite { .. }), "{error:?}");
        assert!(error.to_string().contains("point of the grid 2"), "{error}");
    }
    let (snapshots, projections) = (snapshots(), projections());
    let table = TrajectoryTable {
        snapshots: &snapshots,
        projections: &projections,
        loss: &[1.0; 3],
        loss_in_plane: &[1.0, f64::INFINITY, 1.0],
    };
    let message = table.csv().unwrap_err().to_string();
    assert_eq!(message, "the loss is inf at projection of snapshot 1, expected a finite number");
    assert!(TrajectoryTable { loss: &[1.0; 2], ..table }.vtk().is_err());
    assert!(TrajectoryTable { projections: &projections[1..], ..table }.csv().is_err());
}
