//! Many numbers of the memo, given one after the other with nothing in between: what changes with each lies in registers.

use pyo3_ffi::{Py_INCREF, PyObject};

use super::commons::Common;
use super::log::Log;
use super::memo::{LEFT_OUT, Memo};
use super::table::{self, Slot, Sought, Table, UNDER_WAY};
use crate::py::error::PyResult;

impl Memo {
    /// Up to so many numbers, given one after the other, with nothing in between. None of the objects is under way, but
    /// for such as are put without a question.
    #[inline(always)]
    pub fn burst(&mut self, most: usize) -> PyResult<Burst<'_>> {
        self.log.room(most)?;
        let table = self.table.burst(&self.log, most)?;
        let first = self.log.len();
        Ok(Burst { table, log: self.log.start(), number: first, first, memo: self })
    }

    /// Numbers that are given one after the other, with nothing in between, to what is never under way. Nothing is
    /// published.
    #[inline(always)]
    pub fn entries(&mut self) -> PyResult<Entries<'_>> {
        self.log.room(1)?;
        Ok(Entries { log: self.log.start(), most: self.log.capacity(), table: &mut self.table, whole: &mut self.log })
    }
}

/// A memo that has room. What it is given is there once the burst has ended.
#[must_use]
pub struct Burst<'m> {
    table: table::Burst,
    log: *mut usize,
    /// The next number, and the first that was given.
    number: usize,
    first: usize,
    memo: &'m mut Memo,
}

impl Burst<'_> {
    /// Hands over what was given. Not when dropped, so that what changes with each number need not lie in memory.
    #[inline(always)]
    pub fn end(self) {
        // SAFETY: so many entries were written, for which there was room.
        unsafe { self.memo.log.set_len(self.number) };
        self.memo.table.took(&self.table);
        if self.memo.published {
            for &address in self.memo.log[self.first..].iter().filter(|address| **address != 0) {
                // SAFETY: live; the log owns it from here on.
                unsafe { Py_INCREF(address as *mut PyObject) };
            }
        }
    }

    /// Appends to the log, which has room.
    #[inline(always)]
    fn log(&mut self, entry: usize) {
        debug_assert!(self.number < self.memo.log.capacity());
        // SAFETY: there is room for one more behind the last.
        unsafe { self.log.add(self.number).write(entry) };
        self.number += 1;
    }

    /// The slot of an address in the table, and its number if it is there.
    #[inline(always)]
    fn seek(&self, address: usize) -> (*mut Slot, Option<usize>) {
        // SAFETY: what was entered is in the log: what was before the burst, and each entry since.
        unsafe { self.table.seek(&self.memo.table, self.log, address) }
    }

    /// The number of an object, if it has one in the table.
    #[inline(always)]
    pub fn get(&self, object: *mut PyObject) -> Option<usize> {
        self.seek(object as usize).1.filter(|number| *number != UNDER_WAY)
    }

    /// The number of an object; if it has none, it gets the next.
    #[inline(always)]
    pub fn get_or_put(&mut self, object: *mut PyObject) -> Option<usize> {
        let (slot, known) = self.seek(object as usize);
        if known.is_none() {
            self.table.fill(slot, self.number);
            self.log(object as usize);
        }
        known
    }

    /// The same for an object that has a place.
    #[inline(always)]
    pub fn get_or_put_common(&mut self, object: *mut PyObject, common: Common) -> Option<usize> {
        let known = self.memo.common.get(common);
        if known.is_some() {
            return known;
        }
        let next = self.number;
        let known = self.get_or_put(object);
        self.memo.common.set(common, known.unwrap_or(next));
        known
    }

    /// The number of an object that has a place, if it is in the table.
    #[inline(always)]
    pub fn get_common(&mut self, object: *mut PyObject, common: Common) -> Option<usize> {
        let known = self.memo.common.get(common);
        if known.is_some() {
            return known;
        }
        let number = self.get(object)?;
        self.memo.common.set(common, number);
        Some(number)
    }

    /// Gives the next number to an object.
    #[inline(always)]
    pub fn put(&mut self, object: *mut PyObject) -> usize {
        let number = self.number;
        match self.seek(object as usize) {
            (slot, None) => self.table.fill(slot, number),
            (slot, Some(_)) => self.table.replace(&mut self.memo.table, slot, number),
        }
        self.log(object as usize);
        number
    }

    /// The number of what is known by a key; if it has none, it gets the next. In a burst there is one key.
    #[inline(always)]
    pub fn get_or_put_key(&mut self, key: usize) -> Option<usize> {
        if self.memo.last_key.0 == key {
            return Some(self.memo.last_key.1);
        }
        let (slot, known) = self.seek(key);
        self.memo.last_key = (key, known.unwrap_or(self.number));
        if known.is_none() {
            self.table.fill_aside(&mut self.memo.table, slot, key, self.number);
            self.log(0);
        }
        known
    }

    /// Gives the next number to something that exists on paper only.
    #[inline(always)]
    pub fn put_paper(&mut self) {
        self.log(0);
    }

    /// Gives the next number to an object that only one holder refers to, or to something on paper for NULL.
    #[inline(always)]
    pub fn put_alone(&mut self, object: *mut PyObject) {
        if object.is_null() {
            self.put_paper();
        } else if self.memo.published {
            self.put(object);
        } else {
            self.log(object as usize | LEFT_OUT);
        }
    }
}

