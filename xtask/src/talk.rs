//! What this program says: results on stdout, everything else on stderr.
//!
//! `println!` and `eprintln!` panic where nobody listens any more, or where the disk is full.

use std::io::{self, ErrorKind, Write};

use anyhow::{Context, Result};

/// Writes a result to stdout. A reader that has gone away (`cargo xtask | head -1`) is no failure.
pub fn say(text: impl AsRef<[u8]>) -> Result<()> {
    write_to(&mut io::stdout().lock(), text.as_ref())
}

/// Writes a line to stderr; where that cannot be written, nobody is left to tell.
pub fn tell(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

fn write_to(out: &mut dyn Write, text: &[u8]) -> Result<()> {
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        done => done.context("cannot write to stdout"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Refusing(ErrorKind);

    impl Write for Refusing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_has_gone_away_is_no_failure_and_a_full_disk_is_one() {
        assert!(write_to(&mut Refusing(ErrorKind::BrokenPipe), b"x").is_ok());
        assert!(write_to(&mut Refusing(ErrorKind::StorageFull), b"x").is_err());
    }
}
