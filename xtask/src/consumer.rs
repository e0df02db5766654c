//! A package beyond the workspace, built against the crates as they are packaged.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, ensure};

use crate::workspace::Workspace;

/// Members that nobody uses as a library.
const PROGRAMS: [&str; 5] =
    ["atelier", "atelier-bench", "atelier-report", "atelier-tests", "xtask"];

/// Whether `tests/consumer` builds and runs outside of the workspace: with the packages' own files only, and with what
/// their manifests promise.
pub fn holds(workspace: &Workspace) -> Result<bool> {
    let place = workspace.target.join("consumer");
    let packages = place.join("packages");
    match fs::remove_dir_all(&place) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot remove {}", place.display()));
        }
        _ => fs::create_dir_all(&packages).context("cannot make a directory for packages")?,
    }

    let mut package = workspace.cargo();
    // Without the lock file, for which cargo would ask a registry for crates that are in none.
    package.args([
        "package",
        "--quiet",
        "--workspace",
        "--no-verify",
        "--allow-dirty",
        "--exclude-lockfile",
    ]);
    for program in PROGRAMS {
        package.args(["--exclude", program]);
    }
    // Where packages go otherwise, there may be those of another version.
    package.arg("--target-dir").arg(&place);
    ensure!(package.status().context("cannot run cargo")?.success(), "a crate cannot be packaged");
    for entry in fs::read_dir(place.join("package")).context("there are no packages")? {
        let path = entry.context("cannot list the packages")?.path();
        if path.extension().is_some_and(|extension| extension == "crate") {
            unpack(&path, &packages)?;
        }
    }

    copy_tree(&workspace.root.join("tests/consumer"), &place)?;
    // The versions that everything else is tested with.
    fs::copy(workspace.root.join("Cargo.lock"), place.join("Cargo.lock"))
        .context("cannot copy Cargo.lock")?;
    let cargo = |arguments: &[&str]| {
        let mut cargo = workspace.cargo();
        cargo.current_dir(&place).args(arguments).args(["--offline", "--target-dir"]);
        cargo.arg(&workspace.target);
        cargo
    };
    // With the features that the packages ask for themselves, and no others.
    if !cargo(&["check", "--release"]).status().context("cannot run cargo")?.success() {
        return Ok(false);
    }
    let mut run = cargo(&["run", "--release", "--features", "shared"]);
    run.arg("--").arg(workspace.root.join("data/sample"));
    Ok(run.status().context("cannot run cargo")?.success())
}

/// Unpacks `NAME-VERSION.crate` as `NAME`.
fn unpack(package: &Path, to: &Path) -> Result<()> {
    let stem = package.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let name = stem.rsplit_once('-').map_or(stem.as_str(), |(name, _)| name);
    // Files in a package are all of one date, by which cargo would take them for those of last time.
    let unpacked = Command::new("tar").arg("-xzmf").arg(package).arg("-C").arg(to).status();
    ensure!(unpacked.context("cannot run tar")?.success(), "cannot unpack {}", package.display());
    fs::rename(to.join(&stem), to.join(name)).with_context(|| format!("cannot rename {stem}"))
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))? {
        let entry = entry.context("cannot list a directory")?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            fs::create_dir_all(&target)
                .with_context(|| format!("cannot make {}", target.display()))?;
            copy_tree(&source, &target)?;
        } else {
            fs::copy(&source, &target)
                .with_context(|| format!("cannot copy {}", source.display()))?;
        }
    }
    Ok(())
}
