//! The attributes of instances of ordinary classes, without the detour over `__dict__` where that would do the same.

use std::ptr;

use pyo3_ffi::*;

use super::collector::postponed;
use super::dict::Entries;
use super::dict_find::{Found, find};
use super::error::{PyResult, check};
use super::layout::type_of;
use super::object::each_item;
use super::owned::Owned;
use super::undeclared::{_PyObject_GenericSetAttrWithDict, _PyType_Lookup};

/// Is the object's `__dict__` what CPython makes it? `dict` is that name, interned.
#[inline]
pub fn has_own_dict(object: *mut PyObject, dict: *mut PyObject) -> bool {
    let class = type_of(object);
    if !gets_plainly(class) {
        return false;
    }
    #[cfg(not(Py_GIL_DISABLED))]
    {
        // SAFETY: live; what a class has under a name is borrowed and only looked at.
        let descriptor = unsafe { _PyType_Lookup(class, dict) };
        !descriptor.is_null() && type_of(descriptor) == &raw mut PyGetSetDescr_Type
    }
    #[cfg(Py_GIL_DISABLED)]
    super::object::type_attr(class, dict).is_some_and(|it| type_of(it.as_ptr()) == &raw mut PyGetSetDescr_Type)
}

/// `object.__dict__.update(state)` with interned keys, for an object that has its own dict. `intern` is `text::interned`,
/// or does the same.
pub fn update(object: *mut PyObject, state: *mut PyObject, intern: impl Fn(Owned) -> Owned) -> PyResult<()> {
    let mut dict = None;
    each_item(state, |key, value| {
        let key = intern(key);
        // SAFETY: all are live.
        unsafe {
            // Where no descriptor of the class is in the way, setting the attribute spares the object a dict, whose
            // values CPython keeps in the object itself from 3.11 on.
            if cfg!(Py_3_11)
                && dict.is_none()
                && PyUnicode_CheckExact(key.as_ptr()) != 0
                && _PyType_Lookup(type_of(object), key.as_ptr()).is_null()
            {
                let status = _PyObject_GenericSetAttrWithDict(object, key.as_ptr(), value.as_ptr(), ptr::null_mut());
                return check(status).map(|_| ());
            }
            if dict.is_none() {
                dict = Some(Owned::new(PyObject_GenericGetDict(object, ptr::null_mut()))?);
            }
            let Some(dict) = &dict else { return Ok(()) };
            check(PyDict_SetItem(dict.as_ptr(), key.as_ptr(), value.as_ptr())).map(|_| ())
        }
    })
}

/// Where an object keeps its attributes.
pub enum Attributes {
    /// It can have none but those of its class and its slots.
    None,
    /// In this dict, which it holds; NULL if it has not got one yet.
    Dict(*mut PyObject),
    /// In the object itself, until somebody asks for its dict. Not before 3.11.
    #[cfg_attr(not(Py_3_11), expect(dead_code, reason = "made from 3.11 on"))]
    Inline,
    /// At a place that depends on its size.
    Elsewhere,
}

/// Where an object keeps its attributes (`internal/pycore_object.h`). Not for free-threaded builds.
#[inline]
pub fn attributes(object: *mut PyObject) -> Attributes {
    // SAFETY: live. The place of the dict is what CPython's own look-up of it takes: in front of the object where the
    // class has the flag for that, else at an offset that the class names.
    unsafe {
        let class = type_of(object);
        #[cfg(Py_3_11)]
        {
            const MANAGED_DICT: std::ffi::c_ulong = 1 << 4;
            let flags = (&raw const (*class).tp_flags).cast::<std::ffi::c_ulong>().read();
            if flags & MANAGED_DICT != 0 {
                let words = object.cast::<*mut PyObject>();
                let dict = *words.sub(3);
                #[cfg(Py_3_13)]
                let inline = dict.is_null() && flags & (1 << 2) != 0;
                #[cfg(all(Py_3_12, not(Py_3_13)))]
                let inline = dict as usize & 1 != 0;
                #[cfg(not(Py_3_12))]
                let inline = !(*words.sub(4)).is_null();
                return if inline { Attributes::Inline } else { Attributes::Dict(dict) };
            }
        }
        match (*class).tp_dictoffset {
            0 => Attributes::None,
            offset if offset > 0 => Attributes::Dict(*object.byte_offset(offset).cast()),
            _ => Attributes::Elsewhere,
        }
    }
}

