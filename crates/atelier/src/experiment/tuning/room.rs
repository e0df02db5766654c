//! The room that a search takes on its disk, known before it begins.

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

/// The room that a search takes.
#[derive(Debug)]
pub(super) struct Room {
    /// About how many bytes, and no fewer: the winner, trained anew, may be the largest network that there is in the
    /// space.
    pub(super) bytes: u64,
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
        let (largest, settings) = largest(config, space, examples)?;
        let most = settings.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        Ok(Self { bytes: of_search(config, &largest, examples, workers), most })
    }

    /// What to do where there is not so much.
    pub(super) fn advice(&self) -> String {
        format!(
            "free some space, or search less: the most is taken by trials with {}; each of tune.trials and of --workers \
             takes some more",
            brief(&self.most.join(", "))
        )
    }
}

fn of_search(config: &TuningConfig, largest: &Config, examples: Examples, workers: usize) -> u64 {
    let weights = 4 * parameters(largest, examples) as u64;
    // The newest two checkpoints of each trial that runs, and one that takes the place of another.
    let running = workers.min(config.tune.trials) as u64;
    let trials = (3 * running).saturating_mul(prepared::tensors(&largest.train) * weights);
    // What the journal, the summary and the page say of a trial and of each of its epochs.
    let of_trial = (largest.train.epochs as u64).saturating_mul(400).saturating_add(8 << 10);
    let told = of_trial.saturating_mul(config.tune.trials as u64);
    // Figures and the rest.
    let all = of_winner(config, largest, examples).saturating_add(trials).saturating_add(told);
    all.saturating_add(64 << 20)
}

/// The recipe with those settings of the space that take the most room, and the settings.
fn largest<'s>(
    config: &TuningConfig,
    space: &'s Space,
    examples: Examples,
) -> Result<(Config, Vec<(&'s str, Value)>)> {
    let mut settings: Vec<(&str, Value)> = Vec::new();
    let mut largest = config.training();
    for parameter in space.parameters() {
        // The room grows or falls with each number, whatever the others are: an end of its range is the most.
        let ends = match &parameter.domain {
            Domain::Float { low, high, .. } => vec![Value::Float(*low), Value::Float(*high)],
            Domain::Int { low, high, .. } => vec![Value::Int(*low), Value::Int(*high)],
            Domain::Choices(choices) => choices.clone(),
            _ => Vec::new(),
        };
        for (nth, value) in ends.into_iter().enumerate() {
            let mut tried = settings.clone();
            tried.retain(|(name, _)| *name != parameter.name);
            tried.push((&parameter.name, value));
            let recipe = config.with(&tried.iter().cloned().collect::<Settings>())?;
            let [more, most] = [&recipe, &largest]
                .map(|recipe| (of_winner(config, recipe, examples), recipe.train.epochs));
            // Where nothing else decides whether it is searched, the recipe's own value is no trial's.
            if more > most || (nth == 0 && parameter.when.is_empty()) {
                (settings, largest) = (tried, recipe);
            }
        }
    }
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
        let (largest, _) = largest(&config, &space, EXAMPLES).expect("a recipe");
        of_search(&config, &largest, EXAMPLES, 2)
    }

    #[test]
    fn the_largest_network_is_that_of_the_space_and_not_that_of_the_recipe() {
        let (config, space) = config(
            "space.\"model.layers\" = { int = [1, 4] }\nspace.\"model.units\" = { choices = [400, 30] }\n\
             space.\"train.batch_size\" = { int = [8, 64] }\nspace.\"train.epochs\" = { int = [2, 9] }\n\
             space.\"optimizer.learning_rate\" = { float = [0.1, 0.2] }",
        );
        let (largest, settings) = largest(&config, &space, EXAMPLES).expect("a recipe");
        assert!(settings.contains(&("model.layers", Value::Int(4))), "{settings:?}");
        assert_eq!(largest.model.hidden, [400; 4]);
        assert_eq!((largest.train.batch_size, largest.train.epochs), (8, 9));
        let weights = 784 * 400 + 3 * 400 * 400 + 400 * 10;
        let found = parameters(&largest, EXAMPLES);
        assert!((weights + 1610..weights + 10_000).contains(&found), "{found}");
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
