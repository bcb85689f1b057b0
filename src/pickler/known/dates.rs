//! `date`, `time`, `datetime` and `timedelta` of the standard library (their `__reduce__` and `__reduce_ex__` in
//! `Modules/_datetimemodule.c`).

use std::ffi::CStr;

use pyo3_ffi::*;

use super::instances::Known;
use crate::pickler::engine::Pickler;
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
        _ => return None,
    };
    // SAFETY: a live class.
    (unsafe { (*class).tp_basicsize } as usize == size).then_some(kind)
}

/// From this protocol on the first of two equal times at the end of summer time is told apart.
const HAS_FOLD: u8 = 4;

/// The bytes of a date or a time, and its time zone.
struct Packed {
    data: [u8; 10],
    len: usize,
    zone: Option<*mut PyObject>,
}

/// None for a timedelta, which has numbers.
fn packed(object: *mut PyObject, kind: Kind, protocol: u8) -> Option<Packed> {
    let mut data = [0; 10];
    // SAFETY: an object of the type that `kind` names; the zone is there if `hastzinfo` says so.
    let (len, zone) = unsafe {
        match kind {
            Kind::Date => {
                data[..4].copy_from_slice(&(*object.cast::<PyDateTime_Date>()).data);
                (4, None)
            }
            Kind::Time => {
                let time = object.cast::<PyDateTime_Time>();
                data[..6].copy_from_slice(&(*time).data);
                if protocol >= HAS_FOLD && (*time).fold != 0 {
                    data[0] |= 0x80;
                }
                (6, ((*time).hastzinfo != 0).then(|| (*time).tzinfo))
            }
            Kind::DateTime => {
                let time = object.cast::<PyDateTime_DateTime>();
                data.copy_from_slice(&(*time).data);
                if protocol >= HAS_FOLD && (*time).fold != 0 {
                    data[2] |= 0x80;
                }
                (10, ((*time).hastzinfo != 0).then(|| (*time).tzinfo))
            }
            Kind::Delta => return None,
        }
    };
    Some(Packed { data, len, zone })
}

impl Pickler<'_> {
    /// (class, (bytes,)), (class, (bytes, zone)) or (class, (days, seconds, microseconds))
    pub(super) fn date(&mut self, object: *mut PyObject, kind: Kind) -> PyResult<Known> {
        if self.protocol < 3 {
            // bytes are reduced themselves.
            return Ok(Known::Not);
        }
        let class = self.memo.get(type_of(object).cast()).filter(|_| !self.out.is_detour());
        let Some(packed) = packed(object, kind, self.protocol) else { return self.delta(object, class) };
        let zone = packed.zone.and_then(|zone| self.memo.get(zone));
        let Some(class) = class.filter(|_| packed.zone.is_some() == zone.is_some()) else {
            return self.date_by_plan(object, &packed);
        };
        self.paper_boundary()?;
        self.get(class);
        self.paper_boundary()?;
        self.paper_boundary()?;
        self.out.short([SHORT_BINBYTES, packed.len as u8], 2);
        self.out.bytes(&packed.data[..packed.len]);
        self.memoize_paper()?;
        if let Some(zone) = zone {
            self.paper_boundary()?;
            self.get(zone);
        }
        self.tuple_op(1 + usize::from(zone.is_some()));
        self.memoize_paper()?;
        self.out.op(REDUCE);
        self.memoize(object)?;
        Ok(Known::Begun(None))
    }

    fn date_by_plan(&mut self, object: *mut PyObject, packed: &Packed) -> PyResult<Known> {
        let data = bytes::of(&packed.data[..packed.len])?;
        let zone = packed.zone.map(Owned::of);
        let mut plan = self.plan();
        plan.object(type_of(object).cast(), Place::Callable)?;
        let len = 1 + usize::from(zone.is_some());
        plan.tuple(len)?;
        plan.owned(data, Place::Part(0))?;
        if let Some(zone) = zone {
            plan.owned(zone, Place::NamedPart(1, &"tzinfo"))?;
        }
        plan.tuple_end(len)?;
        plan.reduce(object)?;
        Ok(Known::Begun(Some(plan.finish())))
    }

    fn delta(&mut self, object: *mut PyObject, class: Option<usize>) -> PyResult<Known> {
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
            return Ok(Known::Begun(None));
        }
        let mut plan = self.plan();
        plan.object(type_of(object).cast(), Place::Callable)?;
        plan.tuple(3)?;
        for part in parts {
            plan.int(part.into())?;
        }
        plan.tuple_end(3)?;
        plan.reduce(object)?;
        Ok(Known::Begun(Some(plan.finish())))
    }
}
