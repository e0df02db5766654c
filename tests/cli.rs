//! Runs the built programs as a user would and hands back what they said.
//!
//! The programs are built by `cargo xtask test`, which names them in `ATELIER_BIN` and `XTASK_BIN`; without
//! these variables they are looked for in the target directory.

use std::{
    env,
    ffi::{OsStr, OsString},
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// What a program left behind when it ended.
#[derive(Debug)]
pub struct Output {
    /// The exit code; `None` where a signal ended the program.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Output {
    /// Standard output read as one JSON value; fails the test where it is something else.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("stdout is not JSON ({error}):\n{self}"))
    }

    /// Fails the test, showing all output, unless the program ended with this exit code.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "unexpected exit code:\n{self}");
        self
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { code, stdout, stderr } = self;
        write!(f, "exit code {code:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}

/// A program about to be run, with nothing on standard input and no colours.
#[derive(Debug)]
pub struct Invocation {
    command: Command,
    /// The default `ATELIER_HOME`, kept until the program has ended.
    home: TempDir,
}

/// `atelier` with these arguments; its `ATELIER_HOME` is a new, empty directory.
pub fn atelier<I, S>(arguments: I) -> Invocation
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    Invocation::new(atelier_program(), arguments)
}

/// Where `atelier` is, for programs that run it.
pub fn atelier_program() -> PathBuf {
    program("ATELIER_BIN", "release/atelier")
}

/// `cargo xtask` with these arguments, without cargo.
pub fn xtask<I, S>(arguments: I) -> Invocation
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    Invocation::new(program("XTASK_BIN", "debug/xtask"), arguments)
}

impl Invocation {
    fn new<I, S>(program: PathBuf, arguments: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let home = temp_dir();
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("ATELIER_HOME", home.path())
            .env("ATELIER_PROGRAM", "cargo xtask")
            .env_remove("ATELIER_REPOSITORY")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null());
        Self { command, home }
    }

    /// Runs the program in this directory.
    pub fn in_dir(mut self, directory: impl AsRef<Path>) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// Sets an environment variable; `ATELIER_HOME` too, where a test runs several commands in one home.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs the program to its end.
    #[track_caller]
    pub fn run(mut self) -> Output {
        let output = match self.command.output() {
            Ok(output) => output,
            Err(error) => panic!("cannot run {}: {error}", self.command.get_program().display()),
        };
        Output {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The command itself, for a test that talks to the running program (signals, say), and the directory that
    /// must outlive it.
    pub fn into_command(self) -> (Command, TempDir) {
        (self.command, self.home)
    }
}

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository")
}

/// The small real sample of Fashion-MNIST that comes with the repository: 2,000 training and 1,000 test images.
pub fn sample() -> PathBuf {
    root().join("data/sample")
}

/// A new directory that goes away with the value.
pub fn temp_dir() -> TempDir {
    tempfile::tempdir().expect("a temporary directory can be made")
}

/// Reports that the running test cannot say anything on this machine; the test then returns.
///
/// The line goes past the test harness, which shows the output of failing tests only, so that
/// `cargo xtask test` sees and counts it.
pub fn skip(why: &str) {
    let thread = std::thread::current();
    let line = format!("\nskipped: {}: {why}\n", thread.name().unwrap_or("a test"));
    std::io::stdout().write_all(line.as_bytes()).expect("stdout can be written");
}

#[track_caller]
fn program(variable: &str, in_target: &str) -> PathBuf {
    let path = env::var_os(variable).map_or_else(|| target_dir().join(in_target), PathBuf::from);
    assert!(
        path.is_file(),
        "{} does not exist: run `cargo xtask test`, which builds it first",
        path.display()
    );
    path
}

fn target_dir() -> PathBuf {
    let directory: OsString = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    root().join(directory)
}
