//! Times the training step of a network with three hidden layers: width, batch size, threads.

use std::time::Instant;

use anyhow::{Context, Result};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    let arguments = std::env::args().skip(1).map(|argument| {
        argument.parse::<usize>().with_context(|| format!("{argument:?} is no number"))
    });
    let numbers = arguments.collect::<Result<Vec<_>>>()?;
    let number = |position: usize, otherwise| numbers.get(position).copied().unwrap_or(otherwise);
    let (width, batch, threads) = (number(0, 50), number(1, 64), number(2, 1));

    atelier_core::threads::set(threads);
    let mut step = atelier_bench::Step::new(&[width; 3], batch)?;
    for _ in 0..100 {
        step.take()?;
    }
    let start = Instant::now();
    let mut steps = 0_u32;
    while start.elapsed().as_secs_f64() < 1.0 {
        step.take()?;
        steps += 1;
    }
    let seconds = start.elapsed().as_secs_f64() / f64::from(steps);
    println!("{:.1} us a step, {:.1} GFLOP/s", seconds * 1e6, step.flop / seconds / 1e9);
    Ok(())
}
