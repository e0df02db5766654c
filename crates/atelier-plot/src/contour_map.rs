//! Draws a landscape from above.

use crate::color::Rgb;
use crate::color_bar::ColorBar;
use crate::colormap;
use crate::contour_label;
use crate::error::Error;
use crate::font::{self, Weight};
use crate::height_field::HeightField;
use crate::iso_lines::{iso_lines, levels};
use crate::landscape::Prepared;
use crate::occupancy::Occupancy;
use crate::path_drawing;
use crate::scene::{Anchor, Point, Rect, Scene, ShadedImage, Shape, Stroke, Text};
use crate::text::{self, Lines};
use crate::theme;
use crate::ticks::{Tick, ticks};

/// Side of a square of one colour, in pixels.
const SQUARE: f64 = 2.0;
const HOLE: Rgb = Rgb(0xD0, 0xD0, 0xD0);
const ISO_WIDTH: f64 = 2.0;
const ISO_LIGHT: f64 = 0.6;
const TICK_ROOM: f64 = 110.0;
const TICK_GAP: f64 = 8.0;
const AXIS: Stroke = Stroke { color: theme::FAINT_INK, width: theme::AXIS_WIDTH, dash: None };

pub(crate) fn scene(prepared: &Prepared<'_>) -> Result<Scene, Error> {
    let landscape = prepared.landscape;
    let (mut scene, mut area) = landscape.frame()?;
    let mut paths = prepared.paths(None);
    for path in &mut paths {
        // From above a stem is a point.
        path.traced.stems.clear();
    }
    let below = path_drawing::legend(&mut scene, area, &paths);
    if below > area.top {
        area.top = below + theme::GAP;
    }
    let (plot, bar, axes) = layout(prepared, area).ok_or_else(|| landscape.no_room())?;

    let picture = shades(&prepared.field, plot);
    scene.shapes.push(Shape::Shades { area: plot, picture });
    let project = |[u, v, _]: [f64; 3]| -> Point {
        (plot.left + u * plot.width(), plot.bottom - v * plot.height())
    };
    let mut occupancy = Occupancy::new(plot);
    for path in &paths {
        let points: Vec<Point> = path.traced.path.iter().map(|s| project(s.at)).collect();
        occupancy.mark_line(&points);
    }
    let mut labels = Vec::new();
    for level in levels(&prepared.ranges[2]) {
        let background = colormap::color(level.at);
        let color = if colormap::is_dark(background) {
            colormap::mixed(background, theme::PAPER, 0.55)
        } else {
            colormap::lit(background, ISO_LIGHT)
        };
        let stroke = Stroke { color, width: ISO_WIDTH, dash: None };
        let lines = iso_lines(&prepared.field, level.at);
        let lines =
            lines.iter().map(|line| line.iter().map(|(u, v)| project([*u, *v, 0.0])).collect());
        for line in contour_label::labelled(lines.collect(), &level.label, plot, &mut occupancy) {
            for points in line.pieces {
                scene.shapes.push(Shape::Polyline { points, stroke });
            }
            let ink = if colormap::is_dark(background) { theme::PAPER } else { theme::INK };
            labels.extend(line.label.map(|text| Text { color: ink, ..text }));
        }
    }
    scene.shapes.extend(labels.into_iter().map(Shape::Text));
    scene.shapes.extend(path_drawing::paths(&paths, 1.0, project));
    axes.draw(&mut scene, plot);
    bar.draw(&mut scene, (plot.right + 2.0 * theme::GAP, plot.top));
    Ok(scene)
}

/// The two axes of the map.
struct MapAxes {
    x_ticks: Vec<Tick>,
    y_ticks: Vec<Tick>,
    x_title: Lines,
    y_title: Lines,
    /// Widest label of the vertical axis.
    widest: f64,
}

