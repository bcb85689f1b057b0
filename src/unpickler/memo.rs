//! What a pickle refers to by number.

use std::collections::HashMap;
use std::ptr;

use pyo3_ffi::{Py_INCREF, Py_XDECREF, PyObject};

use crate::py::error::{PyResult, no_memory};
use crate::py::owned::Owned;
use crate::py::vec::TryPush;

/// How far past what is filled a number may lie to get a place in the table; wilder ones are hashed, so that a few
/// bytes of input never cost a large table.
const STRAY: usize = 1024;

/// Owns a reference to each entry.
#[derive(Default)]
pub struct Memo {
    /// NULL where nothing was put.
    table: Vec<*mut PyObject>,
    /// Made when it is needed.
    wild: Option<HashMap<usize, Owned>>,
    /// How many entries there are.
    len: usize,
}

impl Memo {
    /// `table` is an empty vector.
    pub fn new(table: Vec<*mut PyObject>) -> Self {
        debug_assert!(table.is_empty());
        Self { table, wild: None, len: 0 }
    }

    /// Gives the vector back, without items.
    pub fn end(&mut self) -> Vec<*mut PyObject> {
        self.wild = None;
        while let Some(object) = self.table.pop() {
            // SAFETY: the reference was the memo's.
            unsafe { Py_XDECREF(object) };
        }
        std::mem::take(&mut self.table)
    }

    /// Puts an object under the next number.
    #[inline]
    pub fn memoize(&mut self, object: *mut PyObject) -> PyResult<()> {
        if self.len != self.table.len() {
            return self.put(self.len, object);
        }
        if self.table.len() == self.table.capacity() {
            self.table.try_room(32)?;
        }
        // SAFETY: live.
        unsafe { Py_INCREF(object) };
        self.table.push(object);
        self.len += 1;
        Ok(())
    }

    /// The number that MEMOIZE would give. None where numbers were left out before.
    #[inline]
    pub fn next_number(&self) -> Option<usize> {
        (self.len == self.table.len()).then_some(self.len)
    }

    /// Puts objects under the next numbers, of which none were left out.
    pub fn memoize_all(&mut self, objects: impl ExactSizeIterator<Item = *mut PyObject>) -> PyResult<()> {
        debug_assert!(self.len == self.table.len());
        if self.table.capacity() - self.table.len() < objects.len() {
            self.table.try_room(objects.len())?;
        }
        self.len += objects.len();
        self.table.extend(objects.inspect(|object| {
            // SAFETY: live.
            unsafe { Py_INCREF(*object) }
        }));
        Ok(())
    }

    /// Takes the next numbers for so many objects that are not there yet, and gives the first. None where numbers were left
    /// out before, or are long.
    #[inline]
    pub fn promise(&mut self, count: usize) -> PyResult<Option<u32>> {
        let first = self.len;
        if first != self.table.len() || first + count > u32::MAX as usize {
            return Ok(None);
        }
        for _ in 0..count {
            self.table.try_push(ptr::null_mut())?;
            self.len += 1;
        }
        Ok(Some(first as u32))
    }

    /// The object of a number that was promised; borrowed.
    pub fn fulfil(&mut self, number: usize, object: Owned) -> *mut PyObject {
        debug_assert!(self.table[number].is_null());
        let object = object.into_ptr();
        self.table[number] = object;
        object
    }

    /// Puts an object under a number.
    pub fn put(&mut self, number: usize, object: *mut PyObject) -> PyResult<()> {
        if number > self.len.saturating_mul(2).saturating_add(STRAY)
            || self.wild.as_ref().is_some_and(|wild| wild.contains_key(&number))
        {
            let wild = self.wild.get_or_insert_default();
            wild.try_reserve(1).map_err(|_| no_memory())?;
            let old = wild.insert(number, Owned::of(object));
            self.len += usize::from(old.is_none());
            return Ok(());
        }
        if number >= self.table.len() {
            let more = number + 1 - self.table.len();
            self.table.try_room(more)?;
            self.table.resize(number + 1, ptr::null_mut());
        }
        // SAFETY: live; the old entry's reference is dropped once the new one stands in its place.
        unsafe {
            Py_INCREF(object);
            let old = std::mem::replace(&mut self.table[number], object);
            self.len += usize::from(old.is_null());
            Py_XDECREF(old);
        }
        Ok(())
    }

    /// The object under a number, borrowed, if it is in the table.
    #[inline(always)]
    pub fn get_near(&self, number: usize) -> Option<*mut PyObject> {
        self.table.get(number).copied().filter(|object| !object.is_null())
    }

    /// The numbers and the objects, borrowed.
    pub fn entries(&self) -> impl Iterator<Item = (usize, *mut PyObject)> {
        let table = self.table.iter().copied().enumerate().filter(|(_, object)| !object.is_null());
        table.chain(self.wild.iter().flatten().map(|(number, object)| (*number, object.as_ptr())))
    }

    /// A copy.
    pub fn duplicate(&self) -> PyResult<Self> {
        let mut copy = Self::default();
        for (number, object) in self.entries() {
            copy.put(number, object)?;
        }
        Ok(copy)
    }

    /// The object under a number, borrowed.
    #[inline]
    pub fn get(&self, number: usize) -> Option<*mut PyObject> {
        match self.get_near(number) {
            Some(object) => Some(object),
            None => self.wild.as_ref()?.get(&number).map(Owned::as_ptr),
        }
    }
}

impl Drop for Memo {
    fn drop(&mut self) {
        drop(self.end());
    }
}
