//! Elementary functions that compile to vector code: no branches, no calls, no table.
//!
//! Accuracy against f64, over the whole range where the result is a normal number: [`exp`] and
//! [`exp_m1`] 2 ulp, [`sigmoid`] and [`tanh`] 4 ulp, [`erf`] 5e-7 absolute. The tests measure it.
#![expect(
    clippy::inline_always,
    reason = "these must be compiled with the vector instructions of their caller"
)]

/// e^x; 0 below -87.3, about 1.7e38 above 88.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    let x = if x > 88.0 { 88.0 } else { x };
    let (r, power) = reduce(if x < -87.3 { -87.3 } else { x });
    let value = (exp_m1_reduced(r) + 1.0) * power;
    // A comparison and not `max`, so that NaN stays NaN and a divergence is noticed.
    if x < -87.3 { 0.0 } else { value }
}

/// e^x - 1, accurate near 0.
#[inline(always)]
pub(crate) fn exp_m1(x: f32) -> f32 {
    let x = if x > 88.0 { 88.0 } else { x };
    let (r, power) = reduce(if x < -87.3 { -87.3 } else { x });
    exp_m1_reduced(r) * power + (power - 1.0)
}

/// 1 / (1 + e^-x).
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// tanh(x) = t / (t + 2) with t = e^(2x) - 1.
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    let x = if x > 20.0 { 20.0 } else { x };
    let x = if x < -20.0 { -20.0 } else { x };
    let t = exp_m1(x + x);
    t / (t + 2.0)
}

/// The error function, by a rational approximation of odd over even powers.
#[inline(always)]
pub(crate) fn erf(x: f32) -> f32 {
    let x = if x > 4.0 { 4.0 } else { x };
    let x = if x < -4.0 { -4.0 } else { x };
    let s = x * x;
    let odd = -2.726_142_3e-10;
    let odd = odd * s + 2.770_681_4e-8;
    let odd = odd * s - 2.101_024e-6;
    let odd = odd * s - 5.692_506_4e-5;
    let odd = odd * s - 7.349_906_3e-4;
    let odd = odd * s - 2.954_6e-3;
    let odd = odd * s - 1.609_603_3e-2;
    let even = -1.456_607_2e-5;
    let even = even * s - 2.133_740_6e-4;
    let even = even * s - 1.682_827e-3;
    let even = even * s - 7.373_329e-3;
    let even = even * s - 1.426_474e-2;
    let value = x * odd / even;
    // From here on the nearest f32 is 1; the approximation stays a little short of it.
    let value = if x > 3.92 { 1.0 } else { value };
    if x < -3.92 { -1.0 } else { value }
}

/// x = n ln 2 + r with |r| <= ln 2 / 2: returns r and 2^n.
#[inline(always)]
fn reduce(x: f32) -> (f32, f32) {
    // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits of the sum.
    const ROUND: f32 = 12_582_912.0;
    // ln 2 in two parts, the first exact in few bits, so that n * LN_2_HIGH is exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * LN_2_HIGH - n * LN_2_LOW;
    let exponent = shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127);
    (r, f32::from_bits(exponent << 23))
}

/// e^r - 1 for |r| <= ln 2 / 2, minimax polynomial of degree 7.
#[inline(always)]
fn exp_m1_reduced(r: f32) -> f32 {
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    p * (r * r) + r
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Largest difference from `exact` in units of the last place, over `from..=to`.
    fn worst_ulp(f: fn(f32) -> f32, exact: fn(f64) -> f64, from: f32, to: f32) -> f64 {
        let n = if cfg!(miri) { 1_000 } else { 1_000_000 };
        let mut worst = 0.0_f64;
        for i in 0..=n {
            let x = from + (to - from) * (i as f32 / n as f32);
            let wanted = exact(f64::from(x));
            #[expect(clippy::cast_possible_truncation, reason = "the rounded value sets the unit")]
            let rounded = (wanted as f32).abs().max(f32::MIN_POSITIVE);
            let unit = f64::from(f32::from_bits(rounded.to_bits() + 1) - rounded);
            worst = worst.max((f64::from(f(x)) - wanted).abs() / unit);
        }
        worst
    }

    #[test]
    fn functions_are_as_accurate_as_stated() {
        for (name, f, exact, from, to, bound) in [
            ("exp", exp as fn(f32) -> f32, f64::exp as fn(f64) -> f64, -87.0, 88.0, 2.0),
            ("exp_m1", exp_m1, f64::exp_m1, -80.0, 88.0, 2.0),
            ("exp_m1 near 0", exp_m1, f64::exp_m1, -0.5, 0.5, 2.0),
            ("tanh", tanh, f64::tanh, -12.0, 12.0, 4.0),
            ("tanh near 0", tanh, f64::tanh, -0.01, 0.01, 4.0),
            ("sigmoid", sigmoid, |x| 1.0 / (1.0 + (-x).exp()), -80.0, 80.0, 4.0),
        ] {
            let worst = worst_ulp(f, exact, from, to);
            assert!(worst <= bound, "{name}: {worst} ulp");
        }
    }

    #[test]
    fn erf_is_within_its_bound() {
        let step = if cfg!(miri) { 300 } else { 1 };
        for i in (-60_000..=60_000).step_by(step) {
            let x = i as f32 * 1e-4;
            let error = (f64::from(erf(x)) - candle_core::cpu::erf::erf_f64(f64::from(x))).abs();
            assert!(error < 5e-7, "erf({x}) is off by {error}");
        }
    }

    #[test]
    fn extremes_saturate_and_nan_stays() {
        assert_eq!(exp(-200.0).to_bits(), 0);
        assert_eq!(exp(f32::NEG_INFINITY).to_bits(), 0);
        assert!(exp(f32::INFINITY) > 1e38 && exp(f32::INFINITY).is_finite());
        assert!((sigmoid(200.0) - 1.0).abs() < 1e-7 && sigmoid(-200.0) < 1e-37);
        assert!((tanh(f32::INFINITY) - 1.0).abs() < 1e-6 && (tanh(-50.0) + 1.0).abs() < 1e-6);
        for f in [exp, exp_m1, sigmoid, tanh, erf] {
            assert!(f(f32::NAN).is_nan());
        }
        assert!((erf(4.5) - 1.0).abs() < 1e-9 && (erf(-30.0) + 1.0).abs() < 1e-9);
    }
}
