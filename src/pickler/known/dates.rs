//! `date`, `time`, `datetime`, `timedelta` and `timezone` of the standard library (their `__reduce__` and `__reduce_ex__`
//! in `Modules/_datetimemodule.c`, for a zone those of `tzinfo`, and `__getinitargs__`).

use std::ffi::CStr;

use pyo3_ffi::*;

use super::instances::Known;
use crate::pickler::engine::Pickler;
use crate::pickler::frame::{Next, Slot};
use crate::pickler::plan::Place;
use crate::protocol::opcode::*;
use crate::py::bytes;
use crate::py::error::PyResult;
use crate::py::layout::type_of;
use crate::py::owned::Owned;

/// Which of the types.
#[derive(Clone, Copy)]
pub enum Kind {
    Date,
    Time,
    DateTime,
    Delta,
    Zone,
}

/// `PyDateTime_TimeZone` of `Modules/_datetimemodule.c`. No class derives from it, and it has no dict.
#[repr(C)]
struct Zone {
    head: PyObject,
    offset: *mut PyObject,
    /// NULL if it was not given.
    name: *mut PyObject,
}

/// The names of the types begin with it.
pub const FIRST_LETTER: u8 = b'd';

/// The type of this name, if it is built in and its instances have the size that they have there.
pub fn kind(class: *mut PyTypeObject, name: &CStr) -> Option<Kind> {
    let (kind, size) = match name.to_bytes() {
        b"datetime.date" => (Kind::Date, size_of::<PyDateTime_Date>()),
        b"datetime.time" => (Kind::Time, size_of::<PyDateTime_Time>()),
        b"datetime.datetime" => (Kind::DateTime, size_of::<PyDateTime_DateTime>()),
        b"datetime.timedelta" => (Kind::Delta, size_of::<PyDateTime_Delta>()),
        b"datetime.timezone" => (Kind::Zone, size_of::<Zone>()),
        _ => return None,
    };
    // SAFETY: a live class.
    (unsafe { (*class).tp_basicsize } as usize == size).then_some(kind)
}

/// From this protocol on the first of two equal times at the end of summer time is told apart.
const HAS_FOLD: u8 = 4;

/// The bytes of a date or a time where they lie in it, and its time zone.
struct Packed<'o> {
    data: &'o [u8],
    /// The byte whose highest bit tells the second of two equal times, if it is that.
    folded: Option<usize>,
    zone: Option<*mut PyObject>,
}

impl Packed<'_> {
    /// What is written for a byte that lies in the object.
    fn byte(&self, at: usize) -> u8 {
        self.data[at] | if self.folded == Some(at) { 0x80 } else { 0 }
    }
}

/// None for what has no bytes.
#[inline(always)]
fn packed<'o>(object: *mut PyObject, kind: Kind, protocol: u8) -> Option<Packed<'o>> {
    // SAFETY: an object of the type that `kind` names, which does not change; the zone is there if `hastzinfo` says so.
    unsafe {
        match kind {
            Kind::Date => Some(Packed { data: &(&*object.cast::<PyDateTime_Date>()).data, folded: None, zone: None }),
            Kind::Time => {
                let time = &*object.cast::<PyDateTime_Time>();
                let folded = (protocol >= HAS_FOLD && time.fold != 0).then_some(0);
                Some(Packed { data: &time.data, folded, zone: (time.hastzinfo != 0).then_some(time.tzinfo) })
            }
            Kind::DateTime => {
                let time = &*object.cast::<PyDateTime_DateTime>();
                let folded = (protocol >= HAS_FOLD && time.fold != 0).then_some(2);
                Some(Packed { data: &time.data, folded, zone: (time.hastzinfo != 0).then_some(time.tzinfo) })
            }
            Kind::Delta | Kind::Zone => None,
        }
    }
}

