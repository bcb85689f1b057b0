//! Where the instances of a class keep the attributes that a pickle gives them, row by row of names: a value goes to its
//! place without the questions that setting an attribute asks each time.

use pyo3_ffi::*;

use super::interned::Interned;
use super::kept::is_shared;
use crate::py::class::version;
use crate::py::dict::SharedKeys;
use crate::py::instance::{self, has_own_dict};
use crate::py::layout::type_of;
use crate::py::member;
use crate::py::object::type_attr;
use crate::py::owned::Owned;
use crate::state::State;

/// So many classes at a time.
const CLASSES: usize = 8;
/// Names of a class that come in other rows each time are not worth it.
const TRIES: u8 = 8;

/// How the state of an object looks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A dict: what is to lie in `__dict__`.
    Dict,
    /// None and a dict: what is to lie in slots.
    Slots,
}

/// Classes of which instances were built, for the length of a load.
#[derive(Default)]
pub struct Rows {
    classes: Vec<Known>,
    next: usize,
    /// Which of them came last.
    last: usize,
}

struct Known {
    class: *mut PyTypeObject,
    /// The class has not changed since.
    version: u32,
    /// How often a row may still be made.
    tries: u8,
    kind: Kind,
    /// Names, which are held, and the place of each: the index among the values, or the offset of the slot.
    row: Vec<(Owned, usize)>,
    home: Home,
}

/// Where the instances of a class keep their attributes.
enum Home {
    /// In themselves, in the order of these keys.
    Values(SharedKeys),
    /// In a dict with the keys of this one, since there is no room for more keys that all instances share.
    Dict(Owned),
    Slots,
}

impl Rows {
    /// Was an instance of this class built before, and may a row pay?
    #[inline]
    pub fn knows(&mut self, class: *mut PyTypeObject) -> bool {
        if self.classes.get(self.last).is_none_or(|known| known.class != class) {
            match self.classes.iter().position(|known| known.class == class) {
                Some(at) => self.last = at,
                None => return false,
            }
        }
        let known = &self.classes[self.last];
        known.tries > 0 && known.version == version(class)
    }

    /// An instance of a class was built the long way.
    pub fn note(&mut self, class: *mut PyTypeObject) {
        let version = version(class);
        if is_shared() || version == 0 {
            return;
        }
        let fresh = Known { class, version, tries: TRIES, kind: Kind::Dict, row: Vec::new(), home: Home::Slots };
        if let Some(known) = self.classes.iter_mut().find(|known| known.class == class) {
            if known.version != version {
                *known = fresh;
            }
        } else if self.classes.len() < CLASSES {
            if self.classes.try_reserve(CLASSES).is_ok() {
                self.classes.push(fresh);
            }
        } else {
            self.classes[self.next] = fresh;
            self.next = (self.next + 1) % CLASSES;
        }
    }

    /// Gives an object its state, if it is of the class that `knows` was asked about last and has nothing yet where that
    /// goes. Says no, and nothing has happened, where this is not all that loading it would do.
    pub fn build(
        &mut self,
        state: &State,
        interned: &Interned,
        object: *mut PyObject,
        kind: Kind,
        pairs: &[*mut PyObject],
    ) -> bool {
        let class = type_of(object);
        if !self.knows(class) {
            return false;
        }
        let known = &mut self.classes[self.last];
        let only_slots = instance::has_only_slots(class);
        let values = if only_slots { None } else { instance::no_values(object) };
        if values.is_none() && !only_slots {
            return false;
        }
        if !known.has_row(kind, pairs) {
            known.tries -= 1;
            if !known.make_row(state, interned, object, kind, pairs) {
                known.tries = 0;
                return false;
            }
        }
        let places = known.row.iter().map(|(_, place)| *place).zip(pairs.chunks_exact(2).map(|pair| pair[1]));
        match (&known.home, values) {
            (Home::Values(_), Some(values)) => places.for_each(|(place, value)| {
                // SAFETY: live; a place among the values that is empty, since no name comes twice.
                unsafe {
                    Py_INCREF(value);
                    values.put(place, value);
                }
            }),
            (Home::Dict(template), Some(_)) => {
                let values = pairs.chunks_exact(2).map(|pair| pair[1]);
                return instance::set_new_dict(object, state.names.dict.as_ptr(), template.as_ptr(), values);
            }
            (Home::Slots, None) => places.for_each(|(place, value)| {
                // SAFETY: a slot of this class's instances; what was in it is dropped when nothing leads to it any more.
                unsafe {
                    Py_INCREF(value);
                    let slot = object.byte_add(place).cast::<*mut PyObject>();
                    Py_XDECREF(slot.replace(value));
                }
            }),
            _ => return false,
        }
        true
    }
}

