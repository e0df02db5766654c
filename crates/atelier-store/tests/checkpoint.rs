//! Checkpoints: what was saved comes back to the bit, or not at all.

use std::path::Path;

use atelier_store::{Checkpoint, Checkpoints, Error, NamedArray};

fn checkpoint(value: f32) -> Checkpoint {
    let arrays = vec![
        NamedArray::u8("flags", &[3], &[1, 2, 3]),
        NamedArray::f32("net.10.weight", &[2, 1], &[value, -0.0]),
        NamedArray::f32("net.2.weight", &[1], &[1e-40]),
        NamedArray::i64("steps", &[], &[-5]),
        NamedArray::f32("empty", &[0, 7], &[]),
        NamedArray::f32("also empty", &[0], &[]),
        NamedArray::f64("adam.v", &[1], &[0.1]),
    ];
    let metadata = [("epoch", "3"), ("a note", "\"quoted\"\n\u{e9}"), ("", "")];
    let metadata = metadata.map(|(key, value)| (key.to_string(), value.to_string())).into();
    Checkpoint { arrays, metadata }
}

fn encode(checkpoint: &Checkpoint) -> Vec<u8> {
    checkpoint.encode(Path::new("file")).expect("encode")
}

fn flip_last_byte(path: &Path) {
    let mut bytes = std::fs::read(path).expect("read");
    *bytes.last_mut().expect("a byte") ^= 1;
    std::fs::write(path, bytes).expect("write");
}

#[test]
fn arrays_their_order_and_metadata_come_back_and_bytes_repeat() {
    let original = checkpoint(0.1);
    let bytes = encode(&original);
    assert_eq!(Checkpoint::decode(&bytes, Path::new("file")).expect("decode"), original);
    assert_eq!(encode(&original), bytes);
    assert_eq!(original.array("steps").expect("array").as_i64().expect("i64"), [-5]);
    assert!(original.array("net.0.weight").is_none());

    let mut other = original.clone();
    other.arrays.swap(4, 5);
    assert_eq!(Checkpoint::decode(&encode(&other), Path::new("file")).expect("decode"), other);

    let nothing = Checkpoint::default();
    assert_eq!(Checkpoint::decode(&encode(&nothing), Path::new("file")).expect("decode"), nothing);
}

#[test]
fn a_change_of_any_bit_is_detected() {
    let bytes = encode(&checkpoint(0.1));
    for position in 0..bytes.len() {
        for mask in [1, 2, 4, 8, 16, 32, 64, 128, 255] {
            let mut changed = bytes.clone();
            changed[position] ^= mask;
            let error = Checkpoint::decode(&changed, Path::new("ckpt")).expect_err("changed");
            assert!(matches!(error, Error::Corrupt { .. }), "byte {position}: {error}");
            assert!(error.to_string().starts_with("ckpt is damaged: "), "{error}");
        }
    }
}

#[test]
fn a_file_of_any_other_length_is_detected() {
    let bytes = encode(&checkpoint(0.1));
    for len in 0..bytes.len() {
        let error = Checkpoint::decode(&bytes[..len], Path::new("file")).expect_err("short");
        assert!(matches!(error, Error::Corrupt { .. }), "{len} bytes: {error}");
    }
    let long = [&bytes[..], &[0]].concat();
    let error = Checkpoint::decode(&long, Path::new("file")).expect_err("long");
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
}

