//! Vectors that answer a lack of memory with MemoryError instead of the end of the process.

use super::error::{PyResult, no_memory};

/// Growth that can fail.
pub trait TryPush<T> {
    /// Appends, or raises MemoryError.
    fn try_push(&mut self, value: T) -> PyResult<()>;
    /// Makes room for so many more, or raises MemoryError.
    fn try_room(&mut self, more: usize) -> PyResult<()>;
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
}
