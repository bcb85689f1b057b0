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

use super::commons::{Common, CommonNumbers};
use super::log::Log;
use super::stencil::Given;
use super::table::{self, Image, Place, Slot, Sought, Table, UNDER_WAY};
use crate::py::error::PyResult;
use crate::py::instance::make_dict;

/// In the log, beside the address: not in the table.
const LEFT_OUT: usize = 1;

/// In the log, beside the address of an instance that has no dict: its dict, which exists on paper only.
const DICT_OF: usize = 2;

/// More entries of the log are not kept from one dump to the next.
const LOG_KEPT: usize = 128 * 1024;

/// The object is under way: it has no number yet, and lies inside itself.
pub struct UnderWay;

/// What a pickle memoises that begins in a known way.
#[derive(Default)]
pub struct Opening {
    /// Address by number; 0 for what exists on paper only, and for what is another each time.
    pub log: Vec<usize>,
    /// The number of the object that is built, and of what is known by a key.
    pub built: usize,
    pub shared: usize,
    /// The number of an object that only one holder refers to, if there is one.
    pub alone: Option<usize>,
    /// What the table has then, but for what is given.
    pub table: Image,
    /// The numbers of those that have places.
    pub common: CommonNumbers,
}

#[derive(Default)]
pub struct Memo {
    /// Address by number; 0 for what exists on paper only.
    log: Log,
    table: Table,
    /// Foreign code has run: everything is in the table, and the log owns a reference to each object.
    published: bool,
    common: CommonNumbers,
    /// What was put or looked for last by a key, and its number.
    last_key: (usize, usize),
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

    /// Up to so many numbers, given one after the other, with nothing in between. None of the objects is under way, but
    /// for such as are put without a question.
    #[inline(always)]
    pub fn burst(&mut self, most: usize) -> PyResult<Burst<'_>> {
        self.log.room(most)?;
        let table = self.table.burst(&self.log, most)?;
        let first = self.log.len();
        Ok(Burst { table, log: self.log.start(), number: first, first, memo: self })
    }

    /// Is every object in the table?
    #[inline(always)]
    pub fn is_published(&self) -> bool {
        self.published
    }

    /// Numbers that are given one after the other, with nothing in between, to what is never under way. Nothing is
    /// published.
    #[inline(always)]
    pub fn entries(&mut self) -> PyResult<Entries<'_>> {
        self.log.room(1)?;
        Ok(Entries { log: self.log.start(), most: self.log.capacity(), table: &mut self.table, whole: &mut self.log })
    }

    /// Takes over what the beginning of a pickle memoises, with what is given; false if something has a number already,
    /// or is held.
    #[inline]
    pub fn open(&mut self, opening: &Opening, given: Given) -> PyResult<bool> {
        if !self.log.is_empty() || self.published {
            return Ok(false);
        }
        self.log.room(opening.log.len())?;
        if !self.table.begin_with(&opening.log, &opening.table)? {
            return Ok(false);
        }
        self.log.extend(&opening.log)?;
        self.table.enter_aside(&self.log, given.shared, opening.shared)?;
        (self.common, self.last_key) = (opening.common, (given.shared, opening.shared));
        self.log[opening.built] = given.built as usize;
        self.table.enter(&self.log, given.built as usize, opening.built);
        if let (Some(at), false) = (opening.alone, given.alone.is_null()) {
            self.log[at] = given.alone as usize | LEFT_OUT;
        }
        Ok(true)
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
pub enum Met {
    Known(usize),
    /// It has the next number now.
    New,
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

    /// The number of an object; if it has none, and may have one, it gets the next, for which there is room.
    #[inline(always)]
    pub fn get_or_put(&mut self, number: &mut usize, object: *mut PyObject, may: impl FnOnce() -> bool) -> Met {
        // SAFETY: so many entries are written.
        let log = unsafe { std::slice::from_raw_parts(self.log, *number) };
        match self.table.seek_entry(log, object as usize) {
            Sought::Number(number) => Met::Known(number),
            Sought::Free(place) if may() => {
                self.table.fill(place, *number);
                self.log(number, object as usize);
                Met::New
            }
            _ => Met::Unclear,
        }
    }
}
