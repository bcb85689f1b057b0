//! Failures and Python's exceptions: which failure an exception is, and which exception a failure.

use pyo3_ffi::*;

use super::failure::Failure;
use super::status::cp_status_value::{self, *};
use crate::py::attach::{Absent, BUILT_FOR, version_text};
use crate::py::error::{self, Raised};
use crate::py::message::message;

impl Failure {
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
                let message = message!("this library is built for CPython 3.{BUILT_FOR}{kind}, not for {running}");
                Self::new(CP_ERR_INCOMPATIBLE_PYTHON, message)
            }
        }
    }
}

/// The exception type that stands for a status when the caller wants one and none was raised. Attached.
pub(super) fn exception_for(status: cp_status_value) -> *mut PyObject {
    // SAFETY: exception types of the running interpreter, which are never NULL in it.
    unsafe {
        match status {
            CP_ERR_INVALID_ARGUMENT | CP_ERR_UNSUPPORTED => PyExc_ValueError,
            CP_ERR_NO_MEMORY => PyExc_MemoryError,
            CP_ERR_IO => PyExc_OSError,
            CP_OK | CP_ERR_INTERNAL => PyExc_SystemError,
            CP_ERR_NOT_INITIALIZED
            | CP_ERR_FINALIZING
            | CP_ERR_INCOMPATIBLE_PYTHON
            | CP_ERR_LIBPYTHON
            | CP_ERR_PYTHON
            | CP_ERR_PICKLING
            | CP_ERR_UNPICKLING
            | CP_ERR_CALLBACK
            | CP_ERR_LIMIT => PyExc_RuntimeError,
        }
    }
}
