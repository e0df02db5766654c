//! A stack of dense layers:
//! `h_0 = x`, `h_l = dropout(activation(batch_norm(W_l h_(l-1) + b_l)))`, `y = output(W h_L + b)`.

mod views;

use atelier_core::seed::stream;
use atelier_core::{Activation as Core, Loss, Mode, Parameter, Signal, StepAddress, ops};
use candle_core::{DType, Device, Tensor, Var};

use crate::config::{check_weights, module};
use crate::{Error, Layer, ModelConfig, Result};

/// The slope that PReLU begins with, PyTorch's default.
const PRELU_SLOPE: f32 = 0.25;

/// One module of the sequence, at PyTorch's position.
#[derive(Debug)]
enum Module {
    /// A linear layer together with the activation that follows it, where they fuse.
    Dense {
        weight: Var,
        bias: Var,
        activation: Core,
    },
    BatchNorm(ops::BatchNorm),
    Activation(Core),
    Prelu(Var),
    Dropout {
        probability: f64,
        lane: u64,
    },
}

impl Module {
    fn evaluate(&self, h: &Tensor) -> atelier_core::Result<Tensor> {
        match self {
            Self::Dense { weight, bias, activation } => ops::dense(h, weight, bias, *activation),
            Self::BatchNorm(layer) => layer.evaluate(h),
            Self::Activation(activation) => ops::activate(h, *activation),
            Self::Prelu(slope) => ops::prelu(h, slope),
            Self::Dropout { .. } => Ok(h.clone()),
        }
    }
}

/// What `modules` make of `x`.
fn pass(modules: &[Module], x: Signal, mode: Mode) -> atelier_core::Result<Signal> {
    match mode {
        Mode::Train(step) => train(modules, x, step),
        Mode::Evaluate => {
            let x = x.into_tensor()?;
            Ok(Signal::new(modules.iter().try_fold(x, |h, module| module.evaluate(&h))?))
        }
    }
}

fn train(modules: &[Module], x: Signal, step: StepAddress) -> atelier_core::Result<Signal> {
    let mut h = x;
    let mut left = modules;
    while let [module, rest @ ..] = left {
        left = rest;
        h = match module {
            Module::Dense { weight, bias, activation } => h.dense(weight, bias, *activation)?,
            Module::BatchNorm(layer) => {
                // One pass over memory for what follows it.
                let mut activation = Core::Identity;
                if let [Module::Activation(next), rest @ ..] = left {
                    (activation, left) = (*next, rest);
                }
                if let [Module::Dropout { probability, lane }, rest @ ..] = left {
                    left = rest;
                    let stream = &mut step.stream("dropout", *lane);
                    h.batch_norm(layer, activation, Some((*probability, stream)))?
                } else {
                    h.batch_norm(layer, activation, None)?
                }
            }
            Module::Activation(activation) => h.activate(*activation)?,
            Module::Prelu(slope) => h.prelu(slope)?,
            Module::Dropout { probability, lane } => {
                h.dropout(*probability, &mut step.stream("dropout", *lane))?
            }
        };
    }
    Ok(h)
}

/// Where a network sits: its name, its ends and the activation of its output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends<'a> {
    /// PyTorch's name of the sequence, the first part of every parameter's name.
    pub prefix: &'a str,
    /// Features of the input.
    pub inputs: usize,
    /// Features of the output.
    pub outputs: usize,
    /// What is applied to the output; [`Core::Identity`] gives logits.
    pub activation: Core,
}

/// A dense network of any widths, with optional batch norm and dropout.
#[derive(Debug)]
pub struct DenseNet {
    modules: Vec<Module>,
    layers: Vec<Layer>,
    parameters: Vec<Parameter>,
    buffers: Vec<Parameter>,
}

