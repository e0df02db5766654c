//! Draws an invented loss landscape with two descents: `landscape DIR` writes its pictures into DIR.

use std::error::Error;
use std::path::Path;

use atelier_plot::{Axis, Landscape, SurfaceGrid, Trajectory, TrajectoryPoint};

const POINTS: i32 = 41;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::args().nth(1).ok_or("usage: landscape DIR")?;
    let dir = Path::new(&dir);
    std::fs::create_dir_all(dir)?;
    let logarithmic = landscape(Axis::logarithmic("training cross-entropy (nats)"));
    let linear = landscape(Axis::linear("training cross-entropy (nats)").at_least(0.0))
        .ceiling(12.0)
        .caption("Heights above 12 nats are cut.");
    let map = logarithmic.clone().title("Two descents, from above").equal_scales();
    for (name, figure) in [
        ("surface", logarithmic.surface()?),
        ("surface-linear", linear.surface()?),
        ("map", map.contour_map()?),
        ("map-linear", linear.contour_map()?),
    ] {
        std::fs::write(dir.join(name).with_extension("png"), &figure.png)?;
        std::fs::write(dir.join(name).with_extension("svg"), &figure.svg)?;
    }
    std::fs::write(dir.join("descent.png"), logarithmic.animation(50)?)?;
    Ok(())
}

fn landscape(height: Axis) -> Landscape {
    let xs: Vec<f64> = (0..POINTS).map(|i| -12.0 + 24.0 * f64::from(i) / 40.0).collect();
    let ys: Vec<f64> = (0..POINTS).map(|j| -9.0 + 18.0 * f64::from(j) / 40.0).collect();
    let row = |y: &f64| xs.iter().map(|x| loss(*x, *y)).collect::<Vec<f64>>();
    let losses: Vec<f64> = ys.iter().flat_map(row).collect();
    Landscape::new(
        "Loss landscape and two descents from different initialisations",
        SurfaceGrid::new(xs, ys, losses),
        ["PC 1 (62.1 % of variance)", "PC 2 (17.4 % of variance)"],
        height,
    )
    .subtitle("784-50-50-50-10, SGD 0.1, batch 64, seeds 0 and 1, 41 x 41 losses of 2,500 examples")
    .caption(
        "Invented. Plane: the first two principal components of 2 x 61 snapshots, four an epoch, \
         about their mean; random walks of the same lengths would show 61 % and 15 %. Distance off \
         the plane: 1.2 to 4.8. Loss axis logarithmic, nothing clipped. A two-dimensional slice: \
         other directions may be sharper.",
    )
    .trajectory(descent("seed 0", -1.0))
    .trajectory(descent("seed 1", 1.0))
}

/// Two basins, walls that grow steep, and a ridge between them.
fn loss(x: f64, y: f64) -> f64 {
    let basin = |cx: f64, cy: f64| {
        let (dx, dy) = (x - cx, y - cy);
        let turned = (0.8 * dx + 0.6 * dy, 0.8 * dy - 0.6 * dx);
        0.02 * turned.0 * turned.0 + 0.09 * turned.1 * turned.1
    };
    let (left, right) = (basin(-5.0, -1.0), basin(5.0, 1.5) + 0.02);
    // A smooth minimum of the two.
    let both = -((-left).exp() + (-right).exp()).ln() + 0.7;
    let walls = (0.006 * (x * x + 1.6 * y * y)).powi(3);
    let ripples = 0.06 * (1.3 * x).sin() * (1.1 * y + 0.4).cos();
    0.3 + both.max(0.0) + walls * 9.0 + ripples
}

/// A spiral from near the middle of one side into a basin.
fn descent(name: &str, side: f64) -> Trajectory {
    let center = if side < 0.0 { (-5.0, -1.0) } else { (5.0, 1.5) };
    let points: Vec<TrajectoryPoint> = (0..=60)
        .map(|k| {
            let t = f64::from(k) / 60.0;
            let radius = 6.5 * (-3.6 * t).exp();
            let angle = 1.9 + side * 0.6 + 5.5 * t;
            let x = center.0 + radius * angle.cos() + 0.12 * (37.0 * t).sin();
            let y = center.1 + radius * angle.sin() + 0.12 * (53.0 * t).cos();
            let in_plane = loss(x, y);
            let itself = in_plane * (0.55 + 0.4 * t) - 0.05;
            TrajectoryPoint { x, y, loss_in_plane: in_plane, loss: itself.max(0.18) }
        })
        .collect();
    Trajectory::new(name, points)
}
