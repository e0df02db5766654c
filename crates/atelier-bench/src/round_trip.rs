//! How long a number takes from one core to another and back: what threads that work together wait for. On a machine that
//! its host moves about, it changes from minute to minute.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Round trips of one call: some milliseconds, beside which starting a thread is little.
pub const TRIPS: u64 = 20_000;
/// Looks at the number before the processor is left to others: far more than a way takes.
const LOOKS: u32 = 10_000;

/// Two threads that hand a number to each other so often.
pub fn take(trips: u64) {
    let number = AtomicU64::new(0);
    let wait_for = |wanted: u64| {
        let mut looks = 0;
        while number.load(Ordering::Acquire) != wanted {
            looks += 1;
            if looks % LOOKS == 0 {
                thread::yield_now();
            }
            std::hint::spin_loop();
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            for trip in 0..trips {
                wait_for(2 * trip + 1);
                number.store(2 * trip + 2, Ordering::Release);
            }
        });
        for trip in 0..trips {
            number.store(2 * trip + 1, Ordering::Release);
            wait_for(2 * trip + 2);
        }
    });
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_number_comes_back_from_every_trip() {
        super::take(10);
    }
}
