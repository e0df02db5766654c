//! Named random streams from one seed.
//!
//! A stream is addressed, not advanced: `(seed, purpose, epoch, index)` is the key of a ChaCha8
//! generator, so that the numbers drawn for batch 17 of epoch 3 are the same whether or not
//! anything was drawn before. A resumed run therefore needs no saved generator state, and two
//! purposes never share numbers.
//!
//! ```
//! use atelier_core::seed::stream;
//! use rand::RngExt;
//!
//! let a: u32 = stream(7, "shuffle", 3, 0).random();
//! let b: u32 = stream(7, "shuffle", 3, 0).random();
//! assert_eq!(a, b);
//! let c: u32 = stream(7, "dropout", 3, 0).random();
//! assert_ne!(a, c);
//! ```
//!
//! # References
//! Salmon et al., *Parallel random numbers: as easy as 1, 2, 3*, SC 2011 (counter-based streams);
//! Bernstein, *ChaCha, a variant of Salsa20*, 2008.

use rand::SeedableRng;

/// A random stream; draw from it with the traits of the `rand` crate.
pub type Stream = rand_chacha::ChaCha8Rng;

/// The stream of `purpose` for `(epoch, index)` under `seed`.
///
/// The four words are the 256-bit key of the generator: any two different addresses give
/// independent streams.
#[must_use]
pub fn stream(seed: u64, purpose: &str, epoch: u64, index: u64) -> Stream {
    let mut key = [0_u8; 32];
    key[0..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&fnv1a(purpose).to_le_bytes());
    key[16..24].copy_from_slice(&epoch.to_le_bytes());
    key[24..32].copy_from_slice(&index.to_le_bytes());
    Stream::from_seed(key)
}

/// FNV-1a, 64 bits: turns the few fixed purpose names into distinct words.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// A random permutation of `0..n` (Fisher-Yates).
#[must_use]
pub fn permutation(stream: &mut Stream, n: u32) -> Vec<u32> {
    use rand::seq::SliceRandom;
    let mut order: Vec<u32> = (0..n).collect();
    order.shuffle(stream);
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;

    #[test]
    fn every_word_of_the_address_matters() {
        let first = |mut s: Stream| s.random::<u64>();
        let base = first(stream(1, "a", 2, 3));
        assert_eq!(base, first(stream(1, "a", 2, 3)));
        for other in
            [stream(2, "a", 2, 3), stream(1, "b", 2, 3), stream(1, "a", 3, 3), stream(1, "a", 2, 4)]
        {
            assert_ne!(base, first(other));
        }
    }

    #[test]
    fn a_permutation_holds_every_index_once() {
        let mut order = permutation(&mut stream(0, "shuffle", 0, 0), 1000);
        assert_ne!(order, (0..1000).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..1000).collect::<Vec<_>>());
    }
}
