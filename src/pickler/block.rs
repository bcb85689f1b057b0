//! Blocks of memory: lent ones, those that are given away, and large ones.

use crate::py::error::{PyResult, no_memory};

/// The bytes of a block of scratch memory.
pub const LENT_BYTES: usize = 256 * 1024;

/// A block of scratch memory, of malloc.
pub struct Lent(pub(super) *mut u8);

// SAFETY: it is memory without an owner thread.
unsafe impl Send for Lent {}

impl Lent {
    pub fn new() -> PyResult<Self> {
        // SAFETY: the size is not zero.
        let block = unsafe { libc::malloc(LENT_BYTES) };
        if block.is_null() { Err(no_memory()) } else { Ok(Self(block.cast())) }
    }

    pub(super) fn into_raw(self) -> *mut u8 {
        let block = self.0;
        std::mem::forget(self);
        block
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // SAFETY: of malloc, and not used again.
        unsafe { libc::free(self.0.cast()) };
    }
}

/// Memory of `malloc` with its length.
pub struct Memory {
    pub(super) block: *mut u8,
    pub(super) len: usize,
}

impl Memory {
    /// Gives the block away; `free` ends it.
    pub fn into_raw(self) -> (*mut u8, usize) {
        let raw = (self.block, self.len);
        std::mem::forget(self);
        raw
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: of malloc, and not used again.
        unsafe { libc::free(self.block.cast()) };
    }
}
