//! A small dense classifier, with tanh unless another activation is set.

use atelier_core::init::Initializer;
use atelier_core::seed::stream;
use atelier_core::{
    Activation, Batch, HiddenUnits, Loss, Mode, Objective, Parameter, Result, Targets, ops,
};
use candle_core::{Device, Tensor, Var};
use rand_distr::{Distribution, StandardNormal};

pub struct Network {
    sizes: Vec<usize>,
    parameters: Vec<Parameter>,
    smoothing: f64,
    pub activation: Activation,
}

impl Network {
    pub fn new(sizes: &[usize], seed: u64, smoothing: f64) -> Self {
        let mut parameters = Vec::new();
        for (layer, pair) in sizes.windows(2).enumerate() {
            let (n, m) = (pair[0], pair[1]);
            let mut stream = stream(seed, "network", 0, layer as u64);
            let weight = Var::zeros((n, m), candle_core::DType::F32, &Device::Cpu).unwrap();
            let bias = Var::zeros(m, candle_core::DType::F32, &Device::Cpu).unwrap();
            let weight = Parameter {
                name: format!("{layer}.weight"),
                var: weight,
                decayed: true,
                transposed: true,
            };
            weight.assign(&Initializer::Pytorch.weight(n, m, 2.0, &mut stream)).unwrap();
            let bias = Parameter {
                name: format!("{layer}.bias"),
                var: bias,
                decayed: false,
                transposed: false,
            };
            bias.assign(&Initializer::Pytorch.bias(n, m, 2.0, &mut stream)).unwrap();
            parameters.extend([weight, bias]);
        }
        let activation = Activation::Tanh;
        Self { sizes: sizes.to_vec(), parameters, smoothing, activation }
    }
}

impl Objective for Network {
    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn loss(&self, batch: &Batch, _mode: Mode) -> Result<Loss> {
        let mut x = batch.inputs.clone();
        let layers = self.parameters.chunks_exact(2);
        let last = layers.len() - 1;
        for (i, pair) in layers.enumerate() {
            let activation = if i == last { Activation::Identity } else { self.activation };
            x = ops::dense(&x, &pair[0].var, &pair[1].var, activation)?;
        }
        ops::cross_entropy(&x, &batch.targets, self.smoothing)
    }

    fn hidden_units(&self) -> Vec<HiddenUnits> {
        let inner = 1..self.sizes.len() - 1;
        inner
            .map(|l| HiddenUnits {
                units: self.sizes[l],
                axes: vec![(2 * l - 2, 0), (2 * l - 1, 0), (2 * l, 1)],
            })
            .collect()
    }
}

/// Normal inputs with random classes, cut into batches of these sizes.
pub struct Examples {
    pub inputs: Vec<Vec<f32>>,
    pub classes: Vec<u32>,
}

impl Examples {
    pub fn new(count: usize, features: usize, classes: u32, seed: u64) -> Self {
        let mut stream = stream(seed, "examples", 0, 0);
        let mut row = || (0..features).map(|_| StandardNormal.sample(&mut stream)).collect();
        let inputs: Vec<Vec<f32>> = (0..count).map(|_| row()).collect();
        // The class follows from the inputs, so that there is something to learn.
        let class = |x: &Vec<f32>| {
            let thresholds = (1..classes).map(|k| f64::from(k) - 1.5);
            let score = f64::from(x[0] * x[1] + x[2]);
            thresholds.map(|threshold| u32::from(score > threshold)).sum()
        };
        Self { classes: inputs.iter().map(class).collect(), inputs }
    }

    pub fn batches(&self, sizes: &[usize]) -> Vec<Batch> {
        let mut start = 0;
        let mut batch = |&size: &usize| {
            let part = start..start + size;
            start += size;
            let features = self.inputs[0].len();
            let inputs = self.inputs[part.clone()].concat();
            Batch {
                inputs: Tensor::from_vec(inputs, (size, features), &Device::Cpu).unwrap(),
                targets: Targets::Classes(
                    Tensor::from_slice(&self.classes[part], size, &Device::Cpu).unwrap(),
                ),
            }
        };
        sizes.iter().map(&mut batch).collect()
    }
}
