//! No file makes a reader take more memory than a small multiple of what it holds.

use std::fs;
use std::path::Path;

use atelier_data::{FASHION_MNIST, FILE_NAMES, SAMPLE, load_dir};

use crate::allocator::most_held;
use crate::corpus::{File, files};

/// What any reader may take for messages, buffers and tables of its own.
const CONSTANT: usize = 512 << 10;

/// How many bytes the reader of a file may take: so many for each byte of the file, or of what it holds unpacked.
fn allowed(file: &File) -> usize {
    let size = file.bytes.len();
    let (reader, _) = file.name.split_once('/').unwrap_or_default();
    let holds = match reader {
        // The values, and their copy while a list of them grows. Read alone, as here, a packed file is trusted to hold
        // what it promises; of a data set its labels or a pin say first how much can be right (the second test).
        "images" | "labels" => 4 * unpacked(&file.bytes),
        // The values as they are, in the order of C, and as pixels.
        "npy" | "npy-images" | "npy-labels" => 6 * size,
        "model" | "checkpoint" => 40 * size,
        // The pixels as the file has them, at most 8 bytes each, and as greys.
        "picture" => 64 * size + 12 * pixels(&file.bytes) + profile(&file.name),
        // Values of JSON and TOML are larger than the text that they are read from, most of all short ones.
        _ => 160 * size,
    };
    holds + CONSTANT
}

/// The size that the header of an IDX file gives, but no more than deflate could make of it.
fn unpacked(bytes: &[u8]) -> usize {
    use std::io::Read as _;
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return bytes.len();
    }
    let mut header = Vec::new();
    // What is damaged holds what came before the damage.
    let _ = flate2::read::MultiGzDecoder::new(bytes).take(16).read_to_end(&mut header);
    let rank = header.get(3).map_or(0, |&rank| usize::from(rank));
    let sizes = header.get(4..4 + 4 * rank).unwrap_or_default().chunks_exact(4);
    let size = |n: &[u8]| n.iter().fold(0_usize, |n, &byte| n << 8 | usize::from(byte));
    let product = sizes.fold(1_usize, |all, n| all.saturating_mul(size(n)));
    product.min(1032 * bytes.len())
}

/// The colour profile of the one file that has one, while it grows to the 8 MiB that a decoder may take beside the pixels.
fn profile(name: &str) -> usize {
    if name.ends_with("profile-bomb.png") { 24 << 20 } else { 0 }
}

/// The pixels that a PNG file's header gives; none where so much is refused before it is decoded.
fn pixels(bytes: &[u8]) -> usize {
    if !bytes.starts_with(b"\x89PNG") {
        return 0;
    }
    let side = |at: usize| {
        let word = bytes.get(at..at + 4).unwrap_or_default();
        word.iter().fold(0_usize, |n, &byte| n << 8 | usize::from(byte))
    };
    let (width, height) = (side(16), side(20));
    let (depth, colour) = (bytes.get(24), bytes.get(25));
    let channels = match colour {
        Some(2) => 3,
        Some(4) => 2,
        Some(6) => 4,
        _ => 1,
    };
    let pixels = width.saturating_mul(height);
    let decoded = pixels.saturating_mul(channels * if depth == Some(&16) { 2 } else { 1 });
    let taken = width.max(height) <= 16_384 && pixels <= 64_000_000 && decoded <= 192_000_000;
    if taken { pixels } else { 0 }
}

#[test]
fn no_file_of_the_corpus_makes_its_reader_take_more_than_a_small_multiple_of_what_it_holds() {
    let show = std::env::var_os("ATELIER_SHOW_MEMORY").is_some();
    let mut wrong = Vec::new();
    for file in files() {
        let (_, most) = most_held(|| (file.read)(&file.bytes));
        let allowed = allowed(&file);
        if show {
            println!("{most:>12} of {allowed:>12}  {:>8}  {}", file.bytes.len(), file.name);
        }
        if most > allowed {
            wrong.push(format!("{}: {most} bytes for {}", file.name, file.bytes.len()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_pinned_data_set_takes_no_memory_by_what_a_file_promises() {
    use std::io::Write as _;
    let directory = tempfile::tempdir().expect("a directory");
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/sample");
    for name in FILE_NAMES {
        let name = format!("{name}.gz");
        fs::copy(sample.join(&name), directory.path().join(&name)).expect("a copy");
    }
    // 64 MiB of zeros, in the file that is read by the thread that is counted.
    let header = [0x0803, 64, 1024, 1024_u32].map(u32::to_be_bytes).concat();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&header).expect("memory");
    packed.write_all(&vec![0; 64 << 20]).expect("memory");
    let bomb = packed.finish().expect("memory");
    fs::write(directory.path().join(format!("{}.gz", FILE_NAMES[2])), &bomb).expect("a file");
    for allowed in [false, true] {
        let load = || load_dir(directory.path(), &[FASHION_MNIST, SAMPLE], allowed);
        let (refused, most) = most_held(load);
        let said = refused.expect_err("refused").to_string();
        let why = if allowed { "64 images" } else { "67108880 bytes, expected at most" };
        assert!(said.contains(why), "{said}");
        // The labels, and buffers.
        assert!(most < bomb.len() + CONSTANT, "{most} bytes for {}", bomb.len());
    }
}
