use atelier_core::{Batch, Targets};
use atelier_data::{AugmentConfig, Batcher, Standardization, Subset, TestSet};
use candle_core::Device;

use crate::small_set::{made, sample};

const PLAIN: AugmentConfig = AugmentConfig { shift: 0, flip: false, erase: 0.0, mixup: 0.0 };

fn batcher(subset: Subset, batch_size: usize, augment: &AugmentConfig) -> Batcher {
    Batcher::new(subset, batch_size, 11, augment, None, &Device::Cpu).expect("fits")
}

fn inputs(batch: &Batch) -> Vec<Vec<f32>> {
    batch.inputs.to_vec2().expect("two dimensions")
}

fn classes(batch: &Batch) -> Vec<u32> {
    match &batch.targets {
        Targets::Classes(classes) => classes.to_vec1().expect("one dimension"),
        other => panic!("{other:?}"),
    }
}

fn distribution(batch: &Batch) -> Vec<Vec<f32>> {
    match &batch.targets {
        Targets::Distribution(rows) => rows.to_vec2().expect("two dimensions"),
        other => panic!("{other:?}"),
    }
}

fn close(a: f32, b: f32) -> bool {
    (a - b).abs() < 1e-5
}

#[test]
fn an_epoch_holds_every_example_once_with_its_label_and_the_last_batch_is_short() {
    let dataset = made(&[9, 9, 5], 2, 3);
    let mut batches = batcher(Subset::all(&dataset), 5, &PLAIN);
    assert_eq!(batches.batches_per_epoch(), 5);
    let mut seen = vec![0; dataset.len()];
    let mut sizes = Vec::new();
    for index in 0..5 {
        let batch = batches.batch(0, index).expect("batch");
        sizes.push(batch.len());
        assert_eq!(batch.inputs.dims(), [batch.len(), 6]);
        for (row, class) in inputs(&batch).into_iter().zip(classes(&batch)) {
            let example = dataset.images().rows().into_iter().position(|image| {
                image.iter().zip(&row).all(|(&byte, &x)| close(x, f32::from(byte) / 255.0))
            });
            let example = example.expect("an example of the set");
            assert_eq!(u32::from(dataset.labels()[example]), class);
            seen[example] += 1;
        }
    }
    assert_eq!(sizes, [5, 5, 5, 5, 3]);
    assert_eq!(seen, vec![1; dataset.len()]);
    let message = batches.batch(0, 5).expect_err("no sixth batch").to_string();
    assert!(message.contains("below 5"), "{message}");
}

#[test]
fn bytes_become_numbers_from_0_to_1_within_one_rounding() {
    let bytes: Vec<u8> = (0..=255).collect();
    let images = ndarray::Array2::from_shape_vec((1, 256), bytes).expect("shape");
    let dataset = atelier_data::Dataset::new(images, vec![0], (16, 16), 1).expect("fits");
    let mut batches = batcher(Subset::all(&std::sync::Arc::new(dataset)), 1, &PLAIN);
    let row = inputs(&batches.batch(0, 0).expect("batch")).remove(0);
    for (value, x) in row.iter().enumerate() {
        let exact = value as f32 / 255.0;
        assert!((x - exact).abs() <= exact * f32::EPSILON, "{value}: {x}");
    }
    assert!(close(row[255], 1.0) && row[255] <= 1.0);
}

#[test]
fn a_batch_does_not_depend_on_what_was_asked_for_before() {
    let data = sample();
    let augment = AugmentConfig { shift: 2, flip: true, erase: 0.5, mixup: 0.2 };
    let mut forward = batcher(Subset::all(&data.train), 300, &augment);
    let in_order: Vec<_> = (0..3)
        .flat_map(|epoch| (0..7).map(move |index| (epoch, index)))
        .map(|(epoch, index)| forward.batch(epoch, index).expect("batch"))
        .collect();
    let mut other = batcher(Subset::all(&data.train), 300, &augment);
    for (epoch, index) in [(2, 6), (0, 3), (2, 0), (1, 1), (0, 0)] {
        let batch = other.batch(epoch, index).expect("batch");
        let same = &in_order[usize::try_from(epoch).expect("small") * 7 + index];
        assert_eq!(inputs(&batch), inputs(same));
        assert_eq!(distribution(&batch), distribution(same));
    }
}

