//! Directions against their definitions, a full singular value decomposition, and linfa's.

use std::ops::ControlFlow;

use atelier_core::seed::stream;
use atelier_landscape::{
    Anchor, Error, Pca, Snapshot, Trajectory, filter_normalised_directions, plane_through,
    principal_components, random_directions,
};
use linfa::DatasetBase;
use linfa::traits::Fit as _;
use ndarray::{Array1, Array2, Axis, concatenate};
use rand_distr::{Distribution as _, StandardNormal};

fn go_on(_done: usize, _of: usize) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn trajectory(run: &str, points: &Array2<f32>) -> Trajectory {
    let times = (0..points.nrows() as u64).map(|step| Snapshot {
        step,
        epoch: step as f64,
        minibatch_loss: None,
    });
    Trajectory::new(run, points.clone(), times.collect()).unwrap()
}

/// Points that vary differently in every direction, far from zero.
fn points(n: usize, parameters: usize, seed: u64) -> Array2<f32> {
    let mut stream = stream(seed, "test", 0, 0);
    let mut normal = || -> f32 { StandardNormal.sample(&mut stream) };
    let mixed: Array2<f32> = Array2::from_shape_simple_fn((8, parameters), &mut normal);
    let mut weights: Array2<f32> = Array2::from_shape_simple_fn((n, 8), normal);
    for (k, mut column) in weights.columns_mut().into_iter().enumerate() {
        column *= 0.6_f32.powi(i32::try_from(k).unwrap());
    }
    weights.dot(&mixed) + 5.0
}

/// Singular values (falling) and right singular vectors (rows) by one-sided Jacobi rotations of the
/// columns, which knows nothing of Gram matrices.
fn svd(x: &Array2<f64>) -> (Array1<f64>, Array2<f64>) {
    let mut columns = x.t().to_owned(); // each row of it is turned into a left vector times its value
    let n = columns.nrows();
    let mut right = Array2::<f64>::eye(n);
    for _sweep in 0..60 {
        let mut largest = 0.0_f64;
        for i in 0..n {
            for j in i + 1..n {
                let (a, b) = (columns.row(i), columns.row(j));
                let (aa, bb, ab) = (a.dot(&a), b.dot(&b), a.dot(&b));
                if ab.abs() <= 1e-15 * (aa * bb).sqrt() || ab == 0.0 {
                    continue;
                }
                largest = largest.max(ab.abs() / (aa * bb).sqrt());
                let zeta = (bb - aa) / (2.0 * ab);
                let t = zeta.signum() / (zeta.abs() + zeta.hypot(1.0));
                let c = 1.0 / t.hypot(1.0);
                let s = c * t;
                for m in [&mut columns, &mut right] {
                    let (p, q) = (m.row(i).to_owned(), m.row(j).to_owned());
                    m.row_mut(i).assign(&(&p * c - &q * s));
                    m.row_mut(j).assign(&(&p * s + &q * c));
                }
            }
        }
        if largest < 1e-14 {
            break;
        }
    }
    let values = columns.map_axis(Axis(1), |row| row.dot(&row).sqrt());
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| values[j].total_cmp(&values[i]));
    (values.select(Axis(0), &order), right.select(Axis(0), &order))
}

/// The sine of the largest angle between the plane of `pca` and that of two orthonormal rows.
fn angle(pca: &Pca, rows: &Array2<f64>) -> f64 {
    let off = pca.directions.each_ref().map(|direction| {
        let mut rest = Array1::from(direction.clone());
        for row in rows.rows() {
            let along = rest.dot(&row);
            rest.scaled_add(-along, &row);
        }
        rest.dot(&rest).sqrt()
    });
    off[0].hypot(off[1])
}

