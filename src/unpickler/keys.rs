//! Short keys of dicts that came lately, by their text: the same few come again and again, in one pickle and in the next,
//! and each is then neither made nor hashed again.

use std::cell::Cell;
use std::ptr;

use pyo3_ffi::{Py_INCREF, Py_XDECREF, PyObject};

use super::kept::is_shared;
use crate::py::error::PyResult;
use crate::py::layout::{Chars, chars};
use crate::py::owned::Owned;
use crate::py::words::{equal, word};

/// A power of two.
const SLOTS: usize = 512;
/// Longer ones are made each time.
const LONGEST: usize = 40;
/// After so many that were not there, one after the other, a load asks no more.
const PATIENCE: u32 = 256;

/// One key a slot, the last that came.
pub struct Keys {
    /// References to ASCII `str` objects, or NULL.
    slots: [Cell<*mut PyObject>; SLOTS],
}

impl Default for Keys {
    fn default() -> Self {
        Self { slots: [const { Cell::new(ptr::null_mut()) }; SLOTS] }
    }
}

impl Keys {
    /// The `str` of a text, made if it is not here. `misses` counts for one load, from 0 on.
    #[inline]
    pub fn get(&self, data: &[u8], misses: &mut u32, make: impl FnOnce() -> PyResult<Owned>) -> PyResult<Owned> {
        if is_shared() || !(1..=LONGEST).contains(&data.len()) || *misses >= PATIENCE {
            return make();
        }
        let slot = &self.slots[place(data)];
        let there = slot.get();
        // SAFETY: the slot's `str` is live.
        if !there.is_null() && is(there, data) {
            *misses = 0;
            return Ok(Owned::of(there));
        }
        *misses += 1;
        let made = make()?;
        if let Chars::Ascii(_) = chars(made.as_ptr()) {
            // SAFETY: the slot gets a reference of its own; the old one's is dropped when nothing leads to it.
            unsafe {
                Py_INCREF(made.as_ptr());
                Py_XDECREF(slot.replace(made.as_ptr()));
            }
        }
        Ok(made)
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        for slot in &self.slots {
            // SAFETY: the slot's reference.
            unsafe { Py_XDECREF(slot.replace(ptr::null_mut())) };
        }
    }
}

#[inline(always)]
fn is(key: *mut PyObject, data: &[u8]) -> bool {
    match chars(key) {
        Chars::Ascii(there) => there.len() == data.len() && equal(there, data),
        _ => false,
    }
}

/// Where a text of 1 to `LONGEST` bytes may be.
#[inline(always)]
fn place(data: &[u8]) -> usize {
    let (start, len) = (data.as_ptr(), data.len());
    // SAFETY: words within the text.
    let (first, last) = unsafe {
        match len {
            8.. => (word(start), word(start.add(len - 8))),
            4.. => {
                (start.cast::<u32>().read_unaligned().into(), start.add(len - 4).cast::<u32>().read_unaligned().into())
            }
            _ => (u64::from(data[0]), u64::from(data[len / 2]) << 8 | u64::from(data[len - 1])),
        }
    };
    let mixed = (first ^ last.rotate_left(23)).wrapping_add(len as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> (64 - SLOTS.ilog2())) as usize
}
