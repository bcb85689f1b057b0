//! What a pickle names: functions, classes, extension codes.

use pyo3_ffi::*;

use super::machine::Machine;
use crate::py::error::{PyResult, check};
use crate::py::lookup;
use crate::py::object::dict_get;
use crate::py::owned::Owned;
use crate::py::text;
use crate::py::undeclared::PySys_Audit;
use crate::reconstruct::table;

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

    /// An object of the extension registry.
    pub(super) fn extension(&mut self, code: i32) -> PyResult<()> {
        if code <= 0 {
            return Err(self.fail("EXT specifies code <= 0"));
        }
        let key = crate::py::number::from_i64(code.into())?;
        let imports = &self.state.imports;
        let cache = imports.extension_cache()?;
        if let Some(object) = dict_get(cache, key.as_ptr())? {
            return self.push(object);
        }
        let Some(pair) = dict_get(imports.inverted_registry()?, key.as_ptr())? else {
            return Err(self.fail_value(&format!("unregistered extension code {code}")));
        };
        let Some((module, name)) = pair_of_str(&pair) else {
            return Err(self.fail_value(&format!("_inverted_registry[{code}] isn't a 2-tuple of strings")));
        };
        let object = self.find_class(&module, &name)?;
        // SAFETY: all are live.
        check(unsafe { PyDict_SetItem(cache, key.as_ptr(), object.as_ptr()) })?;
        self.push(object)
    }

    /// Asks the policy, then our own loading functions, then the modules.
    pub(super) fn find_class(&mut self, module: &Owned, name: &Owned) -> PyResult<Owned> {
        if let Some(policy) = &mut self.options.find_class
            && let Some(object) = policy.find(module.as_ptr(), name.as_ptr())?
        {
            return Ok(object);
        }
        // SAFETY: live, as the format asks.
        check(unsafe { PySys_Audit(c"pickle.find_class".as_ptr(), c"OO".as_ptr(), module.as_ptr(), name.as_ptr()) })?;
        if let Some(function) = table::find(module.as_ptr(), name.as_ptr())? {
            return Ok(function);
        }
        let renamed = if self.protocol < 3 && self.options.fix_imports { self.rename(module, name)? } else { None };
        let (module, name) = renamed.as_ref().map_or((module, name), |(module, name)| (module, name));
        let names = &self.state.names;
        let (spec, initializing) = (names.spec.as_ptr(), names.initializing.as_ptr());
        let holder = lookup::module(self.state.modules()?.as_ptr(), module.as_ptr(), spec, initializing)
            .map_err(|raised| self.needed_by(raised))?;
        lookup::global(holder.as_ptr(), name.as_ptr(), self.protocol >= 4)
    }

    /// What Python 2 called otherwise.
    fn rename(&self, module: &Owned, name: &Owned) -> PyResult<Option<(Owned, Owned)>> {
        let imports = &self.state.imports;
        // SAFETY: live; a new reference. Exception types live as long as the interpreter.
        let (key, runtime_error) =
            unsafe { (Owned::new(PyTuple_Pack(2, module.as_ptr(), name.as_ptr()))?, PyExc_RuntimeError) };
        if let Some(pair) = dict_get(imports.name_mapping_2to3()?, key.as_ptr())? {
            return match pair_of_str(&pair) {
                Some(pair) => Ok(Some(pair)),
                None => Err(self.fail_with(runtime_error, "_compat_pickle.NAME_MAPPING values should be pairs of str")),
            };
        }
        match dict_get(imports.import_mapping_2to3()?, module.as_ptr())? {
            // SAFETY: live.
            Some(module) if unsafe { PyUnicode_Check(module.as_ptr()) } == 0 => {
                Err(self.fail_with(runtime_error, "_compat_pickle.IMPORT_MAPPING values should be strings"))
            }
            module => Ok(module.map(|module| (module, name.clone()))),
        }
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
