use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use atelier_store::remove_dir_all;
use tempfile::TempDir;

/// The package is 31 MB; a mirror that needs longer is not worth waiting for.
const DOWNLOAD: Duration = Duration::from_secs(180);
const UPDATE: Duration = Duration::from_secs(120);
const UNPACK: Duration = Duration::from_secs(60);

/// What the names of the directories begin with into which packages are unpacked.
const PREFIX: &str = ".atelier-package-";

/// Removes what a fetch that was killed left in `data_dir`; only where no other is going on.
pub(crate) fn remove_leftovers(data_dir: &Path) {
    for entry in fs::read_dir(data_dir).into_iter().flatten().flatten() {
        let ours = entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes());
        if ours && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            // It takes room and harms nothing else.
            let _ = remove_dir_all(&entry.path());
        }
    }
}

/// Fetches a Debian package by the distribution's own tools and unpacks it, without installing it,
/// into a temporary directory under `data_dir`.
///
/// Fails with the reason, for the user.
pub(crate) fn fetch(package: &str, data_dir: &Path) -> Result<TempDir, String> {
    let tools = Tools { apt_get: "apt-get".into(), dpkg_deb: "dpkg-deb".into(), root: is_root() };
    tools.fetch(package, data_dir)
}

struct Tools {
    apt_get: PathBuf,
    dpkg_deb: PathBuf,
    root: bool,
}

impl Tools {
    fn fetch(&self, package: &str, data_dir: &Path) -> Result<TempDir, String> {
        // apt-get works in the directory that it is started in.
        let directory = fs::canonicalize(data_dir)
            .and_then(|data_dir| tempfile::Builder::new().prefix(PREFIX).tempdir_in(data_dir))
            .map_err(|error| {
                format!("no temporary directory in {}: {error}", data_dir.display())
            })?;
        let download = || run(self.apt_get(directory.path()).args(["download", package]), DOWNLOAD);
        if let Err(reason) = download() {
            // Without package lists nothing is found, and with old ones files that are gone; only root
            // can get new ones.
            if !reason.is_answer || !self.root {
                return Err(reason.text);
            }
            run(self.apt_get(directory.path()).arg("update"), UPDATE).map_err(|update| {
                format!("{}; then apt-get update: {}", reason.text, update.text)
            })?;
            download().map_err(|reason| reason.text)?;
        }
        self.unpack(directory.path())?;
        Ok(directory)
    }

    /// Unpacks the package in a directory beside it. `dpkg-deb` leaves this to `tar`, which writes nothing outside.
    fn unpack(&self, directory: &Path) -> Result<(), String> {
        let deb = fs::read_dir(directory)
            .map_err(|error| error.to_string())?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
            .ok_or("apt-get left no package behind")?;
        run(Command::new(&self.dpkg_deb).arg("-x").arg(deb).arg(directory), UNPACK)
            .map_err(|reason| reason.text)
    }

