use std::io::ErrorKind;
use std::path::Path;

use crate::npy_header::{self, ROWS_HEADER};
use crate::{Error, Result, durable_write, fs};

/// An NPY file of f32 rows that only grows, such as `snapshots.npy`.
///
/// Rows are written behind those that the header counts; [`NpyLog::sync`] makes them durable first
/// and counts them then, so that after a crash at any moment the file is one that NumPy reads, with
/// the rows of the last sync. Opening the log cuts off what was not counted. One writer at a time:
/// hold the lock of the run.
#[derive(Debug)]
pub struct NpyLog {
    file: fs::File,
    columns: usize,
    rows: u64,
}

impl NpyLog {
    /// Opens the log of rows of `columns` numbers, begins it if need be, and cuts off rows that were
    /// never counted.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be opened, read or cut; [`Error::Format`] if it is not a log
    /// of such rows, or is shorter than its header says.
    pub fn open(path: &Path, columns: usize) -> Result<Self> {
        match path.symlink_metadata() {
            Ok(_) => {}
            // Whole or not at all: there is never half of a header.
            Err(cause) if cause.kind() == ErrorKind::NotFound => {
                durable_write(path, &npy_header::write_rows(0, columns))?;
            }
            Err(cause) => return Err(Error::io(path, "examine", cause)),
        }
        let mut file = fs::File::open_or_create(path)?;
        let start = file.read_up_to(ROWS_HEADER as u64)?;
        let header = npy_header::parse(&start, path)?;
        let rows = match header.shape[..] {
            [rows, found] if found == columns => rows as u64,
            _ => {
                let (expected, found) =
                    (format!("(rows, {columns})"), format!("{:?}", header.shape));
                return Err(Error::format(path, 10, "the shape", expected, found));
            }
        };
        if start != npy_header::write_rows(rows, columns) {
            let expected = format!("f32 in C order behind {ROWS_HEADER} bytes of header");
            return Err(Error::format(path, 6, "the layout", expected, "another one"));
        }
        let mut log = Self { file, columns, rows };
        let (end, len) = (log.end(rows)?, log.file.len()?);
        if len < end {
            let expected = format!("{end} bytes, for {rows} rows of {columns}");
            let found = format!("{len} bytes");
            return Err(Error::format(path, len, "the length of the file", expected, found));
        }
        if len > end {
            log.file.set_len(end)?;
            log.file.sync()?;
        }
        Ok(log)
    }

    /// Appends one row. It survives a crash after the next [`NpyLog::sync`].
    ///
    /// # Errors
    /// [`Error::Array`] if the row has another length; [`Error::NonFinite`] if a number is not
    /// finite; [`Error::Io`] if it cannot be written. Nothing is appended then.
    pub fn append(&mut self, row: &[f32]) -> Result<()> {
        let path = self.file.path();
        let name = || path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if row.len() != self.columns {
            let expected = format!("{} numbers", self.columns);
            return Err(Error::array(&name(), "a row", expected, row.len()));
        }
        if let Some(index) = row.iter().position(|value| !value.is_finite()) {
            return Err(Error::NonFinite { path: path.to_path_buf(), array: name(), index });
        }
        let bytes: Vec<u8> = row.iter().flat_map(|value| value.to_le_bytes()).collect();
        let end = self.end(self.rows)?;
        self.file.write_all_at(end, &bytes)?;
        self.rows += 1;
        Ok(())
    }

    /// Makes everything appended so far durable, and then part of the array.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be written or synced; the next call tries again.
    pub fn sync(&mut self) -> Result<()> {
        self.file.sync()?;
        self.count()
    }

    /// Writes the number of rows, durably. The header lies in one sector of the disk, so that it is
    /// the old one or the new.
    fn count(&mut self) -> Result<()> {
        self.file.write_all_at(0, &npy_header::write_rows(self.rows, self.columns))?;
        self.file.sync()
    }

    /// How many rows there are, with everything appended so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Cuts the log back to its first `rows` rows, durably: to where it was when a checkpoint was
    /// made.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if there are fewer rows; the log is left as it was. [`Error::Io`] if the
    /// file cannot be cut.
    pub fn truncate(&mut self, rows: u64) -> Result<()> {
        if rows > self.rows {
            let (expected, found) = (format!("{rows} or more"), self.rows);
            return Err(Error::corrupt(self.file.path(), "the number of rows", expected, found));
        }
        // Counted before they go: the header never counts what is not there.
        self.rows = rows;
        self.count()?;
        let end = self.end(rows)?;
        self.file.set_len(end)?;
        self.file.sync()
    }

    /// Where the row after the first `rows` begins.
    fn end(&self, rows: u64) -> Result<u64> {
        let row = (self.columns as u64).checked_mul(4);
        let end = row.and_then(|row| row.checked_mul(rows)?.checked_add(ROWS_HEADER as u64));
        end.ok_or_else(|| {
            let found = format!("({rows}, {})", self.columns);
            Error::format(self.file.path(), 10, "the shape", "one that a file can hold", found)
        })
    }
}
