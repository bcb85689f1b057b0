//! CPython's calls into this library.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use pyo3_ffi::{PyErr_Occurred, PyExc_SystemError, PyObject};

use super::error::{PyResult, raise};
use super::owned::Owned;

/// Runs what a function of ours does and answers as a C function of CPython must: a panic becomes SystemError.
pub fn trampoline(run: impl FnOnce() -> PyResult<Owned>) -> *mut PyObject {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(object)) => object.into_ptr(),
        Ok(Err(_)) => ptr::null_mut(),
        Err(_) => {
            // SAFETY: attached; exception types live as long as the interpreter.
            unsafe {
                if PyErr_Occurred().is_null() {
                    raise(PyExc_SystemError, "libcloudpickle panicked");
                }
            }
            ptr::null_mut()
        }
    }
}
