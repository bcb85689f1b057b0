//! errors

use std::borrow::Cow;
use std::ffi::{CStr, CString, c_char};
use std::mem::{MaybeUninit, transmute};
use std::ptr;

use pyo3_ffi::*;

use super::failure::Failure;
use super::guard::guard;
use super::status::cp_status_value::{self, *};
use super::status::{STATUSES, cp_status};
use crate::py::error;
use crate::py::message::message;
use crate::py::object::attr;
use crate::py::owned::Owned;
use crate::py::text;
use crate::state::State;

/// An immutable report of one failure. It holds no reference to a Python object, so that it outlives the interpreter
/// and needs no GIL. All getters accept NULL, and then say "no error".
pub struct cp_error {
    status: cp_status_value,
    code: i64,
    message: Cow<'static, CStr>,
    python_type: Option<CString>,
    traceback: Option<CString>,
    path: Option<CString>,
}

/// What failed. [GIL none] Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cp_error_status(err: *const cp_error) -> cp_status {
    // SAFETY: NULL, or a report that was not freed.
    guard(CP_ERR_INTERNAL as cp_status, || unsafe { err.as_ref() }.map_or(CP_OK, |err| err.status) as cp_status)
}

/// errno, or what the callback returned, or 0. [GIL none] Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cp_error_code(err: *const cp_error) -> i64 {
    // SAFETY: NULL, or a report that was not freed.
    guard(0, || unsafe { err.as_ref() }.map_or(0, |err| err.code))
}

/// What happened, in words; never NULL. For a Python exception: str(exception), or its type if that is empty.
/// [GIL none] Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cp_error_message(err: *const cp_error) -> *const c_char {
    // SAFETY: NULL, or a report that was not freed.
    guard(c"".as_ptr(), || unsafe { err.as_ref() }.map_or(c"no error", |err| &err.message).as_ptr())
}

/// "module.QualName" of the Python exception's type, e.g. "_pickle.PicklingError"; NULL if there was no exception.
/// [GIL none] Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cp_error_python_type(err: *const cp_error) -> *const c_char {
    guard(ptr::null(), || {
        // SAFETY: NULL, or a report that was not freed.
        let name = unsafe { err.as_ref() }.and_then(|err| err.python_type.as_ref());
        name.map_or(ptr::null(), |name| name.as_ptr())
    })
}

/// The formatted traceback, causes included; NULL if there was no exception. [GIL none] Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cp_error_traceback(err: *const cp_error) -> *const c_char {
    guard(ptr::null(), || {
        // SAFETY: NULL, or a report that was not freed.
        let text = unsafe { err.as_ref() }.and_then(|err| err.traceback.as_ref());
        text.map_or(ptr::null(), |text| text.as_ptr())
    })
}

/// Where in the object that was dumped the culprit lies, e.g. "obj.conf['db'][3].pool"; NULL if it is the object itself,
/// or if no object is to blame. Most messages end with it. [GIL none] Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cp_error_path(err: *const cp_error) -> *const c_char {
    guard(ptr::null(), || {
        // SAFETY: NULL, or a report that was not freed.
        let path = unsafe { err.as_ref() }.and_then(|err| err.path.as_ref());
        path.map_or(ptr::null(), |path| path.as_ptr())
    })
}

/// Ends a report. NULL is accepted. [GIL none] Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cp_error_free(err: *mut cp_error) {
    guard((), || {
        if !err.is_null() && !SHORT.iter().any(|short| ptr::eq(err, short)) {
            // SAFETY: a report that `report` made, freed once, as the header asks.
            drop(unsafe { Box::from_raw(err) });
        }
    });
}

/// What is reported where there is no memory for a report: one for each status.
static SHORT: [cp_error; STATUSES.len()] = {
    let mut reports = [const { MaybeUninit::uninit() }; STATUSES.len()];
    let mut i = 0;
    while i < reports.len() {
        let status = STATUSES[i].0;
        let message = match status {
            CP_ERR_NO_MEMORY => c"out of memory",
            _ => c"there is no memory to say what failed",
        };
        let message = Cow::Borrowed(message);
        reports[i] =
            MaybeUninit::new(cp_error { status, code: 0, message, python_type: None, traceback: None, path: None });
        i += 1;
    }
    // SAFETY: each was written.
    unsafe { transmute(reports) }
};

