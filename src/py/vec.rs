//! Vectors and boxes that answer a lack of memory with MemoryError instead of the end of the process.

use std::alloc::{Layout, alloc};

use super::error::{PyResult, no_memory};

/// Growth that can fail.
pub trait TryPush<T> {
    /// Appends, or raises MemoryError.
    fn try_push(&mut self, value: T) -> PyResult<()>;
    /// Makes room for so many more, or raises MemoryError.
    fn try_room(&mut self, more: usize) -> PyResult<()>;
    /// Appends to what is only said to people, if there is memory.
    fn push_if_room(&mut self, value: T);
}

impl<T> TryPush<T> for Vec<T> {
    #[inline(always)]
    fn try_push(&mut self, value: T) -> PyResult<()> {
        let len = self.len();
        if len == self.capacity() {
            self.try_room(1)?;
        }
        // SAFETY: there is room for one more behind the last.
        unsafe {
            self.as_mut_ptr().add(len).write(value);
            self.set_len(len + 1);
        }
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn try_room(&mut self, more: usize) -> PyResult<()> {
        self.try_reserve(more).map_err(|_| no_memory())
    }

    fn push_if_room(&mut self, value: T) {
        if self.try_reserve(1).is_ok() {
            self.push(value);
        }
    }
}

/// What an iterator gives, in a vector without room for more if it knows how much that is.
pub fn gather<T>(items: impl Iterator<Item = T>) -> PyResult<Vec<T>> {
    try_gather(items.map(Ok))
}

/// The same where what it gives may fail.
pub fn try_gather<T>(items: impl Iterator<Item = PyResult<T>>) -> PyResult<Vec<T>> {
    let mut gathered = Vec::new();
    gathered.try_reserve_exact(items.size_hint().0).map_err(|_| no_memory())?;
    for item in items {
        gathered.try_push(item?)?;
    }
    Ok(gathered)
}

/// A value in a box.
pub fn try_box<T>(value: T) -> PyResult<Box<T>> {
    let layout = Layout::new::<T>();
    if layout.size() == 0 {
        // This allocates nothing.
        return Ok(Box::new(value));
    }
    // SAFETY: not of size 0; memory of this layout is what a box of the type has, and is filled.
    unsafe {
        let place = alloc(layout).cast::<T>();
        if place.is_null() {
            return Err(no_memory());
        }
        place.write(value);
        Ok(Box::from_raw(place))
    }
}
