//! burn on `flex`, its fastest backend for processors.
//!
//! It is asked as `../python/rows.py` says. How it was tuned: flex with SIMD, rayon and its AVX-512 kernels (the feature
//! `x86-v4`, which is off by default), release build with thin link-time optimisation and one code generation unit, data
//! as f32 in memory, batches by `select`, evaluation without autodiff in pieces of 1,000 images, denormals flushed to
//! zero, the allocator mimalloc, as in Atelier. The number of threads is that of the pool, `RAYON_NUM_THREADS`. Its
//! optimisers decay biases like weights.

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context as _, Result};
use burn::backend::{Autodiff, Flex, flex::FlexDevice};
use burn::module::{AutodiffModule as _, Module};
use burn::nn::loss::{CrossEntropyLossConfig, MseLoss, Reduction};
use burn::nn::{BatchNorm, BatchNormConfig, Dropout, DropoutConfig, Linear, LinearConfig};
use burn::optim::decay::WeightDecayConfig;
use burn::optim::{AdamConfig, AdamWConfig, GradientsParams, Optimizer, SgdConfig};
use burn::tensor::activation::{relu, sigmoid, softmax};
use burn::tensor::backend::Backend;
use burn::tensor::{ElementConversion as _, Int, Tensor, TensorData};
use serde_json::json;

type Graph = Autodiff<Flex>;
type Images<B> = Tensor<B, 2>;
type Labels<B> = Tensor<B, 1, Int>;

#[path = "../../asked.rs"]
mod asked;

use asked::{Random, batches, flush_denormals, serve};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const INPUTS: usize = 784;
const IMAGES: usize = 60_000;
const RATE: f64 = 1e-3;
const DECAY: f32 = 5e-4;

#[derive(Module, Debug)]
struct Network<B: Backend> {
    layers: Vec<Linear<B>>,
    norms: Vec<BatchNorm<B>>,
    dropout: Dropout,
}

impl<B: Backend> Network<B> {
    fn new(widths: &[usize], regularized: bool, device: &B::Device) -> Self {
        let layers = widths.windows(2).map(|pair| LinearConfig::new(pair[0], pair[1]).init(device)).collect();
        let hidden = if regularized { &widths[1..widths.len() - 1] } else { &[] };
        let norms = hidden.iter().map(|&width| BatchNormConfig::new(width).init(device)).collect();
        Self { layers, norms, dropout: DropoutConfig::new(0.25).init() }
    }

    fn forward(&self, mut x: Images<B>) -> Images<B> {
        let last = self.layers.len() - 1;
        for (number, layer) in self.layers.iter().enumerate() {
            x = layer.forward(x);
            if number < last {
                x = match self.norms.get(number) {
                    None => relu(x),
                    Some(norm) => self.dropout.forward(relu(norm.forward(x))),
                };
            }
        }
        x
    }
}

type Update = Box<dyn FnMut(Network<Graph>, GradientsParams) -> Network<Graph>>;

/// One step on a batch; the loss is read.
struct Training {
    network: Option<Network<Graph>>,
    update: Update,
    reconstructs: bool,
    device: FlexDevice,
}

fn updating(mut optimizer: impl Optimizer<Network<Graph>, Graph> + 'static) -> Update {
    Box::new(move |network, gradients| optimizer.step(RATE, network, gradients))
}

impl Training {
    fn classifier(width: usize) -> Self {
        let (regularized, device) = (width == 512, FlexDevice::default());
        let update = if regularized {
            updating(AdamWConfig::new().with_weight_decay(DECAY).init())
        } else {
            updating(SgdConfig::new().with_weight_decay(Some(WeightDecayConfig::new(DECAY))).init())
        };
        let network = Some(Network::new(&[INPUTS, width, width, width, 10], regularized, &device));
        Self { network, update, reconstructs: false, device }
    }

    fn autoencoder() -> Self {
        let device = FlexDevice::default();
        let network = Some(Network::new(&[INPUTS, 128, 64, 128, INPUTS], false, &device));
        Self { network, update: updating(AdamConfig::new().init()), reconstructs: true, device }
    }

    fn step(&mut self, x: Images<Graph>, y: Labels<Graph>) -> Result<f32> {
        let network = self.network.take().context("the step before has failed")?;
        let outputs = network.forward(x.clone());
        let loss = if self.reconstructs {
            MseLoss::new().forward(sigmoid(outputs), x, Reduction::Mean)
        } else {
            CrossEntropyLossConfig::new().init(&self.device).forward(outputs, y)
        };
        let value = loss.clone().into_scalar().elem();
        let gradients = GradientsParams::from_grads(loss.backward(), &network);
        self.network = Some((self.update)(network, gradients));
        Ok(value)
    }

    fn epoch(
        &mut self,
        batch: usize,
        batches: usize,
        x: &Images<Graph>,
        y: &Labels<Graph>,
        random: &mut Random,
    ) -> Result<()> {
        let order = random.order(x.dims()[0] as u32);
        for chosen in order.chunks(batch).take(batches) {
            let chosen: Vec<i32> = chosen.iter().map(|&i| i as i32).collect();
            let chosen = Tensor::from_data(TensorData::from(&chosen[..]), &self.device);
            self.step(x.clone().select(0, chosen.clone()), y.clone().select(0, chosen))?;
        }
        Ok(())
    }
}

