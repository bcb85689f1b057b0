//! An open-addressing table from addresses to numbers that goes from one dump to the next without being emptied.
//!
//! Each entry carries the stamp of the dump that made it; an entry with another stamp counts as a free slot. A table
//! that grows moves into the next region of the same memory, which is there since an earlier dump.

use crate::py::error::PyResult;
use crate::py::vec::TryPush;

/// A slot: the address, with the stamp in the bits above those that addresses have.
#[derive(Clone, Copy)]
struct Slot {
    key: usize,
    number: usize,
}

/// Where the next entry of an address goes, as long as the table does not change.
pub struct Place(usize);

const EMPTY: Slot = Slot { key: 0, number: 0 };
/// Addresses of user space lie below this bit on all systems with 64 bits, unless a program asks for others.
const STAMP_SHIFT: u32 = 48;
const ONE: usize = 1 << STAMP_SHIFT;
const FIRST_SLOTS: usize = 128;
const GROWTH: usize = 4;
/// Of a table that is not kept: memory counts for more than moving once more.
const LARGE_GROWTH: usize = 2;
/// What is more than the regions up to this size is not kept.
const MOST_KEPT: usize = FIRST_SLOTS * (1 + GROWTH + GROWTH * GROWTH + GROWTH * GROWTH * GROWTH);

/// The table. At most half of its slots are taken.
pub struct Table {
    slots: Vec<Slot>,
    /// The region in use: a power of two of slots, or none.
    start: usize,
    len: usize,
    hash: Hash,
    taken: usize,
    /// In the bits above those of addresses; higher than that of any earlier dump.
    stamp: usize,
    postponed: Postponed,
}

/// Addresses, by number, that are entered only if another one is. Until then the table seems to have no slot, so that
/// whoever asks for one comes by.
#[derive(Default)]
struct Postponed {
    addresses: Vec<usize>,
    /// What the table has in truth.
    len: usize,
    taken: usize,
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

    #[inline(always)]
    fn place(self, address: usize, slots: usize) -> usize {
        (address.wrapping_mul(self.factor) >> self.shift) & (slots - 1)
    }
}

impl Default for Table {
    fn default() -> Self {
        // No stamp is 0, which is in slots that were never taken.
        Self {
            slots: vec![],
            start: 0,
            len: 0,
            hash: Hash::default(),
            taken: 0,
            stamp: ONE,
            postponed: Postponed::default(),
        }
    }
}

impl Table {
    /// A table with the same entries.
    pub fn duplicate(&self) -> PyResult<Self> {
        let mut slots = vec![];
        slots.try_room(self.slots.len())?;
        slots.extend_from_slice(&self.slots);
        let mut addresses = vec![];
        addresses.try_room(self.postponed.addresses.len())?;
        addresses.extend_from_slice(&self.postponed.addresses);
        let postponed = Postponed { addresses, ..self.postponed };
        Ok(Self { slots, postponed, ..*self })
    }

    /// Forgets all entries.
    pub fn restart(&mut self) {
        let last = std::mem::take(&mut self.taken);
        self.postponed.addresses.clear();
        self.stamp = self.stamp.checked_add(ONE).unwrap_or_else(|| {
            self.slots.fill(EMPTY);
            ONE
        });
        self.shrink();
        self.begin(last);
    }

    /// The region to begin with is one that so many entries do not outgrow, if it is there.
    fn begin(&mut self, last: usize) {
        self.start = 0;
        self.len = if self.slots.is_empty() { 0 } else { FIRST_SLOTS };
        while last * 2 >= self.len && self.start + self.len + self.len * GROWTH <= self.slots.len() && self.len > 0 {
            self.start += self.len;
            self.len *= GROWTH;
        }
        self.hash = Hash::of(self.len);
    }

    /// Forgets what one large dump needed and the next ones do not.
    pub fn shrink(&mut self) {
        if self.slots.len() > MOST_KEPT {
            self.slots = Vec::new();
            self.taken = 0;
            self.begin(0);
        }
    }

    #[inline(always)]
    fn key(&self, address: usize) -> usize {
        debug_assert!(address >> STAMP_SHIFT == 0);
        address | self.stamp
    }

    /// Was this slot not taken in this dump?
    #[inline(always)]
    fn is_free(&self, slot: Slot) -> bool {
        slot.key < self.stamp
    }

