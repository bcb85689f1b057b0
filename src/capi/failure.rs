//! How a door fails, on its way to the caller.

use std::borrow::Cow;

use pyo3_ffi::*;

use super::status::cp_status_value::{self, *};
use crate::py::attach::{Absent, BUILT_FOR, version_text};
use crate::py::error::{self, Raised};

/// A status, the number that goes with it, and either the exception that is set in the thread or words of our own.
#[derive(Debug)]
pub struct Failure {
    pub status: cp_status_value,
    pub code: i64,
    /// None: a Python exception is set and says it.
    pub message: Option<Cow<'static, str>>,
    /// Where in the object that was dumped the culprit lies, if that is known.
    pub path: Option<String>,
}

impl Failure {
    /// A failure without a Python exception.
    #[cold]
    pub fn new(status: cp_status_value, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code: 0, message: Some(message.into()), path: None }
    }

    /// An argument that cannot be accepted.
    #[cold]
    pub fn argument(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(CP_ERR_INVALID_ARGUMENT, message)
    }

    /// The exception that is set, under a status that the door knows.
    #[cold]
    pub fn raised(status: cp_status_value, code: i64) -> Self {
        Self { status, code, message: None, path: None }
    }
}

impl From<Raised> for Failure {
    /// The exception that is set, where no more is known about it.
    #[cold]
    fn from(_: Raised) -> Self {
        // SAFETY: attached, with an exception set; the type is the interpreter's.
        let memory = error::matches(unsafe { PyExc_MemoryError });
        Self::raised(if memory { CP_ERR_NO_MEMORY } else { CP_ERR_PYTHON }, 0)
    }
}

impl From<Absent> for Failure {
    #[cold]
    fn from(absent: Absent) -> Self {
        match absent {
            Absent::NotInitialized => Self::new(CP_ERR_NOT_INITIALIZED, "no Python runs in this process"),
            Absent::Finalizing => Self::new(CP_ERR_FINALIZING, "Python is shutting down"),
            Absent::Incompatible => {
                let running = version_text().to_string_lossy();
                let kind = if cfg!(Py_GIL_DISABLED) { ", free-threaded" } else { "" };
                let message = format!("this library is built for CPython 3.{BUILT_FOR}{kind}, not for {running}");
                Self::new(CP_ERR_INCOMPATIBLE_PYTHON, message)
            }
        }
    }
}
