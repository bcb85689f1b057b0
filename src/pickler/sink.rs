//! Where a dump goes that does not stay in memory.

use pyo3_ffi::PyObject;

use crate::py::error::PyResult;

/// Takes the output piece by piece, with the GIL held. A failure is a Python exception that is set.
pub trait Sink {
    /// Takes all of `data`.
    fn write(&mut self, data: &[u8]) -> PyResult<()>;

    /// Takes all of `data`, the contents of the bytes-like object `owner`.
    fn write_object(&mut self, owner: *mut PyObject, data: &[u8]) -> PyResult<()> {
        let _ = owner;
        self.write(data)
    }
}
