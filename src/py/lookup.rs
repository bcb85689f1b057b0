//! A module by name, and what is in it.

use pyo3_ffi::*;

use super::error::{PyResult, Raised, clear, matches, raise, raise_from_current};
use super::instance::value_at_hand;
use super::layout::type_of;
use super::object::{attr, dict_get, optional_attr};
use super::owned::Owned;
use super::text::{self, repr};
use crate::py::message::message;

/// The module that `import name` makes; that of `sys.modules` without the call if it is complete.
///
/// `spec` and `initializing` are the names `__spec__` and `_initializing`.
pub fn module(
    modules: *mut PyObject,
    name: *mut PyObject,
    spec: *mut PyObject,
    initializing: *mut PyObject,
) -> PyResult<Owned> {
    // SAFETY: live; a new reference or NULL with an exception.
    unsafe {
        if PyDict_CheckExact(modules) != 0
            && let Some(module) = dict_get(modules, name)?
            && Py_TYPE(module.as_ptr()) == &raw mut PyModule_Type
            && !in_the_making(&module, spec, initializing)?
        {
            return Ok(module);
        }
        Owned::new(PyImport_Import(name))
    }
}

/// Is the module being imported at this moment, here or in another thread?
fn in_the_making(module: &Owned, spec: *mut PyObject, initializing: *mut PyObject) -> PyResult<bool> {
    // SAFETY: a live module; its dict is borrowed from it.
    let spec = unsafe {
        let dict = PyModule_GetDict(module.as_ptr());
        if dict.is_null() {
            return Err(Raised);
        }
        dict_get(dict, spec)?
    };
    // SAFETY: None lives as long as the interpreter.
    let Some(spec) = spec.filter(|spec| spec.as_ptr() != unsafe { Py_None() }) else { return Ok(false) };
    let value = match value_at_hand(spec.as_ptr(), initializing) {
        None => optional_attr(spec.as_ptr(), initializing)?,
        value => value,
    };
    match value {
        // SAFETY: a static object.
        Some(value) if value.as_ptr() == unsafe { Py_False() } => Ok(false),
        // SAFETY: live.
        Some(value) => Ok(unsafe { PyObject_IsTrue(value.as_ptr()) } != 0),
        None => Ok(false),
    }
}

/// What a module has under a name, which may be dotted if the pickle is of protocol 4 or more.
pub fn global(module: *mut PyObject, name: *mut PyObject, dotted: bool) -> PyResult<Owned> {
    let path = if dotted { text::utf8(name)?.contains('.') } else { false };
    if !path {
        // The type of modules has only names that begin with an underscore.
        if type_of(module) == &raw mut PyModule_Type
            && text::ascii_of(name).is_some_and(|name| !name.starts_with('_'))
            // SAFETY: a module has a dict.
            && let Some(object) = dict_get(unsafe { PyModule_GetDict(module) }, name)?
        {
            return Ok(object);
        }
        return match optional_attr(module, name)? {
            Some(object) => Ok(object),
            None => Err(absent(module, name, false)),
        };
    }
    let mut object = Owned::of(module);
    for part in text::utf8(name)?.split('.') {
        if !cfg!(Py_3_14) && part == "<locals>" {
            return Err(absent(module, name, true));
        }
        let part = text::new(part)?;
        match optional_attr(object.as_ptr(), part.as_ptr())? {
            Some(inner) => object = inner,
            None => {
                if cfg!(Py_3_14) {
                    // What the object says of its lack becomes the context.
                    drop(attr(object.as_ptr(), part.as_ptr()));
                }
                return Err(absent(module, name, true));
            }
        }
    }
    Ok(object)
}

/// AttributeError in the words of this CPython version.
#[cold]
fn absent(module: *mut PyObject, name: *mut PyObject, path: bool) -> Raised {
    let message = if cfg!(Py_3_14) {
        if !path {
            // The lookup itself says it best.
            return attr(module, name).err().unwrap_or(Raised);
        }
        message!("Can't resolve path {} on module {}", repr(name), module_name(module))
    } else if repr(name).contains("<locals>") {
        let verb = if cfg!(Py_3_13) { "get" } else { "pickle" };
        message!("Can't {verb} local attribute {} on {}", repr(name), repr(module))
    } else {
        message!("Can't get attribute {} on {}", repr(name), repr(module))
    };
    // SAFETY: exception types live as long as the interpreter.
    raise_from_current(|| raise(unsafe { PyExc_AttributeError }, &message))
}

/// `repr` of the module's name.
fn module_name(module: *mut PyObject) -> String {
    // SAFETY: live; a new reference or NULL with an exception.
    match unsafe { Owned::new(PyModule_GetNameObject(module)) } {
        Ok(name) => repr(name.as_ptr()),
        Err(Raised) => {
            // SAFETY: exception types live as long as the interpreter.
            debug_assert!(matches(unsafe { PyExc_Exception }));
            clear();
            repr(module)
        }
    }
}