    fn apt_get(&self, directory: &Path) -> Command {
        let mut command = Command::new(&self.apt_get);
        command.current_dir(directory).args([
            "--quiet=2",
            "--option=Acquire::http::Timeout=10",
            "--option=Acquire::https::Timeout=10",
            "--option=Acquire::Retries=1",
        ]);
        command
    }
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
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let program = program.to_string_lossy().into_owned();
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
    let talk = child.stderr.take().and_then(|mut pipe| {
        let read = move || {
            let mut bytes = Vec::new();
            // What cannot be read cannot be shown.
            let _ = pipe.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        };
        // Without a thread it talks to nobody.
        thread::Builder::new().spawn(read).ok()
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

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// Tools that are shell scripts; `calls` is the log of what apt-get was told.
    fn tools(bin: &Path, apt_get: &str, root: bool) -> Tools {
        let script = |name: &str, text: &str| {
            let path = bin.join(name);
            fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("script");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("mode");
            path
        };
        let log = bin.join("calls").display().to_string();
        Tools {
            apt_get: script(
                "apt-get",
                &format!("shift 4; echo \"$@\" >> {log}; case $1 in {apt_get} esac"),
            ),
            dpkg_deb: script("dpkg-deb", "test \"$1\" = -x && cp \"$2\" \"$3/unpacked\""),
            root,
        }
    }

    // One test: a script that another thread's child still holds open cannot be started.
    #[test]
    fn packages_are_downloaded_and_unpacked_and_every_failure_has_its_reason() {
        let (bin, data) = (tempfile::tempdir().expect("bin"), tempfile::tempdir().expect("data"));
        let attempt = |apt_get: &str, root: bool| {
            // What is not there was not called.
            let _ = fs::remove_file(bin.path().join("calls"));
            let result = tools(bin.path(), apt_get, root).fetch("some-data", data.path());
            let unpacked = result
                .map(|place| fs::read_to_string(place.path().join("unpacked")).expect("file"));
            (unpacked, fs::read_to_string(bin.path().join("calls")).unwrap_or_default())
        };
        let fails = "echo 'W: a warning' >&2; echo 'E: Unable to locate package' >&2; exit 100;;";

        let (unpacked, calls) = attempt("download) echo content > some-data_1.deb;;", false);
        assert_eq!(
            (unpacked.as_deref(), calls.as_str()),
            (Ok("content\n"), "download some-data\n")
        );

        // Only root can do something about missing package lists.
        let (unpacked, calls) = attempt(&format!("download) {fails}"), false);
        assert_eq!(unpacked, Err("Unable to locate package".to_string()));
        assert_eq!(calls, "download some-data\n");
        let lists = bin.path().join("lists").display().to_string();
        let updating = format!(
            "download) test -e {lists} && echo new > a.deb && exit 0; {fails} update) touch {lists};;"
        );
        let (unpacked, calls) = attempt(&updating, true);
        assert_eq!(unpacked.as_deref(), Ok("new\n"));
        assert_eq!(calls, "download some-data\nupdate\ndownload some-data\n");
        let (unpacked, _) = attempt(
            &format!("download) {fails} update) echo 'E: no network' >&2; exit 100;;"),
            true,
        );
        let reason = "Unable to locate package; then apt-get update: no network";
        assert_eq!(unpacked, Err(reason.to_string()));

        let (unpacked, _) = attempt("download) ;;", false);
        assert_eq!(unpacked, Err("apt-get left no package behind".to_string()));
        let (unpacked, _) = attempt("download) exit 3;;", false);
        assert_eq!(unpacked, Err("apt-get ended with exit status: 3".to_string()));
        let none = Tools { apt_get: bin.path().join("none"), dpkg_deb: PathBuf::new(), root: true };
        let reason = none.fetch("some-data", data.path()).expect_err("no such program");
        assert_eq!(reason, "this system has no none");

        let slow = run(Command::new("/bin/sh").args(["-c", "sleep 60"]), Duration::ZERO);
        assert_eq!(slow.expect_err("slow").text, "sh took more than 0 s");
        assert_eq!(fs::read_dir(data.path()).expect("data").count(), 0, "nothing is left behind");
    }

    /// A name, a kind, and what it holds or points to.
    type Member<'a> = (&'a str, u8, &'a str);

    /// An archive in the format of `tar`.
    fn tar(members: &[Member]) -> Vec<u8> {
        let mut archive = Vec::new();
        for &(name, kind, what) in members {
            let content = if kind == b'0' { what } else { "" };
            let mut header = [0; 512];
            let mut put = |at: usize, text: &str| {
                header[at..at + text.len()].copy_from_slice(text.as_bytes());
            };
            put(0, name);
            put(100, "0000644");
            put(124, &format!("{:011o}", content.len()));
            put(136, "00000000000");
            put(148, "        ");
            put(157, if kind == b'0' { "" } else { what });
            put(257, "ustar\u{0}00");
            header[156] = kind;
            let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
            header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
            archive.extend(header);
            archive.extend(content.as_bytes());
            archive.resize(archive.len().next_multiple_of(512), 0);
        }
        archive.resize(archive.len() + 1024, 0);
        archive
    }

    /// A package that holds this archive.
    fn deb(data: &[u8]) -> Vec<u8> {
        let mut package = b"!<arch>\n".to_vec();
        for (name, content) in
            [("debian-binary", &b"2.0\n"[..]), ("control.tar", &tar(&[])), ("data.tar", data)]
        {
            let length = content.len();
            let head = format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{length:<10}`\n", 0, 0, 0, 100_644);
            package.extend(head.as_bytes());
            package.extend(content);
            package.resize(package.len().next_multiple_of(2), b'\n');
        }
        package
    }

    #[test]
    fn no_package_writes_outside_of_the_directory_that_it_is_unpacked_in() {
        let tools = Tools { apt_get: PathBuf::new(), dpkg_deb: "dpkg-deb".into(), root: false };
        if Command::new(&tools.dpkg_deb).arg("--version").output().is_err() {
            println!("\nskipped: no dpkg-deb");
            return;
        }
        let around = tempfile::tempdir().expect("a directory");
        let (inside, outside) = (around.path().join("data/inside"), around.path().join("outside"));
        let absolute = outside.join("absolute").display().to_string();
        let [link, to] =
            [inside.join("link"), outside.clone()].map(|path| path.display().to_string());
        let archives: [(&str, &[Member]); 5] = [
            ("a file", &[("./fine", b'0', "x")]),
            ("a step up", &[("../../outside/up", b'0', "x")]),
            ("a step down and two up", &[("./a/../../../outside/up", b'0', "x")]),
            ("an absolute name", &[(&absolute, b'0', "x")]),
            ("a link and a file behind it", &[("link", b'2', &to), ("link/behind", b'0', "x")]),
        ];
        for (what, members) in archives {
            fs::create_dir_all(&inside).expect("a directory");
            fs::create_dir_all(&outside).expect("a directory");
            fs::write(inside.join("some.deb"), deb(&tar(members))).expect("a package");
            let unpacked = tools.unpack(&inside);
            assert_eq!(fs::read_dir(&outside).expect("outside").count(), 0, "{what}: {unpacked:?}");
            assert_eq!(inside.join("fine").exists(), what == "a file", "{what}: {unpacked:?}");
            remove_dir_all(&inside).expect("removed");
            assert!(outside.exists() && fs::symlink_metadata(&link).is_err(), "{what}");
        }
    }
}
