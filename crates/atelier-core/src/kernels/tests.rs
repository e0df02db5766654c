//! Every kernel against the plain composition in f64, and against finite differences of it.

mod losses;
mod normalisation;

use candle_core::{DType, Device, Tensor, Var};
use rand::RngExt;

use super::chain::{Upstream, chained};
use crate::activation::Activation;
use crate::composition;
use crate::ops;
use crate::seed::{Stream, stream};
use crate::{Result, Targets, threads};

pub(crate) const ACTIVATIONS: [Activation; 8] = [
    Activation::Identity,
    Activation::Relu,
    Activation::LeakyRelu,
    Activation::Elu,
    Activation::Gelu,
    Activation::Silu,
    Activation::Tanh,
    Activation::Sigmoid,
];

/// Relative to the largest element of the tensor.
const TOLERANCE: f64 = 1e-5;

pub(crate) fn random(shape: &[usize], stream: &mut Stream) -> Tensor {
    let n = shape.iter().product();
    // Kept off zero, where finite differences would straddle the kinks of activations.
    let values: Vec<f32> = (0..n)
        .map(|_| {
            let x: f32 = stream.random_range(0.01..2.0);
            if stream.random() { x } else { -x }
        })
        .collect();
    Tensor::from_vec(values, shape, &Device::Cpu).expect("a tensor")
}

