//! What pickles named lately: pairs of a module and a name, each with the `str` objects under which `sys.modules` and the
//! module's dict have them. So neither the texts of a pickle are hashed nor are they compared with those of the dicts.
//!
//! That a name was found once says nothing about whether it is there now: the dicts are asked each time.

use std::cell::Cell;
use std::ptr;

use pyo3_ffi::*;

use super::kept::is_shared;
use super::keys;
use crate::py::error::clear;
use crate::py::layout::{ascii, type_of};
use crate::py::owned::Owned;
use crate::py::text;
use crate::py::words::equal;

/// A power of two.
const SLOTS: usize = 128;
/// Longer names are looked for as they are.
const LONGEST: usize = 40;
/// After so many pairs that are not the one in their slot, another one takes it.
const PATIENCE: u8 = 4;

/// One pair a slot, the last that was found.
pub struct Directory {
    slots: [Slot; SLOTS],
}

/// References, or NULL.
struct Slot {
    module: Cell<*mut PyObject>,
    name: Cell<*mut PyObject>,
    /// A function of ours, where the pair is the name of one.
    function: Cell<*mut PyObject>,
    /// How many other pairs are to come before one is kept instead.
    wait: Cell<u8>,
}

/// What a pair was.
pub enum Entry {
    Ours(Owned),
    Names(Owned, Owned),
}

impl Default for Directory {
    fn default() -> Self {
        let null = || Cell::new(ptr::null_mut());
        let slot = |_| Slot { module: null(), name: null(), function: null(), wait: Cell::new(0) };
        Self { slots: std::array::from_fn(slot) }
    }
}

impl Directory {
    /// Where a pair of exact `str` objects belongs.
    #[inline]
    fn slot(&self, module: *mut PyObject, name: *mut PyObject) -> Option<&Slot> {
        let exact = |text| type_of(text) == &raw mut PyUnicode_Type;
        if is_shared() || !exact(module) || !exact(name) {
            return None;
        }
        let (start, len) = ascii(name).filter(|(_, len)| (1..=LONGEST).contains(len))?;
        // SAFETY: the characters of a live str.
        let place = keys::place(unsafe { std::slice::from_raw_parts(start, len) });
        Some(&self.slots[(place ^ ascii(module)?.1) % SLOTS])
    }

    /// What a pair was when it was found last.
    #[inline]
    pub fn find(&self, module: *mut PyObject, name: *mut PyObject) -> Option<Entry> {
        let slot = self.slot(module, name)?;
        if !is_same(slot.name.get(), name) || !is_same(slot.module.get(), module) {
            return None;
        }
        slot.wait.set(PATIENCE);
        let function = slot.function.get();
        Some(if function.is_null() {
            Entry::Names(Owned::of(slot.module.get()), Owned::of(slot.name.get()))
        } else {
            Entry::Ours(Owned::of(function))
        })
    }

    /// A pair that was found just now: the name of this function of ours, or of what a module has at the moment, which may be
    /// one of these as well.
    pub fn note(&self, module: *mut PyObject, name: *mut PyObject, ours: Option<&Owned>) {
        let Some(slot) = self.slot(module, name) else { return };
        // What a dotted name leads to is no entry of a dict.
        if ours.is_none() && text::ascii_of(name).is_none_or(|name| name.contains('.')) {
            return;
        }
        if slot.wait.get() > 0 {
            slot.wait.set(slot.wait.get() - 1);
            return;
        }
        let interned = |text| text::ascii_of(text).and_then(|text| text::intern(text).ok());
        let (Some(module), Some(name)) = (interned(module), interned(name)) else {
            // There may have been no memory.
            clear();
            return;
        };
        let function = ours.map_or(ptr::null_mut(), |function| function.clone().into_ptr());
        slot.wait.set(PATIENCE);
        for (place, new) in
            [(&slot.module, module.into_ptr()), (&slot.name, name.into_ptr()), (&slot.function, function)]
        {
            // SAFETY: the slot's old reference, which nothing leads to any more.
            unsafe { Py_XDECREF(place.replace(new)) };
        }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        for slot in &self.slots {
            for place in [&slot.module, &slot.name, &slot.function] {
                // SAFETY: the slot's reference.
                unsafe { Py_XDECREF(place.replace(ptr::null_mut())) };
            }
        }
    }
}

/// Is this text of ours, if there is one, the same as that `str`?
#[inline(always)]
fn is_same(ours: *mut PyObject, text: *mut PyObject) -> bool {
    if ours == text {
        return true;
    }
    if ours.is_null() {
        return false;
    }
    let (Some((a, len)), Some((b, other))) = (ascii(ours), ascii(text)) else { return false };
    // SAFETY: the characters of live strs.
    len == other && unsafe { equal(std::slice::from_raw_parts(a, len), std::slice::from_raw_parts(b, len)) }
}
