//! Faults on purpose: the Nth operation on the file system fails, or the process dies at it.
//!
//! Always compiled, so that the program that is tested is the program that is shipped. A process that
//! has armed nothing pays one look at a static beside each system call.

use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::unsynced;

static ARMED: OnceLock<Armed> = OnceLock::new();

struct Armed {
    plan: Fault,
    /// Operations so far.
    count: AtomicU64,
}

/// What is to befall the file system, and when: for tests of what survives it.
///
/// As text: `KIND@N` is for the Nth operation of the process alone, counted from 1, `KIND@N+` for that
/// and all after it. Kinds are `enospc`, `edquot`, `erofs`, `eacces`, `eio` (the operation is not done
/// and fails with this error), `short` (half of the bytes are written, then `enospc`), `part` (half of
/// the bytes are written, and the operation says so and is done: no error; at any other operation
/// nothing), `late` (the operation takes effect and then fails with `eio`), `close` (closing a file
/// fails and takes with it what was not synced, as on some network file systems; at any other
/// operation `eio`), `kill` (the process dies before the operation), `tear` (it dies halfway through
/// it, where it has a half; before it otherwise) and `power` (it dies before the operation, and so does
/// the machine: what was not synced is lost). `trace@FILE` does no harm and writes a line for each
/// operation: its number, what it is, and the path.
///
/// Operations are those that change something. Reading a file and listing a directory are counted by
/// themselves: `unread@N` has the Nth of them fail with `eio`, and `trace-reads@FILE` writes a line for each.
///
/// ```
/// assert!("enospc@7".parse::<atelier_store::Fault>().is_ok());
/// assert!("enospc".parse::<atelier_store::Fault>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault(Plan);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Plan {
    Trace { file: PathBuf, reads: bool },
    At { number: u64, lasting: bool, kind: Kind },
}

impl Plan {
    /// Whether it is about reading, and not about what changes something.
    fn is_about_reading(&self) -> bool {
        matches!(self, Self::Trace { reads: true, .. } | Self::At { kind: Kind::Unread, .. })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    NoSpace,
    Quota,
    ReadOnly,
    Denied,
    Broken,
    Short,
    Part,
    Late,
    Close,
    Kill,
    Tear,
    Power,
    Unread,
}

const KINDS: [(&str, Kind); 13] = [
    ("enospc", Kind::NoSpace),
    ("edquot", Kind::Quota),
    ("erofs", Kind::ReadOnly),
    ("eacces", Kind::Denied),
    ("eio", Kind::Broken),
    ("short", Kind::Short),
    ("part", Kind::Part),
    ("late", Kind::Late),
    ("close", Kind::Close),
    ("kill", Kind::Kill),
    ("tear", Kind::Tear),
    ("power", Kind::Power),
    ("unread", Kind::Unread),
];

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            let kinds = KINDS.map(|(name, _)| name).join(", ");
            format!(
                "{text:?} is no fault: expected KIND@N or KIND@N+ with a KIND of {kinds}, or trace@FILE, or \
                 trace-reads@FILE"
            )
        };
        let (kind, at) = text.split_once('@').ok_or_else(wrong)?;
        if ["trace", "trace-reads"].contains(&kind) {
            return Ok(Self(Plan::Trace { file: at.into(), reads: kind != "trace" }));
        }
        let (_, kind) = *KINDS.iter().find(|(name, _)| *name == kind).ok_or_else(wrong)?;
        let (number, lasting) = at.strip_suffix('+').map_or((at, false), |number| (number, true));
        let number = number.parse().ok().filter(|&number| number > 0).ok_or_else(wrong)?;
        Ok(Self(Plan::At { number, lasting, kind }))
    }
}

impl Fault {
    /// Arms this process with the fault; false if it was armed before. It cannot be disarmed.
    pub fn arm(self) -> bool {
        ARMED.set(Armed { plan: self, count: AtomicU64::new(0) }).is_ok()
    }
}

