//! What a pickle names: functions, classes, extension codes.

use pyo3_ffi::*;

use super::directory::Entry;
use super::kept::Kept;
use super::machine::Machine;
use crate::py::error::{PyResult, Raised, check, raise};
use crate::py::lookup;
use crate::py::message::message;
use crate::py::object::dict_get;
use crate::py::owned::Owned;
use crate::py::text;
use crate::py::undeclared::PySys_Audit;
use crate::reconstruct::table;
use crate::state::State;

impl Machine<'_, '_> {
    pub(super) fn stack_global(&mut self) -> PyResult<()> {
        let name = self.pop()?;
        let module = self.pop()?;
        // SAFETY: live.
        if unsafe { PyUnicode_CheckExact(module.as_ptr()) == 0 || PyUnicode_CheckExact(name.as_ptr()) == 0 } {
            return Err(self.fail("STACK_GLOBAL requires str"));
        }
        let object = self.find_class(&module, &name)?;
        self.push(object)
    }

    pub(super) fn global(&mut self) -> PyResult<()> {
        let module = text::from_utf8(self.full_line()?)?;
        let name = text::from_utf8(self.full_line()?)?;
        let object = self.find_class(&module, &name)?;
        self.push(object)
    }

    /// An object of the extension registry. What others have loaded before is in its cache, but a policy is asked about each
    /// name, and what it answers is for its own loads only.
    pub(super) fn extension(&mut self, code: i32) -> PyResult<()> {
        if code <= 0 {
            return Err(self.fail("EXT specifies code <= 0"));
        }
        let key = crate::py::number::from_i64(code.into())?;
        let imports = &self.state.imports;
        let cache = if self.options.find_class.is_none() { Some(imports.extension_cache()?) } else { None };
        if let Some(cache) = cache
            && let Some(object) = dict_get(cache, key.as_ptr())?
        {
            return self.push(object);
        }
        let Some(pair) = dict_get(imports.inverted_registry()?, key.as_ptr())? else {
            return Err(self.fail_value(&message!("unregistered extension code {code}")));
        };
        let Some((module, name)) = pair_of_str(&pair) else {
            return Err(self.fail_value(&message!("_inverted_registry[{code}] isn't a 2-tuple of strings")));
        };
        let object = self.find_class(&module, &name)?;
        if let Some(cache) = cache {
            // SAFETY: all are live.
            check(unsafe { PyDict_SetItem(cache, key.as_ptr(), object.as_ptr()) })?;
        }
        self.push(object)
    }

    /// Asks the policy, then our own loading functions, then the modules.
    pub(super) fn find_class(&mut self, module: &Owned, name: &Owned) -> PyResult<Owned> {
        if let Some(policy) = &mut self.options.find_class
            && let Some(object) = policy.find(module.as_ptr(), name.as_ptr(), self.protocol)?
        {
            return Ok(object);
        }
        let fix_imports = self.options.fix_imports;
        find(self.state, self.kept, module, name, self.protocol, fix_imports, |raised| self.needed_by(raised))
    }
}

/// As an unpickler without a policy finds a global.
pub fn find_class(module: &Owned, name: &Owned, protocol: u8, fix_imports: bool) -> PyResult<Owned> {
    let state = State::get()?;
    find(state, state.unpickler.get(Kept::new)?, module, name, protocol, fix_imports, |raised| raised)
}

/// One of our own loading functions, or what a module has; `explain` may add to the failure of an import.
fn find(
    state: &State,
    kept: &Kept,
    module: &Owned,
    name: &Owned,
    protocol: u8,
    fix_imports: bool,
    explain: impl FnOnce(Raised) -> Raised,
) -> PyResult<Owned> {
    // SAFETY: live, as the format asks.
    check(unsafe { PySys_Audit(c"pickle.find_class".as_ptr(), c"OO".as_ptr(), module.as_ptr(), name.as_ptr()) })?;
    let by_path = protocol >= 4;
    match if by_path { kept.directory.find(module.as_ptr(), name.as_ptr()) } else { None } {
        Some(Entry::Ours(function)) => return Ok(function),
        Some(Entry::Names(module, name)) => return in_module(state, &module, &name, false, explain),
        None => {}
    }
    if let Some(function) = table::find(module.as_ptr(), name.as_ptr())? {
        kept.directory.note(module.as_ptr(), name.as_ptr(), Some(&function));
        return Ok(function);
    }
    let renamed = if protocol < 3 && fix_imports { rename(state, module, name)? } else { None };
    let (module, name) = renamed.as_ref().map_or((module, name), |(module, name)| (module, name));
    let object = in_module(state, module, name, by_path, explain)?;
    if by_path {
        kept.directory.note(module.as_ptr(), name.as_ptr(), None);
    }
    Ok(object)
}

/// What a module, which is imported if it was not, has under a name or path.
fn in_module(
    state: &State,
    module: &Owned,
    name: &Owned,
    by_path: bool,
    explain: impl FnOnce(Raised) -> Raised,
) -> PyResult<Owned> {
    let names = &state.names;
    let (spec, initializing) = (names.spec.as_ptr(), names.initializing.as_ptr());
    let holder = lookup::module(state.modules()?.as_ptr(), module.as_ptr(), spec, initializing).map_err(explain)?;
    lookup::global(holder.as_ptr(), name.as_ptr(), by_path)
}

/// What Python 2 called otherwise.
fn rename(state: &State, module: &Owned, name: &Owned) -> PyResult<Option<(Owned, Owned)>> {
    let imports = &state.imports;
    // SAFETY: live; a new reference. Exception types live as long as the interpreter.
    let (key, runtime_error) =
        unsafe { (Owned::new(PyTuple_Pack(2, module.as_ptr(), name.as_ptr()))?, PyExc_RuntimeError) };
    if let Some(pair) = dict_get(imports.name_mapping_2to3()?, key.as_ptr())? {
        return match pair_of_str(&pair) {
            Some(pair) => Ok(Some(pair)),
            None => Err(raise(runtime_error, "_compat_pickle.NAME_MAPPING values should be pairs of str")),
        };
    }
    match dict_get(imports.import_mapping_2to3()?, module.as_ptr())? {
        // SAFETY: live.
        Some(module) if unsafe { PyUnicode_Check(module.as_ptr()) } == 0 => {
            Err(raise(runtime_error, "_compat_pickle.IMPORT_MAPPING values should be strings"))
        }
        module => Ok(module.map(|module| (module, name.clone()))),
    }
}

/// A 2-tuple of `str`.
fn pair_of_str(pair: &Owned) -> Option<(Owned, Owned)> {
    // SAFETY: live; the items are borrowed from the tuple.
    unsafe {
        if PyTuple_Check(pair.as_ptr()) == 0 || Py_SIZE(pair.as_ptr()) != 2 {
            return None;
        }
        let (first, second) = (PyTuple_GetItem(pair.as_ptr(), 0), PyTuple_GetItem(pair.as_ptr(), 1));
        (PyUnicode_Check(first) != 0 && PyUnicode_Check(second) != 0).then(|| (Owned::of(first), Owned::of(second)))
    }
}
