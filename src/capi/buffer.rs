//! buffers

use std::ffi::c_void;
use std::mem;
use std::ptr;
use std::slice;

use pyo3_ffi::*;

use super::failure::Failure;
use super::guard::guard;
use super::status::cp_status_value::CP_ERR_NO_MEMORY;
use crate::py::attach::{Entry, Home, attached};
use crate::py::error::{Aside, PyResult, check, no_memory};
use crate::py::shared::Shared;
use crate::py::vec::try_box;
use crate::state::State;

/// Bits of cp_buffer.flags.
#[repr(C)]
pub enum cp_buffer_flag {
    /// Not to be written. Without it, the memory may be written through a cast of data.
    CP_BUFFER_READONLY = 1,
}

/// Memory with its owner, in the manner of the Arrow C data interface. Whoever holds a struct whose release is not NULL
/// must call it once. To move it, copy the struct and set the source's release to NULL. The struct may lie anywhere:
/// release uses only its contents. release may be called from any thread, with or without the GIL, also after Python
/// was finalised. A producer other than this library fills in its own release.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cp_buffer {
    /// May be NULL if len is 0.
    pub data: *const u8,
    pub len: usize,
    /// CP_BUFFER_*.
    pub flags: u32,
    /// 0.
    pub reserved: u32,
    /// NULL: released, moved out, or memory without an owner.
    pub release: Option<unsafe extern "C" fn(buf: *mut cp_buffer)>,
    /// The producer's.
    pub private_data: *mut c_void,
}

/// A list of buffers, with its memory.
pub struct cp_buffers {
    list: Vec<cp_buffer>,
}

/// Releases *buf unless that was done, and zeroes it. NULL is accepted. [GIL none for memory of this library; GIL auto
/// for memory of Python objects, which are the out-of-band buffers and cp_as_buffer's] Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cp_buffer_release(buf: *mut cp_buffer) {
    guard((), || {
        if !buf.is_null() {
            // SAFETY: a buffer, as the header asks.
            unsafe { (*buf).take() }.end();
        }
    });
}

/// The array; valid until cp_buffers_free. Elements may be moved out. NULL if the list is NULL or empty.
/// [GIL none] Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cp_buffers_data(list: *mut cp_buffers) -> *mut cp_buffer {
    guard(ptr::null_mut(), || {
        // SAFETY: NULL, or a list that was not freed.
        let list = unsafe { list.as_mut() }.filter(|list| !list.list.is_empty());
        list.map_or(ptr::null_mut(), |list| list.list.as_mut_ptr())
    })
}

/// How many there are; 0 for NULL. [GIL none] Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cp_buffers_len(list: *const cp_buffers) -> usize {
    // SAFETY: NULL, or a list that was not freed.
    guard(0, || unsafe { list.as_ref() }.map_or(0, |list| list.list.len()))
}

/// Releases what was not moved out, and ends the list. NULL is accepted. [GIL as cp_buffer_release] Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cp_buffers_free(list: *mut cp_buffers) {
    guard((), || {
        if !list.is_null() {
            // SAFETY: a list that `into_raw` made, freed once, as the header asks.
            drop(unsafe { Box::from_raw(list) });
        }
    });
}

impl cp_buffer {
    /// No memory, no owner.
    pub const EMPTY: Self =
        Self { data: ptr::null(), len: 0, flags: 0, reserved: 0, release: None, private_data: ptr::null_mut() };

    /// Moves it out, and leaves zeroes.
    pub(super) fn take(&mut self) -> Self {
        mem::replace(self, Self::EMPTY)
    }

    /// Releases it.
    pub(super) fn end(mut self) {
        if let Some(release) = self.release {
            // SAFETY: set, so it was not called; this value is the only one left of its kind.
            unsafe { release(&mut self) };
        }
    }

    /// Memory from malloc, which goes by free.
    ///
    /// # Safety
    /// `data` is from malloc and is given away, or NULL.
    pub(super) unsafe fn of_malloc(data: *mut u8, len: usize) -> Self {
        Self { data, len, release: Some(free), ..Self::EMPTY }
    }

