//! Plain candle: `candle_nn`'s linear layers, losses and optimisers, candle's own matrix product.
//!
//! It is asked as `../python/rows.py` says. How it was tuned: `gemm`, its matrix product, with AVX-512 kernels (the
//! feature `x86-v4`, which candle leaves off), release build with thin link-time optimisation and one code generation
//! unit, data as f32 in memory, batches by `index_select`, evaluation in pieces of 1,000 images, denormals flushed to
//! zero, the allocator mimalloc, as in Atelier. Its own features are the default ones (no MKL, which does not link
//! everywhere). The number of threads is that of the pools, `RAYON_NUM_THREADS` and `CANDLE_NUM_THREADS`. Batch norm's
//! weights and biases are decayed by its AdamW like all others.

use std::path::PathBuf;
use std::{env, fs};

use anyhow::{Context as _, Result};
use candle_core::{DType, Device, Module as _, ModuleT as _, Tensor, Var};
use candle_nn::{
    AdamW, BatchNorm, Dropout, Linear, Optimizer, ParamsAdamW, SGD, VarBuilder, VarMap, batch_norm, linear, loss, ops,
};
use serde_json::json;

#[path = "../../asked.rs"]
mod asked;

use asked::{Random, batches, flush_denormals, serve};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const INPUTS: usize = 784;
const IMAGES: usize = 60_000;
const RATE: f64 = 1e-3;
const DECAY: f64 = 5e-4;

struct Network {
    layers: Vec<(Linear, Option<BatchNorm>)>,
    last: Linear,
    dropout: Dropout,
    map: VarMap,
}

impl Network {
    fn new(widths: &[usize], regularized: bool) -> Result<Self> {
        let map = VarMap::new();
        let vars = VarBuilder::from_varmap(&map, DType::F32, &Device::Cpu);
        let mut layers = Vec::new();
        for (number, pair) in widths.windows(2).enumerate() {
            let vars = vars.pp(number);
            let norm = regularized.then(|| batch_norm(pair[1], 1e-5, vars.pp("norm"))).transpose()?;
            layers.push((linear(pair[0], pair[1], vars)?, norm));
        }
        let last = layers.pop().context("no layer")?.0;
        Ok(Self { layers, last, dropout: Dropout::new(0.25), map })
    }

    fn forward(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let mut x = x.clone();
        for (linear, norm) in &self.layers {
            x = linear.forward(&x)?;
            x = match norm {
                None => x.relu()?,
                Some(norm) => self.dropout.forward(&norm.forward_t(&x, train)?.relu()?, train)?,
            };
        }
        Ok(self.last.forward(&x)?)
    }
}

enum Descent {
    Sgd(Vec<Var>),
    Adam(AdamW),
}

/// One step on a batch; the loss is read.
struct Training {
    network: Network,
    descent: Descent,
    reconstructs: bool,
}

impl Training {
    fn classifier(width: usize) -> Result<Self> {
        let regularized = width == 512;
        let network = Network::new(&[INPUTS, width, width, width, 10], regularized)?;
        let vars = network.map.all_vars();
        let descent = if regularized {
            let settings = ParamsAdamW { lr: RATE, weight_decay: DECAY, ..ParamsAdamW::default() };
            Descent::Adam(AdamW::new(vars, settings)?)
        } else {
            Descent::Sgd(vars)
        };
        Ok(Self { network, descent, reconstructs: false })
    }

    fn autoencoder() -> Result<Self> {
        let network = Network::new(&[INPUTS, 128, 64, 128, INPUTS], false)?;
        let settings = ParamsAdamW { lr: RATE, weight_decay: 0.0, ..ParamsAdamW::default() };
        let descent = Descent::Adam(AdamW::new(network.map.all_vars(), settings)?);
        Ok(Self { network, descent, reconstructs: true })
    }

    fn step(&mut self, x: &Tensor, y: &Tensor) -> Result<f32> {
        let outputs = self.network.forward(x, true)?;
        let loss = if self.reconstructs {
            loss::mse(&ops::sigmoid(&outputs)?, x)?
        } else {
            loss::cross_entropy(&outputs, y)?
        };
        match &mut self.descent {
            Descent::Sgd(vars) => {
                let plain = loss.to_scalar()?;
                // candle's SGD knows no decay: it enters the rate's factor, on weights alone.
                let gradients = loss.backward()?;
                let mut sgd = SGD::new(vars.clone(), RATE)?;
                for var in vars.iter().filter(|var| var.rank() > 1) {
                    var.set(&(var.as_tensor() * (1.0 - RATE * DECAY))?)?;
                }
                sgd.step(&gradients)?;
                return Ok(plain);
            }
            Descent::Adam(adam) => adam.backward_step(&loss)?,
        }
        Ok(loss.to_scalar()?)
    }

    fn epoch(
        &mut self,
        batch: usize,
        batches: usize,
        x: &Tensor,
        y: &Tensor,
        random: &mut Random,
    ) -> Result<()> {
        let order = random.order(x.dim(0)? as u32);
        for chosen in order.chunks(batch).take(batches) {
            let chosen = Tensor::from_slice(chosen, chosen.len(), &Device::Cpu)?;
            self.step(&x.index_select(&chosen, 0)?, &y.index_select(&chosen, 0)?)?;
        }
        Ok(())
    }
}

