//! Tunes something that is no neural network: the cooling of simulated annealing that packs boxes
//! of different heights on shelves. The value is the number of shelves' wasted units; it is
//! reported after every tenth of the run, so that bad settings are ended early.
//!
//!     cargo run --release -p atelier-tune --example packing

use atelier_tune::{
    Direction, Event, Options, Parameter, Pruner, Space, State, Trial, TrialError, Verdict,
    hyperparam_tuning,
};

const SHELF: u32 = 100;

/// A small generator of its own keeps the example free of other crates (Marsaglia's xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % n as u64).unwrap_or(0)
    }

    fn unit(&mut self) -> f64 {
        self.below(1 << 30) as f64 / f64::from(1 << 30)
    }
}

/// How much of the shelves stays empty when boxes are put on in this order, squared a shelf: full
/// shelves beside an empty one are better than all half full.
fn waste(order: &[u32]) -> f64 {
    let (mut filled, mut total) = (0, 0.0);
    for &width in order {
        if filled + width > SHELF {
            total += f64::from(SHELF - filled).powi(2);
            filled = 0;
        }
        filled += width;
    }
    total + f64::from(SHELF - filled).powi(2)
}

fn anneal(trial: &mut Trial<'_>) -> Result<f64, TrialError> {
    let settings = trial.settings();
    let hot = settings.float("temperature")?;
    let cold = hot * settings.float("final share")?;
    let geometric = settings.text("cooling")? == "geometric";
    let reach = settings.int("reach")?;

    let mut numbers = Numbers(88_172_645_463_325_252);
    let mut order: Vec<u32> = (0..60).map(|i| 15 + (i * 37) % 50).collect();
    let mut now = waste(&order);
    let steps = 20_000_u32;
    for step in 1..=steps {
        let share = f64::from(step) / f64::from(steps);
        let temperature =
            if geometric { hot * (cold / hot).powf(share) } else { hot + (cold - hot) * share };
        let a = numbers.below(order.len());
        let b = (a + 1 + numbers.below(usize::try_from(reach)?)) % order.len();
        order.swap(a, b);
        let then = waste(&order);
        if then <= now || numbers.unit() < ((now - then) / temperature).exp() {
            now = then;
        } else {
            order.swap(a, b);
        }
        let tenth = u64::from(step) * 10 / u64::from(steps);
        let is_whole = u64::from(step) * 10 % u64::from(steps) == 0;
        if is_whole && tenth < 10 && trial.report(tenth, now)? != Verdict::Continue {
            return Ok(now);
        }
    }
    trial.report_last(10, now);
    Ok(now)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let space = Space::new([
        Parameter::log_float("temperature", 1.0, 1e5),
        Parameter::log_float("final share", 1e-5, 1.0),
        Parameter::choices("cooling", ["geometric", "linear"]),
        Parameter::int("reach", 1, 59),
    ])?;
    let observer = |event: Event<'_>| {
        if let Event::Finished { number, state, value: Some(value), .. } = event {
            println!("trial {number:2} {:8} {value:6.0}", state.name());
        }
    };
    let options = Options {
        trials: 48,
        pruner: Pruner::SuccessiveHalving { first: 2, reduction: 2 },
        direction: Direction::Minimize,
        workers: std::thread::available_parallelism()?.get(),
        observer: &observer,
        ..Options::default()
    };
    let study = hyperparam_tuning(&space, anneal, &options)?;
    println!("{} completed, {} pruned", study.count(State::Complete), study.count(State::Pruned));
    let best = study.best().ok_or("no trial was completed")?;
    println!(
        "best: trial {}, waste {:.0}, {}",
        best.number,
        best.value.unwrap_or(f64::NAN),
        best.settings
    );
    Ok(())
}
