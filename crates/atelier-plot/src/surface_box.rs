//! The box around a surface: its back walls with a grid, and its three axes.

use crate::axis::Range;
use crate::camera::Camera;
use crate::color::Rgb;
use crate::font::{self, Weight};
use crate::scene::{Anchor, Point, Rect, Scene, Shape, Stroke, Text};
use crate::text::{self, Lines};
use crate::theme;
use crate::ticks::{Tick, ticks};

const FLOOR: Rgb = Rgb(0xF1, 0xF2, 0xF4);
const WALL: Rgb = Rgb(0xF7, 0xF8, 0xF9);
const GRID: Stroke = Stroke { color: Rgb(0xD9, 0xDB, 0xDF), width: theme::GRID_WIDTH, dash: None };
const AXIS: Stroke = Stroke { color: theme::FAINT_INK, width: theme::AXIS_WIDTH, dash: None };
/// From the end of a tick to its label, and from the labels to the title, in pixels.
const LABEL_GAP: f64 = 8.0;
const TITLE_GAP: f64 = 14.0;
/// Length of each axis that a tick should have for itself, in pixels: heights have theirs beside
/// each other.
const TICK_ROOM: [f64; 3] = [85.0, 85.0, 60.0];
/// Room that every title has, in pixels.
const LEAST_TITLE: f64 = 420.0;
/// Times that the box is fitted to the room that its texts leave; they change little after two.
const FITS: usize = 5;

/// Labels and ranges of the axes: x, y, height.
pub(crate) struct Axes<'a> {
    pub labels: [&'a str; 3],
    pub ranges: [Range; 3],
}

/// An axis along an edge of the box.
struct Edge {
    /// The pixels of its two ends.
    ends: [Point; 2],
    /// Away from the box, in pixels, of length 1: along a line of the grid, where ticks go.
    out: Point,
    ticks: Vec<Tick>,
    title: Lines,
}

/// The camera that shows the box with all its labels as large as `area` allows, and the three axes
/// for it; `None` where there is too little room.
pub(crate) fn fit(mut camera: Camera, axes: &Axes<'_>, area: Rect) -> Option<(Camera, BoxAxes)> {
    let corners = |camera: &Camera| {
        let mut bounds = Bounds::NONE;
        for k in 0..8 {
            let at = |bit: u32| if k & (1 << bit) == 0 { 0.0 } else { 1.0 };
            bounds.include(camera.project([at(0), at(1), at(2)]));
        }
        bounds
    };
    camera.scale = 1.0;
    let unit = corners(&camera);
    camera.scale = (area.width() / unit.width()).min(area.height() / unit.height()) * 0.8;
    for _ in 0..FITS {
        let drawn = BoxAxes::new(&camera, axes);
        let inside = corners(&camera);
        let mut bounds = inside;
        drawn.texts().iter().for_each(|text| bounds.include_text(text));
        let room = (
            area.width() - (bounds.width() - inside.width()),
            area.height() - (bounds.height() - inside.height()),
        );
        let middle = bounds.middle();
        camera.middle.0 += f64::midpoint(area.left, area.right) - middle.0;
        camera.middle.1 += f64::midpoint(area.top, area.bottom) - middle.1;
        camera.scale = (room.0 / unit.width()).min(room.1 / unit.height());
        if camera.scale * unit.width().min(unit.height()) < theme::MIN_PLOT {
            return None;
        }
    }
    let drawn = BoxAxes::new(&camera, axes);
    Some((camera, drawn))
}

/// The axes of a box as one camera sees them.
pub(crate) struct BoxAxes {
    edges: [Edge; 3],
}

