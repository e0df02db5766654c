//! Runs so small that they can be repeated at each of their operations.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;

use tempfile::TempDir;

use super::tree::{Tree, nothing_is_aside, nothing_is_torn};
use crate::cli::{Invocation, Output, atelier};
use crate::fixture::{home_with_sample_in, report_program};

/// A verb with settings under which it takes a fraction of a second.
pub struct Toy {
    pub name: &'static str,
    pub verb: &'static str,
    pub settings: &'static [&'static str],
    /// How many kills and failures there are in a sample: fewer where a run takes longer.
    pub sample: (usize, usize),
}

pub const TRAIN: Toy = Toy {
    name: "train",
    verb: "train",
    settings: &[
        "model.hidden=4",
        "train.epochs=3",
        "data.examples=200",
        "data.validation=100",
        "train.ema=0.9",
        "train.snapshots_per_epoch=2",
    ],
    sample: (80, 28),
};

pub const TUNE: Toy = Toy {
    name: "tune",
    verb: "tune",
    settings: &[
        "tune.space={'optimizer.learning_rate'={choices=[0.02,0.1,0.2]}}",
        "tune.trials=3",
        "tune.batch=2",
        "tune.first_rung=1",
        "model.hidden=4",
        "train.epochs=2",
        "data.examples=200",
        "data.validation=100",
        "retrain.epochs=1",
    ],
    sample: (50, 20),
};

pub const LANDSCAPE: Toy = Toy {
    name: "landscape",
    verb: "landscape",
    settings: &[
        "model.hidden=2",
        "train.epochs=1",
        "data.examples=100",
        "landscape.runs=1",
        "landscape.grid=3",
        "landscape.null_draws=0",
        "landscape.path_epochs=0",
        "landscape.curvature=0",
    ],
    sample: (24, 14),
};

/// Every part of the assignment, as small as `--smoke` makes it.
pub const REPRODUCE: Toy =
    Toy { name: "reproduce", verb: "reproduce", settings: &[], sample: (2, 0) };

/// One operation of an undisturbed run.
pub struct Operation {
    pub name: String,
    pub path: PathBuf,
}

impl Operation {
    /// Whether it can be done in part.
    pub fn has_halves(&self) -> bool {
        ["write", "remove-tree"].contains(&self.name.as_str())
    }

    /// Whether files or names are others after it.
    pub fn changes(&self) -> bool {
        !["close", "lock", "sync", "sync-dir", "touch"].contains(&self.name.as_str())
    }

    /// Whether there are many like it: figures are written alike, and runs within others are runs of `train`.
    pub fn is_one_of_many(&self) -> bool {
        let many = ["figures", "retrained", "run-a"];
        self.path.components().any(|part| many.iter().any(|name| part.as_os_str() == *name))
    }
}

/// Bytes that a place for toys needs: what the verbs ask for, with their results.
const ROOM: u64 = 512 << 20;

/// Where a toy is run again and again, always in the same place.
pub struct Workbench {
    pub toy: &'static Toy,
    home: TempDir,
    pub operations: Vec<Operation>,
    /// What an undisturbed run leaves.
    undisturbed: Tree,
}

impl Workbench {
    pub fn new(toy: &'static Toy) -> Self {
        // In memory, where syncs cost nothing: what a power cut takes is what the program has not synced.
        let memory = Path::new("/dev/shm");
        let room = atelier_store::probe(memory, ROOM).is_ok();
        let home = home_with_sample_in(room.then_some(memory));
        let mut bench = Self { toy, home, operations: Vec::new(), undisturbed: Tree::default() };
        report_program(bench.home.path());
        // So that what every case finds is there in this one, too.
        fs::create_dir(bench.home.path().join("runs")).expect("a directory");
        bench.operations = bench.traced("trace", |fault| bench.begin(Some(fault)));
        bench.undisturbed = Tree::read(&bench.out()).expect("an undisturbed run");
        bench
    }

    /// The operations of a run that comes to its end: those that change something, or those that read.
    fn traced(&self, kind: &str, run: impl FnOnce(&str) -> Output) -> Vec<Operation> {
        let trace = self.home.path().join("trace");
        run(&format!("{kind}@{}", trace.display())).expect_code(0);
        let text = fs::read_to_string(&trace).expect("a trace");
        fs::remove_file(trace).expect("a trace");
        let mut operations = Vec::new();
        for (line, number) in text.lines().zip(1..) {
            let mut words = line.splitn(3, ' ');
            assert_eq!(words.next(), Some(number.to_string().as_str()), "a line is missing");
            let name = words.next().expect("an operation").to_string();
            let path = words.next().expect("a path").into();
            operations.push(Operation { name, path });
        }
        operations
    }

    /// How many operations the run has that takes up what this fault leaves.
    pub fn operations_after(&self, fault: &str) -> usize {
        self.interrupt(fault);
        self.traced("trace", |trace| self.go_on(Some(trace))).len()
    }

    /// How often a run reads a file or lists a directory.
    pub fn reads(&self) -> usize {
        self.clear();
        self.traced("trace-reads", |trace| self.begin(Some(trace))).len()
    }

