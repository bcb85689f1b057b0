//! Functions (`cpython/funcobject.h`).

use pyo3_ffi::*;

use super::owned::Owned;

/// The fields of an exact function; None for other objects.
pub fn fields<'a>(function: *mut PyObject) -> Option<&'a mut PyFunctionObject> {
    // SAFETY: a live function is laid out like this.
    unsafe { (Py_TYPE(function) == &raw mut PyFunction_Type).then(|| &mut *function.cast()) }
}

/// Puts a value into a field that holds a reference or NULL.
pub fn replace(field: &mut *mut PyObject, value: &Owned) {
    let old = std::mem::replace(field, value.clone().into_ptr());
    // SAFETY: the field's reference, which nothing leads to any more.
    unsafe { Py_XDECREF(old) }
}
