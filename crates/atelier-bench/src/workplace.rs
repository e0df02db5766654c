//! What rows read: a model and an image, and the data as a cache and in gzip.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use atelier_data::{FILE_NAMES, SAMPLE, Sources, load_dir, obtain};
use atelier_store::durable_write;
use flate2::{Compression, write::GzEncoder};
use tempfile::TempDir;

use crate::process::released;

/// A directory that is removed at the end.
pub struct Workplace {
    directory: TempDir,
    /// Why there is no real data, if there is none.
    pub no_data: Option<String>,
}

impl Workplace {
    /// Makes what the rows need: a model trained on the sample for `predict`, and for rows with real
    /// data the cache of the data directory, filled if it must be, and the same files in gzip.
    ///
    /// # Errors
    /// Fails if the disk does, or the sample is not there.
    pub fn new(model: bool, data: bool) -> Result<Self> {
        let directory = tempfile::tempdir().context("cannot make a directory to work in")?;
        let mut workplace = Self { directory, no_data: None };
        if model {
            workplace.make_model()?;
        }
        if data && let Err(error) = workplace.link_data() {
            workplace.no_data = Some(format!("Fashion-MNIST is not here: {error:#}"));
        }
        Ok(workplace)
    }

    /// Where everything is.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    fn make_model(&self) -> Result<()> {
        let mut train = Command::new(released()?);
        train.args(["train", "--smoke", "--set", "train.epochs=1", "--out"]);
        train.arg(self.path().join("run")).stdout(Stdio::null()).stderr(Stdio::piped());
        let output = train.output().context("cannot run atelier")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "no model to predict with: {}", said.trim());
        symlink(self.path().join("run/model.safetensors"), self.path().join("model.safetensors"))?;

        let data = load_dir(&data().join("sample"), &[SAMPLE], false)?;
        let first = data.train.images().row(0).to_vec();
        let shares = first.iter().flat_map(|&pixel| (f32::from(pixel) / 255.0).to_le_bytes());
        durable_write(&self.path().join("image.f32"), &shares.collect::<Vec<u8>>())?;
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, 28, 28);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.write_header()?.write_image_data(&first)?;
        Ok(durable_write(&self.path().join("image.png"), &file)?)
    }

    fn link_data(&self) -> Result<()> {
        let sources = Sources::fashion_mnist(std::path::absolute(data())?);
        let loaded = obtain(&sources, &mut |_| {})?;
        let cache = sources.cache_dir();
        let cache = if cache.is_dir() { cache } else { PathBuf::from(loaded.provenance.source) };
        symlink(&cache, self.path().join("cache"))?;
        let gzip = self.path().join("gzip");
        fs::create_dir(&gzip)?;
        for name in FILE_NAMES {
            let content =
                fs::read(cache.join(name)).with_context(|| format!("cannot read {name}"))?;
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(&content)?;
            durable_write(&gzip.join(format!("{name}.gz")), &encoder.finish()?)?;
        }
        Ok(())
    }
}

/// The data directory, as `atelier` finds it: below `$ATELIER_HOME`, else below the current directory.
fn data() -> PathBuf {
    PathBuf::from(std::env::var_os("ATELIER_HOME").unwrap_or_default()).join("data")
}
