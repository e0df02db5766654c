use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::time::Duration;

use atelier_store::Staged;
use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};
use ureq::Agent;

use crate::idx::{hex, recognise};
use crate::pins::{Pin, is_mnist};

/// A server that cannot be reached is passed over after this.
const CONNECT: Duration = Duration::from_secs(5);
/// A server that stops sending is given up after this.
const STALL: Duration = Duration::from_secs(10);
/// Nothing may take longer: 26 MB in ten minutes is 45 kB/s.
const TOTAL: Duration = Duration::from_secs(600);
/// What a compressed file may be larger than its content.
const OVERHEAD: u64 = 64 << 10;
/// Bytes of content between two reports of progress.
const REPORT: usize = 256 << 10;

/// Fetches files over HTTP and HTTPS.
pub(crate) struct Downloader {
    agent: Agent,
}

impl Downloader {
    pub fn new() -> Self {
        let config = Agent::config_builder()
            .timeout_resolve(Some(CONNECT))
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(STALL))
            .timeout_per_read(Some(STALL))
            .timeout_global(Some(TOTAL))
            .user_agent(concat!("atelier/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { agent: config.into() }
    }

    /// Puts the decompressed content of `url` at `target`, if it is what `pin` says; on any
    /// failure what is at `target` stays as it is. `progress` is given the bytes of content so far.
    ///
    /// Fails with the reason, for the user.
    pub fn fetch(
        &self,
        url: &str,
        pin: Pin,
        target: &Path,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), String> {
        let bound = pin.bytes + OVERHEAD;
        let (mut body, _) = self.get(url, bound)?;
        let start = body.fill_buf().map_err(|error| error.to_string())?;
        if let Some(found) = recognise(start) {
            return Err(format!("answered with {found}"));
        }
        if start.starts_with(&[0x1f, 0x8b]) {
            store(MultiGzDecoder::new(body), pin, target, progress)
        } else {
            store(body, pin, target, progress)
        }
    }

    /// The bytes of an NPY file of at most `largest` bytes at `url`. `progress` is given the bytes so
    /// far and altogether, as far as the server says.
    ///
    /// Fails with the reason, for the user.
    pub fn fetch_npy(
        &self,
        url: &str,
        largest: u64,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Vec<u8>, String> {
        // One byte more shows that it is too long.
        let (mut body, length) = self.get(url, largest + 1)?;
        let start = body.fill_buf().map_err(|error| error.to_string())?;
        if !start.starts_with(b"\x93NUMPY") {
            let found = recognise(start).unwrap_or("something that is no NumPy array");
            return Err(format!("answered with {found}"));
        }
        let mut bytes = Vec::new();
        loop {
            let before = bytes.len();
            body.by_ref()
                .take(REPORT as u64)
                .read_to_end(&mut bytes)
                .map_err(|error| format!("broke off after {before} bytes of content: {error}"))?;
            if bytes.len() == before {
                return Ok(bytes);
            }
            if bytes.len() as u64 > largest {
                return Err(format!("sends more than the {largest} bytes that can be right"));
            }
            progress(bytes.len() as u64, length.unwrap_or(largest));
        }
    }

    /// The body at `url`, cut off after `bound` bytes, and its length if the server tells.
    fn get(&self, url: &str, bound: u64) -> Result<(impl BufRead, Option<u64>), String> {
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(format!("{url} is not an http or https address"));
        }
        let response = self.agent.get(url).call().map_err(|error| match error {
            ureq::Error::Io(error) => error.to_string(),
            error => error.to_string(),
        })?;
        let body = response.into_body();
        let length = body.content_length();
        if let Some(length) = length.filter(|&length| length > bound) {
            return Err(format!("offers {length} bytes where at most {bound} are right"));
        }
        Ok((BufReader::new(body.into_reader().take(bound)), length))
    }
}

/// Streams `content` into place, if it is what `pin` says.
fn store(
    mut content: impl Read,
    pin: Pin,
    target: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<(), String> {
    let mut staged = Staged::create(target).map_err(|error| error.to_string())?;
    let mut hash = Sha256::new();
    let mut chunk = vec![0; REPORT];
    let mut done = 0_u64;
    loop {
        let read = fill(&mut content, &mut chunk)
            .map_err(|error| format!("broke off after {done} bytes of content: {error}"))?;
        if read == 0 {
            break;
        }
        done += read as u64;
        if done > pin.bytes {
            return Err(format!("sends more than the {} bytes that are right", pin.bytes));
        }
        hash.update(&chunk[..read]);
        staged.write_all(&chunk[..read]).map_err(|error| format!("cannot be written: {error}"))?;
        progress(done);
    }
    let found = hex(&hash.finalize());
    if done < pin.bytes {
        return Err(format!("ended after {done} of {} bytes of content", pin.bytes));
    }
    if is_mnist(&found) {
        return Err("sent plain MNIST".to_string());
    }
    if found != pin.sha256 {
        return Err(format!("sent other content: SHA-256 {found}, expected {}", pin.sha256));
    }
    staged.commit().map_err(|error| error.to_string())
}

/// Fills `chunk` as far as the content goes.
fn fill(content: &mut impl Read, chunk: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < chunk.len() {
        match content.read(&mut chunk[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
