//! The directory of a run as it is compared: without the times in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

/// Keys whose values are another at each run. A run within another has the command line that began it, which may be
/// the one that took the outer one up. A manifest's checksum is of its times, too.
const TIMES: [&str; 5] = ["seconds", "started", "finished", "command_line", "checksum"];
const READS: &str = "test_set_reads";

/// Path from the run's directory and content of each file that is the same whenever a run is repeated.
#[derive(Default)]
pub struct Tree {
    files: BTreeMap<String, Vec<u8>>,
    reads: BTreeMap<String, u64>,
    checkpoints: BTreeSet<String>,
}

/// What a journal's lock is called that is being removed.
const ASIDE: &str = ".rename";

/// Whether no lock of a journal was left half removed. One whose removal failed at the end of a run that ended well
/// stays until the journal is opened again.
pub fn nothing_is_aside(run: &Path) -> Result<(), String> {
    match names(run).into_iter().find(|name| name.ends_with(ASIDE)) {
        Some(name) => Err(format!("{name} was left behind")),
        None => Ok(()),
    }
}

impl Tree {
    pub fn read(run: &Path) -> Result<Self, String> {
        let mut tree = Self::default();
        for name in names(run) {
            // See `nothing_is_aside`.
            if name.ends_with(ASIDE) {
                continue;
            }
            let bytes = fs::read(run.join(&name)).map_err(|error| format!("{name}: {error}"))?;
            if name.contains(".atelier-") {
                return Err(format!("{name} was left behind"));
            }
            if is_checkpoint(name.rsplit('/').next().unwrap_or_default()) {
                tree.checkpoints.insert(name.clone());
            }
            if let Some(content) = comparable(&name, &bytes)? {
                if let Some(reads) = reads(&name, &bytes) {
                    tree.reads.insert(name.clone(), reads);
                }
                tree.files.insert(name, content);
            }
        }
        Ok(tree)
    }

    pub fn is_same(&self, undisturbed: &Self, more_reads: u64) -> Result<(), String> {
        let all = self.files.keys().chain(undisturbed.files.keys());
        let differs = |name: &&String| self.files.get(*name) != undisturbed.files.get(*name);
        if let Some(name) = all.clone().find(differs) {
            let show = |tree: &Self| {
                let content = tree.files.get(name).map(|bytes| String::from_utf8_lossy(bytes));
                content.map_or("nothing".to_string(), |text| text.chars().take(2000).collect())
            };
            return Err(format!(
                "{name} is not that of an undisturbed run: {}\ninstead of\n{}",
                show(self),
                show(undisturbed)
            ));
        }
        // Others than those of an undisturbed run: a signal that is heeded leaves one of the moment. One more may be
        // there where the process died before it removed it.
        let (kept, least) = (self.checkpoints.len(), undisturbed.checkpoints.len());
        if kept < least {
            return Err(format!("{kept} checkpoints are left, {least} undisturbed"));
        }
        for (mark, step) in self.files.iter().filter(|(name, _)| name.ends_with("checkpoints/best"))
        {
            let step: u64 = String::from_utf8_lossy(step).trim().parse().unwrap_or(0);
            let best = mark.replace("/best", &format!("/step-{step:08}.safetensors"));
            if !self.checkpoints.contains(&best) {
                return Err(format!("{best} is gone, which is marked as the best"));
            }
        }
        for (name, &least) in &undisturbed.reads {
            let found = self.reads.get(name).copied().unwrap_or(0);
            if found < least || found > least + more_reads {
                return Err(format!("{name}: {found} reads of the test set, {least} undisturbed"));
            }
        }
        Ok(())
    }
}

/// Whether every file that a process left when it died is whole: as in the undisturbed run, or, where it grows or
/// is replaced on the way, one that can be read.
pub fn nothing_is_torn(run: &Path, undisturbed: &Tree) -> Result<(), String> {
    for name in names(run) {
        let path = run.join(&name);
        let Ok(bytes) = fs::read(&path) else { continue };
        let file = name.rsplit('/').next().unwrap_or_default();
        if file.starts_with(".atelier-") || file.ends_with(ASIDE) {
            continue;
        }
        let torn = |why: &str| Err(format!("{name} is torn: {why}"));
        if file == "manifest.json" {
            if serde_json::from_slice::<Value>(&bytes).is_err() {
                return torn("no JSON");
            }
        } else if is_checkpoint(file) {
            if !is_whole_tensor_file(&bytes) {
                return torn("no checkpoint");
            }
        } else if file == "snapshots.npy" {
            if !bytes.starts_with(b"\x93NUMPY") {
                return torn("no NPY");
            }
        } else if grows(file) {
            let whole = bytes.split_inclusive(|&byte| byte == b'\n').filter(|l| l.ends_with(b"\n"));
            let json = |line: &[u8]| serde_json::from_slice::<Value>(line).is_ok();
            if file != "snapshots.csv" && !whole.clone().all(json) {
                return torn("a whole line is no JSON");
            }
        } else if let Some(content) = comparable(&name, &bytes)? {
            let expected = undisturbed.files.get(&name);
            // The best of the checkpoints so far is another than in the end.
            if expected != Some(&content) && file != "best" {
                return torn("neither what was there before nor what an undisturbed run writes");
            }
        }
    }
    Ok(())
}

