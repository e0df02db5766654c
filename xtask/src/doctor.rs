//! `doctor`: what this machine has, what is missing, and what to do about it.

use std::{
    env,
    ffi::OsString,
    fs,
    path::Path,
    process::{Command, ExitCode},
    thread,
};

use anyhow::Result;

use crate::{
    build::{self, on_path},
    talk, tasks,
    workspace::Workspace,
};

/// One line of the diagnosis.
struct Finding {
    name: &'static str,
    /// What was found; `None` where it is missing.
    found: Option<String>,
    /// Whether nothing works without it.
    needed: bool,
    purpose: &'static str,
    remedy: &'static str,
}

/// Prints a line for each thing; exit code 1 where something needed is missing.
pub fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<ExitCode> {
    tasks::expect_none("doctor", arguments)?;
    let findings = findings(workspace);
    for finding in &findings {
        talk::say(finding.line() + "\n")?;
    }
    let well = findings.iter().all(|finding| finding.found.is_some() || !finding.needed);
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Finding {
    fn line(&self) -> String {
        let Self { name, purpose, remedy, .. } = self;
        match (&self.found, self.needed) {
            (Some(found), _) => format!("ok       {name:<10} {found} ({purpose})"),
            (None, true) => format!("missing  {name:<10} needed for {purpose}: {remedy}"),
            (None, false) => format!("missing  {name:<10} only for {purpose}: {remedy}"),
        }
    }
}

fn needed(
    name: &'static str,
    found: Option<String>,
    purpose: &'static str,
    remedy: &'static str,
) -> Finding {
    Finding { name, found, needed: true, purpose, remedy }
}

fn useful(
    name: &'static str,
    found: Option<String>,
    purpose: &'static str,
    remedy: &'static str,
) -> Finding {
    Finding { name, found, needed: false, purpose, remedy }
}

fn findings(workspace: &Workspace) -> Vec<Finding> {
    let current = |found: &String| release(found) >= release(RUST_VERSION);
    let memory = available_memory_gib().filter(|&gib| gib >= 2.0);
    let disk = free_disk_gib(&workspace.root).filter(|&gib| gib >= 4.0);
    let apt = on_path("apt-get").is_some() && on_path("dpkg-deb").is_some();
    let browsers = ["chromium", "chromium-browser", "google-chrome"];
    vec![
        needed("rustc", version("rustc").filter(current), "building", NEWER_RUST),
        needed("cargo", version("cargo"), "building", "install Rust by rustup"),
        needed(
            "cc",
            version("cc"),
            "linking",
            "install gcc and libc6-dev, or what they are called here",
        ),
        useful(
            "report",
            version("rustc").filter(|found| release(found) >= release(REPORT_RUST_VERSION)),
            "`reproduce` and `report`, which build Typst",
            "install Rust 1.92 or later by rustup",
        ),
        useful("clippy", version("cargo-clippy"), "`lint` and `ci`", "rustup component add clippy"),
        useful("rustfmt", version("rustfmt"), "`lint` and `ci`", "rustup component add rustfmt"),
        useful("git", version("git"), "the commit in a run's manifest, and `ci`", "install git"),
        needed("processor", Some(processor()), "training; the kernels are chosen at run time", ""),
        useful(
            "memory",
            memory.map(|gib| format!("{gib:.1} GiB available")),
            "building in release",
            "less than 2 GiB is available: close something, or set CARGO_BUILD_JOBS=1",
        ),
        useful(
            "disk",
            disk.map(|gib| format!("{gib:.1} GiB free")),
            "the target directory and runs",
            "less than 4 GiB is free: make room, or set CARGO_TARGET_DIR to another disk",
        ),
        useful(
            "data",
            has_data(&workspace.root.join("data/fashion-mnist"))
                .then(|| "in data/fashion-mnist".to_owned()),
            "runs on the real data",
            "the first run fetches it; `cargo xtask data fetch` does so now",
        ),
        useful(
            "apt-get",
            apt.then(|| "with dpkg-deb".to_owned()),
            "getting the data where only the distribution's packages can be reached",
            "the data can come over HTTP, or from a directory named by --data-dir",
        ),
        useful(
            "python3",
            version("python3"),
            "comparing with PyTorch and Optuna",
            "install python3",
        ),
        useful(
            "chromium",
            browsers.into_iter().find_map(version),
            "testing interactive pages",
            "install chromium",
        ),
        useful(
            "GPU",
            said_by("nvidia-smi", "--list-gpus").filter(|line| line.starts_with("GPU ")),
            "`--device cuda`",
            "a GPU needs NVIDIA's driver; everything runs on the processor",
        ),
        useful(
            "nvcc",
            build::nvcc().map(|path| path.display().to_string()),
            "`build --cuda`",
            "`build --cuda` fetches a toolkit (1 GB) by python3; or install one, or set CUDA_HOME",
        ),
    ]
}

const RUST_VERSION: &str = env!("CARGO_PKG_RUST_VERSION");
/// What the crate atelier-report says of itself.
const REPORT_RUST_VERSION: &str = "1.92";
const NEWER_RUST: &str =
    concat!("install Rust ", env!("CARGO_PKG_RUST_VERSION"), " or later by rustup");

/// Whether all four raw files are there.
fn has_data(directory: &Path) -> bool {
    let files = [
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    ];
    files.iter().all(|file| directory.join(file).is_file())
}

/// What `program --version` says on its first line.
fn version(program: &str) -> Option<String> {
    said_by(program, "--version")
}

fn said_by(program: &str, argument: &str) -> Option<String> {
    let output = Command::new(program)
        .arg(argument)
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned)
}

