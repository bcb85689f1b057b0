//! Short keys of dicts that came lately, so that the few that come again and again are neither made nor hashed again.
//!
//! A key that nobody but this table holds, and that is not interned, is as good as a new one. Beyond that, equal keys of
//! the dicts of one pickle are one object, where C pickle makes several, and what was loaded may be dumped in fewer bytes
//! for it. Which of them are depends on the pickle alone, and not on what was loaded before.

use std::cell::Cell;
use std::ptr;

use pyo3_ffi::{Py_XDECREF, PyObject};

use super::kept::is_shared;
use crate::py::error::PyResult;
use crate::py::layout::{Chars, chars, is_interned, unique};
use crate::py::owned::Owned;
use crate::py::words::{equal, word};

/// A power of two.
const SLOTS: usize = 512;
/// Longer ones are made each time.
const LONGEST: usize = 40;

/// One key a slot, the last that came.
pub struct Keys {
    slots: [Slot; SLOTS],
}

struct Slot {
    /// A reference to an ASCII `str`, or NULL.
    key: Cell<*mut PyObject>,
    /// The load that used it last.
    load: Cell<usize>,
}

impl Default for Keys {
    fn default() -> Self {
        Self { slots: [const { Slot { key: Cell::new(ptr::null_mut()), load: Cell::new(0) } }; SLOTS] }
    }
}

impl Keys {
    /// The `str` of a key, in a load of this number.
    #[inline(always)]
    pub fn get(&self, data: &[u8], load: usize, make: impl FnOnce() -> PyResult<Owned>) -> PyResult<Owned> {
        if is_shared() || !(1..=LONGEST).contains(&data.len()) {
            return make();
        }
        let slot = &self.slots[place(data)];
        let there = slot.key.get();
        if is(there, data) && !is_interned(there) && (unique(there) || slot.load.get() == load) {
            slot.load.set(load);
            return Ok(Owned::of(there));
        }
        let key = make()?;
        if let Chars::Ascii(_) = chars(key.as_ptr()) {
            slot.load.set(load);
            // SAFETY: the slot's old reference, which nothing leads to any more.
            unsafe { Py_XDECREF(slot.key.replace(key.clone().into_ptr())) };
        }
        Ok(key)
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        for slot in &self.slots {
            // SAFETY: the slot's reference.
            unsafe { Py_XDECREF(slot.key.replace(ptr::null_mut())) };
        }
    }
}

#[inline(always)]
fn is(key: *mut PyObject, data: &[u8]) -> bool {
    !key.is_null() && matches!(chars(key), Chars::Ascii(there) if there.len() == data.len() && equal(there, data))
}

/// Where a text of 1 to `LONGEST` bytes may be.
#[inline(always)]
pub fn place(data: &[u8]) -> usize {
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
