//! No file makes a reader take more memory than a small multiple of what it holds.

use crate::allocator::most_held;
use crate::corpus::{File, files};

/// What any reader may take for messages, buffers and tables of its own.
const CONSTANT: usize = 512 << 10;

/// How many bytes the reader of a file may take: so many for each byte of the file, or of what it holds unpacked.
fn allowed(file: &File) -> usize {
    let size = file.bytes.len();
    let (reader, _) = file.name.split_once('/').unwrap_or_default();
    let holds = match reader {
        // The values, and their copy while a list of them grows.
        "images" | "labels" => 4 * unpacked(&file.bytes),
        // The values as they are, in the order of C, and as pixels.
        "npy" | "npy-images" | "npy-labels" => 6 * size,
        "model" | "checkpoint" => 40 * size,
        "picture" => 64 * size + 24 * pixels(&file.bytes) + profile(&file.name),
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

/// The colour profile of the one file that has one, unpacked and while it grows: the decoder bounds it by its own limit
/// for all that it takes, of 512 MiB.
fn profile(name: &str) -> usize {
    if name.ends_with("profile-bomb.png") { 48 << 20 } else { 0 }
}

/// The pixels that a PNG file's header gives, up to the most that are decoded.
fn pixels(bytes: &[u8]) -> usize {
    let side = |at: usize| {
        let word = bytes.get(at..at + 4).unwrap_or_default();
        word.iter().fold(0_usize, |n, &byte| n << 8 | usize::from(byte))
    };
    let product = side(16).saturating_mul(side(20));
    if bytes.starts_with(b"\x89PNG") && product <= 64_000_000 { product } else { 0 }
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
