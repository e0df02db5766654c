//! Resolves a configuration and prints it with the origin of each value:
//! `cargo run --release -p atelier --example resolve -- model.hidden=128,64 optimizer.kind=adam`

use atelier::cli::ConfigFlags;
use atelier::config::{Config, Resolved};

fn main() -> anyhow::Result<()> {
    let flags = ConfigFlags { set: std::env::args().skip(1).collect(), ..Default::default() };
    let resolved = Resolved::<Config>::new("train", &flags, false)?;
    print!("{}", resolved.to_toml()?);
    eprintln!("hidden layers: {:?}", resolved.config.model.hidden);
    Ok(())
}
