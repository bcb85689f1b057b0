//! `"".join(text)`, by which cloudpickle makes each name of a function or class an object of its own.

use pyo3_ffi::*;

use crate::pickler::engine::Pickler;
use crate::pickler::plan::{Place, Plan};
#[cfg(Py_GIL_DISABLED)]
use crate::py::contended;
use crate::py::error::PyResult;
use crate::py::layout::type_of;
use crate::py::owned::Owned;

/// A text that is joined.
pub enum Joined {
    /// An exact `str`: its characters in a new one.
    Of(Owned),
    /// What joining anything else gave.
    Made(Owned),
}

impl Joined {
    pub fn new(pickler: &mut Pickler<'_>, text: Owned) -> PyResult<Self> {
        if is_plain(text.as_ptr()) {
            return Ok(Self::Of(text));
        }
        pickler.foreign()?;
        join(text.as_ptr()).map(Self::Made)
    }

    pub fn write(&self, plan: &mut Plan<'_, '_>) -> PyResult<()> {
        match self {
            // Held by whoever had it, as what is not an exact str never is: see `Pickler::foreign`.
            Self::Of(text) => plan.fresh_text(text.as_ptr()),
            Self::Made(text) => plan.object(text.as_ptr(), Place::Hidden),
        }
    }
}

/// Is it an exact `str`?
pub fn is_plain(text: *mut PyObject) -> bool {
    type_of(text).cast_const() == &raw const PyUnicode_Type
}

/// Are all keys of a dict exact `str`?
pub fn has_plain_keys(dict: *mut PyObject) -> bool {
    #[cfg(Py_GIL_DISABLED)]
    {
        let mut position = 0;
        std::iter::from_fn(|| contended::dict_next(dict, &mut position)).all(|(key, _)| is_plain(key.as_ptr()))
    }
    #[cfg(not(Py_GIL_DISABLED))]
    {
        let (mut key, mut position) = (std::ptr::null_mut(), 0);
        // SAFETY: a live dict, which nothing changes meanwhile.
        while unsafe { PyDict_Next(dict, &mut position, &mut key, std::ptr::null_mut()) } != 0 {
            if !is_plain(key) {
                return false;
            }
        }
        true
    }
}

/// `"".join(text)` of any object. Runs foreign code.
pub fn join(text: *mut PyObject) -> PyResult<Owned> {
    // SAFETY: live; a new reference or an exception.
    unsafe {
        let empty = Owned::new(PyUnicode_FromStringAndSize(std::ptr::null(), 0))?;
        Owned::new(PyUnicode_Join(empty.as_ptr(), text))
    }
}
