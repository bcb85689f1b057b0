//! Questions to a class that run no foreign code.

use pyo3_ffi::*;

use super::layout::type_of;
use super::object::type_attr;
use super::owned::Owned;

/// The dict of a class itself, not the proxy that `__dict__` is.
pub fn own_dict(class: *mut PyObject) -> Owned {
    let class = class.cast::<PyTypeObject>();
    #[cfg(Py_3_12)]
    {
        unsafe extern "C" {
            fn PyType_GetDict(class: *mut PyTypeObject) -> *mut PyObject;
        }
        // SAFETY: a live class, which has a dict; a new reference.
        unsafe {
            match Owned::new_or_none(PyType_GetDict(class)) {
                Some(dict) => dict,
                // Only for a class that is not ready.
                None => Owned::of(PyBaseObject_Type.tp_dict),
            }
        }
    }
    #[cfg(not(Py_3_12))]
    // SAFETY: a live class, which has a dict.
    Owned::of(unsafe { (*class).tp_dict })
}

/// Do the metaclass's classes have this attribute as all classes do, so that asking for it runs no foreign code?
pub fn has_types_own(metaclass: *mut PyTypeObject, name: *mut PyObject) -> bool {
    let plain = &raw mut PyType_Type;
    if metaclass == plain {
        return true;
    }
    let attr = |class| type_attr(class, name).map(|attr| attr.as_ptr());
    // SAFETY: live types.
    let get = |class: *mut PyTypeObject| unsafe { (*class).tp_getattro }.map(|get| get as usize);
    get(metaclass) == get(plain) && attr(metaclass) == attr(plain)
}

/// Does `class.name` run no foreign code?
pub fn is_plain_attr(class: *mut PyObject, name: *mut PyObject) -> bool {
    if !has_types_own(type_of(class), name) {
        return false;
    }
    if let Some(of_all) = type_attr(&raw mut PyType_Type, name) {
        // SAFETY: a live type.
        return unsafe { (*type_of(of_all.as_ptr())).tp_descr_set.is_some() };
    }
    // SAFETY: a live type.
    type_attr(class.cast(), name).is_some_and(|own| unsafe { (*type_of(own.as_ptr())).tp_descr_get.is_none() })
}

/// Are the metaclass's classes hashed and compared as all classes are, by their identity?
pub fn compares_by_identity(metaclass: *mut PyTypeObject) -> bool {
    let plain = &raw mut PyType_Type;
    // SAFETY: live types.
    let hash = |class: *mut PyTypeObject| unsafe { (*class).tp_hash }.map(|hash| hash as usize);
    // SAFETY: as above.
    let compare = |class: *mut PyTypeObject| unsafe { (*class).tp_richcompare }.map(|compare| compare as usize);
    hash(metaclass) == hash(plain) && compare(metaclass) == compare(plain)
}

/// A number that no class had before: another one for each state of a class and of those that it inherits from. 0 if it
/// has none at the moment.
#[inline(always)]
pub fn version(class: *mut PyTypeObject) -> u32 {
    // SAFETY: a live class.
    unsafe {
        #[cfg(not(Py_3_12))]
        {
            /// `Py_TPFLAGS_VALID_VERSION_TAG`
            const VALID: std::ffi::c_ulong = 1 << 19;
            if (*class).tp_flags & VALID == 0 {
                return 0;
            }
        }
        (*class).tp_version_tag
    }
}