/// Of a run in `checkpoints`, of a trial in a directory of its own.
fn is_checkpoint(file: &str) -> bool {
    file.starts_with("step-")
}

fn grows(file: &str) -> bool {
    ["metrics.jsonl", "grid.jsonl", "networks.jsonl", "study.log", "snapshots.csv"].contains(&file)
}

/// The content to compare; `None` where it is another at each run.
fn comparable(name: &str, bytes: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let file = name.rsplit('/').next().unwrap_or_default();
    // Checkpoints know how long training took, and their results are compared as those of the run. What killed
    // workers leave of themselves is removed after an hour.
    // The stand-in for the report copies a summary, with its times, into its page.
    if file == ".lock" || name == "index.html" || is_checkpoint(file) || name.contains(".workers/")
    {
        return Ok(None);
    }
    let failed = |error: serde_json::Error| format!("{name}: {error}");
    let json = Path::new(file).extension().is_some_and(|extension| extension == "json");
    if json {
        let value: Value = serde_json::from_slice(bytes).map_err(failed)?;
        return Ok(Some(timeless(value).to_string().into_bytes()));
    }
    if file == "metrics.jsonl" {
        let text = String::from_utf8_lossy(bytes);
        let values = text.lines().map(|line| serde_json::from_str(line).map(timeless));
        let values: Vec<Value> = values.collect::<Result<_, _>>().map_err(failed)?;
        return Ok(Some(Value::from(values).to_string().into_bytes()));
    }
    if file == "study.log" {
        return study(bytes).map(Some).map_err(failed);
    }
    Ok(Some(bytes.to_vec()))
}

/// What a study's journal says of its trials, whatever happened on the way: the settings of each, each value on
/// the way, each end.
fn study(bytes: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
    let mut created = Vec::new();
    let mut said = BTreeMap::new();
    for line in String::from_utf8_lossy(bytes).lines() {
        let entry: Value = serde_json::from_str(line)?;
        let trial = &entry["trial_id"];
        match entry["op_code"].as_u64() {
            Some(4) => created.push(entry["params"].to_string()),
            Some(6) if entry["state"] != 0 && entry["state"] != 4 => {
                let end = format!("ended {} {}", entry["state"], entry["values"]);
                said.entry(trial.to_string()).or_insert_with(Vec::new).push(end);
            }
            Some(7) => {
                let value = format!("{} at {}", entry["intermediate_value"], entry["step"]);
                said.entry(trial.to_string()).or_insert_with(Vec::new).push(value);
            }
            _ => {}
        }
    }
    Ok(format!("{created:#?}\n{said:#?}").into_bytes())
}

fn timeless(value: Value) -> Value {
    match value {
        Value::Object(map) => map
            .into_iter()
            .filter(|(key, _)| !TIMES.contains(&key.as_str()) && key != READS)
            .map(|(key, value)| (key, timeless(value)))
            .collect(),
        Value::Array(list) => list.into_iter().map(timeless).collect(),
        value => value,
    }
}

fn reads(name: &str, bytes: &[u8]) -> Option<u64> {
    let manifest = name.ends_with("manifest.json").then(|| serde_json::from_slice(bytes).ok())?;
    manifest.and_then(|manifest: Value| manifest[READS].as_u64())
}

/// Whether a safetensors file is as long as its header says.
fn is_whole_tensor_file(bytes: &[u8]) -> bool {
    let header = || {
        let (length, rest) = bytes.split_first_chunk::<8>()?;
        let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        let header: Value = serde_json::from_slice(rest.get(..length)?).ok()?;
        let ends = header.as_object()?.values().filter_map(|t| t["data_offsets"][1].as_u64());
        Some(ends.max().unwrap_or(0) == (rest.len() - length) as u64)
    };
    header().unwrap_or(false)
}

/// The files below a directory by their paths from it, with slashes, in order; none where there is no directory. A
/// journal's lock is a link and no file: the next that comes sees that its holder is gone.
fn names(directory: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten() {
        let entry = entry.expect("an entry");
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type().expect("a type").is_dir() {
            let inside = self::names(&entry.path());
            names.extend(inside.into_iter().map(|inside| format!("{name}/{inside}")));
        } else if !name.ends_with(".log.lock") {
            names.push(name);
        }
    }
    names.sort();
    names
}
