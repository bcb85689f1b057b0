//! Many look-ups in turn, with nothing in between.

use super::{Aside, FREE, Hash, SIDE, Slot, Table};
use crate::py::error::PyResult;
use crate::py::vec::TryPush;

impl Table {
    /// Looks up and enters up to so many addresses, of which one may be a key, one after the other, with nothing in
    /// between; [`Table::took`] ends it.
    #[inline(always)]
    pub fn burst(&mut self, log: &[usize], most: usize) -> PyResult<Burst> {
        self.room_for(log, most)?;
        if self.side.len() == self.side.capacity() {
            self.side.try_room(1)?;
        }
        Ok(Burst { slots: self.slots.as_mut_ptr(), mask: self.len.wrapping_sub(1), hash: self.hash, taken: self.taken })
    }

    /// Counts what a burst entered.
    #[inline(always)]
    pub fn took(&mut self, burst: &Burst) {
        self.taken = burst.taken;
    }
}

/// A table that has room, and whose fields lie in registers.
pub struct Burst {
    slots: *mut Slot,
    mask: usize,
    hash: Hash,
    taken: usize,
}

impl Burst {
    /// The slot of an address, and its number if it is there.
    ///
    /// # Safety
    /// The burst is the table's, and the log at `log` has every number that was entered.
    #[inline(always)]
    pub unsafe fn seek(&self, table: &Table, log: *const usize, address: usize) -> (*mut Slot, Option<usize>) {
        let mut at = self.hash.place(address);
        loop {
            // SAFETY: masked by the number of slots.
            let slot = unsafe { self.slots.add(at & self.mask) };
            // SAFETY: one of the slots.
            let number = unsafe { *slot };
            if number >= SIDE {
                if number == FREE {
                    return (slot, None);
                }
                // SAFETY: as the caller says.
                return unsafe { beside(self.slots, self.mask, table, log, address) };
            }
            // SAFETY: as the caller says.
            if unsafe { *log.add(number as usize) } == address {
                return (slot, Some(number as usize));
            }
            at += 1;
        }
    }

    /// Enters the number of an entry of the log in a slot that was found free just now.
    #[inline(always)]
    pub fn fill(&mut self, slot: *mut Slot, number: usize) {
        // SAFETY: one of the slots.
        unsafe { *slot = number as Slot };
        self.taken += 1;
    }

    /// Enters what is known by a key in a slot that was found free just now.
    pub fn fill_aside(&mut self, table: &mut Table, slot: *mut Slot, address: usize, number: usize) {
        let at = table.side.len();
        // There was room for one.
        table.side.push(Aside { address, number });
        self.fill(slot, SIDE as usize + at);
    }

    /// Enters another number in the slot of an address that was found just now.
    #[cold]
    pub fn replace(&mut self, table: &mut Table, slot: *mut Slot, number: usize) {
        // SAFETY: one of the slots.
        let old = unsafe { std::mem::replace(&mut *slot, number as Slot) };
        table.let_go(old);
    }
}

/// What [`Burst::seek`] finds where it comes by what lies in the list beside the table. The burst itself stays in
/// registers.
///
/// # Safety
/// As there.
#[cold]
#[inline(never)]
unsafe fn beside(
    slots: *mut Slot,
    mask: usize,
    table: &Table,
    log: *const usize,
    address: usize,
) -> (*mut Slot, Option<usize>) {
    let mut at = table.hash.place(address);
    loop {
        // SAFETY: as there.
        let (slot, number) = unsafe { (slots.add(at & mask), *slots.add(at & mask)) };
        let (known, number) = match number.checked_sub(SIDE) {
            _ if number == FREE => return (slot, None),
            Some(at) => (table.side[at as usize].address, table.side[at as usize].number),
            // SAFETY: as there.
            None => (unsafe { *log.add(number as usize) }, number as usize),
        };
        if known == address {
            return (slot, Some(number));
        }
        at += 1;
    }
}
