//! Fewer points for the same picture.

use std::collections::HashSet;

use crate::scene::Point;

/// A line, in pixels, with at most four points for every stretch inside one column of pixels:
/// its first and last, its highest and lowest, in their order. A line of 100,000 points over
/// 1,400 columns keeps 5,600 of them and every peak.
pub(crate) fn line(points: &[Point]) -> Vec<Point> {
    let mut kept = Vec::new();
    for column in points.chunk_by(|a, b| column(*a) == column(*b)) {
        let by_height = |a: &&usize, b: &&usize| column[**a].1.total_cmp(&column[**b].1);
        let indices: Vec<usize> = (0..column.len()).collect();
        let mut keep = vec![0, column.len() - 1];
        keep.extend(indices.iter().min_by(by_height));
        keep.extend(indices.iter().max_by(by_height));
        keep.sort_unstable();
        keep.dedup();
        kept.extend(keep.into_iter().map(|i| column[i]));
    }
    kept
}

/// Markers, in pixels, without those that another one in the same small cell already covers.
/// Few enough to be told apart, they are all kept.
pub(crate) fn markers(points: &[Point], cell: f64) -> Vec<Point> {
    const FEW: usize = 2000;
    if points.len() <= FEW {
        return points.to_vec();
    }
    let mut taken = HashSet::new();
    let cells = |p: &Point| (column((p.0 / cell, 0.0)), column((p.1 / cell, 0.0)));
    points.iter().filter(|p| taken.insert(cells(p))).copied().collect()
}

#[expect(clippy::cast_possible_truncation, reason = "pixels of a figure of bounded size")]
fn column(point: Point) -> i32 {
    point.0.floor() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_keeps_its_ends_and_peaks_in_every_column() {
        let points = [(0.0, 5.0), (0.1, 9.0), (0.2, 4.0), (0.3, 1.0), (0.9, 6.0), (1.0, 2.0)];
        let kept = [(0.0, 5.0), (0.1, 9.0), (0.3, 1.0), (0.9, 6.0), (1.0, 2.0)];
        assert_eq!(line(&points), kept);
    }

    #[test]
    fn a_line_with_few_points_is_left_alone() {
        let points: Vec<Point> = (0..50).map(|i| (f64::from(i) * 3.0, f64::from(i % 7))).collect();
        assert_eq!(line(&points), points);
    }

    #[test]
    fn markers_on_top_of_each_other_are_drawn_once() {
        let points: Vec<Point> = (0..10_000).map(|i| (f64::from(i % 100), 3.0)).collect();
        assert_eq!(markers(&points, 10.0).len(), 10);
    }
}
