//! The memory of the output: how its block is allocated, grows, and is given away.

use std::ptr;

use pyo3_ffi::*;

use super::{Out, SCRATCH, SLACK};
use crate::protocol::opcode::FRAME_TARGET;
use crate::py::error::{PyResult, clear, no_memory};
use crate::py::pages::{HUGE, advise_huge, is_untouched, provide};

/// Who the block is for, which says how it is allocated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Home {
    /// `malloc`.
    Memory,
    /// The inside of a `bytes` object: allocated as CPython does, with room for its head in front.
    Bytes,
}

/// So many bytes of pages are provided at a time, or one part in [`PROVIDED_PART`] of what there is if that is more.
const PROVIDED: usize = 64 * 1024;
const PROVIDED_PART: usize = 8;

/// One part in so many may be left free at the end of what is given away.
const SPARE: usize = 16;

/// From this size on it is asked whether a block is a mapping of its own.
const LARGE: usize = 1 << 20;

impl Out {
    #[cold]
    pub(super) fn free(&mut self) {
        let block = std::mem::replace(&mut self.block, ptr::null_mut()).cast();
        // SAFETY: NULL, or of the allocator that is named, and not used again.
        unsafe {
            match self.home {
                Home::Bytes if !self.scratch => PyObject_Free(block),
                _ => libc::free(block),
            }
        }
        self.scratch = false;
    }

    /// A block for an output of which nothing is written: such a one as the last output needed, if that outgrew the scratch
    /// and if this one is kept `whole`.
    #[cold]
    pub(super) fn first_block(&mut self, whole: bool) -> PyResult<()> {
        self.scratch = !(whole && self.expected > SCRATCH);
        let size = if self.scratch { SCRATCH } else { self.expected };
        // SAFETY: the size is not zero.
        let block = if self.scratch { unsafe { libc::malloc(size) }.cast() } else { self.allocate(size)? };
        if block.is_null() {
            return Err(no_memory());
        }
        self.use_block(block, size, 0);
        self.provide(0);
        Ok(())
    }

    fn allocate(&self, size: usize) -> PyResult<*mut u8> {
        // SAFETY: the size is not zero.
        let block = unsafe {
            match self.home {
                Home::Memory => libc::malloc(size),
                Home::Bytes => PyObject_Malloc(size),
            }
        };
        if block.is_null() { Err(no_memory()) } else { Ok(block.cast()) }
    }

    /// Moves the data, `len` with the head, into a block of another size.
    pub(super) fn resize(&mut self, len: usize, size: usize) -> PyResult<()> {
        let block: *mut u8 = if self.scratch {
            let block = self.allocate(size)?;
            self.move_to(block, len);
            block
        } else if let Some(block) = self.mapping(size) {
            self.move_to(block, len);
            block
        } else {
            // SAFETY: the block is of the allocator that `home` names; the size is not zero.
            let block = unsafe {
                match self.home {
                    Home::Memory => libc::realloc(self.block.cast(), size),
                    Home::Bytes => PyObject_Realloc(self.block.cast(), size),
                }
            };
            if block.is_null() {
                return Err(no_memory());
            }
            block.cast()
        };
        self.use_block(block, size, len);
        Ok(())
    }

    /// What is written, `len` with the head, lies in this block.
    fn use_block(&mut self, block: *mut u8, size: usize, len: usize) {
        self.block = block;
        self.size = size;
        // SAFETY: both inside the block, which is larger than the slack and the data.
        unsafe {
            self.end = self.block.add(len);
            self.full = self.block.add(size - SLACK);
        }
        self.set_limit();
        self.provided = usize::MAX;
        if size >= HUGE {
            advise_huge(self.block, size);
        } else if !self.scratch && size > len + 2 * PROVIDED && is_untouched(self.end.wrapping_add(PROVIDED)) {
            self.provided = len;
        }
    }

    /// Copies the data into another block, whose pages may be untouched, and frees the old one.
    fn move_to(&mut self, block: *mut u8, len: usize) {
        if is_untouched(block.wrapping_add(len)) {
            provide(block, len);
        }
        // SAFETY: the new block is longer than the data.
        unsafe { ptr::copy_nonoverlapping(self.block, block, len) };
        self.free();
    }

    /// A block that is a mapping of its own, if that is what `realloc` would move the data to, page by page.
    fn mapping(&self, size: usize) -> Option<*mut u8> {
        if !(LARGE..HUGE).contains(&size) || is_mapping(self.block) {
            return None;
        }
        let block = self.allocate(size).ok()?;
        if is_mapping(block) {
            return Some(block);
        }
        // SAFETY: not used.
        unsafe {
            match self.home {
                Home::Memory => libc::free(block.cast()),
                Home::Bytes => PyObject_Free(block.cast()),
            }
        }
        None
    }

    /// Has pages provided for the bytes to come, and some more, where nothing was written yet.
    pub(super) fn provide(&mut self, more: usize) {
        let needed = self.len().saturating_add(more).saturating_add(FRAME_TARGET + SLACK);
        if needed > self.provided {
            let end = (needed - FRAME_TARGET + PROVIDED.max(needed / PROVIDED_PART)).min(self.size);
            provide(self.block.wrapping_add(self.provided), end - self.provided);
            self.provided = end;
        }
    }

    /// An output of this length: the next one is expected to be a little longer, or nearly as long as those before. So it
    /// is not copied while it grows. And when pickles of one size are made and freed in turn, `malloc` gives the same
    /// memory for each, whose pages are there: a larger block, cut to what was needed, would be a new mapping each time.
    fn expect(&mut self, len: usize) {
        let needed = len + len / (2 * SPARE) + SLACK;
        let faded = self.expected - self.expected / 8;
        self.expected = if needed < HUGE { needed.max(faded) } else { 0 };
    }

    /// The data with the head in a block of its own.
    pub(super) fn cut(&mut self, len: usize) -> PyResult<*mut u8> {
        if self.scratch {
            return self.copied(len);
        }
        if len <= SCRATCH - SLACK {
            let copied = self.copied(len)?;
            // The next one begins in the scratch again; where there is no memory now, it asks itself.
            self.free();
            if self.first_block(false).is_err() {
                clear();
            }
            return Ok(copied);
        }
        self.expect(len);
        if self.size - len <= len / SPARE {
            return Ok(std::mem::replace(&mut self.block, ptr::null_mut()));
        }
        // SAFETY: the block is of the allocator that `home` names; smaller than before.
        let cut: *mut u8 = unsafe {
            match self.home {
                Home::Memory => libc::realloc(self.block.cast(), len.max(1)).cast(),
                Home::Bytes => PyObject_Realloc(self.block.cast(), len).cast(),
            }
        };
        if cut.is_null() {
            return Err(no_memory());
        }
        self.block = ptr::null_mut();
        Ok(cut)
    }

    #[inline]
    fn copied(&self, len: usize) -> PyResult<*mut u8> {
        let block = self.allocate(len.max(1))?;
        // SAFETY: the new block is as long as the data.
        unsafe { ptr::copy_nonoverlapping(self.block, block, len) };
        Ok(block)
    }
}

/// Does a block look like a mapping of its own, as glibc makes them?
fn is_mapping(block: *mut u8) -> bool {
    block as usize % 4096 == 2 * size_of::<usize>()
}
