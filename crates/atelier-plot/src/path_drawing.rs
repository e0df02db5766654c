//! Draws trajectories that were traced, and their legend.

use crate::color::Rgb;
use crate::colormap;
use crate::font::{self, Weight};
use crate::path_tracing::{Sample, Sight, Traced, runs};
use crate::scene::{Anchor, Point, Rect, Scene, Shape, Stroke, Text};
use crate::{text, theme};

const WIDTH: f64 = 4.5;
/// Paper on both sides of a path, so that it stands out from any colour of the surface.
const CASING: f64 = 2.0;
const POINT_RADIUS: f64 = 5.0;
/// Of two points of a path, in pixels: closer ones could not be told apart.
const LEAST_DISTANCE: f64 = 9.0;
const START_RADIUS: f64 = 11.0;
const STAR_RADIUS: f64 = 19.0;
const HIDDEN_WIDTH: f64 = 2.5;
const HIDDEN_DASH: (f64, f64) = (4.0, 7.0);
const STEM_WIDTH: f64 = 2.0;
const STEM_DASH: (f64, f64) = (3.0, 4.0);
const TIP_RADIUS: f64 = 3.0;
/// Shorter stems would only blur their point, in pixels.
const LEAST_STEM: f64 = 6.0;

const LEGEND_LINE: f64 = theme::LABEL * 1.4;
const LEGEND_GAP: f64 = 32.0;
const SWATCH_GAP: f64 = 12.0;

/// A trajectory that is ready to be drawn.
pub(crate) struct Path<'a> {
    pub name: &'a str,
    pub color: Rgb,
    pub traced: Traced,
}

