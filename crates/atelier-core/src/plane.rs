//! Dense networks over a plane of their parameters.
//!
//! The first layer is affine in the coordinates: X (W0 + a W1 + b W2) = X W0 + a X W1 + b X W2. The three
//! products are computed once; what is left for a point are the small layers, block of examples by
//! block of examples, in the cache.

use candle_core::Tensor;

use crate::activation::Activation;
use crate::kernels::lanes::{self, LANES};
use crate::kernels::product::{Cut, Matrix, product};
use crate::kernels::{activation, vectorized, with_elements};
use crate::ops::fused;
use crate::{
    Batch, Error, Evaluation, Parameter, PlaneEvaluator, PlaneOfParameters, Result, Targets,
};

/// One module of a dense network, with the positions of its parameters in
/// [`crate::Objective::parameters`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DenseModule {
    /// activation(x W + b).
    Dense {
        /// Position of W.
        weight: usize,
        /// Position of b.
        bias: usize,
        /// What is applied to the sum.
        activation: Activation,
    },
    /// An activation on its own.
    Activation(Activation),
    /// PReLU.
    Prelu {
        /// Position of its slope.
        slope: usize,
    },
}

/// What the output of a dense network is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DenseLoss {
    /// Softmax cross-entropy with the classes of the batch, in nats, as [`crate::ops::cross_entropy`].
    CrossEntropy,
    /// The mean squared distance from the inputs, as [`crate::ops::mean_squared_error`].
    Reconstruction,
}

/// Larger products than this are not kept; 2^28 numbers are a gigabyte.
const MOST_NUMBERS: usize = 1 << 28;

/// The evaluator of a dense network without batch norm for [`crate::Objective::plane`]; `None` where
/// it does not apply: on other devices than the CPU, for targets that are no classes, or where the
/// products of the first layer would take too much memory.
///
/// # Errors
/// [`Error::Shape`] if the plane has another number of parameters than the network, or a batch does
/// not fit.
pub fn dense_network(
    parameters: &[Parameter],
    modules: &[DenseModule],
    loss: DenseLoss,
    plane: PlaneOfParameters,
    batches: &[Batch],
) -> Result<Option<Box<dyn PlaneEvaluator>>> {
    let wanted: usize = parameters.iter().map(Parameter::len).sum();
    for vector in [plane.origin, plane.first, plane.second] {
        if vector.len() != wanted {
            return Err(Error::shape("a vector of the plane", &[wanted], &[vector.len()]));
        }
    }
    let Some((&DenseModule::Dense { weight, bias, activation }, rest)) = modules.split_first()
    else {
        return Ok(None);
    };
    let examples: usize = batches.iter().map(Batch::len).sum();
    let units = parameters[bias].len();
    let kept = examples.saturating_mul(3 * units + parameters[weight].len() / units.max(1));
    let resident = batches.iter().all(|batch| fused(&batch.inputs));
    if examples == 0 || kept > MOST_NUMBERS || !resident {
        return Ok(None);
    }
    let affine = Affine::all(parameters, &plane)?;
    let features = affine[weight].origin.len() / units;
    let inputs = rows(batches, features)?;
    let target = match (loss, labels(batches)?) {
        (DenseLoss::Reconstruction, _) => Target::Inputs(lanes::blocks(&inputs, features)),
        (DenseLoss::CrossEntropy, Some(labels)) => Target::Classes(labels),
        (DenseLoss::CrossEntropy, None) => return Ok(None),
    };
    let times = |weight: &[f32]| {
        let inputs = Matrix::new(&inputs, examples, features);
        lanes::blocks(&product(inputs, Matrix::new(weight, features, units), Cut::Rows), units)
    };
    let Affine { origin, first, second } = &affine[weight];
    let products = [times(origin), times(first), times(second)];
    let outputs = rest.iter().rev().find_map(|module| match module {
        DenseModule::Dense { bias, .. } => Some(affine[*bias].origin.len()),
        _ => None,
    });
    let network = Network {
        products,
        bias,
        activation,
        rest: rest.to_vec(),
        affine,
        outputs: outputs.unwrap_or(units),
        target,
        sizes: batches.iter().map(Batch::len).collect(),
    };
    // What the loss would refuse is left to it.
    Ok(network.target.fits(network.outputs, features).then(|| Box::new(network) as _))
}

