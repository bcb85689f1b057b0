//! Questions to a class that run no foreign code.

use pyo3_ffi::*;

use super::object::type_attr;
use super::owned::Owned;

/// Is an object a class?
#[inline]
pub fn is_class(object: *mut PyObject) -> bool {
    // SAFETY: live.
    unsafe { PyType_Check(object) != 0 }
}

/// Is a type this one, or one that derives from it?
#[inline]
pub fn is_subtype(ty: *mut PyTypeObject, of: *mut PyTypeObject) -> bool {
    // SAFETY: live types.
    ty == of || unsafe { PyType_IsSubtype(ty, of) != 0 }
}

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

/// A class that Python code made, or C code in the same way: `__name__`, `__qualname__` and, among the fields of every class,
/// `__bases__` as `type` gives them. None for others, and on a free-threaded build, where another thread may set them.
#[inline]
pub fn heap_fields(class: *mut PyObject) -> Option<*const PyHeapTypeObject> {
    (!cfg!(Py_GIL_DISABLED) && is_heap(class)).then_some(class.cast::<PyHeapTypeObject>().cast_const())
}

/// Was a class made at runtime, unlike those that are part of a program?
#[inline]
pub fn is_heap(class: *mut PyObject) -> bool {
    // SAFETY: a live class.
    unsafe { PyType_HasFeature(class.cast(), Py_TPFLAGS_HEAPTYPE) != 0 }
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

/// The [`version`] of a class, which CPython gives to one that has none at a look-up of any name.
pub fn given_version(class: *mut PyTypeObject, name: *mut PyObject) -> u32 {
    if version(class) == 0 {
        drop(type_attr(class, name));
    }
    version(class)
}

/// The [`version`] of a class as long as it stands for nothing else; 0 before CPython 3.11, where
/// `sys._clear_type_cache()` begins to count anew.
#[inline]
pub fn lasting_version(class: *mut PyTypeObject) -> u32 {
    if cfg!(Py_3_11) { version(class) } else { 0 }
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
