//! Which reducer is asked for which object.

use pyo3_ffi::{PyObject, PyTypeObject};

use crate::pickler::engine::Pickler;
use crate::pickler::frame::Frame;
use crate::py::error::PyResult;

/// Describes an object; the frame carries the description out.
pub type Reducer = fn(&mut Pickler<'_>, *mut PyObject) -> PyResult<Frame>;

/// Classes and functions (cloudpickle's `Pickler.reducer_override`): None if the object goes by reference, or is
/// neither.
pub fn class_or_function(pickler: &mut Pickler<'_>, object: *mut PyObject) -> PyResult<Option<Frame>> {
    let _ = (pickler, object);
    Ok(None)
}

/// The reducer of cloudpickle's dispatch table for objects of exactly this type.
pub fn by_type(pickler: &mut Pickler<'_>, ty: *mut PyTypeObject) -> PyResult<Option<Reducer>> {
    let _ = (pickler, ty);
    Ok(None)
}
