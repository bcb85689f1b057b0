//! Checks of arguments, each by its name in the header.

use std::ffi::{CStr, c_char};

use pyo3_ffi::PyObject;

use super::failure::Failure;
use crate::py::message::message;

/// An object that must be there.
pub fn object(name: &str, object: *mut PyObject) -> Result<*mut PyObject, Failure> {
    if object.is_null() { Err(is_null(name)) } else { Ok(object) }
}

/// A place for a result, which is written at once, so that it holds something on every path.
///
/// # Safety
/// NULL, or a place that can be written.
pub unsafe fn out<T>(name: &str, place: *mut T, nothing: T) -> Result<*mut T, Failure> {
    if place.is_null() {
        return Err(is_null(name));
    }
    // SAFETY: as the caller says.
    unsafe { place.write(nothing) };
    Ok(place)
}

/// Text that must be there and be UTF-8.
///
/// # Safety
/// NULL, or NUL-terminated text that lives for `'a`.
pub unsafe fn text<'a>(name: &str, text: *const c_char) -> Result<&'a CStr, Failure> {
    if text.is_null() {
        return Err(is_null(name));
    }
    // SAFETY: as the caller says.
    let text = unsafe { CStr::from_ptr(text) };
    match text.to_str() {
        Ok(_) => Ok(text),
        Err(_) => Err(Failure::argument(message!("{name} is not UTF-8"))),
    }
}

/// A run of bytes.
///
/// # Safety
/// NULL with a length of 0, or so many bytes that live for `'a`.
pub unsafe fn bytes<'a>(name: &str, data: *const u8, len: usize) -> Result<&'a [u8], Failure> {
    if len == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(is_null(name));
    }
    if len > isize::MAX as usize {
        return Err(Failure::argument(message!("the length of {name} is {len}, more than an object can be long")));
    }
    // SAFETY: as the caller says.
    Ok(unsafe { std::slice::from_raw_parts(data, len) })
}

/// What is said of a NULL.
#[cold]
pub fn is_null(name: &str) -> Failure {
    Failure::argument(message!("{name} is NULL"))
}
