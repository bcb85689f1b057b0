//! cloudpickle's reducers as functions: each gives the reduce value that the engine would write.

use std::ffi::CStr;

use pyo3_ffi::*;

use super::arguments::type_error;
use super::definition::{Constant, of_one};
use crate::pickler::engine::Pickler;
use crate::pickler::lease::Lease;
use crate::pickler::options::Options;
use crate::pickler::out::Home;
use crate::pickler::script::Script;
use crate::py::class::is_subtype;
use crate::py::error::PyResult;
use crate::py::layout::{tuple_items, type_of};
use crate::py::message::message;
use crate::py::owned::Owned;
use crate::py::types::{PyMethod_Type, PyODictItems_Type, PyODictKeys_Type, PyODictValues_Type};
use crate::py::{text, trampoline};
use crate::reducers::class_dict::ClassDict;
use crate::reducers::class_state::{ClassState, StateKind};
use crate::reducers::table;
use crate::reducers::table::Reducer;
use crate::reducers::{
    by_name, cell, class, code, descriptor, enumeration, file, function, method, module, typevar, view,
};

/// An engine that is only asked.
pub fn asking<T>(globals_ref: Option<&Owned>, ask: impl FnOnce(&mut Pickler<'_>) -> PyResult<T>) -> PyResult<T> {
    let options = Options { globals_ref: globals_ref.map(Owned::as_ptr), ..Options::default() };
    ask(&mut *Lease::new(options, Home::Memory, None)?)
}

/// The reduce value that is described; NotImplemented if none is.
fn value(
    globals_ref: Option<&Owned>,
    describe: impl FnOnce(&mut Pickler<'_>) -> PyResult<Option<Script>>,
) -> PyResult<Owned> {
    let value = asking(globals_ref, |pickler| pickler.value_of(describe))?;
    // SAFETY: a static object.
    Ok(value.unwrap_or_else(|| Owned::of(unsafe { Py_NotImplemented() })))
}

/// The part of a reduce value: 1: the arguments, 2: the state.
fn part(value: &Owned, at: usize) -> PyResult<Owned> {
    match tuple_items(value.as_ptr()).get(at) {
        Some(part) => Ok(Owned::of(*part)),
        None => Err(type_error("the object has no state")),
    }
}

/// The reduce value of an object that is of one of the types, or of any, if none is named.
fn reduced(name: &CStr, object: *mut PyObject, types: &[*mut PyTypeObject], reduce: Reducer) -> PyResult<Owned> {
    if !types.is_empty() && !types.iter().any(|ty| is_subtype(type_of(object), *ty)) {
        let (name, given) = (name.to_string_lossy(), text::type_name(type_of(object)));
        return Err(type_error(&message!("{name}() is not for '{given}' objects")));
    }
    value(None, |pickler| reduce(pickler, object).map(Some))
}

/// Is it a class?
fn check_class(object: *mut PyObject) -> PyResult<()> {
    // SAFETY: a live object.
    if unsafe { PyType_Check(object) } != 0 { Ok(()) } else { Err(type_error("a class is needed")) }
}

/// A class: `NotImplemented` if it goes by reference.
pub fn class_reduce(object: *mut PyObject) -> PyResult<Owned> {
    check_class(object)?;
    value(None, |pickler| table::class(pickler, object))
}

/// A class by value.
fn dynamic_class_reduce(object: *mut PyObject) -> PyResult<Owned> {
    check_class(object)?;
    value(None, |pickler| {
        if enumeration::is_enumeration(pickler, object)? {
            enumeration::reduce(pickler, object).map(Some)
        } else {
            class::by_value(pickler, object).map(Some)
        }
    })
}

/// A class that is no enumeration, or is taken for none.
fn plain_class(object: *mut PyObject) -> PyResult<Owned> {
    check_class(object)?;
    value(None, |pickler| class::by_value(pickler, object).map(Some))
}

fn enumeration_reduce(object: *mut PyObject) -> PyResult<Owned> {
    check_class(object)?;
    value(None, |pickler| enumeration::reduce(pickler, object).map(Some))
}

/// What builds a function: `_function_getnewargs`.
pub fn function_getnewargs(object: *mut PyObject, globals_ref: &Owned) -> PyResult<Owned> {
    asking(Some(globals_ref), |pickler| function::arguments(pickler, object))
}

/// The state of a function: `_function_getstate`.
pub fn function_getstate(object: *mut PyObject) -> PyResult<Owned> {
    part(&value(None, |pickler| function::by_value(pickler, object).map(Some))?, 2)
}

/// The state of a class: `_class_getstate`.
fn class_getstate(object: *mut PyObject) -> PyResult<Owned> {
    check_class(object)?;
    asking(None, |pickler| {
        let state = ClassState::of(pickler, object, StateKind::Class)?;
        pickler.part_of(|plan| state.write_pair(plan, object))
    })
}

/// The dict of a class without what it inherits: `_extract_class_dict`.
fn class_dict(object: *mut PyObject) -> PyResult<Owned> {
    check_class(object)?;
    asking(None, |pickler| {
        let dict = ClassDict::of(pickler, object)?;
        pickler.part_of(|plan| {
            let mut members = plan.dict(dict.len())?;
            dict.write(plan, object, |plan| members.next(plan), |_| Ok(()))?;
            members.end(plan)
        })
    })
}

const DOC: &CStr = c"A reducer of cloudpickle's: gives the reduce value of an object of its kind.";

/// Makes the functions: `name [types] => reducer`, `name = function`.
macro_rules! functions {
    (
        $($name:ident = $c_name:literal [$($ty:ident),*] => $reduce:path;)*
        ---
        $($other:ident = $c_other:literal => $function:expr;)*
    ) => {
        $(
            unsafe extern "C" fn $name(_: *mut PyObject, object: *mut PyObject) -> *mut PyObject {
                trampoline::object(|| reduced($c_name, object, &[$(&raw mut $ty),*], $reduce))
            }
        )*
        $(
            unsafe extern "C" fn $other(_: *mut PyObject, object: *mut PyObject) -> *mut PyObject {
                trampoline::object(|| $function(object))
            }
        )*

        /// Each function of one object.
        pub static FUNCTIONS: &Constant<[PyMethodDef; [$($c_name,)* $($c_other,)*].len()]> = &Constant([
            $(of_one($c_name, $name, DOC),)*
            $(of_one($c_other, $other, DOC),)*
        ]);
    };
}

functions! {
    cell_reduce = c"_cell_reduce" [PyCell_Type] => cell::reduce;
    classmethod_reduce = c"_classmethod_reduce" [] => descriptor::wrapped_function;
    code_reduce = c"_code_reduce" [PyCode_Type] => code::reduce;
    dataclass_field_base_reduce = c"_dataclass_field_base_reduce" [] => by_name::dataclass_sentinel;
    dict_items_reduce = c"_dict_items_reduce" [PyDictItems_Type] => view::items;
    dict_keys_reduce = c"_dict_keys_reduce" [PyDictKeys_Type] => view::keys;
    dict_values_reduce = c"_dict_values_reduce" [PyDictValues_Type] => view::values;
    file_reduce = c"_file_reduce" [] => file::reduce;
    getset_descriptor_reduce = c"_getset_descriptor_reduce" [] => descriptor::getset;
    logger_reduce = c"_logger_reduce" [] => by_name::logger;
    mappingproxy_reduce = c"_mappingproxy_reduce" [] => view::mapping_proxy;
    memoryview_reduce = c"_memoryview_reduce" [] => view::memory_view;
    method_reduce = c"_method_reduce" [PyMethod_Type] => method::reduce;
    module_reduce = c"_module_reduce" [PyModule_Type] => module::reduce;
    odict_items_reduce = c"_odict_items_reduce" [PyODictItems_Type] => view::items;
    odict_keys_reduce = c"_odict_keys_reduce" [PyODictKeys_Type] => view::keys;
    odict_values_reduce = c"_odict_values_reduce" [PyODictValues_Type] => view::values;
    property_reduce = c"_property_reduce" [] => descriptor::property;
    root_logger_reduce = c"_root_logger_reduce" [] => by_name::root_logger;
    typevar_reduce = c"_typevar_reduce" [] => typevar::reduce;
    weakset_reduce = c"_weakset_reduce" [] => view::weak_set;
    ---
    class_getnewargs_function = c"_class_getnewargs" => |class| part(&plain_class(class)?, 1);
    class_getstate_function = c"_class_getstate" => class_getstate;
    class_reduce_function = c"_class_reduce" => class_reduce;
    decompose_typevar = c"_decompose_typevar" => |variable| {
        part(&value(None, |pickler| typevar::by_value(pickler, variable).map(Some))?, 1)
    };
    dynamic_class_reduce_function = c"_dynamic_class_reduce" => dynamic_class_reduce;
    enum_getnewargs = c"_enum_getnewargs" => |class| part(&enumeration_reduce(class)?, 1);
    enum_getstate = c"_enum_getstate" => |class| part(&enumeration_reduce(class)?, 2);
    extract_class_dict = c"_extract_class_dict" => class_dict;
    function_getstate_function = c"_function_getstate" => function_getstate;
}
