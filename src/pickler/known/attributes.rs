//! Instances whose state is their attributes: these are read where they lie, in the dict or in the instance itself, which
//! needs no dict by that.

use std::ptr;

use pyo3_ffi::*;

use super::instances::{Known, is_plain_dict};
use super::mould::HEAD;
use crate::pickler::containers::atom_size;
use crate::pickler::engine::Pickler;
use crate::pickler::frame::{Batch, Dict, Frame, Slot, Value};
use crate::protocol::opcode::*;
use crate::py::dict::{self, Entries, SharedKeys};
use crate::py::error::PyResult;
use crate::py::instance::{Attributes, make_dict};
use crate::py::layout::{type_of, unique};

/// The attributes of an instance, to which nobody else refers as a dict.
struct Own {
    entries: Entries,
    /// Of the class, if its instances share them.
    keys: Option<SharedKeys>,
    /// NULL if the instance has none.
    dict: *mut PyObject,
    size: usize,
}

impl Own {
    #[inline(always)]
    fn of(object: *mut PyObject, attributes: &Attributes, is_foreign: bool) -> Option<Self> {
        let (entries, keys, dict, size) = match *attributes {
            Attributes::Dict(dict) if !dict.is_null() && is_plain_dict(dict) && unique(dict) => {
                (Entries::of(dict)?, SharedKeys::of(dict), dict, dict::len(dict))
            }
            // Foreign code could ask for the dict, which is then to be found in the memo.
            Attributes::Inline if !is_foreign => {
                let entries = Entries::inline(object)?;
                (entries, Some(SharedKeys::of_class(type_of(object))), ptr::null_mut(), entries.len())
            }
            _ => return None,
        };
        (1..BATCH).contains(&size).then_some(Self { entries, keys, dict, size })
    }

    /// What is left behind so many of them, of which the last may lack its value.
    fn rest(&self, position: isize, begun: usize, has_key: bool) -> Dict {
        Dict {
            dict: self.dict,
            position,
            size: self.size as isize,
            batch: match self.size {
                1 if has_key => Batch::Closing,
                1 => Batch::Single,
                _ => Batch::Marked(begun as u32),
            },
            batches: 0,
            value: if has_key { Value::InEntry } else { Value::None },
            shared_keys: self.keys.is_some(),
            is_state: true,
        }
    }
}

