//! The trace of a Hessian without its diagonal.
//!
//! For a vector v of independent signs, E[v^T H v] = trace(H); the spread over several such vectors
//! comes from what is off the diagonal.
//!
//! # References
//! Hutchinson, *A stochastic estimator of the trace of the influence matrix*, Comm. in Statistics 18,
//! 1989.

use atelier_core::seed::stream;
use rand::Rng;

use crate::vector::dot;
use crate::watch::report;
use crate::{Error, Hessian, Result, Watch};

/// An estimate of a trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trace {
    /// The mean over the samples.
    pub value: f64,
    /// Its standard error: the samples' standard deviation over the root of their number.
    pub standard_error: f64,
    /// How many vectors were drawn.
    pub samples: usize,
}

impl Hessian<'_> {
    /// The sum of all eigenvalues, estimated from `samples` vectors of random signs; one product
    /// each. `watch` is told after every sample.
    ///
    /// # Errors
    /// [`Error::Setting`] if there are fewer than two samples; [`Error::Stopped`] if `watch` says so;
    /// as [`Hessian::product`].
    pub fn trace(&self, samples: usize, seed: u64, watch: &mut Watch) -> Result<Trace> {
        if samples < 2 {
            let expected = "2 or more, for a standard error";
            return Err(Error::setting("the number of samples", expected, samples));
        }
        let mut seen = Vec::with_capacity(samples);
        for i in 0..samples {
            let signs = signs(seed, i as u64, self.dimension());
            seen.push(dot(&signs, &self.product(&signs)?));
            report(watch, i + 1, samples)?;
        }
        let n = samples as f64;
        let value = seen.iter().sum::<f64>() / n;
        let variance = seen.iter().map(|s| (s - value).powi(2)).sum::<f64>() / (n - 1.0);
        Ok(Trace { value, standard_error: (variance / n).sqrt(), samples })
    }
}

/// Independent signs: 1 or -1 with equal chances.
fn signs(seed: u64, index: u64, count: usize) -> Vec<f64> {
    let mut stream = stream(seed, "hutchinson", 0, index);
    let mut signs = Vec::with_capacity(count);
    while signs.len() < count {
        let bits = stream.next_u64();
        let some = (count - signs.len()).min(64);
        signs.extend((0..some).map(|k| if bits >> k & 1 == 1 { 1.0 } else { -1.0 }));
    }
    signs
}
