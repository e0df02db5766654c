use crate::{Error, Result, Value};

/// What values a parameter can take.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Domain {
    /// Numbers from `low` to `high`, both included.
    Float {
        /// The least value.
        low: f64,
        /// The greatest value.
        high: f64,
        /// Whether factors count and not differences.
        log: bool,
        /// The distance of neighbouring values; any value will do without it.
        step: Option<f64>,
    },
    /// Integers from `low` to `high`, both included.
    Int {
        /// The least value.
        low: i64,
        /// The greatest value.
        high: i64,
        /// Whether factors count and not differences.
        log: bool,
        /// The distance of neighbouring values.
        step: i64,
    },
    /// One of several values without an order.
    Choices(Vec<Value>),
}

/// Integers are kept where floats represent each of them.
const LARGEST: i64 = 1 << 53;

impl Domain {
    pub(crate) fn check(&self, name: &str) -> Result<()> {
        let fail = |what, expected: &str, found: String| {
            Err(Error::parameter(name, what, expected, found))
        };
        match self {
            Self::Float { low, high, log, step } => {
                // Numbers as `{:?}` has them: 1e300 and not 301 digits.
                if !((high - low).is_finite() && low < high) {
                    let expected = "[low, high] with low < high and a finite difference";
                    return fail("float", expected, format!("[{low:?}, {high:?}]"));
                }
                if *log && *low <= 0.0 {
                    return fail("float with log", "a low above 0", format!("{low:?}"));
                }
                let Some(step) = step else { return Ok(()) };
                let found = format!("{step:?}");
                if *log {
                    return fail("step", "none beside log", found);
                }
                if !(step.is_finite() && *step > 0.0 && *step <= high - low) {
                    return fail("step", "above 0 and at most high - low", found);
                }
                let steps = (high - low) / step;
                if (steps - steps.round()).abs() > 1e-8 || steps > LARGEST as f64 {
                    return fail("step", "one that leads from low to high", found);
                }
            }
            Self::Int { low, high, log, step } => {
                if low > high || low.unsigned_abs().max(high.unsigned_abs()) > LARGEST as u64 {
                    let expected = "[low, high] with low <= high, within 2^53";
                    return fail("int", expected, format!("[{low}, {high}]"));
                }
                if *log && *low < 1 {
                    return fail("int with log", "a low of 1 or more", low.to_string());
                }
                if *log && *step != 1 {
                    return fail("step", "none beside log", step.to_string());
                }
                if *step < 1 || (high - low) % step != 0 {
                    return fail("step", "one that leads from low to high", step.to_string());
                }
            }
            Self::Choices(choices) => {
                if choices.is_empty() {
                    return fail("choices", "one or more", "none".into());
                }
                for (i, choice) in choices.iter().enumerate() {
                    if choices[..i].contains(choice) {
                        return fail("choices", "different values", format!("{choice} twice"));
                    }
                    if !is_finite(choice) {
                        return fail("choices", "finite numbers", choice.to_string());
                    }
                }
            }
        }
        Ok(())
    }

