//! The slots of a class, as `copyreg._slotnames` names them.

use pyo3_ffi::*;

use crate::analyzer::metaclass::has_types_own;
use crate::pickler::engine::Pickler;
use crate::py::class::own_dict;
use crate::py::collector::{CAN_WAIT, postponed};
use crate::py::error::{self, PyResult, check};
use crate::py::layout::{list_slice, tuple_items, type_of};
use crate::py::member;
use crate::py::object::dict_get;
use crate::py::owned::Owned;
use crate::py::text;
use crate::py::vec::TryPush;

/// One slot. The name is held by the list that the class keeps.
#[derive(Clone, Copy)]
pub struct Slot {
    pub name: *mut PyObject,
    pub offset: Py_ssize_t,
}

impl Slot {
    /// What an object of the class has there, borrowed; NULL if nothing.
    #[inline(always)]
    pub fn value(self, object: *mut PyObject) -> *mut PyObject {
        // SAFETY: a live object of the class, whose member says that an object or NULL lies there.
        unsafe { *object.byte_offset(self.offset).cast() }
    }
}

/// More of them are rare.
const MOST: usize = 32;

/// The slots of a class; None where asking an instance for them could mean something else.
pub fn slots_of(pickler: &mut Pickler<'_>, class: *mut PyTypeObject) -> PyResult<Option<Vec<Slot>>> {
    let key = pickler.state.names.slotnames.as_ptr();
    let names = match dict_get(own_dict(class.cast()).as_ptr(), key)? {
        Some(names) => names,
        None => match make_names(pickler, class)? {
            Some(names) => names,
            None => return Ok(None),
        },
    };
    // SAFETY: None is there for the interpreter's life.
    if names.as_ptr() == unsafe { Py_None() } {
        return Ok(Some(vec![]));
    }
    if type_of(names.as_ptr()).cast_const() != &raw const PyList_Type {
        return Ok(None);
    }
    let names = list_slice(names.as_ptr());
    if names.len() > MOST {
        return Ok(None);
    }
    let mut slots = vec![];
    slots.try_room(names.len())?;
    for name in names {
        match slot(class, *name) {
            // A class may have a slot that its base has, too: then the list has the name twice, and the state once.
            Some(slot) if !slots.iter().any(|known: &Slot| known.offset == slot.offset) => slots.push(slot),
            _ => return Ok(None),
        }
    }
    Ok(Some(slots))
}

fn slot(class: *mut PyTypeObject, name: *mut PyObject) -> Option<Slot> {
    if type_of(name).cast_const() != &raw const PyUnicode_Type {
        return None;
    }
    member::slot(class, name).map(|offset| Slot { name, offset })
}

/// What `copyreg._slotnames` makes and keeps in the class as `__slotnames__`; None where that would run foreign code.
fn make_names(pickler: &mut Pickler<'_>, class: *mut PyTypeObject) -> PyResult<Option<Owned>> {
    let metaclass = type_of(class.cast());
    let names = &pickler.state.names;
    // SAFETY: live types.
    let sets_plainly =
        unsafe { (*metaclass).tp_setattro.map(|set| set as usize) == PyType_Type.tp_setattro.map(|set| set as usize) };
    let asked = [&names.slots, &names.mro, &names.dict, &names.name];
    let plain = asked.iter().all(|name| has_types_own(pickler.state, metaclass, name));
    if !sets_plainly || !plain {
        return Ok(None);
    }
    if !CAN_WAIT {
        pickler.foreign()?;
    }
    // SAFETY: live; the MRO is a tuple of classes, and held here.
    let mro = unsafe { Owned::of((*class).tp_mro) };
    // SAFETY: a new list.
    let made = postponed(|| unsafe { Owned::new(PyList_New(0)) })?;
    for base in tuple_items(mro.as_ptr()) {
        let Some(slots) = dict_get(own_dict(*base).as_ptr(), names.slots.as_ptr())? else { continue };
        let ty = type_of(slots.as_ptr()).cast_const();
        let one = [slots.as_ptr()];
        let slots: &[*mut PyObject] = if ty == &raw const PyUnicode_Type {
            &one
        } else if ty == &raw const PyTuple_Type {
            tuple_items(slots.as_ptr())
        } else {
            return Ok(None);
        };
        for name in slots {
            if type_of(*name).cast_const() != &raw const PyUnicode_Type {
                return Ok(None);
            }
            if let Some(name) = kept_name(*base, *name)? {
                // SAFETY: live.
                check(unsafe { PyList_Append(made.as_ptr(), name.as_ptr()) })?;
            }
        }
    }
    // SAFETY: live; the metaclass sets attributes as `type` does. A class that takes none goes without.
    if unsafe { PyObject_SetAttr(class.cast(), names.slotnames.as_ptr(), made.as_ptr()) } < 0 {
        error::clear();
    }
    Ok(Some(made))
}

/// The name under which an instance has a slot: private names are those of their class. None for what is no slot.
fn kept_name(class: *mut PyObject, name: *mut PyObject) -> PyResult<Option<Owned>> {
    if text::is(name, c"__dict__") || text::is(name, c"__weakref__") {
        return Ok(None);
    }
    let Ok(shown) = text::utf8(name) else {
        error::clear();
        return Ok(Some(Owned::of(name)));
    };
    if !shown.starts_with("__") || shown.ends_with("__") {
        return Ok(Some(Owned::of(name)));
    }
    let class = text::type_name(class.cast());
    let class = class.trim_start_matches('_');
    if class.is_empty() {
        Ok(Some(Owned::of(name)))
    } else {
        text::new(&text::whole(format_args!("_{class}{shown}"))?).map(Some)
    }
}
