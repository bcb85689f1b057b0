//! Which reducer is asked for which object.

use pyo3_ffi::*;

use super::{cell, class, code, function, method, module};
use crate::pickler::engine::Pickler;
use crate::pickler::frame::Frame;
use crate::py::error::{PyResult, check};
use crate::py::layout::type_of;
use crate::py::object::type_attr;
use crate::py::types::PyMethod_Type;

/// Describes an object; the frame carries the description out.
pub type Reducer = fn(&mut Pickler<'_>, *mut PyObject) -> PyResult<Frame>;

/// Classes and functions (cloudpickle's `Pickler.reducer_override`): None if the object goes by reference, or is
/// neither.
pub fn class_or_function(pickler: &mut Pickler<'_>, object: *mut PyObject) -> PyResult<Option<Frame>> {
    let ty = type_of(object);
    if ty.cast_const() == &raw const PyFunction_Type {
        return function::reduce(pickler, object);
    }
    // SAFETY: a live type.
    if unsafe { PyType_HasFeature(ty, Py_TPFLAGS_TYPE_SUBCLASS) } != 0 {
        return class::reduce(pickler, object);
    }
    if claims_to_be_function(pickler, object, ty)? { function::reduce(pickler, object) } else { Ok(None) }
}

/// `isinstance(object, types.FunctionType)` for what is none: it asks for `__class__`, and proxies lie.
fn claims_to_be_function(pickler: &mut Pickler<'_>, object: *mut PyObject, ty: *mut PyTypeObject) -> PyResult<bool> {
    if is_its_type(pickler, ty) {
        return Ok(false);
    }
    pickler.foreign()?;
    // SAFETY: live.
    Ok(check(unsafe { PyObject_IsInstance(object, (&raw mut PyFunction_Type).cast()) })? != 0)
}

/// Is `__class__` of the type's instances surely the type, without foreign code that says so?
fn is_its_type(pickler: &Pickler<'_>, ty: *mut PyTypeObject) -> bool {
    let names = &pickler.state.names;
    let same = |name: *mut PyObject| {
        let own = type_attr(ty, name).map(|attr| attr.as_ptr());
        own == type_attr(&raw mut PyBaseObject_Type, name).map(|attr| attr.as_ptr())
    };
    // SAFETY: a live type.
    let generic =
        unsafe { (*ty).tp_getattro.map(|f| f as usize) == Some(PyObject_GenericGetAttr as *const () as usize) };
    same(names.class_attr.as_ptr()) && (generic || same(names.getattribute.as_ptr()))
}

/// The reducer of cloudpickle's dispatch table for objects of exactly this type.
pub fn by_type(pickler: &mut Pickler<'_>, ty: *mut PyTypeObject) -> PyResult<Option<Reducer>> {
    let _ = pickler;
    let rows: &[(*mut PyTypeObject, Reducer)] = &[
        (&raw mut PyCell_Type, cell::reduce),
        (&raw mut PyCode_Type, code::reduce),
        (&raw mut PyMethod_Type, method::reduce),
        (&raw mut PyModule_Type, module::reduce),
    ];
    Ok(rows.iter().find(|(row, _)| *row == ty).map(|(_, reducer)| *reducer))
}