#[test]
fn epochs_and_seeds_have_orders_of_their_own() {
    let dataset = made(&[50, 50], 2, 2);
    let all = Subset::all(&dataset);
    let mut batches = batcher(all.clone(), 100, &PLAIN);
    let first = inputs(&batches.batch(0, 0).expect("batch"));
    let second = inputs(&batches.batch(1, 0).expect("batch"));
    let mut reseeded = Batcher::new(all, 100, 12, &PLAIN, None, &Device::Cpu).expect("fits");
    let other = inputs(&reseeded.batch(0, 0).expect("batch"));
    assert_ne!(first, second);
    assert_ne!(first, other);
}

/// One white pixel in the middle of each of `n` black images of 7x9.
fn dots(n: usize) -> Subset {
    let mut images = ndarray::Array2::zeros((n, 63));
    images.column_mut(3 * 9 + 4).fill(255);
    let dataset = atelier_data::Dataset::new(images, vec![0; n], (7, 9), 1).expect("fits");
    Subset::all(&std::sync::Arc::new(dataset))
}

/// Where the white pixel of each image is, relative to the middle.
fn places(batch: &Batch) -> Vec<(i32, i32)> {
    let place = |row: Vec<f32>| {
        let white: Vec<i32> = (0..).zip(row).filter(|&(_, x)| x > 0.5).map(|(i, _)| i).collect();
        assert_eq!(white.len(), 1, "{white:?}");
        (white[0] / 9 - 3, white[0] % 9 - 4)
    };
    inputs(batch).into_iter().map(place).collect()
}

#[test]
fn shifts_are_uniform_within_their_bound_in_both_directions() {
    let augment = AugmentConfig { shift: 2, ..PLAIN };
    let n = 20_000;
    let places = places(&batcher(dots(n), n, &augment).batch(0, 0).expect("batch"));
    let mut counts = [[0_i32; 5]; 5];
    for (down, right) in places {
        counts[usize::try_from(down + 2).expect("bound")]
            [usize::try_from(right + 2).expect("bound")] += 1;
    }
    // 800 expected in each of the 25 places; 5 standard deviations are 139.
    for count in counts.as_flattened() {
        assert!((count - 800).abs() < 139, "{counts:?}");
    }
}

#[test]
fn a_shift_fills_with_zero_and_moves_whole_rows() {
    let dataset = made(&[400], 4, 5);
    let augment = AugmentConfig { shift: 3, ..PLAIN };
    let mut batches = batcher(Subset::all(&dataset), 400, &augment);
    let moved = inputs(&batches.batch(0, 0).expect("batch"));
    let mut still = batcher(Subset::all(&dataset), 400, &PLAIN);
    let original = inputs(&still.batch(0, 0).expect("batch"));
    let at = |image: &[f32], row: i32, column: i32| {
        let inside = (0..4).contains(&row) && (0..5).contains(&column);
        if inside { image[usize::try_from(row * 5 + column).expect("inside")] } else { 0.0 }
    };
    for (moved, original) in moved.iter().zip(&original) {
        let explained = (-3..=3).any(|down| {
            (-3..=3).any(|right| {
                (0..20).all(|pixel| {
                    let (row, column) = (pixel / 5, pixel % 5);
                    close(at(moved, row, column), at(original, row - down, column - right))
                })
            })
        });
        assert!(explained, "{moved:?} from {original:?}");
    }
}

