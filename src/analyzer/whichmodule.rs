//! The module of an object that claims none: it has no `__module__`, or None. Each search runs foreign code.

use std::ptr;

use pyo3_ffi::*;

use super::class_of::is_module;
use super::lookup::{QualifiedName, equals};
use crate::py::error::{self, PyResult};
use crate::py::layout::tuple_items;
use crate::py::object::call_method0;
use crate::py::owned::Owned;
use crate::state::State;

/// The name under which `sys.modules` has the first module that holds the object (the second half of cloudpickle's `_whichmodule`). Modules that raise are passed over, and so is `__main__`.
pub fn search(state: &State, object: *mut PyObject, name: &QualifiedName) -> PyResult<Option<Owned>> {
    let modules = state.modules()?;
    // A copy: a module that is asked for an attribute may import others.
    let copy = call_method0(modules.as_ptr(), state.names.copy.as_ptr())?;
    // SAFETY: live, held by `copy`; a new reference.
    let items = unsafe {
        if PyDict_CheckExact(copy.as_ptr()) != 0 {
            None
        } else {
            let items = call_method0(copy.as_ptr(), state.names.items.as_ptr())?;
            Some(Owned::new(PySequence_List(items.as_ptr()))?)
        }
    };
    let Some(items) = items else {
        let (mut key, mut module, mut position) = (ptr::null_mut(), ptr::null_mut(), 0);
        // SAFETY: a live dict that only we hold; it holds the key and the module.
        while unsafe { PyDict_Next(copy.as_ptr(), &mut position, &mut key, &mut module) } != 0 {
            if holds(state, key, module, object, name)? {
                return Ok(Some(Owned::of(key)));
            }
        }
        return Ok(None);
    };
    // SAFETY: a live list that only we hold; each item is made a tuple.
    unsafe {
        for position in 0..PyList_Size(items.as_ptr()) {
            let item = Owned::new(PySequence_Tuple(PyList_GetItem(items.as_ptr(), position)))?;
            let [key, module] = *tuple_items(item.as_ptr()) else {
                return Err(error::raise(PyExc_ValueError, "sys.modules.items() must give pairs"));
            };
            if holds(state, key, module, object, name)? {
                return Ok(Some(Owned::of(key)));
            }
        }
    }
    Ok(None)
}

/// Is this a module, other than the main one, that holds the object under the name?
fn holds(
    state: &State,
    key: *mut PyObject,
    module: *mut PyObject,
    object: *mut PyObject,
    name: &QualifiedName,
) -> PyResult<bool> {
    // SAFETY: None is there for the interpreter's life.
    let none = unsafe { Py_None() };
    if equals(key, state.names.main.as_ptr(), &mut ())?
        || equals(key, state.names.mp_main.as_ptr(), &mut ())?
        || module == none
        || !is_module(&state.names, module, &mut ())?
    {
        return Ok(false);
    }
    match name.find_in(state, module, &mut ()) {
        Ok(found) => Ok(found.is_some_and(|found| found.as_ptr() == object)),
        // SAFETY: the exception types are there for the interpreter's life.
        Err(_) if error::matches(unsafe { PyExc_Exception }) => {
            error::clear();
            Ok(false)
        }
        Err(raised) => Err(raised),
    }
}

/// From 3.15 on `_pickle` passes over the main module of a spawned process too.
const PICKLE_SKIPS_MP_MAIN: bool = cfg!(Py_3_15);

/// The same as C `pickle` searches: in `sys.modules` itself, in whatever lies there, and it lets through what is
/// raised. `__main__` if there is none.
pub fn for_pickle(state: &State, object: *mut PyObject, name: *mut PyObject) -> PyResult<Owned> {
    let name = QualifiedName::new(state, name, &mut ())?;
    let modules = state.modules()?;
    // SAFETY: live, held by `modules`.
    let found = match unsafe { PyDict_CheckExact(modules.as_ptr()) } {
        0 => search_mapping(state, modules.as_ptr(), object, &name)?,
        _ => search_dict(state, modules.as_ptr(), object, &name)?,
    };
    Ok(found.unwrap_or_else(|| Owned::of(state.names.main.as_ptr())))
}

fn search_dict(
    state: &State,
    modules: *mut PyObject,
    object: *mut PyObject,
    name: &QualifiedName,
) -> PyResult<Option<Owned>> {
    #[cfg(Py_GIL_DISABLED)]
    let copy = crate::py::contended::copy_of(modules)?;
    #[cfg(Py_GIL_DISABLED)]
    let modules = copy.as_ptr();
    let (mut key, mut module, mut position) = (ptr::null_mut(), ptr::null_mut(), 0);
    // SAFETY: a live dict. It may change in between, which the call allows for.
    while unsafe { PyDict_Next(modules, &mut position, &mut key, &mut module) } != 0 {
        let (key, module) = (Owned::of(key), Owned::of(module));
        if holds_for_pickle(state, key.as_ptr(), module.as_ptr(), object, name)? {
            return Ok(Some(key));
        }
    }
    Ok(None)
}

fn search_mapping(
    state: &State,
    modules: *mut PyObject,
    object: *mut PyObject,
    name: &QualifiedName,
) -> PyResult<Option<Owned>> {
    // SAFETY: live, as the caller says; each call gives a new reference or raises.
    unsafe {
        let keys = Owned::new(PyObject_GetIter(modules))?;
        while let Some(key) = Owned::new_or_none(PyIter_Next(keys.as_ptr())) {
            let module = Owned::new(PyObject_GetItem(modules, key.as_ptr()))?;
            if holds_for_pickle(state, key.as_ptr(), module.as_ptr(), object, name)? {
                return Ok(Some(key));
            }
        }
    }
    if error::occurred() { Err(error::Raised) } else { Ok(None) }
}

fn holds_for_pickle(
    state: &State,
    key: *mut PyObject,
    module: *mut PyObject,
    object: *mut PyObject,
    name: &QualifiedName,
) -> PyResult<bool> {
    // SAFETY: live; None is there for the interpreter's life.
    unsafe {
        if module == Py_None()
            || (PyUnicode_Check(key) != 0
                && (PyUnicode_CompareWithASCIIString(key, c"__main__".as_ptr()) == 0
                    || (PICKLE_SKIPS_MP_MAIN && PyUnicode_CompareWithASCIIString(key, c"__mp_main__".as_ptr()) == 0)))
        {
            return Ok(false);
        }
    }
    Ok(name.find_in(state, module, &mut ())?.is_some_and(|found| found.as_ptr() == object))
}