impl Pickler<'_> {
    /// (class, (bytes,)) or (class, (bytes, zone)); (class, (days, seconds, microseconds)); (class, (offset,)) or
    /// (class, (offset, name))
    pub(super) fn date(&mut self, slot: &mut Slot, object: *mut PyObject, kind: Kind) -> PyResult<Known> {
        if self.protocol < 3 {
            // bytes are reduced themselves.
            return Ok(Known::Not);
        }
        if matches!(kind, Kind::Zone) {
            return self.zone(slot, object);
        }
        let class = self.memo.get(type_of(object).cast());
        let Some(packed) = packed(object, kind, self.protocol) else { return self.delta(slot, object, class) };
        let is_written = match class {
            Some(class) => self.known_date(object, &packed, class)?,
            None => false,
        };
        if is_written { Ok(Known::Done) } else { self.date_by_plan(slot, object, &packed) }
    }

    /// Writes a date or a time at once if the pickle has had its class.
    #[inline(never)]
    pub(super) fn row_of_date(&mut self, object: *mut PyObject, kind: Kind) -> PyResult<Next> {
        let class = self.memo.get(type_of(object).cast()).filter(|_| self.protocol >= 3);
        let is_written = match (class, packed(object, kind, self.protocol)) {
            (Some(class), Some(packed)) => self.known_date(object, &packed, class)?,
            _ => false,
        };
        self.row_is_written(object, is_written)
    }

    /// Writes a date or a time whose class has this number, if the pickle has had its zone; false, and nothing is written,
    /// for any other.
    #[inline(always)]
    fn known_date(&mut self, object: *mut PyObject, packed: &Packed<'_>, class: usize) -> PyResult<bool> {
        let zone = packed.zone.and_then(|zone| self.memo.get(zone));
        if packed.zone.is_some() != zone.is_some() {
            return Ok(false);
        }
        self.paper_boundary()?;
        self.get(class);
        self.paper_boundary()?;
        self.paper_boundary()?;
        self.out.short([SHORT_BINBYTES, packed.data.len() as u8], 2);
        match packed.folded {
            None => self.out.bytes(packed.data),
            Some(_) => (0..packed.data.len()).for_each(|at| self.out.op(packed.byte(at))),
        }
        self.memoize_paper()?;
        if let Some(zone) = zone {
            self.paper_boundary()?;
            self.get(zone);
        }
        self.tuple_op(1 + usize::from(zone.is_some()));
        self.memoize_paper()?;
        self.out.op(REDUCE);
        self.memoize(object)?;
        Ok(true)
    }

    fn date_by_plan(&mut self, slot: &mut Slot, object: *mut PyObject, packed: &Packed<'_>) -> PyResult<Known> {
        let mut data = [0; 10];
        let data = &mut data[..packed.data.len()];
        data.iter_mut().enumerate().for_each(|(at, byte)| *byte = packed.byte(at));
        let data = bytes::of(data)?;
        let zone = packed.zone.map(|zone| (Owned::of(zone), Place::NamedPart(1, &"tzinfo")));
        self.call_of(slot, object, data, zone)
    }

    /// `class(first)` or `class(first, second)`
    fn call_of(
        &mut self,
        slot: &mut Slot,
        object: *mut PyObject,
        first: Owned,
        second: Option<(Owned, Place)>,
    ) -> PyResult<Known> {
        let mut plan = self.plan();
        plan.object(type_of(object).cast(), Place::Callable)?;
        let len = 1 + usize::from(second.is_some());
        plan.tuple(len)?;
        plan.owned(first, Place::Part(0))?;
        if let Some((second, place)) = second {
            plan.owned(second, place)?;
        }
        plan.tuple_end(len)?;
        plan.reduce(object)?;
        Ok(Known::begun(slot, plan.finish()))
    }

    fn delta(&mut self, slot: &mut Slot, object: *mut PyObject, class: Option<usize>) -> PyResult<Known> {
        // SAFETY: a timedelta.
        let parts = unsafe {
            let delta = object.cast::<PyDateTime_Delta>();
            [(*delta).days, (*delta).seconds, (*delta).microseconds]
        };
        if let Some(class) = class {
            self.paper_boundary()?;
            self.get(class);
            self.paper_boundary()?;
            for part in parts {
                self.paper_boundary()?;
                self.int64(part.into())?;
            }
            self.out.op(TUPLE3);
            self.memoize_paper()?;
            self.out.op(REDUCE);
            self.memoize(object)?;
            return Ok(Known::Done);
        }
        let mut plan = self.plan();
        plan.object(type_of(object).cast(), Place::Callable)?;
        plan.tuple(3)?;
        for part in parts {
            plan.int(part.into())?;
        }
        plan.tuple_end(3)?;
        plan.reduce(object)?;
        Ok(Known::begun(slot, plan.finish()))
    }

    #[cold]
    #[inline(never)]
    fn zone(&mut self, slot: &mut Slot, object: *mut PyObject) -> PyResult<Known> {
        // SAFETY: a timezone, which does not change and holds an offset.
        let (offset, name) = unsafe {
            let zone = &*object.cast::<Zone>();
            (Owned::of(zone.offset), (!zone.name.is_null()).then(|| (Owned::of(zone.name), Place::Part(1))))
        };
        self.call_of(slot, object, offset, name)
    }
}