#[test]
fn half_of_the_images_are_mirrored_left_to_right() {
    let dataset = made(&[4000], 3, 4);
    let augment = AugmentConfig { flip: true, ..PLAIN };
    let moved = batcher(Subset::all(&dataset), 4000, &augment).batch(0, 0).expect("batch");
    let still = batcher(Subset::all(&dataset), 4000, &PLAIN).batch(0, 0).expect("batch");
    let mut mirrored = 0_i32;
    for (moved, original) in inputs(&moved).iter().zip(&inputs(&still)) {
        let mirror: Vec<f32> =
            original.chunks_exact(4).flat_map(|row| row.iter().rev().copied()).collect();
        assert!(*moved == mirror || moved == original);
        mirrored += i32::from(*moved == mirror);
    }
    // 5 standard deviations are 158.
    assert!((mirrored - 2000).abs() < 158, "{mirrored}");
}

#[test]
fn mixup_mixes_inputs_and_targets_with_the_same_weight() {
    let dataset = made(&[20, 20, 20], 2, 4);
    let augment = AugmentConfig { mixup: 0.4, ..PLAIN };
    let mut mixed = batcher(Subset::all(&dataset), 60, &augment);
    let mut plain = batcher(Subset::all(&dataset), 60, &PLAIN);
    for epoch in 0..20 {
        let batch = mixed.batch(epoch, 0).expect("batch");
        let original = plain.batch(epoch, 0).expect("batch");
        let (rows, labels) = (inputs(&original), classes(&original));
        let targets = distribution(&batch);
        assert!(targets.iter().all(|row| close(row.iter().sum(), 1.0)));
        // The weight shows wherever two classes meet: the own class has it.
        let weight = targets
            .iter()
            .zip(&labels)
            .map(|(target, &label)| target[label as usize])
            .find(|&weight| weight < 0.999);
        let Some(weight) = weight else { continue };
        for ((row, target), (own, &label)) in
            inputs(&batch).iter().zip(&targets).zip(rows.iter().zip(&labels))
        {
            let partner = rows.iter().zip(&labels).any(|(other, &with)| {
                let mut expected = [0.0_f32; 3];
                expected[label as usize] += weight;
                expected[with as usize] += 1.0 - weight;
                let mix = |(x, y): (&f32, &f32)| weight * x + (1.0 - weight) * y;
                row.iter().zip(own.iter().zip(other).map(mix)).all(|(&a, b)| close(a, b))
                    && target.iter().zip(expected).all(|(&a, b)| close(a, b))
            });
            assert!(partner, "{row:?}");
        }
    }
}

#[test]
fn mixup_weights_have_the_moments_of_the_beta_distribution() {
    let dataset = made(&[1, 1], 1, 1);
    for alpha in [0.2, 1.0, 4.0] {
        let augment = AugmentConfig { mixup: alpha, ..PLAIN };
        let mut batches = batcher(Subset::all(&dataset), 2, &augment);
        let mut weights = Vec::new();
        for epoch in 0..8000 {
            // Two examples: in half of the batches each is mixed with the other.
            let batch = batches.batch(epoch, 0).expect("batch");
            let rows = distribution(&batch);
            // Which of the two labels is the own one is known from the order without mixup.
            let plain = batcher(Subset::all(&dataset), 2, &PLAIN).batch(epoch, 0).expect("batch");
            let other = f64::from(rows[0][1 - classes(&plain)[0] as usize]);
            if other > 0.0 {
                weights.push(1.0 - other);
            }
        }
        let n = weights.len() as f64;
        let mean = weights.iter().sum::<f64>() / n;
        let variance = weights.iter().map(|w| (w - 0.5) * (w - 0.5)).sum::<f64>() / n;
        let expected = 1.0 / (4.0 * (2.0 * alpha + 1.0));
        assert!(n > 3000.0, "alpha {alpha}: {n} mixed batches");
        assert!((mean - 0.5).abs() < 0.03, "alpha {alpha}: mean {mean}");
        assert!((variance / expected - 1.0).abs() < 0.1, "alpha {alpha}: variance {variance}");
    }
}

