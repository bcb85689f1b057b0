//! The functions of `cloudpickle.cloudpickle` that every pickle by value names, whether the package is there or not.

use pyo3_ffi::*;

use super::engine::Pickler;
use super::globals::is_module;
use crate::protocol::wire::{MODULE, Wire};
use crate::py::error::PyResult;
use crate::py::layout::{Chars, chars, type_of};
use crate::py::object::dict_get;
use crate::py::owned::Owned;
use crate::py::text;

/// What stands for one of them in the memo: an address that no object has.
#[derive(Clone, Copy)]
pub struct WireKey(usize);

static KEYS: [u8; Wire::ALL.len()] = [0; Wire::ALL.len()];

impl WireKey {
    fn new(wire: Wire) -> Self {
        Self((&raw const KEYS[wire as usize]) as usize)
    }

    /// That of the function with these names, if it is one of them.
    pub fn of(module: *mut PyObject, name: *mut PyObject) -> Option<Self> {
        let exact = |text| type_of(text).cast_const() == &raw const PyUnicode_Type;
        if !exact(module) || !exact(name) {
            return None;
        }
        let Chars::Ascii(module) = chars(module) else { return None };
        if module != MODULE.as_bytes() {
            return None;
        }
        Wire::ALL.iter().find(|wire| text::is(name, wire.name())).map(|wire| Self::new(*wire))
    }

    pub fn key(self) -> usize {
        self.0
    }
}

impl Pickler<'_> {
    /// Writes one of the functions.
    pub(super) fn wire(&mut self, wire: Wire) -> PyResult<()> {
        self.paper_boundary()?;
        let key = WireKey::new(wire).key();
        if let Some(number) = self.memo.get_key(key) {
            self.get(number);
            return Ok(());
        }
        let (module, name) = (self.wire_module()?, self.state.wire_names[wire as usize].as_ptr());
        // SAFETY: a static object, for messages about no object in particular.
        let shown = unsafe { Py_None() };
        if self.protocol >= 2 && self.extension(shown, module, name)? {
            return Ok(());
        }
        self.global_ref(shown, module, name)?;
        self.put()?;
        self.memo.put_key(key)
    }

    /// Has the pickle had this function, which it now comes to by itself? Then it is written.
    pub(super) fn is_known_wire(&mut self, wire: WireKey, function: *mut PyObject) -> PyResult<bool> {
        let Some(number) = self.memo.get_key(wire.key()) else { return Ok(false) };
        let function = self.keep_for_dump(Owned::of(function))?;
        self.memo.also_known(function as usize, number)?;
        self.get(number);
        Ok(true)
    }

    /// The name of their module: where the package is imported the very object that its functions and classes have.
    fn wire_module(&mut self) -> PyResult<*mut PyObject> {
        if self.wire_module.is_null() {
            let own = &self.state.wire_module;
            let theirs = match dict_get(self.state.modules()?.as_ptr(), own.as_ptr())? {
                // SAFETY: an exact module has a dict.
                Some(package) if is_module(package.as_ptr()) => {
                    dict_get(unsafe { PyModule_GetDict(package.as_ptr()) }, self.state.names.name.as_ptr())?
                }
                _ => None,
            };
            let is_name = |name: &Owned| {
                type_of(name.as_ptr()).cast_const() == &raw const PyUnicode_Type
                    && matches!(chars(name.as_ptr()), Chars::Ascii(text) if text == MODULE.as_bytes())
            };
            self.wire_module = match theirs.filter(is_name) {
                Some(name) => self.keep_for_dump(name)?,
                None => own.as_ptr(),
            };
        }
        Ok(self.wire_module)
    }
}
