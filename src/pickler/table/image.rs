//! Tables that begin with known entries: their slots are copied.

use super::{SIDE, Slot, Table, entered_of};
use crate::py::error::PyResult;

/// The slots of a table that has the entries of a log, and room for some more: for tables that begin with these.
#[derive(Default)]
pub struct Image {
    slots: Vec<Slot>,
    taken: usize,
}

impl Image {
    pub fn of(log: &[usize]) -> PyResult<Self> {
        let mut table = Table::default();
        table.room_for(&[], log.len() + IMAGE_ROOM)?;
        for (number, address) in entered_of(log) {
            table.enter(log, address, number);
        }
        Ok(Self { slots: table.slots, taken: table.taken })
    }
}

/// What is under way lies in the list beside the table: so much at most where it begins with an image.
const IMAGE_BESIDE: usize = 8;

/// So many more may be entered in a table that begins with an image.
const IMAGE_ROOM: usize = IMAGE_BESIDE + 2;

impl Table {
    /// Begins with the entries that a log begins with, of which this is the image, and takes two more. So far it has what lies
    /// in the list beside it, if anything; false, and nothing has changed, if that is too much.
    #[inline]
    pub fn begin_with(&mut self, log: &[usize], image: &Image) -> PyResult<bool> {
        let len = image.slots.len();
        if self.side.len() > IMAGE_BESIDE {
            return Ok(false);
        }
        // The last dump needed more.
        if self.len > len {
            self.room_for(log, image.taken + IMAGE_ROOM)?;
            entered_of(log).for_each(|(number, address)| self.enter(log, address, number));
            return Ok(true);
        }
        self.have_slots(len)?;
        self.slots[..len].copy_from_slice(&image.slots);
        self.use_slots(len);
        self.taken = image.taken;
        for at in 0..self.side.len() {
            if self.side[at].address != 0 {
                self.enter(log, self.side[at].address, SIDE as usize + at);
            }
        }
        Ok(true)
    }
}
