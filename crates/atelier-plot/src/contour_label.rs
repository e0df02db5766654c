//! Writes the height of a line into a gap of it, where it is straight and nothing else is.

use crate::font::{self, Weight};
use crate::occupancy::Occupancy;
use crate::scene::{Anchor, Point, Rect, Text};
use crate::theme;

/// Between the line and its label, in pixels.
const GAP: f64 = 8.0;
/// How many times as long as its label a line must be.
const LEAST_LENGTH: f64 = 3.0;
/// How many places along a line are tried.
const PLACES: u32 = 40;
/// A cell that something else takes counts as much as this bend, in parts of the label's length.
const TAKEN: f64 = 0.2;
/// A label that is bent more than this, or covers more cells, has no place.
const MOST_BENT: f64 = 0.2;
const MOST_TAKEN: usize = 3;

/// A line, in pixels, with a gap where its label is.
pub(crate) struct LabelledLine {
    pub pieces: Vec<Vec<Point>>,
    pub label: Option<Text>,
}

/// The lines of one level inside `plot`; those that are long enough get labels, whose places are
/// then taken.
pub(crate) fn labelled(
    lines: Vec<Vec<Point>>,
    label: &str,
    plot: Rect,
    occupancy: &mut Occupancy,
) -> Vec<LabelledLine> {
    let width = font::width(label, theme::SMALLEST, Weight::Regular) + 2.0 * GAP;
    lines
        .into_iter()
        .map(|line| match best_place(&line, width, plot, occupancy) {
            Some(start) => with_gap(&line, label, (start, start + width), occupancy),
            None => LabelledLine { pieces: vec![line], label: None },
        })
        .collect()
}

/// The length of the line before the place where its label is straight and stands free.
fn best_place(line: &[Point], width: f64, plot: Rect, occupancy: &Occupancy) -> Option<f64> {
    let all = length(line);
    if all < LEAST_LENGTH * width {
        return None;
    }
    (1..PLACES)
        .filter_map(|place| {
            let start = (all - width) * f64::from(place) / f64::from(PLACES);
            let (from, to) = (at_length(line, start), at_length(line, start + width));
            let chord = (to.0 - from.0).hypot(to.1 - from.1);
            let middle = at_length(line, start + width / 2.0);
            let chord_middle = (f64::midpoint(from.0, to.0), f64::midpoint(from.1, to.1));
            let sag = (middle.0 - chord_middle.0).hypot(middle.1 - chord_middle.1);
            let bent = (1.0 - chord / width).max(sag / width);
            let area = around(from, to);
            let taken = occupancy.taken_in(area);
            let bad = bent + TAKEN * taken as f64;
            let fits = bent <= MOST_BENT && taken <= MOST_TAKEN && plot.contains(&area);
            fits.then_some((bad, start))
        })
        .min_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, start)| start)
}

/// The box around a label whose baseline runs in the middle between two points.
fn around(from: Point, to: Point) -> Rect {
    let margin = theme::SMALLEST / 2.0;
    Rect {
        left: from.0.min(to.0) - margin,
        top: from.1.min(to.1) - margin,
        right: from.0.max(to.0) + margin,
        bottom: from.1.max(to.1) + margin,
    }
}

fn with_gap(
    line: &[Point],
    label: &str,
    (start, end): (f64, f64),
    occupancy: &mut Occupancy,
) -> LabelledLine {
    let (from, to) = (at_length(line, start), at_length(line, end));
    occupancy.mark_area(around(from, to));
    let (mut before, mut after) = (Vec::new(), vec![to]);
    let mut along = 0.0;
    for (k, point) in line.iter().enumerate() {
        if k > 0 {
            along += length(&line[k - 1..=k]);
        }
        if along < start {
            before.push(*point);
        } else if along > end {
            after.push(*point);
        }
    }
    before.push(from);
    // Never upside down.
    let (left, right) = if from.0 <= to.0 { (from, to) } else { (to, from) };
    let turn = (left.1 - right.1).atan2(right.0 - left.0);
    let (sin, cos) = turn.sin_cos();
    let drop = theme::SMALLEST * theme::CAP_HEIGHT / 2.0;
    let text = Text {
        at: (f64::midpoint(from.0, to.0) + drop * sin, f64::midpoint(from.1, to.1) + drop * cos),
        content: label.to_owned(),
        size: theme::SMALLEST,
        weight: Weight::Regular,
        color: theme::INK,
        anchor: Anchor::Middle,
        turn: turn.to_degrees(),
    };
    LabelledLine { pieces: vec![before, after], label: Some(text) }
}

fn length(line: &[Point]) -> f64 {
    line.windows(2).map(|pair| (pair[1].0 - pair[0].0).hypot(pair[1].1 - pair[0].1)).sum()
}

/// The point after so much of the line.
fn at_length(line: &[Point], mut left: f64) -> Point {
    for pair in line.windows(2) {
        let piece = length(pair);
        if piece >= left && piece > 0.0 {
            let share = left / piece;
            let between = |a: f64, b: f64| a + share * (b - a);
            return (between(pair[0].0, pair[1].0), between(pair[0].1, pair[1].1));
        }
        left -= piece;
    }
    line.last().copied().unwrap_or((0.0, 0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_lies_in_a_gap_of_its_line_away_from_what_is_there() {
        let plot = Rect { left: 0.0, top: 0.0, right: 1000.0, bottom: 400.0 };
        let line: Vec<Point> = (0..=100).map(|i| (f64::from(i) * 10.0, 200.0)).collect();
        let mut occupancy = Occupancy::new(plot);
        occupancy.mark_line(&[(0.0, 200.0), (600.0, 200.0)]);
        let lines = labelled(vec![line], "0.5", plot, &mut occupancy);
        let label = lines[0].label.as_ref().unwrap();
        assert!(label.at.0 > 600.0 && label.turn.abs() < 1e-9, "{label:?}");
        let [before, after] = lines[0].pieces.as_slice() else { panic!("one gap") };
        let (end, start) = (before[before.len() - 1].0, after[0].0);
        let width = font::width("0.5", theme::SMALLEST, Weight::Regular);
        assert!(end < label.at.0 - width / 2.0 && start > label.at.0 + width / 2.0);
    }

    #[test]
    fn a_short_line_stays_whole() {
        let plot = Rect { left: 0.0, top: 0.0, right: 1000.0, bottom: 400.0 };
        let line = vec![(100.0, 100.0), (140.0, 100.0)];
        let lines = labelled(vec![line], "0.5", plot, &mut Occupancy::new(plot));
        assert!(lines[0].label.is_none() && lines[0].pieces.len() == 1);
    }
}
