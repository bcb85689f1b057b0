//! The addresses of what is memoised, by number: an array that grows without a second copy of itself. A large one lies
//! on pages of its own, which the system moves without a copy, and which take no memory before they are written.

use std::ops::{Deref, DerefMut};
use std::ptr::{self, NonNull};
use std::slice;

use super::table::MOST_NUMBERS;
use crate::py::error::{PyResult, no_memory};
use crate::py::pages::{free_pages, grow_pages, provide};

const FIRST: usize = 64;

/// A log for so many entries and more lies on pages, and has pages provided for so many more at a time, or for one part in
/// [`PART`] if that is more.
const ON_PAGES: usize = 4 * 1024;
const PART: usize = 8;

pub struct Log {
    start: NonNull<usize>,
    len: usize,
    capacity: usize,
    /// The entries that the pages have room for, 0 if it lies on none.
    on_pages: usize,
}

impl Default for Log {
    fn default() -> Self {
        Self { start: NonNull::dangling(), len: 0, capacity: 0, on_pages: 0 }
    }
}

const fn bytes(entries: usize) -> usize {
    entries * size_of::<usize>()
}

impl Log {
    #[inline(always)]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    #[inline]
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Appends, or raises MemoryError.
    #[inline(always)]
    pub fn push(&mut self, entry: usize) -> PyResult<()> {
        let len = self.len;
        if len == self.capacity {
            self.grow(1)?;
        }
        // SAFETY: there is room for one more behind the last.
        unsafe { self.start.add(len).write(entry) };
        self.len = len + 1;
        Ok(())
    }

    /// Makes room for so many more, or raises MemoryError.
    #[inline(always)]
    pub fn room(&mut self, more: usize) -> PyResult<()> {
        if self.capacity - self.len < more { self.grow(more) } else { Ok(()) }
    }

    /// Appends what there is room for, or raises MemoryError.
    #[inline]
    pub fn extend(&mut self, entries: &[usize]) -> PyResult<()> {
        self.room(entries.len())?;
        // SAFETY: there is room for so many behind the last; another log's or none's.
        unsafe { ptr::copy_nonoverlapping(entries.as_ptr(), self.start.as_ptr().add(self.len), entries.len()) };
        self.len += entries.len();
        Ok(())
    }

    /// The place of the first entry, for who writes behind the last what there is room for.
    #[inline(always)]
    pub fn start(&mut self) -> *mut usize {
        self.start.as_ptr()
    }

    /// Counts what was written there.
    ///
    /// # Safety
    /// So many are written, and there is room for them.
    #[inline(always)]
    pub unsafe fn set_len(&mut self, len: usize) {
        debug_assert!(len <= self.capacity);
        self.len = len;
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, more: usize) -> PyResult<()> {
        let needed = self.len + more;
        if needed > MOST_NUMBERS {
            return Err(no_memory());
        }
        if needed < ON_PAGES {
            let capacity = needed.max(self.capacity * 2).max(FIRST);
            let old = if self.capacity == 0 { ptr::null_mut() } else { self.start.as_ptr() };
            // SAFETY: NULL or of malloc; the size is not zero.
            let start = unsafe { libc::realloc(old.cast(), bytes(capacity)) };
            self.start = NonNull::new(start.cast()).ok_or_else(no_memory)?;
            self.capacity = capacity;
            return Ok(());
        }
        let capacity = (needed + ON_PAGES.max(needed / PART)).min(MOST_NUMBERS);
        if capacity > self.on_pages {
            self.map(capacity.max(self.on_pages * 2).min(MOST_NUMBERS))?;
        }
        provide(self.start.as_ptr().wrapping_add(self.len).cast(), bytes(capacity - self.len));
        self.capacity = capacity;
        Ok(())
    }

    /// Gets pages for so many entries.
    fn map(&mut self, entries: usize) -> PyResult<()> {
        let old = if self.on_pages == 0 { ptr::null_mut() } else { self.start.as_ptr() };
        // SAFETY: NULL or our pages, of this size.
        let pages = unsafe { grow_pages(old.cast(), bytes(self.on_pages), bytes(entries)) };
        let pages = NonNull::new(pages.cast::<usize>()).ok_or_else(no_memory)?;
        if self.on_pages == 0 {
            provide(pages.as_ptr().cast(), bytes(self.len));
            // SAFETY: two blocks, the new one larger.
            unsafe { ptr::copy_nonoverlapping(self.start.as_ptr(), pages.as_ptr(), self.len) };
            self.free();
        }
        (self.start, self.on_pages) = (pages, entries);
        Ok(())
    }

    fn free(&mut self) {
        // SAFETY: of the allocator that it is from; the caller puts another in its place, or ends.
        unsafe {
            if self.on_pages != 0 {
                free_pages(self.start.as_ptr().cast(), bytes(self.on_pages));
            } else if self.capacity != 0 {
                libc::free(self.start.as_ptr().cast());
            }
        }
    }
}

impl Deref for Log {
    type Target = [usize];

    #[inline(always)]
    fn deref(&self) -> &[usize] {
        // SAFETY: so many entries are written.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl DerefMut for Log {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [usize] {
        // SAFETY: as above.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.free();
    }
}
