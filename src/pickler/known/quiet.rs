//! Objects of CPython's own types that say what they are reduced to without running foreign code: the way is that of
//! `object.__reduce_ex__`, at whose end is a `__reduce__` written in C.

use std::ffi::CStr;

use pyo3_ffi::*;

use crate::pickler::engine::Pickler;
use crate::py::collector::{CAN_WAIT, postponed};
use crate::py::error::PyResult;
use crate::py::layout::{is_of_c, type_of};
use crate::py::object::dict_get;
use crate::py::owned::Owned;
use crate::py::text;

impl Pickler<'_> {
    /// The reduce value of such an object.
    pub(in crate::pickler) fn answer(&mut self, object: *mut PyObject) -> PyResult<Option<Owned>> {
        if !CAN_WAIT || cfg!(Py_GIL_DISABLED) {
            return Ok(None);
        }
        let ty = type_of(object);
        if ty == &raw mut PyCFunction_Type {
            return postponed(|| self.builtin_function(object));
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

    /// What `meth_reduce` of `Objects/methodobject.c` answers: its name, or (getattr, (its object, its name)).
    fn builtin_function(&self, function: *mut PyObject) -> PyResult<Option<Owned>> {
        // SAFETY: an exact function written in C, whose name is NUL-terminated text; new references or NULL with an exception.
        unsafe {
            let function = function.cast::<PyCFunctionObject>();
            let of = (*function).m_self;
            let name = text::from_utf8(CStr::from_ptr((*(*function).m_ml).ml_name).to_bytes())?;
            if of.is_null() || PyModule_Check(of) != 0 {
                return Ok(Some(name));
            }
            let Some(getattr) = self.getattr()? else { return Ok(None) };
            let arguments = Owned::new(PyTuple_Pack(2, of, name.as_ptr()))?;
            Owned::new(PyTuple_Pack(2, getattr.as_ptr(), arguments.as_ptr())).map(Some)
        }
    }
}

/// The descriptors of a namedtuple's fields.
const TUPLE_GETTER: &CStr = if cfg!(Py_3_12) { c"collections._tuplegetter" } else { c"_collections._tuplegetter" };
