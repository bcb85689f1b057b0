//! Names of attributes that came lately, with their interned equals: where many objects of a class are loaded, the same
//! few `str` objects would be looked for in CPython's table each time.

use std::cell::Cell;
use std::ptr;

use pyo3_ffi::{Py_XDECREF, PyObject};

use super::kept::is_shared;
use crate::py::layout::is_interned;
use crate::py::owned::Owned;
use crate::py::text;

/// A power of two.
const SLOTS: usize = 64;

/// One name a slot, the last that came: references to a name and to its equal, or NULL.
pub struct Interned {
    slots: [[Cell<*mut PyObject>; 2]; SLOTS],
}

impl Default for Interned {
    fn default() -> Self {
        Self { slots: [const { [const { Cell::new(ptr::null_mut()) }; 2] }; SLOTS] }
    }
}

impl Interned {
    /// As `text::interned`.
    #[inline]
    pub fn of(&self, name: Owned) -> Owned {
        if is_shared() {
            return text::interned(name);
        }
        if is_interned(name.as_ptr()) {
            return name;
        }
        // Where objects lie, the low four bits say nothing.
        let [known, equal] = &self.slots[(name.as_ptr() as usize >> 4) % SLOTS];
        if known.get() == name.as_ptr() {
            return Owned::of(equal.get());
        }
        let interned = text::interned(name.clone());
        if interned.as_ptr() != name.as_ptr() {
            for (slot, new) in [(known, name), (equal, interned.clone())] {
                // SAFETY: the slot's old reference, which nothing leads to any more.
                unsafe { Py_XDECREF(slot.replace(new.into_ptr())) };
            }
        }
        interned
    }
}

impl Drop for Interned {
    fn drop(&mut self) {
        for slot in self.slots.iter().flatten() {
            // SAFETY: the slot's reference.
            unsafe { Py_XDECREF(slot.replace(ptr::null_mut())) };
        }
    }
}
