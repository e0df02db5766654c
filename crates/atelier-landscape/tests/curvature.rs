//! Hessian-vector products by differences, eigenvalues and traces against matrices that are known.

use std::ops::ControlFlow;

use atelier_core::{Objective, flatten};
use atelier_landscape::{Error, Hessian, Lanczos, Method, Plane};
use candle_core::{DType, Device, Tensor};
use linfa_linalg::eigh::Eigh;
use ndarray::{Array1, Array2};

#[path = "objectives/full_hessian.rs"]
mod full_hessian;
#[path = "objectives/network.rs"]
mod network;
#[path = "objectives/scalar.rs"]
mod scalar;

use full_hessian::full_hessian;
use network::{Examples, Network};
use scalar::{Scalar, batches};

const SPECTRUM: [f64; 12] = [10.0, 7.0, 4.0, 2.0, 1.0, 0.5, 0.3, 0.2, 0.1, 0.0, -0.4, -12.0];

fn go_on(_done: usize, _of: usize) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Column k of the reflection that turns the axes into the eigenvectors.
fn eigenvector(k: usize) -> Array1<f64> {
    let n = SPECTRUM.len();
    let u = Array1::from_shape_fn(n, |i| 1.0 + i as f64 / 3.0);
    let mut q = &u * (-2.0 * u[k] / u.dot(&u));
    q[k] += 1.0;
    q
}

/// The symmetric matrix with that spectrum.
fn matrix() -> Array2<f64> {
    let n = SPECTRUM.len();
    let mut a = Array2::zeros((n, n));
    for (k, &value) in SPECTRUM.iter().enumerate() {
        let v = eigenvector(k);
        a += &Array2::from_shape_fn((n, n), |(i, j)| value * v[i] * v[j]);
    }
    a
}

/// 1/2 (w - c)^T A (w - c), at another place than its stationary point.
fn quadratic() -> Scalar {
    let n = SPECTRUM.len();
    let a = Tensor::from_iter(matrix(), &Device::Cpu).unwrap().reshape((n, n)).unwrap();
    let a = a.to_dtype(DType::F32).unwrap();
    let c = Tensor::from_vec(vec![0.5_f32; n], (n, 1), &Device::Cpu).unwrap();
    let start: Vec<f32> = (0..n).map(|i| (i as f32).sin()).collect();
    Scalar::new(&start, move |w| {
        let d = (w.unsqueeze(1)? - &c)?;
        (d.t()?.matmul(&a.matmul(&d)?)?.sum_all()?) * 0.5
    })
}

const SIZES: [usize; 4] = [4, 6, 5, 3];

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

#[test]
fn the_product_with_a_quadratics_hessian_is_that_with_its_matrix() {
    let (objective, batches) = (quadratic(), batches(&[&[1.0, 0.5], &[1.5]]));
    let hessian = Hessian::new(&objective, &batches).unwrap();
    let v: Vec<f64> = (0..SPECTRUM.len()).map(|i| (3.0 * i as f64).cos()).collect();
    let expected = matrix().dot(&Array1::from(v.clone())).to_vec();
    let (product, error) = hessian.product_with_error(&v).unwrap();
    let off = distance(&product, &expected);
    assert!(off < 2e-3, "{off}");
    assert!(error < 2e-3, "{error}");
    assert_eq!(hessian.product(&[0.0; 12]).unwrap(), [0.0; 12]);
}

