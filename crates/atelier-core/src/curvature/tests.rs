use candle_core::{Device, Tensor, Var};
use rand::{Rng as _, RngExt as _};

use super::dense_network;
use super::hyper_dual::Hyper;
use crate::plane::{DenseLoss, DenseModule};
use crate::seed::stream;
use crate::{Activation, Batch, Error, Parameter, Targets, flatten};

const EXAMPLES: usize = 23;
const SIZES: [usize; 4] = [4, 6, 5, 3];

/// What stands after the hidden layers.
#[derive(Clone, Copy, Debug)]
enum Hidden {
    Fused(Activation),
    Apart(Activation),
    Prelu,
}

struct Case {
    hidden: Hidden,
    sizes: Vec<usize>,
    last: Activation,
    loss: DenseLoss,
    parameters: Vec<Parameter>,
    modules: Vec<DenseModule>,
    inputs: Vec<f32>,
    /// Rows of shares, also where the targets are classes.
    shares: Vec<f32>,
    batch: Batch,
}

fn numbers(count: usize, lane: u64) -> Vec<f32> {
    let mut stream = stream(7, "curvature", 0, lane);
    (0..count).map(|_| 2.0 * stream.random::<f32>() - 1.0).collect()
}

fn parameter(shape: &[usize], lane: u64) -> Parameter {
    let var = Var::zeros(shape, candle_core::DType::F32, &Device::Cpu).unwrap();
    let transposed = shape.len() == 2;
    let parameter = Parameter { name: format!("{lane}"), var, decayed: false, transposed };
    parameter.assign(&numbers(shape.iter().product(), lane)).unwrap();
    parameter
}

impl Case {
    fn new(hidden: Hidden, loss: DenseLoss) -> Self {
        let mut sizes = SIZES.to_vec();
        let mut last = Activation::Identity;
        if loss == DenseLoss::Reconstruction {
            (sizes[3], last) = (sizes[0], Activation::Sigmoid);
        }
        let (mut parameters, mut modules) = (Vec::new(), Vec::new());
        for (layer, pair) in sizes.windows(2).enumerate() {
            let (weight, bias) = (parameters.len(), parameters.len() + 1);
            parameters.push(parameter(pair, 10 * layer as u64));
            parameters.push(parameter(&pair[1..], 10 * layer as u64 + 1));
            let dense = |activation| DenseModule::Dense { weight, bias, activation };
            if layer + 2 == sizes.len() {
                modules.push(dense(last));
                continue;
            }
            match hidden {
                Hidden::Fused(activation) => modules.push(dense(activation)),
                Hidden::Apart(activation) => {
                    modules.push(dense(Activation::Identity));
                    modules.push(DenseModule::Activation(activation));
                }
                Hidden::Prelu => {
                    modules.push(dense(Activation::Identity));
                    modules.push(DenseModule::Prelu { slope: parameters.len() });
                    parameters.push(parameter(&[1], 10 * layer as u64 + 2));
                }
            }
        }
        let inputs = numbers(EXAMPLES * sizes[0], 100);
        let mut stream = stream(7, "classes", 0, 0);
        let classes: Vec<u32> = (0..EXAMPLES).map(|_| stream.next_u32() % 3).collect();
        let share = |i: usize| f32::from(u8::from(classes[i / 3] as usize == i % 3));
        let shares = (0..3 * EXAMPLES).map(share).collect();
        let batch = Batch {
            inputs: Tensor::from_slice(&inputs, (EXAMPLES, sizes[0]), &Device::Cpu).unwrap(),
            targets: match loss {
                DenseLoss::CrossEntropy => {
                    Targets::Classes(Tensor::new(classes, &Device::Cpu).unwrap())
                }
                DenseLoss::Reconstruction => Targets::None,
            },
        };
        Self { hidden, sizes, last, loss, parameters, modules, inputs, shares, batch }
    }

