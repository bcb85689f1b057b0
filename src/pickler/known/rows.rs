//! Instances one after the other, as in a list or dict of records: most are written where they are met, without a turn of
//! the loop.

use pyo3_ffi::*;

use super::instances::Known;
use super::shape::{Shape, Slots};
use crate::pickler::engine::Pickler;
use crate::pickler::frame::{Next, Slot};
use crate::py::error::PyResult;
use crate::py::instance::{Attributes, attributes};
use crate::py::layout::type_of;

impl Pickler<'_> {
    /// Writes an object, which is no leaf and was not met before, if others of its class came before and nothing in it can
    /// fail or has to be asked; else says how it is to be saved.
    #[inline(always)]
    pub(in crate::pickler) fn row(&mut self, object: *mut PyObject) -> PyResult<Next> {
        if self.is_foreign() {
            return Ok(Next::Into(object));
        }
        match self.shapes.known(type_of(object)) {
            Some(&Shape::Plain(slots)) => self.row_of_plain(object, slots),
            Some(Shape::Named) => self.row_of_named(object),
            Some(&Shape::Date(kind)) => self.row_of_date(object, kind),
            _ => Ok(Next::Into(object)),
        }
    }

    #[inline(never)]
    fn row_of_plain(&mut self, object: *mut PyObject, slots: Slots) -> PyResult<Next> {
        let attributes = attributes(object);
        if !slots.is_empty() {
            let is_written = matches!(attributes, Attributes::None) && self.flat_slots(object, slots)?;
            return self.row_is_written(object, is_written);
        }
        let mut slot = Slot::uninit();
        match self.with_attributes(&mut slot, object, &attributes)? {
            // SAFETY: a frame was put there.
            Known::Begun => self.interpose(unsafe { slot.assume_init() }),
            known => self.row_is_written(object, known == Known::Done),
        }
    }

    /// What follows on a row that was to be written at once.
    #[inline(always)]
    pub(super) fn row_is_written(&mut self, object: *mut PyObject, is_written: bool) -> PyResult<Next> {
        if !is_written {
            return Ok(Next::Into(object));
        }
        self.out.room(0)?;
        Ok(Next::Done)
    }
}
