//! Views of dicts, made of what they show.

use pyo3_ffi::*;

use crate::py::error::{PyResult, check};
use crate::py::object::{attr, call1};
use crate::py::owned::Owned;
use crate::state::State;

/// `OrderedDict` if the second argument is true, else `dict`.
fn dict_type(state: &State, args: &[*mut PyObject]) -> PyResult<*mut PyObject> {
    let ordered = match args.get(1) {
        // SAFETY: live.
        Some(flag) => check(unsafe { PyObject_IsTrue(*flag) })? != 0,
        None => false,
    };
    if ordered { state.imports.ordered_dict() } else { Ok((&raw mut PyDict_Type).cast()) }
}

/// `object.name()`.
fn method(object: &Owned, name: &str) -> PyResult<Owned> {
    let name = crate::py::text::new(name)?;
    let method = attr(object.as_ptr(), name.as_ptr())?;
    // SAFETY: live; a new reference or NULL with an exception.
    unsafe { Owned::new(PyObject_CallNoArgs(method.as_ptr())) }
}

/// `_make_dict_keys(obj, is_ordered)`.
pub fn make_dict_keys(state: &State, args: &[*mut PyObject]) -> PyResult<Owned> {
    let name = crate::py::text::new("fromkeys")?;
    let fromkeys = attr(dict_type(state, args)?, name.as_ptr())?;
    method(&call1(fromkeys.as_ptr(), args[0])?, "keys")
}

/// `_make_dict_values(obj, is_ordered)`: the keys are positions.
pub fn make_dict_values(state: &State, args: &[*mut PyObject]) -> PyResult<Owned> {
    let pairs = call1((&raw mut PyEnum_Type).cast(), args[0])?;
    method(&call1(dict_type(state, args)?, pairs.as_ptr())?, "values")
}

/// `_make_dict_items(obj, is_ordered)`.
pub fn make_dict_items(state: &State, args: &[*mut PyObject]) -> PyResult<Owned> {
    let ty = dict_type(state, args)?;
    if ty == (&raw mut PyDict_Type).cast() {
        return method(&Owned::of(args[0]), "items");
    }
    method(&call1(ty, args[0])?, "items")
}
