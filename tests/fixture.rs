//! Homes and data directories that tests may write to.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde_json::Value;
use tempfile::TempDir;

use crate::cli::{sample, temp_dir};

/// The four files of a data set.
pub const FILES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

/// A new `ATELIER_HOME` with the sample where `--smoke` looks for it.
pub fn home_with_sample() -> TempDir {
    home_with_sample_in(None)
}

/// The same, in this directory if one is given.
pub fn home_with_sample_in(directory: Option<&Path>) -> TempDir {
    let home = match directory {
        Some(directory) => tempfile::tempdir_in(directory).expect("a temporary directory"),
        None => temp_dir(),
    };
    let directory = home.path().join("data/sample");
    fs::create_dir_all(&directory).expect("a directory");
    for name in FILES {
        let name = format!("{name}.gz");
        fs::copy(sample().join(&name), directory.join(&name)).expect("a copy of the sample");
    }
    home
}

/// The sample, decompressed, in a directory of its own.
pub struct Files {
    directory: TempDir,
}

impl Files {
    pub fn new() -> Self {
        let files = Self { directory: temp_dir() };
        for name in FILES {
            let packed = fs::File::open(sample().join(format!("{name}.gz"))).expect("the sample");
            let mut raw = Vec::new();
            GzDecoder::new(packed).read_to_end(&mut raw).expect("gzip");
            files.put(name, &raw);
        }
        files
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory().join(name)
    }

    pub fn get(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).expect("a file of the sample")
    }

    pub fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).expect("a file of the sample");
    }

    /// Every file of the directory with its content, to see whether a program changed any.
    pub fn content(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let entries = fs::read_dir(self.directory()).expect("the directory");
        let mut paths: Vec<PathBuf> =
            entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.sort();
        paths.into_iter().map(|path| (path.clone(), fs::read(&path).unwrap_or_default())).collect()
    }
}

/// A stand-in for the program that makes reports, in `directory`: it writes its arguments into `report.pdf` and the
/// summary into `index.html`, and fails where there is no summary. The real one has tests of its own.
pub fn report_program(directory: &Path) -> PathBuf {
    let script = "#!/bin/sh\nfor run; do :; done\ncp \"$run/summary.json\" \"$run/index.html\" || exit 2\n\
                  printf '%s\\n' \"$@\" > \"$run/report.pdf\"\n";
    program(&directory.join("report-stand-in"), script)
}

/// The same, but it fails and says so.
pub fn failing_report_program(directory: &Path) -> PathBuf {
    let script = "#!/bin/sh\necho 'error: no ink left' >&2\nexit 2\n";
    program(&directory.join("failing-report"), script)
}

/// The same, but it writes its process number and is never done.
pub fn slow_report_program(directory: &Path) -> PathBuf {
    let script = "#!/bin/sh\nfor run; do :; done\necho $$ > \"$run/.typesetting\"\n\
                  mv \"$run/.typesetting\" \"$run/typesetting\"\nexec sleep 600\n";
    program(&directory.join("slow-report"), script)
}

fn program(path: &Path, script: &str) -> PathBuf {
    fs::write(path, script).expect("a script");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("permissions");
    path.to_path_buf()
}

/// Changes the manifest in a run directory as the program itself would: without a checksum of what it was before.
pub fn amend(run: &Path, change: impl FnOnce(&mut Value)) {
    let file = run.join("manifest.json");
    let text = fs::read_to_string(&file).expect("a manifest");
    let mut manifest: Value = serde_json::from_str(&text).expect("JSON");
    manifest.as_object_mut().expect("an object").remove("checksum").expect("a checksum");
    change(&mut manifest);
    fs::write(&file, manifest.to_string()).expect("a manifest");
}

/// Gives a run that came to its end another status, as if it had been killed or stopped.
pub fn reopen(run: &Path, status: &str) {
    amend(run, |manifest| manifest["status"] = status.into());
}
