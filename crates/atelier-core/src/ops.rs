//! The differentiable operations of dense networks.
//!
//! One private function, `fused`, decides between a CPU kernel and the composition of candle's own
//! operations; both have the same meaning and the same gradients.

use candle_core::{DType, Tensor, Var};

use crate::activation::Activation;
use crate::seed::Stream;
use crate::{Batch, Error, Loss, Result, Targets, composition, kernels};

/// Whether the CPU kernels apply to `tensor`.
pub(crate) fn fused(tensor: &Tensor) -> bool {
    tensor.device().is_cpu() && tensor.dtype() == DType::F32 && tensor.is_contiguous()
}

/// activation(x W + b).
///
/// # Shapes
/// `x` (batch, in), `weight` (in, out), `bias` (out) to (batch, out).
///
/// # Errors
/// Fails if the shapes do not fit.
pub fn dense(x: &Tensor, weight: &Tensor, bias: &Tensor, activation: Activation) -> Result<Tensor> {
    check_dense(x, weight, bias)?;
    if !(fused(x) && fused(weight) && fused(bias)) {
        return Ok(composition::dense(x, weight, bias, activation)?);
    }
    let (fused, rest) = activation.split();
    let kernel = kernels::dense::Dense { activation: fused, inwards: x.track_op() };
    activate(&x.apply_op3(weight, bias, kernel)?, rest)
}