/// Where the map lies, its colour bar and its axes; `None` where there is no room.
fn layout(prepared: &Prepared<'_>, area: Rect) -> Option<(Rect, ColorBar, MapAxes)> {
    let landscape = prepared.landscape;
    let [x, y, height] = prepared.ranges;
    let below =
        theme::TICK_LENGTH + theme::TICK * theme::LINE_SPACING + theme::LABEL * theme::LINE_SPACING;
    let mut plot = Rect { bottom: area.bottom - below, ..area };
    if plot.height() < theme::MIN_PLOT {
        return None;
    }
    let bar = ColorBar::new(&landscape.height, &height, plot.height());
    plot.right -= bar.width() + 2.0 * theme::GAP;
    let width = |tick: &Tick| font::width(&tick.label, theme::TICK, Weight::Regular);
    let beside = |title: &Lines, ticks: &[Tick]| {
        let widest = ticks.iter().map(width).fold(0.0, f64::max);
        (widest, title.height() + theme::GAP + widest + TICK_GAP + theme::TICK_LENGTH)
    };
    let y_axis = |length: f64| {
        let title = text::fit(&landscape.labels[1], Weight::Regular, theme::LABEL, length, 2);
        (ticks(&y, at_most(length)), title)
    };
    let (y_ticks, y_title) = y_axis(plot.height());
    plot.left += beside(&y_title, &y_ticks).1;
    if landscape.equal_scales {
        let scale = (plot.width() / (x.high - x.low)).min(plot.height() / (y.high - y.low));
        let (wide, high) = (scale * (x.high - x.low), scale * (y.high - y.low));
        // In the middle of what is left and right of it, the bar included.
        plot.left += (plot.width() - wide) / 2.0;
        plot.right = plot.left + wide;
        plot.bottom = plot.top + high;
    }
    if !(plot.width() >= theme::MIN_PLOT && plot.height() >= theme::MIN_PLOT) {
        return None;
    }
    let (y_ticks, y_title) = y_axis(plot.height());
    let (widest, _) = beside(&y_title, &y_ticks);
    let x_title = text::fit(&landscape.labels[0], Weight::Regular, theme::LABEL, plot.width(), 1);
    let x_ticks = ticks(&x, at_most(plot.width()));
    let bar = ColorBar::new(&landscape.height, &height, plot.height());
    Some((plot, bar, MapAxes { x_ticks, y_ticks, x_title, y_title, widest }))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "2 to 9")]
fn at_most(length: f64) -> usize {
    (length / TICK_ROOM).clamp(2.0, 9.0) as usize
}

/// The heights as colours.
fn shades(field: &HeightField, plot: Rect) -> ShadedImage {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "60 to 2000")]
    let squares = |side: f64| (side / SQUARE).ceil().max(1.0) as usize;
    let (width, height) = (squares(plot.width()), squares(plot.height()));
    let mut pixels = Vec::with_capacity(width * height);
    for row in 0..height {
        let v = 1.0 - (row as f64 + 0.5) / height as f64;
        for column in 0..width {
            let u = (column as f64 + 0.5) / width as f64;
            pixels.push(field.at(u, v).map_or(HOLE, colormap::color));
        }
    }
    ShadedImage { width, height, pixels }
}

impl MapAxes {
    fn draw(&self, scene: &mut Scene, plot: Rect) {
        let (left_top, right_top) = ((plot.left, plot.top), (plot.right, plot.top));
        let (left_bottom, right_bottom) = ((plot.left, plot.bottom), (plot.right, plot.bottom));
        let points = vec![left_top, right_top, right_bottom, left_bottom, left_top];
        scene.shapes.push(Shape::Polyline { points, stroke: AXIS });
        let text = |at, content: &str, size, anchor, turn| Text {
            at,
            content: content.to_owned(),
            size,
            weight: Weight::Regular,
            color: theme::INK,
            anchor,
            turn,
        };
        for tick in self.x_ticks.iter().filter(|tick| !tick.label.is_empty()) {
            let x = plot.left + tick.at * plot.width();
            scene.line((x, plot.bottom), (x, plot.bottom + theme::TICK_LENGTH), AXIS);
            let baseline = plot.bottom + theme::TICK_LENGTH + theme::TICK;
            scene.text(text((x, baseline), &tick.label, theme::TICK, Anchor::Middle, 0.0));
        }
        for tick in self.y_ticks.iter().filter(|tick| !tick.label.is_empty()) {
            let y = plot.bottom - tick.at * plot.height();
            scene.line((plot.left, y), (plot.left - theme::TICK_LENGTH, y), AXIS);
            let at = (
                plot.left - theme::TICK_LENGTH - TICK_GAP,
                y + theme::TICK * theme::CAP_HEIGHT / 2.0,
            );
            scene.text(text(at, &tick.label, theme::TICK, Anchor::End, 0.0));
        }
        for row in &self.x_title.rows {
            let below = theme::TICK_LENGTH + theme::TICK * theme::LINE_SPACING + self.x_title.size;
            let at = (f64::midpoint(plot.left, plot.right), plot.bottom + below);
            scene.text(text(at, row, self.x_title.size, Anchor::Middle, 0.0));
        }
        let size = self.y_title.size;
        let outer = plot.left
            - theme::TICK_LENGTH
            - TICK_GAP
            - self.widest
            - theme::GAP
            - self.y_title.height();
        for (i, row) in self.y_title.rows.iter().enumerate() {
            let baseline = outer + (i as f64 * theme::LINE_SPACING + 0.9) * size;
            let at = (baseline, f64::midpoint(plot.top, plot.bottom));
            scene.text(text(at, row, size, Anchor::Middle, 90.0));
        }
    }
}
