//! set and frozenset: how each begins and goes on (`save_set` and `save_frozenset` in `_pickle.c`).

#[cfg(not(Py_GIL_DISABLED))]
use std::ptr;

use pyo3_ffi::*;

use super::atoms::Leaf;
use super::containers::save;
use super::engine::Pickler;
use super::frame::{Frame, Next, Set, Slot, put};
use super::plan::Place;
use super::script::Script;
#[cfg(not(Py_GIL_DISABLED))]
use super::stretch::begins_stretch;
use crate::protocol::opcode::*;
#[cfg(Py_GIL_DISABLED)]
use crate::py::contended;
use crate::py::error::{PyResult, raise};
use crate::py::habits::SHORT_LAST_BATCH;
#[cfg(not(Py_GIL_DISABLED))]
use crate::py::layout::set_run;
use crate::py::layout::{set_len, set_next};
use crate::py::owned::Owned;
#[cfg(Py_GIL_DISABLED)]
use crate::py::vec::TryPush;

impl Pickler<'_> {
    /// Begins a set; true if what is left of it is in the slot.
    pub(super) fn begin_set(&mut self, slot: &mut Slot, set: *mut PyObject) -> PyResult<bool> {
        if self.protocol < 4 {
            return Ok(put(slot, self.set_by_list(set, &raw mut PySet_Type)?.map(Frame::Script)));
        }
        self.out.op(EMPTY_SET);
        self.memoize(set)?;
        let size = set_len(set);
        if size == 0 {
            return Ok(false);
        }
        self.out.op(MARK);
        slot.write(Frame::Set(Set { set, position: 0, size, count: 0, between: false, unique: false }));
        Ok(true)
    }

    /// The next element of a set that other threads may change, lent until something else is.
    #[cfg(Py_GIL_DISABLED)]
    fn lend_element(&mut self, set: *mut PyObject, position: &mut usize) -> PyResult<Option<*mut PyObject>> {
        let Some(item) = contended::set_next(set, position) else { return Ok(None) };
        let lent = item.as_ptr();
        self.lent.clear();
        self.lent.try_push(item)?;
        Ok(Some(lent))
    }

    pub(super) fn set(&mut self, f: &mut Set) -> PyResult<Next> {
        loop {
            if f.count > 0 && f.count.is_multiple_of(BATCH) && !f.between {
                self.end_set_batch(f)?;
                if SHORT_LAST_BATCH && f.count == f.size {
                    return Ok(Next::Done);
                }
                self.out.op(MARK);
                f.between = true;
            }
            #[cfg(not(Py_GIL_DISABLED))]
            {
                let before = f.count;
                let left = BATCH - f.count % BATCH;
                let halfway = self.stretch_of_elements(f, left)?;
                f.between &= f.count == before;
                if let Some(next) = halfway {
                    return Ok(next);
                }
                if f.count - before == left {
                    continue;
                }
            }
            #[cfg(not(Py_GIL_DISABLED))]
            let element = set_next(f.set, &mut f.position);
            #[cfg(Py_GIL_DISABLED)]
            let element = self.lend_element(f.set, &mut f.position)?;
            let Some(item) = element else {
                self.end_set_batch(f)?;
                return Ok(Next::Done);
            };
            f.count += 1;
            f.between = false;
            save!(self.leaf(item), item);
        }
    }

    /// Writes elements in stretches, at most so many, and counts them. Says what to do with the last one if it was only
    /// begun.
    #[cfg(not(Py_GIL_DISABLED))]
    fn stretch_of_elements(&mut self, f: &mut Set, mut most: usize) -> PyResult<Option<Next>> {
        /// So many are looked for at a time.
        const RUN: usize = 32;
        let (mut found, mut behind) = ([ptr::null_mut(); RUN], [0; RUN]);
        loop {
            if !set_next(f.set, &mut f.position.clone()).is_some_and(begins_stretch) {
                return Ok(None);
            }
            let count = set_run(f.set, f.position, &mut found, &mut behind).min(most);
            let ints = self.ints(&found[..count]);
            let (others, halfway) = self.stretch_of_items(&found[ints..count])?;
            let written = ints + others;
            let begun = written + usize::from(halfway.is_some());
            if begun > 0 {
                f.position = behind[begun - 1];
            }
            f.count += begun;
            most -= begun;
            if written < RUN || most == 0 {
                return Ok(halfway);
            }
        }
    }

    fn end_set_batch(&mut self, f: &mut Set) -> PyResult<()> {
        self.out.op(ADDITEMS);
        if set_len(f.set) != f.size {
            // SAFETY: a static exception type.
            return Err(raise(unsafe { PyExc_RuntimeError }, "set changed size during iteration"));
        }
        Ok(())
    }

    /// The same for a frozenset.
    pub(super) fn begin_frozenset(&mut self, slot: &mut Slot, set: *mut PyObject) -> PyResult<bool> {
        if self.protocol < 4 {
            return Ok(put(slot, self.set_by_list(set, &raw mut PyFrozenSet_Type)?.map(Frame::Script)));
        }
        self.out.op(MARK);
        let unique = self.begin_unknown(set)?;
        slot.write(Frame::FrozenSet(Set { set, position: 0, size: 0, count: 0, between: false, unique }));
        Ok(true)
    }

    pub(super) fn frozenset(&mut self, f: &mut Set) -> PyResult<Next> {
        loop {
            #[cfg(not(Py_GIL_DISABLED))]
            if let Some(next) = self.stretch_of_elements(f, usize::MAX)? {
                return Ok(next);
            }
            let Some(item) = set_next(f.set, &mut f.position) else { break };
            save!(self.leaf(item), item);
        }
        if (!f.unique || self.is_foreign())
            && let Some(number) = self.memo.get(f.set)
        {
            self.out.op(POP_MARK);
            self.get(number);
            return Ok(Next::Done);
        }
        self.out.op(FROZENSET);
        self.memoize(f.set)?;
        Ok(Next::Done)
    }

    /// Below protocol 4: `(type, (list(set),))`.
    fn set_by_list(&mut self, set: *mut PyObject, ty: *mut PyTypeObject) -> PyResult<Option<Script>> {
        // The list is an object that the garbage collector tracks: making it may run finalizers.
        self.foreign()?;
        // SAFETY: a live set; a new list.
        let list = unsafe { Owned::new(PySequence_List(set))? };
        self.described(set, |pickler| {
            let mut plan = pickler.plan();
            plan.object(ty.cast(), Place::Callable)?;
            plan.tuple(1)?;
            plan.owned(list, Place::Part(0))?;
            plan.tuple_end(1)?;
            plan.reduce(set)?;
            Ok(Some(plan.finish()))
        })
    }
}
