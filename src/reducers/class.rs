//! Classes that cannot be imported (cloudpickle's `_class_reduce`).

use pyo3_ffi::*;

use super::class_head::Head;
use super::class_state::{ClassState, StateKind};
use super::class_stencil::ClassStencil;
use super::enumeration;
use crate::analyzer::metaclass::is_plain_attr;
use crate::pickler::engine::Pickler;
use crate::pickler::script::Script;
use crate::py::class::{compares_by_identity, heap_fields, own_dict};
use crate::py::error::{PyResult, check};
use crate::py::layout::type_of;
use crate::py::object::{attr, call_method2, dict_get};
use crate::py::owned::Owned;
use crate::reconstruct::tracker;
use crate::state::{Name, Names};

/// A class, wherever it could be found again.
pub fn any_by_value(pickler: &mut Pickler<'_>, class: *mut PyObject) -> PyResult<Script> {
    if enumeration::is_enumeration(pickler, class)? {
        enumeration::reduce(pickler, class)
    } else {
        by_value(pickler, class)
    }
}

/// A class that is no enumeration.
pub fn by_value(pickler: &mut Pickler<'_>, class: *mut PyObject) -> PyResult<Script> {
    let names = &pickler.state.names;
    let known = match ClassState::known(pickler.state, class, StateKind::Class)? {
        Some(state) => match state.stencil(pickler, class, None)? {
            Some(stencil) => return by_stencil(pickler, class, state, &stencil),
            None => Some(state),
        },
        None => None,
    };
    let module =
        if has_own(pickler, class, &names.module)? { Some(class_attr(pickler, class, &names.module)?) } else { None };
    let dict = dict_property(pickler, class)?;
    let name = class_attr(pickler, class, &names.name)?;
    let is_generic = has_own(pickler, class, &names.orig_bases)?;
    let bases = class_attr(pickler, class, if is_generic { &names.orig_bases } else { &names.bases })?;
    let id = tracker_id(pickler, class)?;
    let state = match known {
        // Nothing of it has changed since.
        Some(state) if !pickler.is_foreign() => state,
        _ => ClassState::of(pickler, class, StateKind::Class)?,
    };
    let head = Head { name, module, dict, id, is_generic, members: None };
    state.cut(pickler, &head)?;

    let mut plan = pickler.plan();
    head.describe(&mut plan, class, bases, state, None)?;
    Ok(plan.finish())
}

/// A class whose state is known, with a stencil that fits it.
pub fn by_stencil(
    pickler: &mut Pickler<'_>,
    class: *mut PyObject,
    state: ClassState,
    stencil: &ClassStencil,
) -> PyResult<Script> {
    // SAFETY: a class with a stencil is a heap type, which holds its bases.
    let bases = Owned::of(unsafe { (*class.cast::<PyTypeObject>()).tp_bases });
    let mut plan = pickler.plan();
    stencil.head.describe(&mut plan, class, bases, state, Some(stencil))?;
    Ok(plan.finish())
}

/// `class.name`
pub fn class_attr(pickler: &mut Pickler<'_>, class: *mut PyObject, name: &Name) -> PyResult<Owned> {
    if !is_plain_attr(pickler.state, class, name) {
        pickler.foreign()?;
    } else if let Some(value) = plain_attr(&pickler.state.names, class, name)? {
        return Ok(value);
    }
    attr(class, name.as_ptr())
}

/// What `type` gives for an attribute of a class, without the way over its descriptor; None if it is another attribute or
/// not to be had like this.
fn plain_attr(names: &Names, class: *mut PyObject, name: &Name) -> PyResult<Option<Owned>> {
    let Some(fields) = heap_fields(class) else { return Ok(None) };
    let name = name.as_ptr();
    // SAFETY: a heap type, which is laid out like this and holds its fields.
    let value = unsafe {
        if name == names.name.as_ptr() {
            (*fields).ht_name
        } else if name == names.qualname.as_ptr() {
            (*fields).ht_qualname
        } else if name == names.bases.as_ptr() {
            (*fields).ht_type.tp_bases
        } else if name == names.module.as_ptr() {
            return dict_get(own_dict(class).as_ptr(), name);
        } else {
            return Ok(None);
        }
    };
    Ok((!value.is_null()).then(|| Owned::of(value)))
}

/// `name in class.__dict__`
fn has_own(pickler: &mut Pickler<'_>, class: *mut PyObject, name: &Name) -> PyResult<bool> {
    if is_plain_attr(pickler.state, class, &pickler.state.names.dict) {
        return Ok(dict_get(own_dict(class).as_ptr(), name.as_ptr())?.is_some());
    }
    let dict = class_attr(pickler, class, &pickler.state.names.dict)?;
    // SAFETY: live.
    Ok(check(unsafe { PySequence_Contains(dict.as_ptr(), name.as_ptr()) })? != 0)
}

/// `class.__dict__["__dict__"]` if that is a property: it must be there when the class is made.
fn dict_property(pickler: &mut Pickler<'_>, class: *mut PyObject) -> PyResult<Option<Owned>> {
    let name = &pickler.state.names.dict;
    let value = if is_plain_attr(pickler.state, class, name) {
        dict_get(own_dict(class).as_ptr(), name.as_ptr())?
    } else {
        let dict = class_attr(pickler, class, name)?;
        // SAFETY: None is there for the interpreter's life.
        Some(call_method2(dict.as_ptr(), pickler.state.names.get.as_ptr(), name.as_ptr(), unsafe { Py_None() })?)
    };
    let Some(value) = value else { return Ok(None) };
    let ty = type_of(value.as_ptr());
    if ty == &raw mut PyGetSetDescr_Type {
        return Ok(None);
    }
    if ty != &raw mut PyProperty_Type {
        pickler.foreign()?;
    }
    // SAFETY: live.
    let is_property = unsafe { PyObject_IsInstance(value.as_ptr(), (&raw mut PyProperty_Type).cast()) };
    Ok((check(is_property)? != 0).then_some(value))
}

/// The id under which the class is tracked, if that is to be had without foreign code.
pub fn known_id(class: *mut PyObject) -> PyResult<Option<Owned>> {
    if compares_by_identity(type_of(class)) { tracker::known_id(class) } else { Ok(None) }
}

/// The id under which the class is tracked.
pub fn tracker_id(pickler: &mut Pickler<'_>, class: *mut PyObject) -> PyResult<Owned> {
    if compares_by_identity(type_of(class)) {
        if let Some(id) = tracker::known_id(class)? {
            return Ok(id);
        }
        if let Some(id) = tracker::quiet_id(class)? {
            return Ok(id);
        }
    }
    pickler.foreign()?;
    tracker::get_or_create_id(class)
}
