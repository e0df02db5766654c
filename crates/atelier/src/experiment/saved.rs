//! Trained networks as they lie in a file, without their data.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use atelier_autoencoder::{Autoencoder, AutoencoderConfig};
use atelier_core::Mode;
use atelier_models::{Classifier, Layer, NamedTensor};
use atelier_store::{Manifest, NamedArray, Status, newest_run, read_regular};
use candle_core::{Device, Tensor};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::evaluating;
use super::prepared::{Trainable as _, widths};
use super::recorded::VERBS;
use super::seen::softmax;
use super::summary::ImageSize;
use super::weights::Weights;
use crate::cli::ConfigFlags;
use crate::config::{AutoencodingConfig, Config, Resolved};
use crate::failure::{Damage as _, Help as _};
use crate::home;
use crate::picture::{Backgrounds, Ground};
use crate::verbs::runs::{LARGEST_SUMMARY, parse_summary};

/// The weights of a run.
pub(crate) const MODEL: &str = "model.safetensors";

/// A classifier with its weights, on the CPU.
pub(crate) struct SavedClassifier {
    pub(crate) model: Classifier,
    /// The file of its weights.
    pub(crate) file: PathBuf,
    /// The names of its classes, where they are known.
    pub(crate) classes: Option<Vec<String>>,
    pub(crate) image: ImageSize,
    /// What most of the images that it was trained on lie on; nothing where they are of both kinds.
    pub(crate) ground: Option<Ground>,
}

/// What `summary.json` says of the images.
#[derive(Default, Deserialize)]
struct Told {
    image: Option<ImageSize>,
    backgrounds: Option<Backgrounds>,
    #[serde(default)]
    classes: Vec<NamedClass>,
}

#[derive(Deserialize)]
struct NamedClass {
    class: String,
}

impl SavedClassifier {
    /// The network of a run of `train`.
    pub(crate) fn of_run(run: &Path) -> Result<Self> {
        let manifest = Manifest::read(&run.join("manifest.json"))?;
        if ![Config::VERB, evaluating::VERB].contains(&manifest.verb.as_str()) {
            let verb = &manifest.verb;
            return Err(anyhow!("the run in {} is one of `{verb}`", run.display())).help(|| {
                "give a run of `train`; those of other verbs may lie inside it, such as retrained"
                    .to_string()
            });
        }
        let file = model_file(run, &manifest)?;
        let config: Config = config(run, &manifest)?;
        let summary = run.join("summary.json");
        let told: Told = if summary.is_file() {
            parse_summary(&read_regular(&summary, LARGEST_SUMMARY)?, &summary)?
        } else {
            Told::default()
        };
        Self::new(file, &config, told)
    }

    /// The network that the flags describe, with the weights in `file`.
    pub(crate) fn of_file(file: &Path, flags: &ConfigFlags) -> Result<Self> {
        let resolved = Resolved::<Config>::new(Config::VERB, flags, false)?;
        Self::new(file.to_path_buf(), &resolved.config, Told::default())
    }

    /// The network whose three files have this content; `path` is for messages alone.
    pub(crate) fn parse(
        model: &[u8],
        path: &Path,
        config: &Config,
        summary: &[u8],
    ) -> Result<Self> {
        let told = parse_summary(summary, path)?;
        Self::with(&Weights::parse(model, path)?, path.to_path_buf(), config, told)
    }

    fn new(file: PathBuf, config: &Config, told: Told) -> Result<Self> {
        let weights = Weights::read(&file)?;
        Self::with(&weights, file, config, told)
    }

    /// The network of this configuration with weights that were read from `file`.
    fn with(weights: &Weights, file: PathBuf, config: &Config, told: Told) -> Result<Self> {
        let about = || format!("cannot use {}", file.display());
        let (inputs, classes) = weights.ends()?;
        let image = match told.image {
            Some(image) => image,
            None => square(inputs).with_context(about)?,
        };
        weights
            .bear::<Config>(&[&[inputs], config.model.hidden.as_slice(), &[classes]].concat())?;
        let model = Classifier::new(inputs, classes, &config.model, 0.0, 0, &Device::Cpu)
            .with_context(about)?;
        let layers: Vec<&Layer> = model.net.layers().iter().collect();
        weights.load::<Config>(&model, &widths(inputs, &layers))?;
        if image.height.checked_mul(image.width) != Some(inputs) {
            let (height, width) = (image.height, image.width);
            bail!("the network takes {inputs} pixels, and summary.json says {height} x {width}");
        }
        let names: Vec<String> = told.classes.into_iter().map(|of| of.class).collect();
        let classes = (names.len() == classes).then_some(names);
        // Those of Fashion-MNIST are dark, and so are those of older runs, which do not say.
        let ground = told.backgrounds.map_or(Some(Ground::Dark), Backgrounds::most);
        Ok(Self { model, file, classes, image, ground })
    }

