//! A web server on this machine that behaves as it is told.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What the server answers to one path.
pub enum Reply {
    /// The whole body.
    Body(Vec<u8>),
    /// A length, and then only part of the body.
    Cut(Vec<u8>, usize),
    /// A length, and nothing after it.
    Length(u64),
    /// This, and then this again and again for as long as anybody listens.
    Endless(Vec<u8>, Vec<u8>),
    Redirect(String),
    Status(u16),
}

pub struct Server {
    pub url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers every request by `reply(path)`. Ends with the process.
    pub fn start(reply: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("address"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (reply, paths) = (Arc::new(reply), Arc::clone(&asked));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (reply, paths) = (Arc::clone(&reply), Arc::clone(&paths));
                thread::spawn(move || {
                    if let Some(path) = request(&stream) {
                        let reply = reply(&path);
                        paths.lock().expect("paths").push(path);
                        // Whoever asked may have heard enough.
                        let _ = answer(&stream, &reply);
                    }
                });
            }
        });
        Self { url, asked }
    }

    /// The paths that were asked for, in order.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("paths").clone()
    }
}

fn request(stream: &TcpStream) -> Option<String> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next()?.ok()?;
    // To the end of the head.
    lines.find(|line| line.as_ref().map_or(true, String::is_empty))?.ok()?;
    Some(first.split(' ').nth(1)?.to_string())
}

fn answer(mut stream: &TcpStream, reply: &Reply) -> std::io::Result<()> {
    let head = |status: &str, field: &str| {
        format!("HTTP/1.1 {status}\r\nConnection: close\r\n{field}\r\n")
    };
    let length = |length: u64| head("200 OK", &format!("Content-Length: {length}\r\n"));
    match reply {
        Reply::Body(body) => {
            stream.write_all(length(body.len() as u64).as_bytes())?;
            stream.write_all(body)
        }
        Reply::Cut(body, sent) => {
            stream.write_all(length(body.len() as u64).as_bytes())?;
            stream.write_all(&body[..*sent])
        }
        Reply::Length(bytes) => stream.write_all(length(*bytes).as_bytes()),
        Reply::Endless(start, again) => {
            stream.write_all(head("200 OK", "").as_bytes())?;
            stream.write_all(start)?;
            loop {
                stream.write_all(again)?;
            }
        }
        Reply::Redirect(to) => {
            let field = format!("Location: {to}\r\nContent-Length: 0\r\n");
            stream.write_all(head("302 Found", &field).as_bytes())
        }
        Reply::Status(status) => {
            stream.write_all(head(&format!("{status} No"), "Content-Length: 0\r\n").as_bytes())
        }
    }
}
