//! Snapshots of a run: points and the times when they were recorded, always together.

use std::path::Path;

use atelier_store::{Error, RunDir, SnapshotLog, Snapshots, npy_bytes};

fn record(log: &mut SnapshotLog, steps: std::ops::Range<u64>) {
    for step in steps {
        let loss = (step > 0).then_some(1.0 / step as f32);
        log.append(step, step as f64 / 4.0, loss, &[step as f32, -1.5]).expect("append");
    }
    log.sync().expect("sync");
}

fn recorded(n: u64) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("directory");
    let run = RunDir::create(&directory.path().join("run")).expect("run");
    record(&mut run.snapshots(2).expect("open"), 0..n);
    directory
}

fn files(directory: &Path) -> [Vec<u8>; 2] {
    ["snapshots.npy", "snapshots.csv"].map(|name| std::fs::read(directory.join(name)).expect(name))
}

#[test]
fn what_was_recorded_is_read_back() {
    let directory = recorded(3);
    let snapshots = Snapshots::read(&directory.path().join("run")).expect("snapshots");
    assert_eq!(
        snapshots,
        Snapshots {
            parameters: 2,
            points: vec![0.0, -1.5, 1.0, -1.5, 2.0, -1.5],
            steps: vec![0, 1, 2],
            epochs: vec![0.0, 0.25, 0.5],
            losses: vec![None, Some(1.0), Some(0.5)],
        }
    );
    assert_eq!((snapshots.len(), snapshots.is_empty()), (3, false));
    let [_, times] = files(&directory.path().join("run"));
    assert_eq!(
        String::from_utf8(times).expect("text"),
        "step,epoch,training_loss\n0,0,\n1,0.25,1\n2,0.5,0.5\n"
    );
}

#[test]
fn cut_back_and_recorded_again_both_files_are_as_if_undisturbed() {
    let directory = recorded(12);
    let run = directory.path().join("run");
    let whole = files(&run);
    for n in 0..=12 {
        // The manifest is not needed to record, only to open a run: the directory stays as it is.
        let place = tempfile::tempdir().expect("directory");
        let again = RunDir::create(&place.path().join("run")).expect("run");
        for (name, bytes) in ["snapshots.npy", "snapshots.csv"].into_iter().zip(&whole) {
            std::fs::write(again.path().join(name), bytes).expect("copy");
        }
        let mut log = again.snapshots(2).expect("open");
        log.truncate(n).expect("truncate");
        assert_eq!(log.len(), n);
        assert_eq!(Snapshots::read(again.path()).expect("read").len() as u64, n);
        record(&mut log, n..12);
        assert_eq!(files(again.path()), whole);
        let error = log.truncate(13).expect_err("more than there are");
        assert!(error.to_string().contains("is 12, expected 13 or more"), "{error}");
        assert_eq!(files(again.path()), whole);
    }
}

#[test]
fn files_that_are_missing_or_do_not_fit_are_refused_with_the_facts() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 11] = [
        ("record them by training with --set train.snapshots_per_epoch=4", |run| {
            std::fs::remove_file(run.join("snapshots.npy")).expect("remove");
        }),
        ("record them by training", |run| {
            std::fs::remove_file(run.join("snapshots.csv")).expect("remove");
        }),
        ("is 23 bytes, expected 24 bytes", |run| {
            let [points, _] = files(run);
            std::fs::write(run.join("snapshots.npy"), &points[..points.len() - 1]).expect("write");
        }),
        ("is 2, expected 3, one for each row", |run| {
            std::fs::write(run.join("snapshots.csv"), "step,epoch,training_loss\n0,0,\n1,1,2\n")
                .expect("write");
        }),
        ("value 3 of array", |run| {
            let bytes = npy_bytes(&[3, 2], &[0.0, 0.0, 0.0, f32::INFINITY, 0.0, 0.0]);
            std::fs::write(run.join("snapshots.npy"), bytes.expect("fits")).expect("write");
        }),
        ("is f64, expected f32", |run| {
            let bytes = npy_bytes(&[3, 2], &[0.0_f64; 6]).expect("fits");
            std::fs::write(run.join("snapshots.npy"), bytes).expect("write");
        }),
        ("is [6], expected (snapshots, parameters)", |run| {
            let bytes = npy_bytes(&[6], &[0.0_f32; 6]).expect("fits");
            std::fs::write(run.join("snapshots.npy"), bytes).expect("write");
        }),
        ("line 1", |run| {
            std::fs::write(run.join("snapshots.csv"), "1,2,3\n1,2,3\n1,2,3\n1,2,3\n")
                .expect("write");
        }),
        (r#"line 3 is "1,NaN,2", expected step,epoch,loss"#, |run| {
            let text = "step,epoch,training_loss\n0,0,\n1,NaN,2\n2,1,2\n";
            std::fs::write(run.join("snapshots.csv"), text).expect("write");
        }),
        ("line 4", |run| {
            let text = "step,epoch,training_loss\n0,0,\n1,0,2\n2,1,2,4\n";
            std::fs::write(run.join("snapshots.csv"), text).expect("write");
        }),
        ("a later step than that of the line before", |run| {
            let text = "step,epoch,training_loss\n0,0,\n1,0,2\n1,1,2\n";
            std::fs::write(run.join("snapshots.csv"), text).expect("write");
        }),
    ];
    for (part, damage) in damages {
        let directory = recorded(3);
        let run = directory.path().join("run");
        damage(&run);
        let message = Snapshots::read(&run).expect_err(part).to_string();
        assert!(message.contains(part), "{part} is not in: {message}");
    }
}

#[test]
fn snapshots_of_another_size_are_not_added_to_those_there_are() {
    let directory = recorded(3);
    let place = directory.path().join("other");
    let run = RunDir::create(&place).expect("run");
    record(&mut run.snapshots(2).expect("open"), 0..1);
    let error = run.snapshots(3).expect_err("another size");
    assert!(matches!(error, Error::Format { .. }), "{error}");
}
