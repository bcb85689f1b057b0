//! Tables of what CPython is to call, as constants.

use std::ffi::CStr;
use std::ptr;

use pyo3_ffi::*;

/// A constant that holds pointers to constants.
#[repr(transparent)]
pub struct Constant<T>(pub T);

// SAFETY: made of constants, and written to by nobody.
unsafe impl<T> Sync for Constant<T> {}

impl<T> Constant<T> {
    /// As CPython wants it, which does not write to it.
    pub const fn as_ptr(&self) -> *mut T {
        (&raw const self.0).cast_mut()
    }
}

type FastWithKeywords =
    unsafe extern "C" fn(*mut PyObject, *const *mut PyObject, Py_ssize_t, *mut PyObject) -> *mut PyObject;
type WithOne = unsafe extern "C" fn(*mut PyObject, *mut PyObject) -> *mut PyObject;

/// A function with parameters.
pub const fn function(name: &'static CStr, call: FastWithKeywords, doc: &'static CStr) -> PyMethodDef {
    PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: PyMethodDefPointer { PyCFunctionFastWithKeywords: call },
        ml_flags: METH_FASTCALL | METH_KEYWORDS,
        ml_doc: doc.as_ptr(),
    }
}

/// A function of one nameless parameter.
pub const fn of_one(name: &'static CStr, call: WithOne, doc: &'static CStr) -> PyMethodDef {
    PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: PyMethodDefPointer { PyCFunction: call },
        ml_flags: METH_O,
        ml_doc: doc.as_ptr(),
    }
}

/// A function of no parameter.
pub const fn of_none(name: &'static CStr, call: WithOne, doc: &'static CStr) -> PyMethodDef {
    PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: PyMethodDefPointer { PyCFunction: call },
        ml_flags: METH_NOARGS,
        ml_doc: doc.as_ptr(),
    }
}

/// Nobody calls what has no name.
unsafe extern "C" fn never(_: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    ptr::null_mut()
}

/// What ends a table of methods.
pub const fn end() -> PyMethodDef {
    PyMethodDef {
        ml_name: ptr::null(),
        ml_meth: PyMethodDefPointer { PyCFunction: never },
        ml_flags: 0,
        ml_doc: ptr::null(),
    }
}

/// An attribute that functions read and write.
pub const fn attribute(name: &'static CStr, get: getter, set: Option<setter>, doc: &'static CStr) -> PyGetSetDef {
    PyGetSetDef { name: name.as_ptr(), get: Some(get), set, doc: doc.as_ptr(), closure: ptr::null_mut() }
}

/// What ends a table of attributes.
pub const fn no_attribute() -> PyGetSetDef {
    PyGetSetDef { name: ptr::null(), get: None, set: None, doc: ptr::null(), closure: ptr::null_mut() }
}

/// An attribute that is a field.
pub const fn member(name: &'static CStr, kind: i32, offset: usize, flags: i32, doc: &'static CStr) -> PyMemberDef {
    PyMemberDef { name: name.as_ptr(), type_code: kind, offset: offset as Py_ssize_t, flags, doc: doc.as_ptr() }
}

/// What ends a table of fields.
pub const fn no_member() -> PyMemberDef {
    PyMemberDef { name: ptr::null(), type_code: 0, offset: 0, flags: 0, doc: ptr::null() }
}