    #[inline(always)]
    pub fn find(&self, address: usize) -> Option<usize> {
        if self.taken == 0 { self.find_postponed(address) } else { self.find_among(address, self.len) }
    }

    /// Among so many slots, some of which are taken.
    #[inline(always)]
    fn find_among(&self, address: usize, len: usize) -> Option<usize> {
        let key = self.key(address);
        let mut at = self.hash.place(address, len);
        loop {
            // SAFETY: masked by the size of the region, a power of two, which lies in the memory.
            let slot = unsafe { *self.slots.get_unchecked(self.start + at) };
            if slot.key == key {
                return Some(slot.number);
            }
            if self.is_free(slot) {
                return None;
            }
            at = (at + 1) & (len - 1);
        }
    }

    #[inline(never)]
    fn find_postponed(&self, address: usize) -> Option<usize> {
        let Postponed { addresses, len, taken } = &self.postponed;
        if addresses.is_empty() {
            return None;
        }
        let number = addresses.iter().position(|known| *known == address);
        if number.is_none() && *taken != 0 { self.find_among(address, *len) } else { number }
    }

    /// Enters addresses by their place, and one more at a place, when it comes to it.
    pub fn postpone(&mut self, addresses: &[usize], at: usize, address: usize) -> PyResult<()> {
        let postponed = &mut self.postponed;
        postponed.addresses.try_room(addresses.len())?;
        postponed.addresses.extend_from_slice(addresses);
        postponed.addresses[at] = address;
        (postponed.len, postponed.taken) = (self.len, self.taken);
        (self.len, self.taken) = (0, 0);
        Ok(())
    }

    #[cold]
    fn enter_postponed(&mut self) -> PyResult<()> {
        let Postponed { addresses, len, taken } = std::mem::take(&mut self.postponed);
        (self.len, self.taken) = (len, taken);
        if let Err(raised) = self.room_for(addresses.len() + 1) {
            self.postponed = Postponed { addresses, len: self.len, taken: self.taken };
            (self.len, self.taken) = (0, 0);
            return Err(raised);
        }
        for (number, address) in addresses.iter().enumerate().filter(|(_, address)| **address != 0) {
            self.enter(*address, number);
        }
        // For the next ones.
        self.postponed.addresses = addresses;
        self.postponed.addresses.clear();
        Ok(())
    }

    /// Makes sure that the table takes one more.
    #[inline(always)]
    pub fn room(&mut self) -> PyResult<()> {
        if self.taken * 2 >= self.len { self.grow() } else { Ok(()) }
    }

    /// Makes sure that the table takes so many more.
    #[inline]
    pub fn room_for(&mut self, more: usize) -> PyResult<()> {
        while (self.taken + more) * 2 > self.len {
            self.grow()?;
        }
        Ok(())
    }

    /// Looks up and enters up to so many addresses, one after the other, with nothing in between; [`Table::took`] ends it.
    #[inline(always)]
    pub fn burst(&mut self, most: usize) -> PyResult<Burst> {
        self.room_for(most)?;
        // SAFETY: the region lies in the memory.
        let region = unsafe { self.slots.as_mut_ptr().add(self.start) };
        Ok(Burst { region, mask: self.len.wrapping_sub(1), hash: self.hash, stamp: self.stamp, taken: self.taken })
    }

    /// Counts what a burst entered.
    #[inline(always)]
    pub fn took(&mut self, burst: &Burst) {
        self.taken = burst.taken;
    }

    /// The number of an address, or the place where [`Table::fill`] puts it. The table has room.
    #[inline(always)]
    pub fn seek(&self, address: usize) -> Result<usize, Place> {
        let key = self.key(address);
        let mut at = self.hash.place(address, self.len);
        loop {
            // SAFETY: as in `find`.
            let slot = unsafe { *self.slots.get_unchecked(self.start + at) };
            if self.is_free(slot) {
                return Err(Place(self.start + at));
            }
            if slot.key == key {
                return Ok(slot.number);
            }
            at = (at + 1) & (self.len - 1);
        }
    }

    /// Enters a number at a place that was found just now.
    #[inline(always)]
    pub fn fill(&mut self, place: Place, address: usize, number: usize) {
        let key = self.key(address);
        debug_assert!(self.is_free(self.slots[place.0]));
        // SAFETY: a place in the memory, which did not change since.
        unsafe { *self.slots.get_unchecked_mut(place.0) = Slot { key, number } };
        self.taken += 1;
    }

