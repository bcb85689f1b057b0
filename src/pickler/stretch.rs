//! A stretch of leaves, and of containers that hold nothing else, with the ends of the output and of the memo's log in
//! registers: as [`Pickler::leaf`] and the frames write them, for the most frequent ones.

use std::ptr;

use pyo3_ffi::*;

use super::burst::{Entries, Met};
use super::engine::Pickler;
use super::frame::Parked;
use super::ints::int32;
use crate::protocol::opcode::*;
use crate::py::error::PyResult;
use crate::py::layout::{ascii, compact_int, type_of, unique};
use crate::py::vec::TryPush;

/// A leaf takes no more than this, with its memo number.
const MOST: usize = 2 + MOST_TEXT + 1;

/// The most characters of a str that is written here.
pub(super) const MOST_TEXT: usize = 0xff;

/// From so many on a run of numbers is worth a loop of its own.
pub(super) const RUN: usize = 8;

/// Containers in each other that are written here. What ends them takes a part of the slack.
const MOST_DEPTH: usize = 32;

/// What it was given is there once the stretch has ended.
#[must_use]
pub(super) struct Stretch<'s> {
    pub(super) at: At,
    /// An object that begins below this address begins in the frame, and fits in the block.
    safe: *mut u8,
    place: &'s mut *mut u8,
    pub(super) memo: Entries<'s>,
    /// The rest of the containers that were begun and are not done, the innermost first. There is room.
    pub(super) begun: &'s mut Vec<Parked>,
    /// So many more containers may lie in each other.
    pub(super) depth: usize,
}

/// Where a stretch is: the end of the data, and the next number.
#[derive(Clone, Copy)]
pub(super) struct At {
    pub end: *mut u8,
    pub number: usize,
}

/// Is this what stretches are for?
#[inline(always)]
pub(super) fn begins_stretch(object: *mut PyObject) -> bool {
    let ty = type_of(object).cast_const();
    // SAFETY: the addresses of static objects.
    let singletons = unsafe { [Py_None(), Py_True(), Py_False()] };
    [&raw const PyUnicode_Type, &raw const PyLong_Type, &raw const PyFloat_Type].contains(&ty)
        || [&raw const PyDict_Type, &raw const PyList_Type, &raw const PyTuple_Type].contains(&ty)
        || singletons.contains(&object)
}

impl Pickler<'_> {
    /// Begins a stretch; None where all takes the slow path.
    #[inline(always)]
    pub(super) fn stretch(&mut self) -> PyResult<Option<Stretch<'_>>> {
        if self.puts < 4 || self.memo.is_published() {
            return Ok(None);
        }
        let Some(room) = self.out.until_due().checked_sub(MOST) else { return Ok(None) };
        self.parked.try_room(MOST_DEPTH)?;
        let depth = if self.wary > 0 { 0 } else { MOST_DEPTH };
        self.wary = self.wary.saturating_sub(1);
        let depth = self.options.max_depth.saturating_sub(self.depth + 1).min(depth);
        let memo = self.memo.entries()?;
        let place = self.out.cursor();
        let at = At { end: *place, number: memo.first() };
        // SAFETY: there is more room than that.
        let safe = unsafe { at.end.add(room) };
        Ok(Some(Stretch { at, safe, place, memo, begun: &mut self.parked, depth }))
    }
}