    /// How many values there are; `None` for a continuum.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        match self {
            Self::Float { step: None, .. } => None,
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "checked: positive and within 2^53"
            )]
            Self::Float { low, high, step: Some(step), .. } => {
                Some(((high - low) / step).round() as u64 + 1)
            }
            Self::Int { low, high, step, .. } => {
                Some(high.abs_diff(*low) / step.unsigned_abs() + 1)
            }
            Self::Choices(choices) => Some(choices.len() as u64),
        }
    }

    /// Value number `i` of a finite domain, counted from 0; the last one for any larger `i`.
    pub(crate) fn nth(&self, i: u64) -> Value {
        let i = i.min(self.size().unwrap_or(1) - 1);
        match self {
            Self::Float { low, step, high, .. } => {
                let value = low + i as f64 * step.unwrap_or_default();
                // 0.3 and not 0.30000000000000004.
                let clean = format!("{value:.12e}").parse().unwrap_or(value);
                Value::Float(f64::clamp(clean, *low, *high))
            }
            Self::Int { low, step, .. } => Value::Int(low + i.cast_signed() * step),
            Self::Choices(choices) => choices[usize::try_from(i).unwrap_or_default()].clone(),
        }
    }

    /// The value at `u` in [0, 1), where equal intervals are equally likely.
    pub(crate) fn at(&self, u: f64) -> Value {
        match self {
            Self::Float { step: None, .. } | Self::Int { log: true, .. } => {
                let (low, high) = self.range();
                self.nearest(low + u * (high - low))
            }
            _ => {
                let size = self.size().unwrap_or(1);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "u is not negative, and nth takes any number"
                )]
                self.nth((u * size as f64) as u64)
            }
        }
    }

    /// The interval of a numerical domain on the axis where distances count: logarithms for
    /// `log`. What has steps reaches half a step further, so that each value has its cell.
    pub(crate) fn range(&self) -> (f64, f64) {
        let (low, high) = match *self {
            Self::Float { low, high, step, .. } => {
                let half = step.unwrap_or_default() / 2.0;
                (low - half, high + half)
            }
            Self::Int { low, high, step, .. } => {
                let half = step as f64 / 2.0;
                (low as f64 - half, high as f64 + half)
            }
            Self::Choices(_) => (0.0, 1.0),
        };
        if self.is_log() { (low.ln(), high.ln()) } else { (low, high) }
    }

    pub(crate) fn is_log(&self) -> bool {
        matches!(self, Self::Float { log: true, .. } | Self::Int { log: true, .. })
    }

    /// Where a value stands on that axis; `None` for choices, which have none.
    pub(crate) fn coordinate(&self, value: &Value) -> Option<f64> {
        let number = match (self, value) {
            (Self::Choices(_), _) => return None,
            (_, Value::Float(value)) => *value,
            (_, Value::Int(value)) => *value as f64,
            _ => return None,
        };
        Some(if self.is_log() { number.ln() } else { number })
    }

    /// The borders of a value's cell on that axis; equal where every value is its own.
    pub(crate) fn cell(&self, coordinate: f64) -> (f64, f64) {
        let step = match *self {
            Self::Float { step, .. } => step.unwrap_or_default(),
            Self::Int { step, .. } => step as f64,
            Self::Choices(_) => 0.0,
        };
        if step == 0.0 {
            (coordinate, coordinate)
        } else if self.is_log() {
            let value = coordinate.exp();
            ((value - step / 2.0).ln(), (value + step / 2.0).ln())
        } else {
            (coordinate - step / 2.0, coordinate + step / 2.0)
        }
    }

    /// The value of a numerical domain next to a place on that axis.
    pub(crate) fn nearest(&self, coordinate: f64) -> Value {
        let number = if self.is_log() { coordinate.exp() } else { coordinate };
        match *self {
            Self::Float { low, high, step: None, .. } => Value::Float(number.clamp(low, high)),
            Self::Float { low, step: Some(step), .. } => self.nth(index((number - low) / step)),
            Self::Int { low, step, .. } => self.nth(index((number - low as f64) / step as f64)),
            Self::Choices(_) => self.nth(0),
        }
    }

    /// The number of a value among [`Self::nth`].
    pub(crate) fn position(&self, value: &Value) -> Option<usize> {
        match self {
            Self::Choices(choices) => choices.iter().position(|choice| choice == value),
            _ => None,
        }
    }

    /// A value as this domain holds it: an integer where floats are meant becomes one. `None` if it
    /// does not belong to the domain.
    pub(crate) fn canonical(&self, value: &Value) -> Option<Value> {
        match (self, value) {
            (Self::Choices(choices), _) => {
                choices.iter().find(|&choice| choice == value || stands_for(value, choice)).cloned()
            }
            (Self::Float { low, high, step, .. }, Value::Float(_) | Value::Int(_)) => {
                let number = match value {
                    Value::Int(number) => *number as f64,
                    Value::Float(number) => *number,
                    _ => return None,
                };
                if !(*low..=*high).contains(&number) {
                    return None;
                }
                let Some(step) = step else { return Some(Value::Float(number)) };
                let steps = (number - low) / step;
                ((steps - steps.round()).abs() < 1e-8).then(|| self.nth(index(steps)))
            }
            (Self::Int { low, high, step, .. }, Value::Int(number)) => {
                let fits = (*low..=*high).contains(number) && (number - low) % step == 0;
                fits.then_some(Value::Int(*number))
            }
            _ => None,
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "nth takes any number, and what is below 0 becomes 0"
)]
fn index(steps: f64) -> u64 {
    steps.round().max(0.0) as u64
}

