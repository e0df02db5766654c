//! Numbers as people read them.

/// With a comma between thousands: `1,234,567`.
#[must_use]
pub fn thousands(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun: `1 epoch`, `2 epochs`. For nouns that take an `s`.
#[must_use]
pub fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", thousands(count))
}

/// A share in [0, 1] as a percentage with two decimals: `88.41 %`.
#[must_use]
pub fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

/// With four significant digits, in scientific notation where that is shorter to read.
#[must_use]
pub fn significant(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        "0".to_string()
    } else if (1e-3..1e5).contains(&size) {
        // The exponent lies between -3 and 4 here.
        #[expect(clippy::cast_possible_truncation, reason = "between -3 and 4")]
        let whole = size.log10().floor() as i32 + 1;
        let decimals = usize::try_from(4 - whole).unwrap_or(0);
        format!("{value:.decimals$}")
    } else {
        format!("{value:.3e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        for (count, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(count), text);
        }
    }

    #[test]
    fn one_thing_is_not_many() {
        let told = [0, 1, 2, 1000].map(|count| counted(count, "step"));
        assert_eq!(told, ["0 steps", "1 step", "2 steps", "1,000 steps"]);
    }

    #[test]
    fn four_digits_are_shown_whatever_the_size() {
        for (value, text) in [
            (0.0, "0"),
            (0.123_456, "0.1235"),
            (12.345_6, "12.35"),
            (0.001_234_56, "0.001235"),
            (123_456.0, "1.235e5"),
            (0.000_05, "5.000e-5"),
            (-2.5, "-2.500"),
        ] {
            assert_eq!(significant(value), text);
        }
        assert_eq!(significant(f64::NAN), "NaN");
    }

    #[test]
    fn shares_are_percentages() {
        assert_eq!(percent(0.884_14), "88.41 %");
    }
}
