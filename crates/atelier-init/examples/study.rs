//! The checks of He's derivation, the violations of its assumptions, the gains of activations, and
//! signals through 50 layers, printed as tables.
//!
//!     cargo run --release -p atelier-init --example study

use std::time::Instant;

use atelier_core::Activation;
use atelier_init::{
    Network, Result, gains, identities, propagation, random_inputs, schemes, violations,
};

const SEED: u64 = 0;
const DRAWS: usize = 100_000;

fn main() -> Result<()> {
    atelier_core::threads::set(2);
    let started = Instant::now();
    println!("{:36} {:>11} {:>11} {:>9}  holds", "identity", "theory", "estimate", "error");
    for i in identities(SEED, DRAWS)? {
        let numbers = format!("{:>11.6} {:>11.6} {:>9.1e}", i.theory, i.estimate, i.standard_error);
        println!("{:36} {numbers}  {}", i.name, i.holds);
    }
    eprintln!("{:.2} s", started.elapsed().as_secs_f64());

    let started = Instant::now();
    println!(
        "\n{:36} {:>11} {:>11} {:>11}  detected",
        "violation", "promised", "theory", "estimate"
    );
    for v in violations(SEED, DRAWS)? {
        let numbers = format!("{:>11.6} {:>11.6} {:>11.6}", v.promised, v.theory, v.estimate);
        println!("{:36} {numbers}  {}", v.name, v.detected);
    }
    eprintln!("{:.2} s", started.elapsed().as_secs_f64());

    println!("\n{:12} {:>9} {:>9}", "gain", "forward", "backward");
    for gain in gains() {
        println!(
            "{:12} {:>9.6} {:>9.6}",
            format!("{:?}", gain.activation),
            gain.forward,
            gain.backward
        );
    }

    let started = Instant::now();
    let inputs = random_inputs(64, 784, SEED);
    println!("\nmedian mean square of pre-activations, and of gradients, at layers 1, 10 and 50");
    let norm = Network { batch_norm: true, ..Network::default() };
    let tanh = Network { activation: Activation::Tanh, ..Network::default() };
    let networks = schemes()
        .map(|scheme| (scheme.name, Network::default().initialised(scheme)))
        .into_iter()
        .chain([("batch norm", norm), ("He, tanh", tanh)]);
    for (name, network) in networks {
        let found = propagation(&network, inputs.view(), 5, &[1, 50], SEED)?;
        let at = [0, 9, 49].map(|layer| found.layers[layer]);
        let forward = at.map(|layer| format!("{:>8.1e}", layer.pre_activation.median)).join(" ");
        let backward = at.map(|layer| format!("{:>8.1e}", layer.gradient.median)).join(" ");
        println!("{name:12} {forward}    {backward}");
    }
    eprintln!("{:.2} s", started.elapsed().as_secs_f64());
    Ok(())
}
