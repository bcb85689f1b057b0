//! dict: how it begins and goes on (`save_dict` in `_pickle.c`).

use std::ptr;

use pyo3_ffi::*;

use super::atoms::Leaf;
use super::containers::save;
use super::engine::Pickler;
use super::frame::{Batch, Dict, Frame, Next, Slot, Value, put};
use super::items::Items;
#[cfg(not(Py_GIL_DISABLED))]
use super::nested::Came;
use crate::protocol::opcode::*;
#[cfg(Py_GIL_DISABLED)]
use crate::py::contended;
use crate::py::dict::Entries;
use crate::py::error::{PyResult, Raised, raise};
use crate::py::habits::SHORT_LAST_BATCH;
use crate::py::layout::has_shared_keys;
#[cfg(not(Py_GIL_DISABLED))]
use crate::py::layout::{is_container, type_of};
use crate::py::owned::Owned;
#[cfg(Py_GIL_DISABLED)]
use crate::py::vec::TryPush;

/// Key and value, lent.
#[cfg(Py_GIL_DISABLED)]
type Entry = (*mut PyObject, *mut PyObject);

/// PyDict_Next.
#[cfg(not(Py_GIL_DISABLED))]
fn next_entry(dict: *mut PyObject, position: &mut isize) -> Option<(*mut PyObject, *mut PyObject)> {
    let (mut key, mut value) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: a live dict; the position is its own.
    (unsafe { PyDict_Next(dict, position, &mut key, &mut value) } != 0).then_some((key, value))
}

#[cold]
fn dict_changed() -> Raised {
    // SAFETY: a static exception type.
    raise(unsafe { PyExc_RuntimeError }, "dictionary changed size during iteration")
}

