//! Run directories: made once, held by one, found again.

mod beginnings;
mod lists;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use atelier_store::{Dataset, Error, Lock, Manifest, Program, RunDir, SCHEMA_VERSION, Status};

fn manifest(verb: &str, started: &str, status: Status) -> Manifest {
    Manifest {
        schema_version: SCHEMA_VERSION,
        program: Program { name: "atelier".into(), version: "0.1.0".into() },
        git_commit: None,
        verb: verb.into(),
        command_line: vec!["atelier".into(), verb.into()],
        config: serde_json::json!({"train": {"epochs": 5}}),
        dataset: Some(Dataset {
            name: "fashion-mnist".into(),
            pinned: true,
            source: "cache".into(),
            files: [("train-labels".to_string(), "bad354".to_string())].into(),
        }),
        start: None,
        device: "cpu".into(),
        threads: 2,
        seed: u64::MAX,
        started: started.into(),
        finished: None,
        status,
        error: None,
        diverged: false,
        test_set_reads: 1,
    }
}

fn finished_run(root: &Path, verb: &str, started: &str, status: Status) -> String {
    let run = RunDir::create_numbered(root, verb).expect("create");
    run.write_manifest(&manifest(verb, started, status)).expect("manifest");
    run.path().file_name().expect("name").to_str().expect("UTF-8").to_string()
}

#[test]
fn numbers_go_on_after_the_largest_of_the_same_verb() {
    let directory = tempfile::tempdir().expect("directory");
    let root = directory.path().join("deep/runs");
    let next = |verb| finished_run(&root, verb, "2026-01-01T00:00:00Z", Status::Complete);
    assert_eq!(next("train"), "train-0001");
    assert_eq!(next("train"), "train-0002");
    assert_eq!(next("tune"), "tune-0001");
    for name in ["train-0041", "train-x", "training-0900", "train-"] {
        std::fs::create_dir(root.join(name)).expect("directory");
        std::fs::write(root.join(name).join("notes.txt"), "somebody's").expect("file");
    }
    std::fs::remove_dir_all(root.join("train-0001")).expect("remove");
    assert_eq!(next("train"), "train-0042");
    std::fs::write(root.join("train-12345"), "a file").expect("file");
    assert_eq!(next("train"), "train-12346");
}

#[test]
fn threads_that_number_at_the_same_time_get_different_directories() {
    let directory = tempfile::tempdir().expect("directory");
    let root = directory.path().join("runs");
    let make = |_| finished_run(&root, "train", "2026-01-01T00:00:00Z", Status::Complete);
    let names: BTreeSet<_> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..8).map(|_| scope.spawn(|| (0..10).map(make).collect::<Vec<_>>())).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("thread")).collect()
    });
    assert_eq!(names.len(), 80);
    assert!(names.contains("train-0001") && names.contains("train-0080"));
}

#[test]
fn only_a_new_or_empty_directory_becomes_a_run() {
    let directory = tempfile::tempdir().expect("directory");
    let new = directory.path().join("a/b/new");
    drop(RunDir::create(&new).expect("new"));
    // A process that was killed at once leaves the lock's file and nothing else.
    drop(RunDir::create(&new).expect("empty but for the lock's file"));
    std::fs::write(new.join(".atelier-0123456789abcdef.tmp"), "half").expect("file");
    let again = RunDir::create(&new).expect("without a manifest no run has begun");
    assert!(!new.join(".atelier-0123456789abcdef.tmp").exists());
    again.begin("seed = 1\n", None, &running()).expect("begin");
    drop(again);
    assert_eq!(names(&new), [".lock", "config.toml", "manifest.json"]);

    let own = directory.path().join("own");
    std::fs::create_dir(&own).expect("directory");
    std::fs::write(own.join("config.toml"), "somebody's").expect("file");
    assert!(matches!(RunDir::create(&own), Err(Error::Exists { .. })), "no run was there");

    let full = directory.path().join("full");
    std::fs::create_dir(&full).expect("directory");
    std::fs::write(full.join("thesis.txt"), "precious").expect("file");
    for path in [full.clone(), full.join("thesis.txt")] {
        let error = RunDir::create(&path).expect_err("occupied");
        assert!(matches!(error, Error::Exists { .. }), "{error}");
        let message = error.to_string();
        assert!(message.contains("--out") && message.contains("--resume"), "{message}");
    }
    assert_eq!(names(&full), ["thesis.txt"], "nothing was added");

    let others = directory.path().join("others");
    std::fs::create_dir(&others).expect("directory");
    std::fs::write(others.join(".lock"), "pid 17").expect("file");
    assert!(matches!(RunDir::create(&others), Err(Error::Exists { .. })), "another program's lock");
    assert_eq!(std::fs::read(others.join(".lock")).expect("kept"), b"pid 17");
}

