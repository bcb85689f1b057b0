//! The questions that cloudpickle's functions answer about modules, code and classes, for programs that ask them.

use std::ffi::CStr;

use pyo3_ffi::*;

use super::arguments::{Signature, given, type_error};
use super::definition::{Constant, function, of_one};
use crate::analyzer::class_of::is_module;
use crate::analyzer::code_globals::{code_globals_itself, global_instructions};
use crate::analyzer::lookup::QualifiedName;
use crate::analyzer::{submodules, whichmodule};
use crate::decide::by_reference::{lookup_module_and_qualname, module_goes_by_reference};
use crate::decide::registry;
use crate::py::error::{PyResult, Raised, check, occurred, raise};
use crate::py::layout::type_of;
use crate::py::message::message;
use crate::py::object::{attr, call1, dict_get, optional_attr};
use crate::py::owned::Owned;
use crate::py::{code, text, trampoline};
use crate::reconstruct::tracker;
use crate::state::State;

const OBJECT_AND_NAME: Signature<2> = Signature::new("_lookup_module_and_qualname", ["obj", "name"], 1);
const BY_REFERENCE: Signature<2> = Signature::new("_should_pickle_by_reference", ["obj", "name"], 1);
const WHICHMODULE: Signature<2> = Signature::new("_whichmodule", ["obj", "name"], 2);
const GETATTRIBUTE: Signature<2> = Signature::new("_getattribute", ["obj", "name"], 2);
const SUBMODULES: Signature<2> = Signature::new("_find_imported_submodules", ["code", "top_level_dependencies"], 2);
const TRACK: Signature<2> = Signature::new("_lookup_class_or_track", ["class_tracker_id", "class_def"], 2);

const DOC: &CStr = c"As cloudpickle's function of this name.";

/// Each of them.
pub static FUNCTIONS: &Constant<[PyMethodDef; 14]> = &Constant([
    function(c"_find_imported_submodules", find_imported_submodules, DOC),
    function(c"_getattribute", getattribute, DOC),
    function(c"_lookup_class_or_track", lookup_class_or_track, DOC),
    function(c"_lookup_module_and_qualname", lookup_module, DOC),
    function(c"_should_pickle_by_reference", should_pickle_by_reference, DOC),
    function(c"_whichmodule", which, DOC),
    of_one(c"_extract_code_globals", extract_code_globals, DOC),
    of_one(c"_get_bases", get_bases, DOC),
    of_one(c"_get_cell_contents", get_cell_contents, DOC),
    of_one(c"_get_or_create_tracker_id", get_or_create_tracker_id, DOC),
    of_one(c"_is_registered_pickle_by_value", is_registered, DOC),
    of_one(c"_walk_global_ops", walk_global_ops, DOC),
    of_one(c"instance", instance, c"instance(cls, /)\n--\n\nA new instance of a class."),
    of_one(
        c"is_tornado_coroutine",
        is_tornado_coroutine,
        c"is_tornado_coroutine(func, /)\n--\n\nIs it a coroutine function of Tornado? Deprecated.",
    ),
]);

fn none() -> Owned {
    // SAFETY: a static object.
    Owned::of(unsafe { Py_None() })
}

fn truth(answer: bool) -> Owned {
    // SAFETY: static objects.
    Owned::of(unsafe { if answer { Py_True() } else { Py_False() } })
}

fn list_of(objects: Vec<Owned>) -> PyResult<Owned> {
    // SAFETY: attached; a new reference and live objects.
    unsafe {
        let list = Owned::new(PyList_New(0))?;
        for object in objects {
            check(PyList_Append(list.as_ptr(), object.as_ptr()))?;
        }
        Ok(list)
    }
}

fn check_code(object: *mut PyObject) -> PyResult<()> {
    if code::is_code(object) { Ok(()) } else { Err(type_error("a code object is needed")) }
}

unsafe extern "C" fn find_imported_submodules(
    _: *mut PyObject,
    args: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    trampoline::object(|| {
        // SAFETY: as the calling convention says.
        let [code, values] = unsafe { SUBMODULES.bind(args, count, names)? };
        check_code(code)?;
        let (state, mut found) = (State::get()?, vec![]);
        // SAFETY: live; new references, or NULL with or without an exception.
        unsafe {
            let iterator = Owned::new(PyObject_GetIter(values))?;
            while let Some(value) = Owned::new_or_none(PyIter_Next(iterator.as_ptr())) {
                submodules::add_submodules(state, code, value.as_ptr(), &mut found, &mut ())?;
            }
        }
        if occurred() { Err(Raised) } else { list_of(found) }
    })
}

unsafe extern "C" fn getattribute(
    _: *mut PyObject,
    args: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    trampoline::object(|| {
        // SAFETY: as the calling convention says.
        let [object, name] = unsafe { GETATTRIBUTE.bind(args, count, names)? };
        let state = State::get()?;
        QualifiedName::new(state, name, &mut ())?.find_in(state, object, &mut ())?.ok_or_else(|| {
            let (name, object) = (text::repr(name), text::repr(object));
            // SAFETY: a static exception type.
            raise(unsafe { PyExc_AttributeError }, &message!("Can't get attribute {name} on {object}"))
        })
    })
}

unsafe extern "C" fn lookup_class_or_track(
    _: *mut PyObject,
    args: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    trampoline::object(|| {
        // SAFETY: as the calling convention says.
        let [id, class] = unsafe { TRACK.bind(args, count, names)? };
        tracker::lookup_or_track(id, class)
    })
}

