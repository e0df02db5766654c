//! A signal against the operations of the same names, whose values stay in candle's graph.

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};

use crate::kernels::tests::{ACTIVATIONS, random};
use crate::ops::{self, BatchNorm};
use crate::seed::stream;
use crate::{Activation, Result, Signal, backward, threads};

/// Small, and large enough to be cut by columns.
const SHAPES: [(usize, usize); 2] = [(9, 6), (260, 150)];

/// Two hidden layers: batch norm with all that may follow it, PReLU and dropout by themselves.
struct Network {
    weights: Vec<[Var; 2]>,
    norm: BatchNorm,
    slope: Var,
    activation: Activation,
}

impl Network {
    fn new(activation: Activation, width: usize, dtype: DType) -> Self {
        let mut stream = stream(21, "signal", 0, 0);
        let mut var = |shape: &[usize]| {
            let values = (random(shape, &mut stream) * 0.1).unwrap().to_dtype(dtype).unwrap();
            Var::from_tensor(&values).unwrap()
        };
        let weights = [(20, width), (width, width), (width, 7)]
            .map(|(inputs, outputs)| [var(&[inputs, outputs]), var(&[outputs])]);
        let norm = BatchNorm {
            gamma: var(&[width]),
            beta: var(&[width]),
            mean: Var::zeros(width, dtype, &Device::Cpu).unwrap(),
            variance: Var::ones(width, dtype, &Device::Cpu).unwrap(),
        };
        Self { weights: weights.to_vec(), norm, slope: var(&[1]), activation }
    }

    fn signal(&self, x: &Tensor, dropout: bool) -> Result<Signal> {
        let [first, second, third] = &self.weights[..] else { unreachable!() };
        let masks = &mut [stream(1, "dropout", 0, 0), stream(1, "dropout", 0, 1)];
        let [one, two] = masks;
        let h = Signal::new(x.clone()).dense(&first[0], &first[1], Activation::Identity)?;
        let h = h.batch_norm(&self.norm, self.activation, dropout.then_some((0.3, one)))?;
        let h = h.dense(&second[0], &second[1], self.activation)?.prelu(&self.slope)?;
        let h = if dropout { h.dropout(0.3, two)? } else { h };
        h.dense(&third[0], &third[1], Activation::Tanh)
    }

    fn plain(&self, x: &Tensor, dropout: bool) -> Result<Tensor> {
        let [first, second, third] = &self.weights[..] else { unreachable!() };
        let drop = |h: Tensor, lane| {
            if dropout { ops::dropout(&h, 0.3, &mut stream(1, "dropout", 0, lane)) } else { Ok(h) }
        };
        let h = ops::dense(x, &first[0], &first[1], Activation::Identity)?;
        let h = drop(ops::activate(&self.norm.train(&h)?, self.activation)?, 0)?;
        let h = ops::dense(&h, &second[0], &second[1], self.activation)?;
        let h = drop(ops::prelu(&h, &self.slope)?, 1)?;
        ops::dense(&h, &third[0], &third[1], Activation::Tanh)
    }

    /// All numbers of `y`, of the running statistics, and of the gradients of its sum of squares.
    fn numbers(&self, y: &Tensor, gradients: &GradStore) -> Vec<Vec<u64>> {
        let norm = [&self.norm.gamma, &self.norm.beta, &self.slope];
        let variables = self.weights.iter().flatten().chain(norm);
        let all = variables.map(|v| gradients.get(v).expect("a gradient").clone());
        let running = [self.norm.mean.as_tensor(), self.norm.variance.as_tensor()];
        let all = all.chain([y.clone()]).chain(running.into_iter().cloned());
        all.map(|t| bits(&t)).collect()
    }
}

fn bits(tensor: &Tensor) -> Vec<u64> {
    let values = tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap();
    values.to_vec1::<f64>().unwrap().into_iter().map(f64::to_bits).collect()
}

fn squares(y: &Tensor) -> Tensor {
    y.sqr().unwrap().sum_all().unwrap()
}

#[test]
fn a_signal_has_the_bits_of_the_plain_operations_whatever_the_number_of_threads() {
    let cases = SHAPES.into_iter().flat_map(|shape| [true, false].map(|dropout| (shape, dropout)));
    for ((batch, width), dropout) in cases {
        let x = random(&[batch, 20], &mut stream(22, "signal", 0, 0));
        for activation in ACTIVATIONS {
            let new = || Network::new(activation, width, DType::F32);
            let network = new();
            let y = network.plain(&x, dropout).unwrap();
            let wanted = network.numbers(&y, &backward(&squares(&y)).unwrap());
            for count in [1, 2, 3] {
                threads::set(count);
                let network = new();
                let y = network.signal(&x, dropout).unwrap().into_tensor().unwrap();
                let loss = squares(&y);
                let what = format!("{activation:?}, {batch} x {width}, {count} threads");
                assert!(network.numbers(&y, &backward(&loss).unwrap()) == wanted, "{what}");
                // candle's own backward pass finds the same ones; zeros may have another sign.
                let again = network.numbers(&y, &loss.backward().unwrap());
                let same = again.iter().flatten().zip(wanted.iter().flatten());
                let same = same.map(|(a, b)| (f64::from_bits(*a), f64::from_bits(*b)));
                assert!(
                    same.into_iter().all(|(a, b)| (a - b).abs() <= 0.0),
                    "{what}: candle's backward pass"
                );
            }
            threads::set(1);
        }
    }
}

