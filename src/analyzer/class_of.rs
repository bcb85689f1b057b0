//! `__class__` of objects, which may be another class than their type: proxies lie.

use pyo3_ffi::*;

use crate::py::error::{PyResult, check};
use crate::py::foreign::Foreign;
use crate::py::instance::gets_plainly;
use crate::py::layout::type_of;
use crate::py::object::type_attr;
use crate::state::Names;

/// Is `__class__` of the type's instances surely the type, without foreign code that says so?
pub fn is_its_type(names: &Names, ty: *mut PyTypeObject) -> bool {
    let same = |name: *mut PyObject| {
        let own = type_attr(ty, name).map(|attr| attr.as_ptr());
        own == type_attr(&raw mut PyBaseObject_Type, name).map(|attr| attr.as_ptr())
    };
    // From 3.11 on `list[int]` hands on to `list` all but `__class__` and a few others.
    let is_alias = cfg!(Py_3_11) && ty == &raw mut Py_GenericAliasType;
    same(names.class_attr.as_ptr()) && (is_alias || gets_plainly(ty) || same(names.getattribute.as_ptr()))
}

/// `isinstance(object, types.ModuleType)`
#[inline]
pub fn is_module(names: &Names, object: *mut PyObject, foreign: &mut impl Foreign) -> PyResult<bool> {
    if let Some(sure) = is_surely_module(names, object) {
        return Ok(sure);
    }
    foreign.foreign()?;
    // SAFETY: live.
    Ok(check(unsafe { PyObject_IsInstance(object, (&raw mut PyModule_Type).cast()) })? != 0)
}

/// The same, unless only foreign code can tell.
#[inline]
pub fn is_surely_module(names: &Names, object: *mut PyObject) -> Option<bool> {
    let ty = type_of(object);
    if is_common(ty) {
        return Some(false);
    }
    // SAFETY: live.
    let is_module = unsafe { PyModule_Check(object) } != 0;
    (is_module || is_its_type(names, ty)).then_some(is_module)
}

/// Types most values are of: that of no module, and of which the same is known beforehand.
#[inline]
fn is_common(ty: *mut PyTypeObject) -> bool {
    let common = [
        &raw mut PyFunction_Type,
        &raw mut PyType_Type,
        &raw mut PyUnicode_Type,
        &raw mut PyLong_Type,
        &raw mut PyDict_Type,
        &raw mut PyList_Type,
        &raw mut PyTuple_Type,
        &raw mut PyFloat_Type,
        &raw mut PyBool_Type,
        &raw mut PyBytes_Type,
        &raw mut PyCFunction_Type,
    ];
    common.contains(&ty)
}
