//! Asking a python executable what it is and where its libpython lies.

use std::env;
use std::ffi::{CString, OsStr, OsString};
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::version::Version;

/// Its answers, each with a NUL behind it: the implementation, the version, whether it is free-threaded, its own name, and
/// where its libpython may be: the file that is mapped, then where the build said, then beside the library, which helps
/// where a build was moved.
const QUESTIONS: &str = r#"
import os, sys, sysconfig
value = sysconfig.get_config_var
version = "%d.%d" % sys.version_info[:2]
threaded = "t" if value("Py_GIL_DISABLED") else ""
name = value("INSTSONAME") or ""
if ".so" not in name:
    name = "libpython" + version + threaded + ".so.1.0"
files = []
with open("/proc/self/maps") as maps:
    files += [line.split(None, 5)[5].rstrip("\n") for line in maps if "/libpython" + version in line]
folders = [os.path.join(folder, inner)
           for folder in (value("LIBDIR"), *(os.path.join(base, "lib") for base in (sys.base_exec_prefix, sys.base_prefix)))
           for inner in ("", value("MULTIARCH") or "") if folder]
files += [os.path.join(folder, name) for folder in folders]
answers = [sys.implementation.name, version, threaded, sys.executable or "", *dict.fromkeys(files)]
sys.stdout.buffer.write(b"".join(os.fsencode(answer) + b"\0" for answer in answers))
"#;

/// More than so many bytes are no answer.
const LONGEST: u64 = 1 << 16;

pub struct Answer {
    pub version: Version,
    /// What stands for it as a program: in a virtual environment the one of that.
    pub program: CString,
    /// Where its libpython may be, best first.
    pub libraries: Vec<PathBuf>,
}

/// The executable that a name stands for: a path, a virtual environment's folder, or a name to be looked for on PATH.
pub fn executable(named: &OsStr) -> Result<PathBuf, String> {
    let path = Path::new(named);
    if path.is_dir() {
        let inside = ["bin/python3", "bin/python"].map(|name| path.join(name));
        return inside
            .into_iter()
            .find(|python| is_executable(python))
            .ok_or_else(|| format!("{}: is a folder without an executable bin/python3 or bin/python", path.display()));
    }
    if named.as_bytes().contains(&b'/') {
        return match is_executable(path) {
            true => Ok(path.into()),
            false => Err(format!("{}: is not an executable file", path.display())),
        };
    }
    let folders = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&folders)
        .map(|folder| folder.join(path))
        .find(|python| is_executable(python))
        .ok_or_else(|| format!("{}: is not on PATH", path.display()))
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// Runs a python.
pub fn ask(python: &Path) -> Result<Answer, String> {
    let refused = |why: &dyn std::fmt::Display| format!("{}: {why}", python.display());
    let mut child = Command::new(python)
        // Neither the environment nor the user's site change what is asked about.
        .args(["-I", "-S", "-c", QUESTIONS])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| refused(&format_args!("does not run: {error}")))?;
    let mut said = Vec::new();
    let read = child.stdout.take().map(|out| out.take(LONGEST).read_to_end(&mut said));
    // Whether it is still there to be waited for is the host's business: it may ignore SIGCHLD, or wait for everyone.
    let _ = child.wait();
    if let Some(Err(error)) = read {
        return Err(refused(&format_args!("its answer cannot be read: {error}")));
    }
    let mut answers = said.split(|byte| *byte == 0).map(|answer| OsString::from_vec(answer.to_vec()));
    let (Some(kind), Some(number), Some(threaded), Some(program)) =
        (answers.next(), answers.next(), answers.next(), answers.next())
    else {
        return Err(refused(&"does not answer as a python 3 does"));
    };
    if kind != "cpython" {
        return Err(refused(&format_args!("is {}, not CPython", kind.display())));
    }
    let version = Version::parse(&number.to_string_lossy(), threaded == "t")
        .ok_or_else(|| refused(&format_args!("is of version {}", number.display())))?;
    let program = if program.is_empty() { python.as_os_str().to_owned() } else { program };
    let program = CString::new(program.into_vec()).map_err(|_| refused(&"has a NUL in its name"))?;
    let libraries = answers.filter(|path| !path.is_empty()).map(PathBuf::from).collect();
    Ok(Answer { version, program, libraries })
}
