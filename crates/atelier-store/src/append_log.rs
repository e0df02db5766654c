use std::path::Path;

use crate::{Error, Result, fs};

/// Appended records are kept in memory up to this size: a write to the system every few hundred
/// steps of training, not at each.
const BUFFER: usize = 64 * 1024;

/// A log of lines that only grows, such as `metrics.jsonl`.
///
/// A crash can tear the last line and nothing before it; opening the log cuts a torn line off. One
/// writer at a time: hold the lock of the run.
#[derive(Debug)]
pub struct AppendLog {
    file: fs::File,
    /// Bytes that are in the file for certain; the buffer follows them. Writes go to this offset, so
    /// that trying again after a failed write leaves no half of a line in between.
    written: u64,
    buffer: Vec<u8>,
}

impl AppendLog {
    /// Opens the log at `path`, makes it if need be, and cuts off a last line that has no end.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be opened, read or cut.
    pub fn open(path: &Path) -> Result<Self> {
        let mut file = fs::File::open_or_create(path)?;
        let len = file.len()?;
        let written = end_of_last_line(&mut file, len)?;
        if written < len {
            file.set_len(written)?;
            file.sync()?;
        }
        fs::sync_dir(fs::parent(path))?;
        Ok(Self { file, written, buffer: Vec::new() })
    }

    /// Appends one record and its line break. It survives a crash after the next
    /// [`AppendLog::sync`].
    ///
    /// # Errors
    /// [`Error::LineBreak`] if the record is more than one line; [`Error::Io`] if the buffer was
    /// full and could not be written: the records are kept, and the next call tries again.
    pub fn append(&mut self, record: &[u8]) -> Result<()> {
        if let Some(offset) = record.iter().position(|&byte| byte == b'\n') {
            return Err(Error::LineBreak { path: self.file.path().to_path_buf(), offset });
        }
        self.buffer.extend_from_slice(record);
        self.buffer.push(b'\n');
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        if !self.buffer.is_empty() {
            self.file.write_all_at(self.written, &self.buffer)?;
            self.written += self.buffer.len() as u64;
            self.buffer.clear();
        }
        Ok(())
    }

    /// Makes everything appended so far durable.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be written or synced; the records are kept, and the next
    /// call tries again.
    pub fn sync(&mut self) -> Result<()> {
        self.flush()?;
        self.file.sync()
    }

    /// The length in bytes with everything appended so far; always at the end of a line. A
    /// checkpoint keeps it, for [`AppendLog::truncate`].
    #[must_use]
    pub fn len(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// Whether nothing was ever appended.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Cuts the log back to `len` bytes, durably: to where it was when a checkpoint was made.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if the log is shorter, or if a line does not end there; the log is left as
    /// it was. [`Error::Io`] if the file cannot be cut.
    pub fn truncate(&mut self, len: u64) -> Result<()> {
        self.flush()?;
        if len > self.written {
            let expected = format!("at least {len} bytes");
            let found = format!("{} bytes", self.written);
            return Err(Error::corrupt(self.file.path(), "the length", expected, found));
        }
        if let Some(last) = len.checked_sub(1) {
            let mut byte = [0];
            self.file.read_exact_at(last, &mut byte)?;
            if byte != *b"\n" {
                let what = format!("byte {last}");
                return Err(Error::corrupt(self.file.path(), what, "a line break", byte[0]));
            }
        }
        self.file.set_len(len)?;
        self.written = len;
        self.file.sync()
    }
}

impl Drop for AppendLog {
    fn drop(&mut self) {
        // As with a `BufWriter`: best effort. Whoever needs to know calls `sync`.
        let _ = self.flush();
    }
}

/// The offset after the last line break among the first `len` bytes; 0 if there is none.
pub(crate) fn end_of_last_line(file: &mut fs::File, len: u64) -> Result<u64> {
    let mut block = [0; 4096];
    let mut end = len;
    while end > 0 {
        let start = end.saturating_sub(block.len() as u64);
        #[expect(clippy::cast_possible_truncation, reason = "at most the size of the block")]
        let bytes = &mut block[..(end - start) as usize];
        file.read_exact_at(start, bytes)?;
        if let Some(position) = bytes.iter().rposition(|&byte| byte == b'\n') {
            return Ok(start + position as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// Twice the steps that the longest text has room for: a file of line breaks alone would have a hundred times more.
const MOST_LINES: usize = 64 << 20;

/// The whole lines of a log, without their line breaks; a torn last line is left out. The log may
/// be in use by another process.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read; as [`parse_lines`].
pub fn read_lines(path: &Path) -> Result<Vec<String>> {
    parse_lines(&fs::read_text(path)?, path)
}

/// As [`read_lines`], of the content of a log; `path` is for messages alone.
///
/// # Errors
/// [`Error::Corrupt`] if a whole line is not UTF-8, or if there are more lines than any log has.
pub fn parse_lines(bytes: &[u8], path: &Path) -> Result<Vec<String>> {
    // Counted first: of very short lines a list that grows would take many times the room of the file.
    let count = bytes.split(|&byte| byte == b'\n').count() - 1;
    if count > MOST_LINES {
        return Err(Error::corrupt(
            path,
            "the number of lines",
            format_args!("at most {MOST_LINES}"),
            count,
        ));
    }
    let mut lines = Vec::with_capacity(count);
    let mut offset = 0;
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let Some(whole) = line.strip_suffix(b"\n") else { break };
        let text = std::str::from_utf8(whole).map_err(|error| {
            let at = offset + error.valid_up_to();
            let what = format!("byte {at} (line {})", lines.len() + 1);
            Error::corrupt(path, what, "UTF-8", format_args!("{:#04x}", bytes[at]))
        })?;
        lines.push(text.to_string());
        offset += line.len();
    }
    Ok(lines)
}
