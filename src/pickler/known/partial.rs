//! `functools.partial`: what its `__reduce__` says, which is written in C and calls nothing (`partial_reduce` in
//! `Modules/_functoolsmodule.c`).

use std::ffi::CStr;

use pyo3_ffi::*;

use super::instances::Known;
use crate::pickler::engine::Pickler;
use crate::pickler::frame::Slot;
use crate::pickler::plan::Place;
use crate::protocol::opcode::BUILD;
use crate::py::error::PyResult;
use crate::py::instance::{Attributes, attributes};
use crate::py::layout::type_of;
use crate::py::member;
use crate::py::owned::Owned;
use crate::state::Names;

/// Where a partial keeps the function, the positional arguments and the keywords.
#[derive(Clone, Copy)]
pub struct Fields([u32; 3]);

/// The fields of this class, whose `__reduce__` it is, if that is partial itself, as it is in C.
pub fn fields(names: &Names, class: *mut PyTypeObject, reduce: *mut PyObject) -> Option<Fields> {
    // SAFETY: a live class, whose name is NUL-terminated text; a method descriptor begins with its type.
    let is_own = unsafe {
        CStr::from_ptr((*class).tp_name) == c"functools.partial"
            && type_of(reduce) == &raw mut PyMethodDescr_Type
            && *reduce.byte_add(size_of::<PyObject>()).cast::<*mut PyTypeObject>() == class
    };
    if !is_own {
        return None;
    }
    let mut fields = Fields([0; 3]);
    for (field, name) in fields.0.iter_mut().zip([&names.of_partial, &names.args, &names.keywords]) {
        *field = member::of(class, name.as_ptr())?.offset.try_into().ok()?;
    }
    Some(fields)
}

impl Pickler<'_> {
    /// `(class, (func,), (func, args, keywords, dict or None))`
    pub(super) fn partial(&mut self, slot: &mut Slot, object: *mut PyObject, fields: Fields) -> PyResult<Known> {
        let dict = match attributes(object) {
            Attributes::Dict(dict) if self.leaves_reductions_alone(dict) => dict,
            _ => return Ok(Known::Not),
        };
        // SAFETY: objects of the class have objects there.
        let [func, args, keywords] =
            fields.0.map(|offset| unsafe { *object.byte_add(offset as usize).cast::<*mut PyObject>() });
        if [func, args, keywords].iter().any(|field| field.is_null()) {
            return Ok(Known::Not);
        }
        // Held, since foreign code may give the object another state meanwhile.
        let [func, args, keywords] = [func, args, keywords].map(Owned::of);
        let again = func.clone();
        let dict = (!dict.is_null()).then(|| Owned::of(dict));
        let mut plan = self.plan();
        plan.object(type_of(object).cast(), Place::Callable)?;
        plan.tuple(1)?;
        plan.owned(func, Place::NamedPart(0, &"func"))?;
        plan.tuple_end(1)?;
        plan.reduce(object)?;
        plan.tuple(4)?;
        plan.owned(again, Place::NamedPart(0, &"func"))?;
        plan.owned(args, Place::NamedPart(1, &"args"))?;
        plan.owned(keywords, Place::NamedPart(2, &"keywords"))?;
        match dict {
            Some(dict) => plan.owned(dict, Place::NamedPart(3, &"__dict__"))?,
            None => plan.none()?,
        }
        plan.tuple_end(4)?;
        plan.op(BUILD)?;
        Ok(Known::begun(slot, plan.finish()))
    }
}
