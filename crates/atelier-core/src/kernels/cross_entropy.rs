//! Softmax cross-entropy without intermediate tensors.

use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};

use super::math::exp;
use super::{elements, tensor, with_elements};

/// `logits` (batch, classes) and targets, u32 classes (batch,) or f32 distributions
/// (batch, classes), to three numbers: the mean smoothed loss, the mean plain loss, the number of
/// examples whose largest logit is that of their (most probable) class.
///
/// Only the first of the three has a gradient.
pub(crate) struct CrossEntropy {
    /// Share of each target that is spread evenly over all classes.
    smoothing: f32,
    /// The probabilities of the forward pass, for the backward pass.
    softmax: OnceLock<Vec<f32>>,
}

impl CrossEntropy {
    pub(crate) fn new(smoothing: f32) -> Self {
        Self { smoothing, softmax: OnceLock::new() }
    }
}

/// The targets of a batch, read.
enum Targets<'a> {
    Classes(&'a [u32]),
    Distribution(&'a [f32]),
}

impl<'a> Targets<'a> {
    fn read(storage: &'a CpuStorage, layout: &Layout) -> Result<Self> {
        match (storage, layout.contiguous_offsets()) {
            (CpuStorage::U32(data), Some((start, end))) => Ok(Self::Classes(&data[start..end])),
            (CpuStorage::F32(data), Some((start, end))) => {
                Ok(Self::Distribution(&data[start..end]))
            }
            _ => bail!("targets must be contiguous u32 classes or f32 distributions"),
        }
    }

    /// The share of class `j` in example `i`, before smoothing.
    #[inline]
    fn share(&self, i: usize, j: usize, classes: usize) -> f32 {
        match self {
            Self::Classes(labels) => f32::from(u8::from(labels[i] as usize == j)),
            Self::Distribution(shares) => shares[i * classes + j],
        }
    }

    /// The class that counts as correct for example `i`.
    fn class(&self, i: usize, classes: usize) -> usize {
        match self {
            Self::Classes(labels) => labels[i] as usize,
            Self::Distribution(shares) => argmax(&shares[i * classes..(i + 1) * classes]),
        }
    }
}

fn argmax(values: &[f32]) -> usize {
    let mut best = 0;
    for (j, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = j;
        }
    }
    best
}

/// The softmax of every row of `logits`, and the logarithm of what it was divided by.
///
/// The exponentials are taken over all rows at once: a row of few classes would not fill a vector.
fn softmax(logits: &[f32], classes: usize) -> (Vec<f32>, Vec<f64>) {
    let mut shares = logits.to_vec();
    let mut normalizers = Vec::with_capacity(logits.len() / classes);
    vectorized!(|| {
        for row in shares.chunks_exact_mut(classes) {
            // NaN must survive: `max` alone would drop it, the sum below does not.
            let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            for x in row.iter_mut() {
                *x -= max;
            }
            normalizers.push(f64::from(max));
        }
        for x in &mut shares {
            *x = exp(*x);
        }
        for (row, normalizer) in shares.chunks_exact_mut(classes).zip(&mut normalizers) {
            let sum: f32 = row.iter().sum();
            *normalizer += f64::from(sum.ln());
            let inverse = 1.0 / sum;
            for x in row {
                *x *= inverse;
            }
        }
    });
    (shares, normalizers)
}

impl CustomOp2 for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross-entropy"
    }

    fn cpu_fwd(
        &self,
        logits: &CpuStorage,
        logits_layout: &Layout,
        targets: &CpuStorage,
        targets_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (batch, classes) = logits_layout.shape().dims2()?;
        let logits = elements(logits, logits_layout)?;
        let targets = Targets::read(targets, targets_layout)?;
        let (mut smoothed, mut plain, mut correct) = (0.0_f64, 0.0_f64, 0.0_f32);
        let (shares, normalizers) = softmax(logits, classes);
        for (i, (row, log_normalizer)) in logits.chunks_exact(classes).zip(normalizers).enumerate()
        {
            let target = match &targets {
                Targets::Classes(labels) => {
                    let Some(&logit) = row.get(labels[i] as usize) else {
                        bail!("class {} of example {i} is not below {classes}", labels[i]);
                    };
                    f64::from(logit)
                }
                Targets::Distribution(_) => row
                    .iter()
                    .enumerate()
                    .map(|(j, &x)| f64::from(targets.share(i, j, classes)) * f64::from(x))
                    .sum(),
            };
            let loss = log_normalizer - target;
            plain += loss;
            if self.smoothing > 0.0 {
                let mean = row.iter().map(|&x| f64::from(x)).sum::<f64>() / classes as f64;
                let share = f64::from(self.smoothing);
                smoothed += (1.0 - share) * loss + share * (log_normalizer - mean);
            }
            correct += f32::from(u8::from(argmax(row) == targets.class(i, classes)));
        }
        if self.smoothing <= 0.0 {
            smoothed = plain;
        }
        // candle runs the forward pass of an operation once.
        let _ = self.softmax.set(shares);
        let n = batch as f64;
        #[expect(clippy::cast_possible_truncation, reason = "losses are reported in f32")]
        let out = vec![(smoothed / n) as f32, (plain / n) as f32, correct];
        Ok((CpuStorage::F32(out), Shape::from(3)))
    }

    /// d loss / d logits = (softmax(logits) - targets) / batch.
    fn bwd(
        &self,
        logits: &Tensor,
        targets: &Tensor,
        _out: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (batch, classes) = logits.dims2()?;
        let upstream = with_elements(&gradient.contiguous()?, |g| g[0])?;
        let factor = upstream / batch as f32;
        let spread = self.smoothing / classes as f32;
        let Some(softmax) = self.softmax.get() else {
            bail!("a backward pass without a forward pass");
        };
        let (storage, layout) = targets.storage_and_layout();
        let candle_core::Storage::Cpu(storage) = &*storage else {
            bail!("a CPU kernel got a tensor of another device");
        };
        let targets = Targets::read(storage, layout)?;
        let mut dx = softmax.clone();
        vectorized!(|| {
            for (i, row) in dx.chunks_exact_mut(classes).enumerate() {
                for (j, d) in row.iter_mut().enumerate() {
                    let wanted = (1.0 - self.smoothing) * targets.share(i, j, classes) + spread;
                    *d = (*d - wanted) * factor;
                }
            }
        });
        Ok((Some(tensor(dx, (batch, classes))?), None))
    }
}