/// Is what an instance has in its own dict under a name what asking for the attribute gives, if it has it? Not so on
/// free-threaded builds, where it cannot be told.
fn is_own(object: *mut PyObject, name: *mut PyObject) -> bool {
    let class = type_of(object);
    // SAFETY: a live class; what it has under the name is only looked at.
    !cfg!(Py_GIL_DISABLED) && gets_plainly(class) && unsafe { _PyType_Lookup(class, name).is_null() }
}

/// What an instance has in its own dict under a name, if that is what asking for the attribute gives and if it can be told
/// without foreign code.
pub fn own_value(object: *mut PyObject, name: *mut PyObject) -> Option<Owned> {
    let value = value_at_hand(object, name);
    if value.is_some() || !matches!(attributes(object), Attributes::Inline) || !is_own(object, name) {
        return value;
    }
    // SAFETY: all keys of such an object are exact str, so that nothing foreign is asked; a new reference, or NULL with an
    // exception.
    unsafe {
        let value = Owned::new_or_none(PyObject_GenericGetAttr(object, name));
        if value.is_none() {
            PyErr_Clear();
        }
        value
    }
}

/// The same, if it takes no more than a look.
pub fn value_at_hand(object: *mut PyObject, name: *mut PyObject) -> Option<Owned> {
    if !is_own(object, name) {
        return None;
    }
    match attributes(object) {
        Attributes::Inline => Entries::inline(object).and_then(|entries| entries.value_of(name)).map(Owned::of),
        Attributes::Dict(own) if !own.is_null() && type_of(own) == &raw mut PyDict_Type => match find(own, name) {
            Found::Value(value) => Some(Owned::of(value)),
            Found::Absent | Found::Unclear => None,
        },
        _ => None,
    }
}

/// `object.__dict__` of an object whose attributes are [`Attributes::Inline`]: the object gets a dict, which it holds.
/// Runs no foreign code.
pub fn make_dict(object: *mut PyObject) -> PyResult<*mut PyObject> {
    // SAFETY: live; a new reference, beside the object's own.
    let made = postponed(|| unsafe { Owned::new(PyObject_GenericGetDict(object, ptr::null_mut())) });
    made.map(|dict| dict.as_ptr())
}

/// The place for the values of an instance that keeps them in itself and has none yet (`internal/pycore_dict.h`).
pub struct NoValues {
    #[cfg_attr(not(Py_3_11), expect(dead_code, reason = "never made"))]
    values: *mut *mut PyObject,
    #[cfg(Py_3_13)]
    capacity: usize,
}

/// The place for an object's values, if it has none. Not before 3.11, and not on free-threaded builds.
#[inline]
pub fn no_values(object: *mut PyObject) -> Option<NoValues> {
    #[cfg(any(not(Py_3_11), Py_GIL_DISABLED))]
    {
        let _ = object;
        None
    }
    #[cfg(all(Py_3_11, not(Py_GIL_DISABLED)))]
    {
        if !matches!(attributes(object), Attributes::Inline) {
            return None;
        }
        // SAFETY: such an object: behind it lie the values with a head of four bytes from 3.13 on (capacity, size, are
        // they in the object, are they in use); a pointer to them in front of it before, and in front of them their
        // number and the size of this prefix.
        unsafe {
            #[cfg(Py_3_13)]
            {
                let head = object.cast::<u8>().add((*type_of(object)).tp_basicsize as usize);
                let (capacity, size, valid) = (*head as usize, *head.add(1), *head.add(3));
                (size == 0 && valid == 1).then(|| NoValues { values: head.cast::<*mut PyObject>().add(1), capacity })
            }
            #[cfg(not(Py_3_13))]
            {
                let words = object.cast::<*mut u8>();
                // In 3.12 a mark in the lowest bit tells them from a dict.
                let values = if cfg!(Py_3_12) { (*words.sub(3)).wrapping_add(1) } else { *words.sub(4) };
                (*values.sub(2) == 0).then(|| NoValues { values: values.cast() })
            }
        }
    }
}