impl Known {
    fn has_row(&self, kind: Kind, pairs: &[*mut PyObject]) -> bool {
        self.row.len() * 2 == pairs.len()
            && !pairs.is_empty()
            && self.kind == kind
            && self.row.iter().zip(pairs.chunks_exact(2)).all(|((name, _), pair)| name.as_ptr() == pair[0])
            && match &self.home {
                Home::Values(keys) => keys.is_of(self.class),
                Home::Dict(_) | Home::Slots => true,
            }
    }

    /// Finds the places of a row of names.
    fn make_row(
        &mut self,
        state: &State,
        interned: &Interned,
        object: *mut PyObject,
        kind: Kind,
        pairs: &[*mut PyObject],
    ) -> bool {
        self.row.clear();
        self.kind = kind;
        let names = &state.names;
        // A method `__setstate__` would get the state.
        if !instance::gets_plainly(self.class) || type_attr(self.class, names.setstate.as_ptr()).is_some() {
            return false;
        }
        let only_slots = instance::has_only_slots(self.class);
        let set_by_name = instance::sets_plainly(self.class);
        if !only_slots && !has_own_dict(object, names.dict.as_ptr())
            || kind == Kind::Dict && only_slots
            || kind == Kind::Slots && !set_by_name
        {
            return false;
        }
        let keys = if only_slots { None } else { Some(SharedKeys::of_class(self.class)) };
        let mut all_shared = true;
        for (n, pair) in pairs.chunks_exact(2).enumerate() {
            if type_of(pair[0]).cast_const() != &raw const PyUnicode_Type {
                return false;
            }
            let name = interned.of(Owned::of(pair[0]));
            let place = match &keys {
                // What the class has under the name might take the value.
                Some(_) if kind == Kind::Slots && type_attr(self.class, name.as_ptr()).is_some() => None,
                Some(keys) => Some(keys.iter().position(|key| key == name.as_ptr()).unwrap_or_else(|| {
                    all_shared = false;
                    usize::MAX - n
                })),
                None => member::slot(self.class, name.as_ptr()).and_then(|offset| offset.try_into().ok()),
            };
            let Some(place) = place.filter(|place| !self.row.iter().any(|(_, there)| there == place)) else {
                return false;
            };
            if self.row.try_reserve(1).is_err() {
                return false;
            }
            self.row.push((Owned::of(pair[0]), place));
        }
        self.home = match keys {
            None => Home::Slots,
            Some(keys) if all_shared => Home::Values(keys),
            Some(_) => match self.template(interned) {
                Some(template) => Home::Dict(template),
                None => return false,
            },
        };
        true
    }

    /// A dict with the names of the row, interned, and None as values.
    fn template(&self, interned: &Interned) -> Option<Owned> {
        // SAFETY: attached, all are live; a new reference or NULL with an exception, which is not the load's.
        unsafe {
            let dict = Owned::new_or_none(PyDict_New());
            let filled = dict.filter(|dict| {
                self.row.iter().all(|(name, _)| {
                    let name = interned.of(name.clone());
                    PyDict_SetItem(dict.as_ptr(), name.as_ptr(), Py_None()) == 0
                })
            });
            match filled {
                Some(dict) if PyDict_Size(dict.as_ptr()) as usize == self.row.len() => Some(dict),
                Some(_) => None,
                None => {
                    PyErr_Clear();
                    None
                }
            }
        }
    }
}
