/// How values are laid along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Equal distances for equal differences.
    Linear,
    /// Equal distances for equal ratios; values must be above 0.
    Logarithmic,
}

/// An axis: its label, with the unit, and its scale. Its range is that of the data and a little
/// more.
#[derive(Clone, Debug)]
pub struct Axis {
    pub(crate) label: String,
    pub(crate) scale: Scale,
    pub(crate) least: f64,
}

impl Axis {
    /// A linear axis.
    #[must_use]
    pub fn linear(label: impl Into<String>) -> Self {
        Self { label: label.into(), scale: Scale::Linear, least: f64::NEG_INFINITY }
    }

    /// A logarithmic axis.
    #[must_use]
    pub fn logarithmic(label: impl Into<String>) -> Self {
        Self { label: label.into(), scale: Scale::Logarithmic, least: f64::NEG_INFINITY }
    }

    /// The least value that there can be, such as 0 for a loss: the range does not go below it,
    /// unless the data do.
    #[must_use]
    pub fn at_least(mut self, least: f64) -> Self {
        self.least = least;
        self
    }
}

/// The values that an axis must show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Extent {
    pub min: f64,
    pub max: f64,
    /// Whether all of them are whole numbers (epochs, steps, counts).
    pub whole: bool,
}

impl Extent {
    pub(crate) const NONE: Self = Self { min: f64::INFINITY, max: f64::NEG_INFINITY, whole: true };

    pub(crate) fn include(&mut self, value: f64) {
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.whole &= value.fract() == 0.0;
    }
}

/// The range of an axis, in the units of its scale: values, or their decimal logarithms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Range {
    pub scale: Scale,
    pub low: f64,
    pub high: f64,
    pub whole: bool,
}

impl Range {
    /// A range around `extent` with `padding` (a share of it) to spare on both sides; of a single
    /// value, a range around it.
    pub(crate) fn around(scale: Scale, extent: Extent, padding: f64) -> Self {
        let (min, max) = match scale {
            Scale::Linear => (extent.min, extent.max),
            Scale::Logarithmic => (extent.min.log10(), extent.max.log10()),
        };
        let greatest = min.abs().max(max.abs());
        // Differences that are rounding errors, or too small to divide by, count as none.
        let constant = max - min <= 1e-12 * greatest || max - min < 1e-300;
        let pad = if !constant {
            padding * (max - min)
        } else if scale == Scale::Logarithmic {
            0.5
        } else if extent.whole {
            // Half a count on either side: there is no other to be shown.
            0.5 + 1e-9 * greatest
        } else if greatest < 1e-290 {
            0.5
        } else {
            0.1 * greatest
        };
        Self { scale, low: min - pad, high: max + pad, whole: extent.whole }
    }

    /// The range of `axis` around `extent`, as [`Self::around`].
    pub(crate) fn of(axis: &Axis, extent: Extent, padding: f64) -> Self {
        let around = Self::around(axis.scale, extent, padding);
        let (least, min) = match axis.scale {
            Scale::Linear => (axis.least, extent.min),
            Scale::Logarithmic if axis.least > 0.0 => (axis.least.log10(), extent.min.log10()),
            Scale::Logarithmic => return around,
        };
        Self { low: around.low.max(least.min(min)), ..around }
    }

    /// Where `value` lies between the ends of the axis: 0 at the low one, 1 at the high one.
    pub(crate) fn fraction(&self, value: f64) -> f64 {
        let value = match self.scale {
            Scale::Linear => value,
            Scale::Logarithmic => value.log10(),
        };
        (value - self.low) / (self.high - self.low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(scale: Scale, values: &[f64]) -> Range {
        let mut extent = Extent::NONE;
        for value in values {
            extent.include(*value);
        }
        Range::around(scale, extent, 0.05)
    }

    #[test]
    fn every_value_lies_inside_its_range() {
        let cases: [(Scale, &[f64]); 9] = [
            (Scale::Linear, &[0.1, 0.9]),
            (Scale::Linear, &[7.0]),
            (Scale::Linear, &[0.0]),
            (Scale::Linear, &[-3.5, -3.5]),
            (Scale::Linear, &[-1e300, 1e300]),
            (Scale::Linear, &[1e-310, 0.0]),
            (Scale::Linear, &[1e30, 1e30 * (1.0 + 1e-15)]),
            (Scale::Logarithmic, &[1e-30, 1e30]),
            (Scale::Logarithmic, &[5e-324]),
        ];
        for (scale, values) in cases {
            let range = around(scale, values);
            for value in values {
                let fraction = range.fraction(*value);
                assert!(fraction > 0.0 && fraction < 1.0, "{value:e} at {fraction} of {range:?}");
            }
        }
    }

    #[test]
    fn a_range_stays_above_the_least_value_unless_the_data_are_below() {
        let of = |axis: Axis, values: &[f64]| {
            let mut extent = Extent::NONE;
            for value in values {
                extent.include(*value);
            }
            Range::of(&axis, extent, 0.05).low
        };
        let loss = || Axis::linear("loss").at_least(0.0);
        assert_eq!(of(loss(), &[0.0]).to_bits(), 0.0_f64.to_bits());
        assert_eq!(of(loss(), &[0.01, 2.0]).to_bits(), 0.0_f64.to_bits());
        assert!((of(loss(), &[1.0, 2.0]) - 0.95).abs() < 1e-12);
        assert_eq!(of(loss(), &[-3.0, 2.0]).to_bits(), (-3.0_f64).to_bits());
        assert!(of(Axis::linear("epoch"), &[1.0]) < 0.5);
        for rate in [Axis::logarithmic("rate"), Axis::logarithmic("rate").at_least(0.0)] {
            assert!((of(rate, &[1.0]) + 0.5).abs() < 1e-12);
        }
        assert!(of(Axis::logarithmic("rate").at_least(0.5), &[1.0]) > -0.31);
    }

    #[test]
    fn a_logarithmic_axis_gives_equal_distances_to_equal_ratios() {
        let range = around(Scale::Logarithmic, &[0.001, 1000.0]);
        assert!((range.fraction(1.0) - 0.5).abs() < 1e-12);
    }
}
