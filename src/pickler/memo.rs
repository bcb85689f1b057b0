//! Which object has which number in the pickle.
//!
//! Every memoised object is in the log, in the order of its number. The table that finds an object again leaves out
//! those that only one holder refers to: as long as no foreign code runs (code that is not this crate's), the engine
//! meets such an object once. When foreign code is about to run, [`Memo::publish`] enters what was left out, and takes
//! a reference to each, since from then on objects can die.
//!
//! What gets its number only when its contents are written (a tuple, a reduced object) could be met again inside itself,
//! and with it everything in it that was left out. So it is marked while it is under way, if more than one holder
//! refers to it; to meet a mark means to publish.

use pyo3_ffi::{Py_DECREF, Py_INCREF, Py_XINCREF, PyObject};

use crate::py::error::PyResult;
use crate::py::vec::TryPush;

/// In the log, beside the address: not in the table.
const LEFT_OUT: usize = 1;

/// A slot of the open-addressing table; address 0 is empty.
#[derive(Clone, Copy)]
pub struct Slot {
    address: usize,
    number: usize,
}

/// In place of a number: under way.
const UNDER_WAY: usize = usize::MAX;

const EMPTY: Slot = Slot { address: 0, number: 0 };
const FIRST_SLOTS: usize = 128;

/// The object is under way: it has no number yet, and lies inside itself.
pub struct UnderWay;

#[derive(Default)]
pub struct Memo {
    /// Address by number; 0 for what exists on paper only.
    log: Vec<usize>,
    /// A power of two of slots, or none; at most half are taken.
    slots: Vec<Slot>,
    hash: Hash,
    taken: usize,
    /// Foreign code has run: everything is in the table, and the log owns a reference to each object.
    published: bool,
}

/// Which slot is an address's first. In a small table addresses are scattered (Fibonacci hashing), so that objects of
/// one size, which lie at regular distances, do not crowd each other. In a large one neighbours in memory are
/// neighbours in the table, so that a container's items share its cache lines.
#[derive(Clone, Copy)]
struct Hash {
    factor: usize,
    shift: u32,
}

impl Hash {
    const LARGE: usize = 4096;

    fn of(slots: usize) -> Self {
        if slots >= Self::LARGE {
            Self { factor: 1, shift: 4 }
        } else {
            Self { factor: 0x9e37_79b9_7f4a_7c15, shift: 64 - slots.max(2).ilog2() }
        }
    }

    #[inline(always)]
    fn place(self, address: usize, slots: usize) -> usize {
        (address.wrapping_mul(self.factor) >> self.shift) & (slots - 1)
    }
}

impl Default for Hash {
    fn default() -> Self {
        Self::of(0)
    }
}

impl Memo {
    /// An empty memo in memory that another dump used.
    pub fn reuse(mut log: Vec<usize>, mut slots: Vec<Slot>) -> Self {
        log.clear();
        slots.fill(EMPTY);
        let hash = Hash::of(slots.len());
        Self { log, slots, hash, taken: 0, published: false }
    }

    /// Drops the references and gives the memory away.
    pub fn into_memory(mut self) -> (Vec<usize>, Vec<Slot>) {
        self.release();
        (std::mem::take(&mut self.log), std::mem::take(&mut self.slots))
    }

    /// Drops the references.
    fn release(&mut self) {
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
        *self = Self::reuse(std::mem::take(&mut old.log), std::mem::take(&mut old.slots));
        // Foreign code has run if it has: what is put from here on is held as before.
        self.published = published;
    }

    /// The number of an object, if it has one in the table.
    #[inline(always)]
    pub fn get(&self, object: *mut PyObject) -> Option<usize> {
        self.find(object as usize).filter(|number| *number != UNDER_WAY)
    }

    /// Likewise; `Err` if the object is under way.
    #[inline(always)]
    pub fn get_or_under_way(&self, object: *mut PyObject) -> Result<Option<usize>, UnderWay> {
        match self.find(object as usize) {
            Some(UNDER_WAY) => Err(UnderWay),
            number => Ok(number),
        }
    }

