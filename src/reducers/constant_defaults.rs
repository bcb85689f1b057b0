//! Defaults of a function's parameters that are constants: a stencil has them in it.

use pyo3_ffi::*;

use super::constants::{self, is_constant};
use super::function_state::is_none;
use crate::pickler::cutter::Cutter;
use crate::protocol::opcode::*;
use crate::py::dict::Entries;
use crate::py::error::PyResult;
use crate::py::layout::{type_of, unique};
use crate::py::owned::Owned;
use crate::py::vec::gather;

/// A function with more of those that are given by name has no stencil of them.
const MOST: usize = 8;

/// Is `__defaults__` a tuple of constants?
#[inline]
pub(super) fn are_constant(defaults: *mut PyObject) -> bool {
    !is_none(defaults) && type_of(defaults).cast_const() == &raw const PyTuple_Type && is_constant(defaults)
}

/// The entries of `__kwdefaults__` that nothing else refers to, if nothing has been deleted.
#[inline]
fn entries(kwdefaults: *mut PyObject) -> Option<Entries> {
    if is_none(kwdefaults) || type_of(kwdefaults).cast_const() != &raw const PyDict_Type || !unique(kwdefaults) {
        return None;
    }
    let entries = Entries::combined(kwdefaults).filter(|entries| entries.len() <= MOST)?;
    (0..entries.len()).all(|at| entries.get(at).is_some()).then_some(entries)
}

/// Has `__kwdefaults__`, to which nothing else refers, constants only?
#[inline]
pub(super) fn are_constant_by_name(kwdefaults: *mut PyObject) -> bool {
    let is_plain = |(name, value)| type_of(name).cast_const() == &raw const PyUnicode_Type && is_constant(value);
    entries(kwdefaults).is_some_and(|entries| (0..entries.len()).filter_map(|at| entries.get(at)).all(is_plain))
}

/// Names and values of `__kwdefaults__`, in their order; None if there is no dict.
#[derive(Default)]
pub(super) struct ConstantsByName(Option<Vec<(Owned, Owned)>>);

impl ConstantsByName {
    /// Those of a function that has no others.
    pub(super) fn of(kwdefaults: *mut PyObject) -> PyResult<Self> {
        let Some(entries) = entries(kwdefaults) else { return Ok(Self(None)) };
        let all = (0..entries.len()).filter_map(|at| entries.get(at));
        gather(all.map(|(name, value)| (Owned::of(name), Owned::of(value)))).map(|all| Self(Some(all)))
    }

    /// Has a function these, and no others?
    #[inline]
    pub(super) fn are_of(&self, kwdefaults: *mut PyObject) -> bool {
        let Some(all) = &self.0 else { return is_none(kwdefaults) };
        let Some(entries) = entries(kwdefaults).filter(|entries| entries.len() == all.len()) else { return false };
        let is_same =
            |(at, (name, value)): (usize, &(Owned, Owned))| entries.get(at) == Some((name.as_ptr(), value.as_ptr()));
        all.iter().enumerate().all(is_same)
    }

    /// Cuts the dict; false if something in it is too long.
    pub(super) fn cut(&self, cutter: &mut Cutter) -> PyResult<bool> {
        let Some(all) = &self.0 else { return cutter.op(NONE).map(|()| true) };
        cutter.alone(EMPTY_DICT, 1)?;
        cutter.entries(all.len())?;
        for (name, value) in all {
            if !cutter.text(name.as_ptr())? || !constants::cut(cutter, value.as_ptr())? {
                return Ok(false);
            }
        }
        cutter.entries_end(all.len()).map(|()| true)
    }
}
