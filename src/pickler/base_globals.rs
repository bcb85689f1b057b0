//! The globals that functions share: a dict with what they need for relative imports, to which each adds what it uses.

use pyo3_ffi::*;

use super::engine::Pickler;
use super::plan::{Place, Plan};
use super::script::Step;
use crate::py::error::{PyResult, check};
use crate::py::object::{dict_get, item};
use crate::py::owned::Owned;
use crate::state::{Name, State};

impl Plan<'_, '_> {
    /// The dict that all functions with these globals share (`Pickler.globals_ref` of cloudpickle): what the first of
    /// them begins with, a reference for the others. `given` is what [`base_globals`] found in globals of another type
    /// than `dict`.
    pub fn base_globals(&mut self, globals: *mut PyObject, given: Option<BaseGlobals>) -> PyResult<()> {
        let key = base_globals_key(globals);
        let in_person = self.is_in_person();
        if !in_person && let Some(number) = self.pickler().memo.get_key(key) {
            return self.raw(Step::Get(number));
        }
        let keys = base_names(self.pickler().state);
        let values = match given {
            Some(given) => given,
            None => {
                let mut values = BaseGlobals::default();
                for (key, value) in keys.iter().zip(&mut values) {
                    *value = dict_get(globals, key.as_ptr())?;
                }
                values
            }
        };
        if in_person {
            let there = |(key, value): (&Name, Option<Owned>)| value.map(|value| (Owned::of(key.as_ptr()), value));
            let values: Vec<_> = keys.into_iter().zip(values).filter_map(there).collect();
            let shared = self.pickler().shared_globals(globals, &values)?;
            return self.owned(shared, Place::Hidden);
        }
        let at = self.raw_at(Step::SharedDict { key, steps: 0 })?;
        let mut dict = self.shared_dict(values.iter().flatten().count())?;
        for (key, value) in keys.into_iter().zip(values) {
            if let Some(value) = value {
                dict.next(self)?;
                self.name(key)?;
                self.held(value, Place::Global(key.as_ptr()))?;
            }
        }
        dict.end(self)?;
        self.close_shared_dict(at);
        Ok(())
    }
}

/// The values of [`base_names`], as far as they are there.
pub type BaseGlobals = [Option<Owned>; 4];

/// What of its globals a function needs for relative imports.
fn base_names(state: &State) -> [&Name; 4] {
    let names = &state.names;
    [&names.package, &names.name, &names.path, &names.file]
}

/// Asks globals of another type than `dict` for what functions begin with, unless that was written before. Runs
/// foreign code.
pub fn base_globals(pickler: &Pickler<'_>, globals: *mut PyObject) -> PyResult<BaseGlobals> {
    let mut values = BaseGlobals::default();
    if pickler.memo.get_key(base_globals_key(globals)).is_some() {
        return Ok(values);
    }
    for (key, value) in base_names(pickler.state).iter().zip(&mut values) {
        // SAFETY: live.
        if check(unsafe { PySequence_Contains(globals, key.as_ptr()) })? != 0 {
            *value = Some(item(globals, key.as_ptr())?);
        }
    }
    Ok(values)
}

/// The address by which the memo knows what functions with these globals share: no object has an odd one.
fn base_globals_key(globals: *mut PyObject) -> usize {
    globals as usize + 1
}
