//! What we write we read again, whatever it is; what was cut or changed is refused, or is still the same where a digest
//! or a checksum stands beside it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Component, Path};

use atelier::config::{Config, Resolved};
use atelier_data::idx;
use atelier_store::{
    Checkpoint, Error, NamedArray, NpyArray, NpyLog, RunDir, npy_bytes, parse_model, read_npy,
    write_model,
};
use atelier_tune::{
    Change, Direction, Domain, Journal, Settings, State, Storage as _, Value, read_studies,
};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

fn cases(cases: u32) -> ProptestConfig {
    // Failures are told with their values; a file of them beside the sources would be one of this machine.
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn some() -> &'static Path {
    Path::new("some/file")
}

fn finite() -> impl Strategy<Value = f32> {
    any::<f32>().prop_filter("finite", |value| value.is_finite())
}

/// A shape, the numbers to fill it, and which type they are made.
type Raw = ((Vec<usize>, Vec<f32>), u8);

/// Arrays with different names.
fn arrays() -> impl Strategy<Value = Vec<NamedArray>> {
    let floats = (vec(0..4_usize, 0..4), vec(finite(), 64));
    btree_map("[a-z.é\"\\\\]{1,12}", (floats, any::<u8>()), 0..6).prop_map(|named| {
        let array = |(name, ((shape, values), kind)): (String, Raw)| {
            let count = shape.iter().product::<usize>().min(values.len());
            let values = &values[..count];
            match kind % 3 {
                0 => NamedArray::f32(name, &shape, values),
                1 => {
                    let values: Vec<f64> =
                        values.iter().map(|&value| f64::from(value) / 3.0).collect();
                    NamedArray::f64(name, &shape, &values)
                }
                _ => {
                    let values: Vec<u32> = values.iter().map(|value| value.to_bits()).collect();
                    NamedArray::u32(name, &shape, &values)
                }
            }
        };
        named.into_iter().map(array).collect()
    })
}

