//! CPython's calls into us: a panic does not cross them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use pyo3_ffi::*;

use super::error::{PyResult, Raised, raise};
use super::owned::Owned;

/// Runs the body of a function that CPython calls; a panic becomes SystemError.
pub fn catch<T>(body: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
        // SAFETY: CPython calls with the GIL held; a type of the running interpreter.
        Err(raise(unsafe { PyExc_SystemError }, "a bug in libcloudpickle: panic"))
    })
}

/// The same for a function that answers an object.
pub fn object(body: impl FnOnce() -> PyResult<Owned>) -> *mut PyObject {
    catch(body).map_or_else(|Raised| ptr::null_mut(), Owned::into_ptr)
}
