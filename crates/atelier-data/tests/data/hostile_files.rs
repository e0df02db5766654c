use std::path::Path;

use atelier_data::{Error, idx};

use crate::small_set::{encode, gzip};

fn images(bytes: &[u8]) -> Result<idx::Images, Error> {
    idx::read_images(bytes, Path::new("some/images"))
}

fn labels(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    idx::read_labels(bytes, Some(10), Path::new("some/labels"))
}

/// The offset of a format error, which must name the file.
fn offset(error: &Error) -> u64 {
    match error {
        Error::Format { path, offset, .. } if path.starts_with("some") => *offset,
        other => panic!("not a format error: {other}"),
    }
}

fn header(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

#[test]
fn what_was_written_is_read_plain_and_compressed() {
    let pixels: Vec<u8> = (0..=254).cycle().take(5 * 4 * 7).collect();
    let file = encode(&[5, 4, 7], &pixels);
    for bytes in [file.clone(), gzip(&file)] {
        let images = images(&bytes).expect("valid");
        assert_eq!((images.count(), images.height, images.width), (5, 4, 7));
        assert_eq!(images.pixels, pixels);
    }
    let file = encode(&[4], &[9, 0, 3, 3]);
    assert_eq!(labels(&gzip(&file)).expect("valid"), [9, 0, 3, 3]);
}

#[test]
fn a_compressed_file_may_consist_of_several_members() {
    let file = encode(&[4], &[9, 0, 3, 3]);
    let bytes = [gzip(&file[..5]), gzip(&file[5..])].concat();
    assert_eq!(labels(&bytes).expect("valid"), [9, 0, 3, 3]);
}

#[test]
fn a_file_cut_off_anywhere_is_refused_where_it_ends() {
    let file = encode(&[2, 3, 3], &[7; 18]);
    for length in 0..file.len() {
        let error = images(&file[..length]).expect_err("cut off");
        assert_eq!(offset(&error), length as u64, "{error}");
    }
    let packed = gzip(&file);
    for length in 1..packed.len() {
        let error = images(&packed[..length]).expect_err("cut off");
        assert!(offset(&error) <= file.len() as u64, "{error}");
    }
}

#[test]
fn a_compressed_file_with_any_byte_changed_never_gives_other_pixels() {
    let file = encode(&[2, 3, 3], &(0..18).collect::<Vec<_>>());
    let packed = gzip(&file);
    let mut refused = 0;
    for position in 0..packed.len() {
        let mut bytes = packed.clone();
        bytes[position] ^= 0x10;
        match images(&bytes) {
            // The header's time and flags carry no content.
            Ok(images) => assert_eq!(images.pixels, (0..18).collect::<Vec<_>>()),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > packed.len() / 2, "{refused} of {}", packed.len());
}

#[test]
fn bytes_after_the_last_value_are_refused_with_their_offset() {
    let mut file = encode(&[3], &[1, 2, 3]);
    file.push(0);
    assert_eq!(offset(&labels(&file).expect_err("trailing")), 11);
    assert_eq!(offset(&labels(&gzip(&file)).expect_err("trailing")), 11);
    let packed = [gzip(&file[..11]), b"more".to_vec()].concat();
    offset(&labels(&packed).expect_err("trailing after the stream"));
}

#[test]
fn headers_that_promise_more_than_there_is_reserve_nothing() {
    let max = u32::MAX;
    for words in [
        [0x0803, max, max, max],
        [0x0803, max, 1, 1],
        [0x0803, 1 << 31, 1 << 31, 4],
        [0x0803, 60_000, 28, 28],
    ] {
        let bytes = header(&words);
        assert_eq!(offset(&images(&bytes).expect_err("too large")), 16);
        assert_eq!(offset(&images(&gzip(&bytes)).expect_err("too large")), 4);
    }
    let error = labels(&header(&[0x0801, max])).expect_err("too large").to_string();
    assert!(error.contains("4294967303 bytes by its header"), "{error}");
}

#[test]
fn a_file_that_compresses_as_far_as_any_can_is_read() {
    let file = encode(&[5_000_000], &vec![7; 5_000_000]);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut encoder, &file).expect("memory");
    let packed = encoder.finish().expect("memory");
    assert!(file.len() / packed.len() > 1000, "{} bytes", packed.len());
    assert_eq!(labels(&packed).expect("valid").len(), 5_000_000);
}

#[test]
fn a_compressed_bomb_is_not_inflated_beyond_what_its_header_says() {
    // 64 MB of zeros in 64 kB; the header speaks of 10 values.
    let mut bomb = header(&[0x0801, 10]);
    bomb.resize(64 << 20, 0);
    let error = labels(&gzip(&bomb)).expect_err("bomb");
    assert_eq!(offset(&error), 18, "{error}");
    // A header that admits to more than deflate could ever give for its size.
    let bomb = header(&[0x0801, 1 << 30]);
    let error = labels(&gzip(&bomb)).expect_err("bomb").to_string();
    assert!(error.contains("than the compressed file can hold"), "{error}");
}

#[test]
fn other_magic_numbers_are_refused() {
    for magic in [0x0801, 0x0804, 0x0903, 0x0D03, 0x0100_0803] {
        let mut file = encode(&[1, 1, 1], &[0]);
        file[..4].copy_from_slice(&header(&[magic]));
        let error = images(&file).expect_err("magic");
        assert_eq!(offset(&error), 0, "{error}");
        assert!(error.to_string().contains("00000803"), "{error}");
    }
}

#[test]
fn a_header_with_any_byte_changed_is_refused_unless_it_is_just_as_true() {
    let file = encode(&[2, 4, 6], &[7; 48]);
    for position in 0..16 {
        for value in 0..=255 {
            let mut bytes = file.clone();
            bytes[position] = value;
            let changed = value != file[position];
            assert_eq!(images(&bytes).is_err(), changed, "byte {position} is {value}");
        }
    }
    // The same number of pixels in another arrangement is another truth.
    let images = images(&encode(&[4, 2, 6], &[7; 48])).expect("valid");
    assert_eq!((images.count(), images.height, images.width), (4, 2, 6));
}

#[test]
fn empty_dimensions_are_refused_with_their_offset() {
    for axis in 0..3 {
        let mut words = [0x0803, 1, 1, 1];
        words[axis + 1] = 0;
        let error = images(&header(&words)).expect_err("empty");
        assert_eq!(offset(&error), 4 + 4 * axis as u64, "{error}");
    }
}

#[test]
fn labels_out_of_range_are_refused_with_their_offset() {
    let file = encode(&[4], &[0, 9, 10, 255]);
    let error = labels(&file).expect_err("label 10");
    assert_eq!(offset(&error), 10);
    let message = error.to_string();
    assert!(message.contains("some/labels: byte 10") && message.contains("below 10"), "{message}");
    let all = idx::read_labels(&file, None, Path::new("x")).expect("any label");
    assert_eq!(all, [0, 9, 10, 255]);
}

#[test]
fn a_web_page_saved_in_the_place_of_a_file_is_named() {
    let pages: [&[u8]; 4] =
        [b"<!DOCTYPE html><html>", b"\n <html>", b"\xef\xbb\xbf<html>", b"<?xml version='1.0'?>"];
    for page in pages {
        for bytes in [page.to_vec(), gzip(page)] {
            let message = images(&bytes).expect_err("page").to_string();
            assert!(message.contains("a web page"), "{message}");
        }
    }
    let message = images(b"\x93NUMPY\x01\x00").expect_err("numpy").to_string();
    assert!(message.contains("a NumPy array"), "{message}");
}

#[test]
fn dimensions_that_do_not_fit_are_not_written() {
    let mut out = Vec::new();
    idx::write(&mut out, &[2, 2], &[0; 3]).expect_err("three values");
    idx::write(&mut out, &[usize::MAX, 2], &[0; 3]).expect_err("overflow");
    assert!(out.is_empty());
}