impl Pickler<'_> {
    /// The next entry of a dict that other threads may change: lent until something else is.
    #[cfg(Py_GIL_DISABLED)]
    fn lend_entry(&mut self, dict: *mut PyObject, position: &mut isize) -> PyResult<Option<Entry>> {
        let Some((key, value)) = contended::dict_next(dict, position) else { return Ok(None) };
        let entry = (key.as_ptr(), value.as_ptr());
        self.lent.clear();
        self.lent.try_push(key)?;
        self.lent.try_push(value)?;
        Ok(Some(entry))
    }

    /// Begins a dict; true if what is left of it is in the slot.
    pub(super) fn begin_dict(&mut self, slot: &mut Slot, dict: *mut PyObject) -> PyResult<bool> {
        self.empty_dict();
        self.memoize(dict)?;
        // SAFETY: an exact dict.
        let size = unsafe { PyDict_Size(dict) };
        if size == 0 {
            return Ok(false);
        }
        if self.protocol == 0 {
            // As C pickle, which asks the dict for an iterator of its items there.
            self.foreign()?;
            // SAFETY: an exact dict; items() and iter() of it make new objects.
            let iterator = unsafe {
                let items = Owned::new(PyObject_CallMethod(dict, c"items".as_ptr(), ptr::null()))?;
                // CPython crashes where there is no memory for the pair that its iterator holds (its issue 152107): it
                // takes one that was just let go.
                drop(Owned::new(PyTuple_New(2))?);
                Owned::new(PyObject_GetIter(items.as_ptr()))?
            };
            return Items::pairs(iterator).map(|frame| put(slot, Some(frame)));
        }
        let batch = self.begin_batch(size as usize);
        // Without a GIL they may be so no longer in a moment.
        let shared_keys = !cfg!(Py_GIL_DISABLED) && has_shared_keys(dict);
        slot.write(Frame::Dict(Dict {
            dict,
            position: 0,
            size,
            batch,
            batches: 0,
            value: Value::None,
            shared_keys,
            is_state: false,
        }));
        Ok(true)
    }

    #[inline(always)]
    pub(super) fn dict(&mut self, f: &mut Dict) -> PyResult<Next> {
        let next = self.entries(f)?;
        if f.is_state && matches!(next, Next::Done) {
            self.out.op(BUILD);
        }
        Ok(next)
    }

    #[inline(always)]
    fn entries(&mut self, f: &mut Dict) -> PyResult<Next> {
        if f.value != Value::None
            && let Some(value) = self.value_of_key(f)
        {
            save!(self.leaf(value), value);
        }
        #[cfg(not(Py_GIL_DISABLED))]
        let entries = Entries::of(f.dict);
        #[cfg(not(Py_GIL_DISABLED))]
        let is_plain = !f.shared_keys && entries.is_some_and(|entries| entries.is_combined());
        loop {
            if f.batch == Batch::Marked(BATCH as u32) {
                self.end_dict_batch(f)?;
                f.batches += 1;
                match f.size - f.batches as isize * BATCH as isize {
                    0 if SHORT_LAST_BATCH => return Ok(Next::Done),
                    1 if SHORT_LAST_BATCH => f.batch = Batch::Single,
                    _ => {
                        self.out.op(MARK);
                        f.batch = Batch::Marked(0);
                    }
                }
            }
            if f.batch == Batch::Closing {
                self.out.op(SETITEM);
                return Ok(Next::Done);
            }
            #[cfg(not(Py_GIL_DISABLED))]
            if let Batch::Marked(count) = f.batch
                && let Some(entries) = entries.filter(|_| is_plain)
            {
                let (count, next) = self.run_of_entries(f, &entries, count)?;
                f.batch = Batch::Marked(count);
                if let Some(next) = next {
                    return Ok(next);
                }
                if count == BATCH as u32 {
                    continue;
                }
            }
            // No leaf changes a dict; whatever else does shows in its size.
            #[cfg(not(Py_GIL_DISABLED))]
            let entry = match &entries {
                Some(entries) => entries.next(&mut f.position),
                None => next_entry(f.dict, &mut f.position),
            };
            #[cfg(Py_GIL_DISABLED)]
            let entry = self.lend_entry(f.dict, &mut f.position)?;
            let Some((key, value)) = entry else {
                // One was left for which no MARK was written, and it is gone.
                if (cfg!(Py_GIL_DISABLED) || SHORT_LAST_BATCH) && f.batch == Batch::Single {
                    return Err(dict_changed());
                }
                self.end_dict_batch(f)?;
                return Ok(Next::Done);
            };
            match &mut f.batch {
                Batch::Marked(n) => *n += 1,
                batch => *batch = Batch::Closing,
            }
            let leaf = if f.shared_keys { self.shared_leaf(key)? } else { self.leaf(key)? };
            if let Leaf::New | Leaf::Detour = leaf {
                if f.shared_keys {
                    // It is looked at once more, and would pass for new if only the keys held it.
                    self.keep(Owned::of(key))?;
                }
                self.keep(Owned::of(value))?;
                f.value = Value::Kept(self.keep.len() as u32 - 1);
                return Ok(if let Leaf::New = leaf { Next::Into(key) } else { Next::Detour(key) });
            }
            save!(self.leaf(value), value);
        }
    }

    /// Writes entries of a combined table, up to the end of the batch, as far as they are leaves. Says how many the batch
    /// has then, and what to do with the last of them if it has something that is no leaf.
    #[cfg(not(Py_GIL_DISABLED))]
    #[inline(always)]
    fn run_of_entries(&mut self, f: &mut Dict, entries: &Entries, mut count: u32) -> PyResult<(u32, Option<Next>)> {
        let mut position = f.position as usize;
        while count < BATCH as u32 && position < entries.len() {
            // How far the value of the next entry came, if its key is written.
            let mut value_came = None;
            // A key that is no leaf is for the loop; one that was deleted is none.
            let key = entries.combined_at(position).0;
            let has_leaf = key.is_null() || !is_container(type_of(key));
            if has_leaf && let Some(mut stretch) = self.stretch()? {
                let begun;
                let most = (entries.len() - position).min(BATCH - count as usize);
                (position, begun, value_came) = stretch.entries(entries, position, most);
                stretch.end();
                count += begun as u32;
                f.position = position as isize;
                if value_came == Some(Came::Halfway) {
                    return Ok((count, self.take_up_parked()?));
                }
            }
            let key_is_written = value_came.is_some();
            if key_is_written {
                position -= 1;
            }
            if position >= entries.len() {
                break;
            }
            let (key, value) = entries.combined_at(position);
            if !key_is_written && (value.is_null() || count == BATCH as u32) {
                position += usize::from(value.is_null());
                continue;
            }
            position += 1;
            f.position = position as isize;
            if !key_is_written {
                count += 1;
                match self.leaf(key)? {
                    Leaf::Done => {}
                    leaf => {
                        self.keep(Owned::of(value))?;
                        f.value = Value::Kept(self.keep.len() as u32 - 1);
                        return Ok((
                            count,
                            Some(if let Leaf::New = leaf { Next::Into(key) } else { Next::Detour(key) }),
                        ));
                    }
                }
            }
            match self.leaf(value)? {
                Leaf::Done => {}
                Leaf::New => match self.row(value)? {
                    Next::Done => {}
                    next => return Ok((count, Some(next))),
                },
                Leaf::Detour => return Ok((count, Some(Next::Detour(value)))),
            }
        }
        f.position = position as isize;
        Ok((count, None))
    }

    fn value_of_key(&self, f: &mut Dict) -> Option<*mut PyObject> {
        match std::mem::replace(&mut f.value, Value::None) {
            Value::None => None,
            Value::InEntry => Some(Entries::of(f.dict)?.next(&mut (f.position - 1))?.1),
            Value::Kept(place) => Some(self.keep[place as usize].as_ptr()),
        }
    }

    fn end_dict_batch(&mut self, f: &mut Dict) -> PyResult<()> {
        self.out.op(SETITEMS);
        // SAFETY: a live dict.
        if unsafe { PyDict_Size(f.dict) } != f.size {
            return Err(dict_changed());
        }
        Ok(())
    }
}