#[test]
fn lanczos_finds_the_largest_eigenvalues_and_their_directions() {
    let (objective, batches) = (quadratic(), batches(&[&[1.0]]));
    let before = flatten(objective.parameters()).unwrap();
    let hessian = Hessian::new(&objective, &batches).unwrap();
    let lanczos = Lanczos { pairs: 4, ..Lanczos::default() };
    let mut told = Vec::new();
    let found = hessian
        .eigenpairs(&lanczos, &mut |done, of| {
            told.push((done, of));
            ControlFlow::Continue(())
        })
        .unwrap();
    assert!(found.converged);
    for (k, pair) in found.pairs.iter().enumerate() {
        // The largest by value: -12 is none of them.
        assert!((pair.value - SPECTRUM[k]).abs() < 2e-3, "{k}: {}", pair.value);
        assert!(pair.residual < 1e-2 && pair.difference_error < 1e-3, "{pair:?}");
        let cosine: f64 = eigenvector(k).iter().zip(&pair.vector).map(|(a, b)| a * b).sum();
        assert!(cosine.abs() > 1.0 - 1e-4, "{k}: {cosine}");
        let largest =
            pair.vector.iter().fold(0.0_f64, |m, &x| if x.abs() > m.abs() { x } else { m });
        assert!(largest > 0.0);
    }
    assert_eq!(told.len(), found.steps + 8);
    assert!(told.iter().all(|&(done, of)| done <= of));
    assert_eq!(before, flatten(objective.parameters()).unwrap());
}

#[test]
fn the_estimate_of_the_trace_is_within_its_error() {
    let (objective, batches) = (quadratic(), batches(&[&[1.0]]));
    let hessian = Hessian::new(&objective, &batches).unwrap();
    let trace = hessian.trace(200, 3, &mut go_on).unwrap();
    let expected: f64 = SPECTRUM.iter().sum();
    assert!((trace.value - expected).abs() < 4.0 * trace.standard_error, "{trace:?}");
    // Var[v^T A v] = 2 (|A|^2 - |diag A|^2) for random signs.
    let a = matrix();
    let off: f64 =
        a.iter().map(|x| x * x).sum::<f64>() - a.diag().iter().map(|x| x * x).sum::<f64>();
    let theory = (2.0 * off / 200.0).sqrt();
    assert!((trace.standard_error / theory - 1.0).abs() < 0.25, "{trace:?}, theory {theory}");
}

#[test]
fn the_curvature_within_a_plane_is_the_matrix_seen_by_its_directions() {
    let (objective, batches) = (quadratic(), batches(&[&[1.0]]));
    let hessian = Hessian::new(&objective, &batches).unwrap();
    let origin = vec![0.0; SPECTRUM.len()];
    // Turned by 45 degrees within the plane of two eigenvectors.
    let (p, q) = (eigenvector(0), eigenvector(3));
    let plane = Plane::new(origin, &(&p + &q).to_vec(), &(&p - &q).to_vec()).unwrap();
    let curvature = hessian.in_plane(&plane).unwrap();
    let seen = curvature.matrix.concat();
    let off = distance(&seen, &[6.0, 4.0, 4.0, 6.0]);
    assert!(off < 2e-3, "{curvature:?}");
    assert!((curvature.eigenvalues[0] - 10.0).abs() < 2e-3);
    assert!((curvature.eigenvalues[1] - 2.0).abs() < 2e-3);
    assert!(curvature.error < 2e-3);
}

#[test]
fn a_networks_products_and_eigenvalues_are_those_of_its_full_hessian_in_f64() {
    let objective = Network::new(&SIZES, 1, 0.0);
    let examples = Examples::new(60, SIZES[0], 3, 2);
    let batches = examples.batches(&[25, 25, 10]);
    let point = flatten(objective.parameters()).unwrap();
    let full = full_hessian(&SIZES, f64::tanh, &examples, &point);
    let hessian = Hessian::new(&objective, &batches).unwrap();
    assert!(matches!(hessian.method(), Method::Differences { step } if step > 1e-3));

    let v: Vec<f64> = (0..point.len()).map(|i| (7.0 * i as f64).sin()).collect();
    let expected = full.dot(&Array1::from(v.clone())).to_vec();
    let (product, error) = hessian.product_with_error(&v).unwrap();
    let length = expected.iter().map(|x| x * x).sum::<f64>().sqrt();
    let off = distance(&product, &expected);
    assert!(off < 1e-3 * length, "{off} of {length}");
    assert!(off < 2.0 * error, "the stated error, {error}, is smaller than {off}");

    let mut values = full.eigh().unwrap().0.to_vec();
    values.sort_by(|a, b| b.total_cmp(a));
    let found = hessian.eigenpairs(&Lanczos::default(), &mut go_on).unwrap();
    assert!(found.converged);
    for (pair, value) in found.pairs.iter().zip(&values) {
        let allowed = 1e-3 * values[0];
        assert!((pair.value - value).abs() < allowed, "{} instead of {value}", pair.value);
        assert!(pair.residual < 2.0 * allowed, "{}", pair.residual);
    }

    let trace = hessian.trace(100, 0, &mut go_on).unwrap();
    assert!((trace.value - full.diag().sum()).abs() < 4.0 * trace.standard_error, "{trace:?}");
}

