//! Attributes by a dotted name.

use pyo3_ffi::*;

use crate::py::error::PyResult;
use crate::py::owned::Owned;
use crate::py::text;

/// The parts of a dotted name.
pub fn parts(name: *mut PyObject) -> PyResult<Vec<Owned>> {
    if !text::has_dot(name) {
        return Ok(vec![Owned::of(name)]);
    }
    let dot = text::new(".")?;
    // SAFETY: two live str.
    let parts = unsafe { Owned::new(PyUnicode_Split(name, dot.as_ptr(), -1))? };
    let (len, items) = crate::py::layout::list_items(parts.as_ptr());
    // SAFETY: a new list of that many items.
    Ok((0..len).map(|i| Owned::of(unsafe { *items.add(i) })).collect())
}