/// A parameter over the plane, as it lies in memory.
struct Affine {
    origin: Vec<f32>,
    first: Vec<f32>,
    second: Vec<f32>,
}

impl Affine {
    fn all(parameters: &[Parameter], plane: &PlaneOfParameters) -> Result<Vec<Self>> {
        let mut from = 0;
        let mut all = Vec::with_capacity(parameters.len());
        for parameter in parameters {
            let range = from..from + parameter.len();
            from = range.end;
            let part = |vector: &[f32]| -> Result<Vec<f32>> {
                Ok(parameter.import(&vector[range.clone()])?.flatten_all()?.to_vec1()?)
            };
            all.push(Self {
                origin: part(plane.origin)?,
                first: part(plane.first)?,
                second: part(plane.second)?,
            });
        }
        Ok(all)
    }

    /// The values at a point, rounded from f64 as those of every other way to get there.
    fn at(&self, a: f64, b: f64) -> Vec<f32> {
        let mut out = vec![0.0; self.origin.len()];
        vectorized!(|| {
            let along = self.origin.iter().zip(&self.first).zip(&self.second);
            for (out, ((&o, &f), &s)) in out.iter_mut().zip(along) {
                #[expect(clippy::cast_possible_truncation, reason = "parameters are f32")]
                let value = (f64::from(o) + a * f64::from(f) + b * f64::from(s)) as f32;
                *out = value;
            }
        });
        out
    }
}

enum Target {
    /// One class per example.
    Classes(Vec<u32>),
    /// The inputs themselves, in blocks.
    Inputs(Vec<f32>),
}

impl Target {
    fn fits(&self, outputs: usize, features: usize) -> bool {
        match self {
            Self::Classes(labels) => labels.iter().all(|&label| (label as usize) < outputs),
            Self::Inputs(_) => outputs == features,
        }
    }
}

struct Network {
    /// Of the inputs with the first layer's origin and directions, in blocks.
    products: [Vec<f32>; 3],
    /// Of the first layer.
    bias: usize,
    activation: Activation,
    rest: Vec<DenseModule>,
    affine: Vec<Affine>,
    outputs: usize,
    target: Target,
    /// Examples of each batch.
    sizes: Vec<usize>,
}

/// A module of the network with its values at a point.
enum Placed {
    Dense { weight: Vec<f32>, bias: Vec<f32>, activation: Activation },
    Activation(Activation),
    Prelu(f32),
}

impl PlaneEvaluator for Network {
    fn at(&self, a: f64, b: f64) -> Result<Vec<Evaluation>> {
        let value = |position: usize| self.affine[position].at(a, b);
        let bias = value(self.bias);
        let placed: Vec<Placed> = self
            .rest
            .iter()
            .map(|module| match *module {
                DenseModule::Dense { weight, bias, activation } => {
                    Placed::Dense { weight: value(weight), bias: value(bias), activation }
                }
                DenseModule::Activation(activation) => Placed::Activation(activation),
                DenseModule::Prelu { slope } => Placed::Prelu(value(slope)[0]),
            })
            .collect();
        let examples: usize = self.sizes.iter().sum();
        let mut losses = Vec::with_capacity(examples);
        let mut hits = Vec::with_capacity(examples);
        let (mut h, mut next) = (Vec::new(), Vec::new());
        for (block, first) in (0..examples).step_by(LANES).enumerate() {
            self.first_layer(block, (a, b), &bias, &mut h);
            for module in &placed {
                forward(module, &mut h, &mut next);
            }
            let count = LANES.min(examples - first);
            self.compare(block, &h, count, &mut losses, &mut hits);
        }
        Ok(self.by_batch(&losses, &hits))
    }
}

