//! Which object has which number in the pickle.
//!
//! Every memoised object is in the log, in the order of its number. The table that finds an object again leaves out
//! those that only one holder refers to: as long as no foreign code runs (code that is not this crate's), the engine
//! meets such an object once. When foreign code is about to run, [`Memo::publish`] enters what was left out, and takes
//! a reference to each, since from then on objects can die.
//!
//! The dict of an instance that keeps its attributes in itself need not be there at all: it is made when the memo is
//! published.
//!
//! What gets its number only when its contents are written (a tuple, a reduced object) could be met again inside itself,
//! and with it everything in it that was left out. So it is marked while it is under way, if more than one holder
//! refers to it; to meet a mark means to publish.

use pyo3_ffi::{Py_DECREF, Py_INCREF, Py_XINCREF, PyObject};

use super::commons::CommonNumbers;
use super::log::Log;
use super::table::{Place, Table, UNDER_WAY};
use crate::py::error::PyResult;
use crate::py::instance::make_dict;

/// In the log, beside the address: not in the table.
pub(super) const LEFT_OUT: usize = 1;

/// In the log, beside the address of an instance that has no dict: its dict, which exists on paper only.
const DICT_OF: usize = 2;

/// More entries of the log are not kept from one dump to the next.
const LOG_KEPT: usize = 128 * 1024;

/// The object is under way: it has no number yet, and lies inside itself.
pub struct UnderWay;

#[derive(Default)]
pub struct Memo {
    /// Address by number; 0 for what exists on paper only.
    pub(super) log: Log,
    pub(super) table: Table,
    /// Foreign code has run: everything is in the table, and the log owns a reference to each object.
    pub(super) published: bool,
    pub(super) common: CommonNumbers,
    /// What was put or looked for last by a key, and its number.
    pub(super) last_key: (usize, usize),
}

impl Memo {
    /// Begins anew, in the memory that another dump used.
    pub fn restart(&mut self) {
        debug_assert!(!self.published, "what it held was released");
        self.log.clear();
        self.table.restart();
        self.common = CommonNumbers::default();
        self.last_key = (0, 0);
    }

    /// Frees what one large dump needed and the next ones do not.
    pub fn shrink(&mut self) {
        if self.log.capacity() > LOG_KEPT {
            self.log = Log::default();
        }
        self.table.shrink();
    }

    /// Drops the references.
    #[inline]
    pub fn release(&mut self) {
        if !std::mem::take(&mut self.published) {
            return;
        }
        for &address in self.log.iter().filter(|a| **a != 0) {
            // SAFETY: the log owns a reference to each object.
            unsafe { Py_DECREF(address as *mut PyObject) };
        }
        self.log.clear();
    }

    /// Forgets everything.
    #[cold]
    pub fn forget(&mut self) {
        let published = self.published;
        let mut old = std::mem::take(self);
        old.release();
        (self.log, self.table) = (std::mem::take(&mut old.log), std::mem::take(&mut old.table));
        self.restart();
        // Foreign code has run if it has: what is put from here on is held as before.
        self.published = published;
    }

    /// The number of an object, if it has one in the table.
    #[inline(always)]
    pub fn get(&self, object: *mut PyObject) -> Option<usize> {
        self.table.find(&self.log, object as usize).filter(|number| *number != UNDER_WAY)
    }

    /// Likewise; `Err` if the object is under way.
    #[inline(always)]
    pub fn get_or_under_way(&self, object: *mut PyObject) -> Result<Option<usize>, UnderWay> {
        match self.table.find(&self.log, object as usize) {
            Some(UNDER_WAY) => Err(UnderWay),
            number => Ok(number),
        }
    }

    /// Marks an object that more than one holder refers to as under way.
    pub fn begin(&mut self, object: *mut PyObject) -> PyResult<()> {
        if self.published {
            return Ok(());
        }
        self.table.room(&self.log)?;
        self.table.enter_aside(&self.log, object as usize, UNDER_WAY)
    }

    /// The number that the next object gets.
    #[inline(always)]
    pub fn next(&self) -> usize {
        self.log.len()
    }

    /// Gives the next number to an object that was not there.
    #[inline(always)]
    pub fn put(&mut self, object: *mut PyObject) -> PyResult<()> {
        let number = self.log.len();
        self.table.room(&self.log)?;
        self.log.push(object as usize)?;
        self.table.enter(&self.log, object as usize, number);
        if self.published {
            // SAFETY: live; the log owns it from here on.
            unsafe { Py_INCREF(object) };
        }
        Ok(())
    }

