//! Arrays in NumPy's format, good and bad.

use std::path::Path;

use atelier_store::{Error, NpyArray, NpyValues, npy_bytes, read_npy};

/// A file of that dictionary and those values.
fn file(version: u8, dictionary: &str, values: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY".to_vec();
    bytes.extend([version, 0]);
    let length = dictionary.len() + 1;
    match version {
        1 => bytes.extend(u16::try_from(length).expect("short").to_le_bytes()),
        _ => bytes.extend(u32::try_from(length).expect("short").to_le_bytes()),
    }
    bytes.extend(dictionary.as_bytes());
    bytes.push(b'\n');
    bytes.extend(values);
    bytes
}

fn dictionary(descr: &str, fortran_order: bool, shape: &str) -> String {
    let order = if fortran_order { "True" } else { "False" };
    format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}")
}

fn decode(bytes: &[u8]) -> Result<NpyArray, Error> {
    NpyArray::decode(bytes, Path::new("a.npy"))
}

/// The place and the words of the refusal.
fn refusal(bytes: &[u8]) -> (u64, String) {
    let error = decode(bytes).expect_err("refused");
    let message = error.to_string();
    let Error::Format { offset, .. } = error else { panic!("{message}") };
    (offset, message)
}

#[test]
fn bytes_are_those_that_numpy_writes() {
    // NumPy 2.4.6: np.save(file, np.arange(3, dtype="<u4")), np.array(1.5, "<f8"), np.zeros((2, 0), "<i8")
    let text = |dictionary: &str, values: &[u8]| {
        let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        bytes.extend(format!("{dictionary:117}\n").bytes());
        bytes.extend(values);
        bytes
    };
    let expected = text(
        "{'descr': '<u4', 'fortran_order': False, 'shape': (3,), }",
        b"\0\0\0\0\x01\0\0\0\x02\0\0\0",
    );
    assert_eq!(npy_bytes(&[3], &[0_u32, 1, 2]).expect("fits"), expected);
    let expected =
        text("{'descr': '<f8', 'fortran_order': False, 'shape': (), }", b"\0\0\0\0\0\0\xf8\x3f");
    assert_eq!(npy_bytes(&[], &[1.5_f64]).expect("fits"), expected);
    let expected = text("{'descr': '<i8', 'fortran_order': False, 'shape': (2, 0), }", b"");
    assert_eq!(npy_bytes::<i64>(&[2, 0], &[]).expect("fits"), expected);
}

#[test]
fn every_type_comes_back_to_the_bit() {
    macro_rules! check {
        ($($type:ident $variant:ident [$($value:expr),*];)*) => {$(
            let values: Vec<$type> = vec![$($value),*];
            let bytes = npy_bytes(&[values.len()], &values).expect("fits");
            assert_eq!(bytes.len() % 64, values.len() * size_of::<$type>() % 64);
            let array = decode(&bytes).expect(stringify!($type));
            assert_eq!(array.shape, [values.len()]);
            assert_eq!(array.values.type_name(), stringify!($type));
            let NpyValues::$variant(found) = &array.values else { panic!(stringify!($type)) };
            let same = found.iter().zip(&values).all(|(a, b)| a.to_le_bytes() == b.to_le_bytes());
            assert!(same && found.len() == values.len());
            assert!(array.into_vec::<$type>(Path::new("a.npy")).is_ok());
        )*};
    }
    check! {
        u8 U8 [0, 255];
        i8 I8 [-128, 127];
        u16 U16 [1, 0xfffe];
        i16 I16 [i16::MIN, 2];
        u32 U32 [1, u32::MAX];
        i32 I32 [i32::MIN, 3];
        u64 U64 [1, u64::MAX];
        i64 I64 [i64::MIN, 4];
        f32 F32 [0.1, -0.0, f32::NAN, f32::MIN_POSITIVE];
        f64 F64 [0.1, -0.0, f64::INFINITY];
    }
    let array = decode(&npy_bytes(&[1], &[1_u8]).expect("fits")).expect("u8");
    let message = array.into_vec::<f32>(Path::new("a.npy")).expect_err("type").to_string();
    assert_eq!(message, "a.npy: byte 10: the element type is u8, expected f32");
}

