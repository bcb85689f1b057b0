//! Functions of CPython that pyo3-ffi keeps to itself or does not know.

use std::ffi::{c_char, c_int};

use pyo3_ffi::*;

unsafe extern "C" {
    /// Raises an audit event; -1 if a hook refused.
    pub fn PySys_Audit(event: *const c_char, format: *const c_char, ...) -> c_int;

    /// Finds an attribute: 1 and a new reference, 0 and NULL if there is none, -1 if the lookup failed otherwise. Absence
    /// makes no exception where the object's type allows.
    #[cfg_attr(Py_3_13, link_name = "PyObject_GetOptionalAttr")]
    #[cfg_attr(not(Py_3_13), link_name = "_PyObject_LookupAttr")]
    pub fn lookup_attr(object: *mut PyObject, name: *mut PyObject, value: *mut *mut PyObject) -> c_int;

    /// What a class has under a name, itself or inherited, borrowed; NULL without an exception if there is nothing.
    pub fn _PyType_Lookup(class: *mut PyTypeObject, name: *mut PyObject) -> *mut PyObject;

    /// The same, as a new reference.
    #[cfg(Py_GIL_DISABLED)]
    pub fn _PyType_LookupRef(class: *mut PyTypeObject, name: *mut PyObject) -> *mut PyObject;

    /// Sets an attribute as `object.__setattr__` does, in the given dict, or the object's own if it is NULL.
    pub fn _PyObject_GenericSetAttrWithDict(
        object: *mut PyObject,
        name: *mut PyObject,
        value: *mut PyObject,
        dict: *mut PyObject,
    ) -> c_int;

    /// Makes the first reference to an object whose type is set, and says so to whoever counts or watches them.
    #[cfg(any(Py_3_13, Py_REF_DEBUG))]
    pub fn _Py_NewReference(object: *mut PyObject);

    /// Gives a `bytes` that only the caller holds another length, maybe at another place; -1 and NULL without memory.
    pub fn _PyBytes_Resize(bytes: *mut *mut PyObject, len: Py_ssize_t) -> c_int;
}

unsafe extern "C" {
    /// Checks and makes a code object. The tuples of names are interned in place.
    #[cfg(not(Py_3_11))]
    pub fn PyCode_NewWithPosOnlyArgs(
        argcount: c_int,
        posonlyargcount: c_int,
        kwonlyargcount: c_int,
        nlocals: c_int,
        stacksize: c_int,
        flags: c_int,
        code: *mut PyObject,
        consts: *mut PyObject,
        names: *mut PyObject,
        varnames: *mut PyObject,
        freevars: *mut PyObject,
        cellvars: *mut PyObject,
        filename: *mut PyObject,
        name: *mut PyObject,
        firstlineno: c_int,
        linetable: *mut PyObject,
    ) -> *mut PyObject;

    /// Checks and makes a code object. The tuples of names are interned in place.
    #[cfg(Py_3_11)]
    #[cfg_attr(Py_3_12, link_name = "PyUnstable_Code_NewWithPosOnlyArgs")]
    pub fn PyCode_NewWithPosOnlyArgs(
        argcount: c_int,
        posonlyargcount: c_int,
        kwonlyargcount: c_int,
        nlocals: c_int,
        stacksize: c_int,
        flags: c_int,
        code: *mut PyObject,
        consts: *mut PyObject,
        names: *mut PyObject,
        varnames: *mut PyObject,
        freevars: *mut PyObject,
        cellvars: *mut PyObject,
        filename: *mut PyObject,
        name: *mut PyObject,
        qualname: *mut PyObject,
        firstlineno: c_int,
        linetable: *mut PyObject,
        exceptiontable: *mut PyObject,
    ) -> *mut PyObject;
}