pub(super) fn f64s(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

pub(super) fn assert_close(what: &str, found: &Tensor, wanted: &Tensor) {
    assert_eq!(found.dims(), wanted.dims(), "{what}");
    assert_all_close(what, &f64s(found), &f64s(wanted), TOLERANCE);
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(1e-6, |m, x| m.max(x.abs()))
}

pub(super) fn assert_all_close(what: &str, found: &[f64], wanted: &[f64], tolerance: f64) {
    assert_close_on_scale(what, found, wanted, tolerance, largest(wanted));
}

fn assert_close_on_scale(what: &str, found: &[f64], wanted: &[f64], tolerance: f64, scale: f64) {
    for (i, (f, w)) in found.iter().zip(wanted).enumerate() {
        assert!(
            (f - w).abs() <= tolerance * scale,
            "{what}[{i}]: {f} instead of {w} (scale {scale})"
        );
    }
}

/// Checks values and gradients of `fused` (f32) against `plain` (f64) and its finite differences,
/// for a loss that weighs every output differently.
fn check(
    what: &str,
    arguments: &[Tensor],
    fused: &dyn Fn(&[Tensor]) -> Result<Tensor>,
    plain: &dyn Fn(&[Tensor]) -> Result<Tensor>,
) {
    let variables: Vec<Var> = arguments.iter().map(|a| Var::from_tensor(a).unwrap()).collect();
    let tensors: Vec<Tensor> = variables.iter().map(|v| v.as_tensor().clone()).collect();
    let wide: Vec<Var> = arguments
        .iter()
        .map(|a| Var::from_tensor(&a.to_dtype(DType::F64).unwrap()).unwrap())
        .collect();
    let wide_tensors: Vec<Tensor> = wide.iter().map(|v| v.as_tensor().clone()).collect();

    let y = fused(&tensors).unwrap();
    let wanted = plain(&wide_tensors).unwrap();
    assert_close(&format!("{what}: value"), &y, &wanted);

    let weights = random(y.dims(), &mut stream(5, what, 0, 0));
    let weights64 = weights.to_dtype(DType::F64).unwrap();
    let gradients = (&y * &weights).unwrap().sum_all().unwrap().backward().unwrap();
    let loss64 = |arguments: &[Tensor]| -> f64 {
        (plain(arguments).unwrap() * &weights64).unwrap().sum_all().unwrap().to_scalar().unwrap()
    };
    let gradients64 = (&wanted * &weights64).unwrap().sum_all().unwrap().backward().unwrap();
    let gradients64: Vec<_> =
        wide.iter().map(|v| f64s(gradients64.get(v).expect("a gradient"))).collect();
    // One scale for all gradients: a single bias' gradient is a sum whose terms may cancel.
    let scale = gradients64.iter().map(|g| largest(g)).fold(0.0, f64::max);
    for (k, (variable, wide)) in variables.iter().zip(&wide).enumerate() {
        let found = gradients.get(variable).expect("a gradient");
        assert_eq!(found.dims(), wide.dims());
        let found = f64s(found);
        let name = format!("{what}: gradient {k}");
        assert_close_on_scale(&name, &found, &gradients64[k], TOLERANCE, scale);

        let values = f64s(wide);
        let mut differences = Vec::new();
        for i in 0..values.len() {
            let at = |delta: f64| {
                let mut moved = values.clone();
                moved[i] += delta;
                let mut arguments = wide_tensors.clone();
                arguments[k] = Tensor::from_vec(moved, wide.shape(), &Device::Cpu).unwrap();
                loss64(&arguments)
            };
            differences.push((at(1e-5) - at(-1e-5)) / 2e-5);
        }
        let name = format!("{name} by differences");
        assert_close_on_scale(&name, &found, &differences, TOLERANCE, scale);
    }
}

#[test]
fn dense_agrees_for_every_activation_and_odd_sizes() {
    let mut stream = stream(1, "dense", 0, 0);
    for (batch, inputs, outputs) in
        [(1, 1, 1), (1, 7, 3), (2, 1, 17), (5, 33, 1), (7, 19, 10), (33, 5, 16)]
    {
        for activation in ACTIVATIONS {
            let arguments = [
                random(&[batch, inputs], &mut stream),
                // Kept small: where tanh and sigmoid saturate, 1 - y^2 has few digits left.
                (random(&[inputs, outputs], &mut stream) / (2.0 * (inputs as f64).sqrt())).unwrap(),
                random(&[outputs], &mut stream),
            ];
            check(
                &format!("{activation:?} ({batch}, {inputs}, {outputs})"),
                &arguments,
                &|a| ops::dense(&a[0], &a[1], &a[2], activation),
                &|a| Ok(composition::dense(&a[0], &a[1], &a[2], activation)?),
            );
        }
    }
}

#[test]
fn large_dense_layers_give_the_same_bits_with_any_number_of_threads() {
    let mut stream = stream(2, "dense", 0, 0);
    let x = Var::from_tensor(&random(&[67, 301], &mut stream)).unwrap();
    let w = Var::from_tensor(&random(&[301, 203], &mut stream)).unwrap();
    let b = Var::from_tensor(&random(&[203], &mut stream)).unwrap();
    let run = |n: usize| {
        threads::set(n);
        let y = ops::dense(&x, &w, &b, Activation::Relu).unwrap();
        let gradients = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
        threads::set(1);
        let bits = |t: &Tensor| -> Vec<u32> {
            t.flatten_all().unwrap().to_vec1::<f32>().unwrap().iter().map(|v| v.to_bits()).collect()
        };
        [
            bits(&y),
            bits(gradients.get(&x).unwrap()),
            bits(gradients.get(&w).unwrap()),
            bits(gradients.get(&b).unwrap()),
        ]
    };
    let one = run(1);
    for n in [2, 3, 4] {
        assert!(run(n) == one, "{n} threads");
    }
    let plain = composition::dense(
        &x.to_dtype(DType::F64).unwrap(),
        &w.to_dtype(DType::F64).unwrap(),
        &b.to_dtype(DType::F64).unwrap(),
        Activation::Relu,
    );
    assert_close(
        "tiled product",
        &ops::dense(&x, &w, &b, Activation::Relu).unwrap(),
        &plain.unwrap(),
    );
}

#[test]
fn the_input_of_the_first_layer_gets_no_gradient() {
    let mut stream = stream(3, "dense", 0, 0);
    let x = random(&[4, 3], &mut stream);
    let w = Var::from_tensor(&random(&[3, 2], &mut stream)).unwrap();
    let b = Var::from_tensor(&random(&[2], &mut stream)).unwrap();
    let y = ops::dense(&x, &w, &b, Activation::Relu).unwrap();
    let gradients = y.sum_all().unwrap().backward().unwrap();
    assert!(gradients.get(&x).is_none() && gradients.get(&w).is_some());
}

#[test]
fn activations_alone_agree() {
    let mut stream = stream(12, "activate", 0, 0);
    for activation in ACTIVATIONS {
        for shape in [[1, 1], [3, 17], [16, 5]] {
            check(
                &format!("{activation:?} {shape:?}"),
                &[random(&shape, &mut stream)],
                &|a| ops::activate(&a[0], activation),
                &|a| Ok(composition::activate(&a[0], activation)?),
            );
        }
    }
}

#[test]
fn kernels_and_compositions_bend_alike_at_zero_and_keep_nan() {
    let at = |activation, fused: bool| {
        let x = Var::new(&[0.0_f32, f32::NAN], &Device::Cpu).unwrap();
        let y = if fused {
            ops::activate(&x, activation).unwrap()
        } else {
            composition::activate(&x, activation).unwrap()
        };
        let slope = y.sum_all().unwrap().backward().unwrap();
        let slope = slope.get(&x).unwrap().to_vec1::<f32>().unwrap()[0];
        (y.to_vec1::<f32>().unwrap(), slope)
    };
    for activation in ACTIVATIONS.into_iter().skip(1) {
        let ((fused, slope), (plain, plain_slope)) = (at(activation, true), at(activation, false));
        assert!((fused[0] - plain[0]).abs() < 1e-7, "{activation:?}");
        assert!((slope - plain_slope).abs() < 1e-6, "{activation:?}: {slope} and {plain_slope}");
        assert!(fused[1].is_nan() && plain[1].is_nan(), "{activation:?}");
    }
}

#[test]
fn what_does_not_fit_is_an_error_and_no_panic() {
    let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap();
    let classes = |n: usize| Targets::Classes(Tensor::zeros(n, DType::U32, &Device::Cpu).unwrap());
    let identity = Activation::Identity;
    assert!(ops::dense(&zeros(&[2, 3]), &zeros(&[3, 0]), &zeros(&[0]), identity).is_err());
    assert!(ops::dense(&zeros(&[2, 3]), &zeros(&[4, 5]), &zeros(&[5]), identity).is_err());
    assert!(ops::dense(&zeros(&[2, 3]), &zeros(&[3, 5]), &zeros(&[1, 5]), identity).is_err());
    assert!(ops::cross_entropy(&zeros(&[0, 3]), &classes(0), 0.0).is_err());
    assert!(ops::cross_entropy(&zeros(&[2, 0]), &classes(2), 0.0).is_err());
    assert!(ops::cross_entropy(&zeros(&[2, 3]), &classes(3), 0.0).is_err());
    assert!(ops::cross_entropy(&zeros(&[2, 3]), &Targets::None, 0.0).is_err());
    assert!(ops::cross_entropy(&zeros(&[2, 3]), &Targets::Classes(zeros(&[2])), 0.0).is_err());
    let whole = Tensor::zeros((2, 3), DType::U32, &Device::Cpu).unwrap();
    assert!(ops::cross_entropy(&zeros(&[2, 3]), &Targets::Distribution(whole), 0.0).is_err());
    assert!(ops::mean_squared_error(&zeros(&[0, 3]), &zeros(&[0, 3])).is_err());
    let var = |n: usize| Var::zeros(n, DType::F32, &Device::Cpu).unwrap();
    let norm = ops::BatchNorm { gamma: var(3), beta: var(2), mean: var(3), variance: var(3) };
    assert!(norm.train(&zeros(&[4, 3])).is_err());
}

#[test]
fn tensors_that_are_not_contiguous_take_the_composition() {
    let mut stream = stream(13, "strided", 0, 0);
    let x = random(&[4, 6], &mut stream);
    let (w, b) = (random(&[6, 3], &mut stream), random(&[3], &mut stream));
    let wanted = ops::dense(&x, &w, &b, Activation::Tanh).unwrap();
    let strided = x.t().unwrap().contiguous().unwrap().t().unwrap();
    assert!(!strided.is_contiguous());
    assert_close("strided", &ops::dense(&strided, &w, &b, Activation::Tanh).unwrap(), &wanted);
}

#[test]
fn prelu_agrees() {
    let mut stream = stream(4, "prelu", 0, 0);
    for shape in [[1, 1], [3, 17], [16, 5]] {
        let arguments = [random(&shape, &mut stream), random(&[1], &mut stream)];
        check(&format!("prelu {shape:?}"), &arguments, &|a| ops::prelu(&a[0], &a[1]), &|a| {
            Ok(composition::prelu(&a[0], &a[1])?)
        });
    }
}

#[test]
fn a_gradient_that_is_cut_by_columns_is_that_of_a_plain_loop() {
    let mut stream = stream(16, "chained", 0, 0);
    let (rows, columns) = (70, 500);
    let mut numbers =
        || random(&[rows, columns], &mut stream).flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let (y, other) = (numbers(), numbers());
    let distance = Upstream::Distance { targets: &other, factor: 0.5 };
    for upstream in [Upstream::Gradient(&other), distance] {
        let (dz, sums) = chained(Activation::Sigmoid, &y, columns, upstream);
        assert_eq!(sums.len(), columns);
        let wanted = |at: usize| {
            let (y, other) = (f64::from(y[at]), f64::from(other[at]));
            let gradient =
                if matches!(upstream, Upstream::Gradient(_)) { other } else { (y - other) * 0.5 };
            gradient * y * (1.0 - y)
        };
        for (column, found) in sums.iter().enumerate() {
            let mut sum = 0.0;
            for at in (column..rows * columns).step_by(columns) {
                assert!((f64::from(dz[at]) - wanted(at)).abs() < 1e-4, "{at}");
                sum += wanted(at);
            }
            assert!((f64::from(*found) - sum).abs() < 1e-3, "column {column}");
        }
    }
}

#[test]
fn saturated_units_pass_on_zeros_and_no_denormal_numbers() {
    for activation in [Activation::Sigmoid, Activation::Tanh] {
        let x = Var::new(&[-80.0_f32, 0.5], &Device::Cpu).unwrap();
        let y = ops::activate(&x, activation).unwrap();
        let gradients = (y * 1e-10).unwrap().sum_all().unwrap().backward().unwrap();
        let dx = gradients.get(&x).unwrap().to_vec1::<f32>().unwrap();
        assert!(dx[0].to_bits() == 0 && dx[1] > 1e-12, "{activation:?}: {dx:?}");
    }
}
