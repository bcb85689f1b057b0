//! Values that are the same for ever, and are written without a question to anybody: a stencil has them in it.

use pyo3_ffi::*;

use crate::pickler::cutter::Cutter;
use crate::py::error::PyResult;
use crate::py::layout::{tuple_items, type_of};

/// Tuples that lie deeper in each other are none.
const MOST_DEPTH: u32 = 4;

/// Is it None, a bool, a number, a text, bytes, or a tuple of such?
pub(super) fn is_constant(value: *mut PyObject) -> bool {
    is_constant_at(value, 0)
}

fn is_constant_at(value: *mut PyObject, depth: u32) -> bool {
    let ty = type_of(value).cast_const();
    // SAFETY: the address of a static object.
    let none = unsafe { Py_None() };
    value == none
        || [&raw const PyBool_Type, &raw const PyLong_Type, &raw const PyFloat_Type].contains(&ty)
        || [&raw const PyUnicode_Type, &raw const PyBytes_Type].contains(&ty)
        || ty == &raw const PyTuple_Type
            && depth < MOST_DEPTH
            && tuple_items(value).iter().all(|item| is_constant_at(*item, depth + 1))
}

/// Cuts one; false if it is too long.
pub(super) fn cut(cutter: &mut Cutter, value: *mut PyObject) -> PyResult<bool> {
    cutter.object(value, 0, &mut |_, _, _| Ok(false))
}