impl Pickler<'_> {
    /// Begins an object whose class the pickle has had and whose attributes nobody else refers to as a dict. An attribute
    /// that is no leaf, and those behind it, are left to the frame.
    #[inline(never)]
    pub(super) fn with_attributes(
        &mut self,
        slot: &mut Slot,
        object: *mut PyObject,
        attributes: &Attributes,
    ) -> PyResult<Known> {
        let Some(own) = Own::of(object, attributes, self.is_foreign()) else { return Ok(Known::Not) };
        let class = type_of(object);
        let mould = match own.keys {
            Some(keys) if !self.is_foreign() || cfg!(Py_3_11) => self.shapes.moulds.of(class, keys),
            Some(_) => None,
            None => self.shapes.moulds.of_own(class, &own.entries, own.size),
        };
        let harmless = match own.keys {
            Some(keys) => self.are_harmless(keys),
            None => mould.is_some() || !self.look_for_overrides(own.dict),
        };
        if !harmless {
            return Ok(Known::Not);
        }
        let number;
        if let Some(mould) = mould
            && self.out.until_due() > HEAD
        {
            let (head, len) = self.shapes.moulds.head(mould);
            self.out.short(head, len);
            self.number(object)?;
            number = self.memo.next();
            if own.dict.is_null() { self.memo.put_dict_of(object)? } else { self.memo.put_unique(own.dict)? }
        } else {
            if !self.known_class(object)? {
                return Ok(Known::Not);
            }
            self.paper_boundary()?;
            number = self.memo.next();
            self.out.op(EMPTY_DICT);
            if own.dict.is_null() {
                self.memoize_dict_of(object)?
            } else {
                self.memoize(own.dict)?
            }
            if let Some(known) = self.memo.get(class.cast()).filter(|_| self.puts >= 4) {
                match own.keys {
                    Some(keys) if keys.is_of(class) => self.shapes.moulds.make(class, keys, known)?,
                    Some(_) => {}
                    None => self.shapes.moulds.make_own(class, &own.entries, own.size, known)?,
                }
            }
        }
        if own.size > 1 {
            self.out.op(MARK);
        }
        let rest = match own.keys {
            Some(keys) => self.shared_attributes(&own, keys, mould)?,
            None => self.attributes(&own, mould)?,
        };
        match rest {
            None => {
                self.out.op(if own.size > 1 { SETITEMS } else { SETITEM });
                self.out.op(BUILD);
                Ok(Known::Done)
            }
            Some(rest) => {
                slot.write(Frame::Dict(self.rest_of_attributes(object, number, rest)?));
                Ok(Known::Begun)
            }
        }
    }

    /// Writes attributes whose keys are shared as long as they are leaves; gives what is left.
    #[inline(always)]
    fn shared_attributes(&mut self, own: &Own, keys: SharedKeys, mould: Option<usize>) -> PyResult<Option<Dict>> {
        for begun in 0..own.size {
            let (index, value) = own.entries.shared(begun);
            if self.out.due() {
                return Ok(Some(own.rest(begun as isize, begun, false)));
            }
            match mould.and_then(|mould| self.shapes.moulds.get(mould, index)) {
                Some((get, len)) => self.out.short(get, len),
                None if self.has_room_for(keys.key(index)) => self.shared_key(keys.key(index), index, mould)?,
                None => return Ok(Some(own.rest(begun as isize, begun, false))),
            }
            if !self.has_room_for(value) || !self.atom(value)? {
                return Ok(Some(own.rest(begun as isize + 1, begun + 1, true)));
            }
        }
        Ok(None)
    }

    /// Is it an atom that can be written without a boundary, and so without a failure that would have to name it?
    #[inline(always)]
    fn has_room_for(&self, atom: *mut PyObject) -> bool {
        atom_size(atom).is_some_and(|size| size < self.out.until_due())
    }

    #[inline(never)]
    fn shared_key(&mut self, key: *mut PyObject, index: usize, mould: Option<usize>) -> PyResult<()> {
        self.shared_leaf(key)?;
        if let (Some(mould), Some(number)) = (mould, self.memo.get(key)) {
            self.shapes.moulds.keep(mould, index, number);
        }
        Ok(())
    }

    /// Writes attributes of a dict of its own as long as they are leaves; gives what is left.
    fn attributes(&mut self, own: &Own, mould: Option<usize>) -> PyResult<Option<Dict>> {
        let (mut position, mut begun) = (0, 0);
        loop {
            let before = position;
            let Some((key, value)) = own.entries.next(&mut position) else { return Ok(None) };
            if self.out.due() {
                return Ok(Some(own.rest(before, begun, false)));
            }
            match mould.and_then(|mould| self.shapes.moulds.get(mould, begun)) {
                Some((get, len)) => self.out.short(get, len),
                None if self.has_room_for(key) && self.atom(key)? => {
                    if let (Some(mould), Some(number)) = (mould, self.memo.get(key)) {
                        self.shapes.moulds.keep(mould, begun, number);
                    }
                }
                None => return Ok(Some(own.rest(before, begun, false))),
            }
            begun += 1;
            if !self.has_room_for(value) || !self.atom(value)? {
                return Ok(Some(own.rest(position, begun, true)));
            }
        }
    }

    /// What is left goes by a frame, which needs a dict.
    #[inline(never)]
    fn rest_of_attributes(&mut self, object: *mut PyObject, number: usize, mut rest: Dict) -> PyResult<Dict> {
        if rest.dict.is_null() {
            rest.dict = make_dict(object)?;
            self.memo.put_made_dict(number, rest.dict);
        }
        Ok(rest)
    }
}