#[test]
fn versions_byte_orders_and_fortran_order_give_the_same_array() {
    // [[1, 2, 3], [4, 5, 6]]
    let c: [i16; 6] = [1, 2, 3, 4, 5, 6];
    let fortran: [i16; 6] = [1, 4, 2, 5, 3, 6];
    for version in [1, 2, 3] {
        for (order, values) in [(false, c), (true, fortran)] {
            let little: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            let big: Vec<u8> = values.iter().flat_map(|v| v.to_be_bytes()).collect();
            for (descr, bytes) in [("<i2", little), (">i2", big)] {
                let bytes = file(version, &dictionary(descr, order, "(2, 3)"), &bytes);
                let array = decode(&bytes).expect("an array");
                assert_eq!(array.shape, [2, 3]);
                assert_eq!(array.values, NpyValues::I16(c.to_vec()), "{descr} {order}");
            }
        }
    }
}

#[test]
fn fortran_order_of_any_rank_is_brought_into_c_order() {
    for shape in [&[][..], &[5], &[4, 3], &[1, 7], &[2, 3, 4], &[3, 1, 2, 2], &[2, 0, 3]] {
        let n: usize = shape.iter().product();
        // The value of an element is its place in C order.
        let mut values = vec![0_u8; n];
        for place in 0..n {
            let (mut rest, mut index) = (place, Vec::new());
            for &dim in shape.iter().rev() {
                index.push(rest % dim);
                rest /= dim;
            }
            let first_fastest = index.iter().rev().zip(shape).rev();
            let target = first_fastest.fold(0, |all, (i, dim)| all * dim + i);
            values[target] = u8::try_from(place).expect("small");
        }
        let text = shape.iter().map(|n| format!("{n},")).collect::<Vec<_>>().concat();
        let bytes = file(1, &dictionary("|u1", true, &format!("({text})")), &values);
        let wanted = (0..n).map(|place| u8::try_from(place).expect("small")).collect();
        assert_eq!(decode(&bytes).expect("array").values, NpyValues::U8(wanted), "{shape:?}");
    }
}

#[test]
fn the_dictionary_may_be_written_in_other_ways() {
    for text in [
        r#"{"shape":(2,),"descr":"|u1","fortran_order":False}"#,
        "{ 'fortran_order' : False , 'descr' : '<u1' , 'shape' : ( 2L , ) , }   ",
        "{'descr': '>u1',\n 'fortran_order': True, 'shape': (2)}",
    ] {
        assert_eq!(decode(&file(1, text, &[7, 8])).expect(text).values, NpyValues::U8(vec![7, 8]));
    }
}

#[test]
fn what_is_no_array_of_numbers_is_refused_with_place_and_facts() {
    let ok = dictionary("<f4", false, "(1,)");
    for (bytes, offset, part) in [
        (b"".to_vec(), 0, "the magic string"),
        (b"PK\x03\x04".to_vec(), 0, "is PK"),
        (b"\x93NUMPY".to_vec(), 6, "expected a whole header"),
        (b"\x93NUMPY\x01\x00\x76".to_vec(), 9, "is 9 bytes"),
        (file(4, &ok, &[0; 4]), 6, "is 4.0, expected 1.0, 2.0 or 3.0"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec(), 8, "at most 10000 bytes"),
        (b"\x93NUMPY\x01\x00\x76\x00{'descr'".to_vec(), 18, "a header of 128 bytes"),
        (file(1, "[]", &[]), 10, "expected '{'"),
        (file(1, "{'descr': '<f4'}", &[]), 27, "all of descr, fortran_order and shape"),
        (file(1, "{'descr': '<f4', 'descr': '<f4'}", &[]), 35, "each once"),
        (file(1, "{'evil': 1}", &[]), 18, "each once"),
        (file(1, "{'descr': __import__('os')}", &[]), 20, "`__import__('os')}`"),
        (file(1, "{'descr': [('a', '<f4')]}", &[]), 20, "a plain element type"),
        (file(1, "{'descr': '<f4", &[]), 20, "a plain element type"),
        (file(1, &format!("{ok} 1"), &[0; 4]), 68, "nothing after the dictionary"),
        (file(1, &dictionary("<c8", false, "(1,)"), &[0; 8]), 10, "'<c8'"),
        (file(1, &dictionary("|O", false, "(1,)"), &[0; 8]), 10, "'|O'"),
        (file(1, &dictionary("=f4", false, "(1,)"), &[0; 4]), 10, "'=f4'"),
        (file(1, &dictionary("", false, "(1,)"), &[0; 4]), 10, "''"),
        (file(1, &dictionary("\u{fc}4", false, "(1,)"), &[0; 4]), 10, "element type"),
        (file(1, &dictionary("<f4", false, "(-1,)"), &[0; 4]), 61, "a dimension from 0"),
        (file(1, &dictionary("<f4", false, "(1 2)"), &[0; 4]), 63, "expected ')'"),
        (file(1, &dictionary("<f4", false, &format!("({})", "1,".repeat(65))), &[0; 4]), 189, "64"),
    ] {
        let (found, message) = refusal(&bytes);
        assert!(message.contains(part), "{part} is not in: {message}");
        assert_eq!(found, offset, "{message}");
    }
    let huge = "9".repeat(30);
    let (_, message) = refusal(&file(1, &dictionary("<f4", false, &format!("({huge},)")), &[0; 4]));
    assert!(message.contains("a dimension from 0 to 2^64 - 1"), "{message}");
}

