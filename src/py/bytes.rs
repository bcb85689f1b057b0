//! `bytes`, `bytearray` and views.

use std::ptr;

use pyo3_ffi::*;

use super::error::{PyResult, Raised, check};
use super::object::attr;
use super::owned::Owned;
use super::pages::{HUGE, advise_huge};
use super::undeclared::_PyBytes_Resize;

/// Memory that is provided before anything of what is to fill it was seen.
const TRUST: usize = 1 << 20;

/// What fills memory with the next bytes, and its failure.
type Fill<'a, E> = &'a mut dyn FnMut(&mut [u8]) -> Result<(), E>;

/// `bytes` of a slice.
pub fn of(data: &[u8]) -> PyResult<Owned> {
    if data.len() >= HUGE {
        return large(data);
    }
    // SAFETY: pointer and length of one slice; a new reference.
    unsafe { Owned::new(PyBytes_FromStringAndSize(data.as_ptr().cast(), data.len() as Py_ssize_t)) }
}

#[cold]
fn large(data: &[u8]) -> PyResult<Owned> {
    // SAFETY: a new object of this length, filled before anyone sees it.
    unsafe {
        let object = Owned::new(PyBytes_FromStringAndSize(ptr::null(), data.len() as Py_ssize_t))?;
        let start = PyBytes_AsString(object.as_ptr()).cast::<u8>();
        advise_huge(start, data.len());
        ptr::copy_nonoverlapping(data.as_ptr(), start, data.len());
        Ok(object)
    }
}

/// The content of a `bytes` object, for as long as it lives.
pub fn content<'a>(bytes: *mut PyObject) -> &'a [u8] {
    // SAFETY: live bytes, as the caller says.
    unsafe { std::slice::from_raw_parts(PyBytes_AsString(bytes).cast(), PyBytes_Size(bytes) as usize) }
}

/// `bytes` of a length that only a source promised: its memory grows as the bytes come.
pub fn bytes<E: From<Raised>>(len: usize, fill: Fill<'_, E>) -> Result<Owned, E> {
    let mut have = len.min(TRUST);
    // SAFETY: a new object that only we hold until it is full; the slices lie in its memory.
    unsafe {
        let mut object = PyBytes_FromStringAndSize(ptr::null(), have as Py_ssize_t);
        let mut filled = 0;
        loop {
            if object.is_null() {
                return Err(Raised.into());
            }
            let start = PyBytes_AsString(object).cast::<u8>();
            if have >= HUGE {
                advise_huge(start, have);
            }
            if let Err(error) = fill(std::slice::from_raw_parts_mut(start.add(filled), have - filled)) {
                Py_DECREF(object);
                return Err(error);
            }
            if have == len {
                return Ok(Owned::new(object)?);
            }
            filled = have;
            have = len.min(have.saturating_mul(2));
            if _PyBytes_Resize(&mut object, have as Py_ssize_t) < 0 {
                return Err(Raised.into());
            }
        }
    }
}

/// A `bytearray`, likewise.
pub fn bytearray<E: From<Raised>>(len: usize, fill: Fill<'_, E>) -> Result<Owned, E> {
    let mut have = len.min(TRUST);
    // SAFETY: a new object that only we hold until it is full; the slices lie in its memory.
    unsafe {
        let object = Owned::new(PyByteArray_FromStringAndSize(ptr::null(), have as Py_ssize_t))?;
        let mut filled = 0;
        loop {
            let start = PyByteArray_AsString(object.as_ptr()).cast::<u8>();
            if have >= HUGE {
                advise_huge(start, have);
            }
            fill(std::slice::from_raw_parts_mut(start.add(filled), have - filled))?;
            if have == len {
                return Ok(object);
            }
            filled = have;
            have = len.min(have.saturating_mul(2));
            check(PyByteArray_Resize(object.as_ptr(), have as Py_ssize_t))?;
        }
    }
}

/// A read-only view of an object whose buffer may be written; None if it may not.
pub fn readonly_view(object: *mut PyObject) -> PyResult<Option<Owned>> {
    // SAFETY: live; what the calls return is new or NULL with an exception.
    unsafe {
        let view = Owned::new(PyMemoryView_FromObject(object))?;
        let name = super::text::new("readonly")?;
        if PyObject_IsTrue(attr(view.as_ptr(), name.as_ptr())?.as_ptr()) != 0 {
            return Ok(None);
        }
        let name = super::text::new("toreadonly")?;
        let method = attr(view.as_ptr(), name.as_ptr())?;
        Ok(Some(Owned::new(PyObject_CallNoArgs(method.as_ptr()))?))
    }
}
