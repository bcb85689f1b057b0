//! Type variables.

use pyo3_ffi::*;

use super::tracker;
use crate::py::error::{PyResult, check, raise};
use crate::py::layout::tuple_items;
use crate::py::owned::Owned;
use crate::state::State;

/// `_make_typevar(name, bound, constraints, covariant, contravariant, class_tracker_id)`.
pub fn make_typevar(state: &State, args: &[*mut PyObject]) -> PyResult<Owned> {
    let &[name, bound, constraints, covariant, contravariant, id] = args else { unreachable!("the row says six") };
    if let Some(known) = tracker::lookup(id)? {
        return Ok(known);
    }
    // SAFETY: all are live; what the calls return is new or NULL with an exception.
    let made = unsafe {
        if PyTuple_Check(constraints) == 0 {
            return Err(raise(PyExc_TypeError, "the constraints of a type variable are not a tuple"));
        }
        let constraints = tuple_items(constraints);
        let positional = Owned::new(PyTuple_New(constraints.len() as Py_ssize_t + 1))?;
        for (i, item) in std::iter::once(&name).chain(constraints).enumerate() {
            Py_INCREF(*item);
            PyTuple_SetItem(positional.as_ptr(), i as Py_ssize_t, *item);
        }
        let keywords = Owned::new(PyDict_New())?;
        for (key, value) in [(c"bound", bound), (c"covariant", covariant), (c"contravariant", contravariant)] {
            check(PyDict_SetItemString(keywords.as_ptr(), key.as_ptr(), value))?;
        }
        Owned::new(PyObject_Call(state.imports.typing_typevar()?, positional.as_ptr(), keywords.as_ptr()))?
    };
    tracker::lookup_or_track(id, made.as_ptr())
}
