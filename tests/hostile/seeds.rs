//! The hand-made files of the corpus: small good ones, by our own writers where there is one, and attacks.
//!
//! Names begin with `good-` for what must be accepted and with `bad-` for what must be refused. Files that a fuzzer
//! found begin with `fuzz-` and are not made here.

mod arrays;
mod grids;
mod pictures;
mod texts;

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

/// A file of the corpus.
#[derive(Clone)]
pub struct Seed {
    /// The folder, which is the reader's name.
    pub reader: &'static str,
    pub name: String,
    pub bytes: Vec<u8>,
}

/// All of them.
pub fn seeds() -> Vec<Seed> {
    [arrays::seeds(), grids::seeds(), texts::seeds(), pictures::seeds()].concat()
}

fn seed(reader: &'static str, name: &str, bytes: impl Into<Vec<u8>>) -> Seed {
    Seed { reader, name: name.to_string(), bytes: bytes.into() }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(bytes).expect("memory");
    packed.finish().expect("memory")
}