#[test]
fn what_could_not_be_read_back_is_not_written() {
    let path = Path::new("file");
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let error = checkpoint(value).encode(path).expect_err("not finite");
        let Error::NonFinite { array, index: 0, .. } = &error else { panic!("{error}") };
        assert_eq!(array, "net.10.weight");
    }
    let mut bad = checkpoint(1.0);
    bad.arrays[6] = NamedArray::f64("adam.v", &[3], &[0.0, 1.0, f64::NAN]);
    let error = bad.encode(path).expect_err("not finite");
    assert!(matches!(error, Error::NonFinite { index: 2, .. }), "{error}");

    for name in ["flags", "__metadata__"] {
        let mut bad = checkpoint(1.0);
        bad.arrays[1].name = name.into();
        let error = bad.encode(path).expect_err("name");
        assert!(matches!(error, Error::Array { .. }), "{error}");
    }
    let mut bad = checkpoint(1.0);
    bad.arrays[1].shape = vec![3];
    assert!(matches!(bad.encode(path), Err(Error::Array { .. })));

    for key in ["sha256", "order"] {
        let mut bad = checkpoint(1.0);
        bad.metadata.insert(key.into(), "mine".into());
        let error = bad.encode(path).expect_err("reserved");
        assert!(matches!(error, Error::ReservedKey { .. }), "{error}");
    }
}

#[test]
fn a_checkpoint_without_a_digest_is_refused() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("model.safetensors");
    atelier_store::write_model(&path, &checkpoint(1.0).arrays).expect("write");
    let error = Checkpoint::decode(&std::fs::read(&path).expect("read"), &path).expect_err("none");
    assert!(error.to_string().contains("sha256 is missing"), "{error}");
}

#[test]
fn the_newest_two_and_the_best_are_kept() {
    let directory = tempfile::tempdir().expect("directory");
    let checkpoints = Checkpoints::new(directory.path().join("checkpoints"));
    assert!(checkpoints.latest().expect("latest").is_none());
    assert!(checkpoints.best().expect("best").is_none());
    let save = |step: u16| {
        checkpoints.save(step.into(), &checkpoint(step.into())).expect("save");
        checkpoints.steps().expect("steps")
    };
    assert_eq!(save(1), [1]);
    assert_eq!(save(2), [1, 2]);
    checkpoints.mark_best(2).expect("mark");
    assert_eq!(save(3), [2, 3]);
    assert_eq!(save(4), [2, 3, 4]);
    assert_eq!(save(10_000), [2, 4, 10_000]);
    assert_eq!(checkpoints.best().expect("best"), Some((2, checkpoint(2.0))));
    checkpoints.mark_best(4).expect("mark");
    assert_eq!(save(10_001), [4, 10_000, 10_001]);
    assert_eq!(checkpoints.best_step().expect("best"), Some(4));
    assert!(directory.path().join("checkpoints/step-00010001.safetensors").is_file());

    let latest = checkpoints.latest().expect("latest").expect("one");
    assert_eq!((latest.step, latest.passed_over.len()), (10_001, 0));
    assert_eq!(latest.checkpoint, checkpoint(10_001.0));
}

#[test]
fn damaged_ones_of_later_steps_take_no_places_from_those_that_can_be_used() {
    let directory = tempfile::tempdir().expect("directory");
    let checkpoints = Checkpoints::new(directory.path());
    for step in [8, 9] {
        std::fs::write(checkpoints.path(step), "damaged").expect("file");
    }
    for step in [1, 2, 3] {
        checkpoints.save(step, &checkpoint(1.0)).expect("save");
    }
    assert_eq!(checkpoints.steps().expect("steps"), [2, 3, 8, 9]);
    let latest = checkpoints.latest().expect("latest").expect("one");
    assert_eq!((latest.step, latest.passed_over.len()), (3, 2));
}

#[test]
fn a_step_before_the_newest_can_be_saved_again_without_losing_it() {
    let directory = tempfile::tempdir().expect("directory");
    let checkpoints = Checkpoints::new(directory.path());
    for step in [5, 6, 2] {
        checkpoints.save(step, &checkpoint(1.0)).expect("save");
    }
    assert_eq!(checkpoints.steps().expect("steps"), [2, 5, 6]);
    checkpoints.save(5, &checkpoint(9.0)).expect("save");
    assert_eq!(checkpoints.load(5).expect("load"), checkpoint(9.0));
}