impl DenseNet {
    /// A network with freshly drawn weights; layer `l` draws from the stream `(prefix, 0, l)`.
    ///
    /// # Errors
    /// As [`ModelConfig::check`]; [`Error::Setting`] if an end has no features or the network would
    /// have more than [`MOST_WEIGHTS`](atelier_core::MOST_WEIGHTS); fails if the device has no memory left.
    pub fn new(ends: Ends, config: &ModelConfig, seed: u64, device: &Device) -> Result<Self> {
        config.check()?;
        check_size(ends, config)?;
        let mut net = Self { modules: vec![], layers: vec![], parameters: vec![], buffers: vec![] };
        // PyTorch counts every module of the sequence, also those that are fused here.
        let mut position = 0;
        let mut width = ends.inputs;
        for (l, &units) in config.hidden.iter().enumerate() {
            let name = format!("{}.{position}", ends.prefix);
            let fused = config.activation.elementwise().filter(|_| !config.batch_norm);
            let draw = Draw { config, purpose: ends.prefix, seed, layer: l as u64, device };
            net.push_dense(&name, width, units, fused.unwrap_or(Core::Identity), &draw)?;
            position += 1;
            if config.batch_norm {
                net.push_batch_norm(&format!("{}.{position}", ends.prefix), units, device)?;
                position += 1;
            }
            net.push_activation(&format!("{}.{position}", ends.prefix), config, units, device)?;
            position += 1;
            if config.dropout > 0.0 {
                net.modules.push(Module::Dropout { probability: config.dropout, lane: l as u64 });
                net.layers.push(Layer::new(
                    format!("{}.{position}", ends.prefix),
                    "Dropout",
                    units,
                    0,
                ));
                position += 1;
            }
            width = units;
        }
        let name = format!("{}.{position}", ends.prefix);
        let layer = config.hidden.len() as u64;
        let draw = Draw { config, purpose: ends.prefix, seed, layer, device };
        net.push_dense(&name, width, ends.outputs, ends.activation, &draw)?;
        if ends.activation != Core::Identity {
            let name = format!("{}.{}", ends.prefix, position + 1);
            net.layers.push(Layer::new(name, module(ends.activation), ends.outputs, 0));
        }
        Ok(net)
    }

    fn push_dense(
        &mut self,
        name: &str,
        inputs: usize,
        outputs: usize,
        activation: Core,
        draw: &Draw,
    ) -> Result<()> {
        let mut stream = stream(draw.seed, draw.purpose, 0, draw.layer);
        let (init, scale) = (draw.config.init, draw.config.init_scale);
        let weight = Parameter {
            name: format!("{name}.weight"),
            var: Var::zeros((inputs, outputs), DType::F32, draw.device)?,
            decayed: true,
            transposed: true,
        };
        weight.assign(&init.weight(inputs, outputs, scale, &mut stream))?;
        let bias = plain(
            format!("{name}.bias"),
            &init.bias(inputs, outputs, scale, &mut stream),
            draw.device,
        )?;
        let kind = format!("Linear {inputs} to {outputs}");
        self.layers.push(Layer::new(name, kind, outputs, weight.len() + bias.len()));
        self.modules.push(Module::Dense {
            weight: weight.var.clone(),
            bias: bias.var.clone(),
            activation,
        });
        self.parameters.extend([weight, bias]);
        Ok(())
    }

    fn push_batch_norm(&mut self, name: &str, units: usize, device: &Device) -> Result<()> {
        let part =
            |part: &str, value: f32| plain(format!("{name}.{part}"), &vec![value; units], device);
        let (gamma, beta) = (part("weight", 1.0)?, part("bias", 0.0)?);
        let (mean, variance) = (part("running_mean", 0.0)?, part("running_var", 1.0)?);
        self.modules.push(Module::BatchNorm(ops::BatchNorm {
            gamma: gamma.var.clone(),
            beta: beta.var.clone(),
            mean: mean.var.clone(),
            variance: variance.var.clone(),
        }));
        self.layers.push(Layer::new(name, "BatchNorm1d", units, 2 * units));
        self.parameters.extend([gamma, beta]);
        self.buffers.extend([mean, variance]);
        Ok(())
    }

    /// The activation of a hidden layer; one that is fused into the layer before it only gets its
    /// line in the table.
    fn push_activation(
        &mut self,
        name: &str,
        config: &ModelConfig,
        units: usize,
        device: &Device,
    ) -> Result<()> {
        if let Some(activation) = config.activation.elementwise() {
            if config.batch_norm {
                self.modules.push(Module::Activation(activation));
            }
            self.layers.push(Layer::new(name, config.activation.module(), units, 0));
            return Ok(());
        }
        let slope = plain(format!("{name}.weight"), &[PRELU_SLOPE], device)?;
        self.modules.push(Module::Prelu(slope.var.clone()));
        self.layers.push(Layer::new(name, config.activation.module(), units, 1));
        self.parameters.push(slope);
        Ok(())
    }

    /// The output for `x`.
    ///
    /// # Shapes
    /// `x` (batch, inputs) to (batch, outputs).
    ///
    /// # Errors
    /// Fails if `x` does not fit.
    pub fn forward(&self, x: &Tensor, mode: Mode) -> atelier_core::Result<Tensor> {
        self.signal(Signal::new(x.clone()), mode)?.into_tensor()
    }

    /// As [`Self::forward`], for what goes on to further layers.
    ///
    /// # Errors
    /// As there.
    pub fn signal(&self, x: Signal, mode: Mode) -> atelier_core::Result<Signal> {
        pass(&self.modules, x, mode)
    }

