//! Code objects, which are looked at before they are made: what another CPython version compiled is not run.

use std::cell::Cell;

use pyo3_ffi::PyObject;

use crate::py::error::{PyResult, Raised};
use crate::py::message::{append, message};
use crate::py::new_code::{MINOR, Misfit, make};
use crate::py::owned::Owned;
use crate::state::State;

/// `types.CodeType(…)`; sets `heard` if an audit hook heard of it.
pub fn make_code(args: &[*mut PyObject], heard: &Cell<bool>) -> PyResult<Owned> {
    make(args, heard).map_err(|misfit| match misfit {
        Misfit::Raised => Raised,
        Misfit::Versions(versions, name) => refuse(&versions, name),
    })
}

#[cold]
fn refuse(versions: &[u8], name: Option<String>) -> Raised {
    let name = name.map_or(String::new(), |name| message!(" '{name}'"));
    let mut origin = String::new();
    append(&mut origin, if versions.is_empty() { "another version of CPython" } else { "CPython " });
    for (at, minor) in versions.iter().enumerate() {
        let joint = match at {
            0 => "",
            _ if at + 1 == versions.len() => " or ",
            _ => ", ",
        };
        append(&mut origin, &message!("{joint}3.{minor}"));
    }
    let message = message!("the code object{name} is of {origin}, and this is CPython 3.{MINOR}");
    match State::get() {
        Ok(state) => state.imports.raise_unpickling(&message),
        Err(raised) => raised,
    }
}
