use std::fs;
use std::io::Read as _;
use std::path::Path;

use atelier_data::{Error, Event, FILE_NAMES, Loaded, SAMPLE, Sources, obtain};
use tempfile::TempDir;

use crate::downloads::bad;
use crate::server::{Reply, Server};
use crate::small_set::{encode, own_files, put, sample, sample_dir};

/// The sample as the data set to be obtained: from `urls`, or from nowhere else than `directory`.
pub fn sources(directory: &Path, urls: &[&Server]) -> Sources {
    Sources {
        system_dir: directory.join("no-such-folder"),
        urls: urls.iter().map(|server| server.url.clone()).collect(),
        package: None,
        pins: SAMPLE,
        ..Sources::fashion_mnist(directory)
    }
}

pub fn try_obtain(sources: &Sources) -> (Result<Loaded, Error>, Vec<Event>) {
    let mut events = Vec::new();
    let result = obtain(sources, &mut |event| events.push(event.clone()));
    (result, events)
}

pub fn directory() -> TempDir {
    tempfile::tempdir().expect("directory")
}

/// The compressed file of the sample that a path such as `/train-images-idx3-ubyte.gz` names.
pub fn file(path: &str) -> Vec<u8> {
    fs::read(sample_dir().join(path.trim_start_matches('/'))).expect("a file of the sample")
}

pub fn gunzip(packed: &[u8]) -> Vec<u8> {
    let mut raw = Vec::new();
    flate2::read::GzDecoder::new(packed).read_to_end(&mut raw).expect("gzip");
    raw
}

pub fn good() -> Server {
    Server::start(|path| Reply::Body(file(path)))
}

#[test]
fn the_distributions_folder_is_used_and_a_decompressed_copy_kept() {
    let directory = directory();
    let mut sources = sources(directory.path(), &[]);
    sources.system_dir = sample_dir();
    let (result, _) = try_obtain(&sources);
    assert!(result.expect("folder").provenance.source.ends_with("sample"));
    let kept = fs::read(sources.cache_dir().join(FILE_NAMES[2])).expect("kept");
    let data = sample();
    let pixels: Vec<u8> = data.test.read().images().iter().copied().collect();
    assert_eq!(kept, encode(&[1000, 28, 28], &pixels));
}

#[test]
fn compressed_files_in_the_data_directory_are_decompressed_once() {
    let directory = directory();
    for name in FILE_NAMES {
        let name = format!("{name}.gz");
        fs::copy(sample_dir().join(&name), directory.path().join(&name)).expect("copy");
    }
    // Nothing is written into a directory that the user named.
    let named = Sources { named: true, ..sources(directory.path(), &[]) };
    for sources in [&named, &sources(directory.path(), &[])] {
        assert!(!sources.cache_dir().exists());
        let source = try_obtain(sources).0.expect("files").provenance.source;
        assert_eq!(Path::new(&source), directory.path());
    }
    let again = try_obtain(&sources(directory.path(), &[])).0.expect("cache");
    assert_eq!(Path::new(&again.provenance.source), named.cache_dir());
}

#[test]
fn a_damaged_cache_is_named_kept_until_replaced_and_replaced() {
    let (directory, server) = (directory(), good());
    let with_server = sources(directory.path(), &[&server]);
    try_obtain(&with_server).0.expect("obtained");
    let victim = with_server.cache_dir().join(FILE_NAMES[0]);
    let mut bytes = fs::read(&victim).expect("cached");
    bytes[1000] ^= 1;
    fs::write(&victim, &bytes).expect("damage");

    let (result, events) = try_obtain(&sources(directory.path(), &[]));
    result.expect_err("no source");
    let damaged = events.iter().find_map(|event| match event {
        Event::Damaged { reason, .. } => Some(reason.clone()),
        _ => None,
    });
    assert!(damaged.expect("named").contains(FILE_NAMES[0]));
    assert_eq!(fs::read(&victim).expect("kept"), bytes);

    try_obtain(&with_server).0.expect("obtained anew");
    assert_ne!(fs::read(&victim).expect("replaced"), bytes);
    // Only the damaged file was fetched again.
    assert_eq!(server.asked().len(), 5);
}

#[test]
fn an_interrupted_download_is_completed() {
    let (directory, server) = (directory(), good());
    let sources = sources(directory.path(), &[&server]);
    try_obtain(&sources).0.expect("obtained");
    fs::remove_file(sources.cache_dir().join(FILE_NAMES[3])).expect("remove");
    try_obtain(&sources).0.expect("completed");
    assert_eq!(server.asked().len(), 5);
}