#[test]
fn a_share_of_the_images_loses_a_rectangle_to_noise() {
    let dataset = made(&[400], 20, 20);
    let augment = AugmentConfig { erase: 0.5, ..PLAIN };
    let plain = inputs(&batcher(Subset::all(&dataset), 400, &PLAIN).batch(0, 0).expect("batch"));
    let erased = inputs(&batcher(Subset::all(&dataset), 400, &augment).batch(0, 0).expect("batch"));
    let mut changed = 0;
    for (before, after) in plain.iter().zip(&erased) {
        let places: Vec<_> = (0..400)
            .filter(|&i| before[i].to_bits() != after[i].to_bits())
            .map(|i| (i / 20, i % 20))
            .collect();
        let (Some(top), Some(bottom)) =
            (places.iter().map(|p| p.0).min(), places.iter().map(|p| p.0).max())
        else {
            continue;
        };
        changed += 1;
        let left = places.iter().map(|p| p.1).min().expect("places");
        let right = places.iter().map(|p| p.1).max().expect("places");
        let area = (bottom - top + 1) * (right - left + 1);
        // A pixel in 256 keeps its value; a side is rounded.
        assert!(places.len() * 100 >= area * 80, "{} of {area} changed", places.len());
        assert!((4..=130).contains(&area), "an area of {area}");
    }
    assert!((160..=240).contains(&changed), "{changed} of 400");
    let augment = AugmentConfig { erase: 1.5, ..PLAIN };
    let refused = Batcher::new(Subset::all(&dataset), 4, 11, &augment, None, &Device::Cpu);
    let message = refused.expect_err("more than all").to_string();
    assert!(message.contains("data.augment.erase"), "{message}");
}

#[test]
fn a_last_batch_of_one_can_be_mixed() {
    let dataset = made(&[3], 2, 2);
    let augment = AugmentConfig { shift: 1, flip: true, erase: 0.5, mixup: 0.2 };
    let batch = batcher(Subset::all(&dataset), 2, &augment).batch(0, 1).expect("batch");
    assert_eq!(distribution(&batch), [[1.0]]);
}

#[test]
fn a_kind_of_augmentation_does_not_change_what_another_draws() {
    let dots = dots(500);
    let shifted = AugmentConfig { shift: 2, ..PLAIN };
    let both = AugmentConfig { shift: 2, flip: true, ..PLAIN };
    let one = places(&batcher(dots.clone(), 500, &shifted).batch(4, 0).expect("batch"));
    let two = places(&batcher(dots, 500, &both).batch(4, 0).expect("batch"));
    assert_ne!(one, two);
    for (a, b) in one.iter().zip(&two) {
        assert!(a.0 == b.0 && a.1.abs() == b.1.abs(), "{a:?} {b:?}");
    }
}

#[test]
fn standardised_training_pixels_have_mean_0_and_variance_1() {
    let data = sample();
    let subset = Subset::all(&data.train).stratified(1500, 0).expect("fits");
    let standardization = Standardization::fit(&subset);
    let batches =
        subset.evaluation_batches(400, Some(&standardization), &Device::Cpu).expect("fits");
    let rows: Vec<_> = batches.flat_map(|batch| inputs(&batch.expect("batch"))).collect();
    assert_eq!(rows.len(), 1500);
    for pixel in 0..784 {
        let values = rows.iter().map(|row| f64::from(row[pixel]));
        let mean = values.clone().sum::<f64>() / 1500.0;
        let variance = values.map(|x| (x - mean) * (x - mean)).sum::<f64>() / 1500.0;
        assert!(mean.abs() < 1e-4, "pixel {pixel}: mean {mean}");
        let constant = subset.indices().iter().all(|&i| {
            data.train.images()[[i as usize, pixel]]
                == data.train.images()[[subset.indices()[0] as usize, pixel]]
        });
        let expected = if constant { 0.0 } else { 1.0 };
        assert!((variance - expected).abs() < 1e-3, "pixel {pixel}: variance {variance}");
    }
}

