//! The opcodes that call what they find on the stack.

use std::ptr;

use pyo3_ffi::*;

use super::machine::Machine;
use crate::py::error::{PyResult, Raised};
use crate::py::layout::{tuple_items, type_flags};
use crate::py::message::message;
use crate::py::object::{attr, call1, optional_attr};
use crate::py::owned::Owned;
use crate::py::text;
use crate::reconstruct::{code, table};

impl Machine<'_, '_> {
    pub(super) fn reduce(&mut self) -> PyResult<()> {
        let args = self.pop()?;
        let callable = self.pop()?;
        let object = self.call(&callable, &args).map_err(|raised| self.needed_by(raised))?;
        self.push(object)
    }

    /// Calls with the items of a tuple.
    fn call(&mut self, callable: &Owned, args: &Owned) -> PyResult<Owned> {
        // SAFETY: both are live; a new reference or NULL with an exception.
        unsafe {
            if PyTuple_Check(args.as_ptr()) == 0 {
                return Owned::new(PyObject_CallObject(callable.as_ptr(), args.as_ptr()));
            }
            let items = tuple_items(args.as_ptr());
            if let Some(function) = table::function_of(callable.as_ptr()) {
                return function.call(self.state, items);
            }
            if callable.as_ptr() == (&raw mut PyCode_Type).cast() {
                return code::make_code(items, &self.kept.codes.heard);
            }
            Owned::new(PyObject_Call(callable.as_ptr(), args.as_ptr(), ptr::null_mut()))
        }
    }

    pub(super) fn newobj(&mut self, with_keywords: bool) -> PyResult<()> {
        let what = if with_keywords { "NEWOBJ_EX" } else { "NEWOBJ" };
        let keywords = if with_keywords { Some(self.pop()?) } else { None };
        let args = self.pop()?;
        let class = self.pop()?;
        // SAFETY: all are live; tp_new gives a new reference or NULL with an exception.
        let object = unsafe {
            let name = |object: &Owned| text::type_name(Py_TYPE(object.as_ptr()));
            if PyType_Check(class.as_ptr()) == 0 {
                return Err(self.fail(&message!("{what} class argument must be a type, not {}", name(&class))));
            }
            let Some(new) = (*class.as_ptr().cast::<PyTypeObject>()).tp_new else {
                return Err(self.fail(&message!("{what} class argument '{}' doesn't have __new__", name(&class))));
            };
            if PyTuple_Check(args.as_ptr()) == 0 {
                return Err(self.fail(&message!("{what} args argument must be a tuple, not {}", name(&args))));
            }
            if let Some(keywords) = keywords.as_ref().filter(|k| PyDict_Check(k.as_ptr()) == 0) {
                return Err(self.fail(&message!("{what} kwargs argument must be a dict, not {}", name(keywords))));
            }
            let keywords = keywords.as_ref().map_or(ptr::null_mut(), Owned::as_ptr);
            let object = Owned::new(new(class.as_ptr().cast(), args.as_ptr(), keywords))?;
            if self.lazy && type_flags(class.as_ptr().cast()) & Py_TPFLAGS_TUPLE_SUBCLASS != 0 {
                self.named.note(self.state, &self.kept.samples, class.as_ptr(), args.as_ptr())?;
            }
            object
        };
        self.push(object)
    }

    pub(super) fn inst(&mut self) -> PyResult<()> {
        let mark = self.pop_mark()?;
        let module = ascii(self.full_line()?)?;
        let name = ascii(self.full_line()?)?;
        let class = self.find_class(&module, &name)?;
        let args = self.take_tuple(mark)?;
        let object = self.instantiate(&class, &args)?;
        self.push(object)
    }

    pub(super) fn obj(&mut self) -> PyResult<()> {
        let mark = self.pop_mark()?;
        if self.stack.len() <= mark {
            return Err(self.underflow(super::stack::Underflow));
        }
        let args = self.take_tuple(mark + 1)?;
        let class = self.pop()?;
        let object = self.instantiate(&class, &args)?;
        self.push(object)
    }

    /// As Python 2 made instances: without arguments and `__getinitargs__` its `__init__` is not called.
    fn instantiate(&self, class: &Owned, args: &Owned) -> PyResult<Owned> {
        let names = &self.state.names;
        // SAFETY: live; a new reference or NULL with an exception.
        unsafe {
            if Py_SIZE(args.as_ptr()) == 0
                && PyType_Check(class.as_ptr()) != 0
                && optional_attr(class.as_ptr(), names.getinitargs.as_ptr())?.is_none()
            {
                return call1(attr(class.as_ptr(), names.new.as_ptr())?.as_ptr(), class.as_ptr());
            }
            Owned::new(PyObject_CallObject(class.as_ptr(), args.as_ptr()))
        }
    }

    /// Says in a failed import what could not be loaded for the lack of the module.
    #[cold]
    pub(super) fn needed_by(&self, raised: Raised) -> Raised {
        self.needed_by_one_below(raised, self.stack.len())
    }

    /// Likewise; what counts are the items of the stack below a position.
    #[cold]
    pub(super) fn needed_by_one_below(&self, raised: Raised, position: usize) -> Raised {
        // SAFETY: attached, with an exception set.
        if unsafe { PyErr_ExceptionMatches(PyExc_ImportError) } == 0 {
            return raised;
        }
        match self.unfinished(position) {
            Some(who) => crate::py::error::extend_import_error(&message!(", needed by {who}")),
            None => raised,
        }
    }

    /// The function or class nearest to the top of so many items of the stack, which is still without its state.
    fn unfinished(&self, height: usize) -> Option<String> {
        let items = &self.stack.from(0)[..height];
        items.iter().enumerate().rev().find_map(|(i, item)| table::unfinished(*item, &items[i + 1..]))
    }
}

/// A line of protocol 0's names.
fn ascii(line: &[u8]) -> PyResult<Owned> {
    // SAFETY: pointer and length of the line; a new reference or NULL with an exception.
    unsafe { Owned::new(PyUnicode_DecodeASCII(line.as_ptr().cast(), line.len() as Py_ssize_t, c"strict".as_ptr())) }
}
