//! Sets in NumPy's files: recognised by their content, whatever form it has.

use std::fs;
use std::path::Path;

use atelier_data::{
    COURSE_FILE_NAMES, Dataset, Error, Event, FASHION_MNIST, FILE_NAMES, Loaded, NPY_FILE_NAMES,
    SAMPLE, Sources, load_course, load_dir, obtain,
};
use atelier_store::npy_bytes;
use tempfile::TempDir;

use crate::server::{Reply, Server};
use crate::small_set::{own_files, put, sample};

fn directory() -> TempDir {
    tempfile::tempdir().expect("directory")
}

/// A version 1.0 file with that description of its values.
fn raw(descr: &str, fortran_order: bool, shape: &str, values: &[u8]) -> Vec<u8> {
    let order = if fortran_order { "True" } else { "False" };
    let text = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
    let length = u16::try_from(text.len()).expect("short").to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], text.as_bytes(), values].concat()
}

/// The forms that images may come in, of pixels `(n, size, size)`.
fn forms(pixels: &[u8], size: usize) -> Vec<(&'static str, Vec<u8>)> {
    let n = pixels.len() / (size * size);
    let (cube, flat) = ([n, size, size], [n, size * size]);
    let as_f64: Vec<f64> = pixels.iter().map(|&p| f64::from(p)).collect();
    let unit: Vec<f32> = pixels.iter().map(|&p| f32::from(p) / 255.0).collect();
    let wide: Vec<i64> = pixels.iter().map(|&p| i64::from(p)).collect();
    let big: Vec<u8> = pixels.iter().flat_map(|&p| u32::from(p).to_be_bytes()).collect();
    let columns = (0..size * size).flat_map(|j| (0..n).map(move |i| (i, j)));
    let fortran: Vec<u8> = columns.map(|(i, j)| pixels[i * size * size + j]).collect();
    vec![
        ("u8", npy_bytes(&cube, pixels).expect("fits")),
        ("u8, flat", npy_bytes(&flat, pixels).expect("fits")),
        ("f64", npy_bytes(&flat, &as_f64).expect("fits")),
        ("f32 in [0, 1]", npy_bytes(&cube, &unit).expect("fits")),
        ("i64", npy_bytes(&cube, &wide).expect("fits")),
        ("big endian", raw(">u4", false, &format!("({n}, {size}, {size})"), &big)),
        ("Fortran order", raw("|u1", true, &format!("({n}, {})", size * size), &fortran)),
    ]
}

fn pixels(dataset: &Dataset) -> Vec<u8> {
    dataset.images().iter().copied().collect()
}

fn labels(dataset: &Dataset) -> Vec<u8> {
    npy_bytes(&[dataset.len()], dataset.labels()).expect("fits")
}

/// The sample in every form.
fn sample_in_all_forms() -> Vec<(&'static str, [Vec<u8>; 4])> {
    let data = sample();
    let test = data.test.read();
    let both = forms(&pixels(&data.train), 28).into_iter().zip(forms(&pixels(test), 28));
    both.map(|((name, train), (_, t_images))| {
        (name, [train, labels(&data.train), t_images, labels(test)])
    })
    .collect()
}

fn put_as(names: &[&str; 4], directory: &Path, files: &[Vec<u8>; 4]) {
    for (name, bytes) in names.iter().zip(files) {
        fs::write(directory.join(name), bytes).expect("write");
    }
}

/// Files of one's own: 6 training and 3 test images of 2x3 pixels, 3 classes.
fn own_npy() -> [Vec<u8>; 4] {
    let pixels: Vec<u8> = (0..36).collect();
    [
        npy_bytes(&[6, 2, 3], &pixels).expect("fits"),
        npy_bytes(&[6], &[0_i32, 1, 2, 0, 1, 2]).expect("fits"),
        npy_bytes(&[3, 2, 3], &pixels[..18]).expect("fits"),
        npy_bytes(&[3, 1], &[2_u64, 1, 0]).expect("fits"),
    ]
}

fn own(directory: &Path) -> Result<Loaded, Error> {
    load_dir(directory, &[FASHION_MNIST], true)
}

#[test]
fn every_form_of_the_sample_is_recognised_by_its_content() {
    let expected = sample();
    for (form, files) in sample_in_all_forms() {
        for names in [&COURSE_FILE_NAMES, &NPY_FILE_NAMES] {
            let directory = directory();
            put_as(names, directory.path(), &files);
            let data = load_dir(directory.path(), &[FASHION_MNIST, SAMPLE], false).expect(form);
            assert!(data.provenance.pinned, "{form}");
            assert_eq!(data.provenance.files, expected.provenance.files, "{form}");
            assert!(pixels(&data.train) == pixels(&expected.train), "{form}");
            assert_eq!(data.class_names, expected.class_names);
        }
    }
}

