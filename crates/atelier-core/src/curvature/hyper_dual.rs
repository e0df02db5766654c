//! Second derivatives in f64 without a formula for them: the reference of the tests.

use std::ops::{Add, Mul};

/// f + f1 e + f2 d + f12 e d with e^2 = d^2 = 0: from inputs w + u e + v d comes u^T H v as `f12`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hyper {
    pub(super) value: f64,
    pub(super) first: f64,
    pub(super) second: f64,
    pub(super) both: f64,
}

impl Hyper {
    pub(super) fn constant(value: f64) -> Self {
        Self { value, first: 0.0, second: 0.0, both: 0.0 }
    }

    /// g(self), from g and its first two derivatives there.
    fn chain(self, g: f64, slope: f64, bend: f64) -> Self {
        Self {
            value: g,
            first: slope * self.first,
            second: slope * self.second,
            both: slope * self.both + bend * self.first * self.second,
        }
    }

    pub(super) fn exp(self) -> Self {
        let e = self.value.exp();
        self.chain(e, e, e)
    }

    pub(super) fn ln(self) -> Self {
        let x = self.value;
        self.chain(x.ln(), 1.0 / x, -1.0 / (x * x))
    }

    pub(super) fn reciprocal(self) -> Self {
        let r = 1.0 / self.value;
        self.chain(r, -r * r, 2.0 * r * r * r)
    }

    pub(super) fn erf(self) -> Self {
        let x = self.value;
        let slope = 2.0 / std::f64::consts::PI.sqrt() * (-x * x).exp();
        self.chain(candle_core::cpu::erf::erf_f64(x), slope, -2.0 * x * slope)
    }
}

impl Add for Hyper {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            value: self.value + other.value,
            first: self.first + other.first,
            second: self.second + other.second,
            both: self.both + other.both,
        }
    }
}

impl Mul for Hyper {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self {
            value: self.value * other.value,
            first: self.first * other.value + self.value * other.first,
            second: self.second * other.value + self.value * other.second,
            both: self.both * other.value
                + self.first * other.second
                + self.second * other.first
                + self.value * other.both,
        }
    }
}

impl Mul<f64> for Hyper {
    type Output = Self;
    fn mul(self, factor: f64) -> Self {
        self * Self::constant(factor)
    }
}

impl Add<f64> for Hyper {
    type Output = Self;
    fn add(self, constant: f64) -> Self {
        self + Self::constant(constant)
    }
}
