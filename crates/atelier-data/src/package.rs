use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The package is 31 MB; a mirror that needs longer is not worth waiting for.
const DOWNLOAD: Duration = Duration::from_secs(180);
const UPDATE: Duration = Duration::from_secs(120);
const UNPACK: Duration = Duration::from_secs(60);

/// Fetches a Debian package by the distribution's own tool and unpacks it, without installing it,
/// into a temporary directory under `data_dir`.
///
/// Fails with the reason, for the user.
pub(crate) fn fetch(package: &str, data_dir: &Path) -> Result<TempDir, String> {
    // apt-get works in the directory that it is started in.
    let directory = fs::canonicalize(data_dir)
        .and_then(|data_dir| tempfile::Builder::new().prefix(".package-").tempdir_in(data_dir))
        .map_err(|error| format!("no temporary directory in {}: {error}", data_dir.display()))?;
    let download = || run(apt_get(directory.path()).args(["download", package]), DOWNLOAD);
    if let Err(reason) = download() {
        // Without package lists nothing is found, and with old ones files that are gone; only root
        // can get new ones.
        if !reason.is_answer || !is_root() {
            return Err(reason.text);
        }
        run(apt_get(directory.path()).arg("update"), UPDATE)
            .map_err(|update| format!("{}; then apt-get update: {}", reason.text, update.text))?;
        download().map_err(|reason| reason.text)?;
    }
    let deb = fs::read_dir(directory.path())
        .map_err(|error| error.to_string())?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .ok_or("apt-get left no package behind")?;
    run(Command::new("dpkg-deb").arg("-x").arg(deb).arg(directory.path()), UNPACK)
        .map_err(|reason| reason.text)?;
    Ok(directory)
}

fn apt_get(directory: &Path) -> Command {
    let mut command = Command::new("apt-get");
    command.current_dir(directory).args([
        "--quiet=2",
        "--option=Acquire::http::Timeout=10",
        "--option=Acquire::https::Timeout=10",
        "--option=Acquire::Retries=1",
    ]);
    command
}

fn is_root() -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
    }
    #[cfg(not(unix))]
    false
}

struct Reason {
    text: String,
    /// The program ran and refused, rather than being absent or too slow.
    is_answer: bool,
}

/// Runs a program to its end, or to the end of its time.
fn run(command: &mut Command, limit: Duration) -> Result<(), Reason> {
    let program = command.get_program().to_string_lossy().into_owned();
    let fail = |text: String| Reason { text, is_answer: false };
    let child = command
        .env("LC_ALL", "C")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.map_err(|error| {
        fail(match error.kind() {
            std::io::ErrorKind::NotFound => format!("this system has no {program}"),
            _ => format!("{program} cannot be started: {error}"),
        })
    })?;
    // A full pipe would stop the program.
    let talk = child.stderr.take().map(|mut pipe| {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            // What cannot be read cannot be shown.
            let _ = pipe.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        })
    });
    let start = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if start.elapsed() < limit => thread::sleep(Duration::from_millis(20)),
            outcome => {
                // Either fails only if the program has just ended by itself.
                let _ = child.kill();
                let _ = child.wait();
                return Err(fail(match outcome {
                    Err(error) => format!("{program} cannot be waited for: {error}"),
                    Ok(_) => format!("{program} took more than {} s", limit.as_secs()),
                }));
            }
        }
    };
    if status.success() {
        return Ok(());
    }
    let talk = talk.and_then(|talk| talk.join().ok()).unwrap_or_default();
    let text = match talk.lines().map(str::trim).rfind(|line| line.starts_with("E:")) {
        Some(line) => line.trim_start_matches("E:").trim().to_string(),
        None => format!("{program} ended with {status}"),
    };
    Err(Reason { text, is_answer: true })
}
