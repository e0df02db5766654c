//! The metrics of a run as an event file of TensorBoard: records in the framing of `TFRecord`, each a message
//! `tensorflow.Event` with scalars.
//!
//! # References
//! `event.proto` and `summary.proto` of TensorFlow (the numbers of the fields); its `record_writer.h` for
//! the framing: length, masked CRC-32C of it, content, masked CRC-32C of that.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use atelier_store::{Manifest, read_lines, utc_seconds};
use serde::Deserialize;

use super::protobuf::Message;
use crate::failure::Help as _;

/// What readers look for at the beginning of a file.
const VERSION: &str = "brain.Event:2";

/// A line of `metrics.jsonl`.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Line {
    Step(Step),
    Epoch(Epoch),
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Step {
    #[serde(rename = "step")]
    number: u64,
    loss: f64,
    learning_rate: f64,
}

#[derive(Deserialize)]
struct Epoch {
    step: u64,
    train_loss: f64,
    train_accuracy: Option<f64>,
    validation_loss: Option<f64>,
    validation_accuracy: Option<f64>,
    seconds: f64,
}

/// The name of the run's event file; readers go by the word in it.
pub(crate) fn file_name(manifest: &Manifest) -> String {
    format!("events.out.tfevents.{}.atelier", utc_seconds(&manifest.started).unwrap_or(0))
}

/// The event file of the run in `path`: `loss/batch` and `learning_rate` of each step, and after each
/// epoch `loss` and `accuracy` of training and validation. Times are those of the manifest's beginning
/// and of each epoch's end, and lie evenly between them.
pub(crate) fn events(path: &Path, manifest: &Manifest) -> Result<Vec<u8>> {
    let metrics = path.join("metrics.jsonl");
    let lines = read_lines(&metrics)
        .with_context(|| format!("the run in {} has no metrics", path.display()))
        .help(|| "give a run of `train` or of `autoencoder`".to_string())?;
    of_lines(&lines, &manifest.started, &metrics)
}

/// The event file of a run that started then, from the lines of its metrics, which lie in a file of this
/// name.
pub(crate) fn of_lines(lines: &[String], started: &str, metrics: &Path) -> Result<Vec<u8>> {
    let start =
        utc_seconds(started).ok_or_else(|| anyhow!("{started:?} in the manifest is no time"))?;
    let start = start as f64;

    let mut file = Vec::new();
    record(&mut file, &Message::default().double(1, start).text(3, VERSION).into_bytes());
    let mut before = 0.0;
    let mut steps: Vec<Step> = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let at = || format!("{}:{}", metrics.display(), number + 1);
        match serde_json::from_str(line).with_context(at)? {
            Line::Step(step) => steps.push(step),
            Line::Epoch(epoch) => {
                write_steps(&mut file, &mut steps, start + before, start + epoch.seconds);
                let scalars = [
                    ("loss/train", Some(epoch.train_loss)),
                    ("loss/validation", epoch.validation_loss),
                    ("accuracy/train", epoch.train_accuracy),
                    ("accuracy/validation", epoch.validation_accuracy),
                ];
                let scalars: Vec<(&str, f64)> =
                    scalars.into_iter().filter_map(|(tag, value)| Some((tag, value?))).collect();
                record(&mut file, &event(start + epoch.seconds, epoch.step, &scalars));
                before = epoch.seconds;
            }
            Line::Other => {}
        }
    }
    // Of an epoch that did not come to its end.
    write_steps(&mut file, &mut steps, start + before, start + before);
    Ok(file)
}

/// Writes the steps of an epoch, which lasted from one moment to another.
fn write_steps(file: &mut Vec<u8>, steps: &mut Vec<Step>, from: f64, to: f64) {
    let n = steps.len() as f64;
    for (i, step) in steps.drain(..).enumerate() {
        let time = from + (to - from) * (i + 1) as f64 / n;
        let scalars = [("loss/batch", step.loss), ("learning_rate", step.learning_rate)];
        record(file, &event(time, step.number, &scalars));
    }
}

fn event(time: f64, step: u64, scalars: &[(&str, f64)]) -> Vec<u8> {
    #[expect(clippy::cast_possible_truncation, reason = "scalars of TensorBoard are f32")]
    let value =
        |&(tag, value): &(&str, f64)| Message::default().text(1, tag).float(2, value as f32);
    let values: Vec<Message> = scalars.iter().map(value).collect();
    let summary = Message::default().messages(1, &values);
    Message::default().double(1, time).int(2, step).message(5, &summary).into_bytes()
}

/// Appends one record.
fn record(file: &mut Vec<u8>, content: &[u8]) {
    let length = (content.len() as u64).to_le_bytes();
    file.extend(length);
    file.extend(masked(&length).to_le_bytes());
    file.extend(content);
    file.extend(masked(content).to_le_bytes());
}

/// The checksum of the framing: turned and shifted, so that the checksum of a file that holds checksums
/// is not a constant.
fn masked(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xA282_EAD8)
}

/// CRC-32C (Castagnoli), bit by bit: a file of metrics is a few megabytes at most.
fn crc32c(bytes: &[u8]) -> u32 {
    let divided = |mut crc: u32, byte: &u8| {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82F6_3B78 } else { crc >> 1 };
        }
        crc
    };
    !bytes.iter().fold(u32::MAX, divided)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standard() {
        // RFC 3720, B.4, and the check value of CRC-32C.
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8A91_36AA);
        assert_eq!(crc32c(&[0xFF; 32]), 0x62A8_AB43);
    }

    #[test]
    fn a_record_is_its_length_its_content_and_a_checksum_of_each() {
        let mut file = Vec::new();
        record(&mut file, b"abc");
        assert_eq!(file.len(), 8 + 4 + 3 + 4);
        assert_eq!((&file[..8], &file[12..15]), (&[3, 0, 0, 0, 0, 0, 0, 0][..], &b"abc"[..]));
        assert_eq!(file[15..], masked(b"abc").to_le_bytes());
    }
}
