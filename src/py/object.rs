//! Small questions to any object.

use std::ptr;

use pyo3_ffi::compat::PyDict_GetItemRef;
use pyo3_ffi::*;

use super::error::{PyResult, check};
use super::undeclared::lookup_attr;
use super::owned::Owned;

/// `getattr(object, name)`.
pub fn attr(object: *mut PyObject, name: *mut PyObject) -> PyResult<Owned> {
    // SAFETY: live, as the caller says.
    unsafe { Owned::new(PyObject_GetAttr(object, name)) }
}

/// `getattr(object, name, None)` that tells absence (AttributeError) from other failures.
pub fn optional_attr(object: *mut PyObject, name: *mut PyObject) -> PyResult<Option<Owned>> {
    let mut value = ptr::null_mut();
    // SAFETY: live, as the caller says; value is NULL or a new reference afterwards.
    unsafe {
        check(lookup_attr(object, name, &mut value))?;
        Ok(Owned::new_or_none(value))
    }
}

/// `dict.get(key)`, a strong reference.
pub fn dict_get(dict: *mut PyObject, key: *mut PyObject) -> PyResult<Option<Owned>> {
    let mut value = ptr::null_mut();
    // SAFETY: live, as the caller says; value is NULL or a new reference afterwards.
    unsafe {
        check(PyDict_GetItemRef(dict, key, &mut value))?;
        Ok(Owned::new_or_none(value))
    }
}

/// `callable(argument)`.
pub fn call1(callable: *mut PyObject, argument: *mut PyObject) -> PyResult<Owned> {
    // SAFETY: live, as the caller says; the list of arguments ends with NULL.
    unsafe { Owned::new(PyObject_CallFunctionObjArgs(callable, argument, ptr::null_mut::<PyObject>())) }
}

/// `import module`, the module itself also for a dotted name.
pub fn import(module: &std::ffi::CStr) -> PyResult<Owned> {
    // SAFETY: NUL-terminated text.
    unsafe { Owned::new(PyImport_ImportModule(module.as_ptr())) }
}

/// `module.name` of a module that is imported if it was not.
pub fn import_from(module: &std::ffi::CStr, name: &std::ffi::CStr) -> PyResult<Owned> {
    let module = import(module)?;
    // SAFETY: live, held by `module`; NUL-terminated text.
    unsafe { Owned::new(PyObject_GetAttrString(module.as_ptr(), name.as_ptr())) }
}

/// Calls with each item of a dict, in order. What is called may change the dict: the items of the moment are held.
pub fn each_item(dict: *mut PyObject, mut call: impl FnMut(Owned, Owned) -> PyResult<()>) -> PyResult<()> {
    let mut position = 0;
    loop {
        let (mut key, mut value) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: a live dict; what is borrowed from it is held before anything else runs.
        let (key, value) = unsafe {
            if PyDict_Next(dict, &mut position, &mut key, &mut value) == 0 {
                return Ok(());
            }
            (Owned::of(key), Owned::of(value))
        };
        call(key, value)?;
    }
}