impl Network {
    #[expect(clippy::cast_possible_truncation, reason = "coordinates of f32 arithmetic")]
    fn first_layer(&self, block: usize, (a, b): (f64, f64), bias: &[f32], h: &mut Vec<f32>) {
        let size = bias.len() * LANES;
        let [origin, first, second] =
            self.products.each_ref().map(|all| &all[block * size..(block + 1) * size]);
        h.resize(size, 0.0);
        lanes::combine([origin, first, second], a as f32, b as f32, h);
        vectorized!(|| {
            for (unit, bias) in h.as_chunks_mut::<LANES>().0.iter_mut().zip(bias) {
                for x in unit {
                    *x += bias;
                }
            }
        });
        activation::apply(self.activation, h);
    }

    /// Losses of the first `count` examples of a block, and whether their class was found.
    fn compare(
        &self,
        block: usize,
        outputs: &[f32],
        count: usize,
        losses: &mut Vec<f64>,
        hits: &mut Vec<bool>,
    ) {
        match &self.target {
            Target::Classes(labels) => {
                let [largest, class, sum] = lanes::largest_and_sum(outputs);
                let labels = &labels[block * LANES..block * LANES + count];
                for (lane, &label) in labels.iter().enumerate() {
                    let label = label as usize;
                    let target = outputs[label * LANES + lane];
                    let normalizer = f64::from(largest[lane]) + f64::from(sum[lane].ln());
                    // A NaN among the logits is no largest one, but reaches the sum.
                    losses.push(normalizer - f64::from(target));
                    hits.push((class[lane] - label as f32).abs() < 0.5);
                }
            }
            Target::Inputs(inputs) => {
                let size = self.outputs * LANES;
                let wanted = &inputs[block * size..(block + 1) * size];
                let squares = lanes::squared_distances(outputs, wanted);
                let mean = squares.iter().take(count).map(|sum| sum / self.outputs as f64);
                losses.extend(mean);
            }
        }
    }

    fn by_batch(&self, losses: &[f64], hits: &[bool]) -> Vec<Evaluation> {
        let mut from = 0;
        let mut all = Vec::with_capacity(self.sizes.len());
        for &total in &self.sizes {
            let range = from..from + total;
            from = range.end;
            let right = hits.get(range.clone()).map(|hits| hits.iter().filter(|hit| **hit).count());
            all.push(Evaluation {
                loss: losses[range].iter().sum::<f64>() / total as f64,
                correct: right.filter(|_| !hits.is_empty()),
                total,
            });
        }
        all
    }
}

/// `h := module(h)`; `next` is room to work in.
fn forward(module: &Placed, h: &mut Vec<f32>, next: &mut Vec<f32>) {
    match module {
        Placed::Dense { weight, bias, activation } => {
            next.resize(bias.len() * LANES, 0.0);
            lanes::dense(weight, bias, h, next);
            activation::apply(*activation, next);
            std::mem::swap(h, next);
        }
        Placed::Activation(activation) => activation::apply(*activation, h),
        Placed::Prelu(slope) => activation::apply_prelu(*slope, h),
    }
}

/// The inputs of all batches, one row an example.
fn rows(batches: &[Batch], features: usize) -> Result<Vec<f32>> {
    let mut rows = Vec::with_capacity(batches.iter().map(|batch| batch.inputs.elem_count()).sum());
    for batch in batches {
        let matrix = batch.matrix()?;
        let expected = [batch.len(), features];
        if matrix.dims() != expected {
            return Err(Error::shape("the inputs of a batch", &expected, matrix.dims()));
        }
        with_elements(&matrix, |inputs| rows.extend_from_slice(inputs))?;
    }
    Ok(rows)
}

/// The classes of all batches, if that is what their targets are.
fn labels(batches: &[Batch]) -> Result<Option<Vec<u32>>> {
    let mut labels = Vec::new();
    for batch in batches {
        let Targets::Classes(classes) = &batch.targets else { return Ok(None) };
        if classes.dims() != [batch.len()] {
            return Err(Error::shape("the targets", &[batch.len()], classes.dims()));
        }
        labels.extend(Tensor::to_vec1::<u32>(classes)?);
    }
    Ok(Some(labels))
}