impl NoValues {
    /// Puts a value, whose reference is given away, to an index among the shared keys, behind those that were put before.
    ///
    /// # Safety
    /// The index is that of a key, and nothing was put there.
    #[inline(always)]
    #[cfg_attr(not(Py_3_11), expect(unused_variables, reason = "never made"))]
    pub unsafe fn put(&self, index: usize, value: *mut PyObject) {
        #[cfg(Py_3_11)]
        // SAFETY: an index below the number of places, as the caller says; the order follows the values, or lies in front
        // of them backwards.
        unsafe {
            self.values.add(index).write(value);
            #[cfg(Py_3_13)]
            {
                let size = self.values.sub(1).cast::<u8>().add(1);
                self.values.add(self.capacity).cast::<u8>().add(*size as usize).write(index as u8);
                *size += 1;
            }
            #[cfg(not(Py_3_13))]
            {
                let values = self.values.cast::<u8>();
                let size = values.sub(2);
                *size += 1;
                values.sub(2 + *size as usize).write(index as u8);
            }
        }
        #[cfg(not(Py_3_11))]
        unreachable!("there is no such place");
    }
}

/// Have the instances of a class no attributes but those of the class and slots?
pub fn has_only_slots(class: *mut PyTypeObject) -> bool {
    const MANAGED_DICT: std::ffi::c_ulong = 1 << 4;
    // SAFETY: a live class.
    unsafe {
        let flags = (&raw const (*class).tp_flags).cast::<std::ffi::c_ulong>().read();
        (*class).tp_dictoffset == 0 && !(cfg!(Py_3_11) && flags & MANAGED_DICT != 0)
    }
}

/// Do the instances of a class get attributes as those of `object` do?
pub fn gets_plainly(class: *mut PyTypeObject) -> bool {
    let generic = |get: getattrofunc| ptr::fn_addr_eq(get, PyObject_GenericGetAttr as getattrofunc);
    // SAFETY: a live class.
    unsafe { (*class).tp_getattro.is_some_and(generic) }
}

/// Do the instances of a class set attributes as those of `object` do?
pub fn sets_plainly(class: *mut PyTypeObject) -> bool {
    let generic = |set: setattrofunc| ptr::fn_addr_eq(set, PyObject_GenericSetAttr as setattrofunc);
    // SAFETY: a live class.
    unsafe { (*class).tp_setattro.is_some_and(generic) }
}

/// `object.__dict__ = …` of an instance that has no attributes yet and a dict of its own: a new one with the keys of a
/// template and as many values. `name` is `__dict__`. False, and it has none, if there is no memory.
pub fn set_new_dict(
    object: *mut PyObject,
    name: *mut PyObject,
    template: *mut PyObject,
    values: impl ExactSizeIterator<Item = *mut PyObject>,
) -> bool {
    // SAFETY: live; a new reference or NULL with an exception, which the long way will raise again. The class's own setter
    // also takes the place for values out of use, which the collector would look at instead of the dict (3.13).
    unsafe {
        let set = super::dict::copy_with(template, values)
            .is_ok_and(|dict| dict.is_some_and(|dict| PyObject_GenericSetAttr(object, name, dict.as_ptr()) == 0));
        if !set {
            PyErr_Clear();
        }
        set
    }
}
