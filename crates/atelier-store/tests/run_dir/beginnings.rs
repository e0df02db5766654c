//! What a process leaves that is killed before its run has begun, and whose files those are.

use atelier_store::{Error, RunDir};

use super::{names, running};

#[test]
fn a_file_of_the_users_behind_a_lock_is_kept_and_named_and_its_like_is_taken() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("run");
    // A run that was cleaned up but for its settings; the lock's file is hidden and stays.
    drop(RunDir::create(&path).expect("create"));
    std::fs::remove_file(path.join(".atelier-begins.tmp")).expect("the mark");
    for name in ["config.toml", "start.safetensors"] {
        let file = path.join(name);
        std::fs::write(&file, "the user's").expect("file");
        for start in [None, Some(b"the run's".as_slice())] {
            let run = RunDir::create(&path).expect("no run has begun");
            let error = run.begin("the run's", start, &running()).expect_err("not ours");
            assert!(matches!(error, Error::Kept { .. }), "{error}");
            assert!(error.to_string().contains(file.to_str().expect("UTF-8")), "{error}");
        }
        assert_eq!(std::fs::read(&file).expect("kept"), b"the user's");
        assert_eq!(names(&path), [".lock", name]);
        std::fs::remove_file(&file).expect("file");
    }

    std::fs::write(path.join("config.toml"), "the run's").expect("file");
    let run = RunDir::create(&path).expect("no run has begun");
    run.begin("the run's", None, &running()).expect("its own like");
}

#[test]
fn a_numbered_directory_in_which_no_run_has_begun_is_taken_again() {
    let directory = tempfile::tempdir().expect("directory");
    let root = directory.path();
    let path = root.join("train-0001");
    let taken = || RunDir::create_numbered(root, "train").expect("create").path().to_path_buf();
    // Killed at any moment before the manifest: as nothing, the lock, the mark or the files come.
    std::fs::create_dir(&path).expect("directory");
    assert_eq!(taken(), path);
    for name in ["config.toml", "start.safetensors", ".atelier-0123456789abcdef.tmp"] {
        std::fs::write(path.join(name), "of a run that never began").expect("file");
        assert_eq!(taken(), path);
        assert_eq!(names(&path), [".atelier-begins.tmp", ".lock"]);
    }

    let held = RunDir::create_numbered(root, "train").expect("create");
    assert_eq!(held.path(), path);
    assert_eq!(taken(), root.join("train-0002"), "the first is in use");
    held.begin("seed = 1\n", None, &running()).expect("begin");
    drop(held);
    assert_eq!(taken(), root.join("train-0002"), "the first has begun");
    // Settings that a user kept of a run: without the mark nobody knows whose they are.
    std::fs::remove_file(path.join("manifest.json")).expect("file");
    std::fs::remove_dir_all(root.join("train-0002")).expect("directory");
    assert_eq!(taken(), root.join("train-0002"));
    assert_eq!(std::fs::read(path.join("config.toml")).expect("kept"), b"seed = 1\n");
}

#[test]
fn the_files_of_a_beginning_that_was_killed_give_way_to_those_of_another() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("run");
    drop(RunDir::create(&path).expect("create"));
    std::fs::write(path.join("config.toml"), "seed = 1\n").expect("file");
    std::fs::write(path.join("start.safetensors"), "weights").expect("file");
    let run = RunDir::create(&path).expect("marked");
    run.begin("seed = 2\n", None, &running()).expect("begin");
    assert_eq!(names(&path), [".lock", "config.toml", "manifest.json"]);
    assert_eq!(std::fs::read(path.join("config.toml")).expect("file"), b"seed = 2\n");
}

#[test]
fn a_numbered_directory_that_cannot_be_taken_is_passed_over() {
    let directory = tempfile::tempdir().expect("directory");
    let root = directory.path();
    // A directory in the place of a temporary file, and a lock that cannot be opened.
    std::fs::create_dir_all(root.join("train-0001/.atelier-0123456789abcdef.tmp")).expect("made");
    std::fs::create_dir_all(root.join("train-0002/.lock")).expect("made");
    std::fs::create_dir(root.join("train-+7")).expect("made");
    let run = RunDir::create_numbered(root, "train").expect("create");
    assert_eq!(run.path(), root.join("train-0003"));
}

#[test]
fn a_manifest_that_could_not_be_read_again_is_refused_before_anything_is_written() {
    let directory = tempfile::tempdir().expect("directory");
    let run = RunDir::create(&directory.path().join("run")).expect("create");
    let mut long = running();
    long.command_line = vec!["x".repeat(1000); 1040];
    let error = run.begin("seed = 1\n", None, &long).expect_err("too long").to_string();
    assert!(
        error.contains("manifest.json: it would have 10") && error.contains("shorten"),
        "{error}"
    );
    assert_eq!(names(run.path()), [".atelier-begins.tmp", ".lock"]);

    // As long as one may be that begins, it can still say why it failed.
    long.command_line.truncate(970);
    run.begin("seed = 1\n", None, &long).expect("begin");
    long.error = Some("y".repeat(60_000));
    run.write_manifest(&long).expect("the end");
    assert_eq!(run.manifest().expect("read"), long);
    long.error = Some("y".repeat(90_000));
    run.write_manifest(&long).expect_err("too long");
    assert_eq!(run.manifest().expect("the one before").error.map_or(0, |text| text.len()), 60_000);
}
