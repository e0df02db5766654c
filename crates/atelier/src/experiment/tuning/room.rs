//! The room that a search takes on its disk, known before it begins.

use std::collections::BTreeSet;

use anyhow::Result;
use atelier_core::MOST_WEIGHTS;
use atelier_tune::{Domain, Settings, Space, Value};

use super::retraining::on_everything;
use crate::config::{Config, TuningConfig};
use crate::experiment::prepared::{self, Prepared};
use crate::terminal::brief;

/// The examples that a search trains on, as far as the room depends on them.
#[derive(Debug, Clone, Copy)]
struct Examples {
    images: usize,
    pixels: usize,
    classes: usize,
}

/// The room that a search takes, in bytes.
#[derive(Debug)]
pub(super) struct Room {
    /// The run that trains the winner anew, which may be the largest network that there is in the space.
    winner: u64,
    /// The checkpoints of the trials that run at a time.
    trials: u64,
    /// What the journal, the summary and the page say.
    told: u64,
    /// The settings of the space that take the most.
    most: Vec<String>,
}

impl Room {
    /// Of a search whose trials run so many at a time.
    pub(super) fn new(
        config: &TuningConfig,
        space: &Space,
        prepared: &Prepared,
        workers: usize,
    ) -> Result<Self> {
        let data = &prepared.data.train;
        let (images, pixels, classes) = (data.len(), data.pixels(), data.classes());
        let examples = Examples { images, pixels, classes };
        Self::of(config, space, examples, workers)
    }

    /// About how many bytes in all, and no fewer.
    pub(super) fn bytes(&self) -> u64 {
        // Figures and the rest.
        let rest = 64 << 20;
        self.winner.saturating_add(self.trials).saturating_add(self.told).saturating_add(rest)
    }

    /// What to do where there is not so much.
    pub(super) fn advice(&self) -> String {
        let Self { winner, trials, told, most } = self;
        let largest = if most.is_empty() {
            String::new()
        } else {
            format!("; the most is taken with {}", brief(&most.join(", ")))
        };
        format!(
            "free some space, or search less: training the winner anew takes {winner} bytes (the network, \
             retrain.epochs, train.snapshots_per_epoch), checkpoints of trials {trials} (the network, --workers), what \
             is told of them {told} (tune.trials, train.epochs){largest}"
        )
    }

    fn of(
        config: &TuningConfig,
        space: &Space,
        examples: Examples,
        workers: usize,
    ) -> Result<Self> {
        let (largest, most) = largest(config, space, examples)?;
        let most = most.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        let weights = 4 * parameters(&largest, examples) as u64;
        // The newest two checkpoints of each trial that runs, and one that takes the place of another.
        let running = workers.min(config.tune.trials) as u64;
        let trials = (3 * running).saturating_mul(prepared::tensors(&largest.train) * weights);
        // Of a trial and of each of its epochs.
        let of_trial = (largest.train.epochs as u64).saturating_mul(400).saturating_add(8 << 10);
        let told = of_trial.saturating_mul(config.tune.trials as u64);
        let winner = of_winner(config, &largest, examples);
        Ok(Self { winner, trials, told, most })
    }
}

