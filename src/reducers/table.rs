//! Which reducer is asked for which object.

use std::ffi::CStr;

use pyo3_ffi::*;

use super::{builtin_types, by_name, cell, class, code, descriptor, file, function, method, module, typevar, view};
use crate::analyzer::class_of::is_its_type;
use crate::analyzer::lookup;
use crate::decide::by_reference::found_by_reference;
use crate::pickler::engine::Pickler;
use crate::pickler::script::Script;
use crate::py::class::is_class;
use crate::py::error::{PyResult, check};
use crate::py::layout::type_of;
use crate::py::owned::Owned;
use crate::py::text;
use crate::py::types::*;
use crate::py::vec::try_gather;

/// Describes an object; the frame carries the description out.
pub type Reducer = fn(&mut Pickler<'_>, *mut PyObject) -> PyResult<Script>;

/// A type written in C that every interpreter shares, and its reducer.
struct BuiltIn(*mut PyTypeObject, Reducer);

// SAFETY: the address of a static.
unsafe impl Sync for BuiltIn {}

/// The most frequent ones come first.
static BUILT_IN: [BuiltIn; 16] = [
    BuiltIn(&raw mut PyCell_Type, cell::reduce),
    BuiltIn(&raw mut PyCode_Type, code::reduce),
    BuiltIn(&raw mut PyProperty_Type, descriptor::property),
    BuiltIn(&raw mut PyClassMethod_Type, descriptor::wrapped_function),
    BuiltIn(&raw mut PyStaticMethod_Type, descriptor::wrapped_function),
    BuiltIn(&raw mut PyModule_Type, module::reduce),
    BuiltIn(&raw mut PyMethod_Type, method::reduce),
    BuiltIn(&raw mut PyGetSetDescr_Type, descriptor::getset),
    BuiltIn(&raw mut PyDictProxy_Type, view::mapping_proxy),
    BuiltIn(&raw mut PyMemoryView_Type, view::memory_view),
    BuiltIn(&raw mut PyDictKeys_Type, view::keys),
    BuiltIn(&raw mut PyDictValues_Type, view::values),
    BuiltIn(&raw mut PyDictItems_Type, view::items),
    BuiltIn(&raw mut PyODictKeys_Type, view::keys),
    BuiltIn(&raw mut PyODictValues_Type, view::values),
    BuiltIn(&raw mut PyODictItems_Type, view::items),
];

/// The reducer for objects of exactly this type, if it is one of these.
#[inline]
pub fn built_in(ty: *mut PyTypeObject) -> Option<Reducer> {
    BUILT_IN.iter().find(|row| row.0 == ty).map(|row| row.1)
}

/// Types that a module makes: what they call themselves, the module, their name in it.
const OF_MODULES: &[(&CStr, &str, &str, Reducer)] = &[
    (c"Logger", "logging", "Logger", by_name::logger),
    (c"RootLogger", "logging", "RootLogger", by_name::root_logger),
    (c"TypeVar", "typing", "TypeVar", typevar::reduce),
    (c"typing.TypeVar", "typing", "TypeVar", typevar::reduce),
    (c"WeakSet", "weakref", "WeakSet", view::weak_set),
    (c"_FIELD_BASE", "dataclasses", "_FIELD_BASE", by_name::dataclass_sentinel),
    (c"_io.TextIOWrapper", "io", "TextIOWrapper", file::reduce),
    (c"abstractclassmethod", "abc", "abstractclassmethod", descriptor::wrapped_function),
    (c"abstractproperty", "abc", "abstractproperty", descriptor::property),
    (c"abstractstaticmethod", "abc", "abstractstaticmethod", descriptor::wrapped_function),
];

/// The reducer of cloudpickle's dispatch table for objects of exactly this type.
pub fn by_type(pickler: &mut Pickler<'_>, ty: *mut PyTypeObject) -> PyResult<Option<Reducer>> {
    match built_in(ty) {
        None => of_modules(pickler, ty),
        known => Ok(known),
    }
}

/// The same for types that a module makes.
pub fn of_modules(pickler: &mut Pickler<'_>, ty: *mut PyTypeObject) -> PyResult<Option<Reducer>> {
    // SAFETY: a live type; its name is NUL-terminated text.
    let name = unsafe { CStr::from_ptr((*ty).tp_name) };
    let state = pickler.state;
    for (row, (calls_itself, .., reducer)) in OF_MODULES.iter().enumerate() {
        if *calls_itself != name {
            continue;
        }
        let (module, in_module) = &state.module_types.get(names_in_modules)?[row];
        let Some(module) = lookup::imported(state, module.as_ptr(), pickler)? else { continue };
        let Some(found) = lookup::own_attr(module.as_ptr(), in_module.as_ptr())? else { continue };
        if found.as_ptr() == ty.cast() {
            return Ok(Some(*reducer));
        }
    }
    Ok(None)
}

/// The names of modules and of what is looked for in them, row by row.
#[cold]
fn names_in_modules() -> PyResult<Vec<(Owned, Owned)>> {
    try_gather(OF_MODULES.iter().map(|(_, module, name, _)| Ok((text::intern(module)?, text::intern(name)?))))
}

/// What goes by reference if it can be found again (cloudpickle's `Pickler.reducer_override`).
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A function, or what says of itself that it is one.
    Function,
    Class,
}

impl Kind {
    /// Which of them an object is, if any.
    #[inline]
    pub fn of(pickler: &mut Pickler<'_>, object: *mut PyObject) -> PyResult<Option<Self>> {
        let ty = type_of(object);
        if ty.cast_const() == &raw const PyFunction_Type {
            return Ok(Some(Self::Function));
        }
        if is_class(object) {
            return Ok(Some(Self::Class));
        }
        Ok(claims_to_be_function(pickler, object, ty)?.then_some(Self::Function))
    }

    /// By value, wherever it could be found again.
    pub fn by_value(self, pickler: &mut Pickler<'_>, object: *mut PyObject) -> PyResult<Script> {
        match self {
            Self::Function => function::by_value(pickler, object),
            Self::Class => class::any_by_value(pickler, object),
        }
    }
}

/// A class that is described: none that goes by reference.
pub fn class(pickler: &mut Pickler<'_>, class: *mut PyObject) -> PyResult<Option<Script>> {
    if let Some(script) = builtin_types::reduce(pickler, class)? {
        return Ok(Some(script));
    }
    match found_by_reference(pickler.state, class, pickler)? {
        Some(_) => Ok(None),
        None => class::any_by_value(pickler, class).map(Some),
    }
}

/// `isinstance(object, types.FunctionType)` for what is none: it asks for `__class__`, and proxies lie.
fn claims_to_be_function(pickler: &mut Pickler<'_>, object: *mut PyObject, ty: *mut PyTypeObject) -> PyResult<bool> {
    if is_its_type(&pickler.state.names, ty) {
        return Ok(false);
    }
    pickler.foreign()?;
    // SAFETY: live.
    Ok(check(unsafe { PyObject_IsInstance(object, (&raw mut PyFunction_Type).cast()) })? != 0)
}
