//! Closure cells.

use pyo3_ffi::{PyCell_Get, PyObject};

use crate::pickler::engine::Pickler;
use crate::pickler::plan::Place;
use crate::pickler::script::Script;
use crate::protocol::wire::Wire;
use crate::py::error::PyResult;
use crate::py::owned::Owned;

/// types.CellType -> (_make_cell, (contents,)), or (_make_empty_cell, ())
pub fn reduce(pickler: &mut Pickler<'_>, cell: *mut PyObject) -> PyResult<Script> {
    // SAFETY: a cell; a new reference or NULL.
    let contents = unsafe { Owned::new_or_none(PyCell_Get(cell)) };
    let mut plan = pickler.plan();
    match contents {
        None => {
            plan.wire(Wire::MakeEmptyCell)?;
            plan.empty_tuple()?;
        }
        Some(contents) => {
            plan.wire(Wire::MakeCell)?;
            plan.tuple(1)?;
            plan.part(contents.as_ptr(), Place::Part(0))?;
            plan.tuple_end(1)?;
        }
    }
    plan.reduce(cell)?;
    Ok(plan.finish())
}
