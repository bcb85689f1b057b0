//! An open-addressing table from addresses to numbers. A slot holds a number of 32 bits only: the address is the entry
//! of the memo's log at this number, so that a large table costs little memory and few cache lines.
//!
//! What has no entry of its own in the log (an object under way, what is known by a key) lies in a list beside the table.

mod burst;
mod image;

pub use self::burst::Burst;
pub use self::image::Image;
use crate::py::error::{PyResult, no_memory};
use crate::py::vec::TryPush;

/// A number; or [`SIDE`] and more, which is a place in the list beside the table; or [`FREE`].
pub type Slot = u32;

const FREE: Slot = Slot::MAX;
const SIDE: Slot = 1 << 31;

/// The log has fewer entries than this.
pub const MOST_NUMBERS: usize = SIDE as usize;

/// An entry of the log with one of these bits, or that is 0, is not in the table.
pub const NOT_ENTERED: usize = 3;

/// In place of a number: under way.
pub const UNDER_WAY: usize = usize::MAX;

/// Where the next entry of an address goes, as long as the table does not change.
pub struct Place(usize);

/// What [`Table::seek_entry`] finds.
pub enum Sought {
    Number(usize),
    Free(Place),
    Unclear,
}

const FIRST_SLOTS: usize = 128;
const GROWTH: usize = 4;
/// Of a table that is not kept: memory counts for more than entering all once more.
const LARGE_GROWTH: usize = 2;
/// Fewer than one entry for so many slots are few.
const FEW: usize = 16;
/// More slots are not kept from one dump to the next.
const MOST_KEPT: usize = FIRST_SLOTS * GROWTH * GROWTH * GROWTH * GROWTH;

/// The table. At most half of its slots are taken.
#[derive(Default)]
pub struct Table {
    /// Those behind the first `len` are free.
    slots: Vec<Slot>,
    /// The slots in use: a power of two, or none.
    len: usize,
    hash: Hash,
    taken: usize,
    side: Vec<Aside>,
}

/// An address that is not in the log, and what stands for it; 0 for one that came into the log since.
#[derive(Clone, Copy)]
struct Aside {
    address: usize,
    number: usize,
}

/// Which slot is an address's first. In a small table addresses are scattered (Fibonacci hashing), so that objects of
/// one size, which lie at regular distances, do not crowd each other. In a large one neighbours in memory are
/// neighbours in the table, so that a container's items share its cache lines.
#[derive(Clone, Copy, Default)]
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

    /// To be masked by the number of slots.
    #[inline(always)]
    fn place(self, address: usize) -> usize {
        address.wrapping_mul(self.factor) >> self.shift
    }
}

impl Table {
    /// A table with the same entries, for a copy of the log.
    pub fn duplicate(&self) -> PyResult<Self> {
        let (mut slots, mut side) = (vec![], vec![]);
        slots.try_room(self.slots.len())?;
        slots.extend_from_slice(&self.slots);
        side.try_room(self.side.len())?;
        side.extend_from_slice(&self.side);
        Ok(Self { slots, side, ..*self })
    }

    /// Forgets all entries.
    #[inline]
    pub fn restart(&mut self) {
        if self.taken != 0 {
            self.clear();
        }
    }

    /// As many slots are used next, unless the entries were few for them, or would outgrow them.
    fn clear(&mut self) {
        let last = std::mem::take(&mut self.taken);
        self.slots[..self.len].fill(FREE);
        self.side.clear();
        if self.len == FIRST_SLOTS && last * 2 < FIRST_SLOTS {
            return;
        }
        let mut len = self.len;
        while len > FIRST_SLOTS && last * FEW < len {
            len /= GROWTH;
        }
        if last * 2 >= len && len * GROWTH <= self.slots.len() {
            len *= GROWTH;
        }
        self.use_slots(len.max(FIRST_SLOTS));
    }

