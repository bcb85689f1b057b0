//! libcloudpickle for PyO3. The functions are called with the GIL held and without a place for a report, so that a
//! failure is the Python exception that is set.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ops::Deref;
use std::{ptr, slice};

use pyo3::ffi::PyObject;
use pyo3::prelude::*;

#[repr(C)]
struct CpBuffer {
    data: *const u8,
    len: usize,
    flags: u32,
    reserved: u32,
    release: Option<unsafe extern "C" fn(*mut CpBuffer)>,
    private_data: *mut c_void,
}

#[link(name = "cloudpickle")]
unsafe extern "C" {
    fn cp_dumps(obj: *mut PyObject, options: *const c_void, out: *mut CpBuffer, err: *mut *mut c_void) -> c_int;
    fn cp_loads(
        data: *const c_void,
        len: usize,
        options: *const c_void,
        out: *mut *mut PyObject,
        used: *mut usize,
        err: *mut *mut c_void,
    ) -> c_int;
    fn cp_eval(expression: *const c_char, args: *mut PyObject, out: *mut *mut PyObject, err: *mut *mut c_void)
    -> c_int;
    fn cp_buffer_release(buffer: *mut CpBuffer);
}

/// A pickle in the library's memory.
pub struct Pickle(CpBuffer);

impl Deref for Pickle {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: a pickle is not empty, and the memory is the buffer's until it is released.
        unsafe { slice::from_raw_parts(self.0.data, self.0.len) }
    }
}

impl Drop for Pickle {
    fn drop(&mut self) {
        // SAFETY: released once.
        unsafe { cp_buffer_release(&mut self.0) };
    }
}

pub fn dumps(object: &Bound<'_, PyAny>) -> PyResult<Pickle> {
    let mut buffer = std::mem::MaybeUninit::uninit();
    // SAFETY: a live object; the buffer is written on every path.
    let (status, buffer) = unsafe {
        let status = cp_dumps(object.as_ptr(), ptr::null(), buffer.as_mut_ptr(), ptr::null_mut());
        (status, buffer.assume_init())
    };
    if status == 0 { Ok(Pickle(buffer)) } else { Err(PyErr::fetch(object.py())) }
}

pub fn loads<'py>(py: Python<'py>, pickle: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let mut object = ptr::null_mut();
    // SAFETY: so many bytes; the object is a new reference, or NULL with an exception set.
    unsafe {
        let (data, len) = (pickle.as_ptr().cast(), pickle.len());
        cp_loads(data, len, ptr::null(), &mut object, ptr::null_mut(), ptr::null_mut());
        Bound::from_owned_ptr_or_err(py, object)
    }
}

pub fn eval<'py>(py: Python<'py>, expression: &CStr) -> PyResult<Bound<'py, PyAny>> {
    let mut value = ptr::null_mut();
    // SAFETY: NUL-terminated text; the value is a new reference, or NULL with an exception set.
    unsafe {
        cp_eval(expression.as_ptr(), ptr::null_mut(), &mut value, ptr::null_mut());
        Bound::from_owned_ptr_or_err(py, value)
    }
}
