//! Small sets with known content, in memory and on disk.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use atelier_data::{Dataset, FILE_NAMES, Loaded, SAMPLE, idx, load_dir};
use flate2::Compression;
use flate2::write::GzEncoder;
use ndarray::Array2;

/// Plain IDX.
pub fn encode(dimensions: &[usize], values: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    idx::write(&mut bytes, dimensions, values).expect("valid dimensions");
    bytes
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// Four plain files of a set of one's own: 6 training and 3 test images of 2x3 pixels, 3 classes.
pub fn own_files() -> [Vec<u8>; 4] {
    let pixels: Vec<u8> = (0..36).collect();
    [
        encode(&[6, 2, 3], &pixels),
        encode(&[6], &[0, 1, 2, 0, 1, 2]),
        encode(&[3, 2, 3], &pixels[..18]),
        encode(&[3], &[2, 1, 0]),
    ]
}

pub fn put(directory: &Path, files: &[Vec<u8>; 4]) {
    for (name, bytes) in FILE_NAMES.iter().zip(files) {
        std::fs::write(directory.join(name), bytes).expect("write");
    }
}

/// The repository's sample.
pub fn sample_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/sample")
}

pub fn sample() -> Loaded {
    load_dir(&sample_dir(), &[SAMPLE], false).expect("the sample")
}

/// `counts[c]` images of class `c`, interleaved; every pixel of image `i` is distinct from the
/// same pixel of the images next to it.
pub fn made(counts: &[usize], height: usize, width: usize) -> Arc<Dataset> {
    let most = counts.iter().max().copied().unwrap_or(0);
    let mut labels = Vec::new();
    for round in 0..most {
        for (class, &count) in counts.iter().enumerate() {
            if round < count {
                labels.push(u8::try_from(class).expect("few classes"));
            }
        }
    }
    let pixel =
        |(image, pixel): (usize, usize)| u8::try_from((image * 31 + pixel * 7) % 256).expect("mod");
    let images = Array2::from_shape_fn((labels.len(), height * width), pixel);
    Arc::new(Dataset::new(images, labels, (height, width), counts.len()).expect("fits"))
}
