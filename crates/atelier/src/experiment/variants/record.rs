//! What is done already: one line for each trained and each tested network, so that a comparison that
//! was killed goes on where it was.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use atelier_store::{AppendLog, RunDir, read_lines, sealed, unsealed};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Job, Network, On};
use crate::experiment::summary::Measured;
use crate::failure::Help as _;

/// The log's name in the run directory.
const FILE: &str = "networks.jsonl";

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Line {
    /// The weights lie in a file of their own, written before this line.
    Trained {
        network: String,
        seed: u64,
        #[serde(default, skip_serializing_if = "On::is_split")]
        on: On,
        #[serde(skip_serializing_if = "Option::is_none")]
        validation: Option<Measured>,
    },
    Tested {
        network: String,
        seed: u64,
        #[serde(default, skip_serializing_if = "On::is_split")]
        on: On,
        images: usize,
        /// One bit for each test image, in their order, the first the highest of the first digit; 1
        /// where the network is right.
        correct: String,
    },
}

/// Everything that is known so far.
pub(super) struct Record {
    log: AppendLog,
    names: Vec<String>,
    /// The validation of trained networks.
    pub(super) trained: HashMap<Job, Option<Measured>>,
    /// Which test images tested networks get right.
    pub(super) tested: HashMap<Job, Vec<bool>>,
}

impl Record {
    /// Opens the record of a run of these networks.
    pub(super) fn open(dir: &RunDir, networks: &[Network]) -> Result<Self> {
        let path = dir.file(FILE)?;
        let names = networks.iter().map(|network| network.name.clone()).collect();
        let log = AppendLog::open(&path)?;
        let mut record = Self { log, names, trained: HashMap::new(), tested: HashMap::new() };
        for (number, line) in read_lines(&path)?.iter().enumerate() {
            let entry = Entry::read(line, &record.names)
                .with_context(|| format!("{}:{}", path.display(), number + 1))
                .help(|| {
                    "take this line out, and --resume does what it is of once more".to_string()
                })?;
            match entry {
                Entry::Trained(job, validation) => drop(record.trained.insert(job, validation)),
                Entry::Tested(job, correct) => drop(record.tested.insert(job, correct)),
            }
        }
        Ok(record)
    }

    /// Adds a trained network, durably.
    pub(super) fn trained(&mut self, job: Job, validation: Option<Measured>) -> Result<()> {
        let network = self.names[job.network].clone();
        self.append(&Line::Trained { network, seed: job.seed, on: job.on, validation })?;
        self.trained.insert(job, validation);
        Ok(())
    }

    /// Adds a tested network, durably.
    pub(super) fn tested(&mut self, job: Job, correct: Vec<bool>) -> Result<()> {
        let network = self.names[job.network].clone();
        let (images, digits) = (correct.len(), hexadecimal(&correct));
        let Job { seed, on, .. } = job;
        self.append(&Line::Tested { network, seed, on, images, correct: digits })?;
        self.tested.insert(job, correct);
        Ok(())
    }

    fn append(&mut self, line: &Line) -> Result<()> {
        let value = serde_json::to_value(line)?;
        let object = value.as_object().cloned().unwrap_or_default();
        self.log.append(&serde_json::to_vec(&sealed(object))?)?;
        Ok(self.log.sync()?)
    }
}

/// How many lines there are, if each is an entry about one of the networks of these names.
pub(crate) fn check(lines: &[String], names: &[&str], path: &Path) -> Result<usize> {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    for (number, line) in lines.iter().enumerate() {
        Entry::read(line, &names).with_context(|| format!("{}:{}", path.display(), number + 1))?;
    }
    Ok(lines.len())
}

/// What a line says.
pub(super) enum Entry {
    Trained(Job, Option<Measured>),
    Tested(Job, Vec<bool>),
}