    /// The number of an object that is never under way, or the place for [`Memo::put_at`].
    #[inline(always)]
    pub fn seek(&mut self, object: *mut PyObject) -> PyResult<Result<usize, Place>> {
        self.table.room(&self.log)?;
        Ok(self.table.seek(&self.log, object as usize))
    }

    /// Gives the next number to an object whose place was found just now.
    #[inline(always)]
    pub fn put_at(&mut self, place: Place, object: *mut PyObject) -> PyResult<()> {
        let number = self.log.len();
        self.log.push(object as usize)?;
        self.table.fill(place, number);
        if self.published {
            // SAFETY: live; the log owns it from here on.
            unsafe { Py_INCREF(object) };
        }
        Ok(())
    }

    /// Gives the next number to an object that only one holder refers to.
    #[inline(always)]
    pub fn put_unique(&mut self, object: *mut PyObject) -> PyResult<()> {
        if self.published {
            return self.put(object);
        }
        self.log.push(object as usize | LEFT_OUT)
    }

    /// Is every object in the table?
    #[inline(always)]
    pub fn is_published(&self) -> bool {
        self.published
    }

    /// Gives the next number to something that exists on paper only.
    #[inline(always)]
    pub fn put_paper(&mut self) -> PyResult<()> {
        self.log.push(0)
    }

    /// Gives the next number to the dict that an instance does not have yet.
    #[inline(always)]
    pub fn put_dict_of(&mut self, object: *mut PyObject) -> PyResult<()> {
        debug_assert!(!self.published, "foreign code could ask for the dict");
        self.log.push(object as usize | DICT_OF)
    }

    /// The instance got its dict, which only it refers to.
    pub fn put_made_dict(&mut self, number: usize, dict: *mut PyObject) {
        debug_assert!(self.log[number] & DICT_OF != 0, "it was put as a dict that was not there");
        self.log[number] = dict as usize | LEFT_OUT;
    }

    /// Gives the next number to something that is known by an address which is no object's.
    pub fn put_key(&mut self, address: usize) -> PyResult<()> {
        let number = self.log.len();
        self.table.room(&self.log)?;
        self.log.push(0)?;
        self.last_key = (address, number);
        self.table.enter_aside(&self.log, address, number)
    }

    /// The number of something that was put by [`Memo::put_key`].
    #[inline]
    pub fn get_key(&self, address: usize) -> Option<usize> {
        if self.last_key.0 == address { Some(self.last_key.1) } else { self.table.find(&self.log, address) }
    }

    /// The objects that it holds.
    pub fn held(&self) -> impl Iterator<Item = *mut PyObject> {
        self.log.iter().filter(|_| self.published).map(|address| *address as *mut PyObject)
    }

    /// A copy of a memo that holds its objects.
    pub fn duplicate(&self) -> PyResult<Self> {
        let mut copy = Self::default();
        copy.table = self.table.duplicate()?;
        copy.published = true;
        copy.log.extend(&self.log)?;
        for &address in &*self.log {
            // SAFETY: NULL or an object that is held.
            unsafe { Py_XINCREF(address as *mut PyObject) };
        }
        Ok(copy)
    }

    /// A memo in which objects have these numbers, in ascending order.
    pub fn of_numbers(numbers: &[(usize, *mut PyObject)]) -> PyResult<Self> {
        let mut memo = Self::default();
        memo.published = true;
        for &(number, object) in numbers {
            while memo.log.len() < number {
                memo.put_paper()?;
            }
            memo.put(object)?;
        }
        Ok(memo)
    }

    /// Foreign code is about to run: from here on every object is in the table and is held.
    #[cold]
    pub fn publish(&mut self) -> PyResult<()> {
        if self.published {
            return Ok(());
        }
        for number in 0..self.log.len() {
            let entry = self.log[number];
            let address = match entry & (LEFT_OUT | DICT_OF) {
                0 => continue,
                DICT_OF => make_dict((entry & !DICT_OF) as *mut PyObject)? as usize,
                _ => entry & !LEFT_OUT,
            };
            self.table.room(&self.log)?;
            self.log[number] = address;
            self.table.enter(&self.log, address, number);
        }
        self.published = true;
        for &address in self.log.iter().filter(|a| **a != 0) {
            // SAFETY: nothing could die so far, so every address of the log is a live object.
            unsafe { Py_INCREF(address as *mut PyObject) };
        }
        Ok(())
    }
}

impl Drop for Memo {
    fn drop(&mut self) {
        self.release();
    }
}
