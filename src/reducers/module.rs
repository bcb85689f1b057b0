//! Modules.

use pyo3_ffi::*;

use crate::analyzer::lookup::module_name;
use crate::decide::by_reference::module_goes_by_reference;
use crate::pickler::engine::Pickler;
use crate::pickler::plan::Place;
use crate::pickler::script::Script;
use crate::protocol::wire::Wire;
use crate::py::error::PyResult;
use crate::py::layout::type_of;

/// types.ModuleType -> (subimport, (name,)), or (dynamic_subimport, (name, dict without `__builtins__`))
pub fn reduce(pickler: &mut Pickler<'_>, module: *mut PyObject) -> PyResult<Script> {
    let state = pickler.state;
    let by_reference = module_goes_by_reference(state, module, pickler)?;
    let name = module_name(state, module, pickler)?;
    let mut plan = pickler.plan();
    if by_reference {
        plan.wire(Wire::Subimport)?;
        plan.tuple(1)?;
        plan.owned(name, Place::Part(0))?;
        plan.tuple_end(1)?;
        plan.reduce(module)?;
        return Ok(plan.finish());
    }
    plan.wire(Wire::DynamicSubimport)?;
    plan.tuple(2)?;
    plan.owned(name, Place::Part(0))?;
    // SAFETY: a module has a dict.
    let dict = unsafe { PyModule_GetDict(module) };
    // Other threads may change it.
    #[cfg(Py_GIL_DISABLED)]
    let dict = {
        let copy = crate::py::contended::copy_of(dict)?;
        plan.pickler().keep(copy)?
    };
    let builtins = state.names.builtins_attr.as_ptr();
    // SAFETY: a live dict.
    let len = unsafe { PyDict_Size(dict) as usize - (PyDict_Contains(dict, builtins) == 1) as usize };
    let is_part = plan.lends(dict)?;
    let mut vars = plan.dict(len)?;
    let (mut key, mut value, mut position) = (std::ptr::null_mut(), std::ptr::null_mut(), 0);
    // SAFETY: a live dict, which nothing changes meanwhile.
    while unsafe { PyDict_Next(dict, &mut position, &mut key, &mut value) } != 0 {
        if is_builtins(key) {
            continue;
        }
        vars.next(&mut plan)?;
        plan.lent(key, is_part, Place::Hidden)?;
        plan.lent(value, is_part, Place::Entry(1, key))?;
    }
    vars.end(&mut plan)?;
    plan.tuple_end(2)?;
    plan.reduce(module)?;
    Ok(plan.finish())
}

/// `key == "__builtins__"`, for an exact `str`.
fn is_builtins(key: *mut PyObject) -> bool {
    // SAFETY: an exact str, and NUL-terminated text.
    type_of(key).cast_const() == &raw const PyUnicode_Type
        && unsafe { PyUnicode_CompareWithASCIIString(key, c"__builtins__".as_ptr()) == 0 }
}
