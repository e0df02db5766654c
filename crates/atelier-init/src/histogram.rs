use serde::Serialize;

/// Bins of a histogram.
const BINS: usize = 60;

/// How activations of one layer are distributed, in bins of equal width.
///
/// Zeros, which are half of what ReLU gives, are counted apart.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Histogram {
    /// The layer, counted from 1.
    pub layer: usize,
    /// The lower end of the first bin: the smallest value that is not 0.
    pub low: f64,
    /// The upper end of the last bin: the largest value that is not 0.
    pub high: f64,
    /// The number of values in each of the 60 bins.
    pub counts: Vec<u64>,
    /// The number of values that are exactly 0.
    pub zeros: u64,
}

impl Histogram {
    pub(crate) fn of(layer: usize, values: impl Iterator<Item = f64> + Clone) -> Self {
        let other = values.clone().filter(|value| *value != 0.0);
        let (low, high) = other
            .clone()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        let mut counts = vec![0; BINS];
        let mut counted = 0;
        for value in other {
            let place = (value - low) / (high - low) * BINS as f64;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "from 0 to 60; a single value, 0/0, goes to bin 0"
            )]
            let bin = (place as usize).min(BINS - 1);
            counts[bin] += 1;
            counted += 1;
        }
        let (low, high) = if counted > 0 { (low, high) } else { (0.0, 0.0) };
        Self { layer, low, high, counts, zeros: values.count() as u64 - counted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fall_into_their_bins_and_zeros_are_counted_apart() {
        let histogram = Histogram::of(3, [0.0, 1.0, 61.0, 1.5, 2.5, 0.0, 60.5].into_iter());
        assert_eq!((histogram.layer, histogram.zeros), (3, 2));
        assert!((histogram.low - 1.0).abs() < 1e-12 && (histogram.high - 61.0).abs() < 1e-12);
        let filled: Vec<(usize, u64)> =
            histogram.counts.iter().copied().enumerate().filter(|(_, count)| *count > 0).collect();
        assert_eq!(filled, [(0, 2), (1, 1), (59, 2)]);
    }

    #[test]
    fn one_value_and_no_value_have_histograms_too() {
        let single = Histogram::of(1, [2.0, 2.0].into_iter());
        assert_eq!((single.counts[0], single.zeros), (2, 0));
        let none = Histogram::of(1, [0.0, 0.0, 0.0].into_iter());
        assert_eq!((none.counts.iter().sum::<u64>(), none.zeros), (0, 3));
        assert!(none.low.abs() < 1e-12 && none.high.abs() < 1e-12);
    }
}
