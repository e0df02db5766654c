//! Makes `data/sample`: a small part of Fashion-MNIST with the same number of images of each class.
//!
//! ```text
//! cargo run --release -p atelier-data --example make_sample -- data data/sample
//! ```
//! The same input gives the same bytes; the digests that it prints are the ones that
//! `atelier_data::SAMPLE` pins.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use atelier_data::{FILE_NAMES, Sources, Subset, idx, obtain};
use atelier_store::durable_write;
use flate2::{Compression, GzBuilder};
use sha2::{Digest, Sha256};

const SEED: u64 = 0;
const TRAIN: usize = 2000;
const TEST: usize = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(data), Some(target)) = (arguments.next(), arguments.next()) else {
        return Err("usage: make_sample DATA_DIR TARGET_DIR".into());
    };
    let all = obtain(&Sources::fashion_mnist(data), &mut |event| eprintln!("{event}"))?;
    // A copy of the test examples as a plain data set, so that they can be drawn from.
    let test = all.test.read();
    let test = atelier_data::Dataset::new(
        test.images().to_owned(),
        test.labels().to_vec(),
        (test.height(), test.width()),
        test.classes(),
    )?;
    std::fs::create_dir_all(&target)?;
    let drawn = [
        Subset::all(&all.train).stratified(TRAIN, SEED)?,
        Subset::all(&Arc::new(test)).stratified(TEST, SEED)?,
    ];
    for (subset, names) in drawn.iter().zip([&FILE_NAMES[..2], &FILE_NAMES[2..]]) {
        let dataset = subset.dataset();
        let (mut pixels, mut labels) = (Vec::new(), Vec::new());
        for &index in subset.indices() {
            pixels.extend(dataset.images().row(index as usize));
            labels.push(dataset.labels()[index as usize]);
        }
        let shape = [subset.len(), dataset.height(), dataset.width()];
        write(&target, names[0], &shape, &pixels)?;
        write(&target, names[1], &shape[..1], &labels)?;
    }
    Ok(())
}

fn write(
    target: &Path,
    name: &str,
    dimensions: &[usize],
    values: &[u8],
) -> Result<(), Box<dyn Error>> {
    let mut plain = Vec::new();
    idx::write(&mut plain, dimensions, values)?;
    // No name, no time: the header says nothing about the day or the machine.
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    std::io::Write::write_all(&mut encoder, &plain)?;
    let packed = encoder.finish()?;
    let digest = Sha256::digest(&plain);
    let digest: Vec<_> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    println!("{name}  {} bytes  {}  ({} packed)", plain.len(), digest.concat(), packed.len());
    Ok(durable_write(&target.join(format!("{name}.gz")), &packed)?)
}
