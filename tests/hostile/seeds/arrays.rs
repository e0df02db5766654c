//! IDX, gzip, NPY and safetensors.

use std::collections::BTreeMap;
use std::path::Path;

use atelier_data::idx;
use atelier_store::{Checkpoint, NamedArray, npy_bytes, write_model};

use super::{Seed, gzip, seed};

const PAGE: &[u8] = b"<!DOCTYPE html>\n<html><body>404 Not Found</body></html>\n";

pub fn seeds() -> Vec<Seed> {
    [of_idx(), of_npy(), of_safetensors()].concat()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

fn encode(sizes: &[usize], values: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    idx::write(&mut bytes, sizes, values).expect("memory");
    bytes
}

fn of_idx() -> Vec<Seed> {
    let (image, label) =
        (|name, bytes| seed("images", name, bytes), |name, bytes| seed("labels", name, bytes));
    let max = u32::MAX;
    let good = encode(&[2, 3, 4], &(0..24).collect::<Vec<u8>>());
    let labels = encode(&[4], &[9, 0, 3, 3]);
    // As plain MNIST begins: the same magic number, 60,000 images of 28 x 28.
    let mnist = words(&[0x0803, 60_000, 28, 28]);
    let mut bomb = words(&[0x0801, 10]);
    bomb.resize(16 << 20, 0);
    let mut damaged = gzip(&good);
    let last = damaged.len() - 6;
    damaged[last] ^= 1;
    vec![
        image("good-plain", good.clone()),
        image("good.gz", gzip(&good)),
        image("good-members.gz", [gzip(&good[..7]), gzip(&[]), gzip(&good[7..])].concat()),
        image("bad-cut", good[..20].to_vec()),
        image("bad-cut.gz", gzip(&good)[..20].to_vec()),
        image("bad-damaged.gz", damaged),
        image("bad-goes-on", [&good[..], b"!"].concat()),
        image("bad-goes-on.gz", [&gzip(&good)[..], b"more"].concat()),
        image("bad-page", PAGE.to_vec()),
        image("bad-page.gz", gzip(PAGE)),
        image("bad-empty", Vec::new()),
        image("bad-empty.gz", gzip(&[])),
        image("bad-sizes-overflow", words(&[0x0803, max, max, max])),
        image("bad-sizes-overflow.gz", gzip(&words(&[0x0803, max, max, max]))),
        image("bad-sizes-wrap-to-16", words(&[0x0803, 1 << 31, 1 << 31, 4])),
        image("bad-no-rows", words(&[0x0803, 1, 0, max])),
        image("bad-mnist-without-pixels", mnist.clone()),
        image("bad-mnist-without-pixels.gz", gzip(&mnist)),
        image("bad-labels", labels.clone()),
        image("bad-of-floats", words(&[0x0D03, 1, 1, 1, 0])),
        image("bad-zip", b"PK\x03\x04whatever".to_vec()),
        image("bad-gzip-in-gzip.gz", gzip(&gzip(&good))),
        label("good-plain", labels.clone()),
        label("good.gz", gzip(&labels)),
        label("good-all-alike.gz", gzip(&encode(&[100_000], &[7; 100_000]))),
        label("bad-out-of-range", encode(&[3], &[0, 10, 255])),
        label("bad-count", words(&[0x0801, max])),
        label("bad-count.gz", gzip(&words(&[0x0801, 1 << 30]))),
        label("bad-bomb.gz", gzip(&bomb)),
        label("bad-images", good),
        label("bad-empty", Vec::new()),
        label("bad-page", PAGE.to_vec()),
    ]
}

/// An NPY file of version 1 with this dictionary.
fn npy(dictionary: &str, values: &[u8]) -> Vec<u8> {
    let length = u16::try_from(dictionary.len() + 1).expect("a short dictionary");
    let head: [&[u8]; 3] = [b"\x93NUMPY\x01\x00", &length.to_le_bytes(), dictionary.as_bytes()];
    [&head.concat(), &b"\n"[..], values].concat()
}

fn of_npy() -> Vec<Seed> {
    let array =
        |name: &str, dictionary: &str, values: &[u8]| seed("npy", name, npy(dictionary, values));
    let small = npy_bytes(&[2, 2, 2], &[0_u8, 1, 2, 3, 4, 5, 254, 255]).expect("an array");
    let unit =
        npy_bytes(&[2, 4], &[0.0_f32, 0.5, 1.0, 0.25, 0.0, 0.0, 1.0, 1.0]).expect("an array");
    let of = |values: &[f64]| npy_bytes(&[1, 2, 2], values).expect("an array");
    let deep = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {}", "(".repeat(5000));
    let many =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({})}}", "1,".repeat(65));
    let mut long = b"\x93NUMPY\x02\x00".to_vec();
    long.extend(u32::MAX.to_le_bytes());
    long.extend(b"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}");
    vec![
        seed("npy", "good-bytes.npy", small.clone()),
        seed("npy", "good-floats.npy", unit.clone()),
        seed("npy", "good-empty.npy", npy_bytes::<f64>(&[0, 7], &[]).expect("an array")),
        array("good-number.npy", "{'descr': '<i8', 'fortran_order': False, 'shape': ()}", &[1; 8]),
        array("good-fortran.npy", "{'descr':'>i2','fortran_order':True,'shape':(2,3)}", &[7; 12]),
        array(
            "good-empty-and-huge.npy",
            "{'descr': '<f4', 'fortran_order': True, 'shape': (18446744073709551615, 0, 9)}",
            &[],
        ),
        array("bad-python.npy", "{'descr': __import__('os').system('true')}", &[0; 4]),
        array(
            "bad-objects.npy",
            "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
            b"\x80\x04N.",
        ),
        array(
            "bad-fields.npy",
            "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}",
            &[0; 4],
        ),
        array(
            "bad-twice.npy",
            "{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (1,)}",
            &[0; 4],
        ),
        array("bad-missing.npy", "{'descr': '<f4', 'fortran_order': False}", &[0; 4]),
        array(
            "bad-behind.npy",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}, {}",
            &[0; 4],
        ),
        array(
            "bad-product.npy",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296)}",
            &[],
        ),
        array(
            "bad-bytes-wrap.npy",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (2305843009213693952,)}",
            &[],
        ),
        array(
            "bad-too-large.npy",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
            &[],
        ),
        array("bad-negative.npy", "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", &[]),
        array("bad-many-dimensions.npy", &many, &[0; 4]),
        array("bad-deep.npy", &deep, &[]),
        array(
            "bad-escape.npy",
            "{'descr': '\u{1b}[2J', 'fortran_order': False, 'shape': (1,)}",
            &[0; 4],
        ),
        seed("npy", "bad-long-header.npy", long),
        seed("npy", "bad-cut.npy", small[..100].to_vec()),
        seed("npy", "bad-cut-values.npy", small[..small.len() - 1].to_vec()),
        seed("npy", "bad-version.npy", b"\x93NUMPY\x09\x00\x00\x00".to_vec()),
        seed("npy", "bad-page.npy", PAGE.to_vec()),
        seed("npy", "bad-empty.npy", Vec::new()),
        seed("npy-images", "good-bytes.npy", small),
        seed("npy-images", "good-unit.npy", unit),
        seed("npy-images", "bad-nan.npy", of(&[0.0, f64::NAN, 0.0, 0.0])),
        seed("npy-images", "bad-infinite.npy", of(&[0.0, f64::INFINITY, 0.0, 0.0])),
        seed("npy-images", "bad-negative.npy", of(&[0.0, -1e-300, 0.0, 0.0])),
        seed("npy-images", "bad-huge.npy", of(&[0.0, 1e308, 0.0, 0.0])),
        seed("npy-images", "bad-not-square.npy", npy_bytes(&[2, 3], &[0_u8; 6]).expect("an array")),
        seed("npy-images", "bad-none.npy", npy_bytes::<u8>(&[0, 28, 28], &[]).expect("an array")),
        seed(
            "npy-images",
            "bad-wide.npy",
            npy_bytes(&[1, 2, 2], &[0_i64, 1, 256, 2]).expect("an array"),
        ),
        seed("npy-labels", "good.npy", npy_bytes(&[3], &[0_i64, 9, 3]).expect("an array")),
        seed("npy-labels", "good-column.npy", npy_bytes(&[3, 1], &[0_u8, 9, 3]).expect("an array")),
        seed("npy-labels", "bad-out-of-range.npy", npy_bytes(&[2], &[0_u8, 10]).expect("an array")),
        seed("npy-labels", "bad-negative.npy", npy_bytes(&[2], &[0_i8, -1]).expect("an array")),
        seed("npy-labels", "bad-floats.npy", npy_bytes(&[2], &[0.0_f32, 1.0]).expect("an array")),
        seed("npy-labels", "bad-none.npy", npy_bytes::<u8>(&[0], &[]).expect("an array")),
    ]
}

