//! Numbers to objects.

use pyo3_ffi::*;

use super::error::PyResult;
use super::owned::Owned;

#[inline]
pub fn from_i64(value: i64) -> PyResult<Owned> {
    // SAFETY: attached; a new reference.
    unsafe { Owned::new(PyLong_FromLongLong(value)) }
}

#[inline]
pub fn from_f64(value: f64) -> PyResult<Owned> {
    // SAFETY: attached; a new reference.
    unsafe { Owned::new(PyFloat_FromDouble(value)) }
}

/// An int of little-endian bytes in two's complement; no bytes are 0.
pub fn from_le_bytes(bytes: &[u8]) -> PyResult<Owned> {
    if bytes.len() <= 8 {
        let negative = bytes.last().is_some_and(|last| last & 0x80 != 0);
        let mut wide = [if negative { 0xff } else { 0 }; 8];
        wide[..bytes.len()].copy_from_slice(bytes);
        return from_i64(i64::from_le_bytes(wide));
    }
    // SAFETY: pointer and length of one slice; a new reference.
    unsafe {
        #[cfg(Py_3_13)]
        return Owned::new(PyLong_FromNativeBytes(bytes.as_ptr().cast(), bytes.len(), 1));
        #[cfg(not(Py_3_13))]
        return Owned::new(_PyLong_FromByteArray(bytes.as_ptr(), bytes.len(), 1, 1));
    }
}
