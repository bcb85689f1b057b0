//! Arguments of what Python calls, by position and by name.

use std::ffi::c_int;
use std::ptr;

use pyo3_ffi::*;

use crate::py::error::{PyResult, Raised, raise};
use crate::py::layout::tuple_items;
use crate::py::message::message;
use crate::py::object::each_item;
use crate::py::owned::Owned;
use crate::py::text;

/// The parameters of one function.
pub struct Signature<const N: usize> {
    pub function: &'static str,
    pub parameters: [&'static str; N],
    /// So many may be given by position.
    pub by_position: usize,
    /// So many have no default, and so many have no name.
    pub required: usize,
    pub nameless: usize,
}

/// Arguments in the order of the parameters; NULL where none was given. Borrowed from the caller.
pub type Arguments<const N: usize> = [*mut PyObject; N];

impl<const N: usize> Signature<N> {
    /// All by position or by name.
    pub const fn new(function: &'static str, parameters: [&'static str; N], required: usize) -> Self {
        Self { function, parameters, by_position: N, required, nameless: 0 }
    }

    /// Of a vectorcall: those with names follow the others.
    ///
    /// # Safety
    /// As the calling convention says.
    #[inline]
    pub unsafe fn bind(
        &self,
        given: *const *mut PyObject,
        by_position: Py_ssize_t,
        names: *mut PyObject,
    ) -> PyResult<Arguments<N>> {
        let by_position = by_position as usize;
        let mut bound = [ptr::null_mut(); N];
        if by_position > self.by_position {
            return Err(self.too_many(by_position));
        }
        for (at, slot) in bound.iter_mut().enumerate().take(by_position) {
            // SAFETY: so many are given.
            *slot = unsafe { *given.add(at) };
        }
        if !names.is_null() {
            for (at, name) in tuple_items(names).iter().enumerate() {
                // SAFETY: as many as there are names follow.
                self.by_name(&mut bound, *name, unsafe { *given.add(by_position + at) })?;
            }
        }
        self.complete(bound)
    }

    /// Of a tuple and a dict, which may be NULL.
    pub fn bind_call(&self, args: *mut PyObject, keywords: *mut PyObject) -> PyResult<Arguments<N>> {
        let mut bound = [ptr::null_mut(); N];
        let given = tuple_items(args);
        if given.len() > self.by_position {
            return Err(self.too_many(given.len()));
        }
        bound[..given.len()].copy_from_slice(given);
        if !keywords.is_null() {
            each_item(keywords, |name, value| self.by_name(&mut bound, name.as_ptr(), value.as_ptr()))?;
        }
        self.complete(bound)
    }

    fn by_name(&self, bound: &mut Arguments<N>, name: *mut PyObject, value: *mut PyObject) -> PyResult<()> {
        let function = self.function;
        // SAFETY: a live object.
        if unsafe { PyUnicode_Check(name) } == 0 {
            return Err(type_error("keywords must be strings"));
        }
        let given = text::ascii(name);
        let known = self.parameters.iter().skip(self.nameless).position(|parameter| given == Some(*parameter));
        let Some(at) = known.map(|at| at + self.nameless) else {
            let name = text::display(name);
            return Err(type_error(&message!("{function}() got an unexpected keyword argument '{name}'")));
        };
        if !bound[at].is_null() {
            let name = self.parameters[at];
            return Err(type_error(&message!("{function}() got multiple values for argument '{name}'")));
        }
        bound[at] = value;
        Ok(())
    }

    #[inline]
    fn complete(&self, bound: Arguments<N>) -> PyResult<Arguments<N>> {
        match bound[..self.required].iter().position(|argument| argument.is_null()) {
            None => Ok(bound),
            Some(at) => Err(self.missing(at)),
        }
    }

    #[cold]
    fn too_many(&self, given: usize) -> Raised {
        let (function, most) = (self.function, self.by_position);
        type_error(&message!("{function}() takes at most {most} positional arguments ({given} given)"))
    }

    #[cold]
    fn missing(&self, at: usize) -> Raised {
        let (function, name) = (self.function, self.parameters[at]);
        type_error(&message!("{function}() missing required argument '{name}' (pos {})", at + 1))
    }
}

#[cold]
pub fn type_error(message: &str) -> Raised {
    // SAFETY: the exception types are there for the interpreter's life.
    raise(unsafe { PyExc_TypeError }, message)
}

#[cold]
pub fn value_error(message: &str) -> Raised {
    // SAFETY: the exception types are there for the interpreter's life.
    raise(unsafe { PyExc_ValueError }, message)
}

/// An argument that is not NULL and not None.
#[inline]
pub fn given(argument: *mut PyObject) -> Option<*mut PyObject> {
    // SAFETY: a static object.
    (!argument.is_null() && argument != unsafe { Py_None() }).then_some(argument)
}

/// The truth of an argument, or the default.
pub fn flag(argument: *mut PyObject, default: bool) -> PyResult<bool> {
    if argument.is_null() { Ok(default) } else { crate::py::object::is_true(argument) }
}

/// A number as `int` argument.
pub fn int(argument: *mut PyObject) -> PyResult<c_int> {
    // SAFETY: a live object; -1 with an exception if it is no number that fits.
    let value = unsafe { PyLong_AsLong(argument) };
    if value == -1 && crate::py::error::occurred() {
        return Err(Raised);
    }
    c_int::try_from(value).map_err(|_| {
        // SAFETY: the exception types are there for the interpreter's life.
        raise(unsafe { PyExc_OverflowError }, "Python int too large to convert to C int")
    })
}

/// A reference of its own to an argument that is not NULL and not None.
pub fn owned(argument: *mut PyObject) -> Option<Owned> {
    given(argument).map(Owned::of)
}
