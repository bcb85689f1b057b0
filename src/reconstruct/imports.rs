//! What is found in modules, and modules themselves.

use pyo3_ffi::*;

use crate::py::error::{PyResult, Raised, check, raise};
use crate::py::object::{attr, call1, import};
use crate::py::owned::Owned;
use crate::py::{lookup, text};
use crate::state::State;

/// `subimport(name)`: the module itself, also for a dotted name.
pub fn subimport(state: &State, args: &[*mut PyObject]) -> PyResult<Owned> {
    // SAFETY: live; exception types live as long as the interpreter.
    unsafe {
        if PyUnicode_Check(args[0]) == 0 {
            return Err(raise(PyExc_TypeError, "the name of a module must be str"));
        }
    }
    lookup::module(state.modules()?.as_ptr(), args[0], state.names.spec.as_ptr(), state.names.initializing.as_ptr())
}

/// `dynamic_subimport(name, vars)`: a module by value.
pub fn dynamic_subimport(state: &State, args: &[*mut PyObject]) -> PyResult<Owned> {
    // SAFETY: live; the module's dict is borrowed from it.
    unsafe {
        let module = call1((&raw mut PyModule_Type).cast(), args[0])?;
        let dict = PyModule_GetDict(module.as_ptr());
        if dict.is_null() {
            return Err(Raised);
        }
        check(PyDict_Update(dict, args[1]))?;
        check(PyDict_SetItem(dict, state.names.builtins_attr.as_ptr(), state.imports.builtins_dict.as_ptr()))?;
        Ok(module)
    }
}

/// `_builtin_type(name)`: a type of the module `types`.
pub fn builtin_type(_: &State, args: &[*mut PyObject]) -> PyResult<Owned> {
    // SAFETY: static types live as long as the interpreter.
    let known: *mut PyTypeObject = match text::ascii_of(args[0]) {
        Some("CodeType") => &raw mut PyCode_Type,
        Some("FunctionType" | "LambdaType") => &raw mut PyFunction_Type,
        Some("ModuleType") => &raw mut PyModule_Type,
        // What Python 2's old classes became.
        Some("ClassType") => &raw mut PyType_Type,
        _ => return attr(import(c"types")?.as_ptr(), args[0]),
    };
    Ok(Owned::of(known.cast()))
}

/// `_get_dataclass_field_type_sentinel(name)`.
pub fn dataclass_field_sentinel(_: &State, args: &[*mut PyObject]) -> PyResult<Owned> {
    match text::ascii_of(args[0]) {
        Some("_FIELD" | "_FIELD_CLASSVAR" | "_FIELD_INITVAR") => attr(import(c"dataclasses")?.as_ptr(), args[0]),
        _ => {
            // SAFETY: live; exception types live as long as the interpreter.
            unsafe { PyErr_SetObject(PyExc_KeyError, args[0]) };
            Err(Raised)
        }
    }
}

/// `_file_reconstructor(retval)`: what a file was pickled as is what it is loaded as.
pub fn file_reconstructor(_: &State, args: &[*mut PyObject]) -> PyResult<Owned> {
    Ok(Owned::of(args[0]))
}
