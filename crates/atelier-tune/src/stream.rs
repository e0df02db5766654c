//! Named random streams from one seed, in the manner of counters: what is drawn for one trial does
//! not depend on what was drawn for others.

use rand::SeedableRng;

pub(crate) type Stream = rand_chacha::ChaCha8Rng;

/// The stream of `purpose` for the trial at `slot`, `attempt` times asked, under `seed`. The four
/// words are the key of the generator.
pub(crate) fn stream(seed: u64, purpose: &str, slot: u64, attempt: u64) -> Stream {
    // FNV-1a, 64 bits: turns the few fixed names into distinct words.
    let purpose = purpose.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mut key = [0; 32];
    for (word, value) in key.as_chunks_mut::<8>().0.iter_mut().zip([seed, purpose, slot, attempt]) {
        *word = value.to_le_bytes();
    }
    Stream::from_seed(key)
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::stream;

    #[test]
    fn every_word_of_the_address_matters() {
        let first =
            |seed, purpose, slot, attempt| -> u64 { stream(seed, purpose, slot, attempt).random() };
        let base = first(1, "a", 2, 3);
        assert_eq!(base, first(1, "a", 2, 3));
        for other in
            [first(2, "a", 2, 3), first(1, "b", 2, 3), first(1, "a", 3, 3), first(1, "a", 2, 4)]
        {
            assert_ne!(base, other);
        }
    }
}
