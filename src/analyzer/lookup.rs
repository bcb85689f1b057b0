//! Attributes by a dotted name, as `pickle._getattribute` finds them.

use std::ptr;

use pyo3_ffi::*;

use crate::py::error::{self, PyResult};
use crate::py::object::{attr, call_method1, dict_get, optional_attr, tuple_items};
use crate::py::owned::Owned;
use crate::state::State;

/// A qualified name, split at its dots once for any number of look-ups.
pub struct QualifiedName {
    name: Owned,
    parts: Parts,
}

enum Parts {
    /// The name itself: no dot, or not split at all.
    One,
    /// What `name.split(".")` gave, a tuple.
    Many(Owned),
    /// Not a name: nothing has it.
    None,
}

/// Does `pickle._getattribute` end at `<locals>`? From 3.14 on it asks for it like for any other part.
const ENDS_AT_LOCALS: bool = !cfg!(Py_3_14);

impl QualifiedName {
    /// Of any object that may have been found as a `__qualname__`.
    pub fn new(state: &State, name: *mut PyObject) -> PyResult<Self> {
        // SAFETY: live.
        let parts = if unsafe { PyUnicode_CheckExact(name) != 0 && !has_dot(name) } {
            Parts::One
        } else {
            match optional_attr(name, state.names.split.as_ptr())? {
                None => Parts::None,
                Some(_) => {
                    let parts = call_method1(name, state.names.split.as_ptr(), state.names.dot.as_ptr())?;
                    // SAFETY: live, held by `parts`; a new reference.
                    Parts::Many(unsafe { Owned::new(PySequence_Tuple(parts.as_ptr()))? })
                }
            }
        };
        Ok(Self { name: Owned::of(name), parts })
    }

    /// The object of this name in a module, or in any other object. None where Python raises AttributeError.
    pub fn find_in(&self, state: &State, module: *mut PyObject) -> PyResult<Option<Owned>> {
        let one = [self.name.as_ptr()];
        let parts = match &self.parts {
            Parts::One => &one[..],
            Parts::Many(parts) => tuple_items(parts.as_ptr()),
            Parts::None => return Ok(None),
        };
        let mut found = Owned::of(module);
        for part in parts {
            if ENDS_AT_LOCALS && equals(*part, state.names.locals.as_ptr())? {
                return Ok(None);
            }
            match lookup(state, found.as_ptr(), *part)? {
                Some(value) => found = value,
                None => return Ok(None),
            }
        }
        Ok(Some(found))
    }
}

/// Is there a dot in an exact `str`?
///
/// # Safety
/// An exact `str`.
unsafe fn has_dot(name: *mut PyObject) -> bool {
    // SAFETY: as this function asks; the range is the whole str.
    unsafe { PyUnicode_FindChar(name, u32::from(b'.'), 0, PyUnicode_GetLength(name), 1) >= 0 }
}

/// `left == right`
pub fn equals(left: *mut PyObject, right: *mut PyObject) -> PyResult<bool> {
    // SAFETY: live.
    Ok(error::check(unsafe { PyObject_RichCompareBool(left, right, Py_EQ) })? != 0)
}

/// `getattr(object, name)`, None for AttributeError. A module proper that lacks a name is not asked to say so in an
/// exception.
fn lookup(state: &State, object: *mut PyObject, name: *mut PyObject) -> PyResult<Option<Owned>> {
    // SAFETY: live; a module has a dict. The type of modules has names with two leading underscores only.
    unsafe {
        if PyModule_CheckExact(object) != 0 && PyUnicode_CheckExact(name) != 0 && !is_dunder(name) {
            let dict = PyModule_GetDict(object);
            if let Some(value) = dict_get(dict, name)? {
                return Ok(Some(value));
            }
            if dict_get(dict, state.names.getattr_hook.as_ptr())?.is_none() {
                return Ok(None);
            }
        }
        if PyUnicode_Check(name) == 0 {
            // Raises TypeError.
            return attr(object, name).map(Some);
        }
    }
    optional_attr(object, name)
}

/// Does an exact `str` begin with two underscores?
///
/// # Safety
/// An exact `str`.
unsafe fn is_dunder(name: *mut PyObject) -> bool {
    // SAFETY: as this function asks; both characters are there.
    unsafe {
        let underscore = u32::from(b'_');
        PyUnicode_GetLength(name) >= 2
            && PyUnicode_ReadChar(name, 0) == underscore
            && PyUnicode_ReadChar(name, 1) == underscore
    }
}

/// What a module proper has under a name that the type of modules has not. None for others, and if it is not there.
pub fn own_attr(module: *mut PyObject, name: *mut PyObject) -> PyResult<Option<Owned>> {
    // SAFETY: live; a module has a dict.
    unsafe {
        if PyModule_CheckExact(module) == 0 {
            return Ok(None);
        }
        dict_get(PyModule_GetDict(module), name)
    }
}

/// `sys.modules.get(name)`; None also for a module that is None.
pub fn imported(state: &State, name: *mut PyObject) -> PyResult<Option<Owned>> {
    let modules = state.modules()?;
    // SAFETY: live, held by `modules`; the list of arguments ends with NULL.
    let found = unsafe {
        if PyDict_CheckExact(modules.as_ptr()) != 0 {
            dict_get(modules.as_ptr(), name)?
        } else {
            let get = state.names.get.as_ptr();
            let end = ptr::null_mut::<PyObject>();
            Some(Owned::new(PyObject_CallMethodObjArgs(modules.as_ptr(), get, name, Py_None(), end))?)
        }
    };
    // SAFETY: None is there for the interpreter's life.
    Ok(found.filter(|module| module.as_ptr() != unsafe { Py_None() }))
}
