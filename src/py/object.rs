//! Small questions to any object.

use std::ptr;

use pyo3_ffi::compat::PyDict_GetItemRef;
use pyo3_ffi::*;

#[cfg(not(Py_GIL_DISABLED))]
use super::dict::Entries;
use super::dict_find::{Found, find, find_again};
use super::error::{PyResult, check};
use super::layout::type_of;
use super::owned::Owned;
use super::undeclared::lookup_attr;

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
#[inline]
pub fn dict_get(dict: *mut PyObject, key: *mut PyObject) -> PyResult<Option<Owned>> {
    if type_of(dict) == &raw mut PyDict_Type
        && type_of(key) == &raw mut PyUnicode_Type
        && let Some(value) = find_again(dict, key)
    {
        debug_assert!(dict_ask(dict, key).is_ok_and(|asked| asked.is_some_and(|asked| asked.as_ptr() == value)));
        return Ok(Some(Owned::of(value)));
    }
    dict_find(dict, key)
}

/// The same for a key that is rarely there, or was not asked for before.
#[inline(never)]
pub fn dict_find(dict: *mut PyObject, key: *mut PyObject) -> PyResult<Option<Owned>> {
    if type_of(dict) == &raw mut PyDict_Type && type_of(key) == &raw mut PyUnicode_Type {
        let found = match find(dict, key) {
            Found::Value(value) => Some(Owned::of(value)),
            Found::Absent => None,
            Found::Unclear => return dict_ask(dict, key),
        };
        debug_assert!(
            dict_ask(dict, key)
                .is_ok_and(|asked| asked.as_ref().map(Owned::as_ptr) == found.as_ref().map(Owned::as_ptr))
        );
        return Ok(found);
    }
    dict_ask(dict, key)
}

#[inline(never)]
fn dict_ask(dict: *mut PyObject, key: *mut PyObject) -> PyResult<Option<Owned>> {
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

/// `object.name()`.
pub fn call_method0(object: *mut PyObject, name: *mut PyObject) -> PyResult<Owned> {
    // SAFETY: live, as the caller says; the list of arguments ends with NULL.
    unsafe { Owned::new(PyObject_CallMethodObjArgs(object, name, ptr::null_mut::<PyObject>())) }
}

/// `object.name(argument)`.
pub fn call_method1(object: *mut PyObject, name: *mut PyObject, argument: *mut PyObject) -> PyResult<Owned> {
    // SAFETY: live, as the caller says; the list of arguments ends with NULL.
    unsafe { Owned::new(PyObject_CallMethodObjArgs(object, name, argument, ptr::null_mut::<PyObject>())) }
}

/// `object.name(first, second)`.
pub fn call_method2(
    object: *mut PyObject,
    name: *mut PyObject,
    first: *mut PyObject,
    second: *mut PyObject,
) -> PyResult<Owned> {
    // SAFETY: live, as the caller says; the list of arguments ends with NULL.
    unsafe { Owned::new(PyObject_CallMethodObjArgs(object, name, first, second, ptr::null_mut::<PyObject>())) }
}

/// `object[key]`.
pub fn item(object: *mut PyObject, key: *mut PyObject) -> PyResult<Owned> {
    // SAFETY: live, as the caller says.
    unsafe { Owned::new(PyObject_GetItem(object, key)) }
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

/// The dict of a module proper that `modules`, an exact dict, has under a name; None for any other. Runs no foreign code.
pub fn dict_at_hand(modules: *mut PyObject, name: &str) -> PyResult<Option<Owned>> {
    if type_of(modules) != &raw mut PyDict_Type {
        return Ok(None);
    }
    let module = dict_get(modules, super::text::new(name)?.as_ptr())?;
    let module = module.filter(|module| type_of(module.as_ptr()) == &raw mut PyModule_Type);
    // SAFETY: a module has a dict.
    Ok(module.map(|module| Owned::of(unsafe { PyModule_GetDict(module.as_ptr()) })))
}

/// Calls with each item of a dict, in order. What is called may change the dict: the items of the moment are held.
pub fn each_item(dict: *mut PyObject, mut call: impl FnMut(Owned, Owned) -> PyResult<()>) -> PyResult<()> {
    let mut position = 0;
    #[cfg(Py_GIL_DISABLED)]
    while let Some((key, value)) = super::contended::dict_next(dict, &mut position) {
        call(key, value)?;
    }
    #[cfg(Py_GIL_DISABLED)]
    return Ok(());
    #[cfg(not(Py_GIL_DISABLED))]
    loop {
        let (mut key, mut value) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: a live dict; what is borrowed from it is held before anything else runs.
        let (key, value) = unsafe {
            let there = match Entries::of(dict) {
                Some(entries) => entries.next(&mut position).is_some_and(|item| {
                    (key, value) = item;
                    true
                }),
                None => PyDict_Next(dict, &mut position, &mut key, &mut value) != 0,
            };
            if !there {
                return Ok(());
            }
            (Owned::of(key), Owned::of(value))
        };
        call(key, value)?;
    }
}

/// What a class has under a name, itself or inherited: not bound to anything.
pub fn type_attr(class: *mut PyTypeObject, name: *mut PyObject) -> Option<Owned> {
    #[cfg(Py_GIL_DISABLED)]
    // SAFETY: a live class and a str; a new reference or NULL, without an exception.
    return unsafe { Owned::new_or_none(super::undeclared::_PyType_LookupRef(class, name)) };
    #[cfg(not(Py_GIL_DISABLED))]
    // SAFETY: a live class and a str; a borrowed reference or NULL, without an exception.
    unsafe {
        let value = super::undeclared::_PyType_Lookup(class, name);
        (!value.is_null()).then(|| Owned::of(value))
    }
}

/// `bool(object)`.
pub fn is_true(object: *mut PyObject) -> PyResult<bool> {
    // SAFETY: live.
    Ok(check(unsafe { PyObject_IsTrue(object) })? != 0)
}
