//! The opcodes that gather objects of the stack.

use pyo3_ffi::*;

use super::machine::Machine;
use crate::protocol::opcode as op;
use crate::py::collections::{extend_stealing, tuple_stealing, update_dict};
use crate::py::error::{PyResult, check};
use crate::py::object::{attr, call1, optional_attr};
use crate::py::owned::Owned;

impl Machine<'_, '_> {
    /// A tuple of the topmost items. Marks between them are not minded, as in CPython.
    #[inline]
    pub(super) fn tuple(&mut self, count: usize) -> PyResult<()> {
        match self.stack.len().checked_sub(count) {
            Some(position) if count == 0 || self.stack.position(count - 1).is_ok() => self.tuple_from(position),
            _ => Err(self.underflow(super::stack::Underflow)),
        }
    }

    /// A tuple of the items from a position on.
    #[inline]
    pub(super) fn tuple_from(&mut self, position: usize) -> PyResult<()> {
        let tuple = self.take_tuple(position)?;
        self.push(tuple)
    }

    /// A tuple of the items above the last mark.
    pub(super) fn tuple_of_marked(&mut self) -> PyResult<()> {
        let mark = self.pop_mark()?;
        self.tuple_from(mark)
    }

    #[inline]
    pub(super) fn take_tuple(&mut self, position: usize) -> PyResult<Owned> {
        // SAFETY: the stack's references go over to the tuple.
        unsafe {
            let tuple = tuple_stealing(self.stack.from(position))?;
            self.stack.forget(position);
            Ok(tuple)
        }
    }

    fn take_list(&mut self, position: usize) -> PyResult<Owned> {
        // SAFETY: a new list; the stack's references go over to it.
        unsafe {
            let list = Owned::new(PyList_New(0))?;
            extend_stealing(list.as_ptr(), self.stack.from(position), false)?;
            self.stack.forget(position);
            Ok(list)
        }
    }

    pub(super) fn list(&mut self) -> PyResult<()> {
        let mark = self.pop_mark()?;
        let list = self.take_list(mark)?;
        self.push(list)
    }

    pub(super) fn dict(&mut self) -> PyResult<()> {
        let mark = self.pop_mark()?;
        // SAFETY: attached; a new reference.
        let dict = unsafe { Owned::new(PyDict_New())? };
        if !self.stack.from(mark).len().is_multiple_of(2) {
            return Err(self.fail("odd number of items for DICT"));
        }
        update_dict(dict.as_ptr(), self.stack.from(mark))?;
        self.stack.truncate(mark);
        self.push(dict)
    }

    pub(super) fn frozenset(&mut self) -> PyResult<()> {
        let mark = self.pop_mark()?;
        let items = self.take_tuple(mark)?;
        // SAFETY: live; a new reference.
        let set = unsafe { Owned::new(PyFrozenSet_New(items.as_ptr()))? };
        self.push(set)
    }

    #[inline]
    pub(super) fn append(&mut self) -> PyResult<()> {
        self.stack.position(1).map_err(|u| self.underflow(u))?;
        self.append_from(self.stack.len() - 1)
    }

    pub(super) fn appends(&mut self) -> PyResult<()> {
        let mark = self.pop_mark()?;
        self.append_from(mark)
    }

    #[inline]
    fn append_from(&mut self, position: usize) -> PyResult<()> {
        let list = self.stack.under(position).map_err(|u| self.underflow(u))?;
        // SAFETY: live, held by the stack; its references go over to the list.
        unsafe {
            if PyList_CheckExact(list) != 0 {
                let items = self.stack.from(position);
                // Longer lists come in batches of a thousand.
                let more = items.len() >= 1000 && self.input.next_is(op::MARK);
                extend_stealing(list, items, more)?;
                self.stack.forget(position);
                return Ok(());
            }
        }
        self.append_to_other(list, position)
    }

    /// `extend`, or else `append` one by one.
    fn append_to_other(&mut self, list: *mut PyObject, position: usize) -> PyResult<()> {
        let names = &self.state.names;
        if self.stack.len() == position {
            // From 3.15 on what is extended by nothing must still be able to.
            return if !cfg!(Py_3_15) || optional_attr(list, names.extend.as_ptr())?.is_some() {
                Ok(())
            } else {
                attr(list, names.append.as_ptr()).map(drop)
            };
        }
        if let Some(extend) = optional_attr(list, names.extend.as_ptr())? {
            let items = self.take_list(position)?;
            call1(extend.as_ptr(), items.as_ptr())?;
            return Ok(());
        }
        let append = attr(list, names.append.as_ptr())?;
        self.each(position, append)
    }

    /// Calls a function with each item from a position on, and drops them.
    fn each(&mut self, position: usize, function: Owned) -> PyResult<()> {
        let items = self.take_tuple(position)?;
        // SAFETY: a tuple that only we hold; its items are borrowed from it.
        for i in 0..unsafe { PyTuple_Size(items.as_ptr()) } {
            // SAFETY: as above.
            call1(function.as_ptr(), unsafe { PyTuple_GetItem(items.as_ptr(), i) })?;
        }
        Ok(())
    }

    pub(super) fn setitem(&mut self) -> PyResult<()> {
        match self.stack.len().checked_sub(2) {
            Some(position) => self.set_from(position),
            None => Err(self.underflow(super::stack::Underflow)),
        }
    }

    pub(super) fn setitems(&mut self) -> PyResult<()> {
        let mark = self.pop_mark()?;
        self.set_from(mark)
    }

    fn set_from(&mut self, position: usize) -> PyResult<()> {
        let dict = self.stack.under(position).map_err(|u| self.underflow(u))?;
        if self.stack.len() == position {
            return Ok(());
        }
        if !self.stack.from(position).len().is_multiple_of(2) {
            return Err(self.fail("odd number of items for SETITEMS"));
        }
        // SAFETY: live, held by the stack, as the pairs are.
        unsafe {
            if PyDict_CheckExact(dict) != 0 {
                self.kept.shapes.fill(dict, self.stack.from(position), self.load)?;
            } else {
                for pair in self.stack.from(position).chunks_exact(2) {
                    check(PyObject_SetItem(dict, pair[0], pair[1]))?;
                }
            }
        }
        self.stack.truncate(position);
        Ok(())
    }

    pub(super) fn additems(&mut self) -> PyResult<()> {
        let mark = self.pop_mark()?;
        let set = self.stack.under(mark).map_err(|u| self.underflow(u))?;
        // SAFETY: live, held by the stack, as the items are.
        unsafe {
            if PyAnySet_Check(set) == 0 || PyFrozenSet_Check(set) != 0 {
                if self.stack.len() == mark && !cfg!(Py_3_15) {
                    return Ok(());
                }
                let add = attr(set, self.state.names.add.as_ptr())?;
                return self.each(mark, add);
            }
            for item in self.stack.from(mark) {
                check(PySet_Add(set, *item))?;
            }
        }
        self.stack.truncate(mark);
        Ok(())
    }
}
