//! list and tuple: how each begins and goes on (`save_list` and its siblings in `_pickle.c`); what containers have in common.

#[cfg(Py_GIL_DISABLED)]
use std::ptr;

use pyo3_ffi::*;

use super::atoms::Leaf;
use super::engine::Pickler;
use super::frame::{Batch, Frame, List, Next, Slot, Tuple};
use super::nested::Came;
use super::stretch::{RUN, begins_stretch};
use crate::protocol::opcode::*;
#[cfg(Py_GIL_DISABLED)]
use crate::py::contended;
use crate::py::error::{PyResult, raise};
use crate::py::habits::{LIST_IS_WATCHED, SHORT_LAST_BATCH};
use crate::py::layout::{self, Chars, chars, compact_int, list_items, prefetch, tuple_items, type_of, unique};

/// The most bytes that a short atom takes with its memo number; None for any other object.
pub(super) fn atom_size(object: *mut PyObject) -> Option<usize> {
    const MOST: usize = 32;
    let ty = type_of(object).cast_const();
    // SAFETY: the addresses of static objects.
    let singleton = unsafe { object == Py_None() || object == Py_True() || object == Py_False() };
    let scalar =
        singleton || (ty == &raw const PyLong_Type && compact_int(object).is_some()) || ty == &raw const PyFloat_Type;
    if scalar {
        return Some(MOST);
    }
    match (ty == &raw const PyUnicode_Type).then(|| chars(object)) {
        Some(Chars::Ascii(text)) if text.len() <= 0xff => Some(MOST + text.len()),
        _ => None,
    }
}

/// Goes on if the object is written, else has the loop save it.
macro_rules! save {
    ($leaf:expr, $object:expr) => {
        match $leaf? {
            Leaf::Done => {}
            Leaf::New => return Ok(Next::Into($object)),
            Leaf::Detour => return Ok(Next::Detour($object)),
        }
    };
}
pub(super) use save;