#[cfg(target_os = "linux")]
#[test]
fn a_directory_with_a_name_that_is_no_text_is_somebodys() {
    use std::os::unix::ffi::OsStrExt as _;
    let directory = tempfile::tempdir().expect("directory");
    let own = directory.path().join("own");
    std::fs::create_dir(&own).expect("directory");
    std::fs::write(own.join(std::ffi::OsStr::from_bytes(b"th\xe8se.tex")), "mine").expect("file");
    assert!(matches!(RunDir::create(&own), Err(Error::Exists { .. })));
    assert!(matches!(RunDir::free(&own), Err(Error::Exists { .. })));
    assert_eq!(std::fs::read_dir(&own).expect("list").count(), 1);
}

/// What is in a directory, in order.
fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("list");
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.expect("entry").file_name();
    let mut names: Vec<_> =
        entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn running() -> Manifest {
    manifest("train", "2026-01-01T00:00:00Z", Status::Running)
}

#[test]
fn a_second_handle_is_told_who_holds_the_run() {
    let directory = tempfile::tempdir().expect("directory");
    let run = RunDir::create_numbered(directory.path(), "train").expect("create");
    run.write_manifest(&manifest("train", "2026-01-01T00:00:00Z", Status::Running)).expect("write");
    let path = run.path().to_path_buf();
    assert!(Lock::is_held(&path).expect("look"));

    let error = RunDir::open(&path).expect_err("held");
    let Error::Locked { holder, .. } = &error else { panic!("{error}") };
    assert!(holder.contains(&format!("process {} on host ", std::process::id())), "{holder}");
    assert!(holder.contains("run_dir"), "the program: {holder}");
    assert!(error.to_string().contains(path.to_str().expect("UTF-8")), "{error}");

    drop(run);
    assert!(!Lock::is_held(&path).expect("look"));
    RunDir::open(&path).expect("free again");
}

#[test]
fn the_lock_of_a_killed_process_is_taken_over() {
    const HOLD: &str = "ATELIER_STORE_TEST_HOLD";
    // The other process is this test again, which holds the lock until it is killed.
    if let Some(path) = std::env::var_os(HOLD) {
        let _lock = Lock::acquire(Path::new(&path)).expect("lock");
        std::fs::write(Path::new(&path).join("held"), "").expect("signal");
        std::thread::sleep(std::time::Duration::from_secs(60));
        return;
    }
    let directory = tempfile::tempdir().expect("directory");
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "the_lock_of_a_killed_process_is_taken_over"])
        .env(HOLD, directory.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("start");
    while !directory.path().join("held").exists() {
        assert!(child.try_wait().expect("wait").is_none(), "the holder ended early");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }

    let error = Lock::acquire(directory.path()).expect_err("held by another process");
    let Error::Locked { holder, .. } = &error else { panic!("{error}") };
    assert!(holder.contains(&format!("process {} on host ", child.id())), "{holder}");

    child.kill().expect("kill");
    child.wait().expect("wait");
    Lock::acquire(directory.path()).expect("taken over");
}

#[test]
fn names_that_lead_out_of_the_run_are_refused() {
    let directory = tempfile::tempdir().expect("directory");
    let root = directory.path().join("runs");
    let run = RunDir::create_numbered(&root, "train").expect("create");
    for bad in ["", ".", "..", "../x", "a/../../x", "figures/..", "/etc/passwd", "./x"] {
        for error in [run.write(bad, b"x").expect_err(bad), run.file(bad).expect_err(bad)] {
            assert!(matches!(error, Error::Name { .. }), "{bad}: {error}");
        }
    }
    for bad in ["", "..", "a/b", "/tmp/train", "../train"] {
        let error = RunDir::create_numbered(&root, bad).expect_err(bad);
        assert!(matches!(error, Error::Name { .. }), "{bad}: {error}");
    }
    run.write("figures/curves.png", b"png").expect("write");
    assert_eq!(std::fs::read(run.figures_dir().join("curves.png")).expect("read"), b"png");
    assert!(!root.join("x").exists());
}

#[test]
fn opening_wants_a_manifest_and_touches_nothing_without_one() {
    let directory = tempfile::tempdir().expect("directory");
    for path in [directory.path().to_path_buf(), directory.path().join("missing")] {
        let error = RunDir::open(&path).expect_err("no manifest");
        assert!(matches!(error, Error::NotARun { .. }), "{error}");
    }
    assert_eq!(std::fs::read_dir(directory.path()).expect("list").count(), 0);
}

#[test]
fn opening_removes_what_a_killed_writer_left() {
    let directory = tempfile::tempdir().expect("directory");
    let name = finished_run(directory.path(), "train", "2026-01-01T00:00:00Z", Status::Running);
    let path = directory.path().join(name);
    for place in ["", "checkpoints", "figures", "models"] {
        std::fs::create_dir_all(path.join(place)).expect("directory");
        let staged = atelier_store::Staged::create(&path.join(place).join("x")).expect("staged");
        std::mem::forget(staged);
    }
    std::fs::write(path.join("notes.tmp"), "the user's").expect("file");

    let run = RunDir::open(&path).expect("open");
    let left = |place: &str| std::fs::read_dir(run.path().join(place)).expect("list").count();
    assert_eq!([left("checkpoints"), left("figures"), left("models")], [0; 3]);
    assert_eq!(left(""), 6, "manifest, lock, notes and the three directories");
}

