//! Text files: what is in them goes along. Standard streams are found again by name.

use pyo3_ffi::*;

use super::call::Callable;
use crate::pickler::engine::Pickler;
use crate::pickler::plan::Place;
use crate::pickler::script::Script;
use crate::protocol::wire::Wire;
use crate::py::error::{PyResult, Raised, check, matches, raise, raise_from_current};
use crate::py::message::message;
use crate::py::object::{attr, call_method0, call_method1, dict_get, import, import_from, is_true, optional_attr};
use crate::py::owned::Owned;
use crate::py::text;
use crate::state::{Name, State};

/// io.TextIOWrapper -> (getattr, (sys, "stdout")), or (_file_reconstructor, (io.StringIO,))
pub fn reduce(pickler: &mut Pickler<'_>, file: *mut PyObject) -> PyResult<Script> {
    pickler.foreign()?;
    let state = pickler.state;
    let names = &state.names;
    let has = |name: &Name| optional_attr(file, name.as_ptr()).map(|attr| attr.is_some());
    if !has(&names.name_of_member)? || !has(&names.mode)? {
        return Err(refuse(state, "Cannot pickle files that do not map to an actual file"));
    }
    for stream in [&names.stdout, &names.stderr] {
        if is_stream(state, file, stream)? {
            let getattr = Callable::object(state.imports.getattr.as_ptr());
            let (module, name) = (import(c"sys")?, Owned::of(stream.as_ptr()));
            return getattr.with(pickler, file, [(module, Place::Hidden), (name, Place::Hidden)]);
        }
    }
    if is_stream(state, file, &names.stdin)? {
        return Err(refuse(state, "Cannot pickle standard input"));
    }
    if is_true(attr(file, names.closed.as_ptr())?.as_ptr())? {
        return Err(refuse(state, "Cannot pickle closed files"));
    }
    if has(&names.isatty)? && is_true(call_method0(file, names.isatty.as_ptr())?.as_ptr())? {
        return Err(refuse(state, "Cannot pickle files that map to tty objects"));
    }
    let mode = attr(file, names.mode.as_ptr())?;
    if !contains(&mode, "r")? && !contains(&mode, "+")? {
        let mode = text::display(mode.as_ptr());
        return Err(refuse(state, &message!("Cannot pickle files that are not opened for reading: {mode}")));
    }
    let name = attr(file, names.name_of_member.as_ptr())?;
    let (contents, position) = read(state, file).map_err(|raised| {
        // SAFETY: the exception types are there for the interpreter's life.
        if !matches(unsafe { PyExc_OSError }) {
            return raised;
        }
        let message = message!("Cannot pickle file {} as it cannot be read", text::display(name.as_ptr()));
        raise_from_current(|| refuse(state, &message))
    })?;
    // SAFETY: a live callable; a new reference or an exception.
    let copy = unsafe { Owned::new(PyObject_CallNoArgs(import_from(c"io", c"StringIO")?.as_ptr()))? };
    call_method1(copy.as_ptr(), names.write.as_ptr(), contents.as_ptr())?;
    call_method1(copy.as_ptr(), names.seek.as_ptr(), position.as_ptr())?;
    // SAFETY: live.
    check(unsafe { PyObject_SetAttr(copy.as_ptr(), names.name_of_member.as_ptr(), name.as_ptr()) })?;
    Callable::Wire(Wire::FileReconstructor).with(pickler, file, [(copy, Place::Hidden)])
}

fn refuse(state: &State, message: &str) -> Raised {
    state.imports.raise_pickling(message)
}

/// `file is sys.name`
fn is_stream(state: &State, file: *mut PyObject, name: &Name) -> PyResult<bool> {
    match dict_get(state.sys_dict.as_ptr(), name.as_ptr())? {
        Some(stream) => Ok(stream.as_ptr() == file),
        None => {
            let message = message!("module 'sys' has no attribute {}", text::repr(name.as_ptr()));
            // SAFETY: the exception types are there for the interpreter's life.
            Err(raise(unsafe { PyExc_AttributeError }, &message))
        }
    }
}

/// `part in mode`
fn contains(mode: &Owned, part: &str) -> PyResult<bool> {
    let part = text::new(part)?;
    // SAFETY: live.
    Ok(check(unsafe { PySequence_Contains(mode.as_ptr(), part.as_ptr()) })? != 0)
}

/// All that is in the file, and where it stands; there it is left.
fn read(state: &State, file: *mut PyObject) -> PyResult<(Owned, Owned)> {
    let names = &state.names;
    let position = call_method0(file, names.tell.as_ptr())?;
    call_method1(file, names.seek.as_ptr(), crate::py::number::from_i64(0)?.as_ptr())?;
    let contents = call_method0(file, names.read.as_ptr())?;
    call_method1(file, names.seek.as_ptr(), position.as_ptr())?;
    Ok((contents, position))
}