impl Stretch<'_> {
    /// Hands over what was given. Not when dropped, so that what changes with each leaf need not lie in memory.
    #[inline(always)]
    pub fn end(self) {
        *self.place = self.at.end;
        // SAFETY: so many numbers were given.
        unsafe { self.memo.end(self.at.number) };
    }

    /// Is there room for one more object?
    #[inline(always)]
    pub fn has_room(&self, at: At) -> bool {
        at.end < self.safe && self.memo.has_room(at.number)
    }

    /// How many objects of at most this size can be written.
    #[inline(always)]
    pub fn fits(&self, size: usize) -> usize {
        (self.safe as usize).saturating_sub(self.at.end as usize) / size
    }

    /// Writes a leaf; false (and nothing written) for what is none, or takes the slow path.
    #[inline(always)]
    pub fn leaf(&mut self, at: &mut At, object: *mut PyObject) -> bool {
        let ty = type_of(object).cast_const();
        if !self.has_room(*at) {
            return false;
        }
        if ty == &raw const PyUnicode_Type {
            return self.text(at, object);
        }
        if ty == &raw const PyLong_Type {
            let Some(value) = compact_int(object) else { return false };
            let (bytes, len) = int32(value);
            at.short(u64::from_le_bytes(bytes), len);
        } else if ty == &raw const PyFloat_Type {
            at.short(u64::from(BINFLOAT), 1);
            // SAFETY: an exact float.
            at.short(unsafe { PyFloat_AS_DOUBLE(object) }.to_bits().swap_bytes(), 8);
        } else {
            // SAFETY: the addresses of static objects.
            let (none, yes, no) = unsafe { (Py_None(), Py_True(), Py_False()) };
            let op = u64::from(object == none) * u64::from(NONE)
                + u64::from(object == yes) * u64::from(NEWTRUE)
                + u64::from(object == no) * u64::from(NEWFALSE);
            if op == 0 {
                return false;
            }
            at.short(op, 1);
        }
        true
    }

    /// Writes the key of a dict; false (and nothing written) for one that takes the slow path.
    #[cfg(not(Py_GIL_DISABLED))]
    #[inline(always)]
    pub fn key(&mut self, at: &mut At, key: *mut PyObject) -> bool {
        type_of(key).cast_const() == &raw const PyUnicode_Type && self.has_room(*at) && self.text(at, key)
    }

    /// Writes a str, or a reference to it; false (and nothing written) for one that takes the slow path.
    #[inline(always)]
    fn text(&mut self, at: &mut At, text: *mut PyObject) -> bool {
        let short = || ascii(text).filter(|(_, len)| *len <= MOST_TEXT);
        if unique(text) {
            let Some((data, len)) = short() else { return false };
            self.memo.put_unique(&mut at.number, text);
            at.characters(data, len);
            return true;
        }
        match self.memo.get_or_put(&mut at.number, text, short) {
            Met::Unclear => return false,
            Met::New((data, len)) => at.characters(data, len),
            Met::Known(number) => at.get(number),
        }
        true
    }
}

impl At {
    /// BINGET or LONG_BINGET.
    #[inline(always)]
    pub fn get(&mut self, number: usize) {
        if number < 256 {
            self.short((number << 8) as u64 | u64::from(BINGET), 2);
        } else {
            self.short((number << 8) as u64 | u64::from(LONG_BINGET), 5);
        }
    }

    /// Writes characters that follow the head of a str, with their memo number.
    #[inline(always)]
    fn characters(&mut self, data: *const u8, len: usize) {
        self.short((len << 8) as u64 | u64::from(SHORT_BINUNICODE), 2);
        // SAFETY: the stretch has room, and more behind it than a copy of fixed size takes; what is read is of the str.
        unsafe {
            if len < 16 {
                // The last of 16 bytes that begin in the head: without a branch on how many, which cannot be told.
                let word = u128::from_le_bytes(data.add(len).sub(16).cast::<[u8; 16]>().read_unaligned());
                let word = word >> 8 >> (120 - 8 * len);
                self.end.cast::<[u8; 16]>().write_unaligned(word.to_le_bytes());
            } else if len <= 32 {
                let (to, last) = (self.end, len - 16);
                to.cast::<[u8; 16]>().write_unaligned(data.cast::<[u8; 16]>().read_unaligned());
                to.add(last).cast::<[u8; 16]>().write_unaligned(data.add(last).cast::<[u8; 16]>().read_unaligned());
            } else {
                ptr::copy_nonoverlapping(data, self.end, len);
            }
            self.end = self.end.add(len);
        }
        self.short(u64::from(MEMOIZE), 1);
    }

    /// Appends the first `len` bytes of a word.
    #[inline(always)]
    pub fn short(&mut self, word: u64, len: usize) {
        // SAFETY: the stretch has room, and more behind it than a word takes.
        unsafe {
            self.end.cast::<u64>().write_unaligned(word.to_le());
            self.end = self.end.add(len);
        }
    }
}