#[test]
fn a_constant_pixel_is_centred_and_not_scaled() {
    let images = ndarray::arr2(&[[51_u8, 0], [51, 255]]);
    let dataset = atelier_data::Dataset::new(images, vec![0, 0], (1, 2), 1).expect("fits");
    let fitted = Standardization::fit(&Subset::all(&std::sync::Arc::new(dataset)));
    assert_eq!(fitted.mean, [0.2, 0.5]);
    assert_eq!(fitted.scale, [1.0, 0.5]);
}

#[test]
fn what_a_shift_leaves_empty_counts_as_black_before_standardising() {
    let dots = dots(300);
    let standardization = Standardization { mean: vec![0.25; 63], scale: vec![0.5; 63] };
    let augment = AugmentConfig { shift: 2, ..PLAIN };
    let mut batches =
        Batcher::new(dots, 300, 11, &augment, Some(&standardization), &Device::Cpu).expect("fits");
    for row in inputs(&batches.batch(0, 0).expect("batch")) {
        assert_eq!(row.iter().filter(|&&x| close(x, 1.5)).count(), 1);
        assert_eq!(row.iter().filter(|&&x| close(x, -0.5)).count(), 62);
    }
}

#[test]
fn evaluation_goes_through_the_examples_in_order() {
    let dataset = made(&[6, 5], 2, 2);
    let subset = Subset::all(&dataset).stratified(7, 0).expect("fits");
    let batches = subset.evaluation_batches(3, None, &Device::Cpu).expect("fits");
    assert_eq!(batches.len(), 3);
    let mut found = Vec::new();
    for batch in batches {
        let batch = batch.expect("batch");
        assert_eq!(classes(&batch).len(), batch.len());
        found.extend(classes(&batch));
    }
    let labels = subset.indices().iter().map(|&i| u32::from(dataset.labels()[i as usize]));
    assert_eq!(found, labels.collect::<Vec<_>>());
    subset.evaluation_batches(0, None, &Device::Cpu).expect_err("none at a time");
}

#[test]
fn every_look_at_the_test_set_is_counted() {
    let made = made(&[3, 3], 2, 2);
    let test = TestSet::new(
        atelier_data::Dataset::new(made.images().to_owned(), made.labels().to_vec(), (2, 2), 2)
            .expect("fits"),
    );
    assert_eq!((test.reads(), test.len()), (0, 6));
    for pass in 1..=2 {
        let batches = test.evaluation_batches(4, None, &Device::Cpu).expect("fits");
        assert_eq!(batches.map(|batch| batch.expect("batch").len()).sum::<usize>(), 6);
        assert_eq!(test.reads(), pass);
    }
    assert_eq!(test.read().len(), 6);
    assert_eq!(test.reads(), 3);
}

#[test]
fn settings_that_cannot_be_meant_are_refused_by_their_key() {
    let subset = Subset::all(&made(&[3, 3], 2, 3));
    let refused = |subset: &Subset, batch_size, augment, standardization: Option<&_>| {
        Batcher::new(subset.clone(), batch_size, 0, &augment, standardization, &Device::Cpu)
            .expect_err("refused")
            .to_string()
    };
    let message = refused(&subset, 0, PLAIN, None);
    assert!(message.starts_with("train.batch_size is 0"), "{message}");
    let message = refused(&subset, 1, AugmentConfig { shift: 2, ..PLAIN }, None);
    assert!(message.starts_with("data.augment.shift is 2"), "{message}");
    for mixup in [-1.0, f64::NAN, f64::INFINITY, 1e-9] {
        let message = refused(&subset, 1, AugmentConfig { mixup, ..PLAIN }, None);
        assert!(message.starts_with("data.augment.mixup is "), "{message}");
    }
    let empty = subset.stratified(0, 0).expect("fits");
    assert!(refused(&empty, 1, PLAIN, None).contains("at least 1"));
    let short = Standardization { mean: vec![0.0; 5], scale: vec![1.0; 5] };
    assert!(refused(&subset, 1, PLAIN, Some(&short)).contains("number of pixels"));
    let zero = Standardization { mean: vec![0.0; 6], scale: vec![0.0; 6] };
    assert!(refused(&subset, 1, PLAIN, Some(&zero)).contains("other than 0"));
}