#[test]
fn label_smoothing_is_refused_because_its_loss_is_not_the_reported_one() {
    let objective = Network::new(&SIZES, 1, 0.1);
    let batches = Examples::new(20, SIZES[0], 3, 2).batches(&[20]);
    let error = Hessian::new(&objective, &batches).err().unwrap().to_string();
    assert!(error.contains("without label smoothing"), "{error}");
}

#[test]
fn missing_examples_and_wrong_vectors_are_refused() {
    let (objective, full) = (quadratic(), batches(&[&[1.0]]));
    let refused = |batches| Hessian::new(&objective, batches).err().unwrap().to_string();
    assert!(refused(&[]).contains("at least one batch"));
    assert!(refused(&batches(&[&[1.0], &[]])).contains("position 1"));
    let hessian = Hessian::new(&objective, &full).unwrap();
    let of = |result: atelier_landscape::Result<Vec<f64>>| result.unwrap_err().to_string();
    assert!(of(hessian.product(&[1.0])).contains("12 components"));
    assert!(of(hessian.product(&[f64::NAN; 12])).contains("finite"));
    assert!(hessian.trace(1, 0, &mut go_on).is_err());
    for wrong in [
        Lanczos { pairs: 0, ..Lanczos::default() },
        Lanczos { pairs: 13, ..Lanczos::default() },
        Lanczos { tolerance: 0.0, ..Lanczos::default() },
    ] {
        assert!(hessian.eigenpairs(&wrong, &mut go_on).is_err(), "{wrong:?}");
    }
}

#[test]
fn a_loss_that_is_not_finite_is_an_error_that_leaves_the_objective_alone() {
    // Finite at the start, but not a step away.
    let objective = Scalar::new(&[1e-3, 1.0], |w| w.log()?.sum_all());
    let batches = batches(&[&[1.0]]);
    let hessian = Hessian::new(&objective, &batches).unwrap();
    let error = hessian.product(&[1.0, 0.0]).unwrap_err();
    assert!(matches!(&error, Error::NonFinite { place, .. } if place.contains("batch 0")));
    assert_eq!(flatten(objective.parameters()).unwrap(), [1e-3, 1.0]);
    let objective = Scalar::new(&[-1.0], |w| w.log()?.sum_all());
    assert!(matches!(Hessian::new(&objective, &batches), Err(Error::NonFinite { .. })));
}

#[test]
fn a_search_that_is_stopped_leaves_the_objective_alone() {
    let (objective, batches) = (quadratic(), batches(&[&[1.0]]));
    let before = flatten(objective.parameters()).unwrap();
    let hessian = Hessian::new(&objective, &batches).unwrap();
    let mut stop = |done: usize, _of: usize| {
        if done == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let stopped = hessian.eigenpairs(&Lanczos::default(), &mut stop).unwrap_err();
    assert!(matches!(stopped, Error::Stopped { done: 3, of: 22 }), "{stopped}");
    let stopped = hessian.trace(10, 0, &mut stop).unwrap_err();
    assert!(matches!(stopped, Error::Stopped { done: 3, of: 10 }), "{stopped}");
    assert_eq!(before, flatten(objective.parameters()).unwrap());
}
