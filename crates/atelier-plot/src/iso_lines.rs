//! Lines of equal height: marching squares, and the heights at which they are drawn.

use crate::axis::{Range, Scale};
use crate::height_field::HeightField;
use crate::number;
use crate::ticks::{Tick, ticks};

/// Most levels of a map.
const MOST: usize = 12;

/// The heights of lines: on a logarithmic axis 1, 2 and 5 times powers of ten as long as those are
/// few, else powers of ten; on a linear one round numbers.
pub(crate) fn levels(range: &Range) -> Vec<Tick> {
    let factors: &[&[f64]] = &[&[1.0, 2.0, 5.0], &[1.0, 3.0], &[1.0]];
    if range.scale == Scale::Logarithmic {
        for factors in factors {
            let inside = of_powers(range, factors);
            if (3..=MOST).contains(&inside.len()) {
                return inside;
            }
        }
    }
    let mut levels = ticks(range, MOST);
    levels.retain(|level| !level.label.is_empty());
    levels
}

#[expect(clippy::cast_possible_truncation, reason = "logarithms of f64 lie between -324 and 309")]
fn of_powers(range: &Range, factors: &[f64]) -> Vec<Tick> {
    let decades = (range.low.floor() as i32)..=(range.high.ceil() as i32);
    let at = |factor: f64, decade: i32| {
        (f64::from(decade) + factor.log10() - range.low) / (range.high - range.low)
    };
    let values: Vec<(f64, i32)> = decades
        .flat_map(|decade| factors.iter().map(move |factor| (*factor, decade)))
        .filter(|(factor, decade)| (0.0..=1.0).contains(&at(*factor, *decade)))
        .collect();
    let labels = number::power_labels(&values);
    values.iter().zip(labels).map(|((f, d), label)| Tick { at: at(*f, *d), label }).collect()
}

/// The lines at height `level` over the unit square, from end to end, or closed, with the first
/// point once more at the end. They stop at holes.
pub(crate) fn iso_lines(field: &HeightField, level: f64) -> Vec<Vec<(f64, f64)>> {
    let (columns, rows) = (field.us.len(), field.vs.len());
    let w = |i: usize, j: usize| field.ws[j * columns + i];
    // A line crosses an edge of the grid at most once. Edges along u are counted first.
    let along_u = |i: usize, j: usize| j * columns + i;
    let along_v = |i: usize, j: usize| columns * rows + j * columns + i;
    let mut joined: Vec<[Option<usize>; 2]> = vec![[None; 2]; 2 * columns * rows];
    let mut join = |a: usize, b: usize| {
        for (from, to) in [(a, b), (b, a)] {
            let free = usize::from(joined[from][0].is_some());
            joined[from][free] = Some(to);
        }
    };
    for j in 0..rows - 1 {
        for i in 0..columns - 1 {
            let corners = [w(i, j), w(i + 1, j), w(i + 1, j + 1), w(i, j + 1)];
            if corners.iter().any(|w| !w.is_finite()) {
                continue;
            }
            let edges = [along_u(i, j), along_v(i + 1, j), along_u(i, j + 1), along_v(i, j)];
            let above = corners.map(|w| w >= level);
            let crossed: Vec<usize> =
                (0..4).filter(|k| above[*k] != above[(k + 1) % 4]).map(|k| edges[k]).collect();
            match crossed[..] {
                [a, b] => join(a, b),
                // A saddle: its middle says which corners belong together.
                [a, b, c, d] if (corners.iter().sum::<f64>() / 4.0 >= level) == above[0] => {
                    join(a, b);
                    join(c, d);
                }
                [a, b, c, d] => {
                    join(d, a);
                    join(b, c);
                }
                _ => {}
            }
        }
    }
    let point = |edge: usize| {
        let upright = edge >= columns * rows;
        let (i, j) = ((edge % (columns * rows)) % columns, (edge % (columns * rows)) / columns);
        let (i2, j2) = if upright { (i, j + 1) } else { (i + 1, j) };
        let share = (level - w(i, j)) / (w(i2, j2) - w(i, j));
        let between = |a: f64, b: f64| a + share * (b - a);
        (between(field.us[i], field.us[i2]), between(field.vs[j], field.vs[j2]))
    };
    chains(&mut joined).iter().map(|chain| chain.iter().map(|e| point(*e)).collect()).collect()
}

