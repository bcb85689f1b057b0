//! Functions and their code.

use pyo3_ffi::*;

use super::error::PyResult;
use super::object::attr;
use super::text;

/// How many free variables a code object has.
pub fn free_variables(code: *mut PyObject) -> PyResult<usize> {
    let name = text::new("co_freevars")?;
    let names = attr(code, name.as_ptr())?;
    // SAFETY: a live tuple.
    Ok(unsafe { PyTuple_Size(names.as_ptr()) } as usize)
}