fn evaluate(network: &Network<Flex>, x: &Images<Flex>, y: &Labels<Flex>) -> (f32, i64) {
    let (mut sum, mut correct) = (0.0, 0);
    for piece in 0..IMAGES / 1000 {
        let (x, y) = (x.clone().narrow(0, piece * 1000, 1000), y.clone().narrow(0, piece * 1000, 1000));
        let logits = network.forward(x);
        let loss = CrossEntropyLossConfig::new().init(&logits.device()).forward(logits.clone(), y.clone());
        sum += loss.into_scalar() * 1000.0;
        correct += logits.argmax(1).reshape([1000]).equal(y).int().sum().into_scalar().elem::<i64>();
    }
    (sum / IMAGES as f32, correct)
}

fn memory<B: Backend>(count: usize) -> (Images<B>, Labels<B>) {
    let mut random = Random(1);
    let pixels: Vec<f32> = (0..count * INPUTS).map(|_| (random.next() % 256) as f32 / 255.0).collect();
    let labels: Vec<i32> = (0..count).map(|_| (random.next() % 10) as i32).collect();
    tensors(pixels, labels)
}

fn tensors<B: Backend>(pixels: Vec<f32>, labels: Vec<i32>) -> (Images<B>, Labels<B>) {
    let (device, count) = (B::Device::default(), labels.len());
    let x = Tensor::from_data(TensorData::new(pixels, [count, INPUTS]), &device);
    (x, Tensor::from_data(TensorData::new(labels, [count]), &device))
}

fn first_epoch(work: &Path) -> Result<()> {
    let bytes = |name: &str| fs::read(work.join("cache").join(name)).with_context(|| format!("cannot read {name}"));
    let pixels = bytes("train-images-idx3-ubyte")?[16..].iter().map(|&p| f32::from(p) / 255.0).collect();
    let labels = bytes("train-labels-idx1-ubyte")?[8..].iter().map(|&l| i32::from(l)).collect();
    let (x, y) = tensors(pixels, labels);
    Training::classifier(50).epoch(64, batches(true), &x, &y, &mut Random(2))
}

fn predict(work: &Path) -> Result<()> {
    let file = fs::read(work.join("model.safetensors"))?;
    let tensors = safetensors::SafeTensors::deserialize(&file)?;
    let device = FlexDevice::default();
    let floats = |bytes: &[u8]| -> Vec<f32> {
        bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
    };
    let mut x: Images<Flex> =
        Tensor::from_data(TensorData::new(floats(&fs::read(work.join("image.f32"))?), [1, INPUTS]), &device);
    for layer in [0, 2, 4, 6] {
        let of = |name: &str, shape: [usize; 2]| -> Result<Images<Flex>> {
            let tensor = tensors.tensor(&format!("net.{layer}.{name}"))?;
            Ok(Tensor::from_data(TensorData::new(floats(tensor.data()), shape), &device))
        };
        let shape = tensors.tensor(&format!("net.{layer}.weight"))?.shape().to_vec();
        let (weight, bias) = (of("weight", [shape[0], shape[1]])?, of("bias", [1, shape[0]])?);
        x = x.matmul(weight.transpose()) + bias;
        x = if layer < 6 { relu(x) } else { softmax(x, 1) };
    }
    drop(x.into_data());
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
            let ((x, y), mut training) = (memory(128), Training::autoencoder());
            serve(&mut |_| training.step(x.clone(), y.clone()).map(drop))
        }
        ["step", width, batch] => {
            let ((x, y), mut training) = (memory(batch.parse()?), Training::classifier(width.parse()?));
            serve(&mut |_| training.step(x.clone(), y.clone()).map(drop))
        }
        ["epochs", "autoencoder"] => {
            let ((x, y), mut training) = (memory(IMAGES), Training::autoencoder());
            serve(&mut |whole| {
                let epochs = if whole { 20 } else { 1 };
                (0..epochs).try_for_each(|_| training.epoch(128, batches(whole), &x, &y, &mut random))
            })
        }
        ["epoch", width, batch] => {
            let ((x, y), mut training) = (memory(IMAGES), Training::classifier(width.parse()?));
            let batch = batch.parse()?;
            serve(&mut |whole| training.epoch(batch, batches(whole), &x, &y, &mut random))
        }
        ["evaluate"] => {
            let (x, y) = memory(IMAGES);
            let network = Network::<Graph>::new(&[INPUTS, 50, 50, 50, 10], false, &FlexDevice::default()).valid();
            serve(&mut |_| {
                evaluate(&network, &x, &y);
                Ok(())
            })
        }
        ["first", "epoch"] | ["predict"] => {
            let work = work.context("expected --work DIRECTORY")?;
            if row == "predict" { predict(&work)? } else { first_epoch(&work)? }
            println!("{}", json!({ "done": true }));
            Ok(())
        }
        _ => {
            println!("{}", json!({ "missing": "not written for burn" }));
            Ok(())
        }
    }
}