/// A memo that gives numbers as long as its log has room. What it is given is there once it has ended. Unlike a burst it
/// asks for nothing in the table, which most of what is given does not need.
#[must_use]
pub struct Entries<'m> {
    log: *mut usize,
    /// The number that there is no room for.
    most: usize,
    table: &'m mut Table,
    whole: &'m mut Log,
}

/// What the table knew about an object.
pub enum Met<T> {
    Known(usize),
    /// It has the next number now.
    New(T),
    /// It is for the slow path, and nothing was done.
    Unclear,
}

impl Entries<'_> {
    /// The first number to be given.
    #[inline(always)]
    pub fn first(&self) -> usize {
        self.whole.len()
    }

    /// Hands over what was given.
    ///
    /// # Safety
    /// All numbers below this one were given.
    #[inline(always)]
    pub unsafe fn end(self, number: usize) {
        // SAFETY: so many entries were written, for which there was room.
        unsafe { self.whole.set_len(number) };
    }

    /// Can this number be given?
    #[inline(always)]
    pub fn has_room(&self, number: usize) -> bool {
        number < self.most
    }

    #[inline(always)]
    fn log(&mut self, number: &mut usize, entry: usize) {
        debug_assert!(self.has_room(*number));
        // SAFETY: there is room for one more behind the last.
        unsafe { self.log.add(*number).write(entry) };
        *number += 1;
    }

    /// Gives the next number, for which there is room, to an object that only one holder refers to.
    #[inline(always)]
    pub fn put_unique(&mut self, number: &mut usize, object: *mut PyObject) {
        self.log(number, object as usize | LEFT_OUT);
    }

    /// The number of an object; if it has none, and what is asked for is there, it gets the next, for which there is room.
    #[inline(always)]
    pub fn get_or_put<T>(
        &mut self,
        number: &mut usize,
        object: *mut PyObject,
        of: impl FnOnce() -> Option<T>,
    ) -> Met<T> {
        // SAFETY: so many entries are written.
        let log = unsafe { std::slice::from_raw_parts(self.log, *number) };
        match self.table.seek_entry(log, object as usize) {
            Sought::Number(number) => Met::Known(number),
            Sought::Free(place) => {
                let Some(found) = of() else { return Met::Unclear };
                self.table.fill(place, *number);
                self.log(number, object as usize);
                Met::New(found)
            }
            Sought::Unclear => Met::Unclear,
        }
    }
}
