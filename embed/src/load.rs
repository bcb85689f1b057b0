//! The cores: one libcloudpickle for each version of CPython, side by side below the folder of this library, as
//! `cloudpickle/cpython-312/libcloudpickle.so.0`.

use std::ffi::{OsStr, c_void};
use std::fs;
use std::path::{Path, PathBuf};

use crate::dl::{Library, file_of};
use crate::failure::Failure;
use crate::status::cp_status_value::*;
use crate::table::{ABI, Core};
use crate::version::Version;

const CORE: &str = "libcloudpickle.so.0";

/// Loads a libpython, for all libraries in the process: extension modules are not linked to it.
pub fn open_python(name: &OsStr) -> Result<Library, String> {
    Library::open(name, libc::RTLD_NOW | libc::RTLD_GLOBAL)
}

/// The folder with the cores.
pub struct Cores {
    folder: PathBuf,
    found: Vec<Version>,
}

impl Cores {
    /// Those that belong to this library: beside it, or beside what it is a link to.
    pub fn find() -> Self {
        let this = file_of((Self::find as fn() -> Self) as *const c_void).unwrap_or_default();
        let beside = |file: &Path| file.with_file_name("cloudpickle");
        let linked = this.canonicalize().map(|file| beside(&file));
        let here = Self::below(beside(&this));
        match linked {
            Ok(folder) if here.found.is_empty() => Self::below(folder),
            _ => here,
        }
    }

    fn below(folder: PathBuf) -> Self {
        let entries = fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok);
        let mut found: Vec<Version> = entries
            .filter(|entry| entry.path().join(CORE).is_file())
            .filter_map(|entry| Version::of_folder(&entry.file_name().to_string_lossy()))
            .collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        Self { folder, found }
    }

    /// For which versions there are any, the newest first.
    pub fn versions(&self) -> impl Iterator<Item = Version> + '_ {
        self.found.iter().copied()
    }

    /// The file of one version's.
    pub fn of(&self, version: Version) -> Result<PathBuf, Failure> {
        let file = self.folder.join(version.folder()).join(CORE);
        if self.found.contains(&version) {
            return Ok(file);
        }
        let others: Vec<String> = self.versions().map(|version| version.to_string()).collect();
        let others = if others.is_empty() { "none at all".into() } else { others.join(", ") };
        Err(Failure::new(
            CP_ERR_INCOMPATIBLE_PYTHON,
            format!("there is no libcloudpickle for {version}: looked for {}; there is: {others}", file.display()),
        ))
    }

    /// Loads one. The libpython is loaded.
    pub fn open(&self, version: Version) -> Result<Core, Failure> {
        let file = self.of(version)?;
        let refused = |why: String| Failure::new(CP_ERR_INCOMPATIBLE_PYTHON, format!("{}: {why}", file.display()));
        let library = Library::open(file.as_os_str(), libc::RTLD_LAZY | libc::RTLD_LOCAL).map_err(refused)?;
        // SAFETY: the file is a libcloudpickle, so its functions have the types that the header says.
        let core = unsafe { Core::of(library) }
            .map_err(|name| refused(format!("is older than this libcloudpickle-embed: it lacks {name}")))?;
        // SAFETY: needs nothing.
        let abi = unsafe { (core.cp_abi_version)() };
        if abi >> 16 != ABI >> 16 || abi < ABI {
            return Err(refused(format!("has the ABI {abi:#x}, where this libcloudpickle-embed needs {ABI:#x}")));
        }
        Ok(core)
    }
}
