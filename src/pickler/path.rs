//! The path from the root to the object that could not be pickled, read off the stack:
//! `obj.conf['db'][3].pool`.

use pyo3_ffi::*;

use super::engine::Pickler;
use super::frame::{Dict, Frame, Tuple};
use super::script::{Place, Script, Step};
use crate::py::code::{self, Names};
use crate::py::contended::locked;
use crate::py::layout::type_of;
use crate::py::message::{append, message};
use crate::py::owned::Owned;
use crate::py::text;
use crate::py::vec::TryPush;

/// A path of more parts than this is cut in the middle.
pub(super) const MOST_PARTS: usize = 24;

impl Pickler<'_> {
    /// The path to the object at which the dump stopped; None for the root itself. Runs no foreign code.
    pub(super) fn path(&self) -> Option<String> {
        let half = MOST_PARTS / 2;
        let mut head = Vec::new();
        let mut at = 0;
        while at < self.stack.len() && head.len() < half {
            if let Some(part) = self.part(at) {
                head.push_if_room(part);
            }
            at += 1;
        }
        let mut tail = Vec::new();
        let mut end = self.stack.len();
        while end > at && tail.len() < half {
            end -= 1;
            if let Some(part) = self.part(end) {
                tail.push_if_room(part);
            }
        }
        let cut = (at..end).any(|i| self.part(i).is_some());
        if head.is_empty() && tail.is_empty() {
            return None;
        }
        let mut path = message!("obj");
        head.iter().for_each(|part| append(&mut path, part));
        append(&mut path, if cut { "…" } else { "" });
        tail.iter().rev().for_each(|part| append(&mut path, part));
        Some(path)
    }

    /// The step that a script began last.
    pub(super) fn last_step(&self, script: &Script) -> Option<&Step> {
        self.steps.get(script.next().checked_sub(1)?)
    }

    /// What the frame at this height adds to the path.
    fn part(&self, at: usize) -> Option<String> {
        match &self.stack[at].frame {
            Frame::List(f) => Some(message!("[{}]", f.index.saturating_sub(1))),
            Frame::Tuple(f) if let Some(name) = self.free_name(at, f) => Some(message!(".__closure__[{}]", key(name))),
            Frame::Tuple(f) => (!self.is_state(at)).then(|| message!("[{}]", f.index.saturating_sub(1))),
            Frame::Dict(f) => {
                let last = f.last_key()?;
                let last = last.as_ptr();
                Some(match (f.is_at_key(), f.is_state || self.is_state(at)) {
                    (true, _) => message!(".<key {}>", key(last)),
                    (false, true) => attribute(last),
                    (false, false) => message!("[{}]", key(last)),
                })
            }
            Frame::Set(_) | Frame::FrozenSet(_) => Some(message!(".<item>")),
            Frame::Items(f) => {
                let pair = f.key();
                Some(match (pair.is_null(), self.is_state(at)) {
                    (true, _) => message!("[{}]", f.count),
                    (false, true) => attribute(pair),
                    (false, false) => message!("[{}]", key(pair)),
                })
            }
            Frame::Script(f) => self.last_step(f)?.place().part(),
        }
    }

    /// The name of the closure variable that a tuple of cells is at.
    fn free_name(&self, at: usize, cells: &Tuple) -> Option<*mut PyObject> {
        let Frame::Script(below) = &self.stack[at.checked_sub(1)?].frame else { return None };
        let Place::Closure(code) = self.last_step(below)?.place() else { return None };
        code::fields(code).names(Names::Free).nth(cells.index.checked_sub(1)?).map(|(name, _)| name)
    }

    /// Is this the state of an object, so that its keys are attributes? With slots it is a pair of dicts.
    fn is_state(&self, at: usize) -> bool {
        let Some(below) = at.checked_sub(1) else { return false };
        match &self.stack[below].frame {
            Frame::Script(f) => {
                self.last_step(f).is_some_and(|step| matches!(step.place(), Place::State | Place::PairedState))
            }
            Frame::Tuple(_) => matches!(self.stack[at].frame, Frame::Dict(_)) && self.is_state(below),
            _ => false,
        }
    }
}

impl Dict {
    /// The key of the entry that was begun last.
    pub(super) fn last_key(&self) -> Option<Owned> {
        let (dict, last) = (self.dict, self.position);
        locked(dict, || {
            let (mut position, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
            // SAFETY: a live dict; keys are borrowed from it and nothing changes it here.
            while position < last && unsafe { PyDict_Next(dict, &mut position, &mut key, &mut value) } != 0 {}
            (!key.is_null()).then(|| Owned::of(key))
        })
    }
}

impl Place {
    fn part(self) -> Option<String> {
        match self {
            Self::Hidden | Self::Callable | Self::Class | Self::Setter | Self::State | Self::PairedState => None,
            Self::Closure(_) | Self::Part(_) | Self::CodePart(_) | Self::NewPart(_) | Self::Itself | Self::Name => None,
            Self::Attribute(name) | Self::Entry(_, name) | Self::Listed(_, name) => Some(attribute(name)),
            Self::Item(of) => Some(message!("[{}]", key(of))),
            Self::Field(name) | Self::NamedPart(_, name) => Some(message!(".{name}")),
            Self::Global(name) => Some(message!(".__globals__[{}]", key(name))),
            Self::Argument(0) => Some(message!(".<reduce arguments>")),
            Self::Argument(n) => Some(message!(".<reduce argument {n}>")),
        }
    }
}

fn attribute(name: *mut PyObject) -> String {
    match name_text(name) {
        Some(name) => message!(".{name}"),
        None => message!("[{}]", key(name)),
    }
}

fn name_text(name: *mut PyObject) -> Option<String> {
    (type_of(name).cast_const() == &raw const PyUnicode_Type).then(|| text::display(name))
}

/// A key as `repr` shows it where that runs no foreign code, else its type.
pub(super) fn key(key: *mut PyObject) -> String {
    let plain = [
        &raw const PyUnicode_Type,
        &raw const PyLong_Type,
        &raw const PyFloat_Type,
        &raw const PyBytes_Type,
        &raw const PyBool_Type,
    ];
    let ty = type_of(key);
    if !plain.contains(&ty.cast_const()) {
        return message!("<{}>", text::type_name(ty));
    }
    let shown = text::repr(key);
    match shown.char_indices().nth(60) {
        Some((cut, _)) => message!("{}…", &shown[..cut]),
        None => shown,
    }
}