impl BoxAxes {
    fn new(camera: &Camera, axes: &Axes<'_>) -> Self {
        let near = near_sides(camera);
        // Heights stand at the corner farthest to the left.
        let left = [(near.0, 1.0 - near.1), (1.0 - near.0, near.1)]
            .into_iter()
            .min_by(|a, b| {
                let x = |(u, v): (f64, f64)| camera.project([u, v, 0.0]).0;
                x(*a).total_cmp(&x(*b))
            })
            .unwrap_or(near);
        let ends = [
            [[0.0, near.1, 0.0], [1.0, near.1, 0.0]],
            [[near.0, 0.0, 0.0], [near.0, 1.0, 0.0]],
            [[left.0, left.1, 0.0], [left.0, left.1, 1.0]],
        ];
        // Where ticks go to from there.
        let away = [[0.0, 2.0 * near.1 - 1.0, 0.0], [2.0 * near.0 - 1.0, 0.0, 0.0], [0.0; 3]];
        let edges = [0, 1, 2].map(|k| {
            let ends = ends[k].map(|end| camera.project(end));
            let out = if k == 2 {
                (-1.0, 0.0)
            } else {
                let (from, to) = (camera.project([0.0; 3]), camera.project(away[k]));
                let length = (to.0 - from.0).hypot(to.1 - from.1).max(1e-9);
                ((to.0 - from.0) / length, (to.1 - from.1) / length)
            };
            let length = (ends[1].0 - ends[0].0).hypot(ends[1].1 - ends[0].1);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "3 to 7")]
            let most = (length / TICK_ROOM[k]).clamp(3.0, 7.0) as usize;
            let ticks = ticks(&axes.ranges[k], most);
            // A title may be longer than an axis that is seen from its end.
            let room = length.max(LEAST_TITLE);
            let title = text::fit(axes.labels[k], Weight::Regular, theme::LABEL, room, 2);
            Edge { ends, out, ticks, title }
        });
        Self { edges }
    }

    fn texts(&self) -> Vec<Text> {
        self.edges.iter().flat_map(Edge::texts).collect()
    }

    /// Draws what lies behind the surface: floor and back walls with their grid.
    pub(crate) fn draw_back(&self, scene: &mut Scene, camera: &Camera) {
        let near = near_sides(camera);
        let far = (1.0 - near.0, 1.0 - near.1);
        let mut face = |corners: [[f64; 3]; 4], fill| {
            let points = corners.map(|corner| camera.project(corner)).to_vec();
            scene.shapes.push(Shape::Polygon { points, fill });
        };
        let (u, v) = far;
        face([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]], FLOOR);
        face([[u, 0.0, 0.0], [u, 1.0, 0.0], [u, 1.0, 1.0], [u, 0.0, 1.0]], WALL);
        face([[0.0, v, 0.0], [1.0, v, 0.0], [1.0, v, 1.0], [0.0, v, 1.0]], WALL);
        let mut line = |points: [[f64; 3]; 3], stroke| {
            let points = points.map(|point| camera.project(point)).to_vec();
            scene.shapes.push(Shape::Polyline { points, stroke });
        };
        let labelled = |k: usize| self.edges[k].ticks.iter().filter(|t| !t.label.is_empty());
        for t in labelled(0).map(|tick| tick.at) {
            line([[t, near.1, 0.0], [t, v, 0.0], [t, v, 1.0]], GRID);
        }
        for t in labelled(1).map(|tick| tick.at) {
            line([[near.0, t, 0.0], [u, t, 0.0], [u, t, 1.0]], GRID);
        }
        for t in labelled(2).map(|tick| tick.at) {
            line([[near.0, v, t], [u, v, t], [u, near.1, t]], GRID);
        }
        // The edges of the back, between the walls and above them.
        line([[u, v, 0.0], [u, v, 0.5], [u, v, 1.0]], GRID);
        line([[near.0, v, 1.0], [u, v, 1.0], [u, near.1, 1.0]], GRID);
        line([[near.0, v, 0.0], [u, v, 0.0], [u, near.1, 0.0]], GRID);
    }

    /// Draws the axes with their ticks and labels.
    pub(crate) fn draw_axes(&self, scene: &mut Scene) {
        for edge in &self.edges {
            scene.line(edge.ends[0], edge.ends[1], AXIS);
            for tick in &edge.ticks {
                let at = edge.at(tick.at);
                let length = if tick.label.is_empty() {
                    theme::MINOR_TICK_LENGTH
                } else {
                    theme::TICK_LENGTH
                };
                let end = (at.0 + length * edge.out.0, at.1 + length * edge.out.1);
                scene.line(at, end, AXIS);
            }
        }
        for text in self.texts() {
            scene.text(text);
        }
    }
}

