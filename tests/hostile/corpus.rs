//! Every file of the kept corpus through the reader that it is for.

use std::fs;
use std::path::{Path, PathBuf};

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
    for File { name, bytes, read } in files {
        let result = (read)(&bytes);
        let own = name.rsplit('/').next().unwrap_or_default();
        match &result {
            Ok(()) => assert!(!own.starts_with("bad-"), "{name} was accepted"),
            Err(message) => {
                assert!(!own.starts_with("good-"), "{name} was refused: {message}");
                assert!(message.contains(PATH), "{name}: {message}");
                assert!(message.len() > PATH.len() + 10, "{name}: {message}");
                assert!(message.len() < 2000, "{name}: {} bytes of message", message.len());
            }
        }
    }
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
