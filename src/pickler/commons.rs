//! Objects that most pickles of functions have in common: names of slots, the functions of cloudpickle. Each has a place of its
//! own, where the memo of a dump keeps its number, so that stencils need not look it up.

use pyo3_ffi::PyObject;

use crate::py::error::PyResult;
use crate::py::guarded::Guarded;
use crate::py::owned::Owned;
use crate::py::vec::TryPush;
use crate::state::State;

/// How many there are at most.
const MOST: usize = 48;

/// The objects, in the order in which they were met, for one interpreter. None leaves it.
#[derive(Default)]
pub struct Commons(Guarded<Vec<Owned>>);

/// The place of one of them.
#[derive(Clone, Copy)]
pub struct Common(u8);

impl Common {
    /// The place of an object, which gets one unless all are taken.
    #[cold]
    pub fn of(state: &State, object: *mut PyObject) -> PyResult<Option<Self>> {
        let commons = state.commons.get(|| Ok(Commons::default()))?;
        let place = commons.0.with(|commons| {
            if let Some(place) = commons.iter().position(|common| common.as_ptr() == object) {
                return Ok(Some(place));
            }
            if commons.len() >= MOST {
                return Ok(None);
            }
            commons.try_push(Owned::of(object))?;
            Ok(Some(commons.len() - 1))
        });
        Ok(place.transpose()?.flatten().map(|place| Self(place as u8)))
    }
}

/// Their numbers in one dump, plus one: 0 of those that are not known to have one.
#[derive(Clone, Copy)]
pub struct CommonNumbers([u32; MOST]);

impl Default for CommonNumbers {
    fn default() -> Self {
        Self([0; MOST])
    }
}

impl CommonNumbers {
    #[inline(always)]
    pub fn get(&self, common: Common) -> Option<usize> {
        self.0[common.0 as usize].checked_sub(1).map(|number| number as usize)
    }

    #[inline(always)]
    pub fn set(&mut self, common: Common, number: usize) {
        self.0[common.0 as usize] = number as u32 + 1;
    }
}
