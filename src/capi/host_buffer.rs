//! Memory of the host's as Python objects.

use std::ffi::c_int;
use std::ptr;

use pyo3_ffi::*;

use super::buffer::{cp_buffer, cp_buffer_flag::CP_BUFFER_READONLY, cp_buffers};
use super::guard::guard;
use crate::py::error::{Aside, PyResult, Raised, check, raise};
use crate::py::owned::Owned;
use crate::state::State;

/// An object that owns one buffer.
#[repr(C)]
struct HostBuffer {
    base: PyObject,
    buffer: cp_buffer,
}

/// Views of the buffers, in a list; each buffer lives as long as its last view. None if there are none.
pub fn views(buffers: &mut cp_buffers) -> PyResult<Option<Owned>> {
    let mut taken = buffers.drain().peekable();
    if taken.peek().is_none() {
        return Ok(None);
    }
    // SAFETY: a new reference or NULL.
    let list = unsafe { Owned::new(PyList_New(0))? };
    for buffer in taken {
        let owner = owner(buffer)?;
        // SAFETY: live objects; a new reference or NULL.
        unsafe {
            let view = Owned::new(PyMemoryView_FromObject(owner.as_ptr()))?;
            check(PyList_Append(list.as_ptr(), view.as_ptr()))?;
        }
    }
    Ok(Some(list))
}

/// An object that owns a buffer.
fn owner(buffer: cp_buffer) -> PyResult<Owned> {
    let made = buffer_type().and_then(|ty| {
        if buffer.len > isize::MAX as usize || (buffer.data.is_null() && buffer.len > 0) {
            // SAFETY: a type of the running interpreter.
            return Err(raise(unsafe { PyExc_ValueError }, "a buffer without memory, or longer than an object can be"));
        }
        // SAFETY: our heap type, whose instances are `HostBuffer`s; a new reference or NULL.
        unsafe { Owned::new(PyType_GenericAlloc(ty.cast(), 0)) }
    });
    match made {
        Ok(object) => {
            // SAFETY: an instance that nobody else has seen, all zero behind its head.
            unsafe { (*object.as_ptr().cast::<HostBuffer>()).buffer = buffer };
            Ok(object)
        }
        Err(Raised) => {
            let error = Aside::put();
            buffer.end();
            if let Some(error) = error {
                error.back();
            }
            Err(Raised)
        }
    }
}

/// The type, made when first asked for; borrowed.
fn buffer_type() -> PyResult<*mut PyObject> {
    let state = State::get()?;
    if state.buffer_type.get().is_none() {
        let mut slots = [
            PyType_Slot { slot: Py_tp_dealloc, pfunc: dealloc as *mut _ },
            PyType_Slot { slot: Py_bf_getbuffer, pfunc: get_buffer as *mut _ },
            PyType_Slot { slot: 0, pfunc: ptr::null_mut() },
        ];
        let mut spec = PyType_Spec {
            name: c"libcloudpickle.HostBuffer".as_ptr(),
            basicsize: size_of::<HostBuffer>() as c_int,
            itemsize: 0,
            flags: Py_TPFLAGS_DEFAULT as u32,
            slots: slots.as_mut_ptr(),
        };
        // SAFETY: a spec that ends with a zero slot, read during the call; a new reference or NULL.
        let ty = unsafe { Owned::new(PyType_FromSpec(&mut spec))? };
        let _ = state.buffer_type.set(ty);
    }
    state.buffer_type.get().map(Owned::as_ptr).ok_or(Raised)
}

/// Ends the buffer with its object.
unsafe extern "C" fn dealloc(object: *mut PyObject) {
    // SAFETY: CPython calls this once with an instance; an instance of a heap type holds a reference to its type.
    unsafe {
        let buffer = (*object.cast::<HostBuffer>()).buffer.take();
        let ty = Py_TYPE(object);
        PyObject_Free(object.cast());
        Py_DECREF(ty.cast());
        let before = Aside::put();
        guard((), || buffer.end());
        if let Some(before) = before {
            before.back();
        }
    }
}

unsafe extern "C" fn get_buffer(object: *mut PyObject, view: *mut Py_buffer, flags: c_int) -> c_int {
    // SAFETY: CPython calls this with an instance, which the view holds a reference to; its memory stays until it dies.
    unsafe {
        let buffer = &(*object.cast::<HostBuffer>()).buffer;
        let readonly = (buffer.flags & CP_BUFFER_READONLY as u32 != 0) as c_int;
        PyBuffer_FillInfo(view, object, buffer.data.cast_mut().cast(), buffer.len as Py_ssize_t, readonly, flags)
    }
}
