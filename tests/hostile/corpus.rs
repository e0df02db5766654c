//! Every file of the kept corpus through the reader that it is for.

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use atelier::config::Config;
use atelier::outside;
use atelier_store::{NamedArray, write_model};

use crate::allocator::most_held;
use crate::readers::{PATH, READERS, Reader};
use crate::seeds::{Seed, seeds};

/// Where the corpus lies.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// A file of the corpus.
pub struct File {
    /// Its folder, which is its reader's name, and its own name.
    pub name: String,
    pub bytes: Vec<u8>,
    pub read: Reader,
}

/// All files of the corpus, by name.
pub fn files() -> Vec<File> {
    let mut files = Vec::new();
    for (reader, read) in READERS {
        let listed = fs::read_dir(folder().join(reader)).expect("a folder for each reader");
        let mut paths: Vec<PathBuf> = listed.map(|entry| entry.expect("an entry").path()).collect();
        paths.sort();
        for path in paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let bytes = fs::read(&path).expect("a file of the corpus");
            files.push(File { name: format!("{reader}/{name}"), bytes, read: *read });
        }
    }
    files
}

#[test]
fn no_file_of_the_corpus_makes_its_reader_panic_and_each_refusal_names_the_file_and_the_fault() {
    let files = files();
    assert!(files.len() > 150, "only {} files", files.len());
    let mut wrong = Vec::new();
    for File { name, bytes, read } in files {
        let own = name.rsplit('/').next().unwrap_or_default();
        match catch_unwind(|| read(&bytes)) {
            Err(_) => wrong.push(format!("{name}: a panic")),
            Ok(Ok(())) if own.starts_with("bad-") => wrong.push(format!("{name}: accepted")),
            Ok(Ok(())) => {}
            Ok(Err(said)) => {
                let refused_good = own.starts_with("good-");
                let (names, tells) = (said.contains(PATH), said.len() > PATH.len() + 10);
                if refused_good || !names || !tells || said.len() > 1000 {
                    wrong.push(format!("{name}: {said:.300} ({} bytes)", said.len()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn any_reader_given_any_file_refuses_it_or_reads_it() {
    for File { bytes, .. } in files().into_iter().filter(|file| file.bytes.len() < 4096) {
        for (_, read) in READERS {
            // Which of the two it is the test above says.
            let _ = read(&bytes);
        }
    }
}

#[test]
fn a_network_that_is_described_much_larger_than_its_file_is_refused_before_memory_is_taken() {
    let (weights, bias) = (vec![0.0_f32; 2 * 4], vec![0.0_f32; 2]);
    let arrays = [
        NamedArray::f32("net.0.weight", &[2, 4], &weights),
        NamedArray::f32("net.0.bias", &[2], &bias),
    ];
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("model.safetensors");
    write_model(&file, &arrays).expect("a model file");
    let model = fs::read(&file).expect("the file");
    let of = |hidden: &[usize]| {
        let mut config = Config::default();
        config.model.hidden = hidden.to_vec();
        let config = serde_json::to_vec(&config).expect("JSON");
        most_held(|| outside::classifier(&model, &config, b"{}", Path::new(PATH)))
    };
    assert_eq!(of(&[]).0.expect("the network"), 2);
    // A gigabyte.
    let (refused, most) = of(&[16_000, 16_000]);
    let said = format!("{:#}", refused.expect_err("refused"));
    assert!(said.contains("holds 10 numbers") && said.contains("256096000 weights"), "{said}");
    assert!(most < 1 << 20, "{most} bytes");
}

/// `ATELIER_WRITE_CORPUS=1` writes what is missing or has changed.
#[test]
fn the_hand_made_files_of_the_corpus_are_those_that_the_seeds_give() {
    let write = std::env::var_os("ATELIER_WRITE_CORPUS").is_some();
    for Seed { reader, name, bytes } in seeds() {
        let path = folder().join(reader).join(&name);
        if write && fs::read(&path).ok().as_ref() != Some(&bytes) {
            fs::create_dir_all(folder().join(reader)).expect("a folder");
            fs::write(&path, &bytes).expect("a file of the corpus");
        }
        let kept = fs::read(&path).unwrap_or_else(|error| panic!("{reader}/{name}: {error}"));
        assert!(kept == bytes, "{reader}/{name} is another file: set ATELIER_WRITE_CORPUS=1");
    }
}
