//! Short keys of dicts and names in code that came lately, by their text: the same few come again and again, in one pickle and in the next,
//! and each is then neither made nor hashed again.

use std::cell::Cell;
use std::ptr;

use pyo3_ffi::{Py_XDECREF, PyObject};

use super::kept::is_shared;
use crate::py::layout::{Chars, chars};
use crate::py::owned::Owned;
use crate::py::words::{equal, word};

/// A power of two.
const SLOTS: usize = 512;
/// Longer ones are made each time.
const LONGEST: usize = 40;

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
    /// The `str` of a text, if it came lately; borrowed.
    #[inline(always)]
    pub fn find(&self, data: &[u8]) -> Option<*mut PyObject> {
        if is_shared() || !(1..=LONGEST).contains(&data.len()) {
            return None;
        }
        let there = self.slots[place(data)].get();
        (!there.is_null() && is(there, data)).then_some(there)
    }

    /// Keeps the `str` of a text, unless it is too long or not ASCII.
    pub fn keep(&self, text: &Owned) {
        let Chars::Ascii(data) = chars(text.as_ptr()) else { return };
        if is_shared() || !(1..=LONGEST).contains(&data.len()) {
            return;
        }
        // SAFETY: the slot's old reference, which nothing leads to any more.
        unsafe { Py_XDECREF(self.slots[place(data)].replace(text.clone().into_ptr())) };
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
