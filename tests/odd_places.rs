//! Paths that are no text, and pipes, devices and links in the place of files.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::cli::{atelier, temp_dir};
use crate::fixture::home_with_sample;

/// A name that is not UTF-8.
pub fn odd() -> &'static OsStr {
    OsStr::from_bytes(b"odd-\xff")
}

/// The exit code of a command that must end by itself, and what it says on stderr.
#[track_caller]
fn ends(home: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let (mut command, _home) = atelier(arguments).into_command();
    command.env("ATELIER_HOME", home).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("atelier starts");
    for _ in 0..3000 {
        if child.try_wait().expect("a child").is_some() {
            let output = child.wait_with_output().expect("its output");
            return (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned());
        }
        sleep(Duration::from_millis(10));
    }
    child.kill().expect("kill");
    panic!("{arguments:?} does not end");
}

#[test]
fn a_directory_whose_name_is_no_text_is_as_good_as_any() {
    let home = home_with_sample();
    let out = home.path().join(odd());
    let arguments = ["train", "--smoke", "--format", "json", "--out"].map(OsStr::new);
    let arguments = arguments.into_iter().chain([out.as_os_str()]);
    let trained = atelier(arguments).env("ATELIER_HOME", home.path()).run().expect_code(0);
    assert!(trained.json()["run"].as_str().is_some_and(|run| run.contains("odd-")), "{trained}");
    assert!(out.join("summary.json").is_file());

    let odd_home = home.path().join("home").join(odd());
    fs::create_dir_all(&odd_home).expect("a directory");
    fs::rename(home.path().join("data"), odd_home.join("data")).expect("the sample");
    for arguments in [
        &["train", "--smoke"][..],
        &["train", "--smoke", "--find-learning-rate"],
        &["runs", "list"],
        &["runs", "show", "train-0001"],
    ] {
        let command = atelier(arguments.iter().chain(&["--format", "json"]));
        command.env("ATELIER_HOME", &odd_home).run().expect_code(0).json();
    }
}

#[test]
fn a_device_or_a_pipe_in_the_place_of_a_file_is_refused_at_once() {
    let home = home_with_sample();
    let (code, said) = ends(home.path(), &["train", "--config", "/dev/zero"]);
    assert!(code == Some(2) && said.contains("not a regular file"), "{code:?}: {said}");

    atelier(["train", "--smoke", "--quiet"]).env("ATELIER_HOME", home.path()).run().expect_code(0);
    let summary = home.path().join("runs/train-0001/summary.json");
    fs::remove_file(&summary).expect("removed");
    assert!(Command::new("mkfifo").arg(&summary).status().expect("mkfifo").success());
    assert_eq!(ends(home.path(), &["runs", "list"]).0, Some(0));
    let (code, said) = ends(home.path(), &["runs", "show", "train-0001"]);
    assert!(code == Some(2) && said.contains("not a regular file"), "{code:?}: {said}");
}

#[test]
fn links_in_a_run_directory_lead_nowhere() {
    let (home, others) = (home_with_sample(), temp_dir());
    let precious = others.path().join("thesis.txt");
    fs::write(&precious, "precious").expect("a file");
    let out = home.path().join("mine");
    fs::create_dir(&out).expect("a directory");
    symlink(&precious, out.join(".lock")).expect("a link");
    let path = out.display().to_string();
    let (code, said) = ends(home.path(), &["train", "--smoke", "--out", &path]);
    assert!(code == Some(2) && said.contains(".lock: a symbolic link"), "{code:?}: {said}");
    assert_eq!(fs::read_to_string(&precious).expect("the file"), "precious");
}
