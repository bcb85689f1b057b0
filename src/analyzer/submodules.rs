//! Imported submodules of the packages that a function refers to (cloudpickle's `_find_imported_submodules`).

use std::ptr;

use pyo3_ffi::*;

use super::class_of::is_module;
use super::kept::Kept;
use super::lookup;
use crate::py::code;
use crate::py::error::{PyResult, Raised};
use crate::py::foreign::Foreign;
use crate::py::layout::type_of;
use crate::py::object::{attr, call_method1, is_true, item, optional_attr};
use crate::py::owned::Owned;
use crate::py::vec::TryPush;
use crate::state::State;

/// Appends the imported submodules of one value, a global or the contents of a closure cell, that the code can name.
///
/// Values are to be given in the order of the globals, then of the cells; none is left out because it came before.
pub fn add_submodules(
    state: &State,
    code: *mut PyObject,
    value: *mut PyObject,
    found: &mut Vec<Owned>,
    foreign: &mut impl Foreign,
) -> PyResult<()> {
    if !is_module(&state.names, value, foreign)? || !has_package(state, value, foreign)? {
        return Ok(());
    }
    let package = lookup::module_name(state, value, foreign)?;
    let modules = state.modules()?;
    let names = code::fields(code).names;
    // SAFETY: live, held by `package` and `modules`.
    let plain = unsafe { PyUnicode_CheckExact(package.as_ptr()) != 0 && PyDict_CheckExact(modules.as_ptr()) != 0 };
    if plain {
        let kept = &Kept::get(state)?.modules;
        let submodules = kept.with(|index| index.below(modules.as_ptr(), package.as_ptr(), names));
        if let Some(submodules) = submodules.transpose()?.flatten() {
            for name in submodules {
                found.try_push(item(modules.as_ptr(), name.as_ptr())?)?;
            }
            return Ok(());
        }
    }
    foreign.foreign()?;
    scan(state, modules.as_ptr(), package.as_ptr(), names, found)
}

/// `hasattr(module, "__package__") and module.__package__`
fn has_package(state: &State, module: *mut PyObject, foreign: &mut impl Foreign) -> PyResult<bool> {
    let name = state.names.package.as_ptr();
    if let Some(value) = lookup::own_attr(module, name)? {
        if type_of(value.as_ptr()).cast_const() == &raw const PyUnicode_Type {
            // SAFETY: an exact str.
            return Ok(unsafe { PyUnicode_GetLength(value.as_ptr()) > 0 });
        }
        foreign.foreign()?;
        return is_true(value.as_ptr());
    }
    foreign.foreign()?;
    if optional_attr(module, name)?.is_none() {
        return Ok(false);
    }
    // Asked a second time: what the module does when asked must happen as often.
    is_true(attr(module, name)?.as_ptr())
}

/// The same for any kind of names: a look at each key of `sys.modules`, in the words of Python.
fn scan(
    state: &State,
    modules: *mut PyObject,
    package: *mut PyObject,
    names: *mut PyObject,
    found: &mut Vec<Owned>,
) -> PyResult<()> {
    let dot = state.names.dot.as_ptr();
    // SAFETY: all objects are live, held by what stands in this function; each call returns a new reference or raises.
    unsafe {
        let prefix = Owned::new(PyNumber_Add(package, dot))?;
        let keys = Owned::new(PySequence_List(modules))?;
        for position in 0..PyList_Size(keys.as_ptr()) {
            let key = Owned::of(PyList_GetItem(keys.as_ptr(), position));
            if key.as_ptr() == Py_None()
                || !is_true(call_method1(key.as_ptr(), state.names.startswith.as_ptr(), prefix.as_ptr())?.as_ptr())?
            {
                continue;
            }
            let length = PyObject_Size(prefix.as_ptr());
            if length < 0 {
                return Err(Raised);
            }
            let start = Owned::new(PyLong_FromSsize_t(length))?;
            let behind = Owned::new(PySlice_New(start.as_ptr(), ptr::null_mut(), ptr::null_mut()))?;
            let rest = Owned::new(PyObject_GetItem(key.as_ptr(), behind.as_ptr()))?;
            let parts = call_method1(rest.as_ptr(), state.names.split.as_ptr(), dot)?;
            let tokens = Owned::new(PySet_New(parts.as_ptr()))?;
            let known = Owned::new(PySet_New(names))?;
            let unknown = Owned::new(PyNumber_Subtract(tokens.as_ptr(), known.as_ptr()))?;
            if !is_true(unknown.as_ptr())? {
                found.try_push(item(state.modules()?.as_ptr(), key.as_ptr())?)?;
            }
        }
    }
    Ok(())
}