#[test]
fn what_an_interrupted_process_left_is_removed_and_nothing_else() {
    let (directory, server) = (directory(), good());
    let sources = sources(directory.path(), &[&server]);
    let unpacked = directory.path().join(".atelier-package-a1b2c3/usr/share");
    fs::create_dir_all(&unpacked).expect("directory");
    fs::write(unpacked.join("half"), "half").expect("file");
    fs::create_dir_all(sources.cache_dir()).expect("directory");
    let staged = atelier_store::Staged::create(&sources.cache_dir().join(FILE_NAMES[0]));
    std::mem::forget(staged.expect("staged"));
    for name in ["notes.tmp", ".package-mine"] {
        fs::write(directory.path().join(name), "mine").expect("file");
    }
    try_obtain(&sources).0.expect("obtained");
    let names = |path: &Path| {
        let entries = fs::read_dir(path).expect("directory");
        let name = |entry: fs::DirEntry| entry.file_name().display().to_string();
        let mut names: Vec<_> = entries.map(|entry| name(entry.expect("entry"))).collect();
        names.sort();
        names
    };
    assert_eq!(names(directory.path()), [".package-mine", SAMPLE.name, "notes.tmp"]);
    let mut expected = FILE_NAMES.map(str::to_string).to_vec();
    expected.push(".lock".to_string());
    expected.sort();
    assert_eq!(names(&sources.cache_dir()), expected);
}

#[test]
fn of_two_processes_one_obtains_the_data_and_the_other_waits_for_them() {
    let (directory, server) = (directory(), good());
    let sources = sources(directory.path(), &[&server]);
    fs::create_dir_all(sources.cache_dir()).expect("directory");
    let first = atelier_store::Lock::acquire(&sources.cache_dir()).expect("lock");
    let (waiting, told) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let second = scope.spawn(|| {
            let result = obtain(&sources, &mut |event| {
                if matches!(event, Event::Waiting { .. }) {
                    waiting.send(event.to_string()).expect("the test listens");
                }
            });
            result.expect("what the first made").provenance.source
        });
        let line = told.recv().expect("the second says that it waits");
        assert!(line.contains("waiting") && line.contains("process"), "{line}");
        for name in FILE_NAMES {
            let raw = gunzip(&file(&format!("{name}.gz")));
            fs::write(sources.cache_dir().join(name), raw).expect("the first writes");
        }
        drop(first);
        let source = second.join().expect("the second ends");
        assert_eq!(Path::new(&source), sources.cache_dir());
    });
    assert!(server.asked().is_empty(), "the second fetched what was there");
}

#[test]
fn bad_files_in_a_named_directory_are_an_error_and_no_reason_to_go_elsewhere() {
    let server = good();
    for named in [true, false] {
        let directory = directory();
        put(directory.path(), &own_files());
        let sources = Sources { named, ..sources(directory.path(), &[&server]) };
        let (result, _) = try_obtain(&sources);
        if named {
            assert!(matches!(result, Err(Error::Digest { .. })), "{result:?}");
            assert!(server.asked().is_empty());
        } else {
            assert_eq!(result.expect("obtained").provenance.source, server.url);
        }
    }
}

#[test]
fn an_incomplete_or_absent_named_directory_is_an_error_and_an_empty_one_is_filled() {
    let server = good();
    let directory = directory();
    let named = |directory: &Path| Sources { named: true, ..sources(directory, &[&server]) };

    let absent = directory.path().join("absent");
    let (result, _) = try_obtain(&named(&absent));
    let message = result.expect_err("absent").to_string();
    assert!(message.contains("absent does not exist; create it"), "{message}");
    assert!(!absent.exists());
    let unpinned = Sources { allow_unpinned: true, ..named(&absent) };
    assert!(matches!(try_obtain(&unpinned).0, Err(Error::NoDirectory { .. })));

    let incomplete = directory.path().join("incomplete");
    fs::create_dir(&incomplete).expect("directory");
    fs::write(incomplete.join(FILE_NAMES[0]), &own_files()[0]).expect("write");
    let (result, _) = try_obtain(&named(&incomplete));
    assert!(matches!(result, Err(Error::Missing { .. })), "{result:?}");

    let empty = directory.path().join("empty");
    fs::create_dir(&empty).expect("directory");
    try_obtain(&named(&empty)).0.expect("filled");
}

#[test]
fn unpinned_data_come_from_the_data_directory_alone() {
    let (directory, server) = (directory(), good());
    let sources = Sources { allow_unpinned: true, ..sources(directory.path(), &[&server]) };
    let (result, _) = try_obtain(&sources);
    assert!(matches!(result, Err(Error::Missing { .. })), "{result:?}");
    put(directory.path(), &own_files());
    let (result, _) = try_obtain(&sources);
    assert!(!result.expect("own data").provenance.pinned);
    assert!(server.asked().is_empty());
    assert!(!sources.cache_dir().exists());
}

#[test]
fn events_are_one_line_each() {
    let directory = directory();
    let (_, events) = try_obtain(&sources(directory.path(), &[&bad(|| Reply::Status(404))]));
    assert!(!events.is_empty());
    for event in events {
        assert_eq!(event.to_string().lines().count(), 1, "{event}");
    }
}
