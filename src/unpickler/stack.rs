//! The stack of objects, with its marks.

use pyo3_ffi::{Py_DECREF, PyObject};

use crate::py::error::PyResult;
use crate::py::owned::Owned;
use crate::py::vec::TryPush;

/// Nothing is there above the last mark.
#[derive(Debug)]
pub struct Underflow;

/// Room that is made at a time.
const ROOM: usize = 32;

/// Owns a reference to each of its items.
pub struct Stack {
    items: Vec<*mut PyObject>,
    marks: Vec<usize>,
    /// The last mark, below which nothing may be popped.
    fence: usize,
}

impl Stack {
    /// Both vectors are empty.
    pub fn new(items: Vec<*mut PyObject>, marks: Vec<usize>) -> Self {
        debug_assert!(items.is_empty() && marks.is_empty());
        Self { items, marks, fence: 0 }
    }

    /// The first item, the place behind the last one, that of the last mark, and for how many there is room: some at
    /// least.
    #[inline]
    pub fn raw(&mut self) -> PyResult<(*mut *mut PyObject, *mut *mut PyObject, *mut *mut PyObject, usize)> {
        if self.items.capacity() - self.items.len() < ROOM {
            self.items.try_room(ROOM)?;
        }
        let base = self.items.as_mut_ptr();
        // SAFETY: places within the vector.
        let (top, fence) = unsafe { (base.add(self.items.len()), base.add(self.fence)) };
        Ok((base, top, fence, self.items.capacity() - self.items.len()))
    }

    /// The items end at a place.
    ///
    /// # Safety
    /// The place came from `raw`; the references before it are the stack's, and no others.
    #[inline]
    pub unsafe fn set_top_at(&mut self, top: *mut *mut PyObject) {
        // SAFETY: as the caller says.
        unsafe { self.items.set_len(top.offset_from_unsigned(self.items.as_ptr())) }
    }

    /// A mark at a position that the items will have reached when they are next looked at.
    #[inline]
    pub fn mark_at(&mut self, position: usize) -> PyResult<()> {
        self.fence = position;
        self.marks.try_push(position)
    }

    /// Gives the vectors back, without items.
    pub fn end(&mut self) -> (Vec<*mut PyObject>, Vec<usize>) {
        self.truncate(0);
        self.marks.clear();
        (std::mem::take(&mut self.items), std::mem::take(&mut self.marks))
    }

    #[inline]
    pub fn push(&mut self, item: Owned) -> PyResult<()> {
        if self.items.len() == self.items.capacity() {
            self.items.try_room(1)?;
        }
        self.items.push(item.into_ptr());
        Ok(())
    }

    #[inline]
    pub fn pop(&mut self) -> Result<Owned, Underflow> {
        if self.items.len() <= self.fence {
            return Err(Underflow);
        }
        let item = self.items.pop().ok_or(Underflow)?;
        // SAFETY: the reference was the stack's; no NULL was ever pushed.
        unsafe { Owned::new_or_none(item) }.ok_or(Underflow)
    }

    /// The item on top, borrowed.
    #[inline]
    pub fn top(&self) -> Result<*mut PyObject, Underflow> {
        if self.items.len() <= self.fence { Err(Underflow) } else { Ok(self.items[self.items.len() - 1]) }
    }

    /// Exchanges the item on top.
    pub fn set_top(&mut self, item: Owned) -> Result<(), Underflow> {
        drop(self.pop()?);
        // There is room: an item was just popped.
        self.items.push(item.into_ptr());
        Ok(())
    }

    #[inline]
    pub fn mark(&mut self) -> PyResult<()> {
        self.mark_at(self.items.len())
    }

    /// Takes the last mark away, and says where it was.
    #[inline]
    pub fn pop_mark(&mut self) -> Option<usize> {
        let mark = self.marks.pop()?;
        self.fence = self.marks.last().copied().unwrap_or(0);
        Some(mark)
    }

    /// The last mark, below which nothing is popped.
    #[inline]
    pub fn fence(&self) -> usize {
        self.fence
    }

    /// Exchanges the item at a position; gives the old one.
    pub fn replace(&mut self, position: usize, item: Owned) -> Owned {
        let old = std::mem::replace(&mut self.items[position], item.into_ptr());
        // SAFETY: the reference was the stack's; no NULL was ever pushed.
        unsafe { Owned::new_unchecked(old) }
    }

    /// Is a mark the topmost thing?
    pub fn mark_on_top(&self) -> bool {
        self.marks.last() == Some(&self.items.len())
    }

    pub fn has_mark(&self) -> bool {
        !self.marks.is_empty()
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// The position of the item `below` places under the topmost, if it is above the last mark.
    #[inline]
    pub fn position(&self, below: usize) -> Result<usize, Underflow> {
        match self.items.len().checked_sub(below + 1) {
            Some(position) if position >= self.fence => Ok(position),
            _ => Err(Underflow),
        }
    }

    /// The item directly under a mark that was popped, borrowed.
    #[inline]
    pub fn under(&self, mark: usize) -> Result<*mut PyObject, Underflow> {
        if mark <= self.fence { Err(Underflow) } else { Ok(self.items[mark - 1]) }
    }

    /// The items from a position on, borrowed.
    #[inline]
    pub fn from(&self, position: usize) -> &[*mut PyObject] {
        &self.items[position..]
    }

    /// Forgets the items from a position on, whose references the caller has moved elsewhere.
    ///
    /// # Safety
    /// The references were taken over.
    #[inline]
    pub unsafe fn forget(&mut self, position: usize) {
        // SAFETY: shorter than before; pointers need no drop.
        unsafe { self.items.set_len(position) }
    }

    /// Drops the items from a position on. Each leaves the stack before it is dropped, which may run Python code.
    pub fn truncate(&mut self, position: usize) {
        while self.items.len() > position {
            if let Some(item) = self.items.pop() {
                // SAFETY: the reference was the stack's.
                unsafe { Py_DECREF(item) };
            }
        }
    }
}
