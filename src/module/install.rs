//! Our own modules in the place of a package: of `cloudpickle`, or of a copy of it that a framework brings along.

use std::ffi::CStr;
use std::ptr;

use pyo3_ffi::*;

use super::arguments::type_error;
use super::definition::of_one;
use super::{definition::Constant, face};
use crate::protocol::wire::{MODULE, VERSION};
use crate::py::error::{PyResult, check, clear, matches};
use crate::py::object::{attr, call1, dict_get, each_item, import_from};
use crate::py::owned::Owned;
use crate::py::{text, trampoline};
use crate::state::State;

const PACKAGE: &str = "cloudpickle";

/// Puts the modules into `sys.modules`; if the package is there or can be imported, only in its place. Says whether it
/// did.
pub fn install(replace: bool, package: Option<*mut PyObject>) -> PyResult<bool> {
    let state = State::get()?;
    let face = face::get()?;
    let package = match package {
        None => text::new(PACKAGE)?,
        // SAFETY: a live object.
        Some(name) if unsafe { PyUnicode_Check(name) } != 0 => Owned::of(name),
        Some(_) => return Err(type_error("install() argument 'package' must be str")),
    };
    let modules = state.modules()?;
    let present = dict_get(modules.as_ptr(), package.as_ptr())?;
    if present.as_ref().is_some_and(is_ours) {
        return Ok(true);
    }
    if !replace && is_present(&package, present)? {
        return Ok(false);
    }
    let name = text::utf8(package.as_ptr())?;
    let outer = module(state, name, true)?;
    let fast = module(state, &text::whole(format_args!("{name}.cloudpickle_fast"))?, false)?;
    set(&outer, "__version__", text::new(&VERSION.to_string_lossy())?.as_ptr())?;
    set(&outer, "__all__", names_of_the_package()?.as_ptr())?;
    set(&outer, "__libcloudpickle__", text::new(env!("CARGO_PKG_VERSION"))?.as_ptr())?;
    each_item(face.attributes.as_ptr(), |key, value| {
        let key = text::utf8(key.as_ptr())?;
        if key == "__version__" { Ok(()) } else { set(&outer, key, value.as_ptr()) }
    })?;
    // SAFETY: a constant that CPython does not write to; a new reference.
    let getattr = unsafe { Owned::new(PyCFunction_NewEx(GETATTR.as_ptr().cast(), ptr::null_mut(), ptr::null_mut()))? };
    set(&fast, "__getattr__", getattr.as_ptr())?;
    // Who looks into the class itself finds what the package has.
    face.chain()?;
    move_in(state, &modules, &face.inner)?;
    let rows = [
        (text::whole(format_args!("{name}.cloudpickle"))?, &face.inner),
        (text::whole(format_args!("{name}.cloudpickle_fast"))?, &fast),
        (text::whole(format_args!("{name}"))?, &outer),
    ];
    for (name, module) in &rows {
        put(&modules, name, module)?;
    }
    // An import binds a module in its parent.
    for (name, module) in &rows {
        if let Some((parent, last)) = name.rsplit_once('.')
            && let Some(parent) = dict_get(modules.as_ptr(), text::new(parent)?.as_ptr())?
        {
            set(&parent, last, module.as_ptr())?;
        }
    }
    stand_behind(&modules)?;
    Ok(true)
}

/// Moves `libcloudpickle` to the end of `sys.modules`: who looks there for the module of one of our functions finds the
/// one that the function names first.
fn stand_behind(modules: &Owned) -> PyResult<()> {
    let name = text::new("libcloudpickle")?;
    let Some(module) = dict_get(modules.as_ptr(), name.as_ptr())? else { return Ok(()) };
    // SAFETY: live objects. No foreign code runs in between, which could miss the module.
    unsafe {
        check(PyDict_DelItem(modules.as_ptr(), name.as_ptr()))?;
        check(PyDict_SetItem(modules.as_ptr(), name.as_ptr(), module.as_ptr())).map(drop)
    }
}

/// `__all__` of the package.
fn names_of_the_package() -> PyResult<Owned> {
    const NAMES: [&str; 9] = [
        "__version__",
        "Pickler",
        "CloudPickler",
        "dumps",
        "loads",
        "dump",
        "load",
        "register_pickle_by_value",
        "unregister_pickle_by_value",
    ];
    // SAFETY: attached; a new reference, and live objects.
    unsafe {
        let list = Owned::new(PyList_New(0))?;
        for name in NAMES {
            check(PyList_Append(list.as_ptr(), text::new(name)?.as_ptr()))?;
        }
        Ok(list)
    }
}