    /// Forgets what one large dump needed and the next ones do not.
    #[inline]
    pub fn shrink(&mut self) {
        if self.slots.len() > MOST_KEPT || self.side.capacity() > MOST_KEPT {
            *self = Self::default();
        }
    }

    fn use_slots(&mut self, len: usize) {
        (self.len, self.hash, self.taken) = (len, Hash::of(len), 0);
    }

    #[inline(always)]
    pub fn find(&self, log: &[usize], address: usize) -> Option<usize> {
        if self.taken == 0 { None } else { self.find_among(log, address).ok() }
    }

    /// The number of an address, or the free slot for it. The table has slots.
    #[inline(always)]
    fn find_among(&self, log: &[usize], address: usize) -> Result<usize, usize> {
        let mut at = self.hash.place(address);
        loop {
            let place = at & (self.len - 1);
            // SAFETY: masked by the number of slots in use, a power of two.
            let slot = unsafe { *self.slots.get_unchecked(place) };
            match log.get(slot as usize) {
                Some(entry) if *entry == address => return Ok(slot as usize),
                Some(_) => {}
                None if slot == FREE => return Err(place),
                None => return self.find_beside(log, address),
            }
            at += 1;
        }
    }

    /// The same where it comes by what lies in the list beside the table.
    #[cold]
    #[inline(never)]
    fn find_beside(&self, log: &[usize], address: usize) -> Result<usize, usize> {
        let mut at = self.hash.place(address);
        loop {
            let place = at & (self.len - 1);
            match self.slots[place] {
                FREE => return Err(place),
                slot if self.address(log, slot) == address => return Ok(self.number(slot)),
                _ => at += 1,
            }
        }
    }

    /// The address that a slot is of.
    fn address(&self, log: &[usize], slot: Slot) -> usize {
        match slot.checked_sub(SIDE) {
            Some(at) => self.side[at as usize].address,
            None => log[slot as usize],
        }
    }

    /// The number that a slot gives its address.
    fn number(&self, slot: Slot) -> usize {
        match slot.checked_sub(SIDE) {
            Some(at) => self.side[at as usize].number,
            None => slot as usize,
        }
    }

    /// Has so many slots at least, whose new ones are free.
    fn have_slots(&mut self, len: usize) -> PyResult<()> {
        if self.slots.len() < len {
            self.slots.try_reserve_exact(len - self.slots.len()).map_err(|_| no_memory())?;
            self.slots.resize(len, FREE);
        }
        Ok(())
    }

    /// Makes sure that the table takes one more.
    #[inline(always)]
    pub fn room(&mut self, log: &[usize]) -> PyResult<()> {
        if self.has_room() { Ok(()) } else { self.grow(log) }
    }

    /// Does the table take one more?
    #[inline(always)]
    pub fn has_room(&self) -> bool {
        self.taken * 2 < self.len
    }

    /// Makes sure that the table takes so many more.
    #[inline]
    pub fn room_for(&mut self, log: &[usize], more: usize) -> PyResult<()> {
        while (self.taken + more) * 2 > self.len {
            self.grow(log)?;
        }
        Ok(())
    }

    /// The number of an address, or the place where [`Table::fill`] puts it. The table has room.
    #[inline(always)]
    pub fn seek(&self, log: &[usize], address: usize) -> Result<usize, Place> {
        self.find_among(log, address).map_err(Place)
    }

    /// The same for an address that has no number but that of its entry in the log; any other question stays open.
    #[inline(always)]
    pub fn seek_entry(&self, log: &[usize], address: usize) -> Sought {
        if !self.has_room() {
            return Sought::Unclear;
        }
        let mut at = self.hash.place(address);
        loop {
            let place = at & (self.len - 1);
            // SAFETY: masked by the number of slots in use, a power of two.
            let slot = unsafe { *self.slots.get_unchecked(place) };
            if slot >= SIDE {
                return if slot == FREE { Sought::Free(Place(place)) } else { Sought::Unclear };
            }
            // SAFETY: what was entered is in the log.
            if unsafe { *log.get_unchecked(slot as usize) } == address {
                return Sought::Number(slot as usize);
            }
            at += 1;
        }
    }

