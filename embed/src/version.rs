//! Versions of CPython, as far as a core is built for one.

use std::ffi::{CStr, c_char};
use std::fmt;

use crate::dl::Library;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The 12 of 3.12.1.
    pub minor: u32,
    /// Without a GIL.
    pub threaded: bool,
}

impl Version {
    /// Of a libpython, or of the Python in the process.
    pub fn of(library: Library) -> Option<Self> {
        // SAFETY: this is what Python declares: static text, also before there is an interpreter.
        let text = unsafe {
            let get: unsafe extern "C" fn() -> *const c_char = library.function(c"Py_GetVersion")?;
            CStr::from_ptr(get())
        };
        let text = text.to_string_lossy();
        Self::parse(text.split(' ').next()?, text.contains("free-threading build"))
    }

    /// Of a number such as "3.12.1".
    pub fn parse(number: &str, threaded: bool) -> Option<Self> {
        let minor = number.strip_prefix("3.")?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
        Some(Self { minor, threaded })
    }

    /// Of the name of a core's folder.
    pub fn of_folder(name: &str) -> Option<Self> {
        let digits = name.strip_prefix("cpython-3")?;
        let threaded = digits.ends_with('t');
        Some(Self { minor: digits.trim_end_matches('t').parse().ok()?, threaded })
    }

    /// The name of its core's folder.
    pub fn folder(self) -> String {
        format!("cpython-3{}{}", self.minor, self.flags())
    }

    /// The name of its shared library.
    pub fn library(self) -> String {
        format!("libpython3.{}{}.so.1.0", self.minor, self.flags())
    }

    fn flags(self) -> &'static str {
        if self.threaded { "t" } else { "" }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CPython 3.{}{}", self.minor, self.flags())
    }
}
