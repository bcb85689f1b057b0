//! `str` objects as Rust text.

use std::borrow::Cow;

use pyo3_ffi::*;

use super::error::{self, PyResult};
use super::owned::Owned;

/// The text of a `str`, which lives as long as the object; raises UnicodeEncodeError for lone surrogates.
///
/// # Safety
/// `text` is a live `str` that outlives the result.
pub unsafe fn utf8<'a>(text: *mut PyObject) -> PyResult<&'a str> {
    let mut len = 0;
    // SAFETY: a live str; CPython keeps the encoded form in it.
    let data = unsafe { PyUnicode_AsUTF8AndSize(text, &mut len) };
    if data.is_null() {
        return Err(error::Raised);
    }
    // SAFETY: CPython's UTF-8 is valid, and is kept as long as the str.
    Ok(unsafe { std::str::from_utf8_unchecked(std::slice::from_raw_parts(data.cast(), len as usize)) })
}

/// A new `str`.
pub fn new(text: &str) -> PyResult<Owned> {
    // SAFETY: pointer and length of one str.
    unsafe { Owned::new(PyUnicode_FromStringAndSize(text.as_ptr().cast(), text.len() as Py_ssize_t)) }
}

/// `str(object)` for a message, whatever the object does: an exception in between is dropped, and those set before
/// stay.
///
/// # Safety
/// `object` is live, and no exception is set.
pub unsafe fn display(object: *mut PyObject) -> String {
    // SAFETY: live, as the caller says.
    unsafe { lossy(PyObject_Str(object)) }.unwrap_or_else(|| format!("<unprintable {} object>", unsafe_type_name(object)))
}

/// `repr(object)` for a message, likewise.
///
/// # Safety
/// `object` is live, and no exception is set.
pub unsafe fn repr(object: *mut PyObject) -> String {
    // SAFETY: live, as the caller says.
    unsafe { lossy(PyObject_Repr(object)) }.unwrap_or_else(|| format!("<unprintable {} object>", unsafe_type_name(object)))
}

fn unsafe_type_name<'a>(object: *mut PyObject) -> Cow<'a, str> {
    // SAFETY: both callers have a live object; a type's name lives as long as the type.
    unsafe { type_name(Py_TYPE(object)) }
}

/// `tp_name`: with the module for static types, without it for those that Python code made.
///
/// # Safety
/// `ty` is live and outlives the result.
pub unsafe fn type_name<'a>(ty: *mut PyTypeObject) -> Cow<'a, str> {
    // SAFETY: tp_name is NUL-terminated text of the type.
    unsafe { std::ffi::CStr::from_ptr((*ty).tp_name) }.to_string_lossy()
}

/// The text of a new reference to a str, surrogates replaced; None (and nothing set) for NULL.
///
/// # Safety
/// `text` is NULL with an exception set, or a `str` whose reference is handed over.
unsafe fn lossy(text: *mut PyObject) -> Option<String> {
    // SAFETY: as the caller says.
    let Some(text) = (unsafe { Owned::new_or_none(text) }) else {
        error::clear();
        return None;
    };
    // SAFETY: a live str, held by `text`; the encoded bytes are held by `bytes` while they are read.
    unsafe {
        let bytes = PyUnicode_AsEncodedString(text.as_ptr(), c"utf-8".as_ptr(), c"backslashreplace".as_ptr());
        let Some(bytes) = Owned::new_or_none(bytes) else {
            error::clear();
            return None;
        };
        let data = PyBytes_AsString(bytes.as_ptr()).cast::<u8>();
        let len = PyBytes_Size(bytes.as_ptr()) as usize;
        Some(String::from_utf8_lossy(std::slice::from_raw_parts(data, len)).into_owned())
    }
}