    /// A copy of some text in memory from malloc, with a NUL behind it.
    pub(super) fn of_text(text: &str) -> Result<Self, Failure> {
        // SAFETY: as long as the text and its NUL; both are written before anyone reads.
        unsafe {
            let data = libc::malloc(text.len() + 1).cast::<u8>();
            if data.is_null() {
                return Err(Failure::new(CP_ERR_NO_MEMORY, "no memory for a text"));
            }
            ptr::copy_nonoverlapping(text.as_ptr(), data, text.len());
            data.add(text.len()).write(0);
            Ok(Self::of_malloc(data, text.len()))
        }
    }

    /// What a bytes-like object holds, contiguous, as long as the buffer is held.
    pub(super) fn of_object(object: *mut PyObject) -> PyResult<Self> {
        let home = State::get()?.home.clone();
        let mut view = try_box(View { view: Py_buffer::new(), home })?;
        // SAFETY: a live object, and a Py_buffer to fill.
        check(unsafe { PyObject_GetBuffer(object, &mut view.view, PyBUF_ANY_CONTIGUOUS) })?;
        Ok(Self {
            data: view.view.buf.cast(),
            len: view.view.len as usize,
            flags: if view.view.readonly != 0 { cp_buffer_flag::CP_BUFFER_READONLY as u32 } else { 0 },
            release: Some(release_view),
            private_data: Box::into_raw(view).cast(),
            ..Self::EMPTY
        })
    }
}

impl cp_buffers {
    pub(super) const fn new() -> Self {
        Self { list: Vec::new() }
    }

    pub(super) fn push(&mut self, buffer: cp_buffer) -> PyResult<()> {
        if self.list.try_reserve(1).is_err() {
            buffer.end();
            return Err(no_memory());
        }
        self.list.push(buffer);
        Ok(())
    }

    /// The list on the heap, for the caller to free; NULL if it is empty.
    pub(super) fn into_raw(self) -> PyResult<*mut Self> {
        if self.list.is_empty() {
            return Ok(ptr::null_mut());
        }
        try_box(self).map(Box::into_raw)
    }

    /// Moves an array of the host's in, all of it, whatever happens.
    ///
    /// # Safety
    /// So many buffers, or NULL if there are none.
    pub(super) unsafe fn take(array: *mut cp_buffer, len: usize) -> Result<Self, Failure> {
        let mut taken = Self::new();
        if len == 0 {
            return Ok(taken);
        }
        // SAFETY: as the caller says.
        let array = unsafe { slice::from_raw_parts_mut(array, len) };
        let room = taken.list.try_reserve_exact(len);
        for buffer in array {
            let buffer = mem::replace(buffer, cp_buffer { release: None, ..*buffer });
            if room.is_ok() {
                taken.list.push(buffer);
            } else {
                buffer.end();
            }
        }
        room.map(|()| taken).map_err(|_| Failure::new(CP_ERR_NO_MEMORY, "no memory for the list of buffers"))
    }

    /// One after the other, each for the caller to end.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = cp_buffer> + '_ {
        self.list.iter_mut().map(cp_buffer::take)
    }
}

impl Drop for cp_buffers {
    fn drop(&mut self) {
        if self.list.is_empty() {
            return;
        }
        // Their owners may run Python code, which the exception of this call is nothing to.
        let entry = Entry::new();
        let before = if entry.is_ok() && attached() { Aside::put() } else { None };
        self.drain().for_each(cp_buffer::end);
        if let Some(before) = before {
            before.back();
        }
    }
}

/// Ends memory from malloc.
unsafe extern "C" fn free(buf: *mut cp_buffer) {
    // SAFETY: a buffer of `of_malloc`, whose memory is freed once.
    unsafe { libc::free((*buf).take().data.cast_mut().cast()) };
}

/// A view of a Python object, and where that lives.
struct View {
    view: Py_buffer,
    home: Shared<Home, true>,
}

/// Ends a view of a Python object: in its interpreter, or, when that has ended, not at all.
unsafe extern "C" fn release_view(buf: *mut cp_buffer) {
    guard((), || {
        // SAFETY: a buffer of `of_object`, which is released once.
        let mut view = unsafe { Box::from_raw((*buf).take().private_data.cast::<View>()) };
        let home = view.home.clone();
        home.visit(|| {
            let before = Aside::put();
            // SAFETY: attached to the interpreter of the object; the view was filled by `of_object`.
            unsafe { PyBuffer_Release(&mut view.view) };
            if let Some(before) = before {
                before.back();
            }
        });
    });
}
