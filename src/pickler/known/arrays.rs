//! `array.array`: the value of its `__reduce_ex__` without the copy of the data that lies in it.

use std::ffi::{CStr, c_int};

use pyo3_ffi::*;

use crate::pickler::engine::Pickler;
use crate::pickler::plan::Place;
use crate::pickler::script::{Script, Step};
use crate::py::error::{PyResult, check};
use crate::py::layout::{tuple_items, type_of};
use crate::py::object::import_from;
use crate::py::owned::Owned;

/// Arrays of fewer items are not worth it. (And a single byte would be an object that all share.)
const LEAST: Py_ssize_t = 4096;

/// Is this the type of the module `array`?
fn is_array(class: *mut PyTypeObject) -> PyResult<bool> {
    // SAFETY: a live class, whose name is a C string.
    if unsafe { CStr::from_ptr((*class).tp_name) } != c"array.array" {
        return Ok(false);
    }
    Ok(import_from(c"array", c"array")?.as_ptr() == class.cast())
}

fn is_tuple(object: *mut PyObject) -> bool {
    type_of(object).cast_const() == &raw const PyTuple_Type
}

impl Pickler<'_> {
    /// (array._array_reconstructor, (class, typecode, format, data)). All but the data is what an empty array of the same
    /// typecode says.
    pub(in crate::pickler) fn array(&mut self, object: *mut PyObject) -> PyResult<Option<Script>> {
        let class = type_of(object);
        if self.asks || !is_array(class)? {
            return Ok(None);
        }
        // SAFETY: a live array; a new reference or NULL with an exception.
        let empty = unsafe {
            if PySequence_Size(object) < LEAST {
                return Ok(None);
            }
            Owned::new(PySequence_GetSlice(object, 0, 0))?
        };
        self.foreign()?;
        let value = self.reduce_ex(empty.as_ptr())?;
        let value = self.keep(value)?;
        if !is_tuple(value) {
            return Ok(None);
        }
        let [callable, arguments, state] = tuple_items(value) else { return Ok(None) };
        // SAFETY: a static object.
        if !is_tuple(*arguments) || *state != unsafe { Py_None() } {
            return Ok(None);
        }
        // Below protocol 3 it is a pair, with a list.
        let [first, typecode, format, _] = tuple_items(*arguments) else { return Ok(None) };
        let mut plan = self.plan();
        plan.object(*callable, Place::Callable)?;
        plan.tuple(4)?;
        plan.object(*first, Place::Part(0))?;
        plan.object(*typecode, Place::Part(1))?;
        plan.object(*format, Place::Part(2))?;
        plan.raw(Step::Contents(object))?;
        plan.tuple_end(4)?;
        plan.reduce(object)?;
        Ok(Some(plan.finish()))
    }

    /// The memory of an object as a new bytes object.
    pub(in crate::pickler) fn contents(&mut self, object: *mut PyObject) -> PyResult<()> {
        let view = View::of(object, PyBUF_SIMPLE)?;
        // SAFETY: the view lives until the end; its memory is contiguous, since no strides are asked for.
        let data = unsafe { std::slice::from_raw_parts(view.0.buf.cast::<u8>(), view.0.len as usize) };
        self.bytes_payload(object, data)?;
        self.memoize_paper()
    }
}

/// A view of an object's memory, which stays where it is meanwhile.
pub(in crate::pickler) struct View(pub Py_buffer);

impl View {
    /// The flags say what the view tells (the documentation's "Buffer request types").
    pub fn of(object: *mut PyObject, flags: c_int) -> PyResult<Self> {
        let mut view = Py_buffer::new();
        // SAFETY: a live object, and a Py_buffer to fill.
        check(unsafe { PyObject_GetBuffer(object, &mut view, flags) })?;
        Ok(Self(view))
    }
}

impl Drop for View {
    fn drop(&mut self) {
        // SAFETY: filled by `of`, released once.
        unsafe { PyBuffer_Release(&mut self.0) }
    }
}
