use std::fmt::{Display, Write as _};

use crate::{Result, SurfaceTable, TrajectoryTable};

impl SurfaceTable<'_> {
    /// The surface as a structured grid in VTK's legacy text format, which `ParaView` opens: each
    /// point stands at (x, y, loss) and carries `loss` and, where they are known, `standard_error` and
    /// `accuracy`.
    ///
    /// x and y are distances in parameter space and z is a loss: scale z in the viewer (filter
    /// Transform) as it looks best. Numbers come back to the bit.
    ///
    /// # Errors
    /// As [`SurfaceTable::csv`].
    ///
    /// # References
    /// *VTK file formats: simple legacy formats*, <https://docs.vtk.org>.
    pub fn vtk(&self) -> Result<Vec<u8>> {
        self.check()?;
        let mut text = head("loss surface over a plane in parameter space", "STRUCTURED_GRID");
        let (columns, rows) = (self.x.len(), self.y.len());
        let _ = writeln!(text, "DIMENSIONS {columns} {rows} 1");
        let places = self.y.iter().flat_map(|y| self.x.iter().map(move |x| (*x, *y)));
        let n = columns * rows;
        points(&mut text, n, places.zip(self.loss).map(|((x, y), &loss)| [x, y, loss]));
        let known = |name, values: Option<&[f64]>| {
            values.map(|values| (name, "double", values.iter().copied().map(number).collect()))
        };
        let others =
            [known("standard_error", self.standard_error), known("accuracy", self.accuracy)];
        point_data(&mut text, self.loss, &others.into_iter().flatten().collect::<Vec<_>>());
        Ok(text.into_bytes())
    }
}

impl TrajectoryTable<'_> {
    /// The run as a line in VTK's legacy text format, for the scene of [`SurfaceTable::vtk`]: it
    /// passes through (x, y, loss in the plane), so it lies on the surface, and its points carry
    /// `step`, `epoch`, `loss`, `loss_in_plane` and `distance_off_plane`. Numbers come back to the
    /// bit.
    ///
    /// # Errors
    /// As [`TrajectoryTable::csv`].
    pub fn vtk(&self) -> Result<Vec<u8>> {
        self.check()?;
        let mut text = head("trajectory in a plane in parameter space", "POLYDATA");
        let n = self.snapshots.len();
        let places = self.projections.iter().zip(self.loss_in_plane);
        points(&mut text, n, places.map(|(at, &loss)| [at.x, at.y, loss]));
        let order: Vec<String> = (0..n).map(|i| i.to_string()).collect();
        let _ = writeln!(text, "LINES 1 {}\n{n} {}", n + 1, order.join(" "));
        let others = [
            ("step", "long", self.snapshots.iter().map(|s| s.step.to_string()).collect()),
            ("epoch", "double", self.snapshots.iter().map(|s| number(s.epoch)).collect()),
            ("loss_in_plane", "double", self.loss_in_plane.iter().copied().map(number).collect()),
            (
                "distance_off_plane",
                "double",
                self.projections.iter().map(|at| number(at.distance)).collect(),
            ),
        ];
        point_data(&mut text, self.loss, &others);
        Ok(text.into_bytes())
    }
}

fn head(title: &str, dataset: &str) -> String {
    format!("# vtk DataFile Version 3.0\n{title}\nASCII\nDATASET {dataset}\n")
}

fn points(text: &mut String, n: usize, points: impl Iterator<Item = [f64; 3]>) {
    let _ = writeln!(text, "POINTS {n} double");
    for [x, y, z] in points {
        let _ = writeln!(text, "{x:?} {y:?} {z:?}");
    }
}

/// A name, a VTK type, and a value for each point.
type Column = (&'static str, &'static str, Vec<String>);

/// The loss as what a viewer colours by, the others as a field: of several attributes of the kind
/// `SCALARS`, VTK's readers by themselves take the first alone.
fn point_data(text: &mut String, loss: &[f64], others: &[Column]) {
    let n = loss.len();
    let _ = writeln!(text, "POINT_DATA {n}\nSCALARS loss double 1\nLOOKUP_TABLE default");
    lines(text, loss.iter().copied().map(number));
    if others.is_empty() {
        return;
    }
    let _ = writeln!(text, "FIELD FieldData {}", others.len());
    for (name, kind, values) in others {
        let _ = writeln!(text, "{name} 1 {n} {kind}");
        lines(text, values.iter());
    }
}

fn lines(text: &mut String, values: impl Iterator<Item = impl Display>) {
    for value in values {
        let _ = writeln!(text, "{value}");
    }
}

/// The shortest text that comes back to the bit, with an exponent where there would be many zeros.
fn number(value: f64) -> String {
    format!("{value:?}")
}
