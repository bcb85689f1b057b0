//! Enums by value.

use std::ptr;

use pyo3_ffi::*;

use super::tracker;
use crate::py::error::{PyResult, check, raise};
use crate::py::layout::tuple_items;
use crate::py::object::{attr, each_item};
use crate::py::owned::Owned;
use crate::state::State;

/// `_make_skeleton_enum(bases, name, qualname, members, module, class_tracker_id, extra)`.
pub fn make_skeleton_enum(state: &State, args: &[*mut PyObject]) -> PyResult<Owned> {
    let &[bases, name, qualname, members, module, id, _] = args else { unreachable!("the row says seven") };
    if let Some(known) = tracker::lookup(id)? {
        return Ok(known);
    }
    let names = &state.names;
    // SAFETY: all are live; what the calls return is new or NULL with an exception.
    let class = unsafe {
        // The last base is always an Enum class, whose metaclass makes the new one.
        let last = match (PyTuple_Check(bases) != 0).then(|| tuple_items(bases)).and_then(<[_]>::last) {
            Some(last) if PyDict_Check(members) != 0 => *last,
            _ => return Err(raise(PyExc_TypeError, "an enum needs a tuple of bases and a dict of members")),
        };
        let metaclass: *mut PyObject = Py_TYPE(last).cast();
        let end = ptr::null_mut::<PyObject>();
        let prepare = attr(metaclass, names.prepare.as_ptr())?;
        let namespace = Owned::new(PyObject_CallFunctionObjArgs(prepare.as_ptr(), name, bases, end))?;
        each_item(members, |key, value| {
            check(PyObject_SetItem(namespace.as_ptr(), key.as_ptr(), value.as_ptr())).map(|_| ())
        })?;
        let new = attr(metaclass, names.new.as_ptr())?;
        let arguments = [metaclass, name, bases, namespace.as_ptr()];
        let class =
            Owned::new(PyObject_Vectorcall(new.as_ptr(), arguments.as_ptr(), arguments.len(), ptr::null_mut()))?;
        check(PyObject_SetAttr(class.as_ptr(), names.module.as_ptr(), module))?;
        check(PyObject_SetAttr(class.as_ptr(), names.qualname.as_ptr(), qualname))?;
        class
    };
    tracker::lookup_or_track(id, class.as_ptr())
}
