//! What comes over HTTP, and what is refused of it.

use std::fs;

use atelier_data::{Error, Event, FILE_NAMES, SAMPLE};

use crate::obtaining::{directory, file, good, sources, try_obtain};
use crate::server::{Reply, Server};
use crate::small_set::{encode, gzip, own_files, sample_dir};

/// A server that is good but for the training images.
pub fn bad(reply: impl Fn() -> Reply + Send + Sync + 'static) -> Server {
    Server::start(
        move |path| {
            if path.contains("train-images") { reply() } else { Reply::Body(file(path)) }
        },
    )
}

/// What becomes of one bad server: the reason why it was passed over. Nothing may remain of what
/// it sent.
fn reason(reply: impl Fn() -> Reply + Send + Sync + 'static) -> String {
    let (directory, server) = (directory(), bad(reply));
    let sources = sources(directory.path(), &[&server]);
    let (result, _) = try_obtain(&sources);
    let Error::Unobtainable { attempts, .. } = result.expect_err("bad") else { panic!("other") };
    let last = attempts.last().expect("an attempt");
    assert_eq!(last.source, server.url);
    let left: Vec<_> = fs::read_dir(sources.cache_dir())
        .expect("cache")
        .map(|entry| entry.expect("entry").file_name())
        .filter(|name| name != ".lock")
        .collect();
    assert!(left.is_empty(), "{left:?}");
    last.reason.clone()
}

#[test]
fn files_come_over_http_are_verified_and_kept() {
    let (directory, server) = (directory(), good());
    let sources = sources(directory.path(), &[&server]);
    let (result, events) = try_obtain(&sources);
    let data = result.expect("obtained");
    assert_eq!((data.train.len(), data.test.len()), (2000, 1000));
    assert_eq!(data.provenance.source, server.url);
    assert_eq!(server.asked(), FILE_NAMES.map(|name| format!("/{name}.gz")));
    for (name, pin) in FILE_NAMES.into_iter().zip(SAMPLE.files) {
        let kept = fs::metadata(sources.cache_dir().join(name)).expect("kept");
        assert_eq!(kept.len(), pin.bytes);
        let last = events.iter().rev().find_map(|event| match event {
            Event::Progress { file, done, total } if *file == name => Some((*done, *total)),
            _ => None,
        });
        assert_eq!(last, Some((pin.bytes, pin.bytes)));
    }

    // The second time nobody is asked.
    let (result, events) = try_obtain(&sources);
    assert!(result.expect("cached").provenance.pinned);
    assert_eq!(server.asked().len(), 4);
    assert_eq!(events.len(), 1, "{events:?}");
}

#[test]
fn a_bad_server_is_passed_over_for_the_next_and_good_files_are_not_fetched_twice() {
    let directory = directory();
    let (first, second) = (
        Server::start(|path| {
            if path.contains("t10k-labels") { Reply::Status(404) } else { Reply::Body(file(path)) }
        }),
        good(),
    );
    let (result, events) = try_obtain(&sources(directory.path(), &[&first, &second]));
    assert_eq!(result.expect("obtained").provenance.source, second.url);
    assert_eq!(first.asked().len(), 4);
    assert_eq!(second.asked(), ["/t10k-labels-idx1-ubyte.gz"]);
    let passed = Event::Passed { source: first.url, reason: "http status: 404".to_string() };
    assert!(events.contains(&passed), "{events:?}");
}

#[test]
fn a_missing_file_and_a_refused_connection_are_reported() {
    assert!(reason(|| Reply::Status(404)).contains("404"));
    let directory = directory();
    let mut sources = sources(directory.path(), &[]);
    // A port that was free a moment ago.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    sources.urls = vec![format!("http://{}", listener.local_addr().expect("address"))];
    drop(listener);
    let message = try_obtain(&sources).0.expect_err("refused").to_string();
    assert!(message.to_lowercase().contains("refused"), "{message}");
}

