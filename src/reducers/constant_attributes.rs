//! Attributes of a function that are None, True or False, such as `__isabstractmethod__`: a stencil has them in it.

use pyo3_ffi::*;

use super::function_state::cut_empty;
use super::joined::is_plain;
use crate::pickler::cutter::Cutter;
use crate::protocol::opcode::*;
use crate::py::dict::{Entries, is_empty};
use crate::py::error::PyResult;
use crate::py::owned::Owned;
use crate::py::vec::gather;

/// Names and values, in their order.
#[derive(Default)]
pub(super) struct ConstantAttributes(Vec<(Owned, *mut PyObject)>);

/// A function with more of them has no stencil of them.
const MOST: usize = 4;

/// The opcode of None, True or False; None for anything else.
fn opcode(value: *mut PyObject) -> Option<u8> {
    // SAFETY: the addresses of static objects.
    let constants = unsafe { [(Py_None(), NONE), (Py_True(), NEWTRUE), (Py_False(), NEWFALSE)] };
    constants.into_iter().find(|(constant, _)| *constant == value).map(|(_, op)| op)
}

/// Has a function's dict, or NULL, nothing in it?
pub(super) fn has_none(dict: *mut PyObject) -> bool {
    dict.is_null() || is_empty(dict)
}

/// Has a function's dict, or NULL, no other attributes?
#[inline]
pub(super) fn are_constant(dict: *mut PyObject) -> bool {
    let is_constant = |entry: Option<_>| entry.is_some_and(|(name, value)| is_plain(name) && opcode(value).is_some());
    has_none(dict)
        || Entries::combined(dict)
            .is_some_and(|entries| entries.len() <= MOST && (0..entries.len()).all(|at| is_constant(entries.get(at))))
}

impl ConstantAttributes {
    /// Those in a function's dict, or NULL, that has no others.
    pub(super) fn of(dict: *mut PyObject) -> PyResult<Self> {
        let entries = if has_none(dict) { None } else { Entries::combined(dict) };
        let all = entries.iter().flat_map(|entries| (0..entries.len()).filter_map(|at| entries.get(at)));
        gather(all.map(|(name, value)| (Owned::of(name), value))).map(Self)
    }

    /// Has a function's dict, or NULL, these and no others?
    #[inline]
    pub(super) fn are_of(&self, dict: *mut PyObject) -> bool {
        if has_none(dict) {
            return self.0.is_empty();
        }
        let Some(entries) = Entries::combined(dict).filter(|entries| entries.len() == self.0.len()) else {
            return false;
        };
        self.0.iter().enumerate().all(|(at, (name, value))| entries.get(at) == Some((name.as_ptr(), *value)))
    }

    /// Cuts them: see `function_state::describe_attributes`.
    pub(super) fn cut(&self, cutter: &mut Cutter) -> PyResult<()> {
        cut_empty(cutter, EMPTY_DICT)?;
        cutter.entries(self.0.len())?;
        for (name, value) in &self.0 {
            cutter.fresh_text(name.as_ptr())?;
            if let Some(op) = opcode(*value) {
                cutter.op(op)?;
            }
        }
        cutter.entries_end(self.0.len())
    }
}
