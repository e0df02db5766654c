//! What the Rust peers share: how they are asked (as `python/rows.py` says), chance enough to shuffle, and that
//! denormal numbers are flushed.

use std::time::Instant;
use std::{fs, io};

use anyhow::{Context as _, Result};
use serde_json::json;

/// Batches of an epoch that warm it up.
const FEW: usize = 20;

/// Batches that a call has: all of an epoch, or a few to warm up.
pub fn batches(whole: bool) -> usize {
    if whole { usize::MAX } else { FEW }
}

/// Has numbers too small to be normal become 0, as PyTorch and JAX do. Threads that are started later inherit it, so it
/// comes first.
pub fn flush_denormals() {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::asm;

        let mut control = 0_u32;
        // SAFETY: both instructions take the address of four bytes of ours; only the bits for flushing results (15)
        // and operands (6) are changed, which no code here relies on.
        unsafe {
            asm!("stmxcsr [{}]", in(reg) &raw mut control, options(nostack));
            control |= 1 << 15 | 1 << 6;
            asm!("ldmxcsr [{}]", in(reg) &raw const control, options(nostack));
        }
    }
}

/// As `serve` in `python/rows.py`. `call` is told whether to do all of its work, or a part that warms it up.
pub fn serve(call: &mut dyn FnMut(bool) -> Result<()>) -> Result<()> {
    let start = Instant::now();
    while start.elapsed().as_secs_f64() < 0.5 {
        call(false)?;
    }
    println!("{}", json!({ "compile_seconds": null }));
    for line in io::stdin().lines() {
        let (budget, start) = (line?.parse::<f64>()?, Instant::now());
        let mut seconds = Vec::new();
        while seconds.is_empty() || start.elapsed().as_secs_f64() < budget {
            let before = Instant::now();
            call(true)?;
            seconds.push(before.elapsed().as_secs_f64());
        }
        println!("{}", json!({ "seconds": seconds }));
    }
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).context("no VmHWM")?;
    let kib = line.split_whitespace().nth(1).context("no VmHWM")?;
    println!("{}", json!({ "peak_bytes": kib.parse::<u64>()? * 1024 }));
    Ok(())
}

/// A linear congruential generator: enough to shuffle.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    /// The numbers below `n` in a random order.
    pub fn order(&mut self, n: u32) -> Vec<u32> {
        let mut order: Vec<u32> = (0..n).collect();
        for i in (1..n as usize).rev() {
            order.swap(i, self.next() as usize % (i + 1));
        }
        order
    }
}
