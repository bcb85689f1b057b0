//! Instances of plain classes (`object.__reduce_ex__`, `copyreg.__newobj__` and the state that
//! `object_getstate_default` of `Objects/typeobject.c` makes), and of classes with a `__reduce__`.

use pyo3_ffi::*;

use super::dates;
use super::shape::{Shape, Slots};
use crate::pickler::containers::atom_size;
use crate::pickler::engine::Pickler;
use crate::pickler::frame::{Frame, Slot};
use crate::pickler::plan::{Place, Plan};
use crate::pickler::script::Script;
use crate::protocol::opcode::*;
use crate::py::dict::SharedKeys;
use crate::py::error::PyResult;
use crate::py::instance::{Attributes, attributes, make_dict};
use crate::py::layout::{list_slice, type_of, unique};
use crate::py::object::{dict_get, type_attr};
use crate::py::owned::Owned;
use crate::py::text;
use crate::py::vec::TryPush;

/// What became of an object whose reduction may be known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// It must be asked.
    Not,
    /// It is written.
    Done,
    /// The rest of it is in the slot.
    Begun,
}

use Known::{Begun, Done, Not};

impl Known {
    /// What a script carries out is begun.
    pub fn begun(slot: &mut Slot, script: Script) -> Self {
        slot.write(Frame::Script(script));
        Begun
    }
}

pub(super) fn is_plain_dict(dict: *mut PyObject) -> bool {
    type_of(dict).cast_const() == &raw const PyDict_Type
}

/// May the reduction of an instance be known? Not that of functions, classes and other objects of built-in types.
#[inline(always)]
fn is_candidate(class: *mut PyTypeObject) -> bool {
    // SAFETY: a live type, whose name is NUL-terminated text.
    unsafe {
        let flags = (&raw const (*class).tp_flags).cast::<std::ffi::c_ulong>().read();
        match flags & Py_TPFLAGS_HEAPTYPE {
            0 => *(*class).tp_name.cast::<u8>() == dates::FIRST_LETTER,
            _ => flags & Py_TPFLAGS_TYPE_SUBCLASS == 0,
        }
    }
}