/// Takes the joined edges apart into chains: first those with ends, then the closed ones.
fn chains(joined: &mut [[Option<usize>; 2]]) -> Vec<Vec<usize>> {
    let mut chains = Vec::new();
    for closed in [false, true] {
        for start in 0..joined.len() {
            let ends = joined[start].iter().flatten().count();
            if ends == 0 || (ends == 2) != closed {
                continue;
            }
            let mut chain = vec![start];
            let mut at = start;
            while let Some(next) = joined[at].iter_mut().find_map(Option::take) {
                if let Some(back) = joined[next].iter_mut().find(|back| **back == Some(at)) {
                    *back = None;
                }
                chain.push(next);
                at = next;
            }
            chains.push(chain);
        }
    }
    chains
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SurfaceGrid;

    fn field(n: u32, height: impl Fn(f64, f64) -> f64) -> HeightField {
        let line: Vec<f64> = (0..n).map(|i| f64::from(i) / f64::from(n - 1)).collect();
        let heights: Vec<f64> = line
            .iter()
            .flat_map(|y| line.iter().map(|x| height(*x, *y)).collect::<Vec<_>>())
            .collect();
        let range = Range { scale: Scale::Linear, low: 0.0, high: 1.0, whole: false };
        HeightField::new(&SurfaceGrid::new(line.clone(), line, heights), &range)
    }

    #[test]
    fn a_bowl_has_one_closed_line_at_the_distance_of_its_level() {
        let bowl = field(41, |x, y| (x - 0.5).hypot(y - 0.5));
        let lines = iso_lines(&bowl, 0.3);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].first(), lines[0].last());
        assert!(lines[0].len() > 60);
        for (x, y) in &lines[0] {
            assert!(((x - 0.5).hypot(y - 0.5) - 0.3).abs() < 1e-3, "{x} {y}");
        }
    }

    #[test]
    fn a_slope_has_one_line_from_border_to_border_which_a_hole_breaks() {
        let slope = field(11, |x, _| x);
        let lines = iso_lines(&slope, 0.55);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].iter().all(|(x, _)| (x - 0.55).abs() < 1e-12));
        assert_eq!(lines[0].len(), 11);
        let pierced =
            field(11, |x, y| if (y - 0.5).abs() < 0.01 && x > 0.5 { f64::NAN } else { x });
        assert_eq!(iso_lines(&pierced, 0.55).len(), 2);
    }

    #[test]
    fn at_a_saddle_the_middle_decides_and_no_line_is_lost() {
        let saddle = field(2, |x, y| if (x > 0.5) == (y > 0.5) { 1.0 } else { 0.0 });
        for level in [0.4, 0.6] {
            let lines = iso_lines(&saddle, level);
            assert_eq!(lines.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2], "{level}");
        }
    }

    #[test]
    fn levels_are_round_and_as_dense_as_the_range_allows() {
        let range = |scale, low, high| Range { scale, low, high, whole: false };
        let labels = |range| levels(&range).into_iter().map(|l| l.label).collect::<Vec<_>>();
        let log = range(Scale::Logarithmic, 0.3_f64.log10(), 80_f64.log10());
        assert_eq!(labels(log), ["0.5", "1", "2", "5", "10", "20", "50"]);
        assert_eq!(labels(range(Scale::Linear, 0.0, 11.0)).len(), 12);
        assert_eq!(labels(range(Scale::Logarithmic, -8.5, 1.5)).len(), 10);
        assert!(labels(range(Scale::Logarithmic, 0.31_f64.log10(), 0.33_f64.log10())).len() > 2);
    }
}
