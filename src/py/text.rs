//! `str` objects as Rust text.

use std::borrow::Cow;

use pyo3_ffi::*;

use super::error::{self, PyResult};
use super::layout::{Chars, chars, is_interned};
use super::message::{self, lossy, message};
use super::owned::Owned;

/// The text of a `str`, which lives as long as the object; raises UnicodeEncodeError for lone surrogates.
pub fn utf8<'a>(text: *mut PyObject) -> PyResult<&'a str> {
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

/// Has an exact `str` a dot in it?
pub fn has_dot(text: *mut PyObject) -> bool {
    if let Chars::Ascii(text) = chars(text) {
        return text.contains(&b'.');
    }
    // SAFETY: a live str; -1 is "not found", -2 an exception, which does not come for an exact str.
    unsafe { PyUnicode_FindChar(text, '.' as u32, 0, PyUnicode_GetLength(text), 1) >= 0 }
}

/// Does an exact `str` begin with two underscores?
#[inline]
pub fn is_dunder(text: *mut PyObject) -> bool {
    match chars(text) {
        Chars::Ascii(data) | Chars::One(data) | Chars::Utf8(data) => data.starts_with(b"__"),
        Chars::Two(data) => data.starts_with(&[0x5f, 0x5f]),
        Chars::Four(data) => data.starts_with(&[0x5f, 0x5f]),
        // SAFETY: an exact str; both characters are there.
        Chars::Legacy => unsafe {
            let underscore = u32::from(b'_');
            PyUnicode_GetLength(text) >= 2
                && PyUnicode_ReadChar(text, 0) == underscore
                && PyUnicode_ReadChar(text, 1) == underscore
        },
    }
}

/// Is a `str` this text, which is ASCII?
#[inline]
pub fn is(text: *mut PyObject, other: &std::ffi::CStr) -> bool {
    match chars(text) {
        Chars::Ascii(text) => text == other.to_bytes(),
        // SAFETY: a live str.
        Chars::Legacy => unsafe { PyUnicode_CompareWithASCIIString(text, other.as_ptr()) == 0 },
        _ => false,
    }
}

/// Text that was put together, or MemoryError.
pub fn whole(arguments: std::fmt::Arguments<'_>) -> PyResult<String> {
    message::whole(arguments).ok_or_else(error::no_memory)
}

/// The interned `str`.
pub fn intern(text: &str) -> PyResult<Owned> {
    let mut name = new(text)?.into_ptr();
    // SAFETY: a new str that only we hold; the call may exchange it for its equal.
    unsafe {
        PyUnicode_InternInPlace(&mut name);
        Owned::new(name)
    }
}

/// `str(object)` for a message, whatever the object does: an exception in between is dropped, and one set before stays.
pub fn display(object: *mut PyObject) -> String {
    shown(object, PyObject_Str)
}

/// `repr(object)` for a message, likewise.
pub fn repr(object: *mut PyObject) -> String {
    shown(object, PyObject_Repr)
}

/// `tp_name`: with the module for static types, without it for those that Python code made.
pub fn type_name<'a>(ty: *mut PyTypeObject) -> Cow<'a, str> {
    // SAFETY: tp_name is NUL-terminated text of the type.
    lossy(unsafe { std::ffi::CStr::from_ptr((*ty).tp_name) }.to_bytes())
}

/// The name of a type with its module, as CPython's `%T` shows it from 3.14 on; before, as `type_name`.
pub fn full_type_name(ty: *mut PyTypeObject) -> String {
    #[cfg(Py_3_14)]
    // SAFETY: a live type; a new reference or NULL with an exception.
    match unsafe { Owned::new(PyType_GetFullyQualifiedName(ty)) } {
        Ok(name) => return display(name.as_ptr()),
        Err(_) => error::clear(),
    }
    message!("{}", type_name(ty))
}

/// What `str` or `repr` says of an object; surrogates are escaped.
fn shown(object: *mut PyObject, show: unsafe extern "C" fn(*mut PyObject) -> *mut PyObject) -> String {
    // Neither may be called with an exception set.
    let before = error::take();
    // SAFETY: live; NULL with an exception, or a new reference.
    let encoded = unsafe { Owned::new(show(object)) }.and_then(|text| {
        // SAFETY: a live str; a new reference or NULL with an exception.
        unsafe { Owned::new(PyUnicode_AsEncodedString(text.as_ptr(), c"utf-8".as_ptr(), c"backslashreplace".as_ptr())) }
    });
    let text = match encoded {
        Ok(bytes) => {
            // SAFETY: live bytes, held by `bytes` while they are read.
            let data = unsafe {
                let data = PyBytes_AsString(bytes.as_ptr()).cast::<u8>();
                std::slice::from_raw_parts(data, PyBytes_Size(bytes.as_ptr()) as usize)
            };
            message!("{}", lossy(data))
        }
        Err(_) => {
            error::clear();
            // SAFETY: live.
            message!("<unprintable {} object>", type_name(unsafe { Py_TYPE(object) }))
        }
    };
    if let Some(before) = before {
        error::restore(before);
    }
    text
}

/// A `str` as pickles write it: UTF-8 in which lone surrogates are encoded too.
#[inline]
pub fn from_pickle(data: &[u8]) -> PyResult<Owned> {
    // Shorter ones are shared by CPython.
    if data.len() > 1 && data.is_ascii() {
        // SAFETY: a new compact ASCII str has this many bytes after its header.
        unsafe {
            let text = Owned::new(PyUnicode_New(data.len() as Py_ssize_t, 127))?;
            let start = text.as_ptr().cast::<PyASCIIObject>().add(1).cast::<u8>();
            std::ptr::copy_nonoverlapping(data.as_ptr(), start, data.len());
            return Ok(text);
        }
    }
    let (start, len) = (data.as_ptr().cast(), data.len() as Py_ssize_t);
    // SAFETY: pointer and length of one slice; a new reference.
    unsafe { Owned::new(PyUnicode_DecodeUTF8(start, len, c"surrogatepass".as_ptr())) }
}

/// The text of a `str` if it has only ASCII characters.
#[inline]
pub fn ascii<'a>(text: *mut PyObject) -> Option<&'a str> {
    utf8(text).map_or_else(
        |_| {
            error::clear();
            None
        },
        |text| text.is_ascii().then_some(text),
    )
}

/// The interned equal of an exact `str`; anything else as it is.
#[inline]
pub fn interned(key: Owned) -> Owned {
    if is_interned(key.as_ptr()) {
        return key;
    }
    // SAFETY: live; the call takes our reference over and leaves one to its answer, which is never NULL.
    unsafe {
        if PyUnicode_CheckExact(key.as_ptr()) == 0 {
            return key;
        }
        let mut pointer = key.into_ptr();
        PyUnicode_InternInPlace(&mut pointer);
        Owned::new_unchecked(pointer)
    }
}

/// A `str` of UTF-8 from outside; raises UnicodeDecodeError.
pub fn from_utf8(data: &[u8]) -> PyResult<Owned> {
    let (start, len) = (data.as_ptr().cast(), data.len() as Py_ssize_t);
    // SAFETY: pointer and length of one slice; a new reference.
    unsafe { Owned::new(PyUnicode_DecodeUTF8(start, len, c"strict".as_ptr())) }
}

/// The text of an object if it is a `str` of ASCII characters.
pub fn ascii_of<'a>(object: *mut PyObject) -> Option<&'a str> {
    // SAFETY: live.
    if unsafe { PyUnicode_Check(object) } == 0 { None } else { ascii(object) }
}
