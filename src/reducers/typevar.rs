//! Type variables.

use pyo3_ffi::PyObject;

use super::call::Callable;
use crate::decide::by_reference::lookup_module_and_qualname;
use crate::decide::registry;
use crate::pickler::engine::Pickler;
use crate::pickler::plan::Place;
use crate::pickler::script::Script;
use crate::protocol::wire::Wire;
use crate::py::error::PyResult;
use crate::py::object::attr;
use crate::reconstruct::tracker;

/// typing.TypeVar -> (getattr, (module, name)), or
/// (_make_typevar, (name, bound, constraints, covariant, contravariant, tracker id))
pub fn reduce(pickler: &mut Pickler<'_>, variable: *mut PyObject) -> PyResult<Script> {
    pickler.foreign()?;
    let state = pickler.state;
    let names = &state.names;
    let name = attr(variable, names.name.as_ptr())?;
    if let Some(found) = lookup_module_and_qualname(state, variable, Some(name.as_ptr()), pickler)?
        && !registry::is_registered(state, found.module.as_ptr(), pickler)?
    {
        let getattr = Callable::object(state.imports.getattr.as_ptr());
        return getattr.with(pickler, variable, [(found.module, Place::Hidden), (found.name, Place::Hidden)]);
    }
    by_value(pickler, variable)
}

/// The same, wherever the variable could be found again.
pub fn by_value(pickler: &mut Pickler<'_>, variable: *mut PyObject) -> PyResult<Script> {
    pickler.foreign()?;
    let names = &pickler.state.names;
    let arguments = [
        (attr(variable, names.name.as_ptr())?, Place::Hidden),
        (attr(variable, names.bound.as_ptr())?, Place::Field(&"__bound__")),
        (attr(variable, names.constraints.as_ptr())?, Place::Field(&"__constraints__")),
        (attr(variable, names.covariant.as_ptr())?, Place::Hidden),
        (attr(variable, names.contravariant.as_ptr())?, Place::Hidden),
        (tracker::get_or_create_id(variable)?, Place::Hidden),
    ];
    Callable::Wire(Wire::MakeTypevar).with(pickler, variable, arguments)
}
