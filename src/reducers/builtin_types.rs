//! Types that the module `types` has names for, and the types of the singletons.

use pyo3_ffi::*;

use crate::pickler::engine::Pickler;
use crate::pickler::plan::Place;
use crate::pickler::script::Script;
use crate::protocol::wire::Wire;
use crate::py::class::compares_by_identity;
use crate::py::collector::{CAN_WAIT, postponed};
use crate::py::error::{PyResult, check};
use crate::py::layout::type_of;
use crate::py::object::{dict_at_hand, dict_get, each_item, import};
use crate::py::owned::Owned;
use crate::state::State;

/// type(None) -> (type, (None,)); types.X -> (_builtin_type, ("X",)); None for any other class
pub fn reduce(pickler: &mut Pickler<'_>, class: *mut PyObject) -> PyResult<Option<Script>> {
    // SAFETY: static objects.
    let singletons = unsafe { [Py_None(), Py_Ellipsis(), Py_NotImplemented()] };
    if let Some(only) = singletons.into_iter().find(|only| type_of(*only).cast() == class) {
        let mut plan = pickler.plan();
        plan.object((&raw mut PyType_Type).cast(), Place::Callable)?;
        plan.tuple(1)?;
        plan.object(only, Place::Part(0))?;
        plan.tuple_end(1)?;
        plan.reduce(class)?;
        return Ok(Some(plan.finish()));
    }
    let Some(name) = name(pickler, class)? else { return Ok(None) };
    let mut plan = pickler.plan();
    plan.wire(Wire::BuiltinType)?;
    plan.tuple(1)?;
    plan.owned(name, Place::Part(0))?;
    plan.tuple_end(1)?;
    plan.reduce(class)?;
    Ok(Some(plan.finish()))
}

/// The name in `types`: the last of several.
fn name(pickler: &mut Pickler<'_>, class: *mut PyObject) -> PyResult<Option<Owned>> {
    let state = pickler.state;
    if state.builtin_type_names.made::<Owned>().is_none() && !are_at_hand(state)? {
        pickler.foreign()?;
    }
    let names = names(state)?;
    if !compares_by_identity(type_of(class)) {
        pickler.foreign()?;
    }
    dict_get(names.as_ptr(), class)
}

/// cloudpickle's `_BUILTIN_TYPE_NAMES`: type -> its name in `types`.
pub fn names(state: &State) -> PyResult<Owned> {
    state.builtin_type_names.get(collect).cloned()
}

/// Finds the names, if that runs no foreign code.
fn are_at_hand(state: &State) -> PyResult<bool> {
    if !CAN_WAIT {
        return Ok(false);
    }
    let Some(dict) = dict_at_hand(state.modules()?.as_ptr(), "types")? else { return Ok(false) };
    postponed(|| state.builtin_type_names.get(|| collect_from(dict.as_ptr()))).map(|_| true)
}

fn collect() -> PyResult<Owned> {
    let types = import(c"types")?;
    // SAFETY: live; a dict that is held by `types`.
    collect_from(unsafe { PyModule_GetDict(types.as_ptr()) })
}

/// Each exact instance of `type` in the dict of the module `types`, with its name.
fn collect_from(dict: *mut PyObject) -> PyResult<Owned> {
    // SAFETY: attached; a new reference.
    let names = unsafe { Owned::new(PyDict_New())? };
    each_item(dict, |key, value| {
        if type_of(value.as_ptr()).cast_const() == &raw const PyType_Type {
            // SAFETY: live; another dict than the one that is read. The hash of such a type is its address.
            check(unsafe { PyDict_SetItem(names.as_ptr(), value.as_ptr(), key.as_ptr()) })?;
        }
        Ok(())
    })?;
    Ok(names)
}
