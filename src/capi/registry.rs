//! modules by value
//!
//! Functions and classes of a registered module, and of its sub-modules, are pickled by value. The register is the
//! calling interpreter's, and is the Python package's own where that is imported. What it refuses (what is no module,
//! was not imported, is not registered) is CP_ERR_INVALID_ARGUMENT (ValueError).

use std::ffi::{CStr, c_char};
use std::ptr;

use pyo3_ffi::*;

use super::argument;
use super::enter::{Gil, enter};
use super::error::cp_error;
use super::failure::Failure;
use super::status::cp_status;
use super::status::cp_status_value::CP_ERR_INVALID_ARGUMENT;
use crate::decide::registry;
use crate::py::error::{PyResult, Raised, matches};
use crate::py::owned::Owned;

/// Registers an imported module. [GIL auto] Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cp_register_by_value(module: *mut PyObject, err: *mut *mut cp_error) -> cp_status {
    by_object(module, err, registry::register)
}

/// Takes a module off the register. [GIL auto] Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cp_unregister_by_value(module: *mut PyObject, err: *mut *mut cp_error) -> cp_status {
    by_object(module, err, registry::unregister)
}

/// Registers an imported module by its name. [GIL auto] Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cp_register_by_value_name(module: *const c_char, err: *mut *mut cp_error) -> cp_status {
    by_name(module, err, registry::register_name)
}

/// Takes a module off the register by its name. [GIL auto] Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cp_unregister_by_value_name(module: *const c_char, err: *mut *mut cp_error) -> cp_status {
    by_name(module, err, registry::unregister_name)
}

/// *out: a new set of the names that are registered, a copy. [GIL auto] Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cp_list_by_value(out: *mut *mut PyObject, err: *mut *mut cp_error) -> cp_status {
    enter(
        err,
        // SAFETY: NULL or a place for the result, as the header asks.
        || Ok((Gil::Auto, unsafe { argument::out("out", out, ptr::null_mut())? })),
        |out| {
            let set = registry::list()?;
            // SAFETY: checked above.
            unsafe { out.write(set.into_ptr()) };
            Ok(())
        },
    )
}

fn by_object(module: *mut PyObject, err: *mut *mut cp_error, act: fn(*mut PyObject) -> PyResult<()>) -> cp_status {
    enter(err, || Ok((Gil::Auto, argument::object("module", module)?)), |module| act(module).map_err(refused))
}

fn by_name(module: *const c_char, err: *mut *mut cp_error, act: fn(*mut PyObject) -> PyResult<()>) -> cp_status {
    enter(
        err,
        // SAFETY: NULL or NUL-terminated text, as the header asks, which lives for the call.
        || Ok((Gil::Auto, unsafe { argument::text("module", module)? })),
        |module: &CStr| {
            // SAFETY: NUL-terminated UTF-8; a new reference or NULL.
            let name = unsafe { Owned::new(PyUnicode_FromString(module.as_ptr()))? };
            act(name.as_ptr()).map_err(refused)
        },
    )
}

/// A ValueError of the register is about its argument.
fn refused(raised: Raised) -> Failure {
    // SAFETY: a type of the running interpreter.
    if matches(unsafe { PyExc_ValueError }) { Failure::raised(CP_ERR_INVALID_ARGUMENT, 0) } else { raised.into() }
}