unsafe extern "C" fn lookup_module(
    _: *mut PyObject,
    args: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    trampoline::object(|| {
        // SAFETY: as the calling convention says.
        let [object, name] = unsafe { OBJECT_AND_NAME.bind(args, count, names)? };
        match lookup_module_and_qualname(State::get()?, object, given(name), &mut ())? {
            None => Ok(none()),
            // SAFETY: live objects; a new reference.
            Some(found) => unsafe { Owned::new(PyTuple_Pack(2, found.module.as_ptr(), found.name.as_ptr())) },
        }
    })
}

unsafe extern "C" fn should_pickle_by_reference(
    _: *mut PyObject,
    args: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    trampoline::object(|| {
        // SAFETY: as the calling convention says.
        let [object, name] = unsafe { BY_REFERENCE.bind(args, count, names)? };
        let state = State::get()?;
        // SAFETY: live objects and types.
        let named = unsafe {
            check(PyObject_IsInstance(object, (&raw mut PyFunction_Type).cast()))? != 0 || PyType_Check(object) != 0
        };
        if named {
            return match lookup_module_and_qualname(state, object, given(name), &mut ())? {
                Some(found) => Ok(truth(!registry::is_registered(state, found.module.as_ptr(), &mut ())?)),
                None => Ok(truth(false)),
            };
        }
        if is_module(&State::get()?.names, object, &mut ())? {
            return module_goes_by_reference(state, object, &mut ()).map(truth);
        }
        let name = text::type_name(type_of(object));
        Err(type_error(&message!("cannot check importability of {name} instances")))
    })
}

unsafe extern "C" fn which(
    _: *mut PyObject,
    args: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    trampoline::object(|| {
        // SAFETY: as the calling convention says.
        let [object, name] = unsafe { WHICHMODULE.bind(args, count, names)? };
        let state = State::get()?;
        if let Some(module) = optional_attr(object, state.names.module.as_ptr())?
            && given(module.as_ptr()).is_some()
        {
            return Ok(module);
        }
        let name = QualifiedName::new(state, name, &mut ())?;
        Ok(whichmodule::search(state, object, &name)?.unwrap_or_else(none))
    })
}

unsafe extern "C" fn extract_code_globals(_: *mut PyObject, object: *mut PyObject) -> *mut PyObject {
    trampoline::object(|| {
        check_code(object)?;
        let names = code_globals_itself(State::get()?, object, &mut ())?;
        // SAFETY: attached; a new reference and live objects.
        unsafe {
            let dict = Owned::new(PyDict_New())?;
            for name in names.iter() {
                check(PyDict_SetItem(dict.as_ptr(), name.as_ptr(), Py_None()))?;
            }
            Ok(dict)
        }
    })
}

unsafe extern "C" fn walk_global_ops(_: *mut PyObject, object: *mut PyObject) -> *mut PyObject {
    trampoline::object(|| {
        check_code(object)?;
        let names = list_of(global_instructions(object)?)?;
        // SAFETY: a live list; a new reference.
        unsafe { Owned::new(PyObject_GetIter(names.as_ptr())) }
    })
}

unsafe extern "C" fn get_bases(_: *mut PyObject, class: *mut PyObject) -> *mut PyObject {
    trampoline::object(|| {
        let names = &State::get()?.names;
        let generic = match optional_attr(class, names.dict.as_ptr())? {
            // SAFETY: live.
            Some(dict) => check(unsafe { PySequence_Contains(dict.as_ptr(), names.orig_bases.as_ptr()) })? != 0,
            None => false,
        };
        attr(class, if generic { &names.orig_bases } else { &names.bases }.as_ptr())
    })
}

unsafe extern "C" fn get_cell_contents(_: *mut PyObject, cell: *mut PyObject) -> *mut PyObject {
    trampoline::object(|| {
        // SAFETY: live; a new reference, or NULL for an empty cell.
        unsafe {
            if PyCell_Check(cell) == 0 {
                return attr(cell, text::new("cell_contents")?.as_ptr());
            }
            match Owned::new_or_none(PyCell_Get(cell)) {
                Some(contents) => Ok(contents),
                None => super::face::get()?.constant("_empty_cell_value"),
            }
        }
    })
}

unsafe extern "C" fn get_or_create_tracker_id(_: *mut PyObject, class: *mut PyObject) -> *mut PyObject {
    trampoline::object(|| tracker::get_or_create_id(class))
}

unsafe extern "C" fn is_registered(_: *mut PyObject, module: *mut PyObject) -> *mut PyObject {
    trampoline::object(|| registry::is_registered_itself(State::get()?, module, &mut ()).map(truth))
}

unsafe extern "C" fn instance(_: *mut PyObject, class: *mut PyObject) -> *mut PyObject {
    // SAFETY: live; a new reference or NULL with an exception.
    trampoline::object(|| unsafe { Owned::new(PyObject_CallNoArgs(class)) })
}

unsafe extern "C" fn is_tornado_coroutine(_: *mut PyObject, func: *mut PyObject) -> *mut PyObject {
    trampoline::object(|| {
        let words =
            c"is_tornado_coroutine is deprecated in cloudpickle 3.0 and will be removed in cloudpickle 4.0. Use \
                      tornado.gen.is_coroutine_function directly instead.";
        // SAFETY: a static type and NUL-terminated text.
        check(unsafe { PyErr_WarnEx(PyExc_DeprecationWarning, words.as_ptr(), 1) })?;
        let tornado = text::new("tornado.gen")?;
        let Some(gen_module) = dict_get(State::get()?.modules()?.as_ptr(), tornado.as_ptr())? else {
            return Ok(truth(false));
        };
        let asked = text::new("is_coroutine_function")?;
        let Some(asked) = optional_attr(gen_module.as_ptr(), asked.as_ptr())? else { return Ok(truth(false)) };
        call1(asked.as_ptr(), func)
    })
}