#[test]
fn a_manifest_comes_back_as_it_was_written_and_unknown_fields_are_passed_over() {
    let directory = tempfile::tempdir().expect("directory");
    let run = RunDir::create_numbered(directory.path(), "train").expect("create");
    let mut written = manifest("train", "2026-01-01T00:00:00Z", Status::Failed);
    written.error = Some("diverged".into());
    written.git_commit = Some("294c829".into());
    run.write_manifest(&written).expect("write");
    assert_eq!(run.manifest().expect("read"), written);

    let path = run.file("manifest.json").expect("path");
    let text = std::fs::read_to_string(&path).expect("read");
    assert!(text.contains(r#""status": "failed""#), "{text}");
    let later = text.replacen('{', r#"{ "a_later_field": [1],"#, 1);
    std::fs::write(&path, later).expect("write");
    assert_eq!(run.manifest().expect("read"), written);
}

#[test]
fn a_manifest_of_another_schema_or_none_is_refused() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("manifest.json");
    for (text, found) in [
        (r#"{"schema_version": 2, "verb": 7}"#, "2"),
        (r#"{"schema_version": "1"}"#, r#""1""#),
        (r#"{"verb": "train"}"#, "none"),
        ("[]", "none"),
    ] {
        std::fs::write(&path, text).expect("write");
        let error = Manifest::read(&path).expect_err("schema");
        let Error::Schema { found: told, .. } = &error else { panic!("{error}") };
        assert_eq!(told, found);
        assert!(error.to_string().contains("expected 1"), "{error}");
    }
    for text in ["", "{", r#"{"schema_version": 1}"#, "\u{0}"] {
        std::fs::write(&path, text).expect("write");
        let error = Manifest::read(&path).expect_err("corrupt");
        assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    }
}

#[test]
fn a_place_for_a_run_can_be_looked_at_before_it_is_made() {
    let directory = tempfile::tempdir().expect("directory");
    let root = directory.path();
    std::fs::create_dir(root.join("full")).expect("directory");
    std::fs::write(root.join("full/thesis.txt"), "precious").expect("file");
    assert_eq!(RunDir::free(&root.join("a/b/new")).expect("free"), root);
    std::fs::create_dir(root.join("empty")).expect("directory");
    assert_eq!(RunDir::free(&root.join("empty")).expect("free"), root.join("empty"));
    for occupied in ["full", "full/thesis.txt"] {
        let error = RunDir::free(&root.join(occupied)).expect_err("occupied");
        assert!(matches!(error, Error::Exists { .. }), "{error}");
    }
    let error = RunDir::free(&root.join("full/thesis.txt/run")).expect_err("below a file");
    assert!(error.to_string().contains("full/thesis.txt: not a directory"), "{error}");
    assert!(!root.join("a").exists());
}

#[cfg(unix)]
#[test]
fn a_link_in_the_place_of_a_runs_own_directory_is_not_followed() {
    let directory = tempfile::tempdir().expect("directory");
    let others = directory.path().join("others");
    let theirs = atelier_store::Checkpoints::new(&others);
    for step in 1..=2 {
        theirs.save(step, &atelier_store::Checkpoint::default()).expect("save");
    }
    let run = RunDir::create_numbered(directory.path(), "train").expect("create");
    for name in ["checkpoints", "figures", "trials"] {
        std::os::unix::fs::symlink(&others, run.path().join(name)).expect("link");
    }
    let save = run.checkpoints().save(3, &atelier_store::Checkpoint::default());
    let error = save.expect_err("a link").to_string();
    assert!(error.contains("checkpoints: a symbolic link"), "{error}");
    run.checkpoints().latest().expect_err("a link");
    run.write("figures/curves.png", b"png").expect_err("a link");
    run.write_manifest(&manifest("train", "2026-01-01T00:00:00Z", Status::Running))
        .expect("manifest");
    let path = run.path().to_path_buf();
    drop(run);
    RunDir::open(&path).expect_err("a link");
    for name in ["checkpoints", "figures"] {
        std::fs::remove_file(path.join(name)).expect("a link");
    }
    let error = RunDir::open(&path).expect_err("a link").to_string();
    assert!(error.contains("trials: a symbolic link"), "{error}");
    std::fs::rename(path.join("trials"), path.join("notes")).expect("a user's own link");
    std::fs::write(others.join(".atelier-0123456789abcdef.tmp"), "theirs").expect("file");
    RunDir::open(&path).expect("nothing of the run's is a link");
    std::fs::remove_file(others.join(".atelier-0123456789abcdef.tmp")).expect("still there");
    assert_eq!(std::fs::read_dir(&others).expect("others").count(), 2);
    assert_eq!(theirs.steps().expect("steps"), [1, 2]);
}