impl Pickler<'_> {
    /// Writes an object without asking it, if what it would say is known.
    #[inline(always)]
    pub(in crate::pickler) fn known(&mut self, slot: &mut Slot, object: *mut PyObject) -> PyResult<Known> {
        let class = type_of(object);
        if cfg!(Py_GIL_DISABLED) || !is_candidate(class) || self.protocol < 2 || self.asks {
            return Ok(Not);
        }
        // Looked at where it lies: to copy it takes longer.
        match *self.shape(class)? {
            Shape::Asked => Ok(Not),
            Shape::Plain(slots) => self.plain(slot, object, Some(slots)),
            Shape::Unslotted => self.plain(slot, object, None),
            Shape::Reducing => self.reducing(slot, object),
            Shape::Partial(fields) => self.partial(slot, object, fields),
            Shape::Named => self.named(slot, object),
            Shape::Date(kind) => self.date(slot, object, kind),
        }
    }

    /// `object` by `copyreg.__newobj__(class)`, then its state.
    #[inline(always)]
    fn plain(&mut self, slot: &mut Slot, object: *mut PyObject, slots: Option<Slots>) -> PyResult<Known> {
        let attributes = attributes(object);
        if slots.is_some_and(Slots::is_empty) {
            let known = self.with_attributes(slot, object, &attributes)?;
            if known != Not {
                return Ok(known);
            }
        }
        let Some(dict) = self.own_dict(object, attributes)? else { return Ok(Not) };
        let slots = match slots {
            Some(slots) => slots,
            None => match self.find_slots(type_of(object))? {
                Some(slots) => slots,
                None => return Ok(Not),
            },
        };
        // SAFETY: NULL or an exact dict.
        let has_dict = !dict.is_null() && unsafe { PyDict_Size(dict) } != 0;
        if !slots.is_empty() {
            return self.with_slots(slot, object, if has_dict { dict } else { std::ptr::null_mut() }, slots);
        }
        if !self.known_class(object)? {
            let dict = has_dict.then(|| Owned::of(dict));
            let mut plan = self.plan();
            plan.newobj_of(object)?;
            if let Some(dict) = dict {
                plan.owned(dict, Place::State)?;
                plan.op(BUILD)?;
            }
            return Ok(Known::begun(slot, plan.finish()));
        }
        if !has_dict {
            return Ok(Done);
        }
        self.paper_boundary()?;
        if !unique(dict) && self.remembered(dict)? {
            self.out.op(BUILD);
            return Ok(Done);
        }
        if !self.begin_dict(slot, dict)? {
            self.out.op(BUILD);
            return Ok(Done);
        }
        // SAFETY: a frame was put there; of the dict itself, from protocol 2 on.
        if let Frame::Dict(dict) = unsafe { slot.assume_init_mut() } {
            dict.is_state = true;
        }
        Ok(Begun)
    }

    /// Begins an object whose class the pickle has had already: NEWOBJ without arguments. False, and nothing is
    /// written, for any other.
    #[inline(always)]
    pub(super) fn known_class(&mut self, object: *mut PyObject) -> PyResult<bool> {
        let Some(class) = self.memo.get(type_of(object).cast()) else { return Ok(false) };
        self.paper_boundary()?;
        self.get(class);
        self.paper_boundary()?;
        self.out.op(EMPTY_TUPLE);
        self.out.op(NEWOBJ);
        self.memoize(object)?;
        self.out.room(0)?;
        Ok(true)
    }

    /// The object's dict, NULL if it can have none; None if it has to be asked.
    #[inline(always)]
    fn own_dict(&mut self, object: *mut PyObject, attributes: Attributes) -> PyResult<Option<*mut PyObject>> {
        let dict = match attributes {
            Attributes::None => return Ok(Some(std::ptr::null_mut())),
            Attributes::Dict(dict) if dict.is_null() => return Ok(Some(dict)),
            Attributes::Dict(dict) => dict,
            Attributes::Inline => make_dict(object)?,
            Attributes::Elsewhere => return Ok(None),
        };
        Ok((is_plain_dict(dict) && !self.overrides(dict)).then_some(dict))
    }

    /// Is an object's own dict, or NULL, a plain one that has no attribute which a reduction asks the object for?
    pub(super) fn leaves_reductions_alone(&mut self, dict: *mut PyObject) -> bool {
        dict.is_null() || is_plain_dict(dict) && !self.overrides(dict)
    }

    /// Does an object's own dict have an attribute that a reduction asks the object for?
    #[inline(always)]
    fn overrides(&mut self, dict: *mut PyObject) -> bool {
        !SharedKeys::of(dict).is_some_and(|keys| self.are_harmless(keys)) && self.look_for_overrides(dict)
    }

    /// Is none of the keys that instances share an attribute that a reduction asks the object for?
    #[inline(always)]
    pub(super) fn are_harmless(&mut self, keys: SharedKeys) -> bool {
        // Foreign code could put others in their place.
        if !self.is_foreign() && self.shapes.harmless_keys == Some(keys) {
            return true;
        }
        let harmless = !keys.iter().any(|key| self.may_override(key));
        if harmless && !self.is_foreign() {
            self.shapes.harmless_keys = Some(keys);
        }
        harmless
    }

    pub(super) fn look_for_overrides(&self, dict: *mut PyObject) -> bool {
        let (mut key, mut position) = (std::ptr::null_mut(), 0);
        // SAFETY: an exact dict, which nothing changes meanwhile.
        while unsafe { PyDict_Next(dict, &mut position, &mut key, std::ptr::null_mut()) } != 0 {
            if self.may_override(key) {
                return true;
            }
        }
        false
    }

    /// Is this the name of an attribute that a reduction asks the object for, or something that may equal one?
    #[inline(always)]
    fn may_override(&self, key: *mut PyObject) -> bool {
        if type_of(key).cast_const() != &raw const PyUnicode_Type {
            return true;
        }
        if !text::is_dunder(key) {
            return false;
        }
        let names = &self.state.names;
        // The arguments for `__new__` are asked of the class.
        [&names.reduce_ex, &names.reduce, &names.getstate]
            .into_iter()
            // SAFETY: exact str, for which the call does not fail.
            .any(|hook| unsafe { PyUnicode_Compare(key, hook.as_ptr()) } == 0)
    }

    /// An object with slots: its state is a pair of its dict, or None, and a dict of what lies in its slots.
    fn with_slots(
        &mut self,
        slot: &mut Slot,
        object: *mut PyObject,
        dict: *mut PyObject,
        slots: Slots,
    ) -> PyResult<Known> {
        if !self.slots_are_named(object, slots)? {
            return Ok(Not);
        }
        if dict.is_null() && self.flat_slots(object, slots)? {
            return Ok(Done);
        }
        // Held from here on: the state is that of this moment, whatever runs before it is written.
        let mut held = std::mem::take(&mut self.spare_pairs);
        held.try_room(self.shapes.slots(slots).len())?;
        for slot in self.shapes.slots(slots) {
            let value = slot.value(object);
            if !value.is_null() {
                held.push((Owned::of(slot.name), Owned::of(value)));
            }
        }
        let dict = (!dict.is_null()).then(|| Owned::of(dict));
        let has_known_class = self.known_class(object)?;
        let mut plan = self.plan();
        if has_known_class {
            plan.built_before();
        } else {
            plan.newobj_of(object)?;
        }
        if held.is_empty() {
            if let Some(dict) = dict {
                plan.owned(dict, Place::State)?;
                plan.op(BUILD)?;
            }
            return Ok(Known::begun(slot, plan.finish()));
        }
        plan.tuple(2)?;
        match dict {
            Some(dict) => plan.owned(dict, Place::PairedState)?,
            None => plan.none()?,
        }
        let mut on_paper = plan.dict(held.len())?;
        for (name, value) in held.drain(..) {
            on_paper.next(&mut plan)?;
            let place = Place::Attribute(name.as_ptr());
            plan.held(name, Place::Hidden)?;
            plan.often_known(value, place)?;
        }
        on_paper.end(&mut plan)?;
        plan.tuple_end(2)?;
        plan.op(BUILD)?;
        let script = plan.finish();
        self.spare_pairs = held;
        Ok(Known::begun(slot, script))
    }

    /// Has nobody changed the list of the class's slots?
    fn slots_are_named(&self, object: *mut PyObject, slots: Slots) -> PyResult<bool> {
        if !self.is_foreign() {
            return Ok(true);
        }
        let class = crate::py::class::own_dict(type_of(object).cast());
        let Some(list) = dict_get(class.as_ptr(), self.state.names.slotnames.as_ptr())? else { return Ok(false) };
        if type_of(list.as_ptr()).cast_const() != &raw const PyList_Type {
            return Ok(false);
        }
        let names = list_slice(list.as_ptr());
        Ok(names.iter().eq(self.shapes.slots(slots).iter().map(|slot| &slot.name)))
    }

    /// Writes an object whose slots hold only atoms and what the memo knows, if no boundary can fall into it; false (and
    /// nothing written) for any other.
    #[inline(always)]
    pub(super) fn flat_slots(&mut self, object: *mut PyObject, slots: Slots) -> PyResult<bool> {
        /// The opcodes around the slots.
        const FRAMING: usize = 32;
        /// LONG_BINGET.
        const REFERENCE: usize = 5;
        let Some(mut room) = self.out.until_due().checked_sub(FRAMING) else { return Ok(false) };
        let mut count = 0;
        for slot in self.shapes.slots(slots) {
            let value = slot.value(object);
            if value.is_null() {
                continue;
            }
            count += 1;
            let size = match atom_size(value) {
                None if self.memo.get(value).is_some() => Some(REFERENCE),
                size => size,
            };
            let both = size.and_then(|size| Some(size + atom_size(slot.name)?));
            let Some(rest) = both.and_then(|size| room.checked_sub(size)) else { return Ok(false) };
            room = rest;
        }
        if count == 0 || !self.known_class(object)? {
            return Ok(false);
        }
        self.out.op(NONE);
        self.out.op(EMPTY_DICT);
        self.memoize_paper()?;
        if count > 1 {
            self.out.op(MARK);
        }
        for at in 0..self.shapes.slots(slots).len() {
            let slot = self.shapes.slots(slots)[at];
            let value = slot.value(object);
            if !value.is_null() {
                self.shared_leaf(slot.name)?;
                if !self.atom(value)? {
                    self.remembered(value)?;
                }
            }
        }
        self.out.op(if count > 1 { SETITEMS } else { SETITEM });
        self.out.op(TUPLE2);
        self.memoize_paper()?;
        self.out.op(BUILD);
        Ok(true)
    }

    /// What the `__reduce__` of the object's class says; `object.__reduce_ex__` would do no more than call it.
    fn reducing(&mut self, slot: &mut Slot, object: *mut PyObject) -> PyResult<Known> {
        let plain = match attributes(object) {
            Attributes::None => true,
            Attributes::Dict(dict) => self.leaves_reductions_alone(dict),
            Attributes::Inline => self.are_harmless(SharedKeys::of_class(type_of(object))),
            Attributes::Elsewhere => false,
        };
        if !plain {
            return Ok(Not);
        }
        self.foreign()?;
        let name = &self.state.names.reduce;
        let method = type_attr(type_of(object), name.as_ptr());
        let is_function = |method: &Owned| type_of(method.as_ptr()).cast_const() == &raw const PyFunction_Type;
        // SAFETY: live; one argument, the object itself, to which a function is bound by being called with it.
        let value = unsafe {
            let none = std::ptr::null_mut();
            Owned::new(match method.filter(is_function) {
                Some(function) => PyObject_Vectorcall(function.as_ptr(), &object, 1, none),
                None => PyObject_VectorcallMethod(name.as_ptr(), &object, 1, none),
            })?
        };
        let script = self.reduce_value(value, object)?;
        Ok(script.map_or(Done, |script| Known::begun(slot, script)))
    }
}

impl Plan<'_, '_> {
    /// `copyreg.__newobj__(class)`: the object is built.
    fn newobj_of(&mut self, object: *mut PyObject) -> PyResult<()> {
        self.object(type_of(object).cast(), Place::Class)?;
        self.empty_tuple()?;
        self.op(NEWOBJ)?;
        self.built(object)
    }
}