impl Entry {
    /// Reads a line about one of the networks of these names.
    pub(super) fn read(line: &str, names: &[String]) -> Result<Self> {
        let job = |name: &str, seed: u64, on: On| {
            let network = names.iter().position(|known| known == name);
            let network = network.ok_or_else(|| anyhow!("the run has no network {name:?}"))?;
            Ok::<_, anyhow::Error>(Job { network, seed, on })
        };
        let mut object = serde_json::from_str(line)?;
        if let Err(checksum) = unsealed(&mut object) {
            bail!(
                "the line was changed: its values have the checksum {checksum}, expected the one that it was written with"
            );
        }
        match Line::deserialize(Value::Object(object))? {
            Line::Trained { network, seed, on, validation } => {
                Ok(Self::Trained(job(&network, seed, on)?, validation))
            }
            Line::Tested { network, seed, on, images, correct } => {
                let job = job(&network, seed, on)?;
                let correct = bits(&correct, images)
                    .ok_or_else(|| anyhow!("`correct` is not {images} bits in hexadecimal"))?;
                Ok(Self::Tested(job, correct))
            }
        }
    }
}

/// Four bits a digit; the last digit is filled up with zeros.
fn hexadecimal(bits: &[bool]) -> String {
    bits.chunks(4).fold(String::new(), |mut text, four| {
        let digit =
            four.iter().enumerate().fold(0_u8, |digit, (k, bit)| digit | u8::from(*bit) << (3 - k));
        // Writing to a string cannot fail.
        let _ = write!(text, "{digit:x}");
        text
    })
}

fn bits(digits: &str, count: usize) -> Option<Vec<bool>> {
    if digits.len() != count.div_ceil(4) {
        return None;
    }
    let mut bits = Vec::with_capacity(digits.len() * 4);
    for digit in digits.chars() {
        let digit = digit.to_digit(16)?;
        bits.extend((0..4).map(|k| digit >> (3 - k) & 1 == 1));
    }
    bits.truncate(count);
    Some(bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn networks() -> Vec<Network> {
        ["baseline", "norm"]
            .map(|name| Network {
                name: name.to_string(),
                config: Config::default(),
                parameters: 1,
            })
            .into()
    }

    #[test]
    fn bits_come_back_from_their_digits() {
        let all = [true, false, false, true, true, true, false];
        assert_eq!(hexadecimal(&all), "9c");
        for count in 0..=all.len() {
            let bits = bits(&hexadecimal(&all[..count]), count).expect("digits");
            assert_eq!(bits, &all[..count]);
        }
        for (digits, count) in [("9", 7), ("9cc", 7), ("9g", 7), ("ä", 7)] {
            assert!(bits(digits, count).is_none(), "{digits}");
        }
    }

    #[test]
    fn what_was_recorded_is_there_after_a_torn_line() {
        let home = tempfile::tempdir().expect("a directory");
        let dir = RunDir::create(&home.path().join("run")).expect("a run directory");
        let one = Job { network: 0, seed: 3, on: On::Split };
        let two = Job { network: 1, ..one };
        // The same network with the same seed, once more.
        let anew = Job { on: On::All, ..one };
        let found = Measured { accuracy: 0.1 + 0.2, cross_entropy: 1.0 / 3.0 };
        let mut record = Record::open(&dir, &networks()).expect("a record");
        record.trained(one, Some(found)).expect("a line");
        record.tested(one, vec![true, false, true]).expect("a line");
        record.trained(two, None).expect("a line");
        record.trained(anew, None).expect("a line");
        record.tested(anew, vec![true; 3]).expect("a line");
        drop(record);
        let path = dir.path().join(FILE);
        let mut text = std::fs::read_to_string(&path).expect("the log");
        text.push_str("{\"kind\":\"trained\",\"netw");
        std::fs::write(&path, text).expect("written");

        let record = Record::open(&dir, &networks()).expect("a record");
        let trained = [(one, Some(found)), (two, None), (anew, None)];
        assert_eq!(record.trained, HashMap::from(trained));
        let tested = [(one, vec![true, false, true]), (anew, vec![true; 3])];
        assert_eq!(record.tested, HashMap::from(tested));
    }

    #[test]
    fn a_line_of_another_run_is_refused_with_its_place() {
        let home = tempfile::tempdir().expect("a directory");
        let dir = RunDir::create(&home.path().join("run")).expect("a run directory");
        for line in ["nonsense", "{\"kind\":\"trained\",\"network\":\"other\",\"seed\":1}"] {
            std::fs::write(dir.path().join(FILE), format!("{line}\n")).expect("written");
            let message = format!("{:#}", Record::open(&dir, &networks()).err().expect("refused"));
            assert!(message.contains("networks.jsonl:1"), "{message}");
        }
    }
}
