//! The tables of cloudpickle that programs read and add to.

use std::ptr;

use pyo3_ffi::*;

use crate::py::error::{PyResult, check, clear, matches};
use crate::py::object::{attr, dict_get, import};
use crate::py::owned::Owned;
use crate::py::text;
use crate::py::types::{PyMethod_Type, PyODictItems_Type, PyODictKeys_Type, PyODictValues_Type};
use crate::reducers::builtin_types;
use crate::state::State;

/// Types that every interpreter has, with the names of their reducers.
fn built_in() -> [(*mut PyTypeObject, &'static str); 17] {
    [
        (&raw mut PyClassMethod_Type, "_classmethod_reduce"),
        (&raw mut PyMemoryView_Type, "_memoryview_reduce"),
        (&raw mut PyProperty_Type, "_property_reduce"),
        (&raw mut PyStaticMethod_Type, "_classmethod_reduce"),
        (&raw mut PyCell_Type, "_cell_reduce"),
        (&raw mut PyCode_Type, "_code_reduce"),
        (&raw mut PyGetSetDescr_Type, "_getset_descriptor_reduce"),
        (&raw mut PyModule_Type, "_module_reduce"),
        (&raw mut PyMethod_Type, "_method_reduce"),
        (&raw mut PyDictProxy_Type, "_mappingproxy_reduce"),
        (&raw mut PyDictKeys_Type, "_dict_keys_reduce"),
        (&raw mut PyDictValues_Type, "_dict_values_reduce"),
        (&raw mut PyDictItems_Type, "_dict_items_reduce"),
        (&raw mut PyODictKeys_Type, "_odict_keys_reduce"),
        (&raw mut PyODictValues_Type, "_odict_values_reduce"),
        (&raw mut PyODictItems_Type, "_odict_items_reduce"),
        (ptr::null_mut(), ""),
    ]
}

/// Types that a module has. They are entered if the module is imported when the table is made: to import it costs more
/// than the whole of this library, and the engine knows these types in any case.
const OF_MODULES: &[(&str, &str, &str)] = &[
    ("io", "TextIOWrapper", "_file_reduce"),
    ("logging", "Logger", "_logger_reduce"),
    ("logging", "RootLogger", "_root_logger_reduce"),
    ("weakref", "WeakSet", "_weakset_reduce"),
    ("typing", "TypeVar", "_typevar_reduce"),
    ("abc", "abstractmethod", "_classmethod_reduce"),
    ("abc", "abstractclassmethod", "_classmethod_reduce"),
    ("abc", "abstractstaticmethod", "_classmethod_reduce"),
    ("abc", "abstractproperty", "_property_reduce"),
    ("dataclasses", "_FIELD_BASE", "_dataclass_field_base_reduce"),
];

/// `Pickler._dispatch_table`: type -> reducer.
pub fn reducers(state: &State, functions: &Owned) -> PyResult<Owned> {
    // SAFETY: attached; a new reference.
    let table = unsafe { Owned::new(PyDict_New())? };
    let put = |ty: *mut PyObject, name: &str| {
        let name = text::new(name)?;
        let Some(function) = dict_get(functions.as_ptr(), name.as_ptr())? else { return Ok(()) };
        // SAFETY: live objects.
        check(unsafe { PyDict_SetItem(table.as_ptr(), ty, function.as_ptr()) }).map(drop)
    };
    for (ty, name) in built_in().into_iter().filter(|(ty, _)| !ty.is_null()) {
        put(ty.cast(), name)?;
    }
    let modules = state.modules()?;
    for (module, name, function) in OF_MODULES {
        let Some(module) = dict_get(modules.as_ptr(), text::new(module)?.as_ptr())? else { continue };
        match attr(module.as_ptr(), text::new(name)?.as_ptr()) {
            Ok(ty) => put(ty.as_ptr(), function)?,
            // A later CPython may have dropped it.
            // SAFETY: a static exception type.
            Err(_) if matches(unsafe { PyExc_AttributeError }) => clear(),
            Err(raised) => return Err(raised),
        }
    }
    Ok(table)
}

/// `_BUILTIN_TYPE_NAMES`: type -> its name in `types`.
pub fn builtin_type_names(state: &State) -> PyResult<Owned> {
    builtin_types::names(state)
}

/// `_empty_cell_value`: what stands for the contents of an empty cell.
pub fn empty_cell_value() -> PyResult<Owned> {
    let types = import(c"types")?;
    // SAFETY: live; new references, and NUL-terminated text.
    unsafe {
        let namespace = attr(types.as_ptr(), text::new("SimpleNamespace")?.as_ptr())?;
        Owned::new(PyObject_CallNoArgs(namespace.as_ptr()))
    }
}
