//! Real places: a disk that is full, one that cannot be written to, files from the future.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use super::toy::{TRAIN, TUNE, Workbench};
use crate::cli::{Output, atelier, skip, temp_dir};
use crate::fixture::{amend, home_with_sample, reopen, report_program};

/// A file system of its own, of this size; unmounted with the value.
struct Disk(tempfile::TempDir);

impl Disk {
    /// `None`, and said so, where this machine does not let one be mounted.
    fn mount(size: &str) -> Option<Self> {
        let disk = Self(temp_dir());
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(disk.path())
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(disk);
        }
        skip("a file system of its own cannot be mounted here (that needs root)");
        None
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn remount(&self, how: &str) {
        let mut mount = Command::new("mount");
        let done = mount.args(["-o", &format!("remount,{how}")]).arg(self.path()).status();
        assert!(done.is_ok_and(|status| status.success()), "remount {how}");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // What remains is a mount below a directory that is to be removed, which then fails and says so.
        let _ = Command::new("umount").arg(self.path()).status();
    }
}

fn run(home: &Path, arguments: &[&str]) -> Output {
    let report = report_program(home);
    atelier(arguments).env("ATELIER_HOME", home).env("ATELIER_REPORT", report).run()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

#[test]
fn a_disk_without_room_is_refused_before_anything_is_trained_or_left_there() {
    let Some(disk) = Disk::mount("256k") else { return };
    let home = home_with_sample();
    for verb in ["train", "autoencoder", "tune", "landscape", "variants", "init", "reproduce"] {
        let out = disk.path().join(verb);
        let refused = run(home.path(), &[verb, "--smoke", "--out", text(&out)]).expect_code(2);
        assert!(refused.stderr.contains("bytes, "), "{verb}: {refused}");
        assert!(refused.stderr.contains("are needed"), "{verb}: {refused}");
        assert!(!out.exists(), "{verb} has left its directory");
    }
    assert_eq!(fs::read_dir(disk.path()).expect("the disk").count(), 0);
}

#[test]
fn a_disk_that_is_full_in_the_middle_of_a_run_loses_nothing_and_the_run_goes_on_when_there_is_room()
{
    let Some(disk) = Disk::mount("48m") else { return };
    let home = home_with_sample();
    let long = ["--smoke", "--quiet", "--set", "train.epochs=400", "--set", "model.hidden=32"];
    let whole = home.path().join("whole");
    run(home.path(), &[&["train", "--out", text(&whole)], &long[..]].concat()).expect_code(0);

    let out = disk.path().join("run");
    let (mut command, _home) =
        atelier([&["train", "--out", text(&out)], &long[..]].concat()).into_command();
    command.env("ATELIER_HOME", home.path()).stdout(std::process::Stdio::null());
    let child = command.stderr(std::process::Stdio::piped()).spawn().expect("atelier starts");
    wait_for(&out.join("checkpoints"));
    // Until nothing more fits.
    let filler = disk.path().join("filler");
    let _ = Command::new("dd")
        .args(["if=/dev/zero", "bs=4k"])
        .arg(format!("of={}", text(&filler)))
        .output();
    let ended = child.wait_with_output().expect("the end");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(2), "{said}");
    assert!(said.contains("help: free some space, then `cargo xtask train --resume"), "{said}");

    let again = run(home.path(), &["train", "--resume", "--out", text(&out)]).expect_code(2);
    assert!(again.stderr.contains("error: "), "{again}");
    fs::remove_file(filler).expect("room");
    run(home.path(), &["train", "--resume", "--quiet", "--out", text(&out)]).expect_code(0);
    let model = |run: &Path| fs::read(run.join("model.safetensors")).expect("a model");
    assert!(model(&out) == model(&whole));
}

#[test]
fn a_place_that_cannot_be_written_to_is_refused_at_once_and_its_runs_stay_as_they_are() {
    let Some(disk) = Disk::mount("64m") else { return };
    let home = home_with_sample();
    let out = disk.path().join("run");
    run(home.path(), &["train", "--smoke", "--quiet", "--out", text(&out)]).expect_code(0);
    // As if it had been killed.
    reopen(&out, "running");
    disk.remount("ro");
    for verb in ["train", "autoencoder", "tune", "landscape", "variants", "init", "reproduce"] {
        let new = disk.path().join("new");
        let refused = run(home.path(), &[verb, "--smoke", "--out", text(&new)]).expect_code(2);
        assert!(refused.stderr.contains("Read-only file system"), "{verb}: {refused}");
    }
    let refused = run(home.path(), &["train", "--resume", "--out", text(&out)]).expect_code(2);
    assert!(refused.stderr.contains("Read-only file system"), "{refused}");
    disk.remount("rw");
    run(home.path(), &["train", "--resume", "--quiet", "--out", text(&out)]).expect_code(0);
}

#[test]
fn a_clock_that_jumped_keeps_nobody_waiting_and_changes_no_result() {
    for toy in [&TRAIN, &TUNE] {
        let bench = Workbench::new(toy);
        // With the journal's lock held, in a search; somewhere in the middle otherwise.
        let locked = bench.operations.iter().position(|operation| operation.name == "touch");
        let at = locked.map_or(bench.operations.len() / 2, |index| index + 2);
        bench.interrupt(&format!("kill@{at}"));
        amend(&bench.out(), |manifest| manifest["started"] = "2199-01-01T00:00:00Z".into());
        let future = SystemTime::now() + Duration::from_secs(60 * 60 * 24 * 365 * 60);
        for path in everything(&bench.out()) {
            let link = Command::new("touch").args(["-h", "-d", "2090-01-01"]).arg(&path).status();
            assert!(link.is_ok_and(|status| status.success()) || path.exists());
            if let Ok(file) = fs::File::options().write(true).open(&path) {
                file.set_modified(future).expect("a time");
            }
        }
        let started = Instant::now();
        bench.finish().expect("taken up");
        assert!(started.elapsed() < Duration::from_secs(25), "it waited for a lock of nobody");
    }
}

/// All files below a directory.
fn everything(directory: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let entry = entry.expect("an entry");
        if entry.file_type().expect("a type").is_dir() {
            all.extend(everything(&entry.path()));
        } else {
            all.push(entry.path());
        }
    }
    all
}

fn wait_for(path: &Path) {
    for _ in 0..3000 {
        if path.exists() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{} does not appear", path.display());
}