#[test]
fn a_damaged_newest_falls_back_to_the_one_before_and_says_so() {
    let directory = tempfile::tempdir().expect("directory");
    let checkpoints = Checkpoints::new(directory.path());
    checkpoints.save(1, &checkpoint(1.0)).expect("save");
    checkpoints.save(2, &checkpoint(2.0)).expect("save");
    flip_last_byte(&checkpoints.path(2));

    let latest = checkpoints.latest().expect("latest").expect("one");
    assert_eq!((latest.step, &latest.checkpoint), (1, &checkpoint(1.0)));
    assert_eq!(latest.path, checkpoints.path(1));
    assert_eq!(latest.passed_over.len(), 1);
    assert_eq!(latest.passed_over[0].path, checkpoints.path(2));
    let message = latest.passed_over[0].error.to_string();
    assert!(message.contains("step-00000002") && message.contains("SHA-256"), "{message}");

    // Taking up the run from there writes the step again.
    checkpoints.save(2, &checkpoint(2.0)).expect("save");
    assert_eq!(checkpoints.latest().expect("latest").expect("one").step, 2);
}

#[test]
fn only_damaged_checkpoints_are_an_error_and_not_an_empty_run() {
    let directory = tempfile::tempdir().expect("directory");
    let checkpoints = Checkpoints::new(directory.path());
    checkpoints.save(1, &checkpoint(1.0)).expect("save");
    checkpoints.save(2, &checkpoint(2.0)).expect("save");
    flip_last_byte(&checkpoints.path(1));
    std::fs::write(checkpoints.path(2), "").expect("write");
    let message = checkpoints.latest().expect_err("damaged").to_string();
    assert!(message.contains("step-00000002") && message.contains("0 bytes"), "{message}");
}

#[test]
fn only_a_checkpoint_that_is_there_can_be_the_best() {
    let directory = tempfile::tempdir().expect("directory");
    let checkpoints = Checkpoints::new(directory.path());
    checkpoints.save(1, &checkpoint(1.0)).expect("save");
    checkpoints.mark_best(1).expect("mark");
    let message = checkpoints.mark_best(7).expect_err("missing").to_string();
    assert!(message.contains("step-00000007"), "{message}");
    assert_eq!(checkpoints.best_step().expect("best"), Some(1));

    std::fs::write(directory.path().join("best"), "rubbish").expect("write");
    assert!(matches!(checkpoints.best(), Err(Error::Corrupt { .. })));
}

#[test]
fn a_damaged_mark_counts_as_none_and_stops_no_run() {
    let directory = tempfile::tempdir().expect("directory");
    let checkpoints = Checkpoints::new(directory.path());
    checkpoints.save(1, &checkpoint(1.0)).expect("save");
    checkpoints.mark_best(1).expect("mark");
    std::fs::write(directory.path().join("best"), "rubbish").expect("write");
    for step in 2..=4_u16 {
        checkpoints.save(step.into(), &checkpoint(step.into())).expect("save");
    }
    assert_eq!(checkpoints.steps().expect("steps"), [3, 4]);
    checkpoints.mark_best(4).expect("mark");
    assert_eq!(checkpoints.best_step().expect("best"), Some(4));
}

#[test]
fn a_mark_that_cannot_be_read_costs_no_checkpoint() {
    let directory = tempfile::tempdir().expect("directory");
    let checkpoints = Checkpoints::new(directory.path());
    for step in 1..=3 {
        checkpoints.save(step, &checkpoint(1.0)).expect("save");
        if step == 1 {
            checkpoints.mark_best(1).expect("mark");
        }
    }
    let best = directory.path().join("best");
    std::fs::remove_file(&best).expect("the mark");
    std::fs::create_dir(&best).expect("what is no file");
    checkpoints.save(4, &checkpoint(1.0)).expect_err("the mark cannot be read");
    assert_eq!(checkpoints.steps().expect("steps"), [1, 2, 3, 4]);
}
