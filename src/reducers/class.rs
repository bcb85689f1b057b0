//! Classes.

use pyo3_ffi::PyObject;

use super::builtin_types;
use crate::decide::by_reference::goes_by_reference;
use crate::pickler::engine::Pickler;
use crate::pickler::frame::Frame;
use crate::py::error::PyResult;

/// A class: None if it goes by reference.
pub fn reduce(pickler: &mut Pickler<'_>, class: *mut PyObject) -> PyResult<Option<Frame>> {
    if let Some(frame) = builtin_types::reduce(pickler, class)? {
        return Ok(Some(frame));
    }
    if goes_by_reference(pickler.state, class, pickler)? {
        return Ok(None);
    }
    Ok(None)
}