    /// The same with targets that are no classes.
    fn mixed(mut self) -> Self {
        for row in self.shares.chunks_exact_mut(3) {
            for share in row.iter_mut() {
                *share = 0.7 * *share + 0.1;
            }
        }
        let shares = Tensor::from_slice(&self.shares, (EXAMPLES, 3), &Device::Cpu).unwrap();
        self.batch.targets = Targets::Distribution(shares);
        self
    }

    fn point(&self) -> Vec<f32> {
        flatten(&self.parameters).unwrap()
    }

    fn product(&self, vector: &[f32]) -> Vec<f32> {
        dense_network(&self.parameters, &self.modules, self.loss, vector, &self.batch).unwrap()
    }

    /// The outputs for one example in f64, by plain loops over the outside layout.
    fn outputs(&self, point: &[Hyper], x: &[f32]) -> Vec<Hyper> {
        let mut h: Vec<Hyper> = x.iter().map(|&x| Hyper::constant(f64::from(x))).collect();
        let mut rest = point;
        let mut take = |count: usize| {
            let (own, others) = rest.split_at(count);
            rest = others;
            own
        };
        for (layer, pair) in self.sizes.windows(2).enumerate() {
            let (weight, bias) = (take(pair[0] * pair[1]), take(pair[1]));
            let sum = |(row, &b): (&[Hyper], &Hyper)| {
                row.iter().zip(&h).fold(b, |sum, (&w, &x)| sum + w * x)
            };
            let z: Vec<Hyper> = weight.chunks_exact(pair[0]).zip(bias).map(sum).collect();
            let bent = |z: Hyper, slope: Hyper| if z.value > 0.0 { z } else { slope * z };
            h = if layer + 2 == self.sizes.len() {
                z.into_iter().map(|z| activation(self.last, z)).collect()
            } else if let Hidden::Fused(kind) | Hidden::Apart(kind) = self.hidden {
                z.into_iter().map(|z| activation(kind, z)).collect()
            } else {
                let slope = take(1)[0];
                z.into_iter().map(|z| bent(z, slope)).collect()
            };
        }
        h
    }

    /// The mean loss where the parameters move by `u` in one and by `v` in the other direction.
    fn loss(&self, u: &[f64], v: &[f64]) -> Hyper {
        let point = self.moved(u, v);
        let mut sum = Hyper::constant(0.0);
        let rows = self.inputs.chunks_exact(self.sizes[0]);
        for (x, shares) in rows.zip(self.shares.chunks_exact(3)) {
            let y = self.outputs(&point, x);
            sum = sum
                + match self.loss {
                    DenseLoss::CrossEntropy => {
                        let total = y.iter().fold(Hyper::constant(0.0), |s, y| s + y.exp());
                        y.iter().zip(shares).fold(total.ln(), |s, (&y, &t)| s + y * -f64::from(t))
                    }
                    DenseLoss::Reconstruction => {
                        let squares = y.iter().zip(x).map(|(&y, &x)| {
                            let d = y + -f64::from(x);
                            d * d
                        });
                        squares.fold(Hyper::constant(0.0), |s, d| s + d) * (1.0 / x.len() as f64)
                    }
                };
        }
        sum * (1.0 / EXAMPLES as f64)
    }

    fn moved(&self, u: &[f64], v: &[f64]) -> Vec<Hyper> {
        let along = self.point().into_iter().zip(u.iter().zip(v));
        along
            .map(|(w, (&first, &second))| Hyper { value: f64::from(w), first, second, both: 0.0 })
            .collect()
    }

    /// H v in f64.
    fn reference(&self, v: &[f32]) -> Vec<f64> {
        let v: Vec<f64> = v.iter().map(|&v| f64::from(v)).collect();
        (0..v.len()).map(|i| self.loss(&unit(v.len(), i), &v).both).collect()
    }
}

fn unit(count: usize, at: usize) -> Vec<f64> {
    let mut unit = vec![0.0; count];
    unit[at] = 1.0;
    unit
}

