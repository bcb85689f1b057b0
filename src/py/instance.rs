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
