//! Our own modules in the place of an absent `cloudpickle`, so that plain `pickle.loads` finds what pickles call.

use std::ffi::CStr;

use pyo3_ffi::*;

use super::{table, tracker};
use crate::protocol::wire::{VERSION, Wire};
use crate::py::error::{PyResult, check};
use crate::py::object::{call1, dict_get, import_from};
use crate::py::owned::Owned;
use crate::py::text;
use crate::state::State;

const PACKAGE: &str = "cloudpickle";

/// Puts the modules into `sys.modules` unless `cloudpickle` is there or can be imported; says whether it did.
pub fn install() -> PyResult<bool> {
    let state = State::get()?;
    if is_present(state)? {
        return Ok(false);
    }
    let loading = loading_functions(state)?;
    let package = module(state, PACKAGE, true)?;
    let modules = state.modules()?;
    let names: [&str; 2] = table::MODULES;
    for name in names {
        let inner = module(state, name, false)?;
        // SAFETY: a live module and a live dict; the module's dict is borrowed from it.
        check(unsafe { PyDict_Update(PyModule_GetDict(inner.as_ptr()), loading.as_ptr()) })?;
        set(&package, name.rsplit('.').next().unwrap_or(name), inner.as_ptr())?;
        put(&modules, name, &inner)?;
    }
    for wire in [Wire::Subimport, Wire::DynamicSubimport] {
        set(&package, wire.name(), table::callables(state)?[wire as usize].as_ptr())?;
    }
    for name in [c"load", c"loads"] {
        set(&package, &name.to_string_lossy(), import_from(c"pickle", name)?.as_ptr())?;
    }
    put(&modules, PACKAGE, &package)?;
    Ok(true)
}

/// Is the package imported, or would it be?
fn is_present(state: &State) -> PyResult<bool> {
    let package = text::new(PACKAGE)?;
    // SAFETY: None lives as long as the interpreter.
    let none = unsafe { Py_None() };
    if let Some(module) = dict_get(state.modules()?.as_ptr(), package.as_ptr())? {
        // None forbids the import.
        return Ok(module.as_ptr() != none);
    }
    let find_spec = import_from(c"importlib.util", c"find_spec")?;
    Ok(call1(find_spec.as_ptr(), package.as_ptr())?.as_ptr() != none)
}

/// What is in `cloudpickle.cloudpickle`: the functions that pickles call, and what the two libraries share.
fn loading_functions(state: &State) -> PyResult<Owned> {
    // SAFETY: attached; a new reference.
    let functions = unsafe { Owned::new(PyDict_New())? };
    for (wire, callable) in Wire::ALL.iter().zip(table::callables(state)?) {
        put(&functions, wire.name(), callable)?;
    }
    let tracker = tracker::own()?;
    put(&functions, "_DYNAMIC_CLASS_TRACKER_BY_CLASS", &tracker.by_class)?;
    put(&functions, "_DYNAMIC_CLASS_TRACKER_BY_ID", &tracker.by_id)?;
    put(&functions, "_PICKLE_BY_VALUE_MODULES", &state.by_value)?;
    // Versions before 2.0 wrote this one by reference.
    put(&functions, "CellType", &Owned::of((&raw mut PyCell_Type).cast()))?;
    for name in [c"load", c"loads"] {
        put(&functions, &name.to_string_lossy(), &import_from(c"pickle", name)?)?;
    }
    Ok(functions)
}

/// An empty module with a spec, as the import system wants to find it.
fn module(state: &State, name: &str, is_package: bool) -> PyResult<Owned> {
    const MACHINERY: &CStr = c"importlib.machinery";
    let name = text::new(name)?;
    let module_spec = import_from(MACHINERY, c"ModuleSpec")?;
    // SAFETY: live; new references or NULL with an exception.
    unsafe {
        let module = Owned::new(PyModule_NewObject(name.as_ptr()))?;
        let spec = Owned::new(PyObject_CallFunctionObjArgs(
            module_spec.as_ptr(),
            name.as_ptr(),
            Py_None(),
            std::ptr::null_mut::<PyObject>(),
        ))?;
        check(PyObject_SetAttr(module.as_ptr(), state.names.spec.as_ptr(), spec.as_ptr()))?;
        if is_package {
            // Nothing is to be found in it.
            let path = Owned::new(PyList_New(0))?;
            check(PyObject_SetAttr(module.as_ptr(), state.names.path.as_ptr(), path.as_ptr()))?;
            set(&spec, "submodule_search_locations", path.as_ptr())?;
            set(&module, "__version__", text::new(&VERSION.to_string_lossy())?.as_ptr())?;
        }
        Ok(module)
    }
}

fn set(object: &Owned, name: &str, value: *mut PyObject) -> PyResult<()> {
    let name = text::new(name)?;
    // SAFETY: all are live.
    check(unsafe { PyObject_SetAttr(object.as_ptr(), name.as_ptr(), value) }).map(drop)
}

fn put(dict: &Owned, name: &str, value: &Owned) -> PyResult<()> {
    let name = text::new(name)?;
    // SAFETY: all are live.
    check(unsafe { PyDict_SetItem(dict.as_ptr(), name.as_ptr(), value.as_ptr()) }).map(drop)
}
