//! The items and pairs that an iterator gives (`batch_list` and `batch_dict` in `_pickle.c`): one is read ahead, since
//! a single one is put into the container without a MARK.

use pyo3_ffi::*;

use super::atoms::Leaf;
use super::containers::save;
use super::engine::Pickler;
use super::frame::{Frame, Next};
use crate::protocol::opcode::*;
use crate::py::class::is_subtype;
use crate::py::error::{PyResult, Raised, occurred, raise};
use crate::py::layout::{tuple_items, type_of};
use crate::py::owned::Owned;
use crate::py::vec::try_box;

pub struct Items {
    iterator: Owned,
    /// Keys and values rather than single items.
    pairs: bool,
    /// Read ahead.
    ahead: Option<Owned>,
    /// Being saved.
    pub current: Option<Owned>,
    /// The value of a pair is still to be saved.
    pub value_due: bool,
    /// Saved since the last MARK; None where there is no MARK.
    marked: Option<u32>,
    pub count: usize,
    started: bool,
    single: bool,
}

impl Items {
    pub fn items(iterator: Owned) -> PyResult<Frame> {
        Self::frame(iterator, false)
    }

    pub fn pairs(iterator: Owned) -> PyResult<Frame> {
        Self::frame(iterator, true)
    }

    fn frame(iterator: Owned, pairs: bool) -> PyResult<Frame> {
        let items = try_box(Self {
            iterator,
            pairs,
            ahead: None,
            current: None,
            value_due: false,
            marked: None,
            count: 0,
            started: false,
            single: false,
        })?;
        Ok(Frame::Items(items))
    }

    /// What the iterator gives next; a pair is checked.
    fn read(&self) -> PyResult<Option<Owned>> {
        // SAFETY: a live iterator; a new reference, or NULL with or without an exception.
        let Some(item) = (unsafe { Owned::new_or_none(PyIter_Next(self.iterator.as_ptr())) }) else {
            return if occurred() { Err(Raised) } else { Ok(None) };
        };
        Ok(Some(item))
    }

    fn check(&self, item: &Owned) -> PyResult<()> {
        let is_tuple = is_subtype(type_of(item.as_ptr()), &raw mut PyTuple_Type);
        if self.pairs && !(is_tuple && tuple_items(item.as_ptr()).len() == 2) {
            // SAFETY: a static exception type.
            return Err(raise(unsafe { PyExc_TypeError }, "dict items iterator must return 2-tuples"));
        }
        Ok(())
    }

    /// The key of the pair being saved, or NULL.
    pub fn key(&self) -> *mut PyObject {
        match &self.current {
            Some(pair) if self.pairs => tuple_items(pair.as_ptr())[0],
            _ => std::ptr::null_mut(),
        }
    }
}

impl Pickler<'_> {
    pub(super) fn items(&mut self, f: &mut Items) -> PyResult<Next> {
        self.foreign()?;
        let (one, many) = if f.pairs { (SETITEM, SETITEMS) } else { (APPEND, APPENDS) };
        loop {
            self.out.room(0)?;
            if f.value_due {
                f.value_due = false;
                if let Some(pair) = &f.current {
                    let value = tuple_items(pair.as_ptr())[1];
                    save!(self.leaf(value), value);
                }
            }
            if f.current.take().is_some() {
                f.count += 1;
                if self.protocol == 0 || f.single {
                    self.out.op(one);
                }
                if f.single {
                    return Ok(Next::Done);
                }
                if let Some(n) = &mut f.marked {
                    *n += 1;
                    if *n as usize == BATCH {
                        self.out.op(many);
                        f.marked = None;
                        f.started = false;
                    } else if *n > 1 {
                        f.ahead = f.read()?;
                    }
                }
            }
            let item = if self.protocol == 0 {
                f.read()?
            } else {
                if !f.started {
                    // A new batch: two are read, to see whether there is more than one.
                    f.started = true;
                    let Some(first) = f.read()? else { return Ok(Next::Done) };
                    f.check(&first)?;
                    f.ahead = f.read()?;
                    match f.ahead {
                        None => f.single = true,
                        Some(_) => {
                            self.out.op(MARK);
                            f.marked = Some(0);
                        }
                    }
                    Some(first)
                } else {
                    f.ahead.take()
                }
            };
            let Some(item) = item else {
                if f.marked.is_some() {
                    self.out.op(many);
                }
                return Ok(Next::Done);
            };
            f.check(&item)?;
            let part = if f.pairs { tuple_items(item.as_ptr())[0] } else { item.as_ptr() };
            f.value_due = f.pairs;
            f.current = Some(item);
            save!(self.leaf(part), part);
        }
    }
}
