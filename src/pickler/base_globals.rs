//! The globals that functions share: a dict with what they need for relative imports, to which each adds what it uses.

use std::sync::atomic::{AtomicU64, Ordering};

use pyo3_ffi::*;

use super::cutter::Cutter;
use super::engine::Pickler;
use super::plan::{Place, Plan};
use super::script::Step;
use crate::protocol::opcode::*;
use crate::py::dict::version;
use crate::py::error::{PyResult, check};
use crate::py::object::{dict_find, dict_get, item};
use crate::py::owned::Owned;
use crate::py::vec::gather;
use crate::state::{Name, State};

impl Plan<'_, '_> {
    /// Was it written what functions with these globals share?
    pub fn knows_base_globals(&mut self, globals: *mut PyObject) -> bool {
        self.pickler().memo.get_key(base_globals_key(globals)).is_some()
    }

    /// The dict that all functions with these globals share (`Pickler.globals_ref` of cloudpickle): what the first of
    /// them begins with, a reference for the others. `given` is what was found in them before, by [`of_dict`] or
    /// [`base_globals`].
    pub fn base_globals(&mut self, globals: *mut PyObject, given: Option<BaseGlobals>) -> PyResult<()> {
        let key = base_globals_key(globals);
        let in_person = self.is_in_person();
        if !in_person && let Some(number) = self.pickler().memo.get_key(key) {
            return self.raw(Step::Get(number));
        }
        let keys = base_names(self.pickler().state);
        let values = match given {
            Some(given) => given,
            None => of_dict(self.pickler().state, globals)?,
        };
        if in_person {
            let there = |(key, value): (&Name, Option<Owned>)| value.map(|value| (Owned::of(key.as_ptr()), value));
            let values = gather(keys.into_iter().zip(values).filter_map(there))?;
            let shared = self.pickler().shared_globals(globals, &values)?;
            return self.owned(shared, Place::Part(1));
        }
        // They may have been met by themselves.
        self.lends(globals)?;
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

    /// Was written what functions with these globals, a plain dict, share, or would it have these very values?
    #[inline]
    pub fn begins_with(&mut self, globals: *mut PyObject, expected: &Expected) -> PyResult<bool> {
        if expected.is_seen_in(globals) || self.knows_base_globals(globals) {
            return Ok(true);
        }
        for (key, value) in base_names(self.pickler().state).iter().zip(&expected.values) {
            let find = if value.is_some() { dict_get } else { dict_find };
            let found = find(globals, key.as_ptr())?;
            if found.as_ref().map(Owned::as_ptr) != value.as_ref().map(Owned::as_ptr) {
                return Ok(false);
            }
        }
        expected.see_in(globals);
        Ok(true)
    }
}

/// What functions are expected to begin with.
pub struct Expected {
    values: BaseGlobals,
    /// The version of the globals in which they were seen last.
    seen: AtomicU64,
}

impl Expected {
    /// As it is in globals that are a plain dict.
    pub fn of(state: &State, globals: *mut PyObject) -> PyResult<Self> {
        Ok(Self { values: of_dict(state, globals)?, seen: AtomicU64::new(0) })
    }

    /// Were the values seen in these globals, which nothing has changed since?
    #[inline]
    fn is_seen_in(&self, globals: *mut PyObject) -> bool {
        version(globals).is_some_and(|version| self.seen.load(Ordering::Relaxed) == version)
    }

    fn see_in(&self, globals: *mut PyObject) {
        if let Some(version) = version(globals) {
            self.seen.store(version, Ordering::Relaxed);
        }
    }

    /// Cuts the shared dict with these values into a stencil; false if that can't be.
    pub fn cut(&self, state: &State, cutter: &mut Cutter) -> PyResult<bool> {
        let count = self.values.iter().flatten().count();
        let begun = cutter.shared(EMPTY_DICT)?;
        cutter.entries(count)?;
        for (key, value) in base_names(state).iter().zip(&self.values) {
            let Some(value) = value else { continue };
            cutter.text(key.as_ptr())?;
            if !cutter.object(value.as_ptr(), 0, &mut |_, _, _| Ok(false))? {
                return Ok(false);
            }
        }
        cutter.entries_end(count)?;
        cutter.shared_end(begun);
        Ok(true)
    }
}

/// The values of [`base_names`], as far as they are there.
pub type BaseGlobals = [Option<Owned>; 4];

/// What functions with these globals, a plain dict, begin with.
pub fn of_dict(state: &State, globals: *mut PyObject) -> PyResult<BaseGlobals> {
    let mut values = BaseGlobals::default();
    for (key, value) in base_names(state).iter().zip(&mut values) {
        *value = dict_get(globals, key.as_ptr())?;
    }
    Ok(values)
}

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
pub fn base_globals_key(globals: *mut PyObject) -> usize {
    globals as usize + 1
}