fn evaluate(network: &Network, x: &Tensor, y: &Tensor) -> Result<(f64, f32)> {
    let (mut sum, mut correct) = (0.0, 0.0);
    let pieces = IMAGES / 1000;
    for piece in 0..pieces {
        let (x, y) = (x.narrow(0, piece * 1000, 1000)?, y.narrow(0, piece * 1000, 1000)?);
        let logits = network.forward(&x, false)?.detach();
        sum += f64::from(loss::cross_entropy(&logits, &y)?.to_scalar::<f32>()?);
        correct += logits.argmax(1)?.eq(&y)?.to_dtype(DType::F32)?.sum_all()?.to_scalar::<f32>()?;
    }
    Ok((sum / pieces as f64, correct))
}

fn memory(count: usize) -> Result<(Tensor, Tensor)> {
    let mut random = Random(1);
    let pixels: Vec<f32> = (0..count * INPUTS).map(|_| (random.next() % 256) as f32 / 255.0).collect();
    let labels: Vec<u32> = (0..count).map(|_| (random.next() % 10) as u32).collect();
    Ok((Tensor::from_vec(pixels, (count, INPUTS), &Device::Cpu)?, Tensor::from_vec(labels, count, &Device::Cpu)?))
}

fn first_epoch(work: &PathBuf) -> Result<()> {
    let bytes = |name: &str| fs::read(work.join("cache").join(name)).with_context(|| format!("cannot read {name}"));
    let pixels = bytes("train-images-idx3-ubyte")?[16..].iter().map(|&p| f32::from(p) / 255.0).collect::<Vec<_>>();
    let labels: Vec<u32> = bytes("train-labels-idx1-ubyte")?[8..].iter().map(|&l| u32::from(l)).collect();
    let x = Tensor::from_vec(pixels, (IMAGES, INPUTS), &Device::Cpu)?;
    let y = Tensor::from_vec(labels, IMAGES, &Device::Cpu)?;
    Training::classifier(50)?.epoch(64, batches(true), &x, &y, &mut Random(2))
}

fn predict(work: &PathBuf) -> Result<()> {
    let tensors = candle_core::safetensors::load(work.join("model.safetensors"), &Device::Cpu)?;
    let pixels: Vec<f32> = fs::read(work.join("image.f32"))?
        .chunks_exact(4)
        .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        .collect();
    let mut x = Tensor::from_vec(pixels, (1, INPUTS), &Device::Cpu)?;
    for layer in [0, 2, 4, 6] {
        let of = |name: &str| tensors.get(&format!("net.{layer}.{name}")).cloned();
        x = Linear::new(of("weight").context("no weight")?, of("bias")).forward(&x)?;
        x = if layer < 6 { x.relu()? } else { ops::softmax(&x, 1)? };
    }
    x.to_vec2::<f32>()?;
    Ok(())
}

fn main() -> Result<()> {
    flush_denormals();
    let arguments: Vec<String> = env::args().skip(1).collect();
    let row = arguments.first().context("expected the name of a row")?.as_str();
    let work = arguments.iter().position(|word| word == "--work").map(|at| PathBuf::from(&arguments[at + 1]));
    let parts: Vec<&str> = row.split('-').collect();
    let mut random = Random(3);
    match parts[..] {
        ["step", "autoencoder"] => {
            let ((x, y), mut training) = (memory(128)?, Training::autoencoder()?);
            serve(&mut |_| training.step(&x, &y).map(drop))
        }
        ["step", width, batch] => {
            let ((x, y), mut training) = (memory(batch.parse()?)?, Training::classifier(width.parse()?)?);
            serve(&mut |_| training.step(&x, &y).map(drop))
        }
        ["epochs", "autoencoder"] => {
            let ((x, y), mut training) = (memory(IMAGES)?, Training::autoencoder()?);
            serve(&mut |whole| {
                let epochs = if whole { 20 } else { 1 };
                (0..epochs).try_for_each(|_| training.epoch(128, batches(whole), &x, &y, &mut random))
            })
        }
        ["epoch", width, batch] => {
            let ((x, y), mut training) = (memory(IMAGES)?, Training::classifier(width.parse()?)?);
            let batch = batch.parse()?;
            serve(&mut |whole| training.epoch(batch, batches(whole), &x, &y, &mut random))
        }
        ["evaluate"] => {
            let ((x, y), network) = (memory(IMAGES)?, Network::new(&[INPUTS, 50, 50, 50, 10], false)?);
            serve(&mut |_| evaluate(&network, &x, &y).map(drop))
        }
        ["first", "epoch"] | ["predict"] => {
            let work = work.context("expected --work DIRECTORY")?;
            if row == "predict" { predict(&work)? } else { first_epoch(&work)? }
            println!("{}", json!({ "done": true }));
            Ok(())
        }
        _ => {
            println!("{}", json!({ "missing": "not written for candle" }));
            Ok(())
        }
    }
}
