//! Numbers as an axis shows them.

/// The least `1`, `2` or `5` times a power of ten that is at least `step`, as factor and exponent.
#[expect(clippy::cast_possible_truncation, reason = "logarithms of f64 lie between -324 and 309")]
pub(crate) fn round_step(step: f64) -> (f64, i32) {
    let exponent = step.log10().floor() as i32;
    let leading = times_power_of_ten(step, -exponent);
    // The tolerance keeps 0.2 from becoming 0.5 for a rounding error.
    for factor in [1.0, 2.0, 5.0] {
        if leading <= factor * (1.0 + 1e-9) {
            return (factor, exponent);
        }
    }
    (1.0, exponent + 1)
}

/// `value` times ten to the `exponent`, correctly rounded for whole `value` and small exponents
/// of either sign (a negative power of ten has no exact representation, so this divides).
pub(crate) fn times_power_of_ten(value: f64, exponent: i32) -> f64 {
    if exponent < -300 {
        value / 1e300 / 10_f64.powi(-300 - exponent)
    } else if exponent < 0 {
        value / 10_f64.powi(-exponent)
    } else {
        value * 10_f64.powi(exponent)
    }
}

/// Labels of evenly spaced values whose spacing has its last digit at ten to the `exponent`: all
/// in one form, with thousands separators, or as multiples of one power of ten where that is
/// shorter.
#[expect(clippy::cast_possible_truncation, reason = "logarithms of f64 lie between -324 and 309")]
pub(crate) fn labels(values: &[f64], exponent: i32) -> Vec<String> {
    let greatest = values.iter().fold(0.0, |g: f64, v| g.max(v.abs()));
    let leading = greatest.max(f64::MIN_POSITIVE).log10().floor() as i32;
    // A step number of seven digits is easier to read as one than as a multiple of 10⁶.
    let plain = greatest == 0.0
        || (1e-3..1e6).contains(&greatest)
        || (1e6..1e12).contains(&greatest) && leading - exponent > 3;
    let power = if plain { 0 } else { leading };
    let decimals = usize::try_from(power.saturating_sub(exponent)).unwrap_or(0);
    values
        .iter()
        .map(|value| {
            if plain {
                with_separators(&format!("{:.decimals$}", value.abs()), *value < 0.0)
            } else if *value == 0.0 {
                "0".to_owned()
            } else {
                let leading = times_power_of_ten(value.abs(), -power);
                let sign = if *value < 0.0 { "−" } else { "" };
                format!("{sign}{leading:.decimals$}×10{}", superscript(power))
            }
        })
        .collect()
}

/// Labels of `factor` times ten to the power `exponent`: plain numbers, or powers of ten where
/// one of them would be long.
pub(crate) fn power_labels(values: &[(f64, i32)]) -> Vec<String> {
    let plain = values.iter().all(|(_, exponent)| (-3..=4).contains(exponent));
    values
        .iter()
        .map(|(factor, exponent)| {
            if plain {
                let decimals = usize::try_from(-exponent).unwrap_or(0);
                let value = times_power_of_ten(*factor, *exponent);
                with_separators(&format!("{value:.decimals$}"), false)
            } else if *factor > 1.0 {
                format!("{factor}×10{}", superscript(*exponent))
            } else {
                format!("10{}", superscript(*exponent))
            }
        })
        .collect()
}

/// Digits with a comma between thousands, and a true minus sign.
fn with_separators(digits: &str, negative: bool) -> String {
    let (integer, fraction) = match digits.split_once('.') {
        Some((integer, fraction)) => (integer, Some(fraction)),
        None => (digits, None),
    };
    let mut text = String::new();
    if negative {
        text.push('−');
    }
    for (i, digit) in integer.chars().enumerate() {
        if i > 0 && (integer.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(fraction) = fraction {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

fn superscript(exponent: i32) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    exponent
        .to_string()
        .chars()
        .map(|c| c.to_digit(10).and_then(|d| DIGITS.get(d as usize)).copied().unwrap_or('⁻'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_rounded_up_to_one_two_or_five() {
        let rounded = [0.13, 0.2, 0.21, 6.0, 1e-30, 3e300].map(round_step);
        let expected = [(2.0, -1), (2.0, -1), (5.0, -1), (1.0, 1), (1.0, -30), (5.0, 300)];
        assert_eq!(rounded, expected);
    }

    #[test]
    fn thousands_are_separated_and_signs_are_minus_signs() {
        assert_eq!(labels(&[-123_450.0, 0.0, 999.0], 0), ["−123,450", "0", "999"]);
        assert_eq!(labels(&[0.25, 0.5], -2), ["0.25", "0.50"]);
        assert_eq!(labels(&[1_234_566.0, 1_234_567.0], 0), ["1,234,566", "1,234,567"]);
    }
}
