//! Containers in a stretch: by recursion of bounded depth. Where something takes the slow path, frames say what is left of
//! the containers around it, and the loop goes on with them.

use pyo3_ffi::*;

use super::burst::Met;
use super::engine::Pickler;
use super::frame::{Batch, Frame, List, Parked, Tuple};
#[cfg(not(Py_GIL_DISABLED))]
use super::frame::{Dict, Value};
use super::stretch::{RUN, Stretch, begins_stretch};
use crate::protocol::opcode::*;
#[cfg(not(Py_GIL_DISABLED))]
use crate::py::dict::Entries;
use crate::py::error::PyResult;
#[cfg(not(Py_GIL_DISABLED))]
use crate::py::layout::dict_len;
use crate::py::layout::{is_container, list_slice, prefetch, tuple_items, type_of, unique};

/// How far a container came, or the objects in it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Came {
    /// It is written.
    Through,
    /// It takes the slow path, and nothing of it is written.
    Nowhere,
    /// What is left of it lies in [`Stretch::begun`].
    Halfway,
}

impl Pickler<'_> {
    /// Writes a container as far as a stretch of its own can; what is left of it lies in `parked`.
    #[inline(always)]
    pub(super) fn stretch_of(&mut self, container: *mut PyObject) -> PyResult<Came> {
        let Some(mut stretch) = self.stretch()? else { return Ok(Came::Nowhere) };
        let came = stretch.container(container);
        stretch.end();
        self.out.room(0)?;
        Ok(came)
    }
}

/// Is the first of what a dict, list or tuple holds what stretches are for?
#[inline(always)]
pub(super) fn begins_with_stretch(container: *mut PyObject) -> bool {
    let ty = type_of(container).cast_const();
    let first = if ty == &raw const PyList_Type {
        list_slice(container).first().copied()
    } else if ty == &raw const PyTuple_Type {
        tuple_items(container).first().copied().filter(|_| unique(container))
    } else if ty == &raw const PyDict_Type {
        first_value(container)
    } else {
        None
    };
    first.is_some_and(begins_stretch)
}

/// What the first entry of a dict with a combined table gives, if that is there.
#[inline(always)]
fn first_value(dict: *mut PyObject) -> Option<*mut PyObject> {
    #[cfg(Py_GIL_DISABLED)]
    return None;
    #[cfg(not(Py_GIL_DISABLED))]
    Entries::combined(dict)?.combined_from(0).next().map(|(_, value)| value).filter(|value| !value.is_null())
}

