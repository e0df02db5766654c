//! Runs that are listed, and the one that can be taken up.

use atelier_store::{Error, Manifest, RunDir, Status, list_runs, newest_interrupted};

use super::{finished_run, manifest};

const VERBS: [&str; 3] = ["train", "tune", "init"];

#[test]
fn runs_are_listed_by_start_then_name_and_bad_manifests_are_told() {
    let directory = tempfile::tempdir().expect("directory");
    let root = directory.path().join("runs");
    assert!(list_runs(&root).expect("missing root").is_empty());

    finished_run(&root, "train", "2026-03-01T00:00:00Z", Status::Complete);
    finished_run(&root, "train", "2026-01-01T00:00:00Z", Status::Complete);
    finished_run(&root, "init", "2026-03-01T00:00:00Z", Status::Complete);
    drop(RunDir::create(&root.join("empty")).expect("create"));
    std::fs::write(root.join("notes.txt"), "").expect("file");
    std::fs::create_dir(root.join("zz-bad")).expect("directory");
    std::fs::write(root.join("zz-bad/manifest.json"), "{").expect("file");

    let runs = list_runs(&root).expect("list");
    let names: Vec<_> = runs.iter().map(|run| run.name.as_str()).collect();
    assert_eq!(names, ["zz-bad", "train-0002", "init-0001", "train-0001"]);
    assert!(matches!(runs[0].manifest, Err(Error::Corrupt { .. })));
    assert_eq!(runs[3].manifest.as_ref().expect("good").verb, "train");
}

#[test]
fn the_newest_run_that_can_be_taken_up_is_found() {
    let directory = tempfile::tempdir().expect("directory");
    let root = directory.path();
    assert!(newest_interrupted(&root.join("missing"), "train", &VERBS).expect("look").is_none());

    finished_run(root, "train", "2026-01-01T00:00:00Z", Status::Interrupted);
    finished_run(root, "train", "2026-01-02T00:00:00Z", Status::Running); // killed
    finished_run(root, "train", "2026-01-03T00:00:00Z", Status::Complete);
    finished_run(root, "train", "2026-01-04T00:00:00Z", Status::Failed); // without a checkpoint
    finished_run(root, "tune", "2026-01-05T00:00:00Z", Status::Interrupted);
    let newest = || newest_interrupted(root, "train", &VERBS).expect("look").map(|run| run.name);
    assert_eq!(newest().as_deref(), Some("train-0002"));

    let going_on = RunDir::open(&root.join("train-0002")).expect("open");
    assert_eq!(newest().as_deref(), Some("train-0001"));
    drop(going_on);
    assert_eq!(newest().as_deref(), Some("train-0002"));
    assert!(newest_interrupted(root, "init", &VERBS).expect("look").is_none());
}

#[test]
fn a_failed_run_is_taken_up_where_it_has_a_checkpoint_and_did_not_diverge() {
    let directory = tempfile::tempdir().expect("directory");
    let newest =
        || newest_interrupted(directory.path(), "train", &VERBS).expect("look").map(|run| run.name);
    let run = RunDir::create_numbered(directory.path(), "train").expect("create");
    let mut failed = manifest("train", "2026-01-01T00:00:00Z", Status::Failed);
    run.write_manifest(&failed).expect("manifest");
    let path = run.path().to_path_buf();
    drop(run);
    assert_eq!(newest(), None);
    for place in [path.join("inner"), path.clone()] {
        let checkpoints = RunDir::checkpoints_in(&place);
        std::fs::create_dir_all(&place).expect("directory");
        checkpoints.save(3, &atelier_store::Checkpoint::default()).expect("save");
        assert_eq!(newest().as_deref(), Some("train-0001"), "{}", place.display());
        std::fs::remove_dir_all(place.join("checkpoints")).expect("remove");
        assert_eq!(newest(), None);
    }
    RunDir::checkpoints_in(&path).save(3, &atelier_store::Checkpoint::default()).expect("save");
    failed.diverged = true;
    failed.write(&path.join("manifest.json")).expect("manifest");
    assert_eq!(newest(), None);
}