fn centred(points: &Array2<f32>) -> Array2<f64> {
    let wide = points.mapv(f64::from);
    &wide - &wide.mean_axis(Axis(0)).unwrap()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn principal_directions_are_those_of_a_full_singular_value_decomposition() {
    // With few snapshots, and with so many that only two vectors are computed.
    for (first, second) in [(30, 25), (160, 110)] {
        let (a, b) = (points(first, 70, 1), points(second, 70, 2));
        let runs = [trajectory("a", &a), trajectory("b", &b)];
        let pca = principal_components(&runs, Anchor::Mean, &mut go_on).unwrap();
        let n = (first + second) as f64;
        let all = centred(&concatenate![Axis(0), a, b]);
        let (values, right) = svd(&all);
        let sine = angle(&pca, &right.slice(ndarray::s![..2, ..]).to_owned());
        assert!(sine < 1e-6, "the planes differ by {sine}");
        for (k, value) in values.iter().take(8).enumerate() {
            let expected = value.powi(2) / n;
            assert!((pca.variances[k] / expected - 1.0).abs() < 1e-9, "{k}: {}", pca.variances[k]);
        }
        let total = all.mapv(|value| value.powi(2)).sum() / n;
        assert!((pca.total_variance / total - 1.0).abs() < 1e-12);
    }
}

#[test]
fn linfa_finds_the_same_plane_and_variances() {
    let points = points(40, 30, 3);
    let ours =
        principal_components(&[trajectory("run", &points)], Anchor::Mean, &mut go_on).unwrap();
    let data = DatasetBase::from(points.mapv(f64::from));
    let theirs = linfa_reduction::Pca::params(2).fit(&data).unwrap();
    let mut rows = theirs.components().clone();
    for mut row in rows.rows_mut() {
        let length = row.dot(&row).sqrt();
        row /= length;
    }
    let sine = angle(&ours, &rows);
    assert!(sine < 1e-4, "the planes differ by {sine}");
    for (variance, value) in ours.variances.iter().zip(theirs.singular_values()) {
        let expected = value.powi(2) / 40.0;
        assert!((variance / expected - 1.0).abs() < 1e-4, "{variance} is not {expected}");
    }
}

#[test]
fn an_ellipse_has_its_axes_and_their_shares() {
    // Far away, in the plane of (1, 1, -1)/sqrt 3 and (1, -1, 0)/sqrt 2.
    let (long, short) = ([1.0_f64, 1.0, -1.0], [1.0_f64, -1.0, 0.0]);
    #[expect(clippy::cast_possible_truncation, reason = "points are f32")]
    let points = Array2::from_shape_fn((100, 3), |(i, j)| {
        let angle = i as f64 * std::f64::consts::TAU / 100.0;
        let along = 3.0 * angle.cos() * long[j] / 3_f64.sqrt();
        (100.0 + along + angle.sin() * short[j] / 2_f64.sqrt()) as f32
    });
    let pca =
        principal_components(&[trajectory("run", &points)], Anchor::Mean, &mut go_on).unwrap();
    let shares = pca.shares();
    assert!((shares[0] - 0.9).abs() < 1e-5 && (shares[1] - 0.1).abs() < 1e-5, "{:?}", &shares[..3]);
    assert!((pca.total_variance - 5.0).abs() < 1e-4);
    assert!(pca.origin.iter().all(|value| (value - 100.0).abs() < 1e-4));
    // All entries are of the same size, so rounding has a say in the signs.
    let [first, second] = &pca.directions;
    assert!((dot(first, &long).abs() / 3_f64.sqrt() - 1.0).abs() < 1e-8);
    assert!((dot(second, &short).abs() / 2_f64.sqrt() - 1.0).abs() < 1e-8);
}

#[test]
fn directions_are_orthonormal_with_a_fixed_sign_and_hold_the_stated_variance() {
    // More parameters than one block of columns.
    let points = points(20, 5000, 4);
    let pca =
        principal_components(&[trajectory("run", &points)], Anchor::Mean, &mut go_on).unwrap();
    let [first, second] = &pca.directions;
    assert!((dot(first, first) - 1.0).abs() < 1e-12 && (dot(second, second) - 1.0).abs() < 1e-12);
    assert!(dot(first, second).abs() < 1e-12);
    for (k, direction) in pca.directions.iter().enumerate() {
        let largest = direction.iter().max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap();
        assert!(*largest > 0.0, "direction {k} has {largest}");
        let along = centred(&points).dot(&Array1::from(direction.clone()));
        let variance = along.dot(&along) / 20.0;
        assert!((variance / pca.variances[k] - 1.0).abs() < 1e-9, "direction {k}");
    }
    assert!(pca.variances.windows(2).all(|pair| pair[0] >= pair[1]));
    assert!((pca.shares().iter().sum::<f64>() - 1.0).abs() < 1e-12);
}

#[test]
fn the_last_point_of_the_first_run_can_be_the_anchor() {
    let (a, b) = (points(12, 40, 5), points(9, 40, 6));
    let runs = [trajectory("a", &a), trajectory("b", &b)];
    let pca = principal_components(&runs, Anchor::Final, &mut go_on).unwrap();
    assert_eq!(pca.origin, a.row(11).to_vec());
    let all = concatenate![Axis(0), a, b].mapv(f64::from);
    let (values, right) = svd(&(&all - &a.row(11).mapv(f64::from)));
    assert!(angle(&pca, &right.slice(ndarray::s![..2, ..]).to_owned()) < 1e-6);
    assert!((pca.variances[0] * 21.0 / values[0].powi(2) - 1.0).abs() < 1e-9);
    let at = pca.plane().unwrap().project(&runs[0].points.row(11).to_vec()).unwrap();
    assert_eq!((at.x, at.y, at.distance), (0.0, 0.0, 0.0));
}

#[test]
fn each_run_is_told_the_share_of_its_own_variance() {
    // Two runs far apart along axis 0. The first moves along axis 1 and, half as far, along axis 2;
    // the second along axis 1 alone.
    let swing = |i: usize, times: f32| (i as f32 * std::f32::consts::TAU * times / 40.0).cos();
    let run = |at: f32, aside: f32| {
        Array2::from_shape_fn((40, 3), |(i, j)| match j {
            0 => at,
            1 => swing(i, 1.0),
            _ => aside * swing(i, 2.0),
        })
    };
    let runs = [trajectory("a", &run(-10.0, 0.5)), trajectory("b", &run(10.0, 0.0))];
    let pca = principal_components(&runs, Anchor::Mean, &mut go_on).unwrap();
    assert!(pca.directions[0][0] > 0.999_999 && pca.directions[1][1] > 0.999_999);
    let [a, b] = pca.runs.as_slice() else { panic!("two runs") };
    assert_eq!((a.run.as_str(), b.run.as_str()), ("a", "b"));
    assert!((a.variance - 0.625).abs() < 1e-6 && (b.variance - 0.5).abs() < 1e-6);
    assert!(a.shares[0] < 1e-9 && (a.shares[1] - 0.8).abs() < 1e-6, "{:?}", a.shares);
    assert!(b.shares[0] < 1e-9 && (b.shares[1] - 1.0).abs() < 1e-6, "{:?}", b.shares);
}

#[test]
fn what_of_the_first_direction_lies_between_the_runs_is_said() {
    let run = |name: &str, at: &[f32]| {
        let points = Array2::from_shape_fn((at.len(), 3), |(i, j)| match j {
            0 => at[i],
            1 => 0.1 * (i % 3) as f32,
            _ => 0.0,
        });
        trajectory(name, &points)
    };
    let runs = [run("a", &[3.0, 5.0, 4.0, 4.0]), run("b", &[-1.0, 0.0, 1.0])];
    let pca = |runs: &[Trajectory], anchor| principal_components(runs, anchor, &mut go_on).unwrap();
    let both = pca(&runs, Anchor::Mean);
    // Along axis 0 the means are 4 and 0, of four and three points, and 16/7 of all.
    let (between, within) = (4.0 * (12.0_f64 / 7.0).powi(2) + 3.0 * (16.0_f64 / 7.0).powi(2), 4.0);
    let expected = between / (between + within);
    assert!((both.between_runs - expected).abs() < 1e-3, "{} is not {expected}", both.between_runs);
    let about_the_end = pca(&runs, Anchor::Final).between_runs;
    assert!((about_the_end - expected).abs() < 1e-2, "{about_the_end} is not {expected}");
    for anchor in [Anchor::Mean, Anchor::Final] {
        assert!(pca(&runs[..1], anchor).between_runs < 1e-15, "{anchor:?}: one run has no other");
    }
}

#[test]
fn a_decomposition_is_told_in_parts_and_ends_when_asked_to() {
    let run = [trajectory("run", &points(5, 5000, 7))];
    let mut told = Vec::new();
    let mut all = |done, of| {
        told.push((done, of));
        ControlFlow::Continue(())
    };
    principal_components(&run, Anchor::Mean, &mut all).unwrap();
    // Three blocks of parameters, twice, and the decomposition.
    assert_eq!(told, (1..=7).map(|done| (done, 7)).collect::<Vec<_>>());
    for last in [1, 4, 7] {
        let mut until = |done, _| {
            if done == last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let error = principal_components(&run, Anchor::Mean, &mut until).unwrap_err();
        assert!(matches!(error, Error::Stopped { done, of: 7 } if done == last), "{error:?}");
    }
}

#[test]
fn runs_that_cannot_be_decomposed_together_are_refused() {
    let refused = |runs: &[Trajectory]| {
        let error = principal_components(runs, Anchor::Mean, &mut go_on).unwrap_err();
        assert!(matches!(error, Error::Trajectory { .. }), "{error:?}");
        error.to_string()
    };
    assert_eq!(refused(&[]), "the runs: found none, expected one or more");
    let (a, b) = (trajectory("a", &points(5, 7, 1)), trajectory("b", &points(5, 8, 1)));
    assert_eq!(refused(&[a.clone(), b]), "b: found 8, expected 7 parameters, as run a has");
    let line = Array2::from_shape_fn((6, 4), |(i, j)| (i * j) as f32 * 0.25);
    let message = refused(&[trajectory("straight", &line)]);
    assert_eq!(message, "straight: found points on one line, expected points that span a plane");
    let many = trajectory("long", &points(2049, 3, 1));
    assert!(refused(&[many]).contains("at most 2048 snapshots"));
    // The fields are public, so a trajectory may have changed since it was checked.
    let mut spoilt = a.clone();
    spoilt.points[[2, 3]] = f32::NAN;
    assert!(refused(&[spoilt]).contains("not finite"));
    let mut short = a.clone();
    short.points = points(2, 7, 1);
    assert_eq!(refused(&[short]), "a: found 2, expected 3 or more snapshots");
    let mut still = a;
    still.points.fill(0.5);
    assert!(refused(&[still]).contains("the same point everywhere"));
}

#[test]
fn random_directions_are_normal_and_repeatable() {
    let [first, second] = random_directions(20_000, 7);
    assert_eq!(random_directions(20_000, 7)[1], second);
    assert_ne!(random_directions(20_000, 8)[0], first);
    for direction in [&first, &second] {
        let mean = direction.iter().sum::<f64>() / 20_000.0;
        let square = dot(direction, direction) / 20_000.0;
        assert!(mean.abs() < 0.03 && (square - 1.0).abs() < 0.04, "{mean}, {square}");
    }
    assert!(dot(&first, &second).abs() / 20_000.0 < 0.03);
}

#[test]
fn filters_of_a_direction_are_as_long_as_those_of_the_point() {
    // A convolution (2 filters of 3 x 2 x 2), its bias, a dense layer (3 x 4), a single number.
    let shapes = [vec![2, 3, 2, 2], vec![2], vec![3, 4], vec![]];
    let point: Vec<f32> = (0..39).map(|i| 0.1 * (i as f32 - 20.0)).collect();
    let directions = filter_normalised_directions(&point, &shapes, 3).unwrap();
    for direction in &directions {
        for filter in [0..12, 12..24, 26..30, 30..34, 34..38] {
            let wanted: Vec<f64> = point[filter.clone()].iter().map(|&v| f64::from(v)).collect();
            let own = &direction[filter.clone()];
            assert!((dot(own, own) / dot(&wanted, &wanted) - 1.0).abs() < 1e-12, "{filter:?}");
        }
        assert_eq!((direction[24], direction[25], direction[38]), (0.0, 0.0, 0.0));
    }
    assert_ne!(directions[0], directions[1]);
}

#[test]
fn a_filter_of_zeros_stays_and_a_network_of_zeros_is_refused() {
    let shapes = [vec![2, 2]];
    let [direction, _] = filter_normalised_directions(&[0.0, 0.0, 3.0, 4.0], &shapes, 1).unwrap();
    assert_eq!(direction[..2], [0.0, 0.0]);
    assert!((dot(&direction, &direction) - 25.0).abs() < 1e-9);
    for point in [[0.0; 4], [f32::NAN; 4]] {
        let error = filter_normalised_directions(&point, &shapes, 1).unwrap_err();
        assert!(error.to_string().contains("weights that are finite and not all zero"), "{error}");
    }
    let error = filter_normalised_directions(&[1.0; 3], &shapes, 1).unwrap_err();
    assert!(error.to_string().contains("expected 4 values"), "{error}");
}

#[test]
fn a_plane_goes_through_its_three_points() {
    let three = points(3, 50, 9);
    let [a, b, c] = [0, 1, 2].map(|i| three.row(i).to_vec());
    let plane = plane_through(&a, &b, &c).unwrap();
    let [at_a, at_b, at_c] = [&a, &b, &c].map(|point| plane.project(point).unwrap());
    assert_eq!((at_a.x, at_a.y, at_a.distance), (0.0, 0.0, 0.0));
    let squares = a.iter().zip(&b).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2));
    let length = squares.sum::<f64>().sqrt();
    assert!((at_b.x / length - 1.0).abs() < 1e-6 && at_b.y.abs() < 1e-6 * length);
    assert!(at_c.y > 0.0);
    assert!(at_b.distance < 1e-6 * length && at_c.distance < 1e-6 * length);
    let middle: Vec<f32> = a.iter().zip(&b).map(|(a, b)| f32::midpoint(*a, *b)).collect();
    let error = plane_through(&a, &middle, &middle).unwrap_err();
    assert!(error.to_string().contains("parallel"), "{error}");
    assert!(plane_through(&a, &middle, &middle[1..]).unwrap_err().to_string().contains("lengths"));
}