fn is_finite(value: &Value) -> bool {
    match value {
        Value::Float(number) => number.is_finite(),
        Value::List(values) => values.iter().all(is_finite),
        _ => true,
    }
}

/// Whether a value that another program stored is a choice in other words: a number of the other
/// kind, or a list as text.
fn stands_for(value: &Value, choice: &Value) -> bool {
    match (value, choice) {
        (Value::Float(float), Value::Int(int)) | (Value::Int(int), Value::Float(float)) => {
            float.to_bits() == (*int as f64).to_bits()
        }
        (Value::Text(text), Value::List(_)) => *text == choice.to_string(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_parts_of_the_unit_interval_give_every_value_equally_often() {
        let step = Domain::Float { low: 0.1, high: 0.5, log: false, step: Some(0.1) };
        let values: Vec<Value> = (0..5).map(|i| step.at((f64::from(i) + 0.5) / 5.0)).collect();
        assert_eq!(values, [0.1, 0.2, 0.3, 0.4, 0.5].map(Value::Float));
        let int = Domain::Int { low: -2, high: 2, log: false, step: 2 };
        assert_eq!([0.0, 0.4, 0.999_999].map(|u| int.at(u)), [-2, 0, 2].map(Value::Int));
        let log = Domain::Float { low: 1e-3, high: 1e-1, log: true, step: None };
        let Value::Float(middle) = log.at(0.5) else { panic!("no float") };
        assert!((middle - 1e-2).abs() < 1e-9, "{middle}");
        let log = Domain::Int { low: 1, high: 100, log: true, step: 1 };
        assert_eq!(log.at(0.0), Value::Int(1));
        assert_eq!(log.at(0.999_999), Value::Int(100));
    }

    #[test]
    fn a_value_lies_in_its_own_cell() {
        for domain in [
            Domain::Int { low: 1, high: 64, log: true, step: 1 },
            Domain::Int { low: 0, high: 64, log: false, step: 4 },
            Domain::Float { low: 0.0, high: 1.0, log: false, step: Some(0.25) },
        ] {
            for i in 0..domain.size().expect("finite") {
                let value = domain.nth(i);
                let at = domain.coordinate(&value).expect("a number");
                let (low, high) = domain.cell(at);
                let (least, greatest) = domain.range();
                assert!(least <= low + 1e-9 && low < at && at < high && high <= greatest + 1e-9);
                assert_eq!(domain.nearest(at), value);
                assert_eq!(domain.nearest(low + 1e-6), value);
                assert_eq!(domain.nearest(high - 1e-6), value);
            }
        }
    }

    #[test]
    fn integers_are_floats_where_floats_are_meant_and_strangers_are_refused() {
        let float = Domain::Float { low: 0.0, high: 2.0, log: false, step: None };
        assert_eq!(float.canonical(&Value::Int(1)), Some(Value::Float(1.0)));
        assert_eq!(float.canonical(&Value::Float(2.5)), None);
        let choices = Domain::Choices(vec![Value::Float(1.0), Value::from("a")]);
        assert_eq!(choices.canonical(&Value::Int(1)), Some(Value::Float(1.0)));
        assert_eq!(choices.canonical(&Value::from("b")), None);
        let int = Domain::Int { low: 0, high: 9, log: false, step: 3 };
        assert_eq!(int.canonical(&Value::Int(4)), None);
    }
}
