//! What a plan points to while it is being made. It is read first and said later, and what the plan writes in between may run
//! foreign code, which may take it away from whom the plan has it from.

use std::ptr;

use pyo3_ffi::*;

use super::plan::Plan;
use crate::py::error::PyResult;
use crate::py::owned::Owned;
use crate::py::vec::TryPush;

impl Plan<'_, '_> {
    /// Describes what these objects are for, all of which live until then; NULL is none.
    #[inline]
    pub fn borrowing<R>(
        &mut self,
        objects: &[*mut PyObject],
        describe: impl FnOnce(&mut Self) -> PyResult<R>,
    ) -> PyResult<R> {
        let pickler = self.pickler();
        if pickler.is_foreign() {
            for object in objects.iter().filter(|object| !object.is_null()) {
                pickler.keep(Owned::of(*object))?;
            }
            return describe(self);
        }
        pickler.borrowed.try_push(objects)?;
        let described = describe(self);
        self.pickler().borrowed.pop();
        described
    }
}

/// The items that a dict has now, to be borrowed.
pub fn items_now(dict: *mut PyObject) -> PyResult<Vec<[*mut PyObject; 2]>> {
    let mut items = vec![];
    // SAFETY: a live dict.
    items.try_room(unsafe { PyDict_Size(dict) } as usize)?;
    let (mut key, mut value, mut position) = (ptr::null_mut(), ptr::null_mut(), 0);
    // SAFETY: a live dict, which nothing changes meanwhile.
    while unsafe { PyDict_Next(dict, &mut position, &mut key, &mut value) } != 0 {
        items.try_push([key, value])?;
    }
    Ok(items)
}