/// The trajectories as far as they have come: `progress` is 0 at their starts and 1 at their ends.
pub(crate) fn paths(
    paths: &[Path<'_>],
    progress: f64,
    project: impl Fn([f64; 3]) -> Point,
) -> Vec<Shape> {
    let mut shapes = Vec::new();
    let pixels = |run: &[Sample]| run.iter().map(|s| project(s.at)).collect::<Vec<_>>();
    for Path { color, traced, .. } in paths {
        stems(&mut shapes, *color, traced, progress, &pixels);
    }
    for Path { color, traced, .. } in paths {
        let line = |width, color, dash| Stroke { color, width, dash };
        let seen = line(WIDTH, *color, None);
        let casing = line(WIDTH + 2.0 * CASING, theme::PAPER, None);
        let hidden = line(HIDDEN_WIDTH, *color, Some(HIDDEN_DASH));
        for (sight, run) in runs(&traced.path, progress) {
            let points = pixels(run);
            let stroke = if sight == Sight::Seen { casing } else { hidden };
            shapes.push(Shape::Polyline { points, stroke });
        }
        for (_, run) in runs(&traced.path, progress).filter(|(sight, _)| *sight == Sight::Seen) {
            shapes.push(Shape::Polyline { points: pixels(run), stroke: seen });
        }
        let seen: Vec<Sample> = (traced.path.iter())
            .filter(|s| s.given && s.sight == Sight::Seen && s.time <= progress)
            .copied()
            .collect();
        for center in apart(&pixels(&seen)) {
            disc(&mut shapes, center, POINT_RADIUS, *color);
        }
    }
    for Path { color, traced, .. } in paths {
        let shown = traced.path.partition_point(|sample| sample.time <= progress);
        let reached = &traced.path[..shown];
        if let Some(first) = reached.first().filter(|s| s.sight == Sight::Seen) {
            start(&mut shapes, project(first.at), *color);
        }
        if let Some(head) = reached.last().filter(|s| s.sight == Sight::Seen) {
            if progress >= 1.0 {
                star(&mut shapes, project(head.at), *color);
            } else if progress > 0.0 {
                disc(&mut shapes, project(head.at), START_RADIUS, *color);
            }
        }
    }
    shapes
}

/// Points without those that would cover the last one before them.
fn apart(points: &[Point]) -> Vec<Point> {
    let mut kept: Vec<Point> = Vec::new();
    for point in points {
        let near = |last: &Point| (point.0 - last.0).hypot(point.1 - last.1) < LEAST_DISTANCE;
        if !kept.last().is_some_and(near) {
            kept.push(*point);
        }
    }
    kept
}

fn stems(
    shapes: &mut Vec<Shape>,
    color: Rgb,
    traced: &Traced,
    progress: f64,
    pixels: &impl Fn(&[Sample]) -> Vec<Point>,
) {
    // Paler than its path: there are many.
    let color = colormap::lit(color, 1.25);
    for stem in &traced.stems {
        let all = pixels(stem);
        let (Some(foot), Some(tip)) = (all.first(), all.last()) else { continue };
        if stem[0].time > progress || (tip.0 - foot.0).hypot(tip.1 - foot.1) < LEAST_STEM {
            continue;
        }
        for (sight, run) in runs(stem, 1.0) {
            let dash = (sight == Sight::Hidden).then_some(STEM_DASH);
            let stroke = Stroke { color, width: STEM_WIDTH, dash };
            let points = pixels(run);
            // The ends suffice: a stem is straight.
            let points = vec![points[0], points[points.len() - 1]];
            shapes.push(Shape::Polyline { points, stroke });
        }
        shapes.push(Shape::Circle { center: *tip, radius: TIP_RADIUS, fill: color });
    }
}

/// A disc on paper.
fn disc(shapes: &mut Vec<Shape>, center: Point, radius: f64, fill: Rgb) {
    shapes.push(Shape::Circle { center, radius: radius + CASING, fill: theme::PAPER });
    shapes.push(Shape::Circle { center, radius, fill });
}

/// A ring.
fn start(shapes: &mut Vec<Shape>, center: Point, color: Rgb) {
    disc(shapes, center, START_RADIUS, color);
    let radius = START_RADIUS - WIDTH;
    shapes.push(Shape::Circle { center, radius, fill: theme::PAPER });
}

/// A star with five points.
fn star(shapes: &mut Vec<Shape>, center: Point, color: Rgb) {
    for (radius, fill) in [(STAR_RADIUS + 2.5 * CASING, theme::PAPER), (STAR_RADIUS, color)] {
        let corner = |k: u32| {
            // The inner corners of a pentagram.
            let radius = if k.is_multiple_of(2) { radius } else { 0.382 * radius };
            let (sin, cos) = (f64::from(k) * 36.0).to_radians().sin_cos();
            (center.0 + radius * sin, center.1 - radius * cos)
        };
        shapes.push(Shape::Polygon { points: (0..10).map(corner).collect(), fill });
    }
}

/// What an entry of the legend explains.
enum Swatch {
    Path(Rgb),
    Start,
    End,
    Hidden,
    Stem,
}

/// Writes the legend from the top of `area` in as many rows as it needs; returns where it ends.
pub(crate) fn legend(scene: &mut Scene, area: Rect, paths: &[Path<'_>]) -> f64 {
    let mut entries: Vec<(Swatch, String)> = Vec::new();
    for path in paths.iter().filter(|path| !text::clean(path.name).is_empty()) {
        entries.push((Swatch::Path(path.color), text::clean(path.name)));
    }
    let any = |test: &dyn Fn(&Traced) -> bool| paths.iter().any(|path| test(&path.traced));
    if !paths.is_empty() {
        entries.push((Swatch::Start, "start".to_owned()));
        entries.push((Swatch::End, "end".to_owned()));
    }
    if any(&|traced| !traced.stems.is_empty()) {
        entries.push((Swatch::Stem, "loss off the plane".to_owned()));
    }
    let hidden = |sample: &Sample| sample.sight == Sight::Hidden;
    if any(&|traced| traced.path.iter().chain(traced.stems.iter().flatten()).any(hidden)) {
        entries.push((Swatch::Hidden, "hidden by the surface".to_owned()));
    }
    let (mut left, mut top) = (area.left, area.top);
    for (swatch, name) in &entries {
        let swatch_width = match swatch {
            Swatch::Start | Swatch::End | Swatch::Stem => 2.0 * STAR_RADIUS,
            Swatch::Path(_) | Swatch::Hidden => theme::SWATCH,
        };
        let room = area.width() - swatch_width - SWATCH_GAP;
        let name = text::shorten(name, Weight::Regular, theme::LABEL, room);
        let width = font::width(&name, theme::LABEL, Weight::Regular);
        let right = left + swatch_width + SWATCH_GAP + width;
        if left > area.left && right > area.right {
            left = area.left;
            top += LEGEND_LINE;
        }
        let middle = top + LEGEND_LINE / 2.0;
        draw_swatch(scene, swatch, (left, middle), swatch_width);
        scene.text(Text {
            at: (left + swatch_width + SWATCH_GAP, middle + theme::LABEL * theme::CAP_HEIGHT / 2.0),
            content: name,
            size: theme::LABEL,
            weight: Weight::Regular,
            color: theme::INK,
            anchor: Anchor::Start,
            turn: 0.0,
        });
        left += swatch_width + SWATCH_GAP + width + LEGEND_GAP;
    }
    if entries.is_empty() { top } else { top + LEGEND_LINE }
}

fn draw_swatch(scene: &mut Scene, swatch: &Swatch, (left, y): Point, width: f64) {
    let line = |color, width, dash| Stroke { color, width, dash };
    let ends = ((left, y), (left + width, y));
    let center = (left + width / 2.0, y);
    match swatch {
        Swatch::Path(color) => {
            scene.line(ends.0, ends.1, line(*color, WIDTH, None));
            disc(&mut scene.shapes, center, POINT_RADIUS + 1.0, *color);
        }
        Swatch::Start => start(&mut scene.shapes, center, theme::FAINT_INK),
        Swatch::End => star(&mut scene.shapes, center, theme::FAINT_INK),
        Swatch::Hidden => {
            scene.line(ends.0, ends.1, line(theme::FAINT_INK, HIDDEN_WIDTH, Some(HIDDEN_DASH)));
        }
        Swatch::Stem => {
            let (low, high) = ((center.0, y + 13.0), (center.0, y - 13.0));
            scene.line(low, high, line(theme::FAINT_INK, STEM_WIDTH, None));
            disc(&mut scene.shapes, high, POINT_RADIUS, theme::FAINT_INK);
            scene.shapes.push(Shape::Circle {
                center: low,
                radius: TIP_RADIUS,
                fill: theme::FAINT_INK,
            });
        }
    }
}