fn activation(kind: Activation, z: Hyper) -> Hyper {
    let sigmoid = |z: Hyper| ((z * -1.0).exp() + 1.0).reciprocal();
    match kind {
        Activation::Identity => z,
        Activation::Relu => z * f64::from(u8::from(z.value > 0.0)),
        Activation::LeakyRelu => z * if z.value > 0.0 { 1.0 } else { 0.01 },
        Activation::Elu => {
            if z.value > 0.0 {
                z
            } else {
                z.exp() + -1.0
            }
        }
        Activation::Gelu => z * ((z * 0.5_f64.sqrt()).erf() + 1.0) * 0.5,
        Activation::Silu => z * sigmoid(z),
        Activation::Tanh => sigmoid(z * 2.0) * 2.0 + -1.0,
        Activation::Sigmoid => sigmoid(z),
    }
}

fn length(v: impl Iterator<Item = f64>) -> f64 {
    v.map(|x| x * x).sum::<f64>().sqrt()
}

fn compare(case: &Case) {
    for lane in 0..3 {
        let v = numbers(case.point().len(), 200 + lane);
        let (found, wanted) = (case.product(&v), case.reference(&v));
        let off = length(found.iter().zip(&wanted).map(|(f, w)| f64::from(*f) - w));
        let size = length(wanted.iter().copied());
        assert!(size > 1e-3 && off < 5e-6 * size, "{:?}: {off} of {size}", case.hidden);
    }
}

const ALL: [Activation; 8] = [
    Activation::Identity,
    Activation::Relu,
    Activation::LeakyRelu,
    Activation::Elu,
    Activation::Gelu,
    Activation::Silu,
    Activation::Tanh,
    Activation::Sigmoid,
];

#[test]
fn products_are_those_of_the_hessian_in_f64_for_every_activation_and_loss() {
    for loss in [DenseLoss::CrossEntropy, DenseLoss::Reconstruction] {
        for activation in ALL {
            compare(&Case::new(Hidden::Fused(activation), loss));
        }
        compare(&Case::new(Hidden::Apart(Activation::Tanh), loss));
        compare(&Case::new(Hidden::Prelu, loss));
    }
    compare(&Case::new(Hidden::Fused(Activation::Relu), DenseLoss::CrossEntropy).mixed());
}

#[test]
fn the_composition_of_other_devices_gives_the_same_product() {
    // Its matrix products are taken for tensors that are not contiguous.
    let mut case = Case::new(Hidden::Fused(Activation::Gelu), DenseLoss::CrossEntropy);
    let v = numbers(case.point().len(), 200);
    let fused = case.product(&v);
    case.batch.inputs = case.batch.inputs.t().unwrap().contiguous().unwrap().t().unwrap();
    assert!(!case.batch.inputs.is_contiguous());
    let off = length(case.product(&v).iter().zip(&fused).map(|(a, b)| f64::from(a - b)));
    assert!(off < 1e-5, "{off}");
}

#[test]
fn the_trace_of_a_relu_network_is_that_of_its_gauss_newton_matrix() {
    // The outputs are linear in every single weight (kinks aside), so that only the curvature of the
    // loss in the outputs is on the diagonal: J^T (diag p - p p^T) J, which has no negative entry.
    let case = Case::new(Hidden::Fused(Activation::Relu), DenseLoss::CrossEntropy);
    let n = case.point().len();
    let (mut trace, mut gauss_newton) = (0.0, 0.0);
    for i in 0..n {
        let unit = unit(n, i);
        let direction: Vec<f32> = unit.iter().map(|&u| f32::from(u8::from(u > 0.5))).collect();
        trace += f64::from(case.product(&direction)[i]);
        let point = case.moved(&unit, &unit);
        for x in case.inputs.chunks_exact(case.sizes[0]) {
            let y = case.outputs(&point, x);
            let total: f64 = y.iter().map(|y| y.value.exp()).sum();
            let mean = |f: &dyn Fn(f64) -> f64| -> f64 {
                y.iter().map(|y| y.value.exp() / total * f(y.first)).sum()
            };
            let variance = mean(&|j| j * j) - mean(&|j| j).powi(2);
            gauss_newton += variance / EXAMPLES as f64;
        }
    }
    assert!(gauss_newton > 0.1, "{gauss_newton}");
    assert!((trace - gauss_newton).abs() < 1e-5 * gauss_newton, "{trace} and {gauss_newton}");
}

