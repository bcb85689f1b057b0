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

/// What a container consists of. The ranges are of the items below.
#[derive(Clone)]
pub enum What {
    /// Its opcodes are still to come.
    Open,
    Tuple(Range<usize>),
    /// Keys and values in turn.
    Dict(Range<usize>),
    /// A tuple of two; the second is the object of a number.
    Pair(First, usize),
}

/// The first of two.
#[derive(Clone, Copy)]
pub enum First {
    None,
    /// The object of a number.
    Number(usize),
    /// One of the items.
    Item(usize),
}

/// By number, in their order.
#[derive(Default)]
pub struct Promises {
    list: Vec<(usize, What)>,
    /// References, all of them.
    items: Vec<*mut PyObject>,
}

impl Promises {
    /// Both vectors are empty.
    pub fn new(list: Vec<(usize, What)>, items: Vec<*mut PyObject>) -> Self {
        debug_assert!(list.is_empty() && items.is_empty());
        Self { list, items }
    }

    /// Gives the vectors back, without items.
    pub fn end(&mut self) -> (Vec<(usize, What)>, Vec<*mut PyObject>) {
        self.list.clear();
        while let Some(item) = self.items.pop() {
            // SAFETY: the reference was ours.
            unsafe { Py_DECREF(item) };
        }
        (std::mem::take(&mut self.list), std::mem::take(&mut self.items))
    }

    /// Makes room for so many items and two more containers.
    #[inline]
    pub fn room(&mut self, items: usize) -> PyResult<()> {
        if self.items.capacity() - self.items.len() < items {
            self.items.try_room(items)?;
        }
        if self.list.capacity() - self.list.len() < 2 {
            self.list.try_room(64)?;
        }
        Ok(())
    }

    /// Takes over references, for which there is room.
    #[inline]
    pub fn take(&mut self, items: &[*mut PyObject]) -> Range<usize> {
        let start = self.items.len();
        self.items.extend_from_slice(items);
        start..self.items.len()
    }

    /// A container under a number above all others; says which one it is.
    #[inline]
    pub fn add(&mut self, number: usize, what: What) -> usize {
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
    pub fn number(&self, index: usize) -> usize {
        self.list[index].0
    }

    /// Is this the number of a container that was not made, as far as can be told from here?
    pub fn has(&self, number: usize) -> bool {
        self.list.binary_search_by_key(&number, |(number, _)| *number).is_ok()
    }

    /// All the numbers.
    pub fn numbers(&self) -> PyResult<Vec<usize>> {
        gather(self.list.iter().map(|(number, _)| *number))
    }

    /// Makes the container of a number and puts it into the memo, unless it is there; None if there is none to be made.
    pub fn make(&self, number: usize, memo: &mut Memo) -> PyResult<Option<*mut PyObject>> {
        if let Some(object) = memo.get_near(number) {
            return Ok(Some(object));
        }
        let Ok(index) = self.list.binary_search_by_key(&number, |(number, _)| *number) else { return Ok(None) };
        let object = match &self.list[index].1 {
            What::Open => return Ok(None),
            What::Tuple(range) => {
                let items = &self.items[range.clone()];
                // SAFETY: live; the tuple takes over a reference to each, which is made when it is there.
                unsafe {
                    let tuple = tuple_stealing(items)?;
                    items.iter().for_each(|item| Py_INCREF(*item));
                    tuple
                }
            }
            What::Dict(range) => {
                // SAFETY: attached; a new reference.
                let dict = unsafe { Owned::new(PyDict_New())? };
                update_dict(dict.as_ptr(), &self.items[range.clone()])?;
                dict
            }
            What::Pair(first, second) => match self.pair(*first, *second, memo)? {
                Some(pair) => pair,
                None => return Ok(None),
            },
        };
        Ok(Some(memo.fulfil(number, object)))
    }

    /// A tuple of two, which are made.
    pub fn pair(&self, first: First, second: usize, memo: &mut Memo) -> PyResult<Option<Owned>> {
        let first = match first {
            First::Number(number) => self.make(number, memo)?,
            First::Item(at) => Some(self.items[at]),
            // SAFETY: None lives as long as the interpreter.
            First::None => Some(unsafe { Py_None() }),
        };
        let (Some(first), Some(second)) = (first, self.make(second, memo)?) else { return Ok(None) };
        // SAFETY: live, held by the memo and by us; a new reference or NULL with an exception.
        unsafe { Owned::new(PyTuple_Pack(2, first, second)).map(Some) }
    }
}

impl Drop for Promises {
    fn drop(&mut self) {
        drop(self.end());
    }
}
