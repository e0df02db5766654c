use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::append_log::end_of_last_line;
use crate::link_lock::{self, LinkLock};
use crate::presence::Presence;
use crate::{Error, Result, fs};

/// A log of lines that any number of processes append to, such as the journal of a study.
///
/// Writers exclude each other by Optuna's lock for its journals, so that its processes may be among
/// them. Readers take no lock. Beside the log a directory `<log>.workers` tells which of the
/// workers that go through this type are there.
#[derive(Debug)]
pub struct SharedLog {
    reader: Reader,
    link: PathBuf,
    directory: PathBuf,
    presence: Presence,
}

impl SharedLog {
    /// Opens the log at `path`, makes it if need be, and announces a worker.
    ///
    /// # Errors
    /// [`Error::Io`] if a file cannot be opened or made, or the file system knows no locks.
    pub fn open(path: &Path) -> Result<Self> {
        // Locks lead to a file by its path, and others may be in another directory.
        let path = std::path::absolute(path).map_err(|cause| Error::io(path, "find", cause))?;
        let file = fs::File::open_or_create(&path)?;
        fs::sync_dir(fs::parent(&path))?;
        let with = |suffix: &str| {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name)
        };
        let directory = with(".workers");
        let presence = Presence::announce(&directory)?;
        let link = with(".lock");
        link_lock::remove_leftovers(&link, &directory)?;
        let reader = Reader { file, read: 0, lines: 0 };
        Ok(Self { reader, link, directory, presence })
    }

    /// The name of the worker that this value announced: a random UUID.
    #[must_use]
    pub fn worker(&self) -> &str {
        self.presence.name()
    }

    /// Whether the worker called `name` is there.
    ///
    /// # Errors
    /// [`Error::Io`] if its sign is there but cannot be opened or tried.
    pub fn is_present(&self, name: &str) -> Result<bool> {
        Presence::is_present(&self.directory, name)
    }

    /// The number of lines that were read so far.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.reader.lines
    }

    /// The lines that were appended since the last call, whole ones only.
    ///
    /// # Errors
    /// [`Error::Io`] if the log cannot be read; [`Error::Corrupt`] if a line is not UTF-8, or the
    /// log is shorter than what was read.
    pub fn read(&mut self) -> Result<Vec<String>> {
        self.reader.read()
    }

    /// Waits until no other process can append, and keeps it so while the value lives.
    ///
    /// # Errors
    /// [`Error::Io`] if the lock cannot be made.
    pub fn lock(&mut self) -> Result<LockedLog<'_>> {
        let lock = LinkLock::acquire(&self.link, &self.presence, &self.directory)?;
        Ok(LockedLog { reader: &mut self.reader, lock })
    }
}

impl Drop for SharedLog {
    fn drop(&mut self) {
        // Best effort, once more, where it failed before: what remains is recognised by the others.
        let _ = link_lock::release(&self.link, &self.presence);
    }
}

/// A [`SharedLog`] that nobody else can append to.
pub struct LockedLog<'a> {
    reader: &'a mut Reader,
    lock: LinkLock<'a>,
}

impl LockedLog<'_> {
    /// As [`SharedLog::read`].
    ///
    /// # Errors
    /// As there.
    pub fn read(&mut self) -> Result<Vec<String>> {
        self.reader.read()
    }

    /// The number of lines that were read so far.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.reader.lines
    }

    /// Appends lines and makes them durable. A line that a killed writer left without its end is
    /// cut off first; a crash can keep the first of these lines and lose the rest.
    ///
    /// # Errors
    /// [`Error::LineBreak`] if one of them is more than one line; [`Error::Io`] if they cannot be
    /// written or synced, or the lock was lost, because this process stood still for so long that
    /// another took it over: nothing is written then.
    pub fn append(&mut self, lines: &[String]) -> Result<()> {
        let file = &mut self.reader.file;
        let mut bytes = Vec::new();
        for line in lines {
            if let Some(offset) = line.bytes().position(|byte| byte == b'\n') {
                return Err(Error::LineBreak { path: file.path().to_path_buf(), offset });
            }
            bytes.extend_from_slice(line.as_bytes());
            bytes.push(b'\n');
        }
        let len = file.len()?;
        let end = end_of_last_line(file, len)?;
        if !self.lock.is_held() {
            let cause = std::io::Error::other(
                "another process took the lock over, for this one stood still; try again",
            );
            return Err(Error::io(file.path(), "append to", cause));
        }
        if end < len {
            file.set_len(end)?;
        }
        let written = file.write_all_at(end, &bytes);
        if written.is_err() {
            // What came of it would be a torn line for everybody.
            let _ = file.set_len(end);
        }
        written?;
        file.sync()
    }
}

/// Reads whole lines from where it stopped.
#[derive(Debug)]
struct Reader {
    file: fs::File,
    /// Everything before this offset was read.
    read: u64,
    lines: u64,
}

impl Reader {
    fn read(&mut self) -> Result<Vec<String>> {
        let bytes = loop {
            let len = self.file.len()?;
            if len == self.read {
                return Ok(Vec::new());
            }
            let Some(new) = len.checked_sub(self.read) else {
                let expected = format!("at least {} bytes", self.read);
                let found = format!("{len} bytes");
                return Err(Error::corrupt(self.file.path(), "the length", expected, found));
            };
            let mut bytes = vec![0; usize::try_from(new).unwrap_or(usize::MAX)];
            match self.file.read_exact_at(self.read, &mut bytes) {
                // Somebody cut a torn line off.
                Err(error) if error.is(ErrorKind::UnexpectedEof) => {}
                other => break other.map(|()| bytes)?,
            }
        };
        let mut lines = Vec::new();
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            let Some(whole) = line.strip_suffix(b"\n") else { break };
            let text = std::str::from_utf8(whole).map_err(|error| {
                let what = format!("line {}", self.lines + 1);
                Error::corrupt(self.file.path(), what, "UTF-8", error)
            })?;
            lines.push(text.to_string());
            self.read += line.len() as u64;
            self.lines += 1;
        }
        Ok(lines)
    }
}
