//! A CUDA toolkit to build with: the machine's own, or one made of Python packages below the target directory.

use std::{
    env,
    ffi::OsString,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{
    build, talk,
    workspace::{Workspace, run},
};

/// What a build takes from the toolkit; the versions belong together.
const PACKAGES: [&str; 8] = [
    "nvidia-cuda-nvcc==13.0.*",
    "nvidia-cuda-runtime==13.0.*",
    "nvidia-cuda-cccl==13.0.*",
    "nvidia-cuda-crt==13.0.*",
    "nvidia-nvvm==13.0.*",
    "nvidia-cublas==13.0.*",
    "nvidia-cuda-nvrtc==13.0.*",
    "nvidia-curand==10.4.0.*",
];

/// Where no GPU is there to be asked: the H100's and H200's.
const COMPUTE_CAPABILITY: &str = "90";

/// A toolkit, and what cargo needs to know of it.
#[derive(Debug)]
pub struct Toolkit {
    root: PathBuf,
    /// Whether it was made here, without the library of a driver.
    made: bool,
}

impl Toolkit {
    /// The toolkit of this machine; where there is none, one is made.
    pub fn find(workspace: &Workspace) -> Result<Self> {
        if let Some(nvcc) = build::nvcc() {
            let nvcc = fs::canonicalize(&nvcc).unwrap_or(nvcc);
            let root = nvcc.parent().and_then(Path::parent).context("nvcc lies in no toolkit")?;
            return Ok(Self { root: root.to_path_buf(), made: false });
        }
        make(&workspace.target.join("cuda-toolkit"))
    }

    /// Tells cargo where everything is.
    pub fn tell(&self, cargo: &mut Command) -> Result<()> {
        for name in ["CUDA_HOME", "CUDA_PATH", "CUDA_ROOT", "CUDA_TOOLKIT_ROOT_DIR"] {
            cargo.env(name, &self.root);
        }
        cargo.env("PATH", in_front("PATH", &[self.root.join("bin")])?);
        if env::var_os("CUDA_COMPUTE_CAP").is_none() && build::on_path("nvidia-smi").is_none() {
            cargo.env("CUDA_COMPUTE_CAP", COMPUTE_CAPABILITY);
        }
        if self.made {
            let libraries = [self.root.join("lib"), self.root.join("lib/stubs")];
            cargo.env("LIBRARY_PATH", in_front("LIBRARY_PATH", &libraries)?);
            // The stub of the driver's library is empty: the real one comes with the driver.
            let before = env::var("RUSTFLAGS").unwrap_or_default();
            let flags = format!("{before} -C link-arg=-Wl,--unresolved-symbols=ignore-all");
            cargo.env("RUSTFLAGS", flags.trim_start());
        }
        Ok(())
    }

    /// Tells a program where to find the toolkit's libraries when it runs.
    pub fn tell_program(&self, program: &mut Command) -> Result<()> {
        if self.made {
            let libraries = in_front("LD_LIBRARY_PATH", &[self.root.join("lib")])?;
            program.env("LD_LIBRARY_PATH", libraries);
        }
        Ok(())
    }

    /// What a program that was built with the toolkit needs beside a driver, where that is not on every machine.
    pub fn needs(&self) -> Option<String> {
        let libraries = self.root.join("lib");
        self.made.then(|| {
            format!(
                "it looks for libcudart, libcublas and libcurand of CUDA 13 when it starts: \
                 LD_LIBRARY_PATH={} has them",
                libraries.display()
            )
        })
    }

    /// Where it is, for a person.
    pub fn place(&self) -> String {
        self.root.display().to_string()
    }
}

/// A list of directories with others before it.
fn in_front(variable: &str, directories: &[PathBuf]) -> Result<OsString> {
    let before = env::var_os(variable).unwrap_or_default();
    let before = env::split_paths(&before).filter(|path| !path.as_os_str().is_empty());
    env::join_paths(directories.iter().cloned().chain(before))
        .context("a directory's name holds a colon")
}

/// Makes a toolkit in the directory, unless it is there.
fn make(place: &Path) -> Result<Toolkit> {
    if let Some(root) = made(place) {
        return Ok(Toolkit { root, made: true });
    }
    if build::on_path("python3").is_none() {
        bail!(
            "a CUDA build needs the compiler `nvcc`, which is neither on PATH nor in the bin directory of CUDA_HOME or \
             CUDA_PATH, and no python3 is there to fetch one: install the CUDA toolkit, or python3 with its venv"
        );
    }
    talk::tell(&format!(
        "no nvcc on this machine: a toolkit is put into {} (about 1 GB to download)",
        place.display()
    ));
    run(Command::new("python3").args(["-m", "venv"]).arg(place))?;
    let mut pip = Command::new(place.join("bin/python"));
    run(pip
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .args(PACKAGES))?;
    let root = unpacked(place).context("the packages hold no toolkit")?;
    complete(&root)?;
    Ok(Toolkit { root, made: true })
}

/// The toolkit in the directory, if it is complete.
fn made(place: &Path) -> Option<PathBuf> {
    unpacked(place).filter(|root| root.join("lib/stubs/libcuda.so").is_file())
}

/// Where pip has put it.
fn unpacked(place: &Path) -> Option<PathBuf> {
    let versions = fs::read_dir(place.join("lib")).ok()?;
    let roots =
        versions.filter_map(|entry| Some(entry.ok()?.path().join("site-packages/nvidia/cu13")));
    roots.into_iter().find(|root| root.join("bin/nvcc").is_file())
}

/// Adds what a toolkit has and the packages leave out: names of libraries without a version, `lib64`, and something to
/// link against in place of the driver's library.
fn complete(root: &Path) -> Result<()> {
    let libraries = root.join("lib");
    for entry in fs::read_dir(&libraries).context("the toolkit has no libraries")? {
        let name = entry.context("cannot list the toolkit's libraries")?.file_name();
        if let Some(plain) = without_version(&name.to_string_lossy()) {
            link(&name.to_string_lossy(), &libraries.join(plain))?;
        }
    }
    link("lib", &root.join("lib64"))?;
    let stubs = libraries.join("stubs");
    fs::create_dir_all(&stubs).context("cannot make a directory for stubs")?;
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-Wl,-soname,libcuda.so.1", "-x", "c", "/dev/null", "-o"]);
    run(cc.arg(stubs.join("libcuda.so")))
}

/// `libx.so` for `libx.so.13`.
fn without_version(name: &str) -> Option<String> {
    let (plain, version) = name.split_once(".so.")?;
    version.starts_with(|c: char| c.is_ascii_digit()).then(|| format!("{plain}.so"))
}

/// Links to a file beside the link, unless something is there.
fn link(to: &str, place: &Path) -> Result<()> {
    if place.symlink_metadata().is_ok() {
        return Ok(());
    }
    symlink(to, place).with_context(|| format!("cannot make {}", place.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_linked_without_their_versions() {
        for (name, plain) in [
            ("libcudart.so.13", Some("libcudart.so")),
            ("libcurand.so.10.4.0", Some("libcurand.so")),
            ("libcudart_static.a", None),
            ("libcuda.so", None),
        ] {
            assert_eq!(without_version(name).as_deref(), plain, "{name}");
        }
    }

    #[test]
    fn a_toolkit_is_complete_when_there_is_something_to_link_against() -> Result<()> {
        let place = tempfile::tempdir()?;
        assert!(made(place.path()).is_none());
        let root = place.path().join("lib/python3.11/site-packages/nvidia/cu13");
        for directory in ["bin", "lib"] {
            fs::create_dir_all(root.join(directory))?;
        }
        fs::write(root.join("bin/nvcc"), "")?;
        fs::write(root.join("lib/libcublas.so.13"), "")?;
        assert!(made(place.path()).is_none());
        complete(&root)?;
        assert_eq!(made(place.path()).as_deref(), Some(root.as_path()));
        assert!(root.join("lib64/libcublas.so").is_file());
        Ok(())
    }
}
