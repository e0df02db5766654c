//! Medians, quartiles, ratios.

/// The nearest-rank quantile of the values; `NaN` of none.
#[must_use]
pub fn quantile(values: &[f64], q: f64) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    let index = ((values.len() - 1) as f64 * q).round() as usize;
    values[index]
}

/// The middle one of the values, or the mean of the two in the middle; `NaN` of none.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2])
}

/// How many times as long as `ours` `theirs` took, round by round: a drift of the machine meets both
/// sides of a ratio. Rounds that only one of them has are left out.
#[must_use]
pub fn ratios(theirs: &[f64], ours: &[f64]) -> Vec<f64> {
    theirs.iter().zip(ours).map(|(theirs, ours)| theirs / ours).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-12, "{found}, expected {expected}");
    }

    #[test]
    fn quantiles_are_taken_from_the_sorted_values() {
        let values = [5.0, 1.0, 4.0, 2.0, 3.0];
        is(median(&values), 3.0);
        is(quantile(&values, 0.25), 2.0);
        is(quantile(&values, 0.75), 4.0);
        is(quantile(&values, 0.0), 1.0);
        is(quantile(&values, 1.0), 5.0);
        is(quantile(&[7.0], 0.75), 7.0);
        is(median(&[4.0, 1.0]), 2.5);
        assert!(median(&[]).is_nan() && quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn a_ratio_pairs_what_was_measured_in_the_same_round() {
        // The machine was half as fast in the second round, for both.
        let found = ratios(&[2.0, 4.0, 2.2], &[1.0, 2.0, 1.0]);
        is(median(&found), 2.0);
        is(found[2], 2.2);
    }
}
