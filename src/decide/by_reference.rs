//! Can an object be found again by its name, or must it go by value?

use pyo3_ffi::*;

use super::registry;
use crate::analyzer::lookup::{QualifiedName, equals, imported};
use crate::analyzer::whichmodule;
use crate::py::error::{PyResult, check};
use crate::py::object::{attr, optional_attr};
use crate::py::owned::Owned;
use crate::state::State;

/// Where an object was found.
pub struct Found {
    pub module: Owned,
    /// Its `__qualname__`, or the name that was asked for.
    pub name: Owned,
}

/// cloudpickle's `_should_pickle_by_reference` for a function or a class.
pub fn goes_by_reference(state: &State, object: *mut PyObject) -> PyResult<bool> {
    match lookup_module_and_qualname(state, object, None)? {
        Some(found) => Ok(!registry::is_registered(state, found.module.as_ptr())?),
        None => Ok(false),
    }
}

/// The same for a module: it is imported and not registered.
pub fn module_goes_by_reference(state: &State, module: *mut PyObject) -> PyResult<bool> {
    if registry::is_registered(state, module)? {
        return Ok(false);
    }
    let name = attr(module, state.names.name.as_ptr())?;
    let modules = state.modules()?;
    // SAFETY: live, held by `modules` and `name`.
    Ok(check(unsafe { PySequence_Contains(modules.as_ptr(), name.as_ptr()) })? != 0)
}

/// The imported module, other than `__main__`, that has the object under its qualified name or under the one given
/// (cloudpickle's `_lookup_module_and_qualname`). None if there is none: then the object is dynamic.
pub fn lookup_module_and_qualname(
    state: &State,
    object: *mut PyObject,
    name: Option<*mut PyObject>,
) -> PyResult<Option<Found>> {
    let (name, claimed) = match (name, as_function(object)) {
        (None, Some(function)) => {
            // These two attributes of a function are its fields, whatever else is written on it.
            (Owned::of(function.func_qualname), not_none(function.func_module))
        }
        (name, _) => {
            let name = match name {
                Some(name) => Owned::of(name),
                None => qualname(state, object)?,
            };
            (name, whichmodule::claimed(state, object)?)
        }
    };
    let mut split = None;
    let module_name = match claimed {
        Some(module_name) => module_name,
        None => {
            let name = split.insert(QualifiedName::new(state, name.as_ptr())?);
            match whichmodule::search(state, object, name)? {
                Some(module_name) => module_name,
                None => return Ok(None),
            }
        }
    };
    if equals(module_name.as_ptr(), state.names.main.as_ptr())? {
        return Ok(None);
    }
    let Some(module) = imported(state, module_name.as_ptr())? else { return Ok(None) };
    let split = match split {
        Some(split) => split,
        None => QualifiedName::new(state, name.as_ptr())?,
    };
    match split.find_in(state, module.as_ptr())? {
        Some(found) if found.as_ptr() == object => Ok(Some(Found { module, name })),
        _ => Ok(None),
    }
}

/// `object.__qualname__`, or `object.__name__`, or None.
fn qualname(state: &State, object: *mut PyObject) -> PyResult<Owned> {
    let qualname = optional_attr(object, state.names.qualname.as_ptr())?;
    // SAFETY: None is there for the interpreter's life.
    let none = unsafe { Py_None() };
    if let Some(name) = qualname.filter(|name| name.as_ptr() != none) {
        return Ok(name);
    }
    Ok(optional_attr(object, state.names.name.as_ptr())?.unwrap_or_else(|| Owned::of(none)))
}

/// The fields of a function proper, which live as long as it.
fn as_function<'a>(object: *mut PyObject) -> Option<&'a PyFunctionObject> {
    // SAFETY: live; a function, which has no subclasses, is laid out like this.
    unsafe { (PyFunction_Check(object) != 0).then(|| &*object.cast::<PyFunctionObject>()) }
}

/// A field of a function as its attribute: NULL is None there.
fn not_none(field: *mut PyObject) -> Option<Owned> {
    // SAFETY: None is there for the interpreter's life.
    (!field.is_null() && field != unsafe { Py_None() }).then(|| Owned::of(field))
}
