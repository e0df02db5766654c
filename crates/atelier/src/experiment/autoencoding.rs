//! Training an autoencoder, from the flags to the last file of the run directory.

mod charts;
mod comparison;
mod examined;
mod figures;
mod results;
mod summary;

use anyhow::{Result, bail};
use atelier_autoencoder::Autoencoder;
use atelier_core::number;
use atelier_data::{Dataset, Subset};
use atelier_models::{Layer, NamedTensor};
use atelier_train::Outcome;
use candle_core::Device;

use super::prepared::{Common, Prepared, Trainable};
use super::recorded::Recorded;
use super::training::{Flags, Trained, conduct};
use crate::cli::AutoencoderArgs;
use crate::config::AutoencodingConfig;
use crate::signals::Stop;
use crate::terminal::{Terminal, Told};
pub(crate) use results::errors;
pub(crate) use summary::Summary;

/// An autoencoder with everything it needs.
type Autoencoding = Prepared<AutoencodingConfig, Autoencoder>;

impl Trainable for AutoencodingConfig {
    const VERB: &'static str = "autoencoder";
    const SECTION: &'static str = "autoencoder";
    type Model = Autoencoder;

    fn common(&self) -> Common<'_> {
        Common {
            seed: self.seed,
            data: &self.data,
            train: &self.train,
            optimizer: &self.optimizer,
            schedule: &self.schedule,
        }
    }

    fn check(&self) -> Result<()> {
        self.autoencoder.check()?;
        // These would be passed over in silence, or do harm.
        if self.train.label_smoothing > 0.0 {
            let found = number(self.train.label_smoothing);
            bail!(
                "`train.label_smoothing` is {found}, expected 0: an autoencoder looks at no labels"
            );
        }
        if self.data.augment.mixup > 0.0 {
            let found = number(self.data.augment.mixup);
            bail!(
                "`data.augment.mixup` is {found}, expected 0: an autoencoder has no targets beside its \
                 images, and the errors of blends would be told as those of images"
            );
        }
        if self.data.augment.erase > 0.0 {
            let found = number(self.data.augment.erase);
            bail!(
                "`data.augment.erase` is {found}, expected 0: the noise would be reconstructed, too; \
                 `autoencoder.noise` corrupts the inputs alone"
            );
        }
        if self.data.standardize {
            bail!(
                "`data.standardize` is true, expected false: an autoencoder reconstructs plain pixels"
            );
        }
        Ok(())
    }

    fn check_examples(&self, learned: &Subset) -> Result<()> {
        comparison::check(learned)
    }

    fn model(&self, examples: &Dataset, device: &Device) -> Result<Autoencoder> {
        Ok(Autoencoder::new(examples.pixels(), &self.autoencoder, self.seed, device)?)
    }

    fn layers(model: &Autoencoder) -> Vec<&Layer> {
        model.layers().collect()
    }

    fn state(model: &Autoencoder) -> Result<Vec<NamedTensor>> {
        Ok(model.state()?)
    }
}

impl AutoencoderArgs {
    /// Those that every verb that trains has.
    pub(crate) fn flags(&self) -> Flags<'_> {
        Flags { config: &self.config, run: &self.run, data: &self.data, from: None }
    }
}

/// Trains as the flags say.
pub(crate) fn train(
    arguments: &AutoencoderArgs,
    command_line: &[String],
    terminal: Terminal,
    stop: &Stop,
) -> Result<Trained<Summary>> {
    let finish = |prepared: &Autoencoding, run: &mut Recorded, outcome: &Outcome| {
        terminal.talk("measuring: principal components, codes, reconstructions");
        let summary = results::write(prepared, run, outcome, stop)?;
        let shown = results::shown(prepared, run, &summary);
        Ok((summary, shown))
    };
    let flags = arguments.flags();
    conduct::<AutoencodingConfig, _>(&flags, command_line, terminal, stop, Told::Batches, finish)
}
