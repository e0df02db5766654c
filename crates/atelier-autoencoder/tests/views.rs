//! The view of codes against the exact principal components, and where linfa alone would not do.

use atelier_autoencoder::latent::{View, view};
use atelier_autoencoder::pca::Moments;
use linfa::DatasetBase;
use linfa::traits::Fit as _;
use linfa_reduction::Pca as Linfa;
use ndarray::{Array2, s};

/// Codes as ReLU leaves them: many zeros, units that never leave 0, others that move together.
fn codes(examples: usize, units: usize, seed: f32) -> Array2<f32> {
    Array2::from_shape_fn((examples, units), |(row, unit)| {
        if unit % 5 == 3 {
            return 0.0;
        }
        let (row, unit) = (row as f32 + seed, unit as f32);
        let waves = (1..=6_u8).map(|k| {
            let k = f32::from(k);
            (row * (0.731 + seed * 0.01) * k + k * k).sin() * (unit * 0.61 * k + k).cos() / k
        });
        (3.0 * waves.sum::<f32>() + (row * unit * 1.7).sin()).max(0.0)
    })
}

/// By an exact decomposition of the covariance.
fn exact(codes: &Array2<f32>) -> View {
    let mut moments = Moments::new(codes.ncols());
    moments.add(codes.view()).unwrap();
    let pca = moments.principal_components(codes.ncols().min(2)).unwrap();
    let mut coordinates = Array2::zeros((codes.nrows(), 2));
    let found = pca.project(codes.view()).unwrap();
    coordinates.slice_mut(s![.., ..found.ncols()]).assign(&found);
    let share = |i| pca.variances.get(i).copied().unwrap_or(0.0) / pca.total_variance;
    View { coordinates, shares: [share(0), share(1)] }
}

fn assert_close(found: &View, expected: &View, what: &str) {
    for (a, b) in found.shares.iter().zip(expected.shares) {
        assert!((a - b).abs() < 1e-8, "{what}: {:?}, not {:?}", found.shares, expected.shares);
    }
    let largest = expected.coordinates.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    for ((at, a), b) in found.coordinates.indexed_iter().zip(&expected.coordinates) {
        assert!((a - b).abs() < 1e-5 * largest, "{what}, {at:?}: {a}, not {b}");
    }
}

#[test]
fn a_view_is_that_of_the_exact_components() {
    let sizes = [(500, 64), (40, 100), (200, 2), (30, 1), (1000, 200), (2, 9)];
    // With 3, 5 and 7 units linfa breaks off when it is asked for both directions at once.
    for (examples, units) in sizes.into_iter().chain([(500, 3), (500, 5), (500, 7)]) {
        for seed in [0.0, 1.0, 2.0] {
            let codes = codes(examples, units, seed);
            let what = format!("{examples} codes of {units} units, seed {seed}");
            assert_close(&view(codes.view()).unwrap(), &exact(&codes), &what);
        }
    }
}

#[test]
fn a_view_does_not_depend_on_the_unit_of_the_codes() {
    let codes = codes(200, 16, 0.0);
    let plain = view(codes.view()).unwrap();
    for factor in [1e-20_f32, 1e-6, 1e6, 1e20] {
        let scaled = view((&codes * factor).view()).unwrap();
        let coordinates = scaled.coordinates / f64::from(factor);
        let back = View { coordinates, shares: scaled.shares };
        assert_close(&back, &plain, &factor.to_string());
    }
}

#[test]
fn codes_along_one_line_have_no_second_direction() {
    let codes = Array2::from_shape_fn((50, 4), |(row, unit)| row as f32 * (unit as f32 + 1.0));
    let found = view(codes.view()).unwrap();
    assert!((found.shares[0] - 1.0).abs() < 1e-9 && found.shares[1] < 1e-9, "{:?}", found.shares);
    let length = f64::from(1 + 4 + 9 + 16).sqrt() * 49.0;
    let along = found.coordinates.column(0);
    assert!((along[49] - along[0] - length).abs() < 1e-6 * length, "{along}");
    assert!(found.coordinates.column(1).iter().all(|value| value.abs() < 1e-6 * length));
}

#[test]
fn codes_that_are_all_the_same_lie_in_the_middle() {
    for codes in [Array2::zeros((20, 5)), Array2::from_elem((20, 5), 0.1), codes(1, 5, 0.0)] {
        let found = view(codes.view()).unwrap();
        assert_eq!(
            found,
            View { coordinates: Array2::zeros((codes.nrows(), 2)), shares: [0.0; 2] }
        );
    }
}

#[test]
fn codes_that_cannot_be_looked_at_are_refused() {
    for (codes, text) in [
        (Array2::zeros((0, 3)), "found none"),
        (Array2::zeros((3, 0)), "found none"),
        (Array2::from_elem((3, 2), f32::NAN), "expected finite numbers"),
        (Array2::from_elem((3, 2), f32::INFINITY), "expected finite numbers"),
    ] {
        let refused = view(codes.view()).unwrap_err().to_string();
        assert!(refused.contains(text), "{refused}");
    }
}

/// Why the shares are reckoned here: linfa's are of the variance in the directions that it was asked for.
#[test]
fn linfas_own_shares_are_not_those_of_the_whole_variance() {
    let codes = codes(200, 16, 0.0);
    let data = DatasetBase::from(codes.mapv(f64::from));
    let theirs = Linfa::params(2).fit(&data).unwrap().explained_variance_ratio();
    assert!((theirs.sum() - 1.0).abs() < 1e-9);
    let ours = view(codes.view()).unwrap().shares;
    assert!(ours.iter().sum::<f64>() < 0.9, "{ours:?}");
}
