//! What the parts of a reproduction left behind, as far as claims are about it.

use std::fmt;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use atelier_core::Objective as _;
use atelier_data::{Loaded, Subset};
use atelier_store::read_regular;
use candle_core::{D, Device};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Asked, is_real};
use crate::cli::{Format, OutputFlags};
use crate::config::Config;
use crate::dataset;
use crate::experiment::nested::same_data;
use crate::experiment::prepared::{CHUNK, Trainable as _};
use crate::experiment::recorded::Recorded;
use crate::terminal::Terminal;
use crate::verbs::runs::LARGEST_SUMMARY;

/// No figure and no page is nearly as large.
const LARGEST_FILE: u64 = 256 << 20;

/// Everything that the claims are judged by.
#[derive(Debug, Clone)]
pub(super) struct Evidence {
    pub(super) data: Seen,
    pub(super) init: Facts,
    pub(super) tune: Facts,
    pub(super) retrained: Facts,
    pub(super) variants: Facts,
    pub(super) landscape: Facts,
    pub(super) autoencoder: Facts,
    /// The tensors of the network of Problem 2, and whether its weight decay applies to each.
    pub(super) decayed: Vec<(String, bool)>,
    pub(super) files: Files,
}

/// The data, as they come to a network.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) name: String,
    /// Whether they are the whole of Fashion-MNIST, by their digests.
    pub(super) real: bool,
    pub(super) train: usize,
    pub(super) test: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) classes: usize,
    /// The smallest and the largest pixel of a training image.
    pub(super) pixels: [f32; 2],
}

/// `manifest.json` and `summary.json` of a run, under these keys.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// The run's directory, for messages.
    pub(super) run: String,
    pub(super) found: Value,
}

/// Files that a person is to look at.
#[derive(Debug, Clone, Default)]
pub(super) struct Files {
    /// Those of [`EXPECTED`] that are there and not empty.
    pub(super) there: Vec<String>,
    /// The figure of the last iterations; empty where it is not there.
    pub(super) last_20: String,
    /// The figure of reconstructions; empty where it is not there.
    pub(super) reconstructions: String,
}

/// Figures that the assignment asks for, and the pages.
pub(super) const EXPECTED: [&str; 4] = [
    "tune/retrained/figures/last-20.png",
    "landscape/figures/landscape.png",
    "landscape/landscape.html",
    "autoencoder/figures/reconstructions.png",
];

impl Evidence {
    /// Reads all of it.
    pub(super) fn read(run: &Recorded, asked: &Asked) -> Result<Self> {
        let path = run.dir.path();
        let text = |name: &str| -> Result<String> {
            let path = path.join(name);
            // Data of a user's own may have no room in a figure, which is left out then.
            let there = path.try_exists();
            if !there.with_context(|| format!("cannot look at {}", path.display()))? {
                return Ok(String::new());
            }
            let bytes = read_regular(&path, LARGEST_FILE)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        let is_there = |name: &&str| {
            path.join(name).metadata().is_ok_and(|file| file.is_file() && file.len() > 0)
        };
        let data = Seen::load(run, asked)?;
        let retrained = Facts::read(path, "tune/retrained")?;
        let model =
            retrained.get::<Config>("/manifest/config")?.model(&data.train, &Device::Cpu)?;
        let decayed = model.parameters().iter().map(|of| (of.name.clone(), of.decayed)).collect();
        Ok(Self {
            data: Seen::look(&data, run)?,
            init: Facts::read(path, "init")?,
            tune: Facts::read(path, "tune")?,
            retrained,
            decayed,
            variants: Facts::read(path, "variants")?,
            landscape: Facts::read(path, "landscape")?,
            autoencoder: Facts::read(path, "autoencoder")?,
            files: Files {
                there: EXPECTED
                    .iter()
                    .filter(|name| is_there(name))
                    .map(ToString::to_string)
                    .collect(),
                last_20: text("tune/retrained/figures/last-20.svg")?,
                reconstructions: text("autoencoder/figures/reconstructions.svg")?,
            },
        })
    }
}

impl Seen {
    fn load(run: &Recorded, asked: &Asked) -> Result<Loaded> {
        let data = same_data(&asked.arguments.data, run.manifest.dataset.as_ref());
        let silent = Terminal::new(OutputFlags { format: Format::Json, quiet: true });
        let data = dataset::load(&data, silent)?;
        run.check_dataset(&dataset::record(&data.provenance))?;
        Ok(data)
    }

    fn look(data: &Loaded, run: &Recorded) -> Result<Self> {
        let mut pixels = [f32::INFINITY, f32::NEG_INFINITY];
        for batch in Subset::all(&data.train).evaluation_batches(CHUNK, None, &Device::Cpu)? {
            let inputs = batch.context("cannot read a batch")?.inputs.flatten_all()?;
            pixels[0] = pixels[0].min(inputs.min(D::Minus1)?.to_scalar()?);
            pixels[1] = pixels[1].max(inputs.max(D::Minus1)?.to_scalar()?);
        }
        Ok(Self {
            name: data.provenance.name.clone(),
            real: is_real(run.manifest.dataset.as_ref()),
            train: data.train.len(),
            test: data.test.len(),
            height: data.train.height(),
            width: data.train.width(),
            classes: data.train.classes(),
            pixels,
        })
    }
}

impl Facts {
    fn read(root: &Path, run: &str) -> Result<Self> {
        let read = |name: &str| -> Result<Value> {
            let path = root.join(run).join(name);
            let bytes = read_regular(&path, LARGEST_SUMMARY)?;
            serde_json::from_slice(&bytes).with_context(|| format!("cannot use {}", path.display()))
        };
        let (manifest, summary) = (read("manifest.json")?, read("summary.json")?);
        let found = serde_json::json!({ "manifest": manifest, "summary": summary });
        Ok(Self { run: run.to_string(), found })
    }

    /// The value under a path such as `/summary/test/accuracy`.
    ///
    /// # Errors
    /// Fails with file and key where there is none, or where it is of another type.
    pub(super) fn get<T: DeserializeOwned>(&self, pointer: &str) -> Result<T> {
        let value = self.found.pointer(pointer);
        let value = value.ok_or_else(|| anyhow!("{} is missing", self.place(pointer)))?;
        T::deserialize(value).with_context(|| format!("cannot use {}", self.place(pointer)))
    }

    /// The value under a path, where there is one.
    pub(super) fn find<T: DeserializeOwned>(&self, pointer: &str) -> Option<T> {
        T::deserialize(self.found.pointer(pointer)?).ok()
    }

    /// `test.accuracy in summary.json of tune/retrained`.
    fn place(&self, pointer: &str) -> impl fmt::Display {
        let mut parts = pointer.trim_start_matches('/').splitn(2, '/');
        let (file, key) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        format!("`{}` in {file}.json of {}", key.replace('/', "."), self.run)
    }
}
