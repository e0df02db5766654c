//! Dropout's mask, drawn on all threads.
#![expect(unsafe_code, reason = "pieces fill disjoint parts of the random bytes")]

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rand::Rng;

use super::{elements, tensor, with_elements};
use crate::seed::Stream;
use crate::threads::{Parts, for_each_range};

/// Random bytes that are drawn at a time: some ten microseconds' worth.
const PIECE: usize = 1 << 15;
/// Bytes of a word of the stream.
const WORD: usize = 4;

/// y = x * factors, element by element; each factor is 0 or `keep`.
#[derive(Debug)]
pub(crate) struct Dropout {
    /// Two for each element.
    bytes: Vec<u8>,
    threshold: u16,
    keep: f32,
}

impl Dropout {
    /// For `len` elements, each dropped with probability `threshold` / 65536; the stream goes on behind what
    /// was drawn, whatever the number of threads.
    pub(crate) fn draw(len: usize, threshold: u16, stream: &mut Stream) -> Self {
        let mut bytes = vec![0; 2 * len];
        let (begin, total) = (stream.get_word_pos(), bytes.len());
        let parts = Parts::new(&mut bytes);
        let source = &*stream;
        for_each_range(total, PIECE, &|range| {
            let mut stream = source.clone();
            stream.set_word_pos(begin + (range.start / WORD) as u128);
            // SAFETY: the ranges of `for_each_range` are disjoint.
            stream.fill_bytes(unsafe { parts.part(range) });
        });
        stream.set_word_pos(begin + total.div_ceil(WORD) as u128);
        Self { bytes, threshold, keep: 65_536.0 / (65_536.0 - f32::from(threshold)) }
    }

    /// Multiplies `values`, which are the elements from `first` on, by their factors.
    #[inline]
    pub(crate) fn scale(&self, first: usize, values: &mut [f32]) {
        let (pairs, _) = self.bytes[2 * first..][..2 * values.len()].as_chunks::<2>();
        vectorized!(|| {
            for (value, pair) in values.iter_mut().zip(pairs) {
                let dropped = u16::from_le_bytes(*pair) < self.threshold;
                *value *= if dropped { 0.0 } else { self.keep };
            }
        });
    }

    /// The factors themselves.
    pub(crate) fn factors(&self) -> Vec<f32> {
        let mut factors = vec![1.0; self.bytes.len() / 2];
        self.scale(0, &mut factors);
        factors
    }

    fn times(&self, values: &[f32]) -> Vec<f32> {
        let mut out = values.to_vec();
        self.scale(0, &mut out);
        out
    }
}

impl CustomOp1 for Dropout {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(self.times(elements(storage, layout)?)), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let dx = with_elements(&gradient.contiguous()?, |gradient| self.times(gradient))?;
        Ok(Some(tensor(dx, x.shape())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::stream;
    use crate::threads;

    #[test]
    fn pieces_are_the_stream_from_its_beginning_and_leave_it_behind_them() {
        // Not a whole number of words, and several pieces.
        for len in [1, 5, 40_001] {
            let mut whole = stream(3, "dropout", 0, 0);
            let mut bytes = vec![0; 2 * len];
            whole.fill_bytes(&mut bytes);
            for count in [1, 3] {
                threads::set(count);
                let mut drawn = stream(3, "dropout", 0, 0);
                assert_eq!(Dropout::draw(len, 1, &mut drawn).bytes, bytes, "{len} elements");
                assert_eq!(drawn.get_word_pos(), whole.get_word_pos(), "{len} elements");
            }
            threads::set(1);
        }
    }
}