impl Pickler<'_> {
    /// How a container of so many items takes them; writes the MARK if there is to be one.
    pub(super) fn begin_batch(&mut self, len: usize) -> Batch {
        if self.protocol == 0 {
            Batch::Each
        } else if len == 1 {
            Batch::Single
        } else {
            self.out.op(MARK);
            Batch::Marked(0)
        }
    }

    /// EMPTY_LIST, or what stands for it in protocol 0.
    #[inline(always)]
    pub(super) fn empty_list(&mut self) {
        if self.protocol == 0 { self.out.bytes(&[MARK, LIST]) } else { self.out.op(EMPTY_LIST) }
    }

    /// EMPTY_DICT, or what stands for it in protocol 0.
    #[inline(always)]
    pub(super) fn empty_dict(&mut self) {
        if self.protocol == 0 { self.out.bytes(&[MARK, DICT]) } else { self.out.op(EMPTY_DICT) }
    }

    /// EMPTY_TUPLE, or what stands for it in protocol 0.
    #[inline(always)]
    pub(super) fn empty_tuple(&mut self) {
        if self.protocol == 0 { self.out.bytes(&[MARK, TUPLE]) } else { self.out.op(EMPTY_TUPLE) }
    }

    /// Does a tuple of so many items begin with a MARK?
    #[inline(always)]
    pub(super) fn tuple_is_marked(&self, len: usize) -> bool {
        len > 3 || self.protocol < 2
    }

    /// The opcode that makes a tuple of the last items.
    #[inline(always)]
    pub(super) fn tuple_op(&mut self, len: usize) {
        self.out.op(if self.tuple_is_marked(len) { TUPLE } else { [EMPTY_TUPLE, TUPLE1, TUPLE2, TUPLE3][len] });
    }

    /// Begins a list; true if what is left of it is in the slot.
    pub(super) fn begin_list(&mut self, slot: &mut Slot, list: *mut PyObject) -> PyResult<bool> {
        self.empty_list();
        self.memoize(list)?;
        let (len, _) = list_items(list);
        if len == 0 {
            return Ok(false);
        }
        let batch = self.begin_batch(len);
        slot.write(Frame::List(List { list, index: 0, size: len, batch }));
        Ok(true)
    }

    #[inline(always)]
    pub(super) fn list(&mut self, f: &mut List) -> PyResult<Next> {
        while let Batch::Marked(n) = &mut f.batch {
            let (len, items) = list_items(f.list);
            #[cfg(Py_GIL_DISABLED)]
            let _ = items;
            // Looked at where a batch ends: until then what comes is written.
            if LIST_IS_WATCHED && len != f.size && (f.index >= len || *n as usize == BATCH) {
                // SAFETY: a static exception type.
                return Err(raise(unsafe { PyExc_RuntimeError }, "list changed size during iteration"));
            }
            if f.index >= len {
                self.out.op(APPENDS);
                return Ok(Next::Done);
            }
            if *n as usize == BATCH {
                self.out.op(APPENDS);
                if SHORT_LAST_BATCH && len - f.index == 1 {
                    f.batch = Batch::Single;
                    break;
                }
                self.out.op(MARK);
                *n = 0;
            }
            // What is left of this batch. No leaf changes a list.
            let end = len.min(f.index + BATCH - *n as usize);
            // SAFETY: below the length that was read just now.
            #[cfg(not(Py_GIL_DISABLED))]
            let items = unsafe { std::slice::from_raw_parts(items.add(f.index), end - f.index) };
            #[cfg(not(Py_GIL_DISABLED))]
            let (written, next) = self.leaves(items)?;
            #[cfg(Py_GIL_DISABLED)]
            let (written, next) = self.leaves_of_part(f.list, f.index, end)?;
            f.index += written;
            *n += written as u32;
            if let Some(next) = next {
                return Ok(next);
            }
        }
        self.list_unmarked(f)
    }

    /// Writes the leaves that a run of items begins with. Says how many items that were, and what to do with the last
    /// of them if it is no leaf.
    #[inline(always)]
    fn leaves(&mut self, items: &[*mut PyObject]) -> PyResult<(usize, Option<Next>)> {
        let mut at = 0;
        loop {
            if items.get(at).is_some_and(|item| begins_stretch(*item)) {
                if let Some(ahead) = items.get(at + RUN) {
                    let (ty, ahead) = (type_of(items[at]).cast_const(), type_of(*ahead).cast_const());
                    let run = if ty == &raw const PyUnicode_Type || layout::is_container(ty) {
                        0
                    } else if ty == &raw const PyLong_Type && ahead == ty {
                        self.ints(&items[at..])
                    } else if ty == &raw const PyFloat_Type && ahead == ty {
                        self.floats(&items[at..])
                    } else {
                        self.singletons(&items[at..])
                    };
                    at += run;
                    if run > 0 {
                        continue;
                    }
                }
                let (count, halfway) = self.begun_stretch(&items[at..])?;
                at += count;
                if halfway.is_some() {
                    return Ok((at + 1, halfway));
                }
            }
            let Some(&item) = items.get(at) else { return Ok((at, None)) };
            at += 1;
            match self.leaf(item)? {
                Leaf::Done => {}
                Leaf::New => match self.row(item)? {
                    Next::Done => {}
                    next => return Ok((at, Some(next))),
                },
                Leaf::Detour => return Ok((at, Some(Next::Detour(item)))),
            }
        }
    }

    /// Writes what a run of items begins with in a stretch. Says how many items that were, and what to do with the next one
    /// if it was begun.
    #[inline(always)]
    pub(super) fn stretch_of_items(&mut self, items: &[*mut PyObject]) -> PyResult<(usize, Option<Next>)> {
        match items.first() {
            Some(first) if begins_stretch(*first) => self.begun_stretch(items),
            _ => Ok((0, None)),
        }
    }

    /// The same where the first item begins one.
    #[inline(always)]
    fn begun_stretch(&mut self, items: &[*mut PyObject]) -> PyResult<(usize, Option<Next>)> {
        let first = items[0];
        if self.wary > 0 && layout::is_container(type_of(first)) {
            self.wary -= 1;
            return Ok((0, None));
        }
        let Some(mut stretch) = self.stretch()? else { return Ok((0, None)) };
        let (count, came) = stretch.items(items);
        stretch.end();
        Ok((count, if came == Came::Halfway { self.take_up_parked()? } else { None }))
    }

    /// The same for a part of a list that other threads may change.
    #[cfg(Py_GIL_DISABLED)]
    fn leaves_of_part(&mut self, list: *mut PyObject, index: usize, end: usize) -> PyResult<(usize, Option<Next>)> {
        /// What comes behind an item that is no leaf is read once more after it.
        const MOST: usize = 16;
        let held = contended::list_part(list, index, MOST.min(end - index))?;
        let mut items = [ptr::null_mut(); MOST];
        for (item, held) in items.iter_mut().zip(&held) {
            *item = held.as_ptr();
        }
        let done = self.leaves(&items[..held.len()]);
        self.lent = held;
        done
    }

    /// One item, or each by itself: its opcode follows when the loop comes back here.
    fn list_unmarked(&mut self, f: &mut List) -> PyResult<Next> {
        loop {
            if f.batch == Batch::Closing || (f.batch == Batch::Each && f.index > 0) {
                self.out.op(APPEND);
            }
            let (len, items) = list_items(f.list);
            if f.index >= len || f.batch == Batch::Closing {
                return Ok(Next::Done);
            }
            if f.batch == Batch::Single {
                f.batch = Batch::Closing;
            }
            // SAFETY: below the length that was read just now.
            #[cfg(not(Py_GIL_DISABLED))]
            let item = unsafe { *items.add(f.index) };
            #[cfg(Py_GIL_DISABLED)]
            let item = {
                let _ = items;
                self.lent = contended::list_part(f.list, f.index, 1)?;
                // It may have become shorter by now.
                let Some(item) = self.lent.first() else { return Ok(Next::Done) };
                item.as_ptr()
            };
            f.index += 1;
            save!(self.leaf(item), item);
        }
    }

    /// Begins an object that gets its number when its contents are written. Says whether it has a single holder; else it
    /// is marked as under way.
    #[inline(always)]
    pub(super) fn begin_unknown(&mut self, object: *mut PyObject) -> PyResult<bool> {
        if unique(object) {
            return Ok(true);
        }
        self.memo.begin(object)?;
        Ok(false)
    }

    /// The same for a tuple.
    pub(super) fn begin_tuple(&mut self, slot: &mut Slot, tuple: *mut PyObject) -> PyResult<bool> {
        let items = tuple_items(tuple);
        let len = items.len();
        if len == 0 {
            self.empty_tuple();
            return Ok(false);
        }
        // The first is looked at at once; the others when all that is in it is written.
        for &item in &items[1..len.min(5)] {
            prefetch(item);
        }
        if self.tuple_is_marked(len) {
            self.out.op(MARK);
        }
        let unique = self.begin_unknown(tuple)?;
        slot.write(Frame::Tuple(Tuple { tuple, index: 0, unique, is_arguments: false }));
        Ok(true)
    }

    /// Writes an object that needs no frame although it is no leaf: bytes, an empty container, a short tuple of atoms.
    /// False (and nothing written) for any other object. It was not met before.
    pub(super) fn simple(&mut self, object: *mut PyObject) -> PyResult<bool> {
        let ty = type_of(object).cast_const();
        if ty == &raw const PyTuple_Type {
            return self.flat_tuple(object);
        }
        // SAFETY: live objects of the types that were asked for.
        let empty = (ty == &raw const PyDict_Type && unsafe { PyDict_Size(object) } == 0)
            || (ty == &raw const PyList_Type && list_items(object).0 == 0);
        // Without a GIL it may have got something by the time at which it is written.
        if empty && !cfg!(Py_GIL_DISABLED) {
            return self.descend(object).map(|frame| frame.is_none());
        }
        if ty == &raw const PyBytes_Type && self.protocol >= 3 && layout::bytes(object).len() < FRAME_TARGET {
            return self.bytes(object).map(|frame| frame.is_none());
        }
        Ok(false)
    }

    /// Writes a short tuple of atoms at once, if no boundary can fall into it; false (and nothing written) for any other
    /// object. It was not met before.
    pub(super) fn flat_tuple(&mut self, object: *mut PyObject) -> PyResult<bool> {
        if type_of(object).cast_const() != &raw const PyTuple_Type {
            return Ok(false);
        }
        if tuple_items(object).is_empty() {
            self.empty_tuple();
            return Ok(true);
        }
        if !self.flat_items(object)? {
            return Ok(false);
        }
        self.memoize(object)?;
        Ok(true)
    }

    /// The same for one that nobody refers to but a reduce value that is dropped next: it cannot be met again, so it need
    /// not be remembered, or live until the end.
    pub(super) fn lone_tuple(&mut self, object: *mut PyObject) -> PyResult<bool> {
        if type_of(object).cast_const() != &raw const PyTuple_Type || self.keeps_memo || !self.flat_items(object)? {
            return Ok(false);
        }
        self.memoize_paper()?;
        Ok(true)
    }

    /// Writes the items of a short tuple of atoms, and what makes the tuple of them, if no boundary can fall into it.
    #[inline(always)]
    fn flat_items(&mut self, tuple: *mut PyObject) -> PyResult<bool> {
        let is_flat = self.is_flat(tuple, 0);
        if is_flat {
            self.items_of_flat(tuple)?;
        }
        Ok(is_flat)
    }

    /// Is it a short tuple of atoms, into which no boundary can fall, so many bytes before it included?
    #[inline(always)]
    pub(super) fn is_flat(&self, tuple: *mut PyObject, before: usize) -> bool {
        const MOST: usize = 16;
        let items = tuple_items(tuple);
        let Some(mut room) = self.out.until_due().checked_sub(before) else { return false };
        if !(1..=MOST).contains(&items.len()) {
            return false;
        }
        for item in items {
            let Some(rest) = atom_size(*item).and_then(|size| room.checked_sub(size)) else { return false };
            room = rest;
        }
        true
    }

    /// The items of such a tuple, and what makes it of them.
    #[inline(always)]
    pub(super) fn items_of_flat(&mut self, tuple: *mut PyObject) -> PyResult<()> {
        let items = tuple_items(tuple);
        if self.tuple_is_marked(items.len()) {
            self.out.op(MARK);
        }
        for item in items {
            self.atom(*item)?;
        }
        self.tuple_op(items.len());
        Ok(())
    }

    #[inline(always)]
    pub(super) fn tuple(&mut self, f: &mut Tuple) -> PyResult<Next> {
        let items = tuple_items(f.tuple);
        while f.index < items.len() {
            // Who begins a namedtuple does not take up what was begun in it.
            let (count, halfway) = if f.is_arguments { (0, None) } else { self.stretch_of_items(&items[f.index..])? };
            f.index += count;
            let Some(&item) = items.get(f.index) else { break };
            f.index += 1;
            if let Some(next) = halfway {
                return Ok(next);
            }
            save!(self.leaf(item), item);
        }
        if f.is_arguments {
            return self.end_named(f.tuple).map(|()| Next::Done);
        }
        // A tuple that is known by now lies inside itself: what was built goes, the first one stays.
        if (!f.unique || self.is_foreign())
            && let Some(number) = self.memo.get(f.tuple)
        {
            self.forget(items.len(), self.tuple_is_marked(items.len()))?;
            self.get(number);
            return Ok(Next::Done);
        }
        self.tuple_op(items.len());
        self.memoize(f.tuple)?;
        Ok(Next::Done)
    }

    /// Takes so many items, and the MARK below them, off the stack that a pickle builds on.
    fn forget(&mut self, len: usize, marked: bool) -> PyResult<()> {
        if marked && self.protocol >= 1 {
            self.out.op(POP_MARK);
            return Ok(());
        }
        for _ in 0..len + marked as usize {
            self.out.room(0)?;
            self.out.op(POP);
        }
        Ok(())
    }
}
