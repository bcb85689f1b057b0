//! Tables that begin with known entries: their slots are copied.

use super::{FREE, Hash, SIDE, Slot, Table, entered_of};
use crate::py::error::PyResult;

/// The slots of a table that has the entries of a log behind a number of others, and room for these and some more: for
/// tables that begin with them.
#[derive(Default)]
pub struct Image {
    slots: Vec<Slot>,
    hash: Hash,
    taken: usize,
    before: usize,
}

impl Image {
    pub fn of(log: &[usize], before: usize) -> PyResult<Self> {
        let mut table = Table::default();
        table.room_for(&[], log.len() + before + ROOM)?;
        for (number, address) in entered_of(log) {
            table.enter(log, address, number);
        }
        for slot in table.slots.iter_mut().filter(|slot| **slot != FREE) {
            *slot += before as Slot;
        }
        Ok(Self { slots: table.slots, hash: table.hash, taken: table.taken, before })
    }

    /// Is this address entered? The log is the one that the image is of.
    #[inline]
    pub fn has(&self, log: &[usize], address: usize) -> bool {
        let mut at = self.hash.place(address);
        loop {
            match self.slots[at & (self.slots.len() - 1)] {
                FREE => return false,
                slot if log[slot as usize - self.before] == address => return true,
                _ => at += 1,
            }
        }
    }
}

/// What is under way lies in the list beside the table: so much at most where it begins with an image.
const MOST_BESIDE: usize = 8;

/// So many more may be entered in a table that begins with an image.
const ROOM: usize = MOST_BESIDE + 2;

impl Table {
    /// Lies little enough beside the table that it can begin with an image, and take two more?
    #[inline]
    pub fn takes_image(&self) -> bool {
        self.side.len() <= MOST_BESIDE
    }

    /// Makes room for that.
    #[inline]
    pub fn prepare(&mut self, log: &[usize], image: &Image) -> PyResult<()> {
        let len = image.slots.len();
        // If the last dump needed more, the entries are entered one by one.
        if self.len > len { self.room_for(log, image.taken + ROOM) } else { self.have_slots(len) }
    }

    /// Begins with an image, for which it was prepared. The log has what the image is of behind other entries.
    #[inline]
    pub fn begin_with(&mut self, log: &[usize], image: &Image) {
        let (len, (before, behind)) = (image.slots.len(), log.split_at(image.before));
        if self.len > len {
            for (number, address) in entered_of(behind) {
                self.enter(log, address, image.before + number);
            }
            return;
        }
        self.slots[..len].copy_from_slice(&image.slots);
        self.use_slots(len);
        self.taken = image.taken;
        for (number, address) in entered_of(before) {
            self.enter(log, address, number);
        }
        for at in 0..self.side.len() {
            if self.side[at].address != 0 {
                self.enter(log, self.side[at].address, SIDE as usize + at);
            }
        }
    }
}
