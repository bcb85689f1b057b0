//! Dicts with the keys of an earlier one, in its order: records. Such a dict gets a copy of the earlier one's table, in
//! which its values are put, instead of a table that is filled key by key.

use std::cell::Cell;
use std::ptr;

use pyo3_ffi::{Py_XDECREF, PyObject};

use super::kept::is_shared;
use crate::py::collections::update_dict;
use crate::py::dict::{self, Entries};
use crate::py::error::PyResult;
use crate::py::layout::is_interned;

/// A power of two.
const SLOTS: usize = 64;
/// How many keys pay.
const KEYS: std::ops::RangeInclusive<usize> = 3..=64;

/// One row of keys a slot, the last that came.
pub struct Shapes {
    slots: [Slot; SLOTS],
}

struct Slot {
    /// Tells rows of keys apart, mostly.
    fingerprint: Cell<usize>,
    /// The load in which the row came first.
    load: Cell<usize>,
    /// A reference to a dict with these keys and None as values, or NULL as long as the row came once only.
    template: Cell<*mut PyObject>,
}

impl Default for Shapes {
    fn default() -> Self {
        Self { slots: [const { Slot::new() }; SLOTS] }
    }
}

impl Shapes {
    /// Puts pairs into an exact dict, as one after the other would, in a load of this number.
    pub fn fill(&self, dict: *mut PyObject, pairs: &[*mut PyObject], load: usize) -> PyResult<()> {
        if is_shared() || !KEYS.contains(&(pairs.len() / 2)) || !dict::is_empty(dict) {
            return update_dict(dict, pairs);
        }
        let mut fingerprint = pairs.len();
        for pair in pairs.chunks_exact(2) {
            fingerprint = (fingerprint ^ pair[0] as usize).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
        }
        let slot = &self.slots[fingerprint % SLOTS];
        if slot.fingerprint.get() != fingerprint {
            slot.forget();
            slot.fingerprint.set(fingerprint);
            slot.load.set(load);
            return update_dict(dict, pairs);
        }
        let template = slot.template.get();
        if template.is_null() {
            update_dict(dict, pairs)?;
            // Other keys than names are left to those who hold them when the load is over, see `keys`.
            if slot.load.get() != load && !pairs.chunks_exact(2).all(|pair| is_interned(pair[0])) {
                slot.load.set(load);
                return Ok(());
            }
            if let Some(template) = dict::template(dict, pairs)? {
                slot.template.set(template.into_ptr());
            }
            return Ok(());
        }
        // Keys that are not those of the template have its fingerprint by chance, or lie where those lay.
        let same = Entries::of(template).is_some_and(|entries| entries.has_keys(pairs));
        if same && dict::fill_from(dict, template, pairs)? { Ok(()) } else { update_dict(dict, pairs) }
    }
}

impl Slot {
    const fn new() -> Self {
        Self { fingerprint: Cell::new(0), load: Cell::new(0), template: Cell::new(ptr::null_mut()) }
    }

    fn forget(&self) {
        // SAFETY: the slot's reference, which nothing leads to any more.
        unsafe { Py_XDECREF(self.template.replace(ptr::null_mut())) };
    }
}

impl Drop for Shapes {
    fn drop(&mut self) {
        self.slots.iter().for_each(Slot::forget);
    }
}
