//! The addresses of what is memoised, by number: an array that grows without a second copy of itself. A large one lies
//! on pages of its own, which the system moves without a copy, and which take no memory before they are written.

use std::ops::{Deref, DerefMut};
use std::ptr::{self, NonNull};
use std::slice;

use super::table::MOST_NUMBERS;
use crate::py::error::{PyResult, no_memory};
use crate::py::pages::{free_pages, grow_pages};

const FIRST: usize = 64;

/// A log for so many entries and more lies on pages.
const ON_PAGES: usize = 16 * 1024;

pub struct Log {
    start: NonNull<usize>,
    len: usize,
    /// It says also where the memory is from: see [`ON_PAGES`].
    capacity: usize,
}

impl Default for Log {
    fn default() -> Self {
        Self { start: NonNull::dangling(), len: 0, capacity: 0 }
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
        let capacity = needed.max(self.capacity * 2).clamp(FIRST, MOST_NUMBERS);
        let has_pages = self.capacity >= ON_PAGES;
        // SAFETY: what was there is from the allocator that its size says, and longer than what is copied.
        let start = unsafe {
            if has_pages {
                grow_pages(self.start.as_ptr().cast(), bytes(self.capacity), bytes(capacity))
            } else if capacity >= ON_PAGES {
                let pages = grow_pages(ptr::null_mut(), 0, bytes(capacity));
                if !pages.is_null() {
                    ptr::copy_nonoverlapping(self.start.as_ptr(), pages.cast(), self.len);
                    self.free();
                }
                pages
            } else {
                let old = if self.capacity == 0 { ptr::null_mut() } else { self.start.as_ptr() };
                libc::realloc(old.cast(), bytes(capacity)).cast()
            }
        };
        self.start = NonNull::new(start.cast()).ok_or_else(no_memory)?;
        self.capacity = capacity;
        Ok(())
    }

    fn free(&mut self) {
        // SAFETY: of the allocator that its size says; the caller puts another in its place, or ends.
        unsafe {
            match self.capacity {
                0 => {}
                ON_PAGES.. => free_pages(self.start.as_ptr().cast(), bytes(self.capacity)),
                _ => libc::free(self.start.as_ptr().cast()),
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
