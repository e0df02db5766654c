//! Compares the samplers on standard test functions: the median over seeds of how far the best of
//! 50 and of 100 trials is from the minimum, and how often a sampler beat random search at the same
//! seed.
//!
//!     cargo run --release -p atelier-tune --example samplers -- 30
//!
//! `tests/python/tuning_samplers.py` does the same with Optuna.

use std::f64::consts::PI;

use atelier_tune::{
    Options, Parameter, Sampler, Schedule, Settings, Space, Trial, hyperparam_tuning,
};

struct Function {
    name: &'static str,
    parameters: Vec<Parameter>,
    minimum: f64,
    value: fn(&[f64]) -> f64,
}

fn numbers(settings: &Settings) -> Vec<f64> {
    (0..settings.len()).map(|i| settings.float(&format!("x{i}")).unwrap_or(f64::NAN)).collect()
}

fn cube(dimensions: usize, low: f64, high: f64) -> Vec<Parameter> {
    (0..dimensions).map(|i| Parameter::float(&format!("x{i}"), low, high)).collect()
}

fn branin(x: &[f64]) -> f64 {
    let (a, b) = (x[0], x[1]);
    (b - 5.1 / (4.0 * PI * PI) * a * a + 5.0 / PI * a - 6.0).powi(2)
        + 10.0 * (1.0 - 1.0 / (8.0 * PI)) * a.cos()
        + 10.0
}

fn hartmann6(x: &[f64]) -> f64 {
    const ALPHA: [f64; 4] = [1.0, 1.2, 3.0, 3.2];
    const A: [[f64; 6]; 4] = [
        [10.0, 3.0, 17.0, 3.5, 1.7, 8.0],
        [0.05, 10.0, 17.0, 0.1, 8.0, 14.0],
        [3.0, 3.5, 1.7, 10.0, 17.0, 8.0],
        [17.0, 8.0, 0.05, 10.0, 0.1, 14.0],
    ];
    const P: [[f64; 6]; 4] = [
        [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
        [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
        [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
        [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
    ];
    let term = |i: usize| {
        let distance: f64 = (0..6).map(|j| A[i][j] * (x[j] - P[i][j]).powi(2)).sum();
        ALPHA[i] * (-distance).exp()
    };
    -(0..4).map(term).sum::<f64>()
}

fn rosenbrock(x: &[f64]) -> f64 {
    x.windows(2).map(|w| 100.0 * (w[1] - w[0] * w[0]).powi(2) + (1.0 - w[0]).powi(2)).sum()
}

/// Something like a learning curve's end: a rate and a decay by factors, a depth, a kind that moves
/// the best rate. Its minimum is 0.
fn network(x: &[f64]) -> f64 {
    let (rate, decay, depth, kind) = (x[0], x[1], x[2], x[3]);
    let best = if kind < 0.5 { -2.0 } else { -3.0 };
    (rate.log10() - best).powi(2)
        + 0.1 * (decay.log10() + 4.0).powi(2)
        + 0.05 * (depth - 4.0).abs()
        + if kind > 1.5 { 0.5 } else { 0.0 }
}

fn functions() -> Vec<Function> {
    let branin_space = vec![Parameter::float("x0", -5.0, 10.0), Parameter::float("x1", 0.0, 15.0)];
    let network_space = vec![
        Parameter::log_float("x0", 1e-5, 1.0),
        Parameter::log_float("x1", 1e-6, 1e-1),
        Parameter::int("x2", 1, 8),
        Parameter::choices("x3", [0, 1, 2]),
    ];
    let function = |name, parameters, minimum, value| Function { name, parameters, minimum, value };
    vec![
        function("branin", branin_space, 0.397_887_357_729_738_9, branin),
        function("hartmann6", cube(6, 0.0, 1.0), -3.322_368_011_415_515, hartmann6),
        function("rosenbrock4", cube(4, -2.0, 2.0), 0.0, rosenbrock),
        function("network", network_space, 0.0, network),
    ]
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2])
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seeds: u64 = std::env::args().nth(1).map_or(Ok(30), |text| text.parse())?;
    let samplers = [
        ("random", Sampler::Random, 8),
        ("grid", Sampler::Grid { points: 5 }, 8),
        ("quasi-random", Sampler::QuasiRandom, 8),
        ("tpe", Sampler::Tpe, 8),
        ("tpe, one by one", Sampler::Tpe, 1),
    ];
    println!(
        "{:12} {:15} {:>10} {:>10} {:>12}",
        "function", "sampler", "after 50", "after 100", "beats random"
    );
    for function in functions() {
        let space = Space::new(function.parameters.clone())?;
        let mut random: Vec<f64> = Vec::new();
        for (name, sampler, batch) in samplers {
            let (mut half, mut whole) = (Vec::new(), Vec::new());
            for seed in 0..seeds {
                let options = Options {
                    trials: 100,
                    sampler,
                    seed,
                    schedule: Schedule::Batches(batch),
                    ..Options::default()
                };
                let objective =
                    |trial: &mut Trial<'_>| Ok((function.value)(&numbers(trial.settings())));
                let study = hyperparam_tuning(&space, objective, &options)?;
                let values: Vec<f64> =
                    study.trials.iter().filter_map(|trial| trial.value).collect();
                let best = |n: usize| {
                    values.iter().take(n).copied().fold(f64::INFINITY, f64::min) - function.minimum
                };
                half.push(best(50));
                whole.push(best(100));
            }
            if sampler == Sampler::Random {
                random.clone_from(&whole);
            }
            let wins = whole.iter().zip(&random).filter(|(own, other)| own < other).count();
            let wins =
                if sampler == Sampler::Random { String::new() } else { format!("{wins}/{seeds}") };
            println!(
                "{:12} {name:15} {:10.4} {:10.4} {wins:>12}",
                function.name,
                median(half),
                median(whole)
            );
        }
    }
    Ok(())
}
