//! Blocks of memory that are given away.

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
