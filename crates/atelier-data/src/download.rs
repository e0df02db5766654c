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
        // What is asked for by HTTPS does not come without it, wherever a server sends us.
        let request = self.agent.get(url).config().https_only(url.starts_with("https://")).build();
        let response = request.call().map_err(|error| match error {
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

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpListener};
    use std::thread;

    use ureq::unversioned::resolver::DefaultResolver;
    use ureq::unversioned::transport::{
        Buffers, ConnectionDetails, Connector, NextTimeout, TcpConnector, Transport,
    };

    use super::*;

    /// Passes for TLS and is none: it is the addresses that count here, and nobody has a certificate.
    #[derive(Debug)]
    struct Sealed<T>(T);

    impl Connector for Sealed<TcpConnector> {
        type Out = Sealed<<TcpConnector as Connector>::Out>;

        fn connect(
            &self,
            details: &ConnectionDetails,
            chained: Option<()>,
        ) -> Result<Option<Self::Out>, ureq::Error> {
            Ok(self.0.connect(details, chained)?.map(Sealed))
        }
    }

    impl<T: Transport> Transport for Sealed<T> {
        fn buffers(&mut self) -> &mut dyn Buffers {
            self.0.buffers()
        }

        fn transmit_output(
            &mut self,
            amount: usize,
            timeout: NextTimeout,
        ) -> Result<(), ureq::Error> {
            self.0.transmit_output(amount, timeout)
        }

        fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
            self.0.await_input(timeout)
        }

        fn is_open(&mut self) -> bool {
            self.0.is_open()
        }

        fn is_tls(&self) -> bool {
            true
        }
    }

    /// A server that sends whoever asks for `/` to `/there` by plain HTTP, and has `content` there.
    fn server() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut asked = String::new();
                BufReader::new(&stream).read_line(&mut asked).expect("a request");
                let answer = if asked.starts_with("GET / ") {
                    format!(
                        "302 Found\r\nLocation: http://{address}/there\r\nContent-Length: 0\r\n\r\n"
                    )
                } else {
                    "200 OK\r\nContent-Length: 7\r\n\r\ncontent".to_string()
                };
                // Whoever asked may have gone.
                let _ = (&stream).write_all(format!("HTTP/1.1 {answer}").as_bytes());
            }
        });
        address
    }

    #[test]
    fn no_redirect_leads_from_https_to_plain_http() {
        let address = server();
        let (connector, resolver) = (Sealed(TcpConnector::default()), DefaultResolver::default());
        let config = Agent::config_builder().timeout_global(Some(STALL)).build();
        let downloader = Downloader { agent: Agent::with_parts(config, connector, resolver) };
        let content = |url: String| {
            let (mut body, _) = downloader.get(&url, 100)?;
            let mut text = String::new();
            body.read_to_string(&mut text).map_err(|error| error.to_string()).map(|_| text)
        };
        assert_eq!(content(format!("https://{address}/there")), Ok("content".to_string()));
        assert_eq!(content(format!("http://{address}/")), Ok("content".to_string()));
        let refused = content(format!("https://{address}/")).expect_err("a redirect to plain HTTP");
        assert!(refused.contains("https"), "{refused}");
        assert!(refused.contains("/there"), "{refused}");
    }
}
