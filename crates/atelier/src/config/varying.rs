use anyhow::{Context as _, Result, anyhow, bail};
use atelier_data::DataConfig;
use atelier_models::ModelConfig;
use atelier_store::is_steering;
use atelier_train::{OptimizerConfig, ScheduleConfig, Settings, TrainConfig};
use serde::{Deserialize, Serialize};
use toml::Table;

use super::Config;
use super::layers::Layers;
use crate::failure::Help as _;

/// The name of what variants are compared with.
const BASELINE: &str = "baseline";

/// More seeds than this, and all flips of their signs could not be counted any more.
pub(crate) const MOST_SEEDS: usize = 20;
/// Longer names would leave no room for the dots of the figure.
const LONGEST_NAME: usize = 40;

/// Everything that a comparison of variants is configured by: the baseline, and what each variant
/// does otherwise.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaryingConfig {
    /// The first seed of every network; the others follow it.
    pub seed: u64,
    /// The comparison.
    pub variants: VariantsConfig,
    /// The examples.
    pub data: DataConfig,
    /// The baseline's network.
    pub model: ModelConfig,
    /// The loop.
    pub train: TrainConfig,
    /// The update rule.
    pub optimizer: OptimizerConfig,
    /// The learning rate over time.
    pub schedule: ScheduleConfig,
}

/// The section `variants`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VariantsConfig {
    /// How many seeds every network is trained with, at most 20.
    pub seeds: usize,
    /// With how many seeds, at most 20, the baseline and the variant that was chosen are trained anew on
    /// all training examples before they are tested; 0 tests what was trained for the choice.
    pub retrain: usize,
    /// The variants; without any, the baseline alone is trained and tested.
    pub list: Vec<VariantConfig>,
}

/// One variant of the baseline.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VariantConfig {
    /// What tables and figures call it.
    pub name: String,
    /// What it has otherwise than the baseline: `key=value`, as for `--set`.
    pub set: Vec<String>,
}

impl Default for VariantsConfig {
    fn default() -> Self {
        Self { seeds: 10, retrain: 0, list: Vec::new() }
    }
}

impl VaryingConfig {
    /// The configuration that the variants depart from.
    #[must_use]
    pub fn baseline(&self) -> Config {
        Config {
            seed: self.seed,
            data: self.data.clone(),
            model: self.model.clone(),
            train: self.train.clone(),
            optimizer: self.optimizer.clone(),
            schedule: self.schedule.clone(),
        }
    }

    /// The seeds that every network is trained with.
    #[must_use]
    pub fn seeds(&self) -> Vec<u64> {
        self.first_seeds(self.variants.seeds)
    }

    /// The seeds that the networks of the test are trained with.
    #[must_use]
    pub fn tested_seeds(&self) -> Vec<u64> {
        match self.variants.retrain {
            0 => self.seeds(),
            count => self.first_seeds(count),
        }
    }

    fn first_seeds(&self, count: usize) -> Vec<u64> {
        (0..count as u64).map(|k| self.seed.saturating_add(k)).collect()
    }

    /// Every network by its name, the baseline first.
    ///
    /// # Errors
    /// Fails if a value is out of range, two variants have one name, or a variant sets what all must
    /// have in common; the error names the variant.
    pub fn networks(&self) -> Result<Vec<(String, Config)>> {
        let VariantsConfig { seeds, retrain, list } = &self.variants;
        let least = if list.is_empty() { 1 } else { 2 };
        if !(least..=MOST_SEEDS).contains(seeds) {
            bail!("variants.seeds is {seeds}, expected from {least} to {MOST_SEEDS}");
        }
        if *retrain > 0 && !(least..=MOST_SEEDS).contains(retrain) {
            bail!("variants.retrain is {retrain}, expected 0, or from {least} to {MOST_SEEDS}");
        }
        let mut networks = vec![(BASELINE.to_string(), self.baseline())];
        for (position, variant) in list.iter().enumerate() {
            let name = variant.name.as_str();
            let length = name.chars().count();
            if !(1..=LONGEST_NAME).contains(&length) || name.contains(is_steering) {
                bail!(
                    "variant {} of variants.list has the name {name:?}, expected 1 to \
                     {LONGEST_NAME} characters on one line",
                    position + 1
                );
            }
            if networks.iter().any(|(taken, _)| taken == name) {
                bail!("variants.list has two networks of the name {name:?}");
            }
            let config = self.variant(variant).with_context(|| format!("variant {name:?}"))?;
            networks.push((name.to_string(), config));
        }
        for (name, config) in &networks {
            check(config).with_context(|| format!("variant {name:?}"))?;
        }
        Ok(networks)
    }

