//! The order of a class's members, and which of them it inherits, kept by the class's version: neither changes without that.

use pyo3_ffi::*;

use super::class_dict::{Member, Order};
use crate::py::class::own_dict;
use crate::py::dict::Entries;
use crate::py::error::PyResult;
use crate::py::owned::Owned;
use crate::py::remembered::Remembered;
use crate::py::vec::{TryPush, gather};
use crate::state::State;

/// The orders of the classes that came last, by their versions.
#[derive(Default)]
pub struct Orders(Remembered<Known>);

struct Known {
    /// How many entries the class's dict has, with those that were deleted.
    entries: usize,
    /// The names, in their order, and where they lie among the entries.
    names: Vec<(Owned, usize)>,
    order: Order,
}

impl Orders {
    pub fn of(state: &State) -> PyResult<&Self> {
        state.class_orders.get(|| Ok(Self::default()))
    }

    /// The members of a class of which the order is known.
    pub(super) fn members(&self, class: *mut PyObject, version: u32) -> PyResult<Option<(Vec<Member>, Order)>> {
        if version == 0 {
            return Ok(None);
        }
        let Some(known) = self.0.get(version as usize) else { return Ok(None) };
        let dict = own_dict(class);
        let Some(entries) = Entries::combined(dict.as_ptr()).filter(|it| it.len() == known.entries) else {
            return Ok(None);
        };
        let mut members = vec![];
        members.try_room(known.names.len())?;
        for (name, place) in &known.names {
            match entries.get(*place) {
                Some((key, value)) if key == name.as_ptr() => members.push(Member::plain(key, value)),
                _ => return Ok(None),
            }
        }
        Ok(Some((members, known.order)))
    }

    /// Keeps the order of a class's members for as long as it has this version.
    pub(super) fn keep(&self, class: *mut PyObject, version: u32, members: &[Member], order: Order) -> PyResult<()> {
        let dict = own_dict(class);
        let Some(entries) = Entries::combined(dict.as_ptr()).filter(|_| version != 0) else { return Ok(()) };
        let names = gather(members.iter().map(|member| (member.name.clone(), member.place)))?;
        self.0.put(version as usize, Known { entries: entries.len(), names, order }).map(drop)
    }
}
