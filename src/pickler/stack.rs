//! The stack of frames, and what is kept as long as each is on it.

use std::ptr;

use pyo3_ffi::PyObject;

use super::engine::Pickler;
use super::frame::Frame;
use crate::py::error::{PyResult, Raised};
use crate::py::message::message;
use crate::py::owned::Owned;
use crate::py::vec::TryPush;

/// How often memory is looked at: each time the depth passes a multiple of this.
const MEMORY_STEP: usize = 8192;

/// A frame on the stack.
#[repr(C)]
pub struct Waiting {
    pub frame: Frame,
    /// What the frame points to, if an object: to be held when foreign code runs.
    pub(super) object: *mut PyObject,
    /// How much it counts towards `max_depth`.
    pub(super) weight: u32,
    /// How much there was in `keep` when it began.
    pub(super) base: usize,
}

impl Pickler<'_> {
    /// Puts a frame on the stack.
    pub(super) fn push(&mut self, frame: Frame, base: usize) -> PyResult<()> {
        self.stack.try_room(1)?;
        // SAFETY: there is room for one more.
        unsafe {
            (&raw mut (*self.stack.as_mut_ptr().add(self.stack.len())).frame).write(frame);
            self.push_slot(base)
        }
    }

    /// Counts the frame that lies behind those on the stack.
    ///
    /// # Safety
    /// There is one.
    #[inline(always)]
    pub(super) unsafe fn push_slot(&mut self, base: usize) -> PyResult<()> {
        let len = self.stack.len();
        // SAFETY: as the caller says; the other fields have nothing to drop.
        let weight = unsafe {
            let waiting = self.stack.as_mut_ptr().add(len);
            let (object, weight) = ((*waiting).frame.object(), (*waiting).frame.weight());
            (&raw mut (*waiting).object).write(object);
            (&raw mut (*waiting).weight).write(weight);
            (&raw mut (*waiting).base).write(base);
            self.stack.set_len(len + 1);
            weight
        };
        let before = self.depth;
        self.depth += weight as usize;
        if before / MEMORY_STEP != self.depth / MEMORY_STEP {
            self.check_memory()?;
        }
        if self.depth > self.options.max_depth { Err(self.too_deep()) } else { Ok(()) }
    }

    /// Takes the frame on top off the stack.
    #[inline(always)]
    pub(super) fn pop(&mut self) {
        let Some(top) = self.stack.len().checked_sub(1) else { return };
        // SAFETY: below the length, which it is not any more.
        let base = unsafe {
            self.stack.set_len(top);
            let waiting = self.stack.as_mut_ptr().add(top);
            self.depth -= (*waiting).weight as usize;
            if !(*waiting).frame.is_container() {
                (&raw mut (*waiting).frame).drop_in_place();
            }
            (*waiting).base
        };
        self.let_go(base);
    }

    /// Puts a frame below others, for the path after a failure.
    #[cold]
    pub(super) fn insert(&mut self, at: usize, frame: Frame) {
        if self.stack.try_room(1).is_ok() {
            let base = self.keep.len();
            self.stack.insert(at.min(self.stack.len()), Waiting { frame, object: ptr::null_mut(), weight: 0, base });
        }
    }

    #[cold]
    fn too_deep(&mut self) -> Raised {
        self.limit_reached = true;
        let text = message!(
            "Could not pickle object as excessively deep recursion required. More than max_depth ({}) containers and \
             reductions lie in each other",
            self.options.max_depth
        );
        self.pickling_error(&text)
    }

    /// Holds an object while its frame exists.
    pub(super) fn hold(&mut self, object: *mut PyObject) -> PyResult<()> {
        self.keep.try_push(Owned::of(object))
    }

    /// Drops what was kept for a frame that ended.
    #[inline(always)]
    pub(super) fn let_go(&mut self, base: usize) {
        if self.is_foreign && self.keep.len() > base {
            self.keep.truncate(base);
        }
    }
}
