//! The one way in. Every door that touches Python goes through [`enter`], every other one through
//! [`guard`](super::guard::guard).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use pyo3_ffi::*;

use super::error::cp_error;
use super::failure::Failure;
use super::raised::exception_for;
use super::status::cp_status;
use super::status::cp_status_value::*;
use crate::py::attach::{self, Absent, Entry};
use crate::py::error::{self, Aside};
use crate::py::message::message;

/// Whose business the GIL is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gil {
    /// Taken unless the caller holds it.
    Auto,
    /// The caller says that it holds it.
    Held,
}

/// Runs a door: first its arguments are looked at, without Python; then, attached to the interpreter, its body runs.
/// A failure goes where the header says: to `*err`, or is left set as the exception of a caller that is attached, or
/// is dropped. An exception that was set before stays set, or becomes the context of the new one.
#[expect(
    clippy::not_unsafe_ptr_arg_deref,
    reason = "err is NULL or can be written: the header asks it of every caller"
)]
pub fn enter<A>(
    err: *mut *mut cp_error,
    arguments: impl FnOnce() -> Result<(Gil, A), Failure>,
    body: impl FnOnce(A) -> Result<(), Failure>,
) -> cp_status {
    if !err.is_null() {
        // SAFETY: the header asks for NULL or a place that can be written.
        unsafe { *err = ptr::null_mut() };
    }
    let (gil, arguments) = match caught(arguments) {
        Ok(arguments) => arguments,
        Err(failure) => return refuse(&failure, err),
    };
    let entry = match Entry::new() {
        Ok(entry) => entry,
        Err(absent) => {
            drop(arguments);
            return refuse(&absent.into(), err);
        }
    };
    let attached = gil == Gil::Held || attach::attached();
    let _gil = (!attached).then(|| attach::Gil::take(&entry));
    let before = Aside::put();
    let outcome = caught(|| body(arguments));
    let kept = match &outcome {
        Ok(()) => false,
        Err(failure) => tell(failure, err, attached),
    };
    match before {
        Some(before) if kept => before.into_context(),
        Some(before) => before.back(),
        None => {}
    }
    outcome.map_or_else(|failure| failure.status, |()| CP_OK) as cp_status
}

/// The answer of a piece of a door; a panic is a bug of ours, and said so.
fn caught<T>(body: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str);
        let words = words.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("of an unknown kind");
        Err(Failure::new(CP_ERR_INTERNAL, message!("a bug in libcloudpickle: panic: {words}")))
    })
}

/// Says a failure from inside; answers whether an exception was left set for the caller.
fn tell(failure: &Failure, err: *mut *mut cp_error, attached: bool) -> bool {
    // A failure in words may have left an exception on its way, most of all a panic: the words are what counts.
    let exception = error::take();
    let raised = if failure.message.is_none() { exception } else { None };
    if err.is_null() {
        if attached {
            match (raised, &failure.message) {
                (Some(exception), _) => error::restore(exception),
                (None, message) => error::raise(
                    exception_for(failure.status),
                    message.as_deref().unwrap_or("a failure without an exception"),
                ),
            };
        }
        return attached;
    }
    let report = match raised {
        Some(exception) => cp_error::of_exception(failure, &exception),
        None => cp_error::of_words(failure),
    };
    // SAFETY: the header asks for NULL or a place that can be written.
    unsafe { *err = report };
    false
}

/// Says a failure of a call that did not get as far as Python.
#[cold]
fn refuse(failure: &Failure, err: *mut *mut cp_error) -> cp_status {
    if !err.is_null() {
        // SAFETY: the header asks for NULL or a place that can be written.
        unsafe { *err = cp_error::of_words(failure) };
    } else {
        match Entry::new() {
            Ok(_) | Err(Absent::Finalizing) if attach::attached() => {
                let before = Aside::put();
                tell(failure, err, true);
                if let Some(before) = before {
                    before.into_context();
                }
            }
            // Of another version only this much is called, which has been the same in all of them.
            // SAFETY: the first two may be called in any thread while Python runs; an exception is only raised if the
            // thread holds the GIL; NUL-terminated text.
            Err(Absent::Incompatible) if attach::is_initialized() => unsafe {
                if !PyGILState_GetThisThreadState().is_null() && PyGILState_Check() != 0 {
                    let words = error::c_text(failure.message.as_deref().unwrap_or_default());
                    PyErr_SetString(PyExc_RuntimeError, words.as_ptr());
                }
            },
            _ => {}
        }
    }
    failure.status as cp_status
}
