//! Objects of the standard library that are found again by their own name: loggers, sentinels of dataclasses.

use pyo3_ffi::PyObject;

use super::call::Callable;
use crate::pickler::engine::Pickler;
use crate::pickler::plan::Place;
use crate::pickler::script::Script;
use crate::protocol::wire::Wire;
use crate::py::error::PyResult;
use crate::py::instance::own_value;
use crate::py::object::{attr, import_from};

/// logging.Logger -> (logging.getLogger, (name,))
pub fn logger(pickler: &mut Pickler<'_>, logger: *mut PyObject) -> PyResult<Script> {
    pickler.foreign()?;
    let name = attr(logger, pickler.state.names.name_of_member.as_ptr())?;
    get_logger()?.with(pickler, logger, [(name, Place::Hidden)])
}

/// logging.RootLogger -> (logging.getLogger, ())
pub fn root_logger(pickler: &mut Pickler<'_>, logger: *mut PyObject) -> PyResult<Script> {
    pickler.foreign()?;
    get_logger()?.with(pickler, logger, [])
}

fn get_logger() -> PyResult<Callable> {
    import_from(c"logging", c"getLogger").map(Callable::Object)
}

/// dataclasses._FIELD_BASE -> (_get_dataclass_field_type_sentinel, (name,))
pub fn dataclass_sentinel(pickler: &mut Pickler<'_>, sentinel: *mut PyObject) -> PyResult<Script> {
    let key = pickler.state.names.name_of_member.as_ptr();
    let name = match own_value(sentinel, key) {
        Some(name) => name,
        None => {
            pickler.foreign()?;
            attr(sentinel, key)?
        }
    };
    Callable::Wire(Wire::DataclassFieldSentinel).with(pickler, sentinel, [(name, Place::Hidden)])
}