#[test]
fn an_older_run_is_not_taken_for_one_whose_manifest_cannot_be_used() {
    let directory = tempfile::tempdir().expect("directory");
    let root = directory.path();
    finished_run(root, "train", "2026-01-01T00:00:00Z", Status::Interrupted);
    std::fs::rename(root.join("train-0001"), root.join("train-0002")).expect("rename");
    let found = root.join("train-0002/manifest.json");
    let written = |path: &std::path::Path, later: i64| {
        let now = std::fs::metadata(&found).expect("manifest").modified().expect("time");
        let after = std::time::Duration::from_secs(later.unsigned_abs());
        let file = std::fs::File::options().write(true).open(path).expect("open");
        file.set_modified(if later < 0 { now - after } else { now + after }).expect("set");
    };
    let newest = || newest_interrupted(root, "train", &VERBS);
    for (name, later, refused) in [
        // By number, where both have one of the verb.
        ("train-0003", 10, true),
        ("train-0003", -10, true),
        ("train-0001", 10, false),
        // By time, where not.
        ("mine", 10, true),
        ("mine", -10, false),
        ("mnist-20261130", 10, true),
        ("tune-0001", 10, false),
    ] {
        let damaged = root.join(name);
        std::fs::create_dir(&damaged).expect("directory");
        std::fs::write(damaged.join("manifest.json"), "{").expect("file");
        written(&damaged.join("manifest.json"), later);
        match newest() {
            Err(Error::Corrupt { path, .. }) if refused => {
                assert_eq!(path, damaged.join("manifest.json"));
            }
            Ok(Some(run)) if !refused => assert_eq!(run.name, "train-0002"),
            other => panic!("{name}, {later}: {other:?}"),
        }
        std::fs::remove_dir_all(damaged).expect("remove");
    }

    // What is not a manifest of ours, or of another version, is none of these.
    std::fs::create_dir(root.join("notes")).expect("directory");
    std::fs::write(root.join("notes/manifest.json"), "{}").expect("file");
    assert_eq!(newest().expect("look").map(|run| run.name).as_deref(), Some("train-0002"));

    // Nothing is found, and what cannot be used may be what is looked for.
    std::fs::remove_dir_all(root.join("train-0002")).expect("remove");
    std::fs::create_dir(root.join("train-0002")).expect("directory");
    std::fs::write(root.join("train-0002/manifest.json"), "{").expect("file");
    assert!(matches!(newest(), Err(Error::Corrupt { .. })));
    assert!(newest_interrupted(root, "tune", &VERBS).expect("look").is_none());
}

#[test]
fn a_changed_manifest_is_noticed_whichever_value_it_is() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("manifest.json");
    let check = || Manifest::check_unchanged(&path);
    let mut written = manifest("train", "2026-01-01T00:00:00Z", Status::Running);
    written.seed = 5;
    written.write(&path).expect("write");
    check().expect("unchanged");
    let text = std::fs::read_to_string(&path).expect("read");
    for (from, to) in [("\"seed\": 5", "\"seed\": 6"), ("running", "failed"), ("2026", "2027")] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        std::fs::write(&path, changed).expect("write");
        Manifest::read(&path).expect("it can still be looked at");
        assert!(matches!(check(), Err(Error::Corrupt { .. })), "{from}");
    }
    // Other spaces are no other values.
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    std::fs::write(&path, value.to_string()).expect("write");
    check().expect("unchanged");
}

#[test]
fn nothing_is_written_in_the_place_of_a_directory_that_was_moved_or_replaced() {
    let directory = tempfile::tempdir().expect("directory");
    let run = RunDir::create(&directory.path().join("run")).expect("create");
    let written = manifest("train", "2026-01-01T00:00:00Z", Status::Running);
    run.write_manifest(&written).expect("manifest");
    run.checkpoints().save(1, &atelier_store::Checkpoint::default()).expect("save");
    std::fs::rename(run.path(), directory.path().join("moved")).expect("rename");
    let refused = || {
        for refused in [
            run.write("summary.json", b"{}"),
            run.write("figures/a.png", b""),
            run.write_manifest(&written),
            run.checkpoints().save(2, &atelier_store::Checkpoint::default()),
        ] {
            assert!(matches!(refused, Err(Error::Moved { .. })), "{refused:?}");
        }
    };
    refused();
    assert!(!run.path().exists());
    // Another run may be there by then.
    drop(RunDir::create(run.path()).expect("create"));
    let before = std::fs::read_dir(run.path()).expect("list").count();
    refused();
    assert_eq!(std::fs::read_dir(run.path()).expect("list").count(), before);
}
