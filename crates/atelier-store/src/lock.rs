use std::path::Path;
use std::time::Duration;

use crate::{Error, Result, fs};

const FILE: &str = ".lock";
/// How its content begins.
const OPENING: &[u8] = b"process ";

/// The exclusive use of a directory, for as long as the value lives.
///
/// An advisory lock on the file `.lock`, which also tells who holds it. The operating system lets
/// go of it when the holder ends, however it ends, so a lock never has to be cleared by hand. The
/// file itself stays: removing it would let two processes hold locks on two files of that name.
#[derive(Debug)]
pub struct Lock {
    _file: fs::File,
}

impl Lock {
    /// Takes the lock of `directory`, which must exist.
    ///
    /// # Errors
    /// [`Error::Locked`] with the holder's process number, host and program; [`Error::Io`] if the
    /// lock file cannot be made, or the file system knows no locks.
    pub fn acquire(directory: &Path) -> Result<Self> {
        let path = directory.join(FILE);
        let mut file = fs::File::open_or_create(&path)?;
        // Somebody who only looks whether the lock is free holds it for a moment.
        let mut attempts = 5;
        while !file.try_lock(true)? {
            attempts -= 1;
            if attempts == 0 {
                let holder = holder(&mut file);
                return Err(Error::Locked { path: directory.to_path_buf(), holder });
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        file.set_len(0)?;
        file.write_all_at(0, description().as_bytes())?;
        Ok(Self { _file: file })
    }

    /// Whether somebody holds the lock of `directory` at this moment.
    ///
    /// # Errors
    /// [`Error::Io`] if the lock file is there but cannot be opened or tried.
    pub fn is_held(directory: &Path) -> Result<bool> {
        match fs::File::open_to_read(&directory.join(FILE)) {
            Ok(mut file) => Ok(!file.try_lock(false)?),
            Err(error) if error.is(std::io::ErrorKind::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether the lock file of `directory` is one that this crate wrote, or none is there. A link passes: taking the
    /// lock refuses it by name.
    pub(crate) fn is_ours(directory: &Path) -> bool {
        let path = directory.join(FILE);
        if path.is_symlink() {
            return true;
        }
        match fs::File::open_to_read(&path) {
            // Half of it, or nothing, where its holder was killed over it. Where a lock keeps readers
            // out, as on Windows, there is a holder.
            Ok(mut file) => file
                .read_up_to(OPENING.len() as u64)
                .map_or(cfg!(not(unix)), |text| OPENING.starts_with(&text)),
            Err(error) => error.is(std::io::ErrorKind::NotFound),
        }
    }

    /// Whether `name` is the lock's own file.
    pub(crate) fn is_file(name: &str) -> bool {
        name == FILE
    }
}

/// Who this process is, for the one who finds the lock taken.
fn description() -> String {
    let program = std::env::current_exe()
        .ok()
        .and_then(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .unwrap_or_else(|| "unknown program".to_string());
    format!("process {} on host {} ({program})\n", std::process::id(), host())
}

/// The host's name where the system tells it: Linux in a file, others in the environment.
fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| std::env::var("HOSTNAME"))
        .or_else(|_| std::env::var("COMPUTERNAME"))
        .map_or_else(|_| "unknown".to_string(), |name| name.trim().to_string())
}

/// What the lock file says; it is only told, never believed. It is empty while the holder has not
/// yet written to it, and cannot be read on systems where a lock keeps readers out.
fn holder(file: &mut fs::File) -> String {
    let text = file.read_up_to(400).unwrap_or_default();
    match String::from_utf8_lossy(&text).lines().next() {
        Some(line) if !line.trim().is_empty() => line.trim().escape_debug().to_string(),
        _ => "another process".to_string(),
    }
}
