//! Who keeps objects alive.
//!
//! As long as no foreign code runs (code that is not this crate's: Python code, callbacks, finalizers), nothing that
//! can be reached from the root can die, and the engine works with borrowed pointers throughout. Before it calls
//! anything foreign it calls [`Pickler::foreign`], and from then on
//! - the memo holds what it knows,
//! - `pinned` holds what the frames and steps that were waiting then point to, and what was `borrowed` for plans that were
//!   being made: these read first what they say later,
//! - `keep` holds what later frames and steps point to; it grows and shrinks with the stack.
//!
//! Objects that the engine or a reducer makes on the way lie in `keep` in any case; before the first foreign call it
//! never shrinks.

use std::ptr;

use pyo3_ffi::*;

use super::engine::Pickler;
use super::plan::Plan;
use crate::py::error::PyResult;
use crate::py::foreign::Foreign;
use crate::py::owned::Owned;
use crate::py::vec::TryPush;

impl Pickler<'_> {
    /// Keeps an object that was made on the way, and lends it.
    pub fn keep(&mut self, object: Owned) -> PyResult<*mut PyObject> {
        let lent = object.as_ptr();
        self.keep.try_push(object)?;
        Ok(lent)
    }

    /// Has foreign code run, so that whatever is pointed to must be held?
    #[inline(always)]
    pub fn is_foreign(&self) -> bool {
        self.is_foreign
    }

    /// To be called before any code that is not this crate's may run.
    #[inline(always)]
    pub fn foreign(&mut self) -> PyResult<()> {
        if self.is_foreign { Ok(()) } else { self.become_foreign() }
    }

    #[cold]
    #[inline(never)]
    fn become_foreign(&mut self) -> PyResult<()> {
        self.memo.publish()?;
        // SAFETY: whoever borrows them has them until they are given back.
        let borrowed = || self.borrowed.iter().flat_map(|objects| unsafe { &**objects });
        let waiting = self.stack.len() + 2 * self.steps.len() + self.parked.len();
        self.pinned.try_room(waiting + borrowed().count() + 1)?;
        let mut pin = |object: *mut PyObject| {
            if !object.is_null() {
                self.pinned.push(Owned::of(object));
            }
        };
        pin(self.beginning);
        for at in 0..self.stack.len() {
            // SAFETY: below the length; the field is not part of the frame, which may be borrowed.
            pin(unsafe { (*self.stack.as_ptr().add(at)).object });
        }
        for step in &self.steps {
            step.objects().into_iter().for_each(&mut pin);
        }
        borrowed().copied().for_each(&mut pin);
        for parked in &self.parked {
            pin(parked.frame.object());
        }
        self.is_foreign = true;
        Ok(())
    }
}

impl Foreign for Pickler<'_> {
    #[inline]
    fn foreign(&mut self) -> PyResult<()> {
        self.foreign()
    }
}

impl Plan<'_, '_> {
    /// Describes what these objects are for, all of which live until then; NULL is none.
    #[inline]
    pub fn borrowing<R>(
        &mut self,
        objects: &[*mut PyObject],
        describe: impl FnOnce(&mut Self) -> PyResult<R>,
    ) -> PyResult<R> {
        let pickler = self.pickler();
        if pickler.is_foreign() {
            for object in objects.iter().filter(|object| !object.is_null()) {
                pickler.keep(Owned::of(*object))?;
            }
            return describe(self);
        }
        pickler.borrowed.try_push(objects)?;
        let described = describe(self);
        self.pickler().borrowed.pop();
        described
    }
}

/// The items that a dict has now, to be borrowed.
pub fn items_now(dict: *mut PyObject) -> PyResult<Vec<[*mut PyObject; 2]>> {
    let mut items = vec![];
    // SAFETY: a live dict.
    items.try_room(unsafe { PyDict_Size(dict) } as usize)?;
    let (mut key, mut value, mut position) = (ptr::null_mut(), ptr::null_mut(), 0);
    // SAFETY: a live dict, which nothing changes meanwhile.
    while unsafe { PyDict_Next(dict, &mut position, &mut key, &mut value) } != 0 {
        items.try_push([key, value])?;
    }
    Ok(items)
}
