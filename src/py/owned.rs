//! One strong reference.

use std::ptr::NonNull;

use pyo3_ffi::{Py_DECREF, Py_INCREF, PyObject};

use super::error::{PyResult, Raised};

/// One strong reference to a Python object; dropped with the GIL held, as everything in this crate that touches
/// Python.
#[derive(Debug)]
#[repr(transparent)]
pub struct Owned(NonNull<PyObject>);

// SAFETY: a reference may be dropped by any thread that is attached to the interpreter, and values of this type are
// only reached by such threads: they hang on the interpreter's state or on the stack of a call.
unsafe impl Send for Owned {}
// SAFETY: as above; nothing is read through a shared `&Owned` but the pointer.
unsafe impl Sync for Owned {}

impl Owned {
    /// Takes over a new reference, or says that the call that should have made it raised.
    ///
    /// # Safety
    /// `ptr` is a reference that the caller owns, or NULL with an exception set.
    #[inline]
    pub unsafe fn new(ptr: *mut PyObject) -> PyResult<Self> {
        NonNull::new(ptr).map(Self).ok_or(Raised)
    }

    /// Takes over a new reference that may be absent without an exception.
    ///
    /// # Safety
    /// `ptr` is NULL or a reference that the caller owns.
    #[inline]
    pub unsafe fn new_or_none(ptr: *mut PyObject) -> Option<Self> {
        NonNull::new(ptr).map(Self)
    }

    /// Takes over a reference that is there.
    ///
    /// # Safety
    /// `ptr` is a reference that the caller owns.
    #[inline]
    pub unsafe fn new_unchecked(ptr: *mut PyObject) -> Self {
        // SAFETY: a live object has an address.
        Self(unsafe { NonNull::new_unchecked(ptr) })
    }

    /// Adds a reference to a borrowed object.
    #[inline]
    pub fn of(ptr: *mut PyObject) -> Self {
        // SAFETY: live.
        unsafe { Py_INCREF(ptr) };
        // SAFETY: a live object has an address.
        Self(unsafe { NonNull::new_unchecked(ptr) })
    }

    /// A reference to an object that never dies from CPython 3.12 on, so that none need be counted (PEP 683).
    ///
    /// # Safety
    /// The object is `None`, a bool, the empty tuple, an int of those that all versions share, or a `str` of one latin-1
    /// character as CPython shares it.
    #[inline(always)]
    pub unsafe fn of_immortal(ptr: *mut PyObject) -> Self {
        if cfg!(Py_3_12) {
            // SAFETY: a live object has an address.
            Self(unsafe { NonNull::new_unchecked(ptr) })
        } else {
            Self::of(ptr)
        }
    }

    /// Lends the object.
    #[inline]
    pub fn as_ptr(&self) -> *mut PyObject {
        self.0.as_ptr()
    }

    /// Gives the reference away.
    #[inline]
    pub fn into_ptr(self) -> *mut PyObject {
        let ptr = self.0.as_ptr();
        std::mem::forget(self);
        ptr
    }
}

impl Clone for Owned {
    fn clone(&self) -> Self {
        Self::of(self.as_ptr())
    }
}

impl Drop for Owned {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the reference is ours and is not used again.
        unsafe { Py_DECREF(self.0.as_ptr()) }
    }
}
