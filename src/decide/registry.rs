//! Which modules are pickled by value: a set of names.
//!
//! Where cloudpickle is imported its `_PICKLE_BY_VALUE_MODULES` is that set, so that either library's answer is the
//! other's; elsewhere it is one of ours, which is handed over when cloudpickle appears.

use pyo3_ffi::*;

use crate::analyzer::lookup::{module_name, own_attr};
use crate::py::error::{PyResult, check, raise};
use crate::py::foreign::Foreign;
use crate::py::layout::type_of;
use crate::py::message::message;
use crate::py::object::{attr, call_method2, call1, dict_get, is_true, item, optional_attr};
use crate::py::owned::Owned;
use crate::py::text;
use crate::state::{State, package};

/// cloudpickle's `register_pickle_by_value`.
pub fn register(module: *mut PyObject) -> PyResult<()> {
    let state = State::get()?;
    let name = name_of(state, module)?;
    if dict_get(state.modules()?.as_ptr(), name.as_ptr())?.is_none() {
        let module = text::display(module);
        return value_error(&message!(
            "{module} was not imported correctly, have you used an `import` statement to access it?"
        ));
    }
    // SAFETY: a live set, which we hold; a live name.
    check(unsafe { PySet_Add(set(state)?.as_ptr(), name.as_ptr()) }).map(drop)
}

/// cloudpickle's `unregister_pickle_by_value`.
pub fn unregister(module: *mut PyObject) -> PyResult<()> {
    let state = State::get()?;
    let name = name_of(state, module)?;
    remove(state, name.as_ptr(), module)
}

/// Registers the imported module of this name.
pub fn register_name(name: *mut PyObject) -> PyResult<()> {
    match dict_get(State::get()?.modules()?.as_ptr(), name)? {
        Some(module) => register(module.as_ptr()),
        None => value_error(&message!("module {} was not imported", text::repr(name))),
    }
}

/// Unregisters the module of this name, be it imported or not.
pub fn unregister_name(name: *mut PyObject) -> PyResult<()> {
    remove(State::get()?, name, name)
}

/// cloudpickle's `list_registry_pickle_by_value`: a copy of the set.
pub fn list() -> PyResult<Owned> {
    let set = set(State::get()?)?;
    // SAFETY: a live set; a new reference or NULL.
    unsafe { Owned::new(PySet_New(set.as_ptr())) }
}

/// Is the module registered, or one of the packages that it lies in?
pub fn is_registered(state: &State, module: *mut PyObject, foreign: &mut impl Foreign) -> PyResult<bool> {
    if let Some(theirs) = state.replaced.is_registered.get() {
        foreign.foreign()?;
        return is_true(call1(theirs.as_ptr(), module)?.as_ptr());
    }
    is_registered_itself(state, module, foreign)
}

/// The same, whatever a program put in this function's place.
pub fn is_registered_itself(state: &State, module: *mut PyObject, foreign: &mut impl Foreign) -> PyResult<bool> {
    let mut name = module_name(state, module, foreign)?;
    let registered = set(state)?;
    // SAFETY: live, held by `registered`.
    let plain = unsafe { PyAnySet_CheckExact(registered.as_ptr()) != 0 }
        && type_of(name.as_ptr()).cast_const() == &raw const PyUnicode_Type;
    if !plain {
        foreign.foreign()?;
        return contains_any(state, registered.as_ptr(), name);
    }
    // SAFETY: a live set and an exact str; the range lies within it.
    unsafe {
        if PySet_Size(registered.as_ptr()) == 0 {
            return Ok(false);
        }
        loop {
            if check(PySet_Contains(registered.as_ptr(), name.as_ptr()))? != 0 {
                return Ok(true);
            }
            let dot = PyUnicode_FindChar(name.as_ptr(), u32::from(b'.'), 0, PyUnicode_GetLength(name.as_ptr()), -1);
            if dot < 0 {
                return Ok(false);
            }
            name = Owned::new(PyUnicode_Substring(name.as_ptr(), 0, dot))?;
        }
    }
}

/// Is no module registered, and nobody else asked about it?
pub fn is_empty(state: &State) -> PyResult<bool> {
    if state.replaced.is_registered.get().is_some() {
        return Ok(false);
    }
    let registered = set(state)?;
    // SAFETY: live.
    Ok(unsafe { PyAnySet_CheckExact(registered.as_ptr()) != 0 && PySet_Size(registered.as_ptr()) == 0 })
}

/// The set that counts now.
fn set(state: &State) -> PyResult<Owned> {
    if let Some(set) = package::ask(state, |package| package.by_value.clone())? {
        return Ok(set);
    }
    let Some(cloudpickle) = dict_get(state.modules()?.as_ptr(), state.wire_module.as_ptr())? else {
        return Ok(state.by_value.clone());
    };
    let name = state.names.by_value_modules.as_ptr();
    let theirs = match own_attr(cloudpickle.as_ptr(), name)? {
        None => optional_attr(cloudpickle.as_ptr(), name)?,
        own => own,
    };
    // SAFETY: a live object.
    let Some(theirs) = theirs.filter(|set| unsafe { PySet_Check(set.as_ptr()) } != 0) else {
        return Ok(state.by_value.clone());
    };
    if theirs.as_ptr() == state.by_value.as_ptr() {
        return Ok(theirs);
    }
    // SAFETY: two live sets, which we hold. The names of ours go over one by one; popping leaves none behind.
    unsafe {
        while PySet_Size(state.by_value.as_ptr()) > 0 {
            let name = Owned::new(PySet_Pop(state.by_value.as_ptr()))?;
            check(PySet_Add(theirs.as_ptr(), name.as_ptr()))?;
        }
    }
    Ok(theirs)
}

/// The name of what must be a module.
fn name_of(state: &State, module: *mut PyObject) -> PyResult<Owned> {
    // SAFETY: live.
    if unsafe { PyModule_Check(module) } == 0 {
        return value_error(&message!("Input should be a module object, got {} instead", text::display(module)));
    }
    attr(module, state.names.name.as_ptr())
}

fn remove(state: &State, name: *mut PyObject, shown: *mut PyObject) -> PyResult<()> {
    // SAFETY: a live set, which we hold; a live name.
    if check(unsafe { PySet_Discard(set(state)?.as_ptr(), name) })? == 0 {
        return value_error(&message!("{} is not registered for pickle by value", text::display(shown)));
    }
    Ok(())
}

fn value_error<T>(message: &str) -> PyResult<T> {
    // SAFETY: a type of the running interpreter.
    Err(raise(unsafe { PyExc_ValueError }, message))
}

/// The same for a name or a set of any kind, in the words of Python.
fn contains_any(state: &State, registered: *mut PyObject, mut name: Owned) -> PyResult<bool> {
    // SAFETY: each call takes live objects, and gives a new reference or raises.
    unsafe {
        let (one, first) = (Owned::new(PyLong_FromLong(1))?, Owned::new(PyLong_FromLong(0))?);
        loop {
            if check(PySequence_Contains(registered, name.as_ptr()))? != 0 {
                return Ok(true);
            }
            let (rsplit, dot) = (state.names.rsplit.as_ptr(), state.names.dot.as_ptr());
            let parts = call_method2(name.as_ptr(), rsplit, dot, one.as_ptr())?;
            let parent = item(parts.as_ptr(), first.as_ptr())?;
            if check(PyObject_RichCompareBool(parent.as_ptr(), name.as_ptr(), Py_EQ))? != 0 {
                return Ok(false);
            }
            name = parent;
        }
    }
}
