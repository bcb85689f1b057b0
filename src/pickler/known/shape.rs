//! How the instances of a class are reduced, found out once for each class.

use std::ffi::CStr;

use pyo3_ffi::*;

use super::kept::KeptShapes;
use super::mould::Moulds;
use super::slots::{Slot, slots_of};
use super::{dates, named, partial};
use crate::analyzer::metaclass::has_types_own;
use crate::pickler::engine::Pickler;
use crate::py::class::{compares_by_identity, given_version, version};
use crate::py::dict::SharedKeys;
use crate::py::error::PyResult;
use crate::py::instance::gets_plainly;
use crate::py::layout::{type_flags, type_of};
use crate::py::object::dict_get;
use crate::py::undeclared::_PyType_Lookup;
use crate::py::vec::TryPush;
use crate::reducers::table;

/// How the instances of a class are reduced.
#[derive(Clone, Copy, Default)]
pub enum Shape {
    /// Each one must be asked.
    #[default]
    Asked,
    /// As `object.__reduce_ex__` does it, with these slots.
    Plain(Slots),
    /// The same, with slots that nobody has asked for yet: to ask may leave them in the class.
    Unslotted,
    /// By a `__reduce__` of the class.
    Reducing,
    /// As a `functools.partial`.
    Partial(partial::Fields),
    /// As a namedtuple without a dict: its items are the arguments.
    Named,
    Date(dates::Kind),
}

/// A run of [`Shapes::slots`].
#[derive(Clone, Copy)]
pub struct Slots {
    first: u32,
    count: u32,
}

/// A class, and what was found out about it at a version of it.
#[derive(Clone, Copy)]
struct Entry {
    class: *mut PyTypeObject,
    version: u32,
    shape: Shape,
}

/// What one dump found out.
#[derive(Default)]
pub struct Shapes {
    /// By the address of the class; empty at first, and kept for the next dump without a class.
    entries: Vec<Entry>,
    /// A bit for each of them that has a class.
    taken: u64,
    /// What [`Pickler::table_stamp`] was when copyreg's table had none of their classes.
    stamp: Option<u64>,
    slots: Vec<Slot>,
    /// Keys that instances share and that were looked at last: none of them overrides what a reduction asks for.
    pub harmless_keys: Option<SharedKeys>,
    pub moulds: Moulds,
    /// The one that was found out last.
    last: Shape,
}

impl Entry {
    const NONE: Self = Self { class: std::ptr::null_mut(), version: 0, shape: Shape::Asked };
}

/// As many as a number has bits.
const ENTRIES: usize = u64::BITS as usize;

impl Shapes {
    /// Forgets all.
    #[inline]
    pub fn clear(&mut self) {
        self.clear_entries();
        self.slots.clear();
        self.harmless_keys = None;
        self.moulds.clear();
    }

    #[inline]
    fn clear_entries(&mut self) {
        while self.taken != 0 {
            self.entries[self.taken.trailing_zeros() as usize] = Entry::NONE;
            self.taken &= self.taken - 1;
        }
    }

    fn place(class: *mut PyTypeObject) -> usize {
        (class as usize >> 4 ^ class as usize >> 10) & (ENTRIES - 1)
    }

    /// The entry of a class, if the class is still the same.
    #[inline(always)]
    fn entry(&self, class: *mut PyTypeObject) -> Option<usize> {
        let place = Self::place(class);
        self.entries.get(place).filter(|entry| entry.class == class && entry.version == version(class)).map(|_| place)
    }

    fn put(&mut self, class: *mut PyTypeObject, version: u32, shape: Shape) {
        // Without a version no change would show.
        if version == 0 {
            return;
        }
        if self.entries.is_empty() {
            if self.entries.try_reserve_exact(ENTRIES).is_err() {
                return;
            }
            self.entries.resize(ENTRIES, Entry::NONE);
        }
        let place = Self::place(class);
        self.entries[place] = Entry { class, version, shape };
        self.taken |= 1 << place;
    }

    /// The shape of a class, if it was found out and the class is still the same.
    #[inline(always)]
    pub fn known(&self, class: *mut PyTypeObject) -> Option<&Shape> {
        self.entry(class).map(|at| &self.entries[at].shape)
    }

    pub fn slots(&self, slots: Slots) -> &[Slot] {
        &self.slots[slots.first as usize..][..slots.count as usize]
    }
}

impl Slots {
    pub fn is_empty(self) -> bool {
        self.count == 0
    }
}