    /// The same of the run that takes up what this fault leaves.
    pub fn reads_after(&self, fault: &str) -> usize {
        self.interrupt(fault);
        self.traced("trace-reads", |trace| self.go_on(Some(trace))).len()
    }

    pub fn out(&self) -> PathBuf {
        self.home.path().join("runs/toy")
    }

    fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![self.toy.verb.to_string(), "--smoke".to_string()];
        arguments.push("--threads=1".to_string());
        for setting in self.toy.settings {
            arguments.extend(["--set".to_string(), (*setting).to_string()]);
        }
        if self.toy.verb == "tune" {
            arguments.push("--workers=1".to_string());
        }
        arguments.extend(["--out".to_string(), self.out().display().to_string()]);
        arguments
    }

    fn begin(&self, fault: Option<&str>) -> Output {
        self.run(self.arguments(), fault)
    }

    fn run(&self, arguments: Vec<String>, fault: Option<&str>) -> Output {
        let invocation = self.invocation(arguments);
        match fault {
            Some(fault) => invocation.env("ATELIER_FAULT", fault).run(),
            None => invocation.run(),
        }
    }

    fn invocation(&self, arguments: Vec<String>) -> Invocation {
        atelier(arguments)
            .env("ATELIER_HOME", self.home.path())
            .env("ATELIER_REPORT", self.home.path().join("report-stand-in"))
    }

    /// Does what a user does with what is there: takes the run up where it began, and begins it where it did not.
    pub fn go_on(&self, fault: Option<&str>) -> Output {
        if !self.out().join("manifest.json").exists() {
            return self.begin(fault);
        }
        self.run(self.to_resume(), fault)
    }

    /// The same, of what was begun, by a program that belongs to this repository.
    pub fn resume_in(&self, repository: &Path) -> Output {
        self.invocation(self.to_resume()).env("ATELIER_REPOSITORY", repository).run()
    }

    fn to_resume(&self) -> Vec<String> {
        let out = self.out().display().to_string();
        [self.toy.verb, "--resume", "--threads=1", "--out", &out].map(str::to_string).to_vec()
    }

    /// Runs the toy until this fault ends it.
    pub fn interrupt(&self, fault: &str) {
        self.clear();
        let output = self.begin(Some(fault));
        assert_eq!(output.code, None, "it came to its end: {output}");
    }

    /// Removes what is there and starts the toy in the background.
    pub fn spawn(&self) -> Child {
        self.clear();
        let (mut command, _home) = atelier(self.arguments()).into_command();
        command.env("ATELIER_HOME", self.home.path());
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        command.spawn().expect("atelier starts")
    }

    fn clear(&self) {
        if self.out().exists() {
            fs::remove_dir_all(self.out()).expect("the last case goes");
        }
    }

    /// Runs the toy, with each of these faults in turn when it is begun or taken up, and then to its end; says
    /// whether it came to its end in spite of the last.
    pub fn disturbed(&self, faults: &[String]) -> Result<bool, String> {
        self.clear();
        let mut ended_well = false;
        for (index, fault) in faults.iter().enumerate() {
            let output = self.go_on(Some(fault));
            as_told(fault, &output)?;
            // The first run has all operations of the undisturbed one.
            if index == 0 && output.code == Some(0) && kills(fault) {
                return Err(format!("nothing killed it: {output}"));
            }
            nothing_is_torn(&self.out(), &self.undisturbed)
                .map_err(|why| format!("{why}\nafter {output}"))?;
            ended_well = index + 1 == faults.len() && output.code == Some(0);
        }
        if ended_well {
            self.ends_the_same(if faults.len() == 1 { 0 } else { 2 })?;
            self.complete()?;
        } else {
            self.finish()?;
        }
        Ok(ended_well)
    }

    /// Takes up what is there until it is complete, and compares it.
    pub fn finish(&self) -> Result<(), String> {
        self.complete()?;
        nothing_is_aside(&self.out())
    }

    fn complete(&self) -> Result<(), String> {
        let output = self.go_on(None);
        if output.code != Some(0) {
            return Err(format!("it cannot be taken up: {output}"));
        }
        self.ends_the_same(2)
    }

    /// Compares what is there with the undisturbed run; `more_reads` of the test set are allowed for: they are
    /// counted before they happen.
    pub fn ends_the_same(&self, more_reads: u64) -> Result<(), String> {
        let tree = Tree::read(&self.out())?;
        tree.is_same(&self.undisturbed, more_reads)
    }
}

/// Whether a fault is the end of the process.
fn kills(fault: &str) -> bool {
    ["kill@", "tear@", "power@"].iter().any(|kind| fault.starts_with(kind))
}

/// Whether the program ended as it should at this fault: by its own hand only with what the fault was.
fn as_told(fault: &str, output: &Output) -> Result<(), String> {
    match output.code {
        // A fault that nothing depends on.
        Some(0) => Ok(()),
        // Writes that take less than they are given are no failure.
        _ if fault.starts_with("part@") => Err(format!("it did not write on: {output}")),
        None if kills(fault) => Ok(()),
        _ if kills(fault) => Err(format!("it was not killed: {output}")),
        Some(2) if output.stderr.contains("error: ") && !output.stderr.contains("panicked") => {
            Ok(())
        }
        _ => Err(format!("it ended otherwise: {output}")),
    }
}
