//! Plain candle, as it comes: `candle_nn`'s linear layers, losses and optimisers, candle's own matrix product.
//!
//! It is asked as `../python/rows.py` says. How it was tuned: release build with thin link-time optimisation and one
//! code generation unit, data as f32 in memory, batches by `index_select`, evaluation in pieces of 1,000 images. Its
//! features are the default ones (no MKL, which does not link everywhere); denormals are not flushed, as nothing in it
//! does so, and nobody has looked whether any arise; the allocator is mimalloc, as in Atelier. The number of threads is that of the pools, `RAYON_NUM_THREADS` and
//! `CANDLE_NUM_THREADS`. Batch norm's weights and biases are decayed by its AdamW like all others.

use std::path::PathBuf;
use std::time::Instant;
use std::{env, fs, io};

use anyhow::{Context as _, Result, bail};
use candle_core::{DType, Device, Module as _, ModuleT as _, Tensor, Var};
use candle_nn::{
    AdamW, BatchNorm, Dropout, Linear, Optimizer, ParamsAdamW, SGD, VarBuilder, VarMap, batch_norm, linear, loss, ops,
};
use serde_json::json;

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

    fn epoch(&mut self, batch: usize, x: &Tensor, y: &Tensor, random: &mut Random) -> Result<()> {
        let order = random.order(x.dim(0)?);
        for chosen in order.chunks(batch) {
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

/// A linear congruential generator: enough to shuffle.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn order(&mut self, n: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..n as u32).collect();
        for i in (1..n).rev() {
            order.swap(i, self.next() as usize % (i + 1));
        }
        order
    }
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
    Training::classifier(50)?.epoch(64, &x, &y, &mut Random(2))
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
    let arguments: Vec<String> = env::args().skip(1).collect();
    let row = arguments.first().context("expected the name of a row")?.as_str();
    let work = arguments.iter().position(|word| word == "--work").map(|at| PathBuf::from(&arguments[at + 1]));
    let parts: Vec<&str> = row.split('-').collect();
    let mut random = Random(3);
    match parts[..] {
        ["step", "autoencoder"] => {
            let ((x, y), mut training) = (memory(128)?, Training::autoencoder()?);
            serve(&mut || training.step(&x, &y).map(drop))
        }
        ["step", width, batch] => {
            let ((x, y), mut training) = (memory(batch.parse()?)?, Training::classifier(width.parse()?)?);
            serve(&mut || training.step(&x, &y).map(drop))
        }
        ["epochs", "autoencoder"] => {
            let ((x, y), mut training) = (memory(IMAGES)?, Training::autoencoder()?);
            serve(&mut || (0..20).try_for_each(|_| training.epoch(128, &x, &y, &mut random)))
        }
        ["epoch", width, batch] => {
            let ((x, y), mut training) = (memory(IMAGES)?, Training::classifier(width.parse()?)?);
            let batch = batch.parse()?;
            serve(&mut || training.epoch(batch, &x, &y, &mut random))
        }
        ["evaluate"] => {
            let ((x, y), network) = (memory(IMAGES)?, Network::new(&[INPUTS, 50, 50, 50, 10], false)?);
            serve(&mut || evaluate(&network, &x, &y).map(drop))
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

/// As `serve` in `../python/rows.py`; what takes long is not warmed up.
fn serve(call: &mut dyn FnMut() -> Result<()>) -> Result<()> {
    let long = env::args().any(|word| word.starts_with("epochs-"));
    let start = Instant::now();
    while !long && start.elapsed().as_secs_f64() < 0.2 {
        call()?;
    }
    println!("{}", json!({ "compile_seconds": null }));
    for line in io::stdin().lines() {
        let (budget, start) = (line?.parse::<f64>()?, Instant::now());
        let mut seconds = Vec::new();
        while seconds.is_empty() || start.elapsed().as_secs_f64() < budget {
            let before = Instant::now();
            call()?;
            seconds.push(before.elapsed().as_secs_f64());
        }
        println!("{}", json!({ "seconds": seconds }));
    }
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).context("no VmHWM")?;
    let Some(kib) = line.split_whitespace().nth(1) else { bail!("no VmHWM") };
    println!("{}", json!({ "peak_bytes": kib.parse::<u64>()? * 1024 }));
    Ok(())
}
