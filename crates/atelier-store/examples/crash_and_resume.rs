//! A run that is killed at a bad moment, and how it goes on: the log has a torn last line and the
//! newest checkpoint is damaged.

use std::error::Error;
use std::io::Write;

use atelier_store::{Checkpoint, NamedArray, RunDir, read_lines};

fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("train-0001");

    let run = RunDir::create(&path)?;
    let mut metrics = run.metrics()?;
    for step in 1..=4_u16 {
        metrics.append(format!(r#"{{"kind":"step","step":{step}}}"#).as_bytes())?;
        if step % 2 == 0 {
            metrics.sync()?;
            let mut checkpoint = Checkpoint::default();
            checkpoint.arrays.push(NamedArray::f32("net.0.bias", &[1], &[f32::from(step)]));
            checkpoint.metadata.insert("metrics_len".into(), metrics.len().to_string());
            run.checkpoints().save(step.into(), &checkpoint)?;
        }
    }
    let newest = run.checkpoints().path(4);
    drop((metrics, run));

    // The crash, by hand.
    let log = path.join("metrics.jsonl");
    std::fs::OpenOptions::new().append(true).open(&log)?.write_all(br#"{"kind":"st"#)?;
    let mut bytes = std::fs::read(&newest)?;
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    std::fs::write(&newest, bytes)?;

    // A real run has a manifest, and is opened with `RunDir::open`.
    let checkpoints = atelier_store::Checkpoints::new(path.join("checkpoints"));
    let latest = checkpoints.latest()?.ok_or("no checkpoint")?;
    for damaged in &latest.passed_over {
        println!("passed over: {}", damaged.error);
    }
    println!("going on after step {}", latest.step);

    let len = latest.checkpoint.metadata.get("metrics_len").ok_or("no length")?.parse()?;
    atelier_store::AppendLog::open(&log)?.truncate(len)?;
    for line in read_lines(&log)? {
        println!("{line}");
    }
    Ok(())
}
