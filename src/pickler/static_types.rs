//! Types and functions of `builtins`, which go by reference again and again: as a base, as a metaclass, as what is called.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3_ffi::*;

use super::cutter::Cutter;
use super::engine::Pickler;
use super::globals::is_module;
use super::stencil::Stencil;
use crate::decide::registry;
use crate::protocol::opcode::STACK_GLOBAL;
use crate::py::class::is_heap;
use crate::py::error::PyResult;
use crate::py::layout::type_of;
use crate::py::object::{attr, dict_get};
use crate::py::owned::Owned;
use crate::py::text;
use crate::state::{State, package};

const SLOTS: usize = 128;
/// So many slots are looked at for one type.
const PROBES: usize = 8;

/// What is kept, by the type's address. Nothing leaves it.
pub struct StaticTypes([OnceLock<Kept>; SLOTS]);

struct Kept {
    ty: *mut PyObject,
    /// None if it goes the long way.
    known: Option<Known>,
}

// SAFETY: used and dropped by threads only that are attached to their interpreter.
unsafe impl Send for Kept {}
// SAFETY: as above.
unsafe impl Sync for Kept {}

/// A type, and where it is found.
struct Known {
    module: Owned,
    /// What it says as `__module__`.
    module_name: Owned,
    /// The key in the module's dict.
    name: Owned,
    /// The [`package::Package::serial`] at which it was found there; 0 if at none.
    serial: AtomicU64,
    stencil: Stencil,
}

impl StaticTypes {
    fn new() -> Self {
        Self([const { OnceLock::new() }; SLOTS])
    }

    fn get(&self, state: &State, ty: *mut PyObject) -> PyResult<Option<&Known>> {
        let first = (ty as usize).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (usize::BITS - SLOTS.ilog2());
        for probe in 0..PROBES {
            let slot = &self.0[(first + probe) % SLOTS];
            let kept = match slot.get() {
                Some(kept) => kept,
                None => {
                    let known = Known::of(state, ty)?;
                    // Another one may have come first.
                    slot.get_or_init(|| Kept { ty, known })
                }
            };
            if kept.ty == ty {
                return Ok(kept.known.as_ref());
            }
        }
        Ok(None)
    }
}

impl Known {
    /// Is the type in its module, and that in `sys.modules`, and no module registered by value?
    fn goes_by_reference(&self, state: &State, ty: *mut PyObject) -> PyResult<bool> {
        if !registry::is_empty(state)? {
            return Ok(false);
        }
        let is_ours = |module: &Option<Owned>| module.as_ref().is_some_and(|it| it.as_ptr() == self.module.as_ptr());
        let seen = package::ask(state, |package| (package.serial, is_ours(&package.builtins)))?;
        let serial = match seen {
            Some((serial, true)) => serial,
            Some((_, false)) => return Ok(false),
            None => {
                let modules = state.modules()?;
                let is_dict = type_of(modules.as_ptr()) == &raw mut PyDict_Type;
                if !is_dict || !is_ours(&dict_get(modules.as_ptr(), state.names.builtins.as_ptr())?) {
                    return Ok(false);
                }
                0
            }
        };
        if serial != 0 && self.serial.load(Ordering::Relaxed) == serial {
            return Ok(true);
        }
        // SAFETY: an exact module has a dict.
        let dict = unsafe { PyModule_GetDict(self.module.as_ptr()) };
        let is_there = dict_get(dict, self.name.as_ptr())?.is_some_and(|found| found.as_ptr() == ty);
        // Only that dict is watched.
        if is_there && dict == state.imports.builtins_dict.as_ptr() {
            self.serial.store(serial, Ordering::Relaxed);
        }
        Ok(is_there)
    }

    /// None for what is not in `builtins` under its name, or is no type that stays as it is.
    #[cold]
    fn of(state: &State, ty: *mut PyObject) -> PyResult<Option<Self>> {
        let names = &state.names;
        let (module_name, name) = (attr(ty, names.module.as_ptr())?, attr(ty, names.qualname.as_ptr())?);
        let module = dict_get(state.modules()?.as_ptr(), names.builtins.as_ptr())?;
        let Some(module) = module.filter(|module| is_module(module.as_ptr())) else { return Ok(None) };
        let is_text = type_of(module_name.as_ptr()).cast_const() == &raw const PyUnicode_Type;
        let is_own = is_text && text::is(module_name.as_ptr(), c"builtins");
        // SAFETY: an exact module has a dict.
        let found = dict_get(unsafe { PyModule_GetDict(module.as_ptr()) }, name.as_ptr())?;
        if !is_own || found.is_none_or(|found| found.as_ptr() != ty) {
            return Ok(None);
        }
        let mut cutter = Cutter::new()?;
        let open = cutter.open(ty)?;
        if !cutter.text(module_name.as_ptr())? {
            return Ok(None);
        }
        // Is the name made anew each time?
        if attr(ty, names.qualname.as_ptr())?.as_ptr() == name.as_ptr() {
            cutter.text(name.as_ptr())?;
        } else {
            cutter.fresh_text(name.as_ptr())?;
        }
        cutter.op(STACK_GLOBAL)?;
        cutter.close(open)?;
        Ok(cutter.finish()?.map(|stencil| Self {
            module,
            module_name: module_name.clone(),
            name,
            serial: AtomicU64::new(0),
            stencil,
        }))
    }
}

impl Pickler<'_> {
    /// Writes a type of `builtins`; false, and nothing is written, for any other and where that asks for the slow path.
    pub(super) fn static_type(&mut self, ty: *mut PyObject) -> PyResult<bool> {
        if is_heap(ty) || self.asks || self.protocol < 4 || self.has_extensions() {
            return Ok(false);
        }
        self.of_builtins(ty, |_| true)
    }

    /// The same for a function of `builtins`.
    pub(super) fn static_function(&mut self, function: *mut PyObject) -> PyResult<bool> {
        // SAFETY: an exact function written in C; an exact module has a dict.
        let is_of_builtins = unsafe {
            let of = (*function.cast::<PyCFunctionObject>()).m_self;
            !of.is_null() && is_module(of) && PyModule_GetDict(of) == self.state.imports.builtins_dict.as_ptr()
        };
        if !is_of_builtins || self.asks || self.protocol < 4 || self.has_extensions() {
            return Ok(false);
        }
        let ty = (&raw mut PyCFunction_Type).cast();
        if dict_get(self.state.imports.dispatch_table.as_ptr(), ty)?.is_some() {
            return Ok(false);
        }
        // SAFETY: as above. A program may have set the field.
        let module_name = unsafe { (*function.cast::<PyCFunctionObject>()).m_module };
        self.of_builtins(function, |known| known.module_name.as_ptr() == module_name)
    }

    fn of_builtins(&mut self, object: *mut PyObject, is_same: impl FnOnce(&Known) -> bool) -> PyResult<bool> {
        let state = self.state;
        let kept = state.static_types.get(|| Ok(StaticTypes::new()))?;
        let Some(known) = kept.get(state, object)?.filter(|known| is_same(known)) else { return Ok(false) };
        if known.goes_by_reference(state, object)? { self.stencil(&known.stencil) } else { Ok(false) }
    }
}