#[test]
fn how_floats_were_read_is_said_and_integers_need_no_word() {
    for (form, files) in sample_in_all_forms() {
        let directory = directory();
        put_as(&NPY_FILE_NAMES, directory.path(), &files);
        let said = load_dir(directory.path(), &[SAMPLE], false).expect(form).assumptions;
        let part = match form {
            "f64" => "floats in [0, 255]: taken as they are; all pixels were whole numbers",
            "f32 in [0, 1]" => "floats in [0, 1]: multiplied by 255; all pixels were whole numbers",
            _ => {
                assert!(said.is_empty(), "{form}: {said:?}");
                continue;
            }
        };
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[0].contains("train_images.npy") && said[0].contains(part), "{said:?}");
    }
    let directory = directory();
    let mut files = own_npy();
    files[0] = npy_bytes(&[6, 1, 6], &[0.3_f32; 36]).expect("fits");
    files[2] = npy_bytes(&[3, 1, 6], &[0.5_f32; 18]).expect("fits");
    put_as(&NPY_FILE_NAMES, directory.path(), &files);
    let data = own(directory.path()).expect("floats");
    assert_eq!(pixels(&data.train), [77; 36]);
    assert!(data.assumptions[0].contains("rounded to whole numbers, by up to 0.500"));
}

#[test]
fn a_set_of_ones_own_keeps_its_image_size_and_classes() {
    let directory = directory();
    put_as(&NPY_FILE_NAMES, directory.path(), &own_npy());
    let refused = load_dir(directory.path(), &[FASHION_MNIST], false).expect_err("not pinned");
    assert!(refused.to_string().contains("--allow-unpinned"), "{refused}");
    let data = own(directory.path()).expect("allowed");
    assert_eq!((data.train.height(), data.train.width(), data.train.classes()), (2, 3, 3));
    assert_eq!(data.test.read().labels(), [2, 1, 0]);
    assert_eq!(data.class_names, ["0", "1", "2"]);
    // It is the same as the set of the same content in IDX.
    let other = tempfile::tempdir().expect("directory");
    put(other.path(), &own_files());
    assert_eq!(own(other.path()).expect("IDX").provenance.files, data.provenance.files);
}

#[test]
fn what_cannot_be_images_or_labels_is_refused_by_file_and_place() {
    let image = |value: f64| {
        let mut values = vec![0.5; 36];
        values[14] = value;
        npy_bytes(&[6, 2, 3], &values).expect("fits")
    };
    let mut negative = [0_i16; 36];
    negative[7] = -1;
    for (file, bytes, part) in [
        (0, image(-0.5), "pixel 2 of image 2 is -0.5, expected from 0 to 1, or from 0 to 255"),
        (0, image(256.0), "pixel 2 of image 2 is 256"),
        (0, image(f64::NAN), "is NaN"),
        (
            0,
            npy_bytes(&[6, 2, 3], &negative).expect("fits"),
            "pixel 1 of image 1 is -1, expected from 0 to 255",
        ),
        (
            0,
            npy_bytes(&[6, 6], &[0_u8; 36]).expect("fits"),
            "is [6, 6], expected (n, height, width)",
        ),
        (0, npy_bytes(&[6, 2, 3, 1], &[0_u8; 36]).expect("fits"), "is [6, 2, 3, 1]"),
        (0, npy_bytes::<u8>(&[0, 2, 3], &[]).expect("fits"), "is [0, 2, 3]"),
        (0, raw("<c8", false, "(1, 2, 3)", &[0; 48]), "the element type is '<c8'"),
        (0, own_npy()[0][..130].to_vec(), "the size of the values is 2 bytes"),
        (0, b"<html>".to_vec(), "the magic string"),
        (
            1,
            npy_bytes(&[6], &[0.0_f32; 6]).expect("fits"),
            "is f32, expected labels of an integer type",
        ),
        (
            1,
            npy_bytes(&[6], &[0, 1, 2, 0, 1, 256]).expect("fits"),
            "label 5 is 256, expected from 0 to 255",
        ),
        (1, npy_bytes(&[2, 3], &[0_u8; 6]).expect("fits"), "is [2, 3], expected (n) or (n, 1)"),
        (1, npy_bytes(&[5], &[0_u8; 5]).expect("fits"), "holds 5 labels"),
        (3, npy_bytes(&[3], &[0_u8, 1, 3]).expect("fits"), "label 2 is 3, expected below 3"),
    ] {
        let directory = directory();
        let mut files = own_npy();
        files[file] = bytes;
        put_as(&NPY_FILE_NAMES, directory.path(), &files);
        let message = own(directory.path()).expect_err(part).to_string();
        let named = message.contains(NPY_FILE_NAMES[file]);
        assert!(named && message.contains(part), "{part} is not in: {message}");
    }
}