/// A safetensors file with this header and so many bytes behind it.
fn safetensors(header: &str, data: usize) -> Vec<u8> {
    let length = (header.len() as u64).to_le_bytes();
    [&length[..], header.as_bytes(), &vec![0; data]].concat()
}

fn written(arrays: &[NamedArray]) -> Vec<u8> {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("model.safetensors");
    write_model(&path, arrays).expect("a model file");
    std::fs::read(path).expect("the file")
}

fn of_safetensors() -> Vec<Seed> {
    let arrays = [
        NamedArray::f32("net.0.weight", &[2, 3], &[0.5, -1.0, 2.0, 0.0, 1.5, -0.25]),
        NamedArray::f32("net.0.bias", &[2], &[0.0, 1.0]),
        NamedArray::i64("steps", &[], &[7]),
    ];
    let good = written(&arrays);
    let metadata = BTreeMap::from([("progress".to_string(), "{\"step\":7}".to_string())]);
    let checkpoint = Checkpoint { arrays: arrays.to_vec(), metadata };
    let checkpoint = checkpoint.encode(Path::new("")).expect("a checkpoint");
    let changed = |at: usize| {
        let mut bytes = checkpoint.clone();
        bytes[at] ^= 1;
        bytes
    };
    let model = |name: &str, header: &str, data| seed("model", name, safetensors(header, data));
    let one = |place: &str| {
        format!("{{\"a\":{{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":{place}}}}}")
    };
    let overlap = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#;
    let hole = r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}"#;
    let product = r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}"#;
    let twice = r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    let mut nan = written(&[NamedArray::f32("a", &[1], &[0.0])]);
    let end = nan.len();
    nan[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    let mut long = u64::MAX.to_le_bytes().to_vec();
    long.extend(b"{}");
    let empties: Vec<String> = (0..200)
        .map(|n| format!("\"{n}\":{{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}"))
        .collect();
    vec![
        seed("model", "good.safetensors", good.clone()),
        seed("model", "good-checkpoint.safetensors", checkpoint.clone()),
        model("good-nothing.safetensors", "{}", 0),
        model("good-many-empty.safetensors", &format!("{{{}}}", empties.join(",")), 0),
        model("bad-overlap.safetensors", overlap, 12),
        model("bad-hole.safetensors", hole, 12),
        model("bad-product.safetensors", product, 0),
        model("bad-twice.safetensors", twice, 4),
        model("bad-backwards.safetensors", &one("[4,0]"), 4),
        model("bad-beyond.safetensors", &one("[0,4]"), 3),
        model("bad-behind.safetensors", &one("[0,4]"), 5),
        model("bad-offsets-overflow.safetensors", &one("[0,18446744073709551615]"), 4),
        model("bad-deep.safetensors", &"[".repeat(5000), 0),
        model("bad-type.safetensors", &one("[0,2]").replace("F32", "F16"), 2),
        model("bad-no-utf8.safetensors", "\u{fffd}", 0),
        model(
            "bad-metadata.safetensors",
            r#"{"__metadata__":{"sha256":"00"},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#,
            1,
        ),
        model("bad-order.safetensors", r#"{"__metadata__":{"order":"[[[["}}"#, 0),
        seed("model", "bad-nan.safetensors", nan),
        seed("model", "bad-long-header.safetensors", long),
        seed("model", "bad-cut.safetensors", good[..good.len() - 5].to_vec()),
        seed("model", "bad-cut-header.safetensors", good[..40].to_vec()),
        seed("model", "bad-short.safetensors", vec![0; 7]),
        seed("model", "bad-page.safetensors", PAGE.to_vec()),
        seed(
            "model",
            "bad-pickle.safetensors",
            b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n".to_vec(),
        ),
        seed("checkpoint", "good.safetensors", checkpoint.clone()),
        seed("checkpoint", "bad-without-digest.safetensors", good),
        seed("checkpoint", "bad-value.safetensors", changed(checkpoint.len() - 1)),
        seed("checkpoint", "bad-cut.safetensors", checkpoint[..checkpoint.len() - 1].to_vec()),
        seed("checkpoint", "bad-empty.safetensors", Vec::new()),
    ]
}