/// The bytes with one bit of one byte changed.
fn changed(bytes: &[u8], at: prop::sample::Index, bit: u8) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    let at = at.index(changed.len());
    changed[at] ^= 1 << (bit % 8);
    changed
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn idx_comes_back_plain_and_packed(
        n in 1..6_usize, height in 1..6_usize, width in 1..6_usize, pixels in vec(any::<u8>(), 125),
        at in any::<prop::sample::Index>(), bit in any::<u8>(),
    ) {
        let pixels = pixels[..n * height * width].to_vec();
        let mut file = Vec::new();
        idx::write(&mut file, &[n, height, width], &pixels).expect("memory");
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(&file).expect("memory");
        let packed = packed.finish().expect("memory");
        let right = idx::Images { height, width, pixels };
        for bytes in [&file, &packed] {
            prop_assert_eq!(&idx::read_images(bytes, some()).expect("what was written"), &right);
            prop_assert!(idx::read_images(&bytes[..at.index(bytes.len())], some()).is_err());
        }
        // The checksum of gzip holds the pixels.
        if let Ok(read) = idx::read_images(&changed(&packed, at, bit), some()) {
            prop_assert_eq!(read, right);
        }
    }

    #[test]
    fn npy_comes_back_to_the_bit(
        shape in vec(0..5_usize, 0..4), bits in vec(any::<u64>(), 64), at in any::<prop::sample::Index>(),
        bit in any::<u8>(),
    ) {
        let count = shape.iter().product::<usize>();
        let values: Vec<f64> = bits.iter().take(count).map(|&bits| f64::from_bits(bits)).collect();
        let bytes = npy_bytes(&shape, &values).expect("an array");
        let read = NpyArray::decode(&bytes, some()).expect("what was written");
        prop_assert_eq!(&read.shape, &shape);
        let read = read.into_vec::<f64>(some()).expect("f64");
        prop_assert!(read.iter().map(|v| v.to_bits()).eq(values.iter().map(|v| v.to_bits())));
        prop_assert!(NpyArray::decode(&bytes[..at.index(bytes.len())], some()).is_err());
        // There is no checksum: what is read may be another array, and never more of one.
        if let Ok(read) = NpyArray::decode(&changed(&bytes, at, bit), some()) {
            prop_assert!(read.shape.contains(&0) || read.shape.iter().product::<usize>() <= 8 * count.max(1));
        }
    }

    #[test]
    fn a_model_file_comes_back_and_no_part_of_it_does(
        arrays in arrays(), at in any::<prop::sample::Index>(),
    ) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("model.safetensors");
        write_model(&path, &arrays).expect("a model file");
        let bytes = fs::read(&path).expect("the file");
        let mut read = parse_model(&bytes, some()).expect("what was written");
        read.sort_by(|a, b| a.name.cmp(&b.name));
        prop_assert_eq!(read, arrays);
        prop_assert!(parse_model(&bytes[..at.index(bytes.len())], some()).is_err());
    }

    #[test]
    fn a_checkpoint_comes_back_and_a_changed_one_is_refused_or_the_same(
        arrays in arrays(), metadata in btree_map("[a-z]{1,8}x", ".{0,20}", 0..4),
        at in any::<prop::sample::Index>(), bit in any::<u8>(),
    ) {
        let checkpoint = Checkpoint { arrays, metadata };
        let bytes = checkpoint.encode(some()).expect("a checkpoint");
        prop_assert_eq!(&Checkpoint::decode(&bytes, some()).expect("what was written"), &checkpoint);
        prop_assert!(Checkpoint::decode(&bytes[..at.index(bytes.len())], some()).is_err());
        if let Ok(read) = Checkpoint::decode(&changed(&bytes, at, bit), some()) {
            prop_assert_eq!(read, checkpoint);
        }
    }

    #[test]
    fn a_configuration_that_is_valid_is_printed_as_one_that_means_the_same(
        seed in 0..(i64::MAX - 65_536) as u64, hidden in vec(1..5000_usize, 0..5), rates in vec(0.0..1.0_f64, 6),
        counts in vec(0..100_000_usize, 4), nesterov in any::<bool>(),
    ) {
        let mut config = Config { seed, ..Config::default() };
        config.model.hidden = hidden;
        config.model.dropout = rates[0];
        config.optimizer.learning_rate = rates[1] * 1e-300;
        config.optimizer.nesterov = nesterov;
        config.train.weight_decay = rates[2];
        config.train.label_smoothing = rates[3] / 3.0;
        (config.train.epochs, config.train.batch_size) = (counts[0], counts[1]);
        config.data.examples = counts[2];
        config.data.augment.mixup = rates[4];
        let text = toml::to_string(&config).expect("TOML");
        let read = Resolved::<Config>::from_text(&text, some()).expect("a configuration");
        prop_assert_eq!(&read.config, &config);
        let printed = read.to_toml().expect("TOML");
        let again = Resolved::<Config>::from_text(&printed, some()).expect("what was printed");
        prop_assert_eq!(again.config, config);
    }

    #[test]
    fn a_name_within_a_run_leads_nowhere_else(name in "[a-z./\\\\\u{1b}<~ -]{0,12}") {
        let home = tempfile::tempdir().expect("a directory");
        let run = RunDir::create(&home.path().join("run")).expect("a run");
        match run.file(&name) {
            Ok(path) => {
                let below = path.strip_prefix(run.path()).expect("below the run");
                prop_assert!(below.components().all(|part| matches!(part, Component::Normal(_))));
                prop_assert!(below.components().next().is_some());
            }
            Err(error) => prop_assert!(matches!(error, Error::Name { .. }), "{error}"),
        }
        match RunDir::create_numbered(home.path(), &name) {
            Ok(run) => prop_assert_eq!(run.path().parent(), Some(home.path())),
            Err(error) => prop_assert!(matches!(error, Error::Name { .. }), "{error}"),
        }
    }
}