/// From now on the functions live where pickles look for them.
fn move_in(state: &State, modules: &Owned, inner: &Owned) -> PyResult<()> {
    let module = state.wire_module.as_ptr();
    // What a pickle names must be what is found there: the package that was there has its own.
    let there = dict_get(modules.as_ptr(), module)?;
    if there.is_some_and(|there| there.as_ptr() != inner.as_ptr()) {
        bring_along(state, modules, inner)?;
    }
    let face = face::get()?;
    each_item(face.attributes.as_ptr(), |key, value| {
        // SAFETY: live objects.
        let ours = unsafe { PyCFunction_Check(value.as_ptr()) != 0 } || value.as_ptr() == face.pickler.as_ptr();
        if ours && text::utf8(key.as_ptr())? != "install" {
            // SAFETY: live objects.
            check(unsafe { PyObject_SetAttr(value.as_ptr(), state.names.module.as_ptr(), module) })?;
        }
        Ok(())
    })
}

/// What the package knows so far is not lost when ours takes its place: modules by value, and classes.
fn bring_along(state: &State, modules: &Owned, inner: &Owned) -> PyResult<()> {
    let Some(theirs) = dict_get(modules.as_ptr(), state.wire_module.as_ptr())? else { return Ok(()) };
    for name in [&state.names.by_value_modules, &state.names.tracker_by_class, &state.names.tracker_by_id] {
        match attr(theirs.as_ptr(), name.as_ptr()) {
            // SAFETY: live objects.
            Ok(known) => check(unsafe { PyObject_SetAttr(inner.as_ptr(), name.as_ptr(), known.as_ptr()) })?,
            // SAFETY: a static exception type.
            Err(_) if matches(unsafe { PyExc_AttributeError }) => {
                clear();
                0
            }
            Err(raised) => return Err(raised),
        };
    }
    Ok(())
}

/// Is it a package that was put there by this function?
fn is_ours(package: &Owned) -> bool {
    let ours = attr(package.as_ptr(), text::new("__libcloudpickle__").map_or(ptr::null_mut(), Owned::into_ptr));
    if ours.is_err() {
        clear();
    }
    ours.is_ok()
}

/// Is the package imported, or would it be?
fn is_present(package: &Owned, module: Option<Owned>) -> PyResult<bool> {
    // SAFETY: None lives as long as the interpreter.
    let none = unsafe { Py_None() };
    if let Some(module) = module {
        // None forbids the import.
        return Ok(module.as_ptr() != none);
    }
    let find_spec = import_from(c"importlib.util", c"find_spec")?;
    Ok(call1(find_spec.as_ptr(), package.as_ptr())?.as_ptr() != none)
}

/// `cloudpickle.cloudpickle`, with all that the face has.
pub fn inner(state: &State, attributes: &Owned) -> PyResult<Owned> {
    let inner = module(state, MODULE, false)?;
    // SAFETY: a live module and its dict.
    check(unsafe { PyDict_Update(PyModule_GetDict(inner.as_ptr()), attributes.as_ptr()) })?;
    Ok(inner)
}

static GETATTR: Constant<[PyMethodDef; 1]> =
    Constant([of_one(c"__getattr__", getattr, c"An attribute of cloudpickle.cloudpickle.")]);

unsafe extern "C" fn getattr(_: *mut PyObject, name: *mut PyObject) -> *mut PyObject {
    trampoline::object(|| attr(face::get()?.inner.as_ptr(), name))
}

/// An empty module with a spec, as the import system wants to find it.
pub fn module(state: &State, name: &str, is_package: bool) -> PyResult<Owned> {
    const MACHINERY: &CStr = c"_frozen_importlib";
    let name = text::new(name)?;
    let module_spec = import_from(MACHINERY, c"ModuleSpec")?;
    // SAFETY: live; new references or NULL with an exception.
    unsafe {
        let module = Owned::new(PyModule_NewObject(name.as_ptr()))?;
        let spec = Owned::new(PyObject_CallFunctionObjArgs(
            module_spec.as_ptr(),
            name.as_ptr(),
            Py_None(),
            ptr::null_mut::<PyObject>(),
        ))?;
        check(PyObject_SetAttr(module.as_ptr(), state.names.spec.as_ptr(), spec.as_ptr()))?;
        if is_package {
            // Nothing is to be found in it.
            let path = Owned::new(PyList_New(0))?;
            check(PyObject_SetAttr(module.as_ptr(), state.names.path.as_ptr(), path.as_ptr()))?;
            set(&spec, "submodule_search_locations", path.as_ptr())?;
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
