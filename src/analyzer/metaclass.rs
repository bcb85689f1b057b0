//! May a metaclass have a say when an attribute of one of its classes is asked for?

use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3_ffi::*;

use super::kept::Kept;
use crate::py::class::{lasting_version, own_dict};
use crate::py::layout::type_of;
use crate::py::object::{dict_get, type_attr};
use crate::py::owned::Owned;
use crate::state::{Name, Names, State};

/// Do the metaclass's classes have this attribute as all classes do, so that asking for it runs no foreign code?
#[inline]
pub fn has_types_own(state: &State, metaclass: *mut PyTypeObject, name: &Name) -> bool {
    metaclass == &raw mut PyType_Type
        || gets_as_types_do(state, metaclass, name)
            && (!may_have_getattr(metaclass) || is_always_there(&state.names, name))
}

/// Does `class.name` run no foreign code?
#[inline(always)]
pub fn is_plain_attr(state: &State, class: *mut PyObject, name: &Name) -> bool {
    let (names, metaclass) = (&state.names, type_of(class));
    let is_bound_to_nothing = |own: Owned| {
        // SAFETY: a live type.
        unsafe { (*type_of(own.as_ptr())).tp_descr_get.is_none() }
    };
    if metaclass != &raw mut PyType_Type && !gets_as_types_do(state, metaclass, name) {
        // One made by a class statement has its own `__module__`, which what the class has takes precedence of.
        return calls_types_getattribute(state, metaclass)
            && type_attr(metaclass, name.as_ptr()).is_some_and(|own| type_of(own.as_ptr()) == &raw mut PyUnicode_Type)
            && type_attr(class.cast(), name.as_ptr()).is_some_and(is_bound_to_nothing);
    }
    let is_data = if is_known_data(names, name) {
        Some(true)
    } else {
        // SAFETY: a live type.
        type_attr(&raw mut PyType_Type, name.as_ptr())
            .map(|own| unsafe { (*type_of(own.as_ptr())).tp_descr_set.is_some() })
    };
    if let Some(is_data) = is_data {
        let is_there = || {
            is_always_there(names, name)
                || dict_get(own_dict(class).as_ptr(), name.as_ptr()).is_ok_and(|own| own.is_some())
        };
        return is_data && (!may_have_getattr(metaclass) || is_there());
    }
    type_attr(class.cast(), name.as_ptr()).is_some_and(is_bound_to_nothing)
}

/// Are attributes of the metaclass's classes looked up by `type.__getattribute__`, if only at first?
#[inline]
pub fn calls_types_getattribute(state: &State, metaclass: *mut PyTypeObject) -> bool {
    !may_have_getattr(metaclass) || leaves(state, metaclass, &state.names.getattribute)
}

/// Is an attribute of the metaclass's classes looked up as one of other classes, as far as it is found?
#[inline(always)]
fn gets_as_types_do(state: &State, metaclass: *mut PyTypeObject, name: &Name) -> bool {
    leaves(state, metaclass, name) && calls_types_getattribute(state, metaclass)
}

/// Which attributes metaclasses leave to `type`: for some of them, by a metaclass's version in the upper half, a bit for each
/// of [`asked`] in the lower. No state of a class has the version of another.
#[derive(Default)]
pub struct Left([AtomicU64; 16]);

/// What is asked about often.
fn asked(names: &Names) -> [&Name; 10] {
    [
        &names.getattribute,
        &names.bases,
        &names.class_attr,
        &names.dict,
        &names.module,
        &names.name,
        &names.qualname,
        &names.reduce,
        &names.mro,
        &names.slots,
    ]
}

/// Has the metaclass an attribute from `type`, or neither of them?
#[inline(always)]
fn leaves(state: &State, metaclass: *mut PyTypeObject, name: &Name) -> bool {
    let place = asked(&state.names).iter().position(|asked| ptr::eq(*asked, name));
    let version = lasting_version(metaclass);
    let (Some(place), false, Ok(kept)) = (place, version == 0, Kept::get(state)) else {
        return is_types_own(metaclass, name.as_ptr());
    };
    let slot = &kept.left.0[version as usize % kept.left.0.len()];
    let mut left = slot.load(Ordering::Relaxed);
    if left >> 32 != u64::from(version) {
        left = find_left(state, metaclass, version, slot);
    }
    left >> place & 1 != 0
}

#[cold]
#[inline(never)]
fn find_left(state: &State, metaclass: *mut PyTypeObject, version: u32, slot: &AtomicU64) -> u64 {
    let is_left = |name: &Name| u64::from(is_types_own(metaclass, name.as_ptr()));
    let bits = asked(&state.names).iter().rev().fold(0, |bits, name| bits << 1 | is_left(name));
    let left = u64::from(version) << 32 | bits;
    slot.store(left, Ordering::Relaxed);
    left
}

fn is_types_own(metaclass: *mut PyTypeObject, name: *mut PyObject) -> bool {
    let attr = |class| type_attr(class, name).map(|attr| attr.as_ptr());
    attr(metaclass) == attr(&raw mut PyType_Type)
}

/// May there be a `__getattr__` for what is not found, or a `__getattribute__`?
fn may_have_getattr(metaclass: *mut PyTypeObject) -> bool {
    // SAFETY: live types.
    let get = |class: *mut PyTypeObject| unsafe { (*class).tp_getattro }.map(|get| get as usize);
    get(metaclass) != get(&raw mut PyType_Type)
}

/// Has `type`, which nobody can change, a data descriptor of this name?
#[inline(always)]
fn is_known_data(names: &Names, name: &Name) -> bool {
    is_one_of(name, [&names.bases, &names.dict, &names.module, &names.name, &names.qualname])
}

/// Have all classes this attribute, so that nobody is asked for what is not found?
#[inline(always)]
fn is_always_there(names: &Names, name: &Name) -> bool {
    let always =
        [&names.bases, &names.class_attr, &names.dict, &names.mro, &names.name, &names.qualname, &names.reduce];
    is_one_of(name, always)
}

/// Names are told by where they stand among all names, mostly when this is compiled.
#[inline(always)]
fn is_one_of<const COUNT: usize>(name: &Name, names: [&Name; COUNT]) -> bool {
    names.iter().any(|one| ptr::eq(*one, name))
}