    /// Enters a number at a place that was found just now.
    #[inline(always)]
    pub fn fill(&mut self, place: Place, number: usize) {
        debug_assert!(self.slots[place.0] == FREE);
        // SAFETY: a place among the slots, which did not change since.
        unsafe { *self.slots.get_unchecked_mut(place.0) = number as Slot };
        self.taken += 1;
    }

    /// Enters the number of an entry of the log, also for an address that is there. The table has room.
    #[inline(always)]
    pub fn enter(&mut self, log: &[usize], address: usize, number: usize) {
        let mut at = self.hash.place(address);
        loop {
            let place = at & (self.len - 1);
            // SAFETY: masked by the number of slots in use.
            let slot = unsafe { *self.slots.get_unchecked(place) };
            if slot == FREE {
                return self.fill(Place(place), number);
            }
            if log.get(slot as usize).is_none_or(|entry| *entry == address) {
                return self.enter_beside(log, at, address, number as Slot);
            }
            at += 1;
        }
    }

    /// The same from a place on where the address may lie, or what is in the list beside the table.
    #[inline(never)]
    fn enter_beside(&mut self, log: &[usize], mut at: usize, address: usize, new: Slot) {
        loop {
            let place = at & (self.len - 1);
            let old = self.slots[place];
            if old == FREE {
                return self.fill(Place(place), new as usize);
            }
            if self.address(log, old) == address {
                self.slots[place] = new;
                return self.let_go(old);
            }
            at += 1;
        }
    }

    /// Enters an address that is not in the log, or another number for one that is there. The table has room.
    pub fn enter_aside(&mut self, log: &[usize], address: usize, number: usize) -> PyResult<()> {
        let at = self.side.len();
        if at >= (FREE - SIDE) as usize {
            return Err(no_memory());
        }
        self.side.try_push(Aside { address, number })?;
        self.enter(log, address, SIDE as usize + at);
        Ok(())
    }

    /// A slot's place in the list is not needed any more.
    fn let_go(&mut self, slot: Slot) {
        let Some(at) = slot.checked_sub(SIDE) else { return };
        self.side[at as usize].address = 0;
        while self.side.last().is_some_and(|aside| aside.address == 0) {
            self.side.pop();
        }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, log: &[usize]) -> PyResult<()> {
        let growth = if self.len < MOST_KEPT { GROWTH } else { LARGE_GROWTH };
        let len = (self.len * growth).max(FIRST_SLOTS);
        // What is entered is found in the log, unless that has too many others.
        let mut numbers = vec![];
        let is_sparse = log.len() / 16 > self.len;
        if is_sparse {
            numbers.try_room(self.taken)?;
            numbers.extend(self.slots[..self.len].iter().copied().filter(|slot| *slot < SIDE));
        }
        self.have_slots(len)?;
        self.slots[..self.len].fill(FREE);
        self.use_slots(len);
        if is_sparse {
            for number in numbers {
                self.enter(log, log[number as usize], number as usize);
            }
        } else {
            for (number, address) in entered_of(log) {
                self.enter(log, address, number);
            }
        }
        for at in 0..self.side.len() {
            let address = self.side[at].address;
            if address != 0 {
                self.enter(log, address, SIDE as usize + at);
            }
        }
        Ok(())
    }
}

/// Those entries of the log that the table has, with their numbers.
fn entered_of(log: &[usize]) -> impl Iterator<Item = (usize, usize)> {
    log.iter().copied().enumerate().filter(|(_, entry)| is_entered(*entry))
}

/// Has the table this entry of the log?
#[inline(always)]
pub fn is_entered(entry: usize) -> bool {
    entry != 0 && entry & NOT_ENTERED == 0
}