#[test]
fn a_body_that_breaks_off_is_not_taken_for_a_file() {
    let whole = || file("train-images-idx3-ubyte.gz");
    let message = reason(move || Reply::Cut(whole(), 100_000));
    assert!(message.contains("broke off after"), "{message}");
    let message = reason(move || Reply::Body(whole()[..100_000].to_vec()));
    assert!(message.contains("broke off after"), "{message}");
    let message = reason(|| Reply::Body(Vec::new()));
    assert!(message.contains("ended after 0 of 1568016"), "{message}");
}

#[test]
fn other_content_is_refused_and_named() {
    let message = reason(|| Reply::Body(gzip(&encode(&[2000, 28, 28], &vec![7; 2000 * 784]))));
    assert!(message.contains("sent other content: SHA-256"), "{message}");
    let message = reason(|| Reply::Body(gzip(&own_files()[0])));
    assert!(message.contains("ended after 52 of 1568016"), "{message}");
    let message = reason(|| Reply::Body(b"<html>please log in</html>".to_vec()));
    assert!(message.contains("a web page"), "{message}");
}

#[test]
fn endless_and_oversized_answers_are_cut_short() {
    let start = encode(&[2000, 28, 28], &vec![7; 2000 * 784]);
    let message = reason(move || Reply::Endless(start.clone(), vec![0; 1 << 16]));
    assert!(message.contains("sends more than the 1568016 bytes"), "{message}");
    // 64 MB of zeros in 64 kB.
    let message = reason(|| Reply::Body(gzip(&vec![0; 64 << 20])));
    assert!(message.contains("sends more than the 1568016 bytes"), "{message}");
    // Gzip members without content, for ever.
    let message = reason(|| Reply::Endless(gzip(b""), gzip(b"")));
    assert!(message.contains("broke off") || message.contains("ended after 0"), "{message}");
    let message = reason(|| Reply::Length(1 << 40));
    assert!(message.contains("offers 1099511627776 bytes"), "{message}");
}

#[test]
fn redirects_are_followed_over_http_and_nowhere_else() {
    let (directory, target) = (directory(), good());
    let base = target.url.clone();
    let server = Server::start(move |path| Reply::Redirect(format!("{base}{path}")));
    let (result, _) = try_obtain(&sources(directory.path(), &[&server]));
    result.expect("redirected");

    let local = sample_dir().join("train-images-idx3-ubyte.gz");
    let local = local.canonicalize().expect("path").display().to_string();
    for to in [format!("file://{local}"), "ftp://127.0.0.1/x".to_string()] {
        let message = reason(move || Reply::Redirect(to.clone()));
        assert!(message.contains("redirects") || message.contains("scheme"), "{message}");
    }
    let here = reason(|| Reply::Redirect("/train-images-idx3-ubyte.gz".to_string()));
    assert!(here.contains("redirect"), "{here}");
}

#[test]
fn addresses_other_than_http_are_refused() {
    let directory = directory();
    let mut sources = sources(directory.path(), &[]);
    sources.urls = vec![format!("file://{}", sample_dir().display())];
    let message = try_obtain(&sources).0.expect_err("file").to_string();
    assert!(message.contains("not an http or https address"), "{message}");
}

#[test]
fn the_final_error_lists_every_source_and_what_to_do() {
    let directory = directory();
    let (first, second) = (bad(|| Reply::Status(503)), bad(|| Reply::Status(404)));
    let (result, events) = try_obtain(&sources(directory.path(), &[&first, &second]));
    let error = result.expect_err("nothing");
    let message = error.to_string();
    for part in [
        "fashion-mnist-sample could not be obtained",
        "holds none of the files",
        "no-such-folder: not there",
        "503",
        "404",
        "--data-dir",
    ] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
    let Error::Unobtainable { attempts, .. } = error else { panic!("{error}") };
    let passed = events.iter().filter(|event| matches!(event, Event::Passed { .. })).count();
    assert_eq!((attempts.len(), passed), (4, 4));
}
