//! The way to the object that could not be pickled in the notes that `_pickle` adds to an exception from CPython 3.14 on,
//! the innermost first: `when serializing list item 3`.

use std::ptr;

use pyo3_ffi::*;

use super::engine::Pickler;
use super::frame::{Frame, Tuple};
use super::path::{MOST_PARTS, key};
use super::script::{Place, Script, Step};
use crate::py::contended::locked;
use crate::py::error::clear;
use crate::py::layout::{list_slice, set_next, tuple_items, type_of};
use crate::py::message::message;
use crate::py::object::dict_get;
use crate::py::owned::Owned;
use crate::py::text;
use crate::py::vec::TryPush;

impl Pickler<'_> {
    /// The notes for a failed dump of `root`. Runs no foreign code.
    pub(super) fn notes(&self, root: *mut PyObject) -> Vec<String> {
        let mut inner = Vec::new();
        let mut height = self.stack.len();
        if let Some(object) = &self.refused {
            inner.push_if_room(message!("{} object", type_name(object.as_ptr())));
        }
        while height > 0 && inner.len() < MOST_PARTS / 2 {
            height -= 1;
            self.note(height, root, &mut inner);
        }
        let mut outer = Vec::new();
        let mut low = 0;
        while low < height && outer.len() < MOST_PARTS / 2 {
            let mut here = Vec::new();
            self.note(low, root, &mut here);
            here.into_iter().rev().for_each(|note| outer.push_if_room(note));
            low += 1;
        }
        if low < height {
            inner.push_if_room(message!("…"));
        }
        let mut notes = Vec::new();
        for note in inner.iter().chain(outer.iter().rev()) {
            notes.push_if_room(message!("when serializing {note}"));
        }
        notes
    }

    /// What the frame at this height says.
    fn note(&self, at: usize, root: *mut PyObject, notes: &mut Vec<String>) {
        let held = self.object_at(at, root);
        let object = held.as_ref().map_or(ptr::null_mut(), Owned::as_ptr);
        match &self.stack[at].frame {
            Frame::List(f) => notes.push_if_room(message!("list item {}", f.index.saturating_sub(1))),
            Frame::Tuple(f) => self.note_tuple(f, notes),
            Frame::Dict(f) => {
                // `_pickle` says nothing of keys.
                if !f.is_at_key()
                    && let Some(last) = f.last_key()
                {
                    notes.push_if_room(message!("dict item {}", key(last.as_ptr())));
                }
                if f.is_state {
                    for what in ["state", "object"] {
                        notes.push_if_room(of(object, what));
                    }
                }
            }
            Frame::Set(_) => notes.push_if_room(message!("set element")),
            Frame::FrozenSet(_) => notes.push_if_room(message!("frozenset element")),
            Frame::Items(f) => {
                let owner = match at.checked_sub(1) {
                    Some(below) if self.gives_items(below) => self.object_at(below, root),
                    // The items of a dict at protocol 0.
                    _ => held,
                };
                let owner = owner.as_ref().map_or(ptr::null_mut(), Owned::as_ptr);
                let pair = f.key();
                if f.current.is_none() {
                    // The iterator failed.
                } else if pair.is_null() {
                    notes.push_if_room(of(owner, &message!("item {}", f.count)));
                } else if !f.value_due {
                    notes.push_if_room(of(owner, &message!("item {}", key(pair))));
                }
            }
            Frame::Script(f) => self.note_script(f, object, notes),
        }
    }

    fn note_tuple(&self, f: &Tuple, notes: &mut Vec<String>) {
        notes.push_if_room(message!("tuple item {}", f.index.saturating_sub(1)));
        if f.is_arguments {
            for what in ["__new__ arguments", "object"] {
                notes.push_if_room(of(f.tuple, what));
            }
        }
    }

    fn note_script(&self, f: &Script, object: *mut PyObject, notes: &mut Vec<String>) {
        let place = match self.last_step(f) {
            Some(Step::Object(_, place) | Step::Resume(_, place)) => match place.unpack() {
                Place::Name => return,
                place => place,
            },
            Some(Step::Items(_) | Step::Pairs(_)) => return notes.push_if_room(of(object, "object")),
            // A persistent id, or nothing that an object has to do with.
            _ => return,
        };
        let left = &self.steps[f.rest()];
        let is_built = !left.iter().any(|step| matches!(step, Step::Built(_) | Step::Memoize(_) | Step::BuiltOnPaper));
        let ty = if object.is_null() { ptr::null_mut() } else { type_of(object) };
        // SAFETY: live types.
        let is = |of| !ty.is_null() && unsafe { PyType_IsSubtype(ty, of) != 0 };
        let has_own_pair = is(&raw mut PyFunction_Type) || is(&raw mut PyType_Type);
        // The state of functions, of classes and of what has slots is a pair of dicts.
        let entry = match place {
            Place::Global(name) if is_built => {
                notes.push_if_room(message!("dict item {}", key(name)));
                Some((1, message!("'__globals__'")))
            }
            // What all functions with these globals begin with.
            Place::Global(name) => Some((1, key(name))),
            Place::Closure(_) if is_built => Some((1, message!("'__closure__'"))),
            Place::Field(name) if is_built => Some((1, message!("'{name}'"))),
            Place::Attribute(name) if is_built => Some((u32::from(!has_own_pair), key(name))),
            Place::Listed(item, name) => {
                notes.push_if_room(message!("list item {item}"));
                Some((u32::from(!is(&raw mut PyType_Type)), key(name)))
            }
            // Of the copy of a dict.
            Place::Item(of) => Some((0, key(of))),
            Place::Entry(part, name) => Some((part, key(name))),
            _ => None,
        };
        let part = match (&entry, place) {
            (Some((part, _)), _) => Some(*part),
            (None, Place::Part(n) | Place::NamedPart(n, _) | Place::CodePart(n) | Place::NewPart(n)) => Some(n),
            (None, Place::PairedState) => Some(0),
            (None, _) => None,
        };
        if let Some((_, entry)) = entry {
            notes.push_if_room(message!("dict item {entry}"));
        }
        if let Some(part) = part {
            notes.push_if_room(message!("tuple item {part}"));
        }
        if matches!(place, Place::CodePart(_)) && ty != &raw mut PyCode_Type {
            for note in ["code reconstructor arguments", "code object", "tuple item 0"] {
                notes.push_if_room(message!("{note}"));
            }
        }
        let what = match (place, is_built) {
            (Place::Itself, _) => None,
            (Place::Callable, _) => Some("reconstructor"),
            (Place::Class, _) => Some("class"),
            (Place::Setter, _) => Some("state setter"),
            (Place::Argument(1..) | Place::NewPart(_), _) => Some("__new__ arguments"),
            (_, false) => Some("reconstructor arguments"),
            (_, true) => Some("state"),
        };
        if let Some(what) = what {
            notes.push_if_room(of(object, what));
        }
        // `_pickle` reduces these by itself, and says no more.
        let own = [&raw mut PySet_Type, &raw mut PyFrozenSet_Type, &raw mut PyBytes_Type, &raw mut PyByteArray_Type];
        if !own.contains(&ty) {
            notes.push_if_room(of(object, "object"));
        }
    }

    /// Is the frame at this height at the items of a reduce value?
    fn gives_items(&self, at: usize) -> bool {
        let Frame::Script(f) = &self.stack[at].frame else { return false };
        matches!(self.last_step(f), Some(Step::Items(_) | Step::Pairs(_)))
    }

    /// The object whose frame lies at this height.
    fn object_at(&self, at: usize, root: *mut PyObject) -> Option<Owned> {
        match at.checked_sub(1) {
            None => Some(Owned::of(root)),
            Some(below) => self.child(below),
        }
    }

    /// What the frame at this height is at. None where it changed meanwhile.
    fn child(&self, at: usize) -> Option<Owned> {
        let held = |object: &*mut PyObject| Owned::of(*object);
        match &self.stack[at].frame {
            Frame::List(f) => {
                let at = f.index.checked_sub(1)?;
                locked(f.list, || list_slice(f.list).get(at).map(held))
            }
            Frame::Tuple(f) => tuple_items(f.tuple).get(f.index.checked_sub(1)?).map(held),
            Frame::Dict(f) => {
                let last = f.last_key()?;
                if f.is_at_key() {
                    return Some(last);
                }
                dict_get(f.dict, last.as_ptr()).unwrap_or_else(|_| {
                    clear();
                    None
                })
            }
            Frame::Set(f) | Frame::FrozenSet(f) => {
                let (set, end) = (f.set, f.position);
                locked(set, || {
                    let mut position = 0;
                    let mut last = None;
                    while position < end {
                        last = set_next(set, &mut position);
                    }
                    last.map(Owned::of)
                })
            }
            Frame::Items(f) => {
                let current = f.current.as_ref()?.as_ptr();
                Some(Owned::of(if f.key().is_null() {
                    current
                } else {
                    tuple_items(current)[usize::from(!f.value_due)]
                }))
            }
            Frame::Script(f) => match self.last_step(f)? {
                Step::Object(object, _) | Step::Resume(object, _) | Step::Plain(object) => Some(held(object)),
                _ => None,
            },
        }
    }
}

/// What it is of an object of this type.
fn of(object: *mut PyObject, what: &str) -> String {
    message!("{} {what}", type_name(object))
}

fn type_name(object: *mut PyObject) -> String {
    if object.is_null() { message!("?") } else { text::full_type_name(type_of(object)) }
}
