//! What the machine can copy: the other limit beside its products.

/// Numbers on each side: several times what caches hold.
const NUMBERS: usize = 32 << 20;

/// Two pieces of memory, and how many threads copy one to the other.
pub struct Copying {
    from: Vec<f32>,
    to: Vec<f32>,
    threads: usize,
}

impl Copying {
    /// Bytes that one call reads and writes.
    pub const BYTES: f64 = (2 * NUMBERS * size_of::<f32>()) as f64;

    /// Memory that was written before, so that no page is missing when it is measured.
    pub fn new(threads: usize) -> Self {
        Self { from: vec![1.0; NUMBERS], to: vec![2.0; NUMBERS], threads }
    }

    /// Copies everything, each thread its share.
    pub fn take(&mut self) {
        let share = NUMBERS.div_ceil(self.threads.max(1));
        std::thread::scope(|scope| {
            let mut pieces = self.to.chunks_mut(share).zip(self.from.chunks(share));
            let own = pieces.next();
            for (to, from) in pieces {
                scope.spawn(|| to.copy_from_slice(from));
            }
            if let Some((to, from)) = own {
                to.copy_from_slice(from);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_copied_whatever_the_number_of_threads() {
        for threads in [1, 3] {
            let mut copying = Copying::new(threads);
            copying.take();
            assert_eq!(copying.from, copying.to);
        }
    }
}
