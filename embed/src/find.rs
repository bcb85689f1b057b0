//! Which libpython is to be loaded.
//!
//! What is named decides, first by the options, then by the environment: if it does not serve, no other one is taken in
//! its place. Only where nothing is named, `python3` on PATH and then what the loader finds are tried one after the other.

use std::env;
use std::ffi::{CString, OsStr, OsString};

use crate::ask::{Answer, ask, executable};
use crate::dl;
use crate::dl::Library;
use crate::failure::Failure;
use crate::load::{Cores, open_python};
use crate::status::cp_status_value::*;
use crate::version::Version;

/// What the options name.
#[derive(Clone, Default)]
pub struct Named {
    pub libpython: Option<CString>,
    pub program: Option<CString>,
}

/// A libpython that is loaded, and the program to stand for, where the search went by one.
pub struct Found {
    pub version: Version,
    pub program: Option<CString>,
}

/// The Python that is in the process already: visible to all, or loaded by the host for itself alone, in which case it is
/// made visible, since the core must find its symbols.
pub fn in_process() -> Option<Version> {
    if let Some(version) = Version::of(Library::GLOBAL) {
        return Some(version);
    }
    let is_python = |name: &[u8]| {
        name.strip_prefix(b"libpython3.").is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_digit))
    };
    let flags = libc::RTLD_NOW | libc::RTLD_GLOBAL | libc::RTLD_NOLOAD;
    dl::loaded(is_python).into_iter().find_map(|path| Version::of(Library::open(path.as_os_str(), flags).ok()?))
}

/// Finds a libpython and loads it. The cores say which versions there are any for.
pub fn load(named: &Named, cores: &Cores) -> Result<Found, Failure> {
    if let Some(file) = &named.libpython {
        return by_file(OsStr::from_c(file), cores).map_err(|failure| from("the option libpython", failure));
    }
    if let Some(program) = &named.program {
        return by_program(OsStr::from_c(program), cores).map_err(|failure| from("the option program", failure));
    }
    if let Some(file) = variable("CP_LIBPYTHON") {
        return by_file(&file, cores).map_err(|failure| from("$CP_LIBPYTHON", failure));
    }
    for name in ["CP_PYTHON", "VIRTUAL_ENV"] {
        if let Some(program) = variable(name) {
            return by_program(&program, cores).map_err(|failure| from(&format!("${name}"), failure));
        }
    }
    let mut looked = Vec::new();
    match by_program(OsStr::new("python3"), cores) {
        Ok(found) => return Ok(found),
        Err(failure) => looked.push(words(&failure)),
    }
    for version in cores.versions() {
        let name = version.library();
        match by_file(OsStr::new(&name), cores) {
            Ok(found) => return Ok(found),
            Err(failure) => looked.push(words(&failure)),
        }
    }
    let unnamed = "the options libpython and program and $CP_LIBPYTHON, $CP_PYTHON and $VIRTUAL_ENV name none";
    let message = format!("no libpython was found. Looked at: {unnamed}; {}", looked.join("; "));
    Err(Failure::new(CP_ERR_LIBPYTHON, message))
}

/// The program that is named, when a libpython is loaded already; it must be of its version.
pub fn program(named: &Named, loaded: Version) -> Result<Option<CString>, Failure> {
    let (program, origin) = match (&named.libpython, &named.program) {
        (Some(_), _) => return Ok(None),
        (None, Some(program)) => (OsStr::from_c(program).to_owned(), "the option program"),
        (None, None) if variable("CP_LIBPYTHON").is_some() => return Ok(None),
        (None, None) => match (variable("CP_PYTHON"), variable("VIRTUAL_ENV")) {
            (Some(program), _) => (program, "$CP_PYTHON"),
            (None, Some(program)) => (program, "$VIRTUAL_ENV"),
            (None, None) => return Ok(None),
        },
    };
    let answer = answer(&program).map_err(|failure| from(origin, failure))?;
    if answer.version != loaded {
        let message =
            format!("{origin} names {}, but the libpython of {loaded} is in the process already", answer.version);
        return Err(Failure::new(CP_ERR_INCOMPATIBLE_PYTHON, message));
    }
    Ok(Some(answer.program))
}

/// A variable that is set and not empty.
fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

fn from(origin: &str, failure: Failure) -> Failure {
    let message = format!("the libpython that {origin} names cannot be used: {}", words(&failure));
    Failure::new(failure.status, message)
}

fn words(failure: &Failure) -> String {
    failure.message.clone().unwrap_or_default().into_owned()
}

fn by_file(file: &OsStr, cores: &Cores) -> Result<Found, Failure> {
    let library = open_python(file).map_err(|error| Failure::new(CP_ERR_LIBPYTHON, error))?;
    let Some(version) = Version::of(library) else {
        library.close();
        return Err(Failure::new(CP_ERR_LIBPYTHON, format!("{}: is not a libpython of Python 3", file.display())));
    };
    if let Err(failure) = cores.of(version) {
        library.close();
        return Err(failure);
    }
    Ok(Found { version, program: None })
}

fn by_program(named: &OsStr, cores: &Cores) -> Result<Found, Failure> {
    let Answer { version, program, libraries } = answer(named)?;
    cores.of(version)?;
    let mut missing = Vec::new();
    for path in libraries {
        match open_python(path.as_os_str()) {
            Ok(library) if Version::of(library) == Some(version) => {
                return Ok(Found { version, program: Some(program) });
            }
            Ok(library) => {
                library.close();
                missing.push(format!("{} is of another version", path.display()));
            }
            Err(error) => missing.push(error),
        }
    }
    let message = format!(
        "{} is {version}, but its shared libpython was not found; a python that is linked statically may come without \
         one: {}",
        program.to_string_lossy(),
        missing.join(", ")
    );
    Err(Failure::new(CP_ERR_LIBPYTHON, message))
}

fn answer(named: &OsStr) -> Result<Answer, Failure> {
    executable(named).and_then(|python| ask(&python)).map_err(|error| Failure::new(CP_ERR_LIBPYTHON, error))
}

/// Text of C as a path.
trait FromC {
    fn from_c(text: &CString) -> &Self;
}

impl FromC for OsStr {
    fn from_c(text: &CString) -> &Self {
        std::os::unix::ffi::OsStrExt::from_bytes(text.as_bytes())
    }
}