/// Whether something is to befall this process that takes away what was not synced.
pub(crate) fn remember() -> bool {
    let plan = ARMED.get().map(|armed| &armed.plan.0);
    matches!(plan, Some(Plan::At { kind: Kind::Close | Kind::Power, .. }))
}

/// Operations that change nothing.
const READING: [&str; 2] = ["read", "list"];

/// Counts an operation and says what is to befall it, if anything.
fn due(operation: &str, path: &Path) -> Option<Kind> {
    let Armed { plan, count } = ARMED.get()?;
    if plan.0.is_about_reading() != READING.contains(&operation) {
        return None;
    }
    let this = count.fetch_add(1, Ordering::SeqCst) + 1;
    match &plan.0 {
        Plan::Trace { file, .. } => {
            let line = format!("{this} {operation} {}\n", path.display());
            let options = std::fs::OpenOptions::new().append(true).create(true).open(file);
            // Whoever reads the trace misses the line by its number.
            let _ = options.and_then(|mut file| io::Write::write_all(&mut file, line.as_bytes()));
            None
        }
        Plan::At { number, lasting, kind } => {
            (this == *number || (*lasting && this > *number)).then_some(*kind)
        }
    }
}

/// Does an operation, unless it is to fail; `half` does the half of it that a torn one does.
pub(crate) fn torn<T>(
    operation: &str,
    path: &Path,
    whole: impl FnOnce() -> io::Result<T>,
    half: impl FnOnce() -> io::Result<T>,
) -> io::Result<T> {
    let Some(kind) = due(operation, path) else { return whole() };
    match kind {
        // Of all operations, writing alone may do less than it was asked to.
        Kind::Part if operation == "write" => half(),
        Kind::Part => whole(),
        Kind::Late => whole().and_then(|_| Err(fail(kind))),
        Kind::Short | Kind::Tear => {
            // What a failing disk leaves is nobody's business but the disk's.
            let _ = half();
            Err(fail(kind))
        }
        _ => Err(fail(kind)),
    }
}

/// Does an operation that is done at once or not at all.
pub(crate) fn whole<T>(
    operation: &str,
    path: &Path,
    act: impl FnOnce() -> io::Result<T>,
) -> io::Result<T> {
    let nothing = || Err(io::ErrorKind::Interrupted.into());
    torn(operation, path, act, nothing)
}

/// Whether closing a file is to fail.
pub(crate) fn close_fails(path: &Path) -> bool {
    let kind = due("close", path).inspect(|&kind| drop(fail(kind)));
    kind == Some(Kind::Close)
}

/// The error of an operation that fails; does not come back where the process is to die.
fn fail(kind: Kind) -> io::Error {
    if kind == Kind::Power {
        unsynced::lose_all();
    }
    if matches!(kind, Kind::Kill | Kind::Tear | Kind::Power) {
        // At once, as by SIGKILL: nothing is unwound, dropped or written out.
        std::process::abort();
    }
    error(kind)
}

#[cfg(unix)]
fn error(kind: Kind) -> io::Error {
    use rustix::io::Errno;
    let errno = match kind {
        Kind::NoSpace | Kind::Short => Errno::NOSPC,
        Kind::Quota => Errno::DQUOT,
        Kind::ReadOnly => Errno::ROFS,
        Kind::Denied => Errno::ACCESS,
        _ => Errno::IO,
    };
    errno.into()
}

#[cfg(not(unix))]
fn error(kind: Kind) -> io::Error {
    match kind {
        Kind::NoSpace | Kind::Short => io::ErrorKind::StorageFull.into(),
        Kind::Quota => io::ErrorKind::QuotaExceeded.into(),
        Kind::ReadOnly => io::ErrorKind::ReadOnlyFilesystem.into(),
        Kind::Denied => io::ErrorKind::PermissionDenied.into(),
        _ => io::Error::other("input/output error"),
    }
}
