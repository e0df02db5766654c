use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::place::Place;
use crate::tensor_file::{DIGEST, ORDER, check, deserialize, digest, serialize};
use crate::{Error, NamedArray, Result, durable_write, fs};

/// The state of a run at one step: named arrays in order, and what else there is as text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// Weights, optimiser state and whatever else is arrays; the order is kept.
    pub arrays: Vec<NamedArray>,
    /// Everything else, such as progress. The keys `sha256` and `order` belong to the file format.
    pub metadata: BTreeMap<String, String>,
}

impl Checkpoint {
    /// The array of that name.
    #[must_use]
    pub fn array(&self, name: &str) -> Option<&NamedArray> {
        self.arrays.iter().find(|array| array.name == name)
    }

    /// The checkpoint as a safetensors file; the same checkpoint always gives the same bytes.
    ///
    /// Two keys are added to the metadata: `order`, a JSON list of the names (in the file, arrays
    /// with larger elements come first), and `sha256`, over names, types, shapes, bytes and
    /// metadata. `path` is where the bytes are meant to go; it is used in messages only.
    ///
    /// # Errors
    /// [`Error::Array`] if a name occurs twice, or a shape does not fit its bytes;
    /// [`Error::ReservedKey`]; [`Error::NonFinite`] if a float is not finite.
    pub fn encode(&self, path: &Path) -> Result<Vec<u8>> {
        check(&self.arrays, path)?;
        for key in [DIGEST, ORDER] {
            if self.metadata.contains_key(key) {
                return Err(Error::ReservedKey { key: key.to_string() });
            }
        }
        let names: Vec<&str> = self.arrays.iter().map(|array| array.name.as_str()).collect();
        let order = serde_json::Value::from(names).to_string();
        let mut metadata = self.metadata.clone();
        metadata.insert(ORDER.to_string(), order);
        metadata.insert(DIGEST.to_string(), digest(&self.arrays, &metadata));
        serialize(&self.arrays, &metadata, path)
    }

    /// Reads what [`Checkpoint::encode`] made. `path` is used in messages only.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if any byte differs from what was encoded; [`Error::NonFinite`] if a float
    /// is not finite.
    pub fn decode(bytes: &[u8], path: &Path) -> Result<Self> {
        let (arrays, metadata) = deserialize(bytes, path, true)?;
        Ok(Self { arrays, metadata })
    }
}

/// A checkpoint that could not be used.
#[derive(Debug)]
#[non_exhaustive]
pub struct PassedOver {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub error: Error,
}

/// The newest usable checkpoint of a run.
#[derive(Debug)]
#[non_exhaustive]
pub struct Latest {
    /// The step after which it was made.
    pub step: u64,
    /// Where it lies.
    pub path: PathBuf,
    /// What it holds.
    pub checkpoint: Checkpoint,
    /// Newer ones that were damaged, newest first. Tell the user: steps are done again because of
    /// them.
    pub passed_over: Vec<PassedOver>,
}

/// The checkpoints of a run, one file each: `step-00012345.safetensors`.
///
/// The newest two are kept, and the best. Which one is the best stands in the file `best` beside
/// them, which is replaced durably; the checkpoint that it names is never pruned, so at every moment
/// it names one that is there. Hold the lock of the run while saving.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    directory: PathBuf,
    /// The run directory, which must still be there when one is saved.
    run: Option<Place>,
}

