//! What was found out about the classes whose instances were dumped last, kept by the class's version: what can change
//! without that is looked at each time.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3_ffi::*;

use super::dates;
use super::partial::Fields;
use super::shape::Shape;
use super::slots::Slot;
use crate::py::class::{lasting_version, own_dict};
use crate::py::error::PyResult;
use crate::py::layout::{list_slice, type_of};
use crate::py::object::dict_get;
use crate::py::owned::Owned;
use crate::py::remembered::Remembered;
use crate::py::vec::{TryPush, gather};
use crate::state::State;

/// The shapes by the versions of classes.
#[derive(Default)]
pub struct KeptShapes(Remembered<Kept>);

struct Kept {
    kind: Kind,
    /// The slots, with their names held.
    slots: OnceLock<Vec<(Owned, Py_ssize_t)>>,
    /// What the stamp of copyreg's table was when it had not the class.
    unregistered: AtomicU64,
}

/// In place of a stamp.
const NONE: u64 = u64::MAX;

/// Of the shapes, those that depend on the class's version only.
#[derive(Clone, Copy)]
enum Kind {
    Asked,
    Unslotted,
    Reducing,
    Partial(Fields),
    Date(dates::Kind),
}

impl KeptShapes {
    pub fn of(state: &State) -> PyResult<&Self> {
        state.instance_shapes.get(|| Ok(Self::default()))
    }

    /// The shape of a class that is a plain `type`. Asks whether copyreg's table has the class, unless the table's stamp, if it
    /// has one, says that it has not.
    pub fn get(
        &self,
        class: *mut PyTypeObject,
        stamp: Option<u64>,
        is_registered: impl FnOnce() -> PyResult<bool>,
    ) -> Option<PyResult<Shape>> {
        self.0.ask(number(class)?, |kept| {
            let stamp = stamp.unwrap_or(NONE);
            if stamp == NONE || kept.unregistered.load(Ordering::Relaxed) != stamp {
                if is_registered()? {
                    return Ok(Shape::Asked);
                }
                kept.unregistered.store(stamp, Ordering::Relaxed);
            }
            Ok(match kept.kind {
                Kind::Asked => Shape::Asked,
                Kind::Unslotted => Shape::Unslotted,
                Kind::Reducing => Shape::Reducing,
                Kind::Partial(fields) => Shape::Partial(fields),
                Kind::Date(kind) => Shape::Date(kind),
            })
        })
    }

    /// Keeps it.
    pub fn put(&self, class: *mut PyTypeObject, shape: Shape) -> PyResult<()> {
        let kind = match shape {
            Shape::Asked => Kind::Asked,
            Shape::Unslotted => Kind::Unslotted,
            Shape::Reducing => Kind::Reducing,
            Shape::Partial(fields) => Kind::Partial(fields),
            Shape::Date(kind) => Kind::Date(kind),
            _ => return Ok(()),
        };
        match number(class) {
            Some(number) => {
                self.0.put(number, Kept { kind, slots: OnceLock::new(), unregistered: AtomicU64::new(NONE) }).map(drop)
            }
            None => Ok(()),
        }
    }

    /// Appends the slots, if the class still names the same ones.
    pub fn append_slots(&self, state: &State, class: *mut PyTypeObject, to: &mut Vec<Slot>) -> PyResult<bool> {
        let Some(kept) = number(class).and_then(|number| self.0.get(number)) else { return Ok(false) };
        let Some(slots) = kept.slots.get() else { return Ok(false) };
        let names = dict_get(own_dict(class.cast()).as_ptr(), state.names.slotnames.as_ptr())?;
        let is_list = |names: &Owned| type_of(names.as_ptr()) == &raw mut PyList_Type;
        let Some(names) = names.filter(is_list) else { return Ok(false) };
        if !list_slice(names.as_ptr()).iter().copied().eq(slots.iter().map(|(name, _)| name.as_ptr())) {
            return Ok(false);
        }
        to.try_room(slots.len())?;
        to.extend(slots.iter().map(|(name, offset)| Slot { name: name.as_ptr(), offset: *offset }));
        Ok(true)
    }

    /// Keeps the slots of a class whose shape is kept.
    pub fn put_slots(&self, class: *mut PyTypeObject, slots: &[Slot]) -> PyResult<()> {
        if let Some(kept) = number(class).and_then(|number| self.0.get(number)) {
            let _ = kept.slots.set(gather(slots.iter().map(|slot| (Owned::of(slot.name), slot.offset)))?);
        }
        Ok(())
    }
}

/// Under which number a class is kept.
fn number(class: *mut PyTypeObject) -> Option<usize> {
    let is_plain = !cfg!(Py_GIL_DISABLED) && type_of(class.cast()) == &raw mut PyType_Type;
    match lasting_version(class) {
        0 => None,
        version => is_plain.then_some(version as usize),
    }
}