#[test]
fn training_and_test_images_in_different_ranges_are_refused() {
    let directory = directory();
    let mut files = own_npy();
    files[0] = npy_bytes(&[6, 2, 3], &[0.75_f64; 36]).expect("fits");
    put_as(&NPY_FILE_NAMES, directory.path(), &files);
    let message = own(directory.path()).expect_err("ranges").to_string();
    let part = "is pixels in [0, 255], expected pixels in [0, 1], as in the training images";
    assert!(message.contains(NPY_FILE_NAMES[2]) && message.contains(part), "{message}");
}

#[test]
fn missing_files_are_named_as_those_that_are_there() {
    for names in [&COURSE_FILE_NAMES, &NPY_FILE_NAMES] {
        let directory = directory();
        put_as(names, directory.path(), &own_npy());
        fs::remove_file(directory.path().join(names[1])).expect("remove");
        let error = own(directory.path()).expect_err("missing");
        let Error::Missing { names: missing, .. } = error else { panic!("{error}") };
        assert_eq!(missing, [names[1]]);
    }
}

#[test]
fn classes_are_named_by_a_file_beside_ones_own_data() {
    let directory = directory();
    put(directory.path(), &own_files());
    let classes = directory.path().join("classes.txt");
    let read = |text: &[u8]| {
        fs::write(&classes, text).expect("write");
        own(directory.path())
    };
    // A class may have no example.
    let data = read("caf\u{e9}\n  tea \nmilk\nwater\n".as_bytes()).expect("names");
    assert_eq!(data.class_names, ["caf\u{e9}", "tea", "milk", "water"]);
    assert_eq!((data.train.classes(), data.train.class_counts()[3]), (4, 0));
    for (text, part) in [
        (&b"a\nb\n"[..], "expected below 2"),
        (b"a\n\nc\n", "line 2 is empty"),
        (b"a\nb\na\n", "line 3 is a name that was there before"),
        (b"a\nb\x07\nc\n", "control characters"),
        (b"", "expected 1 to 256"),
        (b"a\n\xff\n", "expected UTF-8"),
    ] {
        let message = read(text).expect_err(part).to_string();
        assert!(message.contains(part), "{part} is not in: {message}");
    }
}

/// The sample as the course's files, from these servers.
fn course(directory: &Path, urls: &[&Server]) -> Sources {
    Sources {
        urls: urls.iter().map(|server| server.url.clone()).collect(),
        pins: SAMPLE,
        ..Sources::course(directory)
    }
}

fn serve(files: [Vec<u8>; 4]) -> Server {
    Server::start(move |path| {
        let place = COURSE_FILE_NAMES.iter().position(|name| path == format!("/{name}"));
        place.map_or(Reply::Status(404), |place| Reply::Body(files[place].clone()))
    })
}

fn floats() -> [Vec<u8>; 4] {
    let forms = sample_in_all_forms();
    forms.into_iter().find(|(form, _)| form.starts_with("f32")).expect("a form").1
}

#[test]
fn the_course_files_come_over_http_are_verified_and_kept_as_they_are() {
    let (directory, files) = (directory(), floats());
    let bad = Server::start(|_| Reply::Status(404));
    let server = serve(files.clone());
    let sources = course(directory.path(), &[&bad, &server]);
    let mut events = Vec::new();
    let data = obtain(&sources, &mut |event| events.push(event.clone())).expect("obtained");
    assert_eq!((data.train.len(), data.provenance.pinned), (2000, true));
    assert_eq!(Path::new(&data.provenance.source), sources.cache_dir());
    assert_eq!(server.asked(), COURSE_FILE_NAMES.map(|name| format!("/{name}")));
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::Passed { source, .. } if *source == bad.url))
    );
    for (name, bytes) in COURSE_FILE_NAMES.into_iter().zip(&files) {
        assert!(fs::read(sources.cache_dir().join(name)).expect("kept") == *bytes);
        let last = events.iter().rev().find_map(|event| match event {
            Event::Progress { file, done, total } if *file == name => Some((*done, *total)),
            _ => None,
        });
        assert_eq!(last, Some((bytes.len() as u64, bytes.len() as u64)));
    }
    assert!(load_course(&sources).expect("there").provenance.pinned);
    // The second time nobody is asked; a damaged file alone is fetched again.
    obtain(&sources, &mut |_| {}).expect("kept");
    assert_eq!(server.asked().len(), 4);
    let victim = sources.cache_dir().join(COURSE_FILE_NAMES[3]);
    fs::write(&victim, b"rubbish").expect("damage");
    let mut damaged = false;
    obtain(&sources, &mut |event| damaged |= matches!(event, Event::Damaged { .. })).expect("anew");
    assert!(damaged);
    assert_eq!(server.asked()[4..], [format!("/{}", COURSE_FILE_NAMES[3])]);
}