    /// Marks an object that more than one holder refers to as under way.
    pub fn begin(&mut self, object: *mut PyObject) -> PyResult<()> {
        if self.published {
            return Ok(());
        }
        self.room()?;
        self.enter(object as usize, UNDER_WAY);
        Ok(())
    }

    #[inline(always)]
    fn find(&self, address: usize) -> Option<usize> {
        if self.taken == 0 {
            return None;
        }
        let mut at = self.hash.place(address, self.slots.len());
        loop {
            // SAFETY: masked by the number of slots, a power of two.
            let slot = unsafe { *self.slots.get_unchecked(at) };
            if slot.address == address {
                return Some(slot.number);
            }
            if slot.address == 0 {
                return None;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
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
        self.room()?;
        self.log.try_push(object as usize)?;
        self.enter(object as usize, number);
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
        self.log.try_push(object as usize | LEFT_OUT)
    }

    /// Gives the next number to something that exists on paper only.
    #[inline(always)]
    pub fn put_paper(&mut self) -> PyResult<()> {
        self.log.try_push(0)
    }

    /// Gives the next number to something that is known by an address which is no object's.
    pub fn put_key(&mut self, address: usize) -> PyResult<()> {
        let number = self.log.len();
        self.room()?;
        self.log.try_push(0)?;
        self.enter(address, number);
        Ok(())
    }

    /// The number of something that was put by [`Memo::put_key`].
    pub fn get_key(&self, address: usize) -> Option<usize> {
        self.find(address)
    }

    /// The objects that it holds.
    pub fn held(&self) -> impl Iterator<Item = *mut PyObject> {
        self.log.iter().filter(|_| self.published).map(|address| *address as *mut PyObject)
    }

    /// A copy of a memo that holds its objects.
    pub fn duplicate(&self) -> PyResult<Self> {
        let mut copy = Self::default();
        (copy.published, copy.hash, copy.taken) = (true, self.hash, self.taken);
        copy.slots.try_room(self.slots.len())?;
        copy.slots.extend_from_slice(&self.slots);
        copy.log.try_room(self.log.len())?;
        for &address in &self.log {
            // SAFETY: NULL or an object that is held.
            unsafe { Py_XINCREF(address as *mut PyObject) };
            copy.log.push(address);
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

    /// Makes sure that the table takes one more.
    #[inline(always)]
    fn room(&mut self) -> PyResult<()> {
        if self.taken * 2 >= self.slots.len() { self.grow() } else { Ok(()) }
    }

    /// The table has room.
    #[inline(always)]
    fn enter(&mut self, address: usize, number: usize) {
        let mask = self.slots.len() - 1;
        let mut at = self.hash.place(address, self.slots.len());
        loop {
            // SAFETY: masked by the number of slots, a power of two.
            let slot = unsafe { self.slots.get_unchecked_mut(at) };
            if slot.address == 0 {
                *slot = Slot { address, number };
                self.taken += 1;
                return;
            }
            if slot.address == address {
                // It was under way.
                slot.number = number;
                return;
            }
            at = (at + 1) & mask;
        }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) -> PyResult<()> {
        let len = (self.slots.len() * 4).max(FIRST_SLOTS);
        let mut slots = Vec::new();
        slots.try_room(len)?;
        slots.resize(len, EMPTY);
        let old = std::mem::replace(&mut self.slots, slots);
        let hash = Hash::of(len);
        self.hash = hash;
        for slot in old.into_iter().filter(|s| s.address != 0) {
            let mut at = hash.place(slot.address, len);
            while self.slots[at].address != 0 {
                at = (at + 1) & (len - 1);
            }
            self.slots[at] = slot;
        }
        Ok(())
    }

    /// Foreign code is about to run: from here on every object is in the table and is held.
    #[cold]
    pub fn publish(&mut self) -> PyResult<()> {
        if self.published {
            return Ok(());
        }
        for number in 0..self.log.len() {
            let entry = self.log[number];
            if entry & LEFT_OUT != 0 {
                self.room()?;
                self.enter(entry & !LEFT_OUT, number);
                self.log[number] = entry & !LEFT_OUT;
            }
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