proptest! {
    // Each of these syncs files.
    #![proptest_config(cases(40))]

    #[test]
    fn a_log_of_rows_keeps_what_was_synced_and_a_cut_one_is_refused(
        rows in vec(vec(finite(), 3), 0..6), late in vec(finite(), 3), at in any::<prop::sample::Index>(),
    ) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("rows.npy");
        let mut log = NpyLog::open(&path, 3).expect("a log");
        for row in &rows {
            log.append(row).expect("a row");
        }
        log.sync().expect("synced");
        let whole = fs::read(&path).expect("the file");
        log.append(&late).expect("a row that is not counted");
        drop(log);
        prop_assert_eq!(NpyLog::open(&path, 3).expect("the log").rows(), rows.len() as u64);
        let read = read_npy(&path).expect("an array").into_vec::<f32>(&path).expect("f32");
        prop_assert_eq!(read, rows.concat());
        fs::write(&path, &whole[..at.index(whole.len())]).expect("cut");
        prop_assert!(NpyLog::open(&path, 3).is_err());
    }

    #[test]
    fn a_journal_says_what_its_writer_saw_and_one_that_was_cut_an_earlier_moment(
        values in vec((any::<f64>(), -1000..1000_i64, 0..3_usize, 0..4_u8), 1..6),
        at in any::<prop::sample::Index>(), bit in any::<u8>(),
    ) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("study.log");
        let journal = Journal::open(&path, "study \"ä\" </script>", Direction::Maximize).expect("a journal");
        let words = ["relu", "a \"word\"\u{1b}", "#set"];
        let choices = Domain::Choices(words.map(Value::from).into());
        // No value is so large that its difference from another is none.
        let most = f64::MAX / 4.0;
        let floats = Domain::Float { low: -most, high: most, log: false, step: None };
        let ints = Domain::Int { low: -1000, high: 1000, log: false, step: 1 };
        for (number, &(float, int, word, fate)) in values.iter().enumerate() {
            let float = if float.abs() <= most { float } else { 0.1 };
            let settings: Settings = [("x", Value::from(float)), ("n", Value::from(int)), ("a", words[word].into())]
                .into_iter().collect();
            let domains = vec![floats.clone(), ints.clone(), choices.clone()];
            let mut changes = vec![Change::Create { settings, domains, slot: number as u64 }, Change::Claim { number }];
            changes.push(Change::Report { number, step: 1, value: float });
            match fate {
                0 => changes.push(Change::Finish { number, state: State::Complete, value: Some(float), failure: None }),
                1 => changes.push(Change::Finish { number, state: State::Failed, value: None, failure: Some("\u{7}".into()) }),
                2 => changes.push(Change::Requeue { number }),
                _ => {}
            }
            journal.change(&mut |_| Ok(changes.clone())).expect("a change");
        }
        let mut seen = None;
        journal.look(&mut |study| seen = Some(study.clone())).expect("a look");
        let seen = seen.expect("a study");
        prop_assert_eq!(seen.trials.len(), values.len());

        let bytes = fs::read(&path).expect("the journal");
        let read = read_studies(&bytes, some()).expect("what was written");
        prop_assert_eq!(&read[0].1, &seen);
        let earlier = read_studies(&bytes[..at.index(bytes.len())], some()).expect("a torn last line is left out");
        for (_, study) in earlier {
            prop_assert!(study.trials.len() <= seen.trials.len());
            for (before, after) in study.trials.iter().zip(&seen.trials) {
                prop_assert_eq!(&before.settings, &after.settings);
            }
        }
        // There is no checksum: it may say something else, and must say it or be refused.
        let _ = read_studies(&changed(&bytes, at, bit), some());
    }
}

#[test]
fn keys_that_belong_to_the_format_are_no_metadata_of_a_checkpoint() {
    for key in ["sha256", "order"] {
        let metadata = BTreeMap::from([(key.to_string(), "x".to_string())]);
        assert!(Checkpoint { arrays: Vec::new(), metadata }.encode(some()).is_err());
    }
}