    /// The mean squared error between the output for `x` and `targets`, last layer and loss in one.
    ///
    /// # Errors
    /// Fails if `x` or `targets` does not fit.
    pub fn mean_squared_error(
        &self,
        x: Signal,
        targets: &Tensor,
        mode: Mode,
    ) -> atelier_core::Result<Loss> {
        let Some((Module::Dense { weight, bias, activation }, rest)) = self.modules.split_last()
        else {
            return ops::mean_squared_error(&self.signal(x, mode)?.into_tensor()?, targets);
        };
        pass(rest, x, mode)?.reconstruction(weight, bias, *activation, targets)
    }

    /// A network with parameters and buffers of its own that have the same values.
    ///
    /// # Errors
    /// Fails if the device has no memory left.
    pub fn replica(&self) -> atelier_core::Result<Self> {
        let copies = |all: &[Parameter]| -> atelier_core::Result<Vec<Parameter>> {
            all.iter().map(Parameter::replica).collect()
        };
        let (parameters, buffers) = (copies(&self.parameters)?, copies(&self.buffers)?);
        // What a module holds is one of the variables of the two lists.
        let of = |var: &Var| {
            let own = self.parameters.iter().zip(&parameters);
            let mut all = own.chain(self.buffers.iter().zip(&buffers));
            let found = all.find(|(old, _)| old.var.id() == var.id());
            found.map_or_else(|| var.clone(), |(_, new)| new.var.clone())
        };
        let modules = self.modules.iter().map(|module| match module {
            Module::Dense { weight, bias, activation } => {
                Module::Dense { weight: of(weight), bias: of(bias), activation: *activation }
            }
            Module::BatchNorm(layer) => Module::BatchNorm(ops::BatchNorm {
                gamma: of(&layer.gamma),
                beta: of(&layer.beta),
                mean: of(&layer.mean),
                variance: of(&layer.variance),
            }),
            Module::Activation(activation) => Module::Activation(*activation),
            Module::Prelu(slope) => Module::Prelu(of(slope)),
            Module::Dropout { probability, lane } => {
                Module::Dropout { probability: *probability, lane: *lane }
            }
        });
        Ok(Self { modules: modules.collect(), layers: self.layers.clone(), parameters, buffers })
    }

    /// Sets the statistics of every batch norm to those over all of `inputs`, each normalised by
    /// those of the layers before.
    ///
    /// # Errors
    /// Fails if an input does not fit.
    pub fn recompute_statistics(&self, inputs: Vec<Tensor>) -> atelier_core::Result<()> {
        let last = self.modules.iter().rposition(|module| matches!(module, Module::BatchNorm(_)));
        let Some(last) = last else { return Ok(()) };
        let mut all = inputs;
        for module in &self.modules[..=last] {
            if let Module::BatchNorm(layer) = module {
                layer.record(&all)?;
            }
            for h in &mut all {
                *h = module.evaluate(h)?.detach();
            }
        }
        Ok(())
    }

    /// The trainable parameters, layer by layer, weight then bias.
    #[must_use]
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The running statistics of batch norm, layer by layer.
    #[must_use]
    pub fn buffers(&self) -> &[Parameter] {
        &self.buffers
    }

    /// The names of PyTorch's counters of training batches, one for each batch norm: part of its
    /// state, though nothing depends on them.
    #[must_use]
    pub fn batch_counters(&self) -> Vec<String> {
        let means = self.buffers.iter().filter_map(|b| b.name.strip_suffix(".running_mean"));
        means.map(|module| format!("{module}.num_batches_tracked")).collect()
    }

    /// One line per module, as PyTorch would list them.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }
}

fn check_size(ends: Ends, config: &ModelConfig) -> Result<()> {
    for (key, features) in [("number of inputs", ends.inputs), ("number of outputs", ends.outputs)]
    {
        if features == 0 {
            return Err(Error::Setting { key, expected: "1 or more", found: "0".to_string() });
        }
    }
    check_weights(&[&[ends.inputs], config.hidden.as_slice(), &[ends.outputs]].concat())
}

/// What the weights of one layer are drawn from.
struct Draw<'a> {
    config: &'a ModelConfig,
    purpose: &'a str,
    seed: u64,
    layer: u64,
    device: &'a Device,
}

/// A parameter or buffer without decay that lies in memory as the outside sees it.
fn plain(name: String, values: &[f32], device: &Device) -> Result<Parameter> {
    let var = Var::from_slice(values, values.len(), device)?;
    Ok(Parameter { name, var, decayed: false, transposed: false })
}