#[test]
fn course_files_of_other_content_are_refused_and_not_kept_unless_allowed() {
    let directory = directory();
    let server = serve(own_npy());
    let sources = course(directory.path(), &[&server]);
    let missing = load_course(&sources).expect_err("nothing there");
    assert!(matches!(missing, Error::Missing { .. }) && !sources.cache_dir().exists(), "{missing}");
    let message = obtain(&sources, &mut |_| {}).expect_err("other content").to_string();
    for part in [
        "other content",
        "--allow-unpinned",
        "put fashion_mnist_train_images.npy",
        "--source course",
    ] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
    assert!(!sources.cache_dir().join(COURSE_FILE_NAMES[0]).exists());
    let allowed = Sources { allow_unpinned: true, ..sources };
    let data = obtain(&allowed, &mut |_| {}).expect("allowed");
    assert_eq!((data.train.len(), data.provenance.pinned), (6, false));
}

#[test]
fn answers_that_are_no_arrays_or_too_long_are_passed_over() {
    type Answer = Box<dyn Fn() -> Reply + Send + Sync>;
    let start = npy_bytes(&[2000, 28, 28], &vec![7_u8; 2000 * 784]).expect("fits");
    let answers: [(Answer, &str); 5] = [
        (Box::new(|| Reply::Body(b"<html>log in</html>".to_vec())), "a web page"),
        (Box::new(|| Reply::Body(Vec::new())), "no NumPy array"),
        (Box::new(|| Reply::Length(1 << 40)), "offers 1099511627776 bytes"),
        (Box::new(move || Reply::Endless(start.clone(), vec![0; 1 << 16])), "sends more than"),
        (Box::new(|| Reply::Cut(own_npy()[0].clone(), 140)), "broke off"),
    ];
    for (answer, part) in answers {
        let (directory, server) = (directory(), Server::start(move |_| answer()));
        let sources = course(directory.path(), &[&server]);
        let message = obtain(&sources, &mut |_| {}).expect_err(part).to_string();
        assert!(message.contains(part), "{part} is not in: {message}");
        assert!(!sources.cache_dir().join(COURSE_FILE_NAMES[0]).exists());
    }
}

#[test]
fn course_files_in_the_data_directory_need_no_server_and_no_other_set_is_mistaken_for_them() {
    let directory = directory();
    put_as(&COURSE_FILE_NAMES, directory.path(), &floats());
    put(directory.path(), &own_files());
    let named = Sources { named: true, ..course(directory.path(), &[]) };
    assert!(obtain(&named, &mut |_| {}).expect("there").provenance.pinned);
    assert!(!named.cache_dir().exists());
    fs::remove_file(directory.path().join(COURSE_FILE_NAMES[2])).expect("remove");
    let error = obtain(&named, &mut |_| {}).expect_err("incomplete");
    assert!(matches!(error, Error::Missing { .. }), "{error}");
    assert!(FILE_NAMES.iter().all(|name| directory.path().join(name).exists()));
}

#[test]
fn a_file_longer_than_the_pinned_content_in_any_type_is_refused_without_its_memory() {
    for (kind, longest) in [(0, 8 * 1_568_016 + (64 << 10)), (1, 8 * 2_008 + (64 << 10))] {
        let directory = directory();
        for name in NPY_FILE_NAMES {
            let labels = npy_bytes(&[4], &[0_u8; 4]).expect("fits");
            fs::write(directory.path().join(name), labels).expect("write");
        }
        let path = directory.path().join(NPY_FILE_NAMES[kind]);
        let file = fs::File::create(&path).expect("a file");
        file.set_len((3 << 30) + 1).expect("a sparse file");
        let error = load_dir(directory.path(), &[SAMPLE], false).expect_err("too long");
        let expected = format!(
            "{}: not the content of {}: 3221225473 bytes, expected at most {longest}; get the file again, or allow \
             unpinned data (--allow-unpinned) if it is your own",
            path.display(),
            SAMPLE.name
        );
        assert_eq!(error.to_string(), expected);
    }
}