impl Pickler<'_> {
    /// How an instance of this class is reduced.
    #[inline(always)]
    pub(super) fn shape(&mut self, class: *mut PyTypeObject) -> PyResult<&Shape> {
        let Some(entry) = self.shapes.entry(class) else {
            self.shapes.last = self.find_shape(class)?;
            return Ok(&self.shapes.last);
        };
        // What changes copyreg's table is foreign code.
        let is_asked = self.is_foreign() && !self.table_is_same() && self.is_registered(class)?;
        Ok(if is_asked { &Shape::Asked } else { &self.shapes.entries[entry].shape })
    }

    /// A number that is another one when copyreg's table has changed; None if that does not show.
    #[inline]
    fn table_stamp(&self) -> Option<u64> {
        let (watch, table) = (self.state.table_watch?, self.state.imports.dispatch_table.as_ptr());
        Some(watch.stamp(table))
    }

    /// Is copyreg's table surely what it was when it had none of the classes that were looked for?
    #[inline]
    fn table_is_same(&self) -> bool {
        self.shapes.stamp.is_some() && self.shapes.stamp == self.table_stamp()
    }

    /// Does copyreg's table have this class?
    fn is_registered(&self, class: *mut PyTypeObject) -> PyResult<bool> {
        Ok(dict_get(self.state.imports.dispatch_table.as_ptr(), class.cast())?.is_some())
    }

    #[cold]
    #[inline(never)]
    fn find_shape(&mut self, class: *mut PyTypeObject) -> PyResult<Shape> {
        let stamp = self.table_stamp();
        if stamp.is_some() && self.shapes.stamp != stamp {
            self.shapes.clear_entries();
            self.shapes.stamp = stamp;
        }
        let metaclass = type_of(class.cast());
        let kept = KeptShapes::of(self.state)?;
        if let Some(shape) = kept.get(class, stamp, || self.is_registered(class)) {
            let shape = shape?;
            self.shapes.put(class, given_version(class, self.state.names.reduce.as_ptr()), shape);
            return Ok(shape);
        }
        let shape = if compares_by_identity(metaclass)
            && has_types_own(self.state, metaclass, &self.state.names.reduce)
            && table::by_type(self, class)?.is_none()
            && !self.is_registered(class)?
        {
            let shape = self.shape_of(class)?;
            kept.put(class, shape)?;
            shape
        } else {
            Shape::Asked
        };
        self.shapes.put(class, given_version(class, self.state.names.reduce.as_ptr()), shape);
        Ok(shape)
    }

    fn shape_of(&mut self, class: *mut PyTypeObject) -> PyResult<Shape> {
        let flags = type_flags(class);
        if flags & Py_TPFLAGS_HEAPTYPE == 0 {
            // SAFETY: a live type, whose name is NUL-terminated text.
            return Ok(
                dates::kind(class, unsafe { CStr::from_ptr((*class).tp_name) }).map_or(Shape::Asked, Shape::Date)
            );
        }
        let names = &self.state.names;
        // SAFETY: live types and names; borrowed references or NULL, only looked at.
        let (own, of_all) = unsafe {
            let own = |name: &crate::state::Name| _PyType_Lookup(class, name.as_ptr());
            let of_all = |name: &crate::state::Name| _PyType_Lookup(&raw mut PyBaseObject_Type, name.as_ptr());
            let get = |look: &dyn Fn(&crate::state::Name) -> *mut PyObject| {
                [&names.class_attr, &names.reduce_ex, &names.getstate, &names.reduce].map(look)
            };
            (get(&own), get(&of_all))
        };
        if !gets_plainly(class) || own[..2] != of_all[..2] {
            return Ok(Shape::Asked);
        }
        if own[3] != of_all[3] {
            let reducing = if takes_nothing(own[3]) { Shape::Reducing } else { Shape::Asked };
            return Ok(partial::fields(names, class, own[3]).map_or(reducing, Shape::Partial));
        }
        // SAFETY: as above.
        let (args_ex, args, dict) = unsafe {
            (
                _PyType_Lookup(class, names.getnewargs_ex.as_ptr()),
                _PyType_Lookup(class, names.getnewargs.as_ptr()),
                _PyType_Lookup(class, names.dict.as_ptr()),
            )
        };
        // SAFETY: live.
        let own_dict = dict.is_null() || type_of(dict) == &raw mut PyGetSetDescr_Type;
        // SAFETY: a live type.
        let makes = unsafe { (*class).tp_new }.is_some();
        let holds = flags & (Py_TPFLAGS_LIST_SUBCLASS | Py_TPFLAGS_DICT_SUBCLASS) != 0;
        if own[2] != of_all[2] || !args_ex.is_null() || !own_dict || !makes || holds {
            return Ok(Shape::Asked);
        }
        if !args.is_null() {
            return Ok(if named::is_named(self, class, args)? { Shape::Named } else { Shape::Asked });
        }
        Ok(Shape::Unslotted)
    }

    /// What [`Shape::Unslotted`] becomes.
    #[cold]
    #[inline(never)]
    pub(super) fn find_slots(&mut self, class: *mut PyTypeObject) -> PyResult<Option<Slots>> {
        let first = self.shapes.slots.len();
        let kept = KeptShapes::of(self.state)?;
        let is_kept = kept.append_slots(self.state, class, &mut self.shapes.slots)?;
        let is_found = is_kept
            || match slots_of(self, class)?.filter(|found| has_no_more(class, found.len())) {
                Some(found) => {
                    kept.put_slots(class, &found)?;
                    self.shapes.slots.try_room(found.len())?;
                    self.shapes.slots.extend(found);
                    true
                }
                None => false,
            };
        let count = self.shapes.slots.len() - first;
        let slots = is_found.then_some(Slots { first: first as u32, count: count as u32 });
        self.shapes.put(class, version(class), slots.map_or(Shape::Asked, Shape::Plain));
        Ok(slots)
    }
}

/// Is a method called without arguments, if it is written in C? One that wants some, or another object, refuses in other
/// words where it is not bound to its object first.
fn takes_nothing(method: *mut PyObject) -> bool {
    let ty = type_of(method);
    if ty != &raw mut PyMethodDescr_Type {
        return ty != &raw mut PyWrapperDescr_Type;
    }
    // SAFETY: a method descriptor, whose definition lives as long as it.
    unsafe { (*(*method.cast::<PyMethodDescrObject>()).d_method).ml_flags & METH_NOARGS != 0 }
}

/// Is all that instances hold in their slots, their dict and their list of weak references? `object.__reduce_ex__`
/// refuses others (`object_getstate_default` in `Objects/typeobject.c`). One that varies in size holds the number of its items.
fn has_no_more(class: *mut PyTypeObject, slots: usize) -> bool {
    // SAFETY: a live type.
    unsafe {
        let words = slots + usize::from((*class).tp_dictoffset > 0) + usize::from((*class).tp_weaklistoffset > 0);
        let known = PyBaseObject_Type.tp_basicsize as usize + words * size_of::<usize>();
        (*class).tp_basicsize as usize <= known
    }
}
