//! The modules whose functions and classes go by value.

use pyo3_ffi::*;

use crate::analyzer::lookup::{imported, module_name, own_attr};
use crate::py::error::{PyResult, check};
use crate::py::foreign::Foreign;
use crate::py::layout::type_of;
use crate::py::object::{call_method2, item};
use crate::py::owned::Owned;
use crate::state::State;

/// The set of their names: that of the Python package if it is in the process, so that one registry serves both,
/// else our own.
pub fn names(state: &State) -> PyResult<Owned> {
    if let Some(package) = imported(state, state.wire_module.as_ptr(), &mut ())?
        && let Some(set) = own_attr(package.as_ptr(), state.names.by_value_modules.as_ptr())?
    {
        return Ok(set);
    }
    Ok(state.by_value.clone())
}

/// Is the module registered, or one of the packages that it lies in?
pub fn is_registered(state: &State, module: *mut PyObject, foreign: &mut impl Foreign) -> PyResult<bool> {
    let mut name = module_name(state, module, foreign)?;
    let registered = names(state)?;
    // SAFETY: live, held by `registered`.
    let plain = unsafe { PyAnySet_CheckExact(registered.as_ptr()) != 0 }
        && type_of(name.as_ptr()).cast_const() == &raw const PyUnicode_Type;
    if !plain {
        foreign.foreign()?;
        return contains_any(state, registered.as_ptr(), name);
    }
    // SAFETY: a live set and an exact str; the range lies within it.
    unsafe {
        if PySet_Size(registered.as_ptr()) == 0 {
            return Ok(false);
        }
        loop {
            if check(PySet_Contains(registered.as_ptr(), name.as_ptr()))? != 0 {
                return Ok(true);
            }
            let dot = PyUnicode_FindChar(name.as_ptr(), u32::from(b'.'), 0, PyUnicode_GetLength(name.as_ptr()), -1);
            if dot < 0 {
                return Ok(false);
            }
            name = Owned::new(PyUnicode_Substring(name.as_ptr(), 0, dot))?;
        }
    }
}

/// The same for a name or a set of any kind, in the words of Python.
fn contains_any(state: &State, registered: *mut PyObject, mut name: Owned) -> PyResult<bool> {
    // SAFETY: each call takes live objects, and gives a new reference or raises.
    unsafe {
        let (one, first) = (Owned::new(PyLong_FromLong(1))?, Owned::new(PyLong_FromLong(0))?);
        loop {
            if check(PySequence_Contains(registered, name.as_ptr()))? != 0 {
                return Ok(true);
            }
            let (rsplit, dot) = (state.names.rsplit.as_ptr(), state.names.dot.as_ptr());
            let parts = call_method2(name.as_ptr(), rsplit, dot, one.as_ptr())?;
            let parent = item(parts.as_ptr(), first.as_ptr())?;
            if check(PyObject_RichCompareBool(parent.as_ptr(), name.as_ptr(), Py_EQ))? != 0 {
                return Ok(false);
            }
            name = parent;
        }
    }
}