/// Major and minor version: of the first word that begins with a digit.
fn release(text: &str) -> Option<(u32, u32)> {
    let word = text.split(' ').find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let mut numbers = word.split(['.', '-']).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn processor() -> String {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let vectors = vector_features();
    format!("{cores} cores, {} {}", env::consts::ARCH, vectors.join(" ")).trim_end().to_owned()
}

#[cfg(target_arch = "x86_64")]
fn vector_features() -> Vec<&'static str> {
    [
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
    ]
    .into_iter()
    .filter_map(|(name, present)| present.then_some(name))
    .collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn vector_features() -> Vec<&'static str> {
    Vec::new()
}

fn available_memory_gib() -> Option<f64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib / f64::from(1 << 20))
}

/// The fourth column of `df`'s second line: KiB that are free.
fn free_disk_gib(directory: &Path) -> Option<f64> {
    let output = Command::new("df").arg("-Pk").arg(directory).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let kib: f64 = text.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()?;
    Some(kib / f64::from(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_compared_as_numbers() {
        assert_eq!(release("rustc 1.95.0 (abc 2026-03-21)"), Some((1, 95)));
        assert_eq!(release("rustc 1.100.0-nightly"), Some((1, 100)));
        assert_eq!(release("1.88"), Some((1, 88)));
        assert!(release("rustc 1.9.0") < release("1.88"));
        assert_eq!(release("rustc"), None);
    }

    #[test]
    fn a_line_says_what_to_do_only_where_something_is_missing() {
        let finding = |found: Option<&str>, needed| Finding {
            name: "cc",
            found: found.map(str::to_owned),
            needed,
            purpose: "linking",
            remedy: "install gcc",
        };
        assert_eq!(finding(Some("cc 12"), true).line(), "ok       cc         cc 12 (linking)");
        assert_eq!(
            finding(None, true).line(),
            "missing  cc         needed for linking: install gcc"
        );
        assert_eq!(
            finding(None, false).line(),
            "missing  cc         only for linking: install gcc"
        );
    }

    #[test]
    fn the_data_is_there_when_all_four_files_are() -> Result<()> {
        let directory = tempfile::tempdir()?;
        for file in ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte"]
        {
            fs::write(directory.path().join(file), "")?;
        }
        assert!(!has_data(directory.path()));
        fs::write(directory.path().join("t10k-labels-idx1-ubyte"), "")?;
        assert!(has_data(directory.path()));
        Ok(())
    }
}