/// The recipe with those settings of the space that take the most room, and the settings on which that depends.
fn largest<'s>(
    config: &TuningConfig,
    space: &'s Space,
    examples: Examples,
) -> Result<(Config, Vec<(&'s str, Value)>)> {
    let mut settings: Vec<(&str, Value)> = Vec::new();
    let mut counting = Vec::new();
    let mut largest = config.training();
    for parameter in space.parameters() {
        // The room grows or falls with each number, whatever the others are: an end of its range is the most.
        let ends = match &parameter.domain {
            Domain::Float { low, high, .. } => vec![Value::Float(*low), Value::Float(*high)],
            Domain::Int { low, high, .. } => vec![Value::Int(*low), Value::Int(*high)],
            Domain::Choices(choices) => choices.clone(),
            _ => Vec::new(),
        };
        let mut sizes = BTreeSet::new();
        for (nth, value) in ends.into_iter().enumerate() {
            let mut tried = settings.clone();
            tried.retain(|(name, _)| *name != parameter.name);
            tried.push((&parameter.name, value));
            let recipe = config.with(&tried.iter().cloned().collect::<Settings>())?;
            let [more, most] = [&recipe, &largest]
                .map(|recipe| (of_winner(config, recipe, examples), recipe.train.epochs));
            sizes.insert(more);
            // Where nothing else decides whether it is searched, the recipe's own value is no trial's.
            if more > most || (nth == 0 && parameter.when.is_empty()) {
                (settings, largest) = (tried, recipe);
            }
        }
        if sizes.len() > 1 {
            counting.push(parameter.name.as_str());
        }
    }
    settings.retain(|(name, _)| counting.contains(name));
    Ok((largest, settings))
}

/// The bytes of the run that trains this recipe anew.
fn of_winner(config: &TuningConfig, winner: &Config, examples: Examples) -> u64 {
    let train = on_everything(winner, &config.retrain).train;
    let batches = examples.images.div_ceil(train.batch_size.max(1));
    prepared::bytes(&train, parameters(winner, examples), batches)
}

/// How many numbers the network of a recipe has; no more than there can be, of a larger one no trial is trained.
fn parameters(recipe: &Config, examples: Examples) -> usize {
    let hidden = recipe.model.hidden.as_slice();
    let widths = [&[examples.pixels], hidden, &[examples.classes]].concat();
    // A bias for each unit, and four numbers of batch norm.
    let layers = widths.windows(2).map(|pair| pair[0].saturating_add(5).saturating_mul(pair[1]));
    layers.fold(0, usize::saturating_add).min(MOST_WEIGHTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLES: Examples = Examples { images: 60_000, pixels: 784, classes: 10 };

    fn config(section: &str) -> (TuningConfig, Space) {
        let tune = toml::from_str(section).expect("a section");
        let config = TuningConfig { tune, ..TuningConfig::default() };
        let (space, _) = config.check().expect("a space");
        (config, space)
    }

    fn of(section: &str, change: impl FnOnce(&mut TuningConfig)) -> u64 {
        let (mut config, space) = config(section);
        change(&mut config);
        Room::of(&config, &space, EXAMPLES, 2).expect("a number").bytes()
    }

    #[test]
    fn the_largest_network_is_that_of_the_space_and_not_that_of_the_recipe() {
        let (config, space) = config(
            "space.\"model.layers\" = { int = [1, 4] }\nspace.\"model.units\" = { choices = [400, 30] }\n\
             space.\"train.batch_size\" = { int = [8, 64] }\nspace.\"train.epochs\" = { int = [2, 9] }\n\
             space.\"optimizer.learning_rate\" = { float = [0.1, 0.2] }",
        );
        let (largest, settings) = largest(&config, &space, EXAMPLES).expect("a recipe");
        let names: Vec<_> = settings.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["model.layers", "model.units", "train.batch_size", "train.epochs"]);
        assert_eq!(largest.model.hidden, [400; 4]);
        assert_eq!((largest.train.batch_size, largest.train.epochs), (8, 9));
        let weights = 784 * 400 + 3 * 400 * 400 + 400 * 10;
        let found = parameters(&largest, EXAMPLES);
        assert!((weights + 1610..weights + 10_000).contains(&found), "{found}");
    }

    #[test]
    fn settings_that_take_no_room_are_not_blamed_for_it() {
        let (mut config, space) =
            config("space.\"optimizer.learning_rate\" = { choices = [0.1, 0.2] }");
        config.retrain.epochs = 100_000_000;
        let room = Room::of(&config, &space, EXAMPLES, 2).expect("a number");
        let advice = room.advice();
        assert!(room.winner > 1000 * (room.trials + room.told), "{advice}");
        assert!(!advice.contains("learning_rate"), "{advice}");
        assert!(advice.contains(&format!("anew takes {} bytes", room.winner)), "{advice}");
    }

    #[test]
    fn the_epochs_of_the_retraining_and_the_number_of_trials_count() {
        let space = "space.\"model.units\" = { int = [10, 50] }";
        let usual = of(space, |_| {});
        assert!((64 << 20..100 << 20).contains(&usual), "{usual}");
        // A line for each of 938 batches an epoch, 160 bytes long.
        let long = of(space, |config| config.retrain.epochs = u32::MAX as usize);
        assert!(long > 938 * 160 * u64::from(u32::MAX), "{long}");
        assert!(of(space, |config| config.tune.trials = 100_000) > usual + (1 << 30));
        assert_eq!(of(space, |config| config.retrain.epochs = usize::MAX), u64::MAX);
    }
}
