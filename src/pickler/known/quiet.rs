//! Objects of CPython's own types that say what they are reduced to without running foreign code: the way is that of
//! `object.__reduce_ex__`, at whose end is a `__reduce__` written in C.

use std::ffi::CStr;

use pyo3_ffi::*;

use crate::pickler::engine::Pickler;
use crate::pickler::plan::Place;
use crate::pickler::script::Script;
use crate::py::collector::{CAN_WAIT, postponed};
use crate::py::error::PyResult;
use crate::py::layout::{is_of_c, type_of};
use crate::py::object::dict_get;
use crate::py::owned::Owned;
use crate::py::text;
use crate::reducers::call::Callable;

impl Pickler<'_> {
    /// The reduce value of such an object.
    pub(in crate::pickler) fn answer(&mut self, object: *mut PyObject) -> PyResult<Option<Owned>> {
        if !CAN_WAIT || cfg!(Py_GIL_DISABLED) {
            return Ok(None);
        }
        let ty = type_of(object);
        if ty == &raw mut PyCFunction_Type {
            return match bound_to(object) {
                Some(_) => Ok(None),
                None => postponed(|| builtin_name(object)).map(Some),
            };
        }
        let others = [&raw mut PyMethodDescr_Type, &raw mut PyWrapperDescr_Type, &raw mut PyRange_Type];
        let is_quiet = others.contains(&ty) || is_of_c(ty, TUPLE_GETTER);
        if !is_quiet || self.getattr()?.is_none() {
            return Ok(None);
        }
        postponed(|| self.reduce_ex(object)).map(Some)
    }

    /// `getattr`, as CPython finds it for them, if it finds it without foreign code.
    fn getattr(&self) -> PyResult<Option<Owned>> {
        // SAFETY: attached; borrowed.
        let builtins = unsafe { PyEval_GetBuiltins() };
        if type_of(builtins).cast_const() != &raw const PyDict_Type {
            return Ok(None);
        }
        dict_get(builtins, self.state.names.getattr.as_ptr())
    }

    /// `list[int]` and its like, as `ga_reduce` of `Objects/genericaliasobject.c` reduces them: (type, (origin, arguments)).
    pub(in crate::pickler) fn generic_alias(&mut self, object: *mut PyObject) -> PyResult<Option<Script>> {
        let Some([origin, arguments]) = alias_fields(object).filter(|_| !self.asks) else { return Ok(None) };
        let arguments = [origin, arguments].map(|part| (Owned::of(part), Place::Hidden));
        let alias = Callable::object(type_of(object).cast());
        alias.with(self, object, arguments).map(Some)
    }

    /// A method of an object, written in C, as `meth_reduce` of `Objects/methodobject.c` reduces it: (getattr, (its object, its
    /// name)).
    pub(in crate::pickler) fn builtin_method(&mut self, object: *mut PyObject) -> PyResult<Option<Script>> {
        if type_of(object) != &raw mut PyCFunction_Type || !CAN_WAIT || cfg!(Py_GIL_DISABLED) || self.asks {
            return Ok(None);
        }
        let (Some(of), Some(getattr)) = (bound_to(object), self.getattr()?) else { return Ok(None) };
        let name = postponed(|| builtin_name(object))?;
        let arguments = [Owned::of(of), name].map(|part| (part, Place::Hidden));
        Callable::Object(getattr).with(self, object, arguments).map(Some)
    }
}

/// The origin and the arguments of a `types.GenericAlias` that is not unpacked by a star.
fn alias_fields(object: *mut PyObject) -> Option<[*mut PyObject; 2]> {
    /// `gaobject`, as far as it matters.
    #[repr(C)]
    struct Alias {
        head: PyObject,
        fields: [*mut PyObject; 2],
        parameters: *mut PyObject,
        weak_references: *mut PyObject,
        #[cfg(Py_3_11)]
        is_starred: bool,
    }
    if type_of(object) != &raw mut Py_GenericAliasType {
        return None;
    }
    // SAFETY: an exact one, which begins like this and does not change.
    let alias = unsafe { &*object.cast::<Alias>() };
    #[cfg(Py_3_11)]
    if alias.is_starred {
        return None;
    }
    Some(alias.fields)
}

/// What a function written in C is a method of; None for one of a module.
fn bound_to(function: *mut PyObject) -> Option<*mut PyObject> {
    // SAFETY: an exact function written in C.
    unsafe {
        let of = (*function.cast::<PyCFunctionObject>()).m_self;
        (!of.is_null() && PyModule_Check(of) == 0).then_some(of)
    }
}

fn builtin_name(function: *mut PyObject) -> PyResult<Owned> {
    // SAFETY: an exact function written in C, whose name is NUL-terminated text.
    unsafe {
        let definition = (*function.cast::<PyCFunctionObject>()).m_ml;
        text::from_utf8(CStr::from_ptr((*definition).ml_name).to_bytes())
    }
}

/// The descriptors of a namedtuple's fields.
const TUPLE_GETTER: &CStr = if cfg!(Py_3_12) { c"collections._tuplegetter" } else { c"_collections._tuplegetter" };