    fn variant(&self, variant: &VariantConfig) -> Result<Config> {
        let baseline = self.baseline();
        if variant.set.is_empty() {
            return Err(anyhow!("it sets nothing"))
                .help(|| "write for example set = [\"model.batch_norm=true\"]".to_string());
        }
        let mut layers = Layers::new::<Config>()?;
        layers.table = Table::try_from(&baseline).context("cannot write the baseline")?;
        for text in &variant.set {
            layers.set(text)?;
        }
        let config = Config::deserialize(layers.table).context("its settings do not fit")?;
        let in_common = [
            ("seed", config.seed == baseline.seed),
            ("data.validation", config.data.validation == baseline.data.validation),
            ("data.examples", config.data.examples == baseline.data.examples),
            ("data.seed", config.data.seed == baseline.data.seed),
            ("train.epochs", config.train.epochs == baseline.train.epochs),
        ];
        match in_common.iter().find(|(_, same)| !same) {
            Some((key, _)) => Err(anyhow!("it sets `{key}`, which all networks have in common"))
                .help(|| format!("set it for all of them: --set {key}=…")),
            None => Ok(config),
        }
    }
}

/// Checks what can be checked without data.
fn check(config: &Config) -> Result<()> {
    let (train, optimizer) = (config.train.clone(), config.optimizer.clone());
    Settings { train, optimizer, schedule: config.schedule.clone() }.check()?;
    Ok(config.model.check()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::ConfigFlags;
    use crate::config::Resolved;
    use crate::failure::render;

    fn varying(list: &[(&str, &[&str])]) -> VaryingConfig {
        let list = list.iter().map(|(name, set)| VariantConfig {
            name: (*name).to_string(),
            set: set.iter().map(ToString::to_string).collect(),
        });
        let variants =
            VariantsConfig { seeds: 3, list: list.collect(), ..VariantsConfig::default() };
        VaryingConfig { variants, seed: 5, ..VaryingConfig::default() }
    }

    #[test]
    fn a_variant_is_the_baseline_with_its_own_settings_over_it() {
        let mut config = varying(&[("norm", &["model.batch_norm=true", "optimizer.momentum=0.5"])]);
        config.train.epochs = 7;
        let networks = config.networks().expect("networks");
        let (baseline, norm) = (&networks[0].1, &networks[1].1);
        assert_eq!((baseline, &networks[1].0), (&config.baseline(), &"norm".to_string()));
        let mut expected = baseline.clone();
        expected.model.batch_norm = true;
        expected.optimizer.momentum = 0.5;
        assert_eq!((norm, norm.train.epochs), (&expected, 7));
        assert_eq!((config.seeds(), config.tested_seeds()), (vec![5, 6, 7], vec![5, 6, 7]));
        config.variants.retrain = 2;
        assert_eq!((config.seeds(), config.tested_seeds()), (vec![5, 6, 7], vec![5, 6]));
    }

    #[test]
    fn wrong_variants_are_refused_by_their_name() {
        let norm: (&str, &[&str]) = ("norm", &["model.batch_norm=true"]);
        for (list, text) in [
            (&[norm, norm][..], "two networks of the name \"norm\""),
            (&[("baseline", norm.1)], "two networks of the name \"baseline\""),
            (&[("", norm.1)], "variant 1 of variants.list has the name \"\""),
            (&[("a", &[])], "variant \"a\"\n  it sets nothing"),
            (&[("a", &["model.batchnorm=true"])], "did you mean `model.batch_norm`?"),
            (&[("a", &["model.dropout=2"])], "model.dropout is 2, expected a probability"),
            (&[("a", &["train.epochs=99"])], "it sets `train.epochs`, which all networks have"),
            (&[("a", &["seed=1"])], "it sets `seed`"),
            (&[("a", &["data.seed=1"])], "it sets `data.seed`"),
        ] {
            let message = render(&varying(list).networks().expect_err(text));
            assert!(message.contains(text), "{message}");
        }
        for seeds in [0, 1, 21] {
            let mut config = varying(&[norm]);
            config.variants.seeds = seeds;
            let message = config.networks().expect_err("too few or many").to_string();
            assert_eq!(message, format!("variants.seeds is {seeds}, expected from 2 to 20"));
        }
        for retrain in [1, 21] {
            let mut config = varying(&[norm]);
            config.variants.retrain = retrain;
            let message = config.networks().expect_err("too few or many").to_string();
            assert_eq!(
                message,
                format!("variants.retrain is {retrain}, expected 0, or from 2 to 20")
            );
        }
    }

    #[test]
    fn the_preset_departs_from_the_preset_of_train() {
        let flags = ConfigFlags::default();
        let varying = Resolved::<VaryingConfig>::new("variants", &flags, false).expect("a preset");
        let train = Resolved::<Config>::new("train", &flags, false).expect("a preset");
        let networks = varying.config.networks().expect("networks");
        assert_eq!(networks[0].1, train.config);
        assert!(networks.len() > 7, "{} networks", networks.len());
    }
}
