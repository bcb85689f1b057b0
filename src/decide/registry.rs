//! The modules whose functions and classes go by value.

use pyo3_ffi::*;

use crate::analyzer::lookup::{imported, own_attr};
use crate::py::error::{PyResult, check};
use crate::py::object::{attr, call_method2, dict_get, item};
use crate::py::owned::Owned;
use crate::state::State;

/// The set of their names: that of the Python package if it is in the process, so that one registry serves both,
/// else our own.
pub fn names(state: &State) -> PyResult<Owned> {
    if let Some(package) = imported(state, state.names.cloudpickle_module.as_ptr())? {
        let name = state.names.by_value_modules.as_ptr();
        // SAFETY: live; a module has a dict.
        let set = match unsafe { PyModule_CheckExact(package.as_ptr()) } {
            0 => None,
            _ => dict_get(unsafe { PyModule_GetDict(package.as_ptr()) }, name)?,
        };
        if let Some(set) = set {
            return Ok(set);
        }
    }
    Ok(state.by_value.clone())
}

/// Is the module registered, or one of the packages that it lies in?
pub fn is_registered(state: &State, module: *mut PyObject) -> PyResult<bool> {
    let name = state.names.name.as_ptr();
    let mut name = match own_attr(module, name)? {
        Some(name) => name,
        None => attr(module, name)?,
    };
    let registered = names(state)?;
    // SAFETY: live, held by `registered` and `name`.
    unsafe {
        if PyUnicode_CheckExact(name.as_ptr()) != 0
            && PyAnySet_CheckExact(registered.as_ptr()) != 0
            && PySet_Size(registered.as_ptr()) == 0
        {
            return Ok(false);
        }
    }
    let one = unsafe { Owned::new(PyLong_FromLong(1))? };
    let zero = unsafe { Owned::new(PyLong_FromLong(0))? };
    loop {
        // SAFETY: live, as above.
        if check(unsafe { PySequence_Contains(registered.as_ptr(), name.as_ptr()) })? != 0 {
            return Ok(true);
        }
        let (rsplit, dot) = (state.names.rsplit.as_ptr(), state.names.dot.as_ptr());
        let parts = call_method2(name.as_ptr(), rsplit, dot, one.as_ptr())?;
        let parent = item(parts.as_ptr(), zero.as_ptr())?;
        // SAFETY: live, as above.
        if check(unsafe { PyObject_RichCompareBool(parent.as_ptr(), name.as_ptr(), Py_EQ) })? != 0 {
            return Ok(false);
        }
        name = parent;
    }
}
