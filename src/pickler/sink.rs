//! Where a dump goes that does not stay in memory.

use pyo3_ffi::*;

use crate::py::error::PyResult;
use crate::py::object::call1;
use crate::py::owned::Owned;

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

/// The `write` method of a Python file object, which is given bytes objects, and large buffers as the objects that they
/// are.
pub struct FileSink {
    write: Owned,
    /// It raised.
    pub failed: bool,
}

impl FileSink {
    pub fn new(write: Owned) -> Self {
        Self { write, failed: false }
    }

    fn give(&mut self, piece: *mut PyObject) -> PyResult<()> {
        call1(self.write.as_ptr(), piece).map(drop).inspect_err(|_| self.failed = true)
    }
}

impl Sink for FileSink {
    fn write(&mut self, data: &[u8]) -> PyResult<()> {
        if data.is_empty() {
            return Ok(());
        }
        // SAFETY: as many bytes as are read; a new reference or NULL.
        let piece = unsafe { Owned::new(PyBytes_FromStringAndSize(data.as_ptr().cast(), data.len() as Py_ssize_t))? };
        self.give(piece.as_ptr())
    }

    fn write_object(&mut self, owner: *mut PyObject, data: &[u8]) -> PyResult<()> {
        // SAFETY: a live object. What is no buffer (a str) has its bytes copied: the file may keep what it is given.
        if unsafe { PyObject_CheckBuffer(owner) } != 0 { self.give(owner) } else { self.write(data) }
    }
}