#[test]
fn shapes_that_the_file_does_not_bear_out_are_refused() {
    for (shape, values, part) in [
        ("(2,)", 4, "is 4 bytes, expected 8 bytes"),
        ("(2,)", 7, "is 7 bytes, expected 8 bytes"),
        ("(2,)", 9, "is 9 bytes, expected 8 bytes"),
        ("(4611686018427387904,)", 4, "more bytes than can be"),
        ("(9223372036854775807, 9223372036854775807)", 4, "more bytes than can be"),
        ("(1000000000000,)", 4, "is 4 bytes, expected 4000000000000 bytes"),
        ("(0, 18446744073709551615)", 4, "is 4 bytes, expected 0 bytes"),
    ] {
        let bytes = file(1, &dictionary("<f4", false, shape), &vec![0; values]);
        let (offset, message) = refusal(&bytes);
        assert!(message.contains(part), "{message}");
        assert_eq!(offset, (bytes.len() - values) as u64);
    }
    let empty = decode(&file(1, &dictionary("<f4", true, "(0, 18446744073709551615, 3)"), &[]));
    assert_eq!(empty.expect("empty").values, NpyValues::F32(Vec::new()));
}

#[test]
fn no_change_of_a_byte_and_no_cut_makes_the_reader_fall_over() {
    let good = npy_bytes(&[2, 3], &[1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0]).expect("fits");
    for len in 0..good.len() {
        decode(&good[..len]).expect_err("cut short");
    }
    for place in 0..128 {
        for byte in 0..=255 {
            let mut bytes = good.clone();
            bytes[place] = byte;
            // Either refused, or an array as large as its shape says.
            if let Ok(array) = decode(&bytes) {
                let product: usize = array.shape.iter().product();
                let size = if array.values.type_name().ends_with("64") { 8 } else { 4 };
                assert_eq!(product * size, 24, "byte {place} is {byte}: {:?}", array.shape);
            }
        }
    }
}

#[test]
fn shapes_that_do_not_fit_the_values_are_not_written() {
    for shape in [&[3][..], &[usize::MAX, 2], &[0], &[]] {
        let error = npy_bytes(shape, &[1_i64, 2]).expect_err("shape");
        assert!(matches!(error, Error::Array { .. }), "{error}");
    }
    let message = npy_bytes(&[1; 65], &[1_i64]).expect_err("rank").to_string();
    assert!(message.contains("is 65, expected at most 64"), "{message}");
}

#[test]
fn a_file_is_read_by_its_path_and_the_path_is_in_the_error() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("surface.npy");
    std::fs::write(&path, npy_bytes(&[1, 2], &[3_u32, 4]).expect("fits")).expect("write");
    let array = read_npy(&path).expect("array");
    assert_eq!((array.shape, array.values), (vec![1, 2], NpyValues::U32(vec![3, 4])));
    let missing = read_npy(&directory.path().join("missing.npy")).expect_err("missing");
    assert!(missing.to_string().contains("missing.npy"), "{missing}");
}