impl Edge {
    fn at(&self, share: f64) -> Point {
        let [from, to] = self.ends;
        (from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1))
    }

    /// The labels of the ticks, and the title along the axis outside of them.
    fn texts(&self) -> Vec<Text> {
        let [from, to] = self.ends;
        let length = (to.0 - from.0).hypot(to.1 - from.1).max(1e-9);
        // Across the axis, away from the box.
        let mut normal = ((to.1 - from.1) / length, (from.0 - to.0) / length);
        if normal.0 * self.out.0 + normal.1 * self.out.1 < 0.0 {
            normal = (-normal.0, -normal.1);
        }
        let mut texts = Vec::new();
        let mut beyond = theme::TICK_LENGTH;
        for tick in self.ticks.iter().filter(|tick| !tick.label.is_empty()) {
            let (width, height) = (
                font::width(&tick.label, theme::TICK, Weight::Regular),
                theme::TICK * theme::CAP_HEIGHT,
            );
            let reach = theme::TICK_LENGTH
                + LABEL_GAP
                + (self.out.0 * width).abs().midpoint((self.out.1 * height).abs());
            let at = self.at(tick.at);
            let center = (at.0 + reach * self.out.0, at.1 + reach * self.out.1);
            let along_normal = |p: Point| p.0 * normal.0 + p.1 * normal.1;
            let half = (normal.0 * width).abs().midpoint((normal.1 * height).abs());
            beyond = beyond.max(along_normal(center) - along_normal(at) + half);
            texts.push(Text {
                at: (center.0, center.1 + height / 2.0),
                content: tick.label.clone(),
                size: theme::TICK,
                weight: Weight::Regular,
                color: theme::INK,
                anchor: Anchor::Middle,
                turn: 0.0,
            });
        }
        self.title_beyond(beyond + TITLE_GAP, normal, &mut texts);
        texts
    }

    fn title_beyond(&self, mut beyond: f64, normal: Point, texts: &mut Vec<Text>) {
        let [from, to] = self.ends;
        // Against the clock, and never upside down; a height's title reads upwards.
        let mut turn = (from.1 - to.1).atan2(to.0 - from.0).to_degrees();
        if !(-89.0..=91.0).contains(&turn) {
            turn += if turn > 0.0 { -180.0 } else { 180.0 };
        }
        let (sin, cos) = turn.to_radians().sin_cos();
        let below = (sin, cos);
        let size = self.title.size;
        // The rows in reading order run downwards, which may be towards the axis.
        let downwards = below.0 * normal.0 + below.1 * normal.1 > 0.0;
        let rows: Vec<&String> = if downwards {
            self.title.rows.iter().collect()
        } else {
            self.title.rows.iter().rev().collect()
        };
        let middle = self.at(0.5);
        for row in rows {
            let center = beyond + size / 2.0;
            let drop = size * theme::CAP_HEIGHT / 2.0;
            texts.push(Text {
                at: (
                    middle.0 + center * normal.0 + drop * below.0,
                    middle.1 + center * normal.1 + drop * below.1,
                ),
                content: row.clone(),
                size,
                weight: Weight::Regular,
                color: theme::INK,
                anchor: Anchor::Middle,
                turn,
            });
            beyond += size * theme::LINE_SPACING;
        }
    }
}

/// The values of u and v at the sides of the box towards the viewer.
fn near_sides(camera: &Camera) -> (f64, f64) {
    let near = |toward: f64| if toward > 0.0 { 1.0 } else { 0.0 };
    (near(camera.toward.0), near(camera.toward.1))
}

#[derive(Clone, Copy)]
struct Bounds {
    low: Point,
    high: Point,
}

impl Bounds {
    const NONE: Self =
        Self { low: (f64::INFINITY, f64::INFINITY), high: (f64::NEG_INFINITY, f64::NEG_INFINITY) };

    fn include(&mut self, (x, y): Point) {
        self.low = (self.low.0.min(x), self.low.1.min(y));
        self.high = (self.high.0.max(x), self.high.1.max(y));
    }

    /// A text whose anchor is its middle.
    fn include_text(&mut self, text: &Text) {
        let half = font::width(&text.content, text.size, text.weight) / 2.0;
        let (sin, cos) = text.turn.to_radians().sin_cos();
        for along in [-half, half] {
            for down in [-text.size * 0.8, text.size * 0.25] {
                let x = text.at.0 + along * cos + down * sin;
                self.include((x, text.at.1 - along * sin + down * cos));
            }
        }
    }

    fn width(&self) -> f64 {
        self.high.0 - self.low.0
    }

    fn height(&self) -> f64 {
        self.high.1 - self.low.1
    }

    fn middle(&self) -> Point {
        (f64::midpoint(self.low.0, self.high.0), f64::midpoint(self.low.1, self.high.1))
    }
}