impl Stretch<'_> {
    /// Writes the objects that a run of items begins with. Says how many, and how far the next one came.
    #[inline(never)]
    pub fn items(&mut self, items: &[*mut PyObject]) -> (usize, Came) {
        let mut index = 0;
        if items.len() > RUN && type_of(items[0]) == type_of(items[RUN]) {
            index = self.run_of_numbers(items);
        }
        let mut at = self.at;
        while index < items.len() {
            let item = items[index];
            if !self.leaf(&mut at, item) {
                self.at = at;
                match self.other(item) {
                    Came::Through => at = self.at,
                    came => return (index, came),
                }
            }
            index += 1;
        }
        self.at = at;
        (index, Came::Through)
    }

    /// Writes entries of a combined table, at most so many. Says where it stopped, how many entries were begun, and how
    /// far the value of the last one came if its key is written and it is not.
    #[cfg(not(Py_GIL_DISABLED))]
    #[inline(never)]
    pub fn entries(&mut self, entries: &Entries, mut position: usize, most: usize) -> (usize, usize, Option<Came>) {
        let mut at = self.at;
        let mut count = 0;
        for (key, value) in entries.combined_from(position).take(most) {
            // What was deleted has no value.
            if !value.is_null() {
                if !self.key(&mut at, key) {
                    self.at = at;
                    if self.rare_leaf(key) != Came::Through {
                        break;
                    }
                    at = self.at;
                }
                count += 1;
                if !self.leaf(&mut at, value) {
                    self.at = at;
                    match self.other(value) {
                        Came::Through => at = self.at,
                        came => return (position + 1, count, Some(came)),
                    }
                }
            }
            position += 1;
        }
        self.at = at;
        (position, count, None)
    }

    /// Writes what is none of the most frequent leaves.
    #[inline(always)]
    fn other(&mut self, object: *mut PyObject) -> Came {
        let ty = type_of(object).cast_const();
        if is_container(ty) { self.container(object) } else { self.rare_leaf(object) }
    }

    /// Writes a dict, a list or a tuple.
    #[inline(always)]
    pub fn container(&mut self, object: *mut PyObject) -> Came {
        let ty = type_of(object).cast_const();
        if self.depth == 0 || !self.has_room(self.at) {
            return Came::Nowhere;
        }
        self.depth -= 1;
        let came = if ty == &raw const PyDict_Type {
            self.dict(object)
        } else if ty == &raw const PyList_Type {
            self.list(object)
        } else if ty == &raw const PyTuple_Type {
            self.tuple(object)
        } else {
            Came::Nowhere
        };
        self.depth += 1;
        came
    }

    /// Leaves a container that was begun to the loop.
    #[inline(never)]
    fn leave(&mut self, frame: Frame, inside: Came) -> Came {
        // There was room for so many as may lie in each other.
        self.begun.push(Parked { frame, is_covered: inside == Came::Halfway });
        Came::Halfway
    }

    /// Writes the opcode of an empty list or dict and memoises it, or a reference to it; None if it is to be filled.
    #[inline(always)]
    fn begin(&mut self, object: *mut PyObject, op: u8) -> Option<Came> {
        if unique(object) {
            self.memo.put_unique(&mut self.at.number, object);
        } else {
            match self.memo.get_or_put(&mut self.at.number, object, || Some(())) {
                Met::New(()) => {}
                Met::Unclear => return Some(Came::Nowhere),
                Met::Known(number) => {
                    self.at.get(number);
                    return Some(Came::Through);
                }
            }
        }
        self.at.short(u64::from(op) | u64::from(MEMOIZE) << 8, 2);
        None
    }

    fn list(&mut self, list: *mut PyObject) -> Came {
        let items = list_slice(list);
        let size = items.len();
        if size >= BATCH {
            return Came::Nowhere;
        }
        if let Some(came) = self.begin(list, EMPTY_LIST) {
            return came;
        }
        if size == 0 {
            return Came::Through;
        }
        if size > 1 {
            self.at.short(u64::from(MARK), 1);
        }
        let (count, inside) = self.items(items);
        if inside == Came::Through {
            self.at.short(u64::from(if size > 1 { APPENDS } else { APPEND }), 1);
            return Came::Through;
        }
        let index = count + usize::from(inside == Came::Halfway);
        let batch = match index {
            _ if size > 1 => Batch::Marked(index as u32),
            0 => Batch::Single,
            _ => Batch::Closing,
        };
        self.leave(Frame::List(List { list, index, size, batch }), inside)
    }

    fn tuple(&mut self, tuple: *mut PyObject) -> Came {
        let items = tuple_items(tuple);
        let size = items.len();
        if size == 0 {
            self.at.short(u64::from(EMPTY_TUPLE), 1);
            return Came::Through;
        }
        // One that more than one holder refers to may lie in itself.
        if !unique(tuple) {
            return Came::Nowhere;
        }
        // The first is looked at at once; the others when all that is in it is written.
        for &item in &items[1..size.min(5)] {
            prefetch(item);
        }
        if size > 3 {
            self.at.short(u64::from(MARK), 1);
        }
        let (count, inside) = self.items(items);
        if inside == Came::Through && self.memo.has_room(self.at.number) {
            self.memo.put_unique(&mut self.at.number, tuple);
            let op = if size > 3 { TUPLE } else { [EMPTY_TUPLE, TUPLE1, TUPLE2, TUPLE3][size] };
            self.at.short(u64::from(op) | u64::from(MEMOIZE) << 8, 2);
            return Came::Through;
        }
        let index = count + usize::from(inside == Came::Halfway);
        self.leave(Frame::Tuple(Tuple { tuple, index, unique: true, is_arguments: false }), inside)
    }

    #[cfg(not(Py_GIL_DISABLED))]
    fn dict(&mut self, dict: *mut PyObject) -> Came {
        let size = dict_len(dict);
        let Some(entries) = Entries::combined(dict).filter(|_| size < BATCH) else { return Came::Nowhere };
        if let Some(came) = self.begin(dict, EMPTY_DICT) {
            return came;
        }
        if size == 0 {
            return Came::Through;
        }
        if size > 1 {
            self.at.short(u64::from(MARK), 1);
        }
        let (position, count, value) = self.entries(&entries, 0, entries.len());
        if value.is_none() && position == entries.len() {
            self.at.short(u64::from(if size > 1 { SETITEMS } else { SETITEM }), 1);
            return Came::Through;
        }
        let inside = value.unwrap_or(Came::Nowhere);
        let batch = match count {
            _ if size > 1 => Batch::Marked(count as u32),
            0 => Batch::Single,
            _ => Batch::Closing,
        };
        let frame = Dict {
            dict,
            position: position as isize,
            size: size as isize,
            batch,
            batches: 0,
            value: if value == Some(Came::Nowhere) { Value::InEntry } else { Value::None },
            shared_keys: false,
            is_state: false,
        };
        self.leave(Frame::Dict(frame), inside)
    }

    /// Nothing is written in stretches without a GIL.
    #[cfg(Py_GIL_DISABLED)]
    fn dict(&mut self, _: *mut PyObject) -> Came {
        Came::Nowhere
    }
}
