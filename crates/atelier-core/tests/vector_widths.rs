//! The kernels in vectors of 8 and of 16 lanes, cut into pieces and whole: both give what candle's own operations give in
//! f64, and how the work is cut changes no bit.
//!
//! One test: the width is the process's own.

use atelier_core::{Activation, ops, set_avx2_only, threads};
use candle_core::{D, DType, Device, Tensor, Var};

/// Relative to the largest element.
const TOLERANCE: f64 = 1e-5;

/// Numbers that look random, and are the same each time.
fn numbers(shape: (usize, usize), seed: u64) -> Tensor {
    let mut state = seed;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f32::from(u16::try_from(state >> 48).unwrap_or(0)) / 32_768.0 - 1.0
    };
    let values: Vec<f32> = (0..shape.0 * shape.1).map(|_| next()).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).expect("a tensor")
}

fn wide(tensor: &Tensor) -> Tensor {
    tensor.to_dtype(DType::F64).expect("f64")
}

fn values(tensor: &Tensor) -> Vec<f64> {
    wide(tensor).flatten_all().and_then(|flat| flat.to_vec1()).expect("values")
}

/// The output of a layer, its loss, and the gradients of inputs, weights and biases.
fn fused(x: &Tensor, w: &Tensor, b: &Tensor) -> [Tensor; 4] {
    let [x, w, b] = [x, w, b].map(|tensor| Var::from_tensor(tensor).expect("a variable"));
    let bias = b.as_tensor().flatten_all().expect("a vector");
    let y = ops::dense(x.as_tensor(), w.as_tensor(), &bias, Activation::Relu).expect("a layer");
    let gradients =
        y.sqr().and_then(|y| y.sum_all()).and_then(|y| y.backward()).expect("gradients");
    let of = |var: &Var| gradients.get(var.as_tensor()).expect("a gradient").clone();
    [y, of(&x), of(&w), of(&b)]
}

/// The same by candle's own operations, in f64.
fn plain(x: &Tensor, w: &Tensor, b: &Tensor) -> [Tensor; 4] {
    let [x, w, b] = [x, w, b].map(|tensor| Var::from_tensor(&wide(tensor)).expect("a variable"));
    let y = x.matmul(w.as_tensor()).and_then(|y| y.broadcast_add(b.as_tensor()));
    let y = y.and_then(|y| y.relu()).expect("a layer");
    let gradients =
        y.sqr().and_then(|y| y.sum_all()).and_then(|y| y.backward()).expect("gradients");
    let of = |var: &Var| gradients.get(var.as_tensor()).expect("a gradient").clone();
    [y, of(&x), of(&w), of(&b)]
}

#[test]
fn both_widths_agree_with_the_composition_and_cutting_changes_no_bit_of_either() {
    // Whole vectors and rests of both widths, and sizes that are cut.
    let shapes = [(1, 3, 1), (7, 17, 5), (37, 61, 29), (64, 784, 50), (300, 257, 131)];
    for (seed, (rows, inputs, outputs)) in (1..).zip(shapes) {
        let (x, w) = (numbers((rows, inputs), seed), numbers((inputs, outputs), seed + 100));
        let b = numbers((1, outputs), seed + 200);
        let wanted = plain(&x, &w, &b);
        for avx2_only in [true, false] {
            set_avx2_only(avx2_only);
            threads::set(1);
            let whole = fused(&x, &w, &b);
            for (part, (found, wanted)) in whole.iter().zip(&wanted).enumerate() {
                let (found, wanted) = (values(found), values(wanted));
                let largest = wanted.iter().fold(1e-6_f64, |most, value| most.max(value.abs()));
                assert_eq!(found.len(), wanted.len());
                for (found, wanted) in found.iter().zip(wanted) {
                    let off = (found - wanted).abs() / largest;
                    assert!(
                        off < TOLERANCE,
                        "part {part} of {rows}x{inputs}x{outputs}: off by {off}"
                    );
                }
            }
            for cut in [2, 3, 8] {
                threads::set(cut);
                for (one, other) in whole.iter().zip(&fused(&x, &w, &b)) {
                    let bits = |tensor: &Tensor| -> Vec<u32> {
                        let flat = tensor.flatten_all().and_then(|flat| flat.to_vec1::<f32>());
                        flat.expect("values").into_iter().map(f32::to_bits).collect()
                    };
                    assert_eq!(bits(one), bits(other), "{cut} threads, AVX2 only: {avx2_only}");
                }
            }
        }
    }
    // The sums of a row's logarithm, in both widths.
    let logits = numbers((33, 10), 7);
    let labels = Tensor::new((0..33_u32).map(|row| row % 10).collect::<Vec<_>>(), &Device::Cpu)
        .expect("labels");
    let largest = wide(&logits).max_keepdim(D::Minus1).expect("maxima");
    let shifted = wide(&logits).broadcast_sub(&largest).expect("logits");
    let sums =
        shifted.exp().and_then(|e| e.sum_keepdim(D::Minus1)).and_then(|s| s.log()).expect("sums");
    let log_p = shifted.broadcast_sub(&sums).expect("logarithms");
    let picked = log_p.gather(&labels.unsqueeze(1).expect("a column"), 1).expect("of the labels");
    let wanted = -values(&picked).iter().sum::<f64>() / 33.0;
    for avx2_only in [true, false] {
        set_avx2_only(avx2_only);
        let loss =
            ops::cross_entropy(&logits, &atelier_core::Targets::Classes(labels.clone()), 0.0);
        let found = values(&loss.expect("a loss").objective)[0];
        assert!((found - wanted).abs() < TOLERANCE, "{found} instead of {wanted}");
    }
}
