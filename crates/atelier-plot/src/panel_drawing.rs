//! Draws a panel that is laid out: grid, reference lines, data, axes, legend.

use crate::color::{Color, Rgb};
use crate::decimate;
use crate::font::Weight;
use crate::frame::write_lines;
use crate::occupancy::Occupancy;
use crate::panel::Direction;
use crate::panel_layout::{PanelLayout, SWATCH_GAP};
use crate::reference_label;
use crate::scene::{Anchor, Point, Scene, Shape, Stroke, Text};
use crate::series::{Series, Style};
use crate::theme;

const AXIS: Stroke = Stroke { color: theme::FAINT_INK, width: theme::AXIS_WIDTH, dash: None };
const GRID: Stroke = Stroke { color: theme::GRID, width: theme::GRID_WIDTH, dash: None };
const REFERENCE: Stroke = Stroke {
    color: theme::FAINT_INK,
    width: theme::REFERENCE_WIDTH,
    dash: Some(theme::REFERENCE_DASH),
};

pub(crate) fn draw(scene: &mut Scene, layout: &PanelLayout<'_>) {
    grid(scene, layout);
    let curves: Vec<Curve> = (layout.panel.series.iter().enumerate())
        .map(|(i, series)| Curve::new(series, i, layout))
        .collect();
    let labels = references(scene, layout, &curves);
    for curve in &curves {
        curve.draw(scene);
    }
    axes(scene, layout);
    for label in labels {
        scene.text(label);
    }
    write_lines(scene, &layout.title, (layout.bounds.left, layout.bounds.top), theme::INK);
    legend(scene, layout);
}

/// A series in pixels.
struct Curve {
    color: Rgb,
    style: Style,
    /// Stretches without a gap, each of at least one point.
    runs: Vec<Vec<Point>>,
    markers: Vec<Point>,
}

impl Curve {
    fn new(series: &Series, index: usize, layout: &PanelLayout<'_>) -> Self {
        let mut runs: Vec<Vec<Point>> = vec![Vec::new()];
        for (x, y) in series.points() {
            if x.is_finite() && y.is_finite() {
                if let Some(run) = runs.last_mut() {
                    run.push(layout.position((x, y)));
                }
            } else {
                runs.push(Vec::new());
            }
        }
        runs.retain(|run| !run.is_empty());
        let markers = if series.style.has_points() {
            decimate::markers(&runs.concat(), series.style.radius())
        } else {
            // A point between two gaps has no line: it would be lost.
            runs.iter().filter(|run| run.len() == 1).flatten().copied().collect()
        };
        let runs = if series.style.has_line() {
            runs.iter().map(|run| decimate::line(run)).collect()
        } else {
            Vec::new()
        };
        Self { color: color_of(series, index), style: series.style, runs, markers }
    }

    fn draw(&self, scene: &mut Scene) {
        for run in self.runs.iter().filter(|run| run.len() > 1) {
            let stroke = stroke(self.style, self.color);
            scene.shapes.push(Shape::Polyline { points: run.clone(), stroke });
        }
        for center in &self.markers {
            scene.shapes.push(Shape::Circle {
                center: *center,
                radius: self.style.radius(),
                fill: self.color,
            });
        }
    }

    fn mark(&self, occupancy: &mut Occupancy) {
        for run in &self.runs {
            occupancy.mark_line(run);
        }
        for point in &self.markers {
            occupancy.mark_point(*point);
        }
    }
}

fn color_of(series: &Series, index: usize) -> Rgb {
    series.color.unwrap_or(Color::of_series(index)).rgb()
}

fn stroke(style: Style, color: Rgb) -> Stroke {
    let dash = (style == Style::Dashed).then_some(theme::SERIES_DASH);
    Stroke { color, width: theme::SERIES_WIDTH, dash }
}

fn grid(scene: &mut Scene, layout: &PanelLayout<'_>) {
    let plot = layout.plot;
    for tick in layout.x_ticks.iter().filter(|t| !t.label.is_empty()) {
        let x = layout.x_at(tick.at);
        scene.line((x, plot.top), (x, plot.bottom), GRID);
    }
    for tick in layout.y_ticks.iter().filter(|t| !t.label.is_empty()) {
        let y = layout.y_at(tick.at);
        scene.line((plot.left, y), (plot.right, y), GRID);
    }
}

