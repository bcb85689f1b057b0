//! The attributes of instances of ordinary classes, without the detour over `__dict__` where that would do the same.

use std::ptr;

use pyo3_ffi::*;

use super::error::{PyResult, check};
use super::layout::type_of;
use super::object::each_item;
use super::owned::Owned;
use super::undeclared::{_PyObject_GenericSetAttrWithDict, _PyType_Lookup};

/// Is the object's `__dict__` what CPython makes it? `dict` is that name, interned.
#[inline]
pub fn has_own_dict(object: *mut PyObject, dict: *mut PyObject) -> bool {
    // SAFETY: live; what a class has under a name is borrowed and only looked at.
    unsafe {
        let class = type_of(object);
        if (*class).tp_getattro.is_none_or(|get| !ptr::fn_addr_eq(get, PyObject_GenericGetAttr as getattrofunc)) {
            return false;
        }
        let descriptor = _PyType_Lookup(class, dict);
        !descriptor.is_null() && type_of(descriptor) == &raw mut PyGetSetDescr_Type
    }
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

/// `object.__dict__` of an object whose attributes are [`Attributes::Inline`]: the object gets a dict, which it holds.
/// Makes an object that the garbage collector tracks.
pub fn make_dict(object: *mut PyObject) -> PyResult<*mut PyObject> {
    // SAFETY: live; a new reference, beside the object's own.
    unsafe { Owned::new(PyObject_GenericGetDict(object, ptr::null_mut())) }.map(|dict| dict.as_ptr())
}
