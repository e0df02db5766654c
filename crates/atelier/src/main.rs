//! The program `atelier`: everything is in the library.

use std::process::ExitCode;

// Page faults of large temporaries cost 10 to 20 % of a training step with the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(atelier::run(std::env::args_os()))
}
