//! Attributes by a dotted name, as `pickle._getattribute` finds them.

use std::ptr;

use pyo3_ffi::*;

use super::kept::Kept;
use super::metaclass::calls_types_getattribute;
use crate::py::class::is_class;
use crate::py::error::{self, PyResult};
use crate::py::foreign::Foreign;
use crate::py::layout::{Chars, chars, tuple_items, type_of, unique};
use crate::py::object::{attr, call_method1, dict_get, optional_attr, type_attr};
use crate::py::owned::Owned;
use crate::py::shared::Shared;
use crate::py::text::{self, is_dunder};
use crate::py::vec::{TryPush, gather};
use crate::state::State;

/// A qualified name, split at its dots once for any number of look-ups.
pub struct QualifiedName(Parts);

enum Parts {
    /// It is no name, or has no dots.
    Whole(Option<Owned>),
    Split(Vec<Owned>),
    /// Split before.
    Known(Shared<Split>),
}

/// The parts of a name, which is held so that no other one has its address.
pub struct Split {
    #[expect(dead_code, reason = "held for its address")]
    name: Owned,
    parts: Vec<Owned>,
}

/// Does `pickle._getattribute` end at `<locals>`? From 3.14 on it asks for it like for any other part.
const ENDS_AT_LOCALS: bool = !cfg!(Py_3_14);

/// The parts of an exact `str`.
pub fn parts(name: *mut PyObject) -> PyResult<Vec<Owned>> {
    let mut parts = vec![];
    let mut start = 0;
    // SAFETY: an exact str; the ranges lie within it.
    unsafe {
        let end = PyUnicode_GetLength(name);
        loop {
            let dot = PyUnicode_FindChar(name, u32::from(b'.'), start, end, 1);
            if dot < 0 {
                parts.try_push(Owned::new(PyUnicode_Substring(name, start, end))?)?;
                return Ok(parts);
            }
            parts.try_push(Owned::new(PyUnicode_Substring(name, start, dot))?)?;
            start = dot + 1;
        }
    }
}

impl QualifiedName {
    /// Of any object that may have been found as a `__qualname__`.
    pub fn new(state: &State, name: *mut PyObject, foreign: &mut impl Foreign) -> PyResult<Self> {
        if type_of(name).cast_const() == &raw const PyUnicode_Type {
            return if text::has_dot(name) {
                Self::dotted(state, name)
            } else {
                Ok(Self(Parts::Whole(Some(Owned::of(name)))))
            };
        }
        foreign.foreign()?;
        let split = state.names.split.as_ptr();
        let mut parts = vec![];
        if optional_attr(name, split)?.is_some() {
            let given = call_method1(name, split, state.names.dot.as_ptr())?;
            // SAFETY: live, held by `given`; a new reference.
            let given = unsafe { Owned::new(PySequence_Tuple(given.as_ptr()))? };
            for part in tuple_items(given.as_ptr()) {
                parts.try_push(Owned::of(*part))?;
            }
        }
        Ok(Self(Parts::Split(parts)))
    }

    /// Of an exact `str`, which may come again if somebody else has it, too.
    fn dotted(state: &State, name: *mut PyObject) -> PyResult<Self> {
        if cfg!(Py_GIL_DISABLED) || unique(name) {
            return Ok(Self(Parts::Split(parts(name)?)));
        }
        let kept = &Kept::get(state)?.names;
        let split = match kept.get(name.addr()) {
            Some(split) => split,
            None => {
                let parts = gather(parts(name)?.into_iter().map(text::interned))?;
                kept.put(name.addr(), Split { name: Owned::of(name), parts })?
            }
        };
        Ok(Self(Parts::Known(split)))
    }

    fn parts(&self) -> &[Owned] {
        match &self.0 {
            Parts::Whole(name) => name.as_slice(),
            Parts::Split(parts) => parts,
            Parts::Known(split) => &split.parts,
        }
    }

    /// The object of this name in a module, or in any other object. None where Python raises AttributeError, and for
    /// what is no name.
    pub fn find_in(&self, state: &State, module: *mut PyObject, foreign: &mut impl Foreign) -> PyResult<Option<Owned>> {
        if self.parts().is_empty() {
            return Ok(None);
        }
        let mut found = Owned::of(module);
        for part in self.parts() {
            if ENDS_AT_LOCALS && is_locals(part.as_ptr(), state, foreign)? {
                return Ok(None);
            }
            match lookup(state, found.as_ptr(), part.as_ptr(), foreign)? {
                Some(value) => found = value,
                None => return Ok(None),
            }
        }
        Ok(Some(found))
    }
}

/// `part == "<locals>"`
fn is_locals(part: *mut PyObject, state: &State, foreign: &mut impl Foreign) -> PyResult<bool> {
    if type_of(part).cast_const() == &raw const PyUnicode_Type
        && let Chars::Ascii(text) = chars(part)
    {
        return Ok(text == b"<locals>");
    }
    equals(part, state.names.locals.as_ptr(), foreign)
}