impl Checkpoints {
    /// The checkpoints in `directory`, which is made by the first [`Checkpoints::save`].
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), run: None }
    }

    /// Those in a directory of a run, which is not made again where it was moved away.
    pub(crate) fn of_run(directory: &Path, run: Place) -> Self {
        Self { directory: directory.to_path_buf(), run: Some(run) }
    }

    /// Where the checkpoint of a step lies or would lie.
    #[must_use]
    pub fn path(&self, step: u64) -> PathBuf {
        self.directory.join(format!("step-{step:08}.safetensors"))
    }

    fn best_path(&self) -> PathBuf {
        self.directory.join("best")
    }

    /// The steps of which there are checkpoints, oldest first.
    ///
    /// # Errors
    /// [`Error::Io`] if the directory cannot be read or is a symbolic link; one that is missing
    /// holds none.
    pub fn steps(&self) -> Result<Vec<u64>> {
        fs::refuse_link(&self.directory)?;
        let names = match fs::names(&self.directory) {
            Err(error) if error.is(std::io::ErrorKind::NotFound) => return Ok(Vec::new()),
            names => names?,
        };
        let mut steps: Vec<u64> = names
            .iter()
            .filter_map(|name| name.strip_prefix("step-")?.strip_suffix(".safetensors"))
            .filter_map(|digits| digits.parse().ok())
            .collect();
        steps.sort_unstable();
        Ok(steps)
    }

    /// Writes the checkpoint of `step` durably, in place of an earlier one of that step, then
    /// removes those that are neither among the newest two nor the best. A mark that is damaged
    /// counts as none: the run goes on, and marks the next best.
    ///
    /// # Errors
    /// As [`Checkpoint::encode`] and [`durable_write`]; [`Error::Io`] if the directory is a symbolic
    /// link, or the mark of the best cannot be read; [`Error::Moved`] if the run directory is no longer there. The
    /// checkpoints there were before remain then.
    pub fn save(&self, step: u64, checkpoint: &Checkpoint) -> Result<()> {
        let path = self.path(step);
        let bytes = checkpoint.encode(&path)?;
        fs::refuse_link(&self.directory)?;
        if let Some(run) = &self.run {
            run.check()?;
        }
        fs::create_dir_all(&self.directory)?;
        durable_write(&path, &bytes)?;

        let best = match self.best_step() {
            Err(Error::Corrupt { .. }) => None,
            best => best?,
        };
        let steps = self.steps()?;
        // Those of later steps were passed over as damaged: two that can be used are kept beside them.
        for &old in steps.iter().rev().filter(|&&other| other <= step).skip(2) {
            if Some(old) != best {
                fs::remove_file(&self.path(old))?;
            }
        }
        Ok(())
    }

    /// Remembers, durably, that the checkpoint of `step` is the best so far; the one that was the
    /// best before is pruned by the next [`Checkpoints::save`].
    ///
    /// # Errors
    /// [`Error::Io`] if there is no checkpoint of that step, or the file cannot be written.
    pub fn mark_best(&self, step: u64) -> Result<()> {
        if !self.steps()?.contains(&step) {
            let cause = std::io::ErrorKind::NotFound.into();
            return Err(Error::io(&self.path(step), "mark as best", cause));
        }
        durable_write(&self.best_path(), format!("{step}\n").as_bytes())
    }

    /// The step of the best checkpoint, if one was marked.
    ///
    /// # Errors
    /// [`Error::Io`] if the mark cannot be read; [`Error::Corrupt`] if it is no number.
    pub fn best_step(&self) -> Result<Option<u64>> {
        let path = self.best_path();
        let bytes = match fs::read_text(&path) {
            Err(error) if error.is(std::io::ErrorKind::NotFound) => return Ok(None),
            bytes => bytes?,
        };
        let text = String::from_utf8_lossy(&bytes);
        match text.trim_end().parse() {
            Ok(step) => Ok(Some(step)),
            Err(_) => Err(Error::corrupt(
                &path,
                "the content",
                "the step of a checkpoint",
                format!("{:?}", text.chars().take(40).collect::<String>()),
            )),
        }
    }

    /// The best checkpoint and its step, if one was marked.
    ///
    /// # Errors
    /// As [`Checkpoints::best_step`] and [`Checkpoints::load`].
    pub fn best(&self) -> Result<Option<(u64, Checkpoint)>> {
        self.best_step()?.map(|step| Ok((step, self.load(step)?))).transpose()
    }

    /// The checkpoint of a step.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read, and as [`Checkpoint::decode`].
    pub fn load(&self, step: u64) -> Result<Checkpoint> {
        let path = self.path(step);
        Checkpoint::decode(&fs::read_numbers(&path)?, &path)
    }

    /// The newest checkpoint that is whole; `None` if there is no checkpoint at all.
    ///
    /// # Errors
    /// [`Error::Io`] if the directory cannot be read; where there are checkpoints and none can be
    /// used, the error of the newest.
    pub fn latest(&self) -> Result<Option<Latest>> {
        let mut passed_over: Vec<PassedOver> = Vec::new();
        for step in self.steps()?.into_iter().rev() {
            let path = self.path(step);
            match self.load(step) {
                Ok(checkpoint) => return Ok(Some(Latest { step, path, checkpoint, passed_over })),
                Err(error) => passed_over.push(PassedOver { path, error }),
            }
        }
        match passed_over.into_iter().next() {
            Some(newest) => Err(newest.error),
            None => Ok(None),
        }
    }
}