/// Refuses shapes that do not fit.
pub(crate) fn check_dense(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<()> {
    let (_, inputs) = x.dims2()?;
    let (rows, outputs) = weight.dims2()?;
    if rows != inputs || outputs == 0 {
        let expected = [inputs, outputs.max(1)];
        return Err(Error::shape("the weight of a dense layer", &expected, weight.dims()));
    }
    if bias.dims() != [outputs] {
        return Err(Error::shape("the bias of a dense layer", &[outputs], bias.dims()));
    }
    Ok(())
}

/// The activation of every element of `x`, any shape.
///
/// # Errors
/// Fails if the device does.
pub fn activate(x: &Tensor, activation: Activation) -> Result<Tensor> {
    if activation == Activation::Identity {
        Ok(x.clone())
    } else if fused(x) {
        Ok(x.apply_op1(kernels::activation::Elementwise(activation))?)
    } else {
        Ok(composition::activate(x, activation)?)
    }
}

/// x for x > 0, `slope` x otherwise (He et al. 2015); `slope` (1) is trained.
///
/// # Errors
/// Fails if `slope` does not hold one number.
pub fn prelu(x: &Tensor, slope: &Tensor) -> Result<Tensor> {
    if slope.elem_count() != 1 {
        return Err(Error::shape("the slope of PReLU", &[1], slope.dims()));
    }
    if fused(x) && fused(slope) {
        Ok(x.apply_op2(slope, kernels::activation::Prelu)?)
    } else {
        Ok(composition::prelu(x, slope)?)
    }
}

/// Dropout (Srivastava et al. 2014): each element is 0 with probability `p`, otherwise divided by
/// 1 - `p`. The probability is taken in steps of 1/65536. The factors are made on the CPU; to another
/// device they travel with every call.
///
/// # Errors
/// [`Error::Value`] if `p` is not in [0, 1).
pub fn dropout(x: &Tensor, p: f64, stream: &mut Stream) -> Result<Tensor> {
    match mask(x.elem_count(), p, stream)? {
        Some(mask) => masked(x, mask),
        None => Ok(x.clone()),
    }
}

/// `x` times the factors of `mask`.
pub(crate) fn masked(x: &Tensor, mask: kernels::dropout::Dropout) -> Result<Tensor> {
    if fused(x) {
        return Ok(x.apply_op1(mask)?);
    }
    let factors = Tensor::from_vec(mask.factors(), x.shape(), x.device())?;
    Ok((x * factors.to_dtype(x.dtype())?)?)
}

/// The mask of [`dropout`] for `len` elements; `None` where nothing is dropped.
pub(crate) fn mask(
    len: usize,
    p: f64,
    stream: &mut Stream,
) -> Result<Option<kernels::dropout::Dropout>> {
    if !(0.0..1.0).contains(&p) {
        return Err(Error::value("dropout", "a probability in [0, 1)", p));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in [0, 65536)")]
    let threshold = (p * 65_536.0).round().min(65_535.0) as u16;
    Ok((threshold > 0).then(|| kernels::dropout::Dropout::draw(len, threshold, stream)))
}

/// Softmax cross-entropy, in nats: the mean over the batch of -sum of targets times log softmax.
///
/// The loss that is minimised spreads `smoothing` of each target evenly over the classes (Szegedy
/// et al. 2016); the one that is reported does not.
///
/// # Shapes
/// `logits` (batch, classes); targets as in [`Targets`].
///
/// # Errors
/// [`Error::Value`] if there are no targets, they are of the wrong type, or `smoothing` is not in
/// [0, 1); [`Error::Shape`] if the batch is empty or shapes do not fit; fails if a class is out of
/// range.
pub fn cross_entropy(logits: &Tensor, targets: &Targets, smoothing: f64) -> Result<Loss> {
    if !(0.0..1.0).contains(&smoothing) {
        return Err(Error::value("label smoothing", "a share in [0, 1)", smoothing));
    }
    let (batch, classes) = logits.dims2()?;
    if batch == 0 || classes == 0 {
        return Err(Error::shape("the logits", &[1, 1], logits.dims()));
    }
    let (targets, expected, dtype) = match targets {
        Targets::None => {
            return Err(Error::value("the targets", "classes for a cross-entropy", "none"));
        }
        Targets::Classes(classes) => (classes, vec![batch], DType::U32),
        Targets::Distribution(shares) => (shares, vec![batch, classes], logits.dtype()),
    };
    if targets.dims() != expected {
        return Err(Error::shape("the targets", &expected, targets.dims()));
    }
    if targets.dtype() != dtype {
        let found = targets.dtype().as_str();
        return Err(Error::value("the type of the targets", dtype.as_str(), found));
    }
    let out = if fused(logits) && targets.is_contiguous() {
        #[expect(clippy::cast_possible_truncation, reason = "a share of f32 arithmetic")]
        let smoothing = smoothing as f32;
        logits.apply_op2(targets, kernels::cross_entropy::CrossEntropy::new(smoothing))?
    } else {
        composition::cross_entropy(logits, targets, smoothing)?
    };
    let detached = out.detach();
    Ok(Loss {
        objective: out.get(0)?,
        reported: detached.get(1)?,
        correct: Some(detached.get(2)?),
        total: batch,
    })
}

/// Mean of (outputs - targets)^2 over all elements; `targets` get no gradient.
///
/// # Errors
/// [`Error::Shape`] if the shapes differ.
pub fn mean_squared_error(outputs: &Tensor, targets: &Tensor) -> Result<Loss> {
    if outputs.dims() != targets.dims() {
        return Err(Error::shape("the targets", outputs.dims(), targets.dims()));
    }
    if outputs.elem_count() == 0 {
        return Err(Error::value("the batch", "at least one example", "none"));
    }
    let objective = if fused(outputs) && fused(targets) {
        outputs.apply_op2(targets, kernels::mean_squared_error::MeanSquaredError)?
    } else {
        composition::mean_squared_error(outputs, &targets.detach())?
    };
    let total = outputs.dims().first().copied().unwrap_or(0);
    Ok(Loss { reported: objective.detach(), objective, correct: None, total })
}

/// The loss of [`mean_squared_error`] between the outputs of a dense layer, as by [`dense`], and
/// `targets`; on the CPU in one kernel.
///
/// # Errors
/// As these two.
pub fn reconstruction(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    activation: Activation,
    targets: &Tensor,
) -> Result<Loss> {
    if !reconstruction_applies(x, weight, bias, activation, targets)? {
        return mean_squared_error(&dense(x, weight, bias, activation)?, targets);
    }
    let total = x.dims()[0];
    let kernel =
        kernels::reconstruction::Reconstruction::new(activation, x.track_op(), targets.detach());
    let objective = x.apply_op3(weight, bias, kernel)?;
    Ok(Loss { reported: objective.detach(), objective, correct: None, total })
}

/// Whether the kernel of [`reconstruction`] applies.
pub(crate) fn reconstruction_applies(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    activation: Activation,
    targets: &Tensor,
) -> Result<bool> {
    let wanted = [x.dims2()?.0, weight.dims2()?.1];
    Ok([x, weight, bias, targets].into_iter().all(fused)
        && activation.differentiable_from_output()
        && x.elem_count() > 0
        && wanted[1] > 0
        && weight.dims()[0] == x.dims()[1]
        && bias.dims() == &wanted[1..]
        && targets.dims() == wanted)
}

/// The trained scale and shift of a batch normalisation and its running statistics, each (features).
#[derive(Debug, Clone)]
pub struct BatchNorm {
    /// Scale.
    pub gamma: Var,
    /// Shift.
    pub beta: Var,
    /// Running mean.
    pub mean: Var,
    /// Running unbiased variance.
    pub variance: Var,
}

/// What [`BatchNorm`] adds to a variance, PyTorch's default.
pub const EPSILON: f64 = 1e-5;
/// Share of a batch in the running statistics, PyTorch's default.
const SHARE: f64 = 0.1;

impl BatchNorm {
    /// Training: normalises by the statistics of the batch and records them in the running ones
    /// (the variance unbiased, as PyTorch does).
    ///
    /// A batch of one example has no variance; it is normalised by the running statistics, which it
    /// leaves alone.
    ///
    /// # Errors
    /// Fails if `x` is not (batch, features).
    pub fn train(&self, x: &Tensor) -> Result<Tensor> {
        let (batch, _) = self.check(x)?;
        if batch < 2 {
            return self.evaluate(x);
        }
        if fused(x) && self.fused() {
            let kernel = self.kernel(x, Activation::Identity, None)?;
            return Ok(x.apply_op3(&self.gamma, &self.beta, kernel)?);
        }
        let (y, mean, variance) = composition::batch_norm(x, &self.gamma, &self.beta, EPSILON)?;
        self.remember(batch, mean, variance)?;
        Ok(y)
    }

    /// Batch and features of `x`, if they fit.
    pub(crate) fn check(&self, x: &Tensor) -> Result<(usize, usize)> {
        let (batch, features) = x.dims2()?;
        for part in [&self.gamma, &self.beta, &self.mean, &self.variance] {
            if features == 0 || part.dims() != [features] {
                return Err(Error::shape(
                    "a part of a batch norm",
                    &[features.max(1)],
                    part.dims(),
                ));
            }
        }
        Ok((batch, features))
    }

    pub(crate) fn fused(&self) -> bool {
        fused(&self.gamma) && fused(&self.beta)
    }

    /// The normalisation of `x` (more than one row) by its own statistics, with what follows it; the
    /// running statistics have seen them.
    pub(crate) fn kernel(
        &self,
        x: &Tensor,
        activation: Activation,
        dropout: Option<kernels::dropout::Dropout>,
    ) -> Result<kernels::batch_norm::BatchNorm> {
        let (batch, features) = x.dims2()?;
        let (mean, variance) =
            kernels::with_elements(x, |x| kernels::batch_norm::statistics(x, features))?;
        #[expect(clippy::cast_possible_truncation, reason = "an epsilon of f32 arithmetic")]
        let inverse_deviation =
            variance.iter().map(|v| 1.0 / (v + EPSILON as f32).sqrt()).collect();
        self.remember(
            batch,
            Tensor::from_slice(&mean, features, x.device())?,
            Tensor::from_vec(variance, features, x.device())?,
        )?;
        Ok(kernels::batch_norm::BatchNorm { mean, inverse_deviation, activation, dropout })
    }

    /// Lets the running statistics see those of a batch.
    fn remember(&self, batch: usize, mean: Tensor, variance: Tensor) -> Result<()> {
        let unbiased = (variance * (batch as f64 / (batch as f64 - 1.0)))?;
        for (running, seen) in [(&self.mean, mean), (&self.variance, unbiased)] {
            running.set(&((running.as_tensor() * (1.0 - SHARE))? + (seen * SHARE)?)?.detach())?;
        }
        Ok(())
    }

    /// Sets the running statistics to those over all rows of `inputs` (the variance unbiased, unless
    /// there is only one row, which has none).
    ///
    /// # Errors
    /// Fails if an input is not (batch, features).
    pub fn record(&self, inputs: &[Tensor]) -> Result<()> {
        let mut rows = 0;
        for input in inputs {
            rows += input.dims2()?.0;
        }
        if rows == 0 {
            return Err(Error::value("the batches", "at least one example", "none"));
        }
        let total = |column_sums: &dyn Fn(&Tensor) -> candle_core::Result<Tensor>| {
            let mut total = Tensor::zeros(self.mean.dims(), DType::F64, self.mean.device())?;
            for input in inputs {
                total = (total + column_sums(&input.to_dtype(DType::F64)?)?)?;
            }
            Ok::<_, candle_core::Error>(total)
        };
        let n = rows as f64;
        let mean = (total(&|x| x.sum(0))? / n)?;
        self.mean.set(&mean.to_dtype(DType::F32)?)?;
        if rows > 1 {
            let squares = total(&|x| x.broadcast_sub(&mean)?.sqr()?.sum(0))?;
            self.variance.set(&(squares / (n - 1.0))?.to_dtype(DType::F32)?)?;
        }
        Ok(())
    }

    /// Evaluation: normalises by the running statistics.
    ///
    /// # Errors
    /// Fails if `x` is not (batch, features).
    pub fn evaluate(&self, x: &Tensor) -> Result<Tensor> {
        let scale = (self.gamma.as_tensor() / (self.variance.as_tensor() + EPSILON)?.sqrt()?)?;
        let shift = (self.beta.as_tensor() - (self.mean.as_tensor() * &scale)?)?;
        Ok(x.broadcast_mul(&scale)?.broadcast_add(&shift)?)
    }
}

impl Batch {
    /// The inputs as a matrix: `(batch, features)`.
    ///
    /// # Errors
    /// Fails if the inputs have no batch dimension.
    pub fn matrix(&self) -> Result<Tensor> {
        Ok(if self.inputs.rank() == 2 {
            self.inputs.clone()
        } else {
            self.inputs.flatten_from(1)?
        })
    }
}
