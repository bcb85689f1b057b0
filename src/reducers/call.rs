//! Objects that one call makes: a callable and its arguments, no state.

use pyo3_ffi::PyObject;

use crate::pickler::engine::Pickler;
use crate::pickler::plan::Place;
use crate::pickler::script::Script;
use crate::protocol::wire::Wire;
use crate::py::error::PyResult;
use crate::py::owned::Owned;

/// What is called.
pub enum Callable {
    /// A function of `cloudpickle.cloudpickle`.
    Wire(Wire),
    /// A class or function, saved like any other.
    Object(Owned),
}

impl Callable {
    /// Borrows a class or function.
    pub fn object(object: *mut PyObject) -> Self {
        Self::Object(Owned::of(object))
    }

    /// Describes `object` as this called with the arguments.
    pub fn with(
        self,
        pickler: &mut Pickler<'_>,
        object: *mut PyObject,
        arguments: impl IntoIterator<Item = (Owned, Place), IntoIter: ExactSizeIterator>,
    ) -> PyResult<Script> {
        let arguments = arguments.into_iter();
        let len = arguments.len();
        let mut plan = pickler.plan();
        match self {
            Self::Wire(wire) => plan.wire(wire)?,
            Self::Object(callable) => plan.owned(callable, Place::Callable)?,
        }
        if len == 0 {
            plan.empty_tuple()?;
        } else {
            plan.tuple(len)?;
            for (n, (argument, place)) in (0..).zip(arguments) {
                plan.owned(argument, place.of_part(n))?;
            }
            plan.tuple_end(len)?;
        }
        plan.reduce(object)?;
        Ok(plan.finish())
    }
}
