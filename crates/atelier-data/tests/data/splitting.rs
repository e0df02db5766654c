use atelier_data::{DataConfig, Split, SplitSeed, Subset, ValidationSize, split};

use crate::small_set::{made, sample};

fn config(validation: ValidationSize, examples: usize) -> DataConfig {
    DataConfig { validation, examples, ..DataConfig::default() }
}

#[test]
fn every_example_is_in_exactly_one_part() {
    let dataset = made(&[30, 41, 7], 2, 2);
    let Split { train, validation } =
        split(&dataset, &config(ValidationSize::Count(20), 0), 5).expect("fits");
    let validation = validation.expect("20 examples");
    assert_eq!((train.len(), validation.len()), (58, 20));
    let mut all = [train.indices(), validation.indices()].concat();
    all.sort_unstable();
    assert_eq!(all, (0..78).collect::<Vec<u32>>());
    // 20 of 78: shares 7.69, 10.51 and 1.79.
    assert_eq!(validation.class_counts(), [8, 10, 2]);
}

#[test]
fn ten_thousand_of_sixty_thousand_are_a_thousand_of_each_class() {
    let dataset = made(&[6000; 10], 1, 1);
    let split = split(&dataset, &DataConfig::default(), 0).expect("fits");
    assert_eq!(split.validation.expect("some").class_counts(), [1000; 10]);
    assert_eq!(split.train.class_counts(), [5000; 10]);
}

#[test]
fn the_split_is_a_function_of_the_seed() {
    let data = sample();
    let with =
        |seed| split(&data.train, &config(ValidationSize::Fraction(0.1), 300), seed).expect("fits");
    let (a, b, c) = (with(1), with(1), with(2));
    assert_eq!(a.train.indices(), b.train.indices());
    assert_ne!(a.train.indices(), c.train.indices());
    assert_ne!(a.validation.expect("some").indices(), c.validation.expect("some").indices());
    // Golden: the split must be the same on every platform and in every later version, or an
    // interrupted run could not be resumed.
    assert_eq!(a.train.indices()[..6], GOLDEN);
}

#[test]
fn a_split_with_a_seed_of_its_own_is_the_same_for_all_runs() {
    let data = sample();
    let mut config = config(ValidationSize::Fraction(0.1), 300);
    let of_run = split(&data.train, &config, 9).expect("fits");
    config.seed = SplitSeed::Fixed(9);
    for seed in [0, 1] {
        let split = split(&data.train, &config, seed).expect("fits");
        assert_eq!(split.train.indices(), of_run.train.indices());
    }
}

const GOLDEN: [u32; 6] = [4, 5, 10, 13, 14, 23];

#[test]
fn the_validation_examples_do_not_depend_on_how_many_others_are_used() {
    let dataset = made(&[50, 50], 1, 1);
    let few = split(&dataset, &config(ValidationSize::Count(20), 10), 3).expect("fits");
    let all = split(&dataset, &config(ValidationSize::Count(20), 0), 3).expect("fits");
    assert_eq!(few.validation.expect("some").indices(), all.validation.expect("some").indices());
    assert_eq!((few.train.len(), all.train.len()), (10, 80));
    assert_eq!(few.train.class_counts(), [5, 5]);
    assert!(few.train.indices().iter().all(|index| all.train.indices().contains(index)));
}

#[test]
fn no_validation_leaves_everything_to_training() {
    let dataset = made(&[4, 4], 1, 1);
    for none in [ValidationSize::Count(0), ValidationSize::Fraction(0.0)] {
        let split = split(&dataset, &config(none, 0), 0).expect("fits");
        assert!(split.validation.is_none());
        assert_eq!(split.train.indices(), Subset::all(&dataset).indices());
    }
}

#[test]
fn sizes_that_cannot_be_met_are_refused_by_their_key() {
    let dataset = made(&[4, 4], 1, 1);
    for (config, key) in [
        (config(ValidationSize::Count(8), 0), "data.validation is 8"),
        (config(ValidationSize::Fraction(0.99), 0), "data.validation is 0.99"),
        (config(ValidationSize::Fraction(-1e300), 0), "data.validation is -1e300, "),
        (config(ValidationSize::Count(3), 6), "data.examples is 6, expected at most 5"),
    ] {
        let message = split(&dataset, &config, 0).expect_err(key).to_string();
        assert!(message.starts_with(key), "{message}");
    }
}
