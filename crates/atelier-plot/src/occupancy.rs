//! Where data lie, so that a label inside a panel can stand beside them.

use crate::scene::{Point, Rect};

/// Side of a cell, in pixels: a third of a letter.
const CELL: f64 = 8.0;

/// Which cells of a panel hold data or labels.
pub(crate) struct Occupancy {
    area: Rect,
    columns: usize,
    rows: usize,
    taken: Vec<bool>,
}

impl Occupancy {
    pub(crate) fn new(area: Rect) -> Self {
        let (columns, rows) = (index(area.width()) + 1, index(area.height()) + 1);
        Self { area, columns, rows, taken: vec![false; columns * rows] }
    }

    pub(crate) fn mark_point(&mut self, point: Point) {
        let column = index(point.0 - self.area.left).min(self.columns - 1);
        let row = index(point.1 - self.area.top).min(self.rows - 1);
        self.taken[row * self.columns + column] = true;
    }

    pub(crate) fn mark_line(&mut self, points: &[Point]) {
        for pair in points.windows(2) {
            let (from, to) = (pair[0], pair[1]);
            let steps = index((to.0 - from.0).hypot(to.1 - from.1) * 2.0) + 1;
            for step in 0..=steps {
                let share = step as f64 / steps as f64;
                self.mark_point((
                    from.0 + share * (to.0 - from.0),
                    from.1 + share * (to.1 - from.1),
                ));
            }
        }
    }

    pub(crate) fn mark_area(&mut self, area: Rect) {
        for cell in self.cells(area).collect::<Vec<_>>() {
            self.taken[cell] = true;
        }
    }

    /// How many cells of `area` are taken.
    pub(crate) fn taken_in(&self, area: Rect) -> usize {
        self.cells(area).filter(|cell| self.taken[*cell]).count()
    }

    fn cells(&self, area: Rect) -> impl Iterator<Item = usize> + use<> {
        let columns = self.columns;
        let across = index(area.left - self.area.left)
            ..=index(area.right - self.area.left).min(self.columns - 1);
        let down =
            index(area.top - self.area.top)..=index(area.bottom - self.area.top).min(self.rows - 1);
        down.flat_map(move |row| across.clone().map(move |column| row * columns + column))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "at least 0, and pixels of a figure of bounded size"
)]
fn index(distance: f64) -> usize {
    (distance.max(0.0) / CELL) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_area_counts_the_line_that_crosses_it() {
        let area = Rect { left: 100.0, top: 50.0, right: 900.0, bottom: 450.0 };
        let mut occupancy = Occupancy::new(area);
        occupancy.mark_line(&[(100.0, 50.0), (900.0, 450.0)]);
        let crossed = Rect { left: 450.0, top: 200.0, right: 550.0, bottom: 300.0 };
        let free = Rect { left: 100.0, top: 350.0, right: 300.0, bottom: 440.0 };
        assert!(occupancy.taken_in(crossed) > 0);
        assert_eq!(occupancy.taken_in(free), 0);
        occupancy.mark_area(free);
        assert!(occupancy.taken_in(free) > 0);
    }
}