/// C text of a string that may have NULs inside; without memory, None.
fn c_text(text: &str) -> Option<CString> {
    let nuls = text.bytes().filter(|byte| *byte == 0).count();
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(text.len() + nuls + 1).ok()?;
    for byte in text.bytes() {
        if byte == 0 {
            bytes.extend_from_slice(b"\\0");
        } else {
            bytes.push(byte);
        }
    }
    CString::new(bytes).ok()
}

impl cp_error {
    /// The report of a failure that there is no memory to describe.
    fn short(status: cp_status_value) -> *mut Self {
        let report = SHORT.iter().find(|report| report.status as cp_status == status as cp_status);
        ptr::from_ref(report.unwrap_or(&SHORT[0])).cast_mut()
    }

    /// A report on the heap, for the caller to free.
    fn into_raw(self) -> *mut Self {
        let layout = std::alloc::Layout::new::<Self>();
        // SAFETY: a report is not of size 0. The memory is new, fits, and is freed as the box that it is a copy of.
        unsafe {
            let place = std::alloc::alloc(layout).cast::<Self>();
            if place.is_null() {
                return Self::short(self.status);
            }
            place.write(self);
            place
        }
    }

    /// The report of a failure that no Python exception says.
    pub(super) fn of_words(failure: &Failure) -> *mut Self {
        match c_text(failure.message.as_deref().unwrap_or("a failure without an exception")) {
            Some(message) => Self {
                status: failure.status,
                code: failure.code,
                message: Cow::Owned(message),
                python_type: None,
                traceback: None,
                path: None,
            }
            .into_raw(),
            None => Self::short(failure.status),
        }
    }

    /// The report of an exception. Attached, with no exception set; none is set afterwards.
    pub(super) fn of_exception(failure: &Failure, exception: &Owned) -> *mut Self {
        let python_type = type_name(exception);
        let mut message = text::display(exception.as_ptr());
        if message.is_empty() {
            message = message!("{python_type}");
        }
        match (c_text(&message), c_text(&python_type)) {
            (Some(message), Some(python_type)) => Self {
                status: failure.status,
                code: failure.code,
                message: Cow::Owned(message),
                python_type: Some(python_type),
                traceback: traceback(exception),
                path: failure.path.as_deref().and_then(c_text),
            }
            .into_raw(),
            _ => Self::short(failure.status),
        }
    }
}

/// "module.QualName" of an exception's type.
fn type_name(exception: &Owned) -> String {
    // SAFETY: live, held by the caller.
    let ty = unsafe { Py_TYPE(exception.as_ptr()) };
    let long = State::get().and_then(|state| {
        let module = attr(ty.cast(), state.names.module.as_ptr())?;
        let name = attr(ty.cast(), state.names.qualname.as_ptr())?;
        Ok(message!("{}.{}", text::display(module.as_ptr()), text::display(name.as_ptr())))
    });
    long.unwrap_or_else(|_| {
        error::clear();
        message!("{}", text::type_name(ty))
    })
}

/// What `traceback.format_exception` says, in one piece; None if that fails, as it may without memory.
fn traceback(exception: &Owned) -> Option<CString> {
    let lines = State::get().and_then(|state| {
        let format = state.imports.format_exception()?;
        // SAFETY: live objects: the type of a live exception, the exception, and its traceback or None; the list ends
        // with NULL. The calls answer new references or NULL.
        unsafe {
            let exception = exception.as_ptr();
            let trace = Owned::new_or_none(PyException_GetTraceback(exception));
            let trace = trace.as_ref().map_or_else(|| Py_None(), Owned::as_ptr);
            let end = ptr::null_mut::<PyObject>();
            let ty = Py_TYPE(exception).cast::<PyObject>();
            let lines = Owned::new(PyObject_CallFunctionObjArgs(format, ty, exception, trace, end))?;
            let nothing = text::new("")?;
            Owned::new(PyUnicode_Join(nothing.as_ptr(), lines.as_ptr()))
        }
    });
    match lines {
        Ok(text) => c_text(&text::display(text.as_ptr())),
        Err(_) => {
            error::clear();
            None
        }
    }
}
