//! Bound methods.

use pyo3_ffi::PyObject;

use crate::pickler::engine::Pickler;
use crate::pickler::plan::Place;
use crate::pickler::script::Script;
use crate::py::error::PyResult;
use crate::py::types::{PyMethod_Function, PyMethod_Self, PyMethod_Type};

/// types.MethodType -> (types.MethodType, (`__func__`, `__self__`))
pub fn reduce(pickler: &mut Pickler<'_>, method: *mut PyObject) -> PyResult<Script> {
    // SAFETY: a method, which holds both.
    let (function, instance) = unsafe { (PyMethod_Function(method), PyMethod_Self(method)) };
    let mut plan = pickler.plan();
    plan.object((&raw mut PyMethod_Type).cast(), Place::Callable)?;
    plan.tuple(2)?;
    plan.part(function, Place::NamedPart(0, &"__func__"))?;
    plan.part(instance, Place::NamedPart(1, &"__self__"))?;
    plan.tuple_end(2)?;
    plan.reduce(method)?;
    Ok(plan.finish())
}
