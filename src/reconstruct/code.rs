//! Code objects, which are looked at before they are made: what another CPython version compiled is not run.

use pyo3_ffi::PyObject;

use crate::py::error::{PyResult, Raised, raise};
use crate::py::new_code::{MINOR, Misfit, make};
use crate::py::owned::Owned;
use crate::state::State;

/// `types.CodeType(…)`.
pub fn make_code(args: &[*mut PyObject]) -> PyResult<Owned> {
    make(args).map_err(|misfit| match misfit {
        Misfit::Raised => Raised,
        Misfit::Versions(versions, name) => refuse(&versions, name),
    })
}

#[cold]
fn refuse(versions: &[u8], name: Option<String>) -> Raised {
    let name = name.map_or(String::new(), |name| format!(" '{name}'"));
    let versions: Vec<String> = versions.iter().map(|minor| format!("3.{minor}")).collect();
    let origin = match versions.as_slice() {
        [] => "another version of CPython".to_owned(),
        [one] => format!("CPython {one}"),
        [most @ .., last] => format!("CPython {} or {last}", most.join(", ")),
    };
    let message = format!("the code object{name} is of {origin}, and this is CPython 3.{MINOR}");
    match State::get() {
        Ok(state) => raise(state.imports.unpickling_error.as_ptr(), &message),
        Err(raised) => raised,
    }
}
