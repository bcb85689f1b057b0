//! `BUILD`: the state of an object.

use pyo3_ffi::*;

use super::machine::Machine;
use crate::py::error::{PyResult, check};
use crate::py::instance;
use crate::py::layout::type_of;
use crate::py::object::{attr, call1, each_item, optional_attr};
use crate::py::owned::Owned;

impl Machine<'_, '_> {
    pub(super) fn build(&mut self) -> PyResult<()> {
        self.stack.position(1).map_err(|u| self.underflow(u))?;
        let state = self.pop()?;
        let object = self.top()?;
        let names = &self.state.names;
        if let Some(setstate) = optional_attr(object, names.setstate.as_ptr())? {
            call1(setstate.as_ptr(), state.as_ptr())?;
            return Ok(());
        }
        // SAFETY: live; the items are borrowed from the tuple.
        let (state, slots) = unsafe {
            if PyTuple_Check(state.as_ptr()) != 0 && Py_SIZE(state.as_ptr()) == 2 {
                let item = |i| Owned::of(PyTuple_GetItem(state.as_ptr(), i));
                (item(0), Some(item(1)))
            } else {
                (state, None)
            }
        };
        // SAFETY: None lives as long as the interpreter.
        if state.as_ptr() != unsafe { Py_None() } {
            self.set_dict(object, &state)?;
        }
        if let Some(slots) = slots {
            self.set_slots(object, &slots)?;
        }
        if self.lazy {
            self.rows.note(type_of(object));
        }
        Ok(())
    }

    /// Updates the object's `__dict__`; names are interned, as those of attributes are.
    fn set_dict(&self, object: *mut PyObject, state: &Owned) -> PyResult<()> {
        // SAFETY: live.
        if unsafe { PyDict_Check(state.as_ptr()) } == 0 {
            return Err(self.fail("state is not a dictionary"));
        }
        if instance::has_own_dict(object, self.state.names.dict.as_ptr()) {
            return instance::update(object, state.as_ptr(), |name| self.kept.interned.of(name));
        }
        let dict = attr(object, self.state.names.dict.as_ptr())?;
        // SAFETY: live.
        let exact = unsafe { PyDict_CheckExact(dict.as_ptr()) } != 0;
        each_item(state.as_ptr(), |key, value| {
            let key = self.kept.interned.of(key);
            // SAFETY: all are live, held here.
            check(unsafe {
                if exact {
                    PyDict_SetItem(dict.as_ptr(), key.as_ptr(), value.as_ptr())
                } else {
                    PyObject_SetItem(dict.as_ptr(), key.as_ptr(), value.as_ptr())
                }
            })
            .map(|_| ())
        })
    }

    fn set_slots(&self, object: *mut PyObject, slots: &Owned) -> PyResult<()> {
        // SAFETY: live.
        if unsafe { PyDict_Check(slots.as_ptr()) } == 0 {
            return Err(self.fail("slot state is not a dictionary"));
        }
        each_item(slots.as_ptr(), |key, value| {
            // The call would intern the name itself, and look for its equal each time.
            let key = self.kept.interned.of(key);
            // SAFETY: all are live, held here.
            check(unsafe { PyObject_SetAttr(object, key.as_ptr(), value.as_ptr()) }).map(|_| ())
        })
    }
}
