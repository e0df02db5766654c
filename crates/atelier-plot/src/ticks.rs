//! Where an axis has its ticks, and what stands at them.

use crate::axis::{Range, Scale};
use crate::number;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tick {
    /// 0 at the low end of the axis, 1 at the high one.
    pub at: f64,
    /// Empty at the short ticks between labelled ones.
    pub label: String,
}

/// At most about `most` labelled ticks at multiples of 1, 2 or 5 times a power of ten; on a
/// logarithmic axis at powers of ten as far as there are enough of them.
pub(crate) fn ticks(range: &Range, most: usize) -> Vec<Tick> {
    let most = most.max(2);
    match range.scale {
        Scale::Linear => linear(range, range.low, range.high, most, range.whole),
        Scale::Logarithmic => logarithmic(range, most),
    }
}

/// Ticks at equal differences between the values `low` and `high`.
fn linear(range: &Range, low: f64, high: f64, most: usize, whole: bool) -> Vec<Tick> {
    let (mut factor, mut exponent) = number::round_step((high - low) / most as f64);
    if whole && exponent < 0 {
        (factor, exponent) = (1.0, 0);
    }
    let times = |k: f64| number::times_power_of_ten(k * factor, exponent);
    let step = times(1.0);
    let first = (low / step).ceil();
    let values: Vec<f64> = (0..=2 * most)
        .map(|i| times(first + i as f64))
        .take_while(|value| *value <= high)
        .collect();
    number::labels(&values, exponent)
        .into_iter()
        .zip(&values)
        .map(|(label, value)| Tick { at: range.fraction(*value), label })
        .collect()
}

fn logarithmic(range: &Range, most: usize) -> Vec<Tick> {
    let inside = |exponent: f64| exponent >= range.low && exponent <= range.high;
    let decades = decades_between(range);
    let powers: Vec<i32> = decades.clone().filter(|d| inside(f64::from(*d))).collect();
    let fine: Vec<(f64, i32)> = decades
        .clone()
        .flat_map(|d| [1.0_f64, 2.0, 5.0].map(|factor| (factor, d)))
        .filter(|(factor, d)| inside(f64::from(*d) + factor.log10()))
        .collect();

    let labelled: Vec<(f64, i32)> = if powers.len() >= 3 {
        let every = |stride: i32| powers.iter().filter(move |d| d.rem_euclid(stride) == 0);
        let strides = [1, 2, 3, 5, 10, 20, 30, 50, 100];
        let stride = strides.into_iter().find(|s| every(*s).count() <= most).unwrap_or(200);
        every(stride).map(|d| (1.0, *d)).collect()
    } else if fine.len() >= 3 && fine.len() <= most {
        fine
    } else if fine.len() > most && !powers.is_empty() {
        powers.iter().map(|d| (1.0, *d)).collect()
    } else {
        // Too narrow for any of these: the values themselves, which are nearly evenly spaced.
        let (low, high) = (10_f64.powf(range.low), 10_f64.powf(range.high));
        return linear(range, low, high, most, range.whole);
    };

    let position = |factor: f64, d: i32| {
        (f64::from(d) + factor.log10() - range.low) / (range.high - range.low)
    };
    let labels = number::power_labels(&labelled);
    let mut ticks: Vec<Tick> = labelled
        .iter()
        .zip(labels)
        .map(|((factor, d), label)| Tick { at: position(*factor, *d), label })
        .collect();
    // Short ticks between decades tell at a glance that the axis is logarithmic.
    if powers.len() <= 10 {
        let short = decades.flat_map(|d| (1..10).map(move |factor| (f64::from(factor), d)));
        ticks.extend(
            short
                .filter(|(factor, d)| inside(f64::from(*d) + factor.log10()))
                .filter(|short| !labelled.contains(short))
                .map(|(factor, d)| Tick { at: position(factor, d), label: String::new() }),
        );
    }
    ticks
}

/// The decades that a logarithmic range touches.
#[expect(clippy::cast_possible_truncation, reason = "logarithms of f64 lie between -324 and 309")]
fn decades_between(range: &Range) -> std::ops::RangeInclusive<i32> {
    (range.low.floor() as i32)..=(range.high.ceil() as i32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::axis::Extent;

    fn labels(scale: Scale, values: &[f64], most: usize) -> Vec<String> {
        let mut extent = Extent::NONE;
        for value in values {
            extent.include(*value);
        }
        let ticks = ticks(&Range::around(scale, extent, 0.02), most);
        for tick in &ticks {
            assert!((0.0..=1.0).contains(&tick.at), "{tick:?}");
        }
        ticks.into_iter().map(|t| t.label).filter(|l| !l.is_empty()).collect()
    }

    #[test]
    fn linear_ticks_stand_at_round_numbers() {
        assert_eq!(
            labels(Scale::Linear, &[0.0, 1.03], 6),
            ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
        );
        assert_eq!(labels(Scale::Linear, &[0.0, 15_640.0], 8), ["0", "5,000", "10,000", "15,000"]);
        assert_eq!(labels(Scale::Linear, &[-0.31, 0.28], 4), ["−0.2", "0.0", "0.2"]);
    }

    #[test]
    fn whole_numbers_get_no_ticks_between_them() {
        assert_eq!(labels(Scale::Linear, &[1.0, 2.0, 3.0], 8), ["1", "2", "3"]);
        assert_eq!(labels(Scale::Linear, &[5.0], 8), ["5"]);
    }

    #[test]
    fn very_large_and_very_small_numbers_share_one_power_of_ten_style() {
        assert_eq!(labels(Scale::Linear, &[0.0, 3e30], 4), ["0", "1×10³⁰", "2×10³⁰", "3×10³⁰"]);
        assert_eq!(labels(Scale::Linear, &[1e-30, 1.3e-30], 3), ["1.0×10⁻³⁰", "1.2×10⁻³⁰"]);
        assert_eq!(labels(Scale::Linear, &[-1e300, 1e300], 4), ["−1×10³⁰⁰", "0", "1×10³⁰⁰"]);
    }

    #[test]
    fn logarithmic_ticks_stand_at_powers_of_ten() {
        assert_eq!(labels(Scale::Logarithmic, &[0.004, 30.0], 6), ["0.01", "0.1", "1", "10"]);
        assert_eq!(labels(Scale::Logarithmic, &[1e-7, 10.0], 5), ["10⁻⁶", "10⁻⁴", "10⁻²", "10⁰"]);
        assert_eq!(labels(Scale::Logarithmic, &[1e-30, 1e30], 5), ["10⁻²⁰", "10⁰", "10²⁰"]);
    }

    #[test]
    fn a_narrow_logarithmic_axis_still_has_ticks() {
        assert_eq!(labels(Scale::Logarithmic, &[0.3, 2.4], 6), ["0.5", "1", "2"]);
        assert!(labels(Scale::Logarithmic, &[0.31, 0.33], 5).len() >= 2);
        assert!(!labels(Scale::Logarithmic, &[0.25], 5).is_empty());
    }

    #[test]
    fn a_tick_is_never_named_twice() {
        for values in [&[1.0, 1.0 + 1e-9][..], &[1e6, 1e6 + 0.5], &[99_999.5, 100_000.5], &[0.5]] {
            let mut names = labels(Scale::Linear, values, 6);
            let all = names.len();
            assert!(all >= 2, "{values:?}: {names:?}");
            names.dedup();
            assert_eq!(names.len(), all, "{names:?}");
        }
    }
}
