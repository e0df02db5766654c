//! A surface as coloured quadrilaterals, from the farthest to the nearest.

use crate::camera::{BOX_HEIGHT, Camera};
use crate::colormap;
use crate::height_field::{HeightField, LIFT};
use crate::iso_lines::iso_lines;
use crate::scene::{Point, Shape, Stroke};
use crate::ticks::Tick;

/// Quadrilaterals along each side: as many as divide the cells of the grid evenly, so that those of
/// a coarse grid get smooth shades, and not more, so that the SVG of a fine one stays small.
const MOST: usize = 120;
/// Light in the shade, and what is added where it falls straight.
const AMBIENT: f64 = 0.66;
const DIRECT: f64 = 0.46;
/// What the underside keeps of it.
const UNDERSIDE: f64 = 0.85;
/// Where the light comes from: left of the viewer, and above, in degrees.
const LIGHT: (f64, f64) = (-75.0, 50.0);

const ISO_WIDTH: f64 = 1.8;
/// How dark lines of equal height are, beside the surface's colour.
const ISO_LIGHT: f64 = 0.55;
/// Longest piece of such a line that shows or is hidden as a whole, in widths of the surface.
const ISO_PIECE: f64 = 0.01;

/// The quadrilaterals. Seen in parallel, one hides another only if it lies nearer along both sides
/// of the grid, so their distances along the ground are an order of painting without exceptions.
pub(crate) fn mesh(field: &HeightField, camera: &Camera) -> Vec<Shape> {
    let (us, vs) = (nodes(&field.us), nodes(&field.vs));
    let ws: Vec<Option<f64>> =
        vs.iter().flat_map(|v| us.iter().map(|u| field.at(*u, *v))).collect();
    let light = light(camera);
    let step = (1.0 / (field.us.len() - 1) as f64, 1.0 / (field.vs.len() - 1) as f64);

    let mut cells = Vec::with_capacity(ws.len());
    for j in 0..vs.len() - 1 {
        for i in 0..us.len() - 1 {
            let at = |i: usize, j: usize| ws[j * us.len() + i].map(|w| [us[i], vs[j], w]);
            let (Some(a), Some(b), Some(c), Some(d)) =
                (at(i, j), at(i + 1, j), at(i + 1, j + 1), at(i, j + 1))
            else {
                continue;
            };
            let corners = below_ceiling(&[a, b, c, d]);
            if corners.len() < 3 {
                continue;
            }
            let (u, v) = (f64::midpoint(us[i], us[i + 1]), f64::midpoint(vs[j], vs[j + 1]));
            let points: Vec<Point> = corners.iter().map(|c| camera.project(*c)).collect();
            let mean = corners.iter().map(|c| c[2]).sum::<f64>() / corners.len() as f64;
            let mut brightness =
                AMBIENT + DIRECT * lambert(slope(field, (u, v), step), light, camera);
            if faces_away(slope(field, (u, v), step), camera) {
                brightness *= UNDERSIDE;
            }
            let fill = colormap::lit(colormap::color(mean), brightness);
            cells.push((camera.nearness(u, v), Shape::Polygon { points, fill }));
        }
    }
    cells.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    cells.into_iter().map(|(_, shape)| shape).collect()
}

/// The lines of equal height on the surface, as far as they can be seen.
pub(crate) fn lines(field: &HeightField, camera: &Camera, levels: &[Tick]) -> Vec<Shape> {
    let mut shapes = Vec::new();
    for level in levels {
        let color = colormap::lit(colormap::color(level.at), ISO_LIGHT);
        let stroke = Stroke { color, width: ISO_WIDTH, dash: None };
        for line in iso_lines(field, level.at) {
            let mut run: Vec<Point> = Vec::new();
            for (u, v) in refined(&line) {
                let surface = field.at(u, v).unwrap_or(level.at);
                if field.shows([u, v, surface.max(level.at) + LIFT], camera) {
                    run.push(camera.project([u, v, level.at]));
                } else if run.len() > 1 {
                    shapes.push(Shape::Polyline { points: std::mem::take(&mut run), stroke });
                } else {
                    run.clear();
                }
            }
            if run.len() > 1 {
                shapes.push(Shape::Polyline { points: run, stroke });
            }
        }
    }
    shapes
}

fn refined(line: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut fine = Vec::new();
    for pair in line.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 150")]
        let pieces = ((to.0 - from.0).hypot(to.1 - from.1) / ISO_PIECE).ceil().max(1.0) as usize;
        fine.extend((0..pieces).map(|k| {
            let share = k as f64 / pieces as f64;
            (from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1))
        }));
    }
    fine.extend(line.last());
    fine
}

