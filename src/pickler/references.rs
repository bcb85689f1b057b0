//! Functions and classes that went by reference before: what they say of themselves and where they were found is kept, so
//! that they are found once more by one look at `sys.modules` and one at their module, and written as they were.

use std::sync::OnceLock;

use pyo3_ffi::*;

use super::cutter::Cutter;
use super::engine::Pickler;
use super::globals::is_module;
use super::stencil::Stencil;
use crate::analyzer::lookup::QualifiedName;
use crate::analyzer::metaclass::has_types_own;
use crate::decide::registry;
use crate::protocol::opcode::STACK_GLOBAL;
use crate::py::class::{compares_by_identity, heap_fields, is_class, lasting_version, own_dict};
use crate::py::error::{self, PyResult, Raised};
use crate::py::foreign::Foreign;
use crate::py::layout::type_of;
use crate::py::object::dict_get;
use crate::py::owned::Owned;
use crate::py::remembered::Remembered;
use crate::py::text;
use crate::state::State;

/// What was met last, by the address of the function or class. That is not held: another one that has its address by then
/// counts as the same if it says the same.
#[derive(Default)]
pub struct References(Remembered<Reference>);

struct Reference {
    said: Said,
    /// The names by which it is looked up: most dicts have the interned ones as their keys.
    keys: [Owned; 2],
    /// Cut when it is met the second time. None if it cannot be.
    stencil: OnceLock<Option<Stencil>>,
}

/// What a function or class says of itself.
struct Said {
    module: Owned,
    name: Owned,
    /// Of a name with dots.
    parts: Option<QualifiedName>,
    /// The class's version, under which it has said so; 0 of a function.
    version: u32,
    /// The version of its metaclass, under which that left all to `type`; 0 of a function, and where `type` is its metaclass.
    metaclass: u32,
}

/// Whoever would have to run foreign code for a look-up raises instead.
struct Refusing;

impl Foreign for Refusing {
    fn foreign(&mut self) -> PyResult<()> {
        Err(Raised)
    }
}

impl Reference {
    fn write(&self, pickler: &mut Pickler<'_>, object: *mut PyObject) -> PyResult<bool> {
        let state = pickler.state;
        if !self.said.is_of(state, object)? || !self.finds(state, object)? || !registry::is_empty(state)? {
            return Ok(false);
        }
        if self.said.metaclass != 0 && !pickler.has_no_reducer(type_of(object))? {
            return Ok(false);
        }
        match self.stencil.get() {
            Some(stencil) => stencil.as_ref().map_or(Ok(false), |stencil| pickler.stencil(stencil)),
            None => {
                // It serves from the next time on.
                let _ = self.stencil.set(self.said.cut(object)?);
                Ok(false)
            }
        }
    }

    /// Is the object where it says it is?
    fn finds(&self, state: &State, object: *mut PyObject) -> PyResult<bool> {
        let ([module, name], modules) = (&self.keys, state.modules()?);
        if type_of(modules.as_ptr()) != &raw mut PyDict_Type {
            return Ok(false);
        }
        let module = dict_get(modules.as_ptr(), module.as_ptr())?;
        let Some(module) = module.filter(|module| is_module(module.as_ptr())) else { return Ok(false) };
        let found = match &self.said.parts {
            // SAFETY: an exact module has a dict.
            None => dict_get(unsafe { PyModule_GetDict(module.as_ptr()) }, name.as_ptr())?,
            Some(parts) => match parts.find_in(state, module.as_ptr(), &mut Refusing) {
                Err(Raised) if !error::occurred() => None,
                found => found?,
            },
        };
        Ok(found.is_some_and(|found| found.as_ptr() == object))
    }
}

impl References {
    #[inline]
    fn of(state: &State) -> PyResult<&Self> {
        state.references.get(|| Ok(Self::default()))
    }
}

impl Said {
    fn is(&self, other: &Self) -> bool {
        let all = |said: &Self| (said.module.as_ptr(), said.name.as_ptr(), said.version, said.metaclass);
        all(self) == all(other)
    }

    /// What a function proper or a class made by code says of itself, if that is this.
    fn is_of(&self, state: &State, object: *mut PyObject) -> PyResult<bool> {
        if type_of(object).cast_const() == &raw const PyFunction_Type {
            // SAFETY: a function proper, which is laid out like this.
            let function = unsafe { &*object.cast::<PyFunctionObject>() };
            return Ok(function.func_module == self.module.as_ptr() && function.func_qualname == self.name.as_ptr());
        }
        let metaclass = type_of(object);
        let is_left_to_type = match metaclass == &raw mut PyType_Type {
            true => self.metaclass == 0,
            false => self.metaclass != 0 && self.metaclass == lasting_version(metaclass),
        };
        let Some(fields) = heap_fields(object).filter(|_| is_left_to_type) else { return Ok(false) };
        // SAFETY: a heap type, which is laid out like this.
        if unsafe { (*fields).ht_qualname } != self.name.as_ptr() {
            return Ok(false);
        }
        if self.version != 0 && self.version == lasting_version(object.cast()) {
            return Ok(true);
        }
        let module = dict_get(own_dict(object).as_ptr(), state.names.module.as_ptr())?;
        Ok(module.is_some_and(|module| module.as_ptr() == self.module.as_ptr()))
    }

    /// As it is written; None for what is no name.
    #[cold]
    fn cut(&self, object: *mut PyObject) -> PyResult<Option<Stencil>> {
        let mut cutter = Cutter::new()?;
        let open = cutter.open_lent(object)?;
        if !cutter.text(self.module.as_ptr())? || !cutter.text(self.name.as_ptr())? {
            return Ok(None);
        }
        cutter.op(STACK_GLOBAL)?;
        cutter.close(open)?;
        cutter.finish()
    }
}

impl Pickler<'_> {
    /// Writes a function or class that goes by reference as it did before; false, and nothing is written, if it has to be
    /// looked for, or asked.
    pub(super) fn referenced(&mut self, object: *mut PyObject) -> PyResult<bool> {
        let state = self.state;
        if self.asks || self.puts < 4 || self.has_extensions() {
            return Ok(false);
        }
        References::of(state)?.0.ask(object as usize, |known| known.write(self, object)).unwrap_or(Ok(false))
    }

    /// Keeps what a function or class says of itself that goes by reference, as it was found to be.
    pub(super) fn keep_reference(&self, object: *mut PyObject, module: Owned, name: Owned) -> PyResult<()> {
        if cfg!(Py_GIL_DISABLED) {
            return Ok(());
        }
        let (state, ty) = (self.state, type_of(object));
        let is_class = is_class(object);
        let version = if is_class { lasting_version(object.cast()) } else { 0 };
        let metaclass = if is_class && ty != &raw mut PyType_Type { lasting_version(ty) } else { 0 };
        let parts = if text::has_dot(name.as_ptr()) {
            Some(QualifiedName::new(state, name.as_ptr(), &mut Refusing)?)
        } else {
            None
        };
        let said = Said { module, name, parts, version, metaclass };
        let is_quiet = metaclass == 0 || compares_by_identity(ty) && has_types_own(state, ty, &state.names.class_attr);
        let kept = &References::of(state)?.0;
        if !is_quiet
            || !said.is_of(state, object)?
            || kept.ask(object as usize, |known| known.said.is(&said)) == Some(true)
        {
            return Ok(());
        }
        let keys = [&said.module, &said.name].map(|name| text::interned(name.clone()));
        kept.put(object as usize, Reference { said, keys, stencil: OnceLock::new() }).map(drop)
    }
}