#[test]
fn a_unit_at_its_kink_is_taken_as_the_backward_pass_takes_it() {
    let case = Case::new(Hidden::Fused(Activation::Relu), DenseLoss::CrossEntropy);
    // All sums of the first layer are 0, and its slope there is 0: its weights have no curvature.
    let (inputs, units) = (case.sizes[0], case.sizes[1]);
    let first = inputs * units + units;
    case.parameters[0].assign(&vec![0.0; inputs * units]).unwrap();
    case.parameters[1].assign(&vec![0.0; units]).unwrap();
    let product = case.product(&numbers(case.point().len(), 200));
    assert!(product[..first].iter().all(|x| x.abs() < 1e-12), "{product:?}");
    assert!(product[first..].iter().any(|x| x.abs() > 1e-3));
}

#[test]
fn parameters_of_no_module_have_no_curvature_and_shared_ones_the_sum() {
    let mut case = Case::new(Hidden::Fused(Activation::Tanh), DenseLoss::CrossEntropy);
    case.parameters.push(parameter(&[2], 90));
    let product = case.product(&numbers(case.point().len(), 200));
    assert!(product[product.len() - 2..].iter().all(|x| x.abs() < 1e-12));

    // One number for both slopes: its second derivative is the sum over the four pairs of slopes.
    let mut case = Case::new(Hidden::Prelu, DenseLoss::CrossEntropy);
    let n = case.point().len();
    let offset = |parameters: &[Parameter], position: usize| -> usize {
        parameters[..position].iter().map(Parameter::len).sum()
    };
    let slopes = [2, 5].map(|position| offset(&case.parameters, position));
    case.parameters[5].assign(&case.parameters[2].values().unwrap()).unwrap();
    let mut both = vec![0.0; n];
    for &slope in &slopes {
        both[slope] = 1.0;
    }
    let apart = case.product(&both);
    let wanted = apart[slopes[0]] + apart[slopes[1]];
    case.modules[3] = DenseModule::Prelu { slope: 2 };
    let mut one = vec![0.0; n];
    one[slopes[0]] = 1.0;
    let found = case.product(&one)[slopes[0]];
    assert!(wanted.abs() > 1e-3 && (found - wanted).abs() < 1e-5, "{found}, {wanted}");
}

#[test]
fn what_does_not_fit_is_refused() {
    let case = Case::new(Hidden::Fused(Activation::Relu), DenseLoss::CrossEntropy);
    let asked = |vector: &[f32], batch: &Batch| {
        dense_network(&case.parameters, &case.modules, case.loss, vector, batch)
    };
    let v = numbers(case.point().len(), 200);
    assert!(matches!(asked(&v[1..], &case.batch), Err(Error::Shape { .. })));
    let mut infinite = v.clone();
    infinite[3] = f32::INFINITY;
    assert!(matches!(asked(&infinite, &case.batch), Err(Error::Value { .. })));
    let none = Batch { targets: Targets::None, ..case.batch.clone() };
    assert!(matches!(asked(&v, &none), Err(Error::Value { .. })));
    let class = Tensor::new(&[3_u32; EXAMPLES], &Device::Cpu).unwrap();
    let wrong = Batch { targets: Targets::Classes(class), ..case.batch.clone() };
    assert!(asked(&v, &wrong).is_err());
    let narrow = Batch { inputs: case.batch.inputs.narrow(1, 0, 3).unwrap(), ..case.batch.clone() };
    assert!(asked(&v, &narrow).is_err());
}