#[test]
fn where_the_kernels_do_not_apply_a_signal_is_the_composition() {
    let x = random(&[9, 20], &mut stream(23, "signal", 0, 0)).to_dtype(DType::F64).unwrap();
    let [found, wanted] = [true, false].map(|signal| {
        let network = Network::new(Activation::Silu, 6, DType::F64);
        let y = if signal {
            network.signal(&x, true).unwrap().into_tensor().unwrap()
        } else {
            network.plain(&x, true).unwrap()
        };
        network.numbers(&y, &backward(&squares(&y)).unwrap())
    });
    assert!(found == wanted);
}

#[test]
fn an_input_that_wants_a_gradient_gets_one() {
    let x = Var::from_tensor(&random(&[9, 20], &mut stream(24, "signal", 0, 0))).unwrap();
    let network = Network::new(Activation::Silu, 6, DType::F32);
    let [found, wanted] = [true, false].map(|signal| {
        let y = if signal {
            network.signal(&x, false).unwrap().into_tensor().unwrap()
        } else {
            network.plain(&x, false).unwrap()
        };
        let gradients = backward(&squares(&y)).unwrap();
        gradients.get(&x).expect("a gradient").to_vec2::<f32>().unwrap()
    });
    assert!(found == wanted && found.iter().flatten().any(|g| g.abs() > 1e-6));
}

#[test]
fn a_reconstruction_behind_a_signal_has_the_loss_and_gradients_of_the_plain_one() {
    let mut stream = stream(25, "signal", 0, 0);
    let x = random(&[260, 20], &mut stream);
    let targets = random(&[260, 150], &mut stream);
    let network = Network::new(Activation::Relu, 150, DType::F32);
    let [first, second, _] = &network.weights[..] else { unreachable!() };
    let relu = Activation::Relu;
    let signal = Signal::new(x.clone()).dense(&first[0], &first[1], relu).unwrap();
    let found = signal.reconstruction(&second[0], &second[1], Activation::Sigmoid, &targets);
    let h = ops::dense(&x, &first[0], &first[1], relu).unwrap();
    let wanted = ops::reconstruction(&h, &second[0], &second[1], Activation::Sigmoid, &targets);
    let [found, wanted] = [found, wanted].map(|loss| {
        let objective = loss.unwrap().objective;
        let gradients = backward(&objective).unwrap();
        let all = [first, second].into_iter().flatten();
        let gradients: Vec<Vec<f32>> = all
            .map(|v| gradients.get(v).unwrap().flatten_all().unwrap().to_vec1().unwrap())
            .collect();
        (objective.to_scalar::<f32>().unwrap(), gradients)
    });
    assert!(found == wanted);
}

#[test]
fn what_does_not_fit_a_signal_is_an_error() {
    let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap();
    let signal = || Signal::new(zeros(&[4, 3]));
    let network = Network::new(Activation::Relu, 6, DType::F32);
    assert!(signal().dense(&zeros(&[5, 2]), &zeros(&[2]), Activation::Relu).is_err());
    assert!(signal().batch_norm(&network.norm, Activation::Relu, None).is_err());
    assert!(signal().prelu(&zeros(&[2])).is_err());
    assert!(signal().dropout(1.0, &mut stream(1, "dropout", 0, 0)).is_err());
}

#[test]
fn behind_frozen_layers_nobody_asks_for_a_gradient_and_those_in_front_have_the_same() {
    let x = random(&[9, 20], &mut stream(26, "signal", 0, 0));
    let network = Network::new(Activation::Relu, 6, DType::F32);
    let [first, second, _] = &network.weights[..] else { unreachable!() };
    let gradients = |first: [&Tensor; 2]| {
        let h = Signal::new(x.clone()).dense(first[0], first[1], Activation::Tanh).unwrap();
        let h = h.dense(&second[0], &second[1], Activation::Sigmoid).unwrap();
        let gradients = backward(&squares(&h.into_tensor().unwrap())).unwrap();
        let of = |v: &Tensor| gradients.get(v).map(bits);
        ([&second[0], &second[1]].map(|v| of(v)), first.map(of), gradients.get_ids().count())
    };
    let (wanted, inner, _) = gradients([&first[0], &first[1]]);
    assert!(wanted.iter().chain(&inner).all(Option::is_some));
    let frozen = [first[0].detach(), first[1].detach()];
    let (found, none, entries) = gradients([&frozen[0], &frozen[1]]);
    assert!(found == wanted && none == [None, None]);
    assert_eq!(entries, 2, "gradients of the second layer alone");
}

#[test]
fn a_batch_of_one_is_dropped_from_and_leaves_the_statistics_alone() {
    let network = Network::new(Activation::Relu, 6, DType::F32);
    let x = random(&[1, 6], &mut stream(27, "signal", 0, 0));
    let mut masks = [stream(1, "dropout", 0, 0), stream(1, "dropout", 0, 0)];
    let [one, two] = &mut masks;
    let found =
        Signal::new(x.clone()).batch_norm(&network.norm, Activation::Silu, Some((0.5, one)));
    let y = ops::activate(&network.norm.evaluate(&x).unwrap(), Activation::Silu).unwrap();
    let wanted = ops::dropout(&y, 0.5, two).unwrap();
    assert_eq!(bits(&found.unwrap().into_tensor().unwrap()), bits(&wanted));
    assert!(bits(&network.norm.mean).iter().all(|&mean| mean == 0));
}

#[test]
fn what_is_not_a_number_stays_so() {
    let network = Network::new(Activation::Relu, 6, DType::F32);
    let x = Tensor::full(f32::NAN, (9, 20), &Device::Cpu).unwrap();
    let y = network.signal(&x, true).unwrap().into_tensor().unwrap();
    assert!(squares(&y).to_scalar::<f32>().unwrap().is_nan());
}
