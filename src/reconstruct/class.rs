//! Classes by value: first a skeleton, so that its methods can refer to it, then its attributes.

use std::ptr;

use pyo3_ffi::*;

use super::tracker;
use crate::py::class::own_dict;
use crate::py::collections::tuple_stealing;
use crate::py::error::{PyResult, check, raise};
use crate::py::layout::{tuple_items, type_of};
use crate::py::object::{attr, call1, dict_get, each_item, optional_attr};
use crate::py::owned::Owned;
use crate::py::text;
use crate::py::vec::TryPush;
use crate::state::State;

/// `_make_skeleton_class(type_constructor, name, bases, type_kwargs, class_tracker_id, extra)`, as
/// `types.new_class` makes one.
pub fn make_skeleton_class(state: &State, args: &[*mut PyObject]) -> PyResult<Owned> {
    let &[metaclass, name, bases, type_kwargs, id, _] = args else { unreachable!("the row says six") };
    if let Some(known) = tracker::lookup(id)? {
        return Ok(known);
    }
    let class = new_class(state, metaclass, name, bases, type_kwargs)?;
    tracker::lookup_or_track(id, class.as_ptr())
}

fn new_class(
    state: &State,
    metaclass: *mut PyObject,
    name: *mut PyObject,
    bases: *mut PyObject,
    type_kwargs: *mut PyObject,
) -> PyResult<Owned> {
    let names = &state.names;
    // SAFETY: live; exception types live as long as the interpreter.
    unsafe {
        if PyTuple_Check(bases) == 0 || PyDict_Check(type_kwargs) == 0 {
            return Err(raise(PyExc_TypeError, "a class needs a tuple of bases and a dict of its first attributes"));
        }
    }
    let resolved = resolve_bases(state, bases)?;
    let metaclass = most_derived(metaclass, resolved.as_ptr())?;
    let namespace = prepare(state, &metaclass, name, resolved.as_ptr())?;
    // SAFETY: live.
    let plain = unsafe { PyDict_CheckExact(namespace.as_ptr()) } != 0;
    // SAFETY: all are live; what the calls return is new or NULL with an exception.
    unsafe {
        let attributes = if plain { Owned::of(namespace.as_ptr()) } else { Owned::new(PyDict_New())? };
        each_item(type_kwargs, |key, value| {
            check(PyDict_SetItem(attributes.as_ptr(), text::interned(key).as_ptr(), value.as_ptr())).map(|_| ())
        })?;
        if !plain {
            let update = attr(namespace.as_ptr(), names.update.as_ptr())?;
            call1(update.as_ptr(), attributes.as_ptr())?;
        }
        if resolved.as_ptr() != bases {
            check(PyObject_SetItem(namespace.as_ptr(), names.orig_bases.as_ptr(), bases))?;
        }
        let arguments = [name, resolved.as_ptr(), namespace.as_ptr()];
        Owned::new(PyObject_Vectorcall(metaclass.as_ptr(), arguments.as_ptr(), arguments.len(), ptr::null_mut()))
    }
}

/// `types.resolve_bases` (PEP 560): the same tuple if all are classes.
fn resolve_bases(state: &State, bases: *mut PyObject) -> PyResult<Owned> {
    let names = &state.names;
    let items = tuple_items(bases);
    // SAFETY: live.
    if items.iter().all(|base| unsafe { PyType_Check(*base) } != 0) {
        return Ok(Owned::of(bases));
    }
    let mut resolved: Vec<Owned> = Vec::new();
    let mut changed = false;
    for base in items {
        // SAFETY: live.
        let entries =
            if unsafe { PyType_Check(*base) } != 0 { None } else { optional_attr(*base, names.mro_entries.as_ptr())? };
        let Some(entries) = entries else {
            resolved.try_push(Owned::of(*base))?;
            continue;
        };
        changed = true;
        let entries = call1(entries.as_ptr(), bases)?;
        // SAFETY: live; exception types live as long as the interpreter.
        unsafe {
            if PyTuple_Check(entries.as_ptr()) == 0 {
                return Err(raise(PyExc_TypeError, "__mro_entries__ must return a tuple"));
            }
        }
        for entry in tuple_items(entries.as_ptr()) {
            resolved.try_push(Owned::of(*entry))?;
        }
    }
    if !changed {
        return Ok(Owned::of(bases));
    }
    let mut pointers = Vec::new();
    pointers.try_room(resolved.len())?;
    pointers.extend(resolved.iter().map(Owned::as_ptr));
    // SAFETY: the references go over to the tuple.
    unsafe {
        let tuple = tuple_stealing(&pointers)?;
        resolved.into_iter().for_each(std::mem::forget);
        Ok(tuple)
    }
}