/// `left == right`
pub fn equals(left: *mut PyObject, right: *mut PyObject, foreign: &mut impl Foreign) -> PyResult<bool> {
    let text = &raw const PyUnicode_Type;
    if type_of(left).cast_const() != text || type_of(right).cast_const() != text {
        foreign.foreign()?;
    } else if let (Chars::Ascii(left), Chars::Ascii(right)) = (chars(left), chars(right)) {
        return Ok(left == right);
    }
    // SAFETY: live.
    Ok(error::check(unsafe { PyObject_RichCompareBool(left, right, Py_EQ) })? != 0)
}

/// `getattr(object, name)`, None for AttributeError.
fn lookup(
    state: &State,
    object: *mut PyObject,
    name: *mut PyObject,
    foreign: &mut impl Foreign,
) -> PyResult<Option<Owned>> {
    let ty = type_of(object).cast_const();
    if type_of(name).cast_const() == &raw const PyUnicode_Type {
        if ty == &raw const PyModule_Type && !is_dunder(name) {
            // The type of modules has names with two leading underscores only. One that lacks a name is not asked to
            // say so in an exception.
            // SAFETY: a module has a dict.
            let dict = unsafe { PyModule_GetDict(object) };
            let value = dict_get(dict, name)?;
            if value.is_some() || dict_get(dict, state.names.getattr_hook.as_ptr())?.is_none() {
                return Ok(value);
            }
        } else if is_class(object) && calls_types_getattribute(state, type_of(object)) {
            // What a class has, and does not bind to anything, unless its metaclass insists on its own.
            if !insists(type_of(object), name)
                && let Some(value) = type_attr(object.cast(), name)
                && let Some(value) = unbound(value, object)?
            {
                return Ok(Some(value));
            }
        } else if ty == &raw const PyFunction_Type && cfg!(Py_3_14) {
            // Its attributes are its own; to lack one makes no exception here.
            return optional_attr(object, name);
        }
    }
    foreign.foreign()?;
    // SAFETY: live.
    if unsafe { PyUnicode_Check(name) } == 0 {
        // Raises TypeError.
        return attr(object, name).map(Some);
    }
    optional_attr(object, name)
}

/// Has a metaclass a data descriptor of this name?
fn insists(metaclass: *mut PyTypeObject, name: *mut PyObject) -> bool {
    // SAFETY: a live type.
    type_attr(metaclass, name).is_some_and(|own| unsafe { (*type_of(own.as_ptr())).tp_descr_set.is_some() })
}

/// What a class has as an attribute, asked of the class itself, if it is a function or of a kind that binds to nothing.
fn unbound(value: Owned, class: *mut PyObject) -> PyResult<Option<Owned>> {
    let ty = type_of(value.as_ptr());
    // SAFETY: live types; the descriptor of a static method is asked as an attribute of no instance, which runs no foreign
    // code and gives a new reference.
    unsafe {
        match (*ty).tp_descr_get {
            Some(_) if ty.cast_const() == &raw const PyFunction_Type => Ok(Some(value)),
            Some(get) if ty == &raw mut PyStaticMethod_Type => {
                Owned::new(get(value.as_ptr(), ptr::null_mut(), class)).map(Some)
            }
            Some(_) => Ok(None),
            None => Ok(Some(value)),
        }
    }
}

/// What a module proper has under a name that the type of modules has not. None for others, and if it is not there.
pub fn own_attr(module: *mut PyObject, name: *mut PyObject) -> PyResult<Option<Owned>> {
    if type_of(module).cast_const() != &raw const PyModule_Type {
        return Ok(None);
    }
    // SAFETY: a module has a dict.
    dict_get(unsafe { PyModule_GetDict(module) }, name)
}

/// `module.__name__`
pub fn module_name(state: &State, module: *mut PyObject, foreign: &mut impl Foreign) -> PyResult<Owned> {
    let name = state.names.name.as_ptr();
    if let Some(name) = own_attr(module, name)? {
        return Ok(name);
    }
    foreign.foreign()?;
    attr(module, name)
}

/// `sys.modules.get(name)`; None also for a module that is None.
pub fn imported(state: &State, name: *mut PyObject, foreign: &mut impl Foreign) -> PyResult<Option<Owned>> {
    let modules = state.modules()?;
    let text = type_of(name).cast_const() == &raw const PyUnicode_Type;
    // SAFETY: live, held by `modules`; the list of arguments ends with NULL.
    let found = unsafe {
        let dict = PyDict_CheckExact(modules.as_ptr()) != 0;
        if !(text && dict) {
            foreign.foreign()?;
        }
        if dict {
            dict_get(modules.as_ptr(), name)?
        } else {
            let get = state.names.get.as_ptr();
            let end = ptr::null_mut::<PyObject>();
            Some(Owned::new(PyObject_CallMethodObjArgs(modules.as_ptr(), get, name, Py_None(), end))?)
        }
    };
    // SAFETY: None is there for the interpreter's life.
    Ok(found.filter(|module| module.as_ptr() != unsafe { Py_None() }))
}
