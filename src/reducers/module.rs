//! Modules.

use pyo3_ffi::*;

use crate::analyzer::lookup::module_name;
use crate::decide::by_reference::module_goes_by_reference;
use crate::pickler::alive::items_now;
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
    let is_part = plan.lends(dict)?;
    // As they are now: foreign code may change the dict meanwhile.
    let items = items_now(dict)?;
    plan.borrowing(items.as_flattened(), |plan| {
        let vars = || items.iter().filter(|[key, _]| !is_builtins(*key));
        let mut on_paper = plan.dict(vars().count())?;
        for &[key, value] in vars() {
            on_paper.next(plan)?;
            plan.lent(key, is_part, Place::Hidden)?;
            plan.lent(value, is_part, Place::Entry(1, key))?;
        }
        on_paper.end(plan)
    })?;
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