    /// How many classes it tells apart.
    pub(crate) fn outputs(&self) -> usize {
        self.model.net.layers().last().map_or(0, |layer| layer.outputs)
    }

    /// The probability of each class, for an image of the network's size.
    pub(crate) fn probabilities(&self, pixels: &[u8]) -> Result<Vec<f64>> {
        // As the batches of training scale them.
        let shares: Vec<f32> = pixels.iter().map(|&pixel| f32::from(pixel) / 255.0).collect();
        let inputs = Tensor::from_vec(shares, (1, pixels.len()), &Device::Cpu)?;
        let logits = self.model.net.forward(&inputs, Mode::Evaluate)?.get(0)?.to_vec1::<f32>()?;
        if let Some(logit) = logits.iter().find(|logit| !logit.is_finite()) {
            bail!("an output of the network in {} is {logit}", self.file.display());
        }
        Ok(softmax(&logits))
    }
}

/// A network with its weights as other programs take them.
pub(crate) struct SavedNetwork {
    /// Those of one or more sequences, in the order in which they are applied.
    pub(crate) layers: Vec<Layer>,
    pub(crate) tensors: Vec<NamedArray>,
    pub(crate) inputs: usize,
}

impl SavedNetwork {
    /// The network of a run of `train` or `autoencoder`.
    pub(crate) fn of_run(run: &Path, manifest: &Manifest) -> Result<Self> {
        let arrays = |state: Vec<NamedTensor>| {
            let array = |t: NamedTensor| NamedArray::f32(t.name, &t.shape, &t.values);
            state.into_iter().map(array).collect()
        };
        if manifest.verb == AutoencodingConfig::VERB {
            let file = model_file(run, manifest)?;
            let config: AutoencodingConfig = config(run, manifest)?;
            let weights = Weights::read(&file)?;
            let inputs = weights.inputs("encoder.0.weight")?;
            let AutoencoderConfig { hidden, latent, .. } = &config.autoencoder;
            weights
                .bear::<AutoencodingConfig>(&[&[inputs], hidden.as_slice(), &[*latent]].concat())?;
            let model = Autoencoder::new(inputs, &config.autoencoder, 0, &Device::Cpu)?;
            let layers = AutoencodingConfig::layers(&model);
            weights.load::<AutoencodingConfig>(&model, &widths(inputs, &layers))?;
            let layers = layers.into_iter().cloned().collect();
            let tensors = arrays(AutoencodingConfig::state(&model)?);
            return Ok(Self { layers, tensors, inputs });
        }
        let saved = SavedClassifier::of_run(run)?;
        let inputs = saved.image.height * saved.image.width;
        let layers = saved.model.net.layers().to_vec();
        Ok(Self { layers, tensors: arrays(Config::state(&saved.model)?), inputs })
    }
}

/// The newest complete run of `train`.
pub(crate) fn newest() -> Result<PathBuf> {
    let root = home::runs();
    let complete = |_: &Path, manifest: &Manifest| Ok(manifest.status == Status::Complete);
    let newest = newest_run(&root, Config::VERB, &VERBS, complete).help_with_damage(
        || "put it back as it was, or name a run with --run, a file with --model",
    )?;
    newest
        .map(|run| run.path)
        .ok_or_else(|| anyhow!("there is no complete run of `train` in {}", home::shown(&root)))
        .help(|| {
            let program = home::program();
            format!(
                "train one with `{program} train`, or name a run with --run, a file with --model"
            )
        })
}

/// The file of a run's weights.
fn model_file(run: &Path, manifest: &Manifest) -> Result<PathBuf> {
    let file = run.join(MODEL);
    if file.is_file() {
        return Ok(file);
    }
    let status = manifest.status.word();
    Err(anyhow!("the run in {} has no {MODEL}: it is {status}", run.display())).help(|| {
        let (program, verb, out) = (home::program(), &manifest.verb, home::quoted(run));
        format!("`{program} {verb} --resume --out {out}` takes it to its end")
    })
}

fn config<C: DeserializeOwned>(run: &Path, manifest: &Manifest) -> Result<C> {
    serde_json::from_value(manifest.config.clone())
        .with_context(|| format!("the configuration in {}", run.display()))
}

/// The sides of a square image of so many pixels.
fn square(pixels: usize) -> Result<ImageSize> {
    let side = pixels.isqrt();
    if side * side != pixels {
        return Err(anyhow!("the network takes {pixels} pixels, which are no square image"))
            .help(|| "give a run with --run: it says which size its images have".to_string());
    }
    Ok(ImageSize { height: side, width: side })
}