/// Where the corners of quadrilaterals lie.
fn nodes(edges: &[f64]) -> Vec<f64> {
    let cells = edges.len() - 1;
    if cells > MOST {
        return (0..=MOST).map(|k| k as f64 / MOST as f64).collect();
    }
    let parts = MOST / cells;
    let inside = |pair: &[f64]| {
        let (from, to) = (pair[0], pair[1]);
        (0..parts).map(move |k| from + (to - from) * k as f64 / parts as f64)
    };
    let mut nodes: Vec<f64> = edges.windows(2).flat_map(inside).collect();
    nodes.push(1.0);
    nodes
}

/// What is left of a polygon below the ceiling.
fn below_ceiling(corners: &[[f64; 3]]) -> Vec<[f64; 3]> {
    let mut kept = Vec::with_capacity(corners.len() + 1);
    for (k, to) in corners.iter().enumerate() {
        let from = corners[(k + corners.len() - 1) % corners.len()];
        if (from[2] > 1.0) != (to[2] > 1.0) {
            let share = (1.0 - from[2]) / (to[2] - from[2]);
            let between = |axis: usize| from[axis] + share * (to[axis] - from[axis]);
            kept.push([between(0), between(1), 1.0]);
        }
        if to[2] <= 1.0 {
            kept.push(*to);
        }
    }
    kept
}

/// How the surface rises along u and v, over a cell of the grid to either side.
fn slope(field: &HeightField, (u, v): (f64, f64), step: (f64, f64)) -> (f64, f64) {
    let along = |du: f64, dv: f64, length: f64| {
        let here = field.at(u, v);
        let (before, after) = (field.at(u - du, v - dv), field.at(u + du, v + dv));
        match (before, here, after) {
            (Some(before), _, Some(after)) => (after - before) / (2.0 * length),
            (Some(before), Some(here), None) => (here - before) / length,
            (None, Some(here), Some(after)) => (after - here) / length,
            _ => 0.0,
        }
    };
    (BOX_HEIGHT * along(step.0, 0.0, step.0), BOX_HEIGHT * along(0.0, step.1, step.1))
}

fn light(camera: &Camera) -> [f64; 3] {
    let (sin, cos) = LIGHT.0.to_radians().sin_cos();
    let (rise, flat) = LIGHT.1.to_radians().sin_cos();
    let (x, y) = camera.toward;
    [flat * (x * cos - y * sin), flat * (x * sin + y * cos), rise]
}

/// The share of the light that falls on a slope, on the side that the viewer sees.
fn lambert(slope: (f64, f64), light: [f64; 3], camera: &Camera) -> f64 {
    let side = if faces_away(slope, camera) { -1.0 } else { 1.0 };
    let length = slope.0.hypot(slope.1).hypot(1.0);
    (side * (light[2] - slope.0 * light[0] - slope.1 * light[1]) / length).max(0.0)
}

fn faces_away(slope: (f64, f64), camera: &Camera) -> bool {
    slope.0 * camera.toward.0 + slope.1 * camera.toward.1 > camera.rise * BOX_HEIGHT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_polygon_is_cut_at_the_ceiling() {
        let square = [[0.0, 0.0, 0.5], [1.0, 0.0, 0.5], [1.0, 1.0, 1.5], [0.0, 1.0, 1.5]];
        let kept = below_ceiling(&square);
        assert_eq!(kept.len(), 4);
        assert!(kept.iter().all(|c| c[2] <= 1.0 && c[1] <= 0.5), "{kept:?}");
        assert!(below_ceiling(&square.map(|[u, v, _]| [u, v, 1.1])).is_empty());
        assert_eq!(below_ceiling(&square.map(|[u, v, _]| [u, v, 0.9])).len(), 4);
    }

    #[test]
    fn the_number_of_quadrilaterals_is_bounded_and_the_grid_is_among_their_corners() {
        for points in [2_u32, 41, 121, 500] {
            let edges: Vec<f64> =
                (0..points).map(|i| f64::from(i) / f64::from(points - 1)).collect();
            let nodes = nodes(&edges);
            assert!((61..=121).contains(&nodes.len()), "{points}: {}", nodes.len());
            assert!(points > 121 || edges.iter().all(|e| nodes.contains(e)), "{points}");
        }
    }
}
