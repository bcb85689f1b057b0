//! What CPython exports and pyo3-ffi does not declare.

use pyo3_ffi::{PyObject, PyTypeObject};

unsafe extern "C" {
    pub static mut PyMethod_Type: PyTypeObject;
    pub static mut PyODictKeys_Type: PyTypeObject;
    pub static mut PyODictValues_Type: PyTypeObject;
    pub static mut PyODictItems_Type: PyTypeObject;
    /// Borrowed references of a bound method.
    pub fn PyMethod_Function(method: *mut PyObject) -> *mut PyObject;
    pub fn PyMethod_Self(method: *mut PyObject) -> *mut PyObject;
}