    /// Enters a number, or another one for an address that is there. The table has room.
    #[inline(always)]
    pub fn enter(&mut self, address: usize, number: usize) {
        match self.seek(address) {
            Err(place) => self.fill(place, address, number),
            Ok(_) => self.replace(address, number),
        }
    }

    fn replace(&mut self, address: usize, number: usize) {
        let key = self.key(address);
        let mut at = self.hash.place(address, self.len);
        while self.slots[self.start + at].key != key {
            at = (at + 1) & (self.len - 1);
        }
        self.slots[self.start + at].number = number;
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self) -> PyResult<()> {
        if !self.postponed.addresses.is_empty() {
            return self.enter_postponed();
        }
        let (old_start, old_len) = (self.start, self.len);
        let mut len = (old_len * GROWTH).max(FIRST_SLOTS);
        let end = old_start + old_len + len;
        if end <= MOST_KEPT {
            if self.slots.len() < end {
                self.slots.try_room(end - self.slots.len())?;
                self.slots.resize(end, EMPTY);
            }
            self.move_to(old_start + old_len, len);
            for at in old_start..old_start + old_len {
                self.take_over(self.slots[at]);
            }
        } else {
            len = old_len * LARGE_GROWTH;
            let mut slots = Vec::new();
            slots.try_room(len)?;
            slots.resize(len, EMPTY);
            let old = std::mem::replace(&mut self.slots, slots);
            self.move_to(0, len);
            for slot in &old[old_start..old_start + old_len] {
                self.take_over(*slot);
            }
        }
        Ok(())
    }

    fn move_to(&mut self, start: usize, len: usize) {
        (self.start, self.len, self.hash, self.taken) = (start, len, Hash::of(len), 0);
    }

    fn take_over(&mut self, slot: Slot) {
        if !self.is_free(slot) {
            self.enter(slot.key & (ONE - 1), slot.number);
        }
    }
}

/// A table that has room, and whose fields lie in registers.
pub struct Burst {
    region: *mut Slot,
    mask: usize,
    hash: Hash,
    stamp: usize,
    taken: usize,
}

impl Burst {
    /// The number of an address, or the free slot for it.
    #[inline(always)]
    fn seek(&self, address: usize) -> Result<usize, *mut Slot> {
        let key = address | self.stamp;
        let mut at = address.wrapping_mul(self.hash.factor) >> self.hash.shift;
        loop {
            // SAFETY: masked by the size of the region.
            let slot = unsafe { self.region.add(at & self.mask) };
            // SAFETY: in the region.
            let Slot { key: found, number } = unsafe { *slot };
            if found == key {
                return Ok(number);
            }
            if found < self.stamp {
                return Err(slot);
            }
            at += 1;
        }
    }

    #[inline(always)]
    fn fill(&mut self, slot: *mut Slot, address: usize, number: usize) {
        // SAFETY: a slot in the region.
        unsafe { *slot = Slot { key: address | self.stamp, number } };
        self.taken += 1;
    }

    /// The number of an address, if it is there.
    #[inline(always)]
    pub fn get(&self, address: usize) -> Option<usize> {
        self.seek(address).ok()
    }

    /// The number of an address; if it is not there, it gets this one.
    #[inline(always)]
    pub fn get_or_enter(&mut self, address: usize, number: usize) -> Option<usize> {
        match self.seek(address) {
            Ok(known) => Some(known),
            Err(slot) => {
                self.fill(slot, address, number);
                None
            }
        }
    }

    /// Enters a number, or another one for an address that is there.
    #[inline(always)]
    pub fn enter(&mut self, address: usize, number: usize) {
        match self.seek(address) {
            Err(slot) => self.fill(slot, address, number),
            Ok(_) => self.replace(address, number),
        }
    }

    #[cold]
    fn replace(&mut self, address: usize, number: usize) {
        let key = address | self.stamp;
        let mut at = address.wrapping_mul(self.hash.factor) >> self.hash.shift;
        loop {
            // SAFETY: masked by the size of the region, in which the address is.
            let slot = unsafe { &mut *self.region.add(at & self.mask) };
            if slot.key == key {
                slot.number = number;
                return;
            }
            at += 1;
        }
    }
}
