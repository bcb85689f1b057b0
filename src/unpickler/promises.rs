//! Containers that nobody but the memo would hold: the arguments of a call that takes them from the stack, the state that
//! goes straight into its object. They are not made; the memo has a number without an object for each, and what they
//! consist of lies here until the load is over, or until the pickle asks for one of them after all.

use std::ops::Range;

use pyo3_ffi::{Py_DECREF, Py_None, PyDict_New, PyObject, PyTuple_Pack};

use super::memo::Memo;
use crate::py::collections::{tuple_stealing, update_dict};
use crate::py::error::PyResult;
use crate::py::owned::Owned;
use crate::py::vec::{TryPush, gather};
use pyo3_ffi::Py_INCREF;

/// What a container consists of. There may be one for each object of the pickle: numbers and places are short.
#[derive(Clone, Copy)]
pub enum What {
    /// Its opcodes are still to come.
    Open,
    Tuple(Items),
    /// Keys and values in turn.
    Dict(Items),
    /// A tuple of None and the object of a number.
    AfterNone(u32),
    /// A tuple of the objects of two numbers.
    Pair(u32, u32),
    /// A tuple of the item at a place and the object of a number.
    AfterItem(u32, u32),
}

/// Some of the items.
#[derive(Clone, Copy)]
pub struct Items {
    pub start: u32,
    end: u32,
}

impl Items {
    pub const NONE: Self = Self { start: 0, end: 0 };

    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// By number, in their order.
#[derive(Default)]
pub struct Promises {
    list: Vec<(u32, What)>,
    /// References, all of them.
    items: Vec<*mut PyObject>,
}

impl Promises {
    /// Both vectors are empty.
    pub fn new(list: Vec<(u32, What)>, items: Vec<*mut PyObject>) -> Self {
        debug_assert!(list.is_empty() && items.is_empty());
        Self { list, items }
    }

    /// Gives the vectors back, without items.
    pub fn end(&mut self) -> (Vec<(u32, What)>, Vec<*mut PyObject>) {
        self.list.clear();
        while let Some(item) = self.items.pop() {
            // SAFETY: the reference was ours.
            unsafe { Py_DECREF(item) };
        }
        (std::mem::take(&mut self.list), std::mem::take(&mut self.items))
    }

    /// Makes room for so many items and two more containers. Says no if there are more items than places have names.
    #[inline]
    pub fn room(&mut self, items: usize) -> PyResult<bool> {
        if self.items.len() + items > u32::MAX as usize {
            return Ok(false);
        }
        if self.items.capacity() - self.items.len() < items {
            self.items.try_room(items)?;
        }
        if self.list.capacity() - self.list.len() < 2 {
            self.list.try_room(64)?;
        }
        Ok(true)
    }

    /// Takes over references, for which there is room.
    #[inline]
    pub fn take(&mut self, items: &[*mut PyObject]) -> Items {
        let start = self.items.len() as u32;
        self.items.extend_from_slice(items);
        Items { start, end: self.items.len() as u32 }
    }

    /// A container under a number above all others; says which one it is.
    #[inline]
    pub fn add(&mut self, number: u32, what: What) -> usize {
        debug_assert!(self.list.last().is_none_or(|(last, _)| *last < number));
        self.list.push((number, what));
        self.list.len() - 1
    }

    /// The opcodes of a container have come.
    #[inline]
    pub fn complete(&mut self, index: usize, what: What) {
        self.list[index].1 = what;
    }

    /// The number of a container.
    pub fn number(&self, index: usize) -> u32 {
        self.list[index].0
    }

    /// Is this the number of a container that was not made, as far as can be told from here?
    pub fn has(&self, number: usize) -> bool {
        self.find(number).is_some()
    }

    fn find(&self, number: usize) -> Option<usize> {
        let number = u32::try_from(number).ok()?;
        self.list.binary_search_by_key(&number, |(number, _)| *number).ok()
    }

    /// All the numbers.
    pub fn numbers(&self) -> PyResult<Vec<usize>> {
        gather(self.list.iter().map(|(number, _)| *number as usize))
    }

    /// Makes the container of a number and puts it into the memo, unless it is there; None if there is none to be made.
    pub fn make(&self, number: usize, memo: &mut Memo) -> PyResult<Option<*mut PyObject>> {
        if let Some(object) = memo.get_near(number) {
            return Ok(Some(object));
        }
        let Some(index) = self.find(number) else { return Ok(None) };
        let object = match self.list[index].1 {
            What::Open => return Ok(None),
            What::Tuple(items) => {
                let items = &self.items[items.range()];
                // SAFETY: live; the tuple takes over a reference to each, which is made when it is there.
                unsafe {
                    let tuple = tuple_stealing(items)?;
                    items.iter().for_each(|item| Py_INCREF(*item));
                    tuple
                }
            }
            What::Dict(items) => {
                // SAFETY: attached; a new reference.
                let dict = unsafe { Owned::new(PyDict_New())? };
                update_dict(dict.as_ptr(), &self.items[items.range()])?;
                dict
            }
            pair => match self.pair(pair, memo)? {
                Some(pair) => pair,
                None => return Ok(None),
            },
        };
        Ok(Some(memo.fulfil(number, object)))
    }

    /// A tuple of two, which are made.
    pub fn pair(&self, pair: What, memo: &mut Memo) -> PyResult<Option<Owned>> {
        let (first, second) = match pair {
            // SAFETY: None lives as long as the interpreter.
            What::AfterNone(second) => (Some(unsafe { Py_None() }), second),
            What::Pair(first, second) => (self.make(first as usize, memo)?, second),
            What::AfterItem(at, second) => (Some(self.items[at as usize]), second),
            What::Open | What::Tuple(_) | What::Dict(_) => return Ok(None),
        };
        let (Some(first), Some(second)) = (first, self.make(second as usize, memo)?) else { return Ok(None) };
        // SAFETY: live, held by the memo and by us; a new reference or NULL with an exception.
        unsafe { Owned::new(PyTuple_Pack(2, first, second)).map(Some) }
    }
}

impl Drop for Promises {
    fn drop(&mut self) {
        drop(self.end());
    }
}
