//! Describes the sample in `data/sample`, or another directory of data:
//!
//! ```text
//! cargo run --release -p atelier-data --example describe -- [DIRECTORY]
//! ```

use std::error::Error;
use std::path::PathBuf;

use atelier_data::{
    DataConfig, FASHION_MNIST, SAMPLE, Standardization, ValidationSize, load_dir, split,
};

fn main() -> Result<(), Box<dyn Error>> {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/sample");
    let directory = std::env::args_os().nth(1).map_or_else(|| PathBuf::from(sample), PathBuf::from);
    let data = load_dir(&directory, &[FASHION_MNIST, SAMPLE], true)?;

    let provenance = &data.provenance;
    let pinned = if provenance.pinned { "verified" } else { "not pinned" };
    println!("{} ({pinned}) from {}", provenance.name, provenance.source);
    println!(
        "{} training and {} test images of {}x{} pixels",
        data.train.len(),
        data.test.len(),
        data.train.height(),
        data.train.width()
    );
    let config = DataConfig { validation: ValidationSize::Fraction(0.2), ..DataConfig::default() };
    let split = split(&data.train, &config, 0)?;
    let validation = split.validation.map(|subset| subset.class_counts()).unwrap_or_default();
    println!("\n{:12} {:>8} {:>10} {:>6}", "class", "training", "validation", "test");
    for (class, name) in data.class_names.iter().enumerate() {
        println!(
            "{name:12} {:>8} {:>10} {:>6}",
            split.train.class_counts()[class],
            validation.get(class).unwrap_or(&0),
            data.test.class_counts()[class]
        );
    }
    let standardization = Standardization::fit(&split.train);
    let mean = standardization.mean.iter().sum::<f32>() / standardization.mean.len() as f32;
    println!("\nmean of the training pixels: {mean:.4}");
    Ok(())
}