/// Draws the reference lines and returns their labels, to be written over the data.
fn references(scene: &mut Scene, layout: &PanelLayout<'_>, curves: &[Curve]) -> Vec<Text> {
    let plot = layout.plot;
    let mut occupancy = Occupancy::new(plot);
    for curve in curves {
        curve.mark(&mut occupancy);
    }
    let ends = layout.panel.references.iter().map(|reference| match reference.direction {
        Direction::Horizontal => {
            let y = layout.y_at(layout.y_range.fraction(reference.at));
            (reference, [(plot.left, y), (plot.right, y)])
        }
        Direction::Vertical => {
            let x = layout.x_at(layout.x_range.fraction(reference.at));
            (reference, [(x, plot.bottom), (x, plot.top)])
        }
    });
    let ends: Vec<_> = ends.collect();
    for (_, ends) in &ends {
        occupancy.mark_line(ends);
        scene.line(ends[0], ends[1], REFERENCE);
    }
    let mut labels = Vec::new();
    for (reference, ends) in ends {
        if let Some(label) = reference_label::place(reference, ends[0], plot, &mut occupancy) {
            // Covers grid and reference lines, never data, which come later.
            scene.shapes.push(Shape::Rectangle { area: label.area, fill: theme::PAPER });
            labels.push(label.text);
        }
    }
    labels
}

fn axes(scene: &mut Scene, layout: &PanelLayout<'_>) {
    let plot = layout.plot;
    scene.line((plot.left, plot.top), (plot.left, plot.bottom), AXIS);
    scene.line((plot.left, plot.bottom), (plot.right, plot.bottom), AXIS);
    let text = |at, content: &str, size, anchor, turn| Text {
        at,
        content: content.to_owned(),
        size,
        weight: Weight::Regular,
        color: theme::INK,
        anchor,
        turn,
    };
    let tick_length = |label: &str| {
        if label.is_empty() { theme::MINOR_TICK_LENGTH } else { theme::TICK_LENGTH }
    };

    for tick in &layout.x_ticks {
        let x = layout.x_at(tick.at);
        scene.line((x, plot.bottom), (x, plot.bottom + tick_length(&tick.label)), AXIS);
        if !tick.label.is_empty() {
            let baseline = plot.bottom + theme::TICK_LENGTH + theme::TICK;
            scene.text(text((x, baseline), &tick.label, theme::TICK, Anchor::Middle, 0.0));
        }
    }
    for tick in &layout.y_ticks {
        let y = layout.y_at(tick.at);
        scene.line((plot.left, y), (plot.left - tick_length(&tick.label), y), AXIS);
        if !tick.label.is_empty() {
            let at = (
                plot.left - theme::TICK_LENGTH - SWATCH_GAP / 2.0,
                y + theme::TICK * theme::CAP_HEIGHT / 2.0,
            );
            scene.text(text(at, &tick.label, theme::TICK, Anchor::End, 0.0));
        }
    }

    for line in &layout.x_label.rows {
        let middle = f64::midpoint(plot.left, plot.right);
        let baseline = plot.bottom
            + theme::TICK_LENGTH
            + theme::TICK * theme::LINE_SPACING
            + layout.x_label.size;
        scene.text(text((middle, baseline), line, layout.x_label.size, Anchor::Middle, 0.0));
    }
    for (i, line) in layout.y_label.rows.iter().enumerate() {
        let size = layout.y_label.size;
        let baseline = layout.bounds.left + (i as f64 * theme::LINE_SPACING + 0.85) * size;
        let middle = f64::midpoint(plot.top, plot.bottom);
        scene.text(text((baseline, middle), line, size, Anchor::Middle, 90.0));
    }
}

fn legend(scene: &mut Scene, layout: &PanelLayout<'_>) {
    for entry in &layout.legend {
        let color = color_of(entry.series, entry.index);
        let (left, middle) = entry.at;
        if entry.series.style.has_line() {
            let stroke = stroke(entry.series.style, color);
            scene.line((left, middle), (left + theme::SWATCH, middle), stroke);
        }
        if entry.series.style.has_points() {
            scene.shapes.push(Shape::Circle {
                center: (left + theme::SWATCH / 2.0, middle),
                radius: theme::MARKER_RADIUS,
                fill: color,
            });
        }
        scene.text(Text {
            at: (
                left + theme::SWATCH + SWATCH_GAP,
                middle + theme::LABEL * theme::CAP_HEIGHT / 2.0,
            ),
            content: entry.name.clone(),
            size: theme::LABEL,
            weight: Weight::Regular,
            color: theme::INK,
            anchor: Anchor::Start,
            turn: 0.0,
        });
    }
}
