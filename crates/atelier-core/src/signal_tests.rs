//! A signal against the operations of the same names, whose values stay in candle's graph.

use candle_core::{DType, Device, Tensor, Var};

use crate::kernels::tests::random;
use crate::ops::{self, BatchNorm};
use crate::seed::stream;
use crate::{Activation, Result, Signal, backward, threads};

const BATCH: usize = 260;
const WIDTH: usize = 150;

/// Two hidden layers: batch norm with all that may follow it, PReLU and dropout by themselves.
struct Network {
    weights: Vec<[Var; 2]>,
    norm: BatchNorm,
    slope: Var,
    activation: Activation,
}

impl Network {
    fn new(activation: Activation, dtype: DType) -> Self {
        let mut stream = stream(21, "signal", 0, 0);
        let mut var = |shape: &[usize]| {
            let values = (random(shape, &mut stream) * 0.1).unwrap().to_dtype(dtype).unwrap();
            Var::from_tensor(&values).unwrap()
        };
        let weights = [(20, WIDTH), (WIDTH, WIDTH), (WIDTH, 7)]
            .map(|(inputs, outputs)| [var(&[inputs, outputs]), var(&[outputs])]);
        let norm = BatchNorm {
            gamma: var(&[WIDTH]),
            beta: var(&[WIDTH]),
            mean: Var::zeros(WIDTH, dtype, &Device::Cpu).unwrap(),
            variance: Var::ones(WIDTH, dtype, &Device::Cpu).unwrap(),
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

    /// All numbers of `y` and of the gradients of its sum of squares.
    fn numbers(&self, y: &Tensor) -> Vec<Vec<f64>> {
        let gradients = backward(&y.sqr().unwrap().sum_all().unwrap()).unwrap();
        let norm = [&self.norm.gamma, &self.norm.beta, &self.slope];
        let variables = self.weights.iter().flatten().chain(norm);
        let all = variables.map(|v| gradients.get(v).expect("a gradient").clone());
        let running = [self.norm.mean.as_tensor(), self.norm.variance.as_tensor()];
        let all = all.chain([y.clone()]).chain(running.into_iter().cloned());
        all.map(|t| t.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap())
            .collect()
    }
}

#[test]
fn a_signal_has_the_bits_of_the_plain_operations_whatever_the_number_of_threads() {
    let x = random(&[BATCH, 20], &mut stream(22, "signal", 0, 0));
    let activations = [Activation::Relu, Activation::Silu, Activation::Sigmoid, Activation::Elu];
    for (activation, dropout) in activations.into_iter().zip([true, true, false, true]) {
        let new = || Network::new(activation, DType::F32);
        let network = new();
        let wanted = network.numbers(&network.plain(&x, dropout).unwrap());
        for count in [1, 2, 3] {
            threads::set(count);
            let network = new();
            let y = network.signal(&x, dropout).unwrap().into_tensor().unwrap();
            assert!(network.numbers(&y) == wanted, "{activation:?}, {count} threads");
            // candle's own backward pass finds the same ones.
            let gradients = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
            let dw = gradients.get(&network.weights[0][0]).unwrap().flatten_all().unwrap();
            let dw: Vec<f64> = dw.to_dtype(DType::F64).unwrap().to_vec1().unwrap();
            assert!(dw == wanted[0], "{activation:?}: candle's backward pass");
        }
        threads::set(1);
    }
}

#[test]
fn where_the_kernels_do_not_apply_a_signal_is_the_composition() {
    let x = random(&[9, 20], &mut stream(23, "signal", 0, 0)).to_dtype(DType::F64).unwrap();
    let new = || Network::new(Activation::Silu, DType::F64);
    let (network, other) = (new(), new());
    let wanted = network.numbers(&network.plain(&x, false).unwrap());
    let y = other.signal(&x, false).unwrap().into_tensor().unwrap();
    assert!(other.numbers(&y) == wanted);
}

#[test]
fn an_input_that_wants_a_gradient_gets_one() {
    let x = Var::from_tensor(&random(&[9, 20], &mut stream(24, "signal", 0, 0))).unwrap();
    let network = Network::new(Activation::Silu, DType::F32);
    let [found, wanted] = [true, false].map(|signal| {
        let y = if signal {
            network.signal(&x, false).unwrap().into_tensor().unwrap()
        } else {
            network.plain(&x, false).unwrap()
        };
        let gradients = backward(&y.sqr().unwrap().sum_all().unwrap()).unwrap();
        gradients.get(&x).expect("a gradient").to_vec2::<f32>().unwrap()
    });
    assert!(found == wanted && found.iter().flatten().any(|g| g.abs() > 1e-6));
}

#[test]
fn a_reconstruction_behind_a_signal_has_the_loss_and_gradients_of_the_plain_one() {
    let mut stream = stream(25, "signal", 0, 0);
    let x = random(&[BATCH, 20], &mut stream);
    let targets = random(&[BATCH, WIDTH], &mut stream);
    let network = Network::new(Activation::Relu, DType::F32);
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
    let network = Network::new(Activation::Relu, DType::F32);
    assert!(signal().dense(&zeros(&[5, 2]), &zeros(&[2]), Activation::Relu).is_err());
    assert!(signal().batch_norm(&network.norm, Activation::Relu, None).is_err());
    assert!(signal().prelu(&zeros(&[2])).is_err());
    assert!(signal().dropout(1.0, &mut stream(1, "dropout", 0, 0)).is_err());
}
