//! Cells of closures.

use std::ptr;

use pyo3_ffi::*;

use crate::py::error::PyResult;
use crate::py::owned::Owned;
use crate::state::State;

/// `_make_cell(value)`; without a value the cell is empty.
pub fn make_cell(_: &State, args: &[*mut PyObject]) -> PyResult<Owned> {
    // SAFETY: live, or NULL for an empty cell.
    unsafe { Owned::new(PyCell_New(args.first().copied().unwrap_or(ptr::null_mut()))) }
}

/// `_make_empty_cell()`.
pub fn make_empty_cell(state: &State, _: &[*mut PyObject]) -> PyResult<Owned> {
    make_cell(state, &[])
}