/// The metaclass that is a subclass of those of all bases.
fn most_derived(metaclass: *mut PyObject, bases: *mut PyObject) -> PyResult<Owned> {
    let mut winner = metaclass;
    // SAFETY: all are live: the type of a base is held by it.
    unsafe {
        if PyType_Check(winner) == 0 {
            return Ok(Owned::of(winner));
        }
        for base in tuple_items(bases) {
            let ty = Py_TYPE(*base);
            if PyType_IsSubtype(winner.cast(), ty) != 0 {
                continue;
            }
            if PyType_IsSubtype(ty, winner.cast()) == 0 {
                return Err(raise(
                    PyExc_TypeError,
                    "metaclass conflict: the metaclass of a derived class must be a (non-strict) subclass of the \
                     metaclasses of all its bases",
                ));
            }
            winner = ty.cast();
        }
    }
    Ok(Owned::of(winner))
}

/// `metaclass.__prepare__(name, bases)`, a dict if there is none.
fn prepare(state: &State, metaclass: &Owned, name: *mut PyObject, bases: *mut PyObject) -> PyResult<Owned> {
    // SAFETY: live; new references or NULL with an exception. `type`'s own answers an empty dict.
    unsafe {
        let names = &state.names;
        if metaclass.as_ptr() != (&raw mut PyType_Type).cast()
            && let Some(prepare) = optional_attr(metaclass.as_ptr(), names.prepare.as_ptr())?
        {
            let end = ptr::null_mut::<PyObject>();
            return Owned::new(PyObject_CallFunctionObjArgs(prepare.as_ptr(), name, bases, end));
        }
        Owned::new(PyDict_New())
    }
}

/// `_class_setstate(obj, (state, slotstate))`.
pub fn class_setstate(state: &State, args: &[*mut PyObject]) -> PyResult<Owned> {
    let &[class, pair] = args else { unreachable!("the row says two") };
    let names = &state.names;
    // SAFETY: live; exception types live as long as the interpreter.
    let attributes = unsafe {
        match (PyTuple_Check(pair) != 0).then(|| tuple_items(pair)) {
            Some(&[attributes, _]) if PyDict_Check(attributes) != 0 => attributes,
            _ => return Err(raise(PyExc_TypeError, "the state of a class must be a pair of dicts")),
        }
    };
    let mut registry = None;
    let mut first_line = None;
    each_item(attributes, |name, value| {
        let name = text::interned(name);
        if name.as_ptr() == names.abc_impl.as_ptr() {
            registry = Some(value);
            return Ok(());
        }
        if !replace_function(class, &name, &value)? {
            // SAFETY: all are live.
            check(unsafe { PyObject_SetAttr(class, name.as_ptr(), value.as_ptr()) })?;
        }
        if cfg!(Py_3_13) && name.as_ptr() == names.firstlineno.as_ptr() {
            first_line = Some(value);
        }
        Ok(())
    })?;
    if let Some(line) = first_line {
        // Setting other attributes removed it again.
        // SAFETY: all are live.
        check(unsafe { PyObject_SetAttr(class, names.firstlineno.as_ptr(), line.as_ptr()) })?;
    }
    if let Some(registry) = registry {
        // SAFETY: live; new references, or NULL with or without an exception.
        unsafe {
            let iterator = Owned::new(PyObject_GetIter(registry.as_ptr()))?;
            while let Some(subclass) = Owned::new_or_none(PyIter_Next(iterator.as_ptr())) {
                // A class without a registry may have an attribute of this name, an empty list.
                call1(attr(class, names.register.as_ptr())?.as_ptr(), subclass.as_ptr())?;
            }
        }
        if crate::py::error::occurred() {
            return Err(crate::py::error::Raised);
        }
    }
    Ok(Owned::of(class))
}

/// Puts a function in the place of a function in a class of an ordinary metaclass; says whether it did. No slot of the
/// class or of its subclasses changes by that, so they need not be walked through for each special method.
fn replace_function(class: *mut PyObject, name: &Owned, value: &Owned) -> PyResult<bool> {
    let plain = &raw mut PyType_Type;
    // SAFETY: live; types live as long as their instances. The old function is held until nothing leads to it.
    unsafe {
        let function = &raw mut PyFunction_Type;
        if type_of(class) != plain || type_of(value.as_ptr()) != function || PyUnicode_CheckExact(name.as_ptr()) == 0 {
            return Ok(false);
        }
        let dict = own_dict(class);
        let Some(_old) = dict_get(dict.as_ptr(), name.as_ptr())?.filter(|old| type_of(old.as_ptr()) == function) else {
            return Ok(false);
        };
        check(PyDict_SetItem(dict.as_ptr(), name.as_ptr(), value.as_ptr()))?;
        PyType_Modified(class.cast());
        Ok(true)
    }
}
