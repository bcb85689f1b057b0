//! What the unpickler keeps from one load to the next, for one interpreter.

use std::cell::Cell;

use pyo3_ffi::{PyDict_New, PyObject};

use super::codes::Codes;
use super::directory::Directory;
use super::interned::Interned;
use super::keys::Keys;
use super::named::Samples;
use super::names::Names;
use super::promises::What;
use super::shapes::Shapes;
use super::states::Opened;
use crate::py::error::PyResult;
use crate::py::fresh::Fresh;
use crate::py::owned::Owned;

/// Vectors of more bytes than this are not kept: as many as a load of some ten thousand objects needs.
const SPARE: usize = 256 * 1024;

pub struct Kept {
    pub names: Names,
    pub fresh: Fresh,
    pub keys: Keys,
    pub codes: Codes,
    pub interned: Interned,
    pub directory: Directory,
    pub shapes: Shapes,
    pub samples: Samples,
    /// An empty dict, which stays empty.
    pub stand_in: Owned,
    /// Counts loads, from 1 on.
    loads: Cell<usize>,
    /// Empty vectors that have room.
    pub stack: Cell<Vec<*mut PyObject>>,
    pub memo: Cell<Vec<*mut PyObject>>,
    pub promised: Cell<Vec<*mut PyObject>>,
    pub promises: Cell<Vec<(u32, What)>>,
    pub opened: Cell<Vec<Opened>>,
    pub marks: Cell<Vec<usize>>,
}

// SAFETY: reached by threads that are attached to the interpreter. With a GIL there is one of them at a time, and no
// other code runs between the steps of a change; without one, nothing changes after it was made, see `is_shared`.
unsafe impl Sync for Kept {}
// SAFETY: as above.
unsafe impl Send for Kept {}

/// May several threads be attached at once? Then nothing is kept that changes.
pub const fn is_shared() -> bool {
    cfg!(Py_GIL_DISABLED)
}

impl Kept {
    pub fn new() -> PyResult<Self> {
        Ok(Self {
            names: Names::new()?,
            fresh: Fresh::new()?,
            keys: Keys::default(),
            codes: Codes::default(),
            interned: Interned::default(),
            directory: Directory::default(),
            shapes: Shapes::default(),
            samples: Samples::default(),
            // SAFETY: attached; a new reference.
            stand_in: unsafe { Owned::new(PyDict_New())? },
            loads: Cell::new(0),
            stack: Cell::default(),
            memo: Cell::default(),
            promised: Cell::default(),
            promises: Cell::default(),
            opened: Cell::default(),
            marks: Cell::default(),
        })
    }

    /// The number of a load that begins.
    pub fn next_load(&self) -> usize {
        if !is_shared() {
            self.loads.set(self.loads.get().wrapping_add(1).max(1));
        }
        self.loads.get()
    }

    /// An empty vector, mostly one that has room.
    pub fn take<T>(spare: &Cell<Vec<T>>) -> Vec<T> {
        if is_shared() { Vec::new() } else { spare.take() }
    }

    /// Keeps an empty vector for the next load.
    pub fn put_back<T>(spare: &Cell<Vec<T>>, vector: Vec<T>) {
        debug_assert!(vector.is_empty());
        if !is_shared() && vector.capacity() * size_of::<T>() <= SPARE {
            spare.set(vector);
        }
    }
}
