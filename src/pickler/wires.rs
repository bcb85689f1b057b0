//! The functions of `cloudpickle.cloudpickle` that every pickle by value names: the package's own where it is imported,
//! since a pickle may name those by itself too, else ours.

use std::sync::atomic::{AtomicU64, Ordering};

use pyo3_ffi::*;

use super::cutter::Cutter;
use super::engine::Pickler;
use super::globals::is_module;
use super::stencil::Stencil;
use crate::protocol::opcode::{REDUCE, STACK_GLOBAL};
use crate::protocol::wire::Wire;
use crate::py::collector::{CAN_WAIT, postponed};
use crate::py::contended::locked;
use crate::py::error::PyResult;
use crate::py::guarded::Guarded;
use crate::py::layout::type_of;
use crate::py::object::dict_get;
use crate::py::owned::Owned;
use crate::py::shared::Shared;
use crate::py::vec::try_gather;
use crate::reconstruct::table::callables;
use crate::state::{State, package};

/// The functions, as one dump after the other uses them.
pub struct Wires {
    /// The dict of the package's module; None where there is none.
    package: Option<Owned>,
    /// The [`package::Package::serial`] at which they were found to be the package's.
    serial: AtomicU64,
    /// By [`Wire`].
    functions: Vec<Function>,
    /// `types.CodeType`, which is in every pickle of a function.
    code_type: Option<Stencil>,
}

/// A function, and the names that are written: those that it has, held once more, since every pickle meets them.
struct Function {
    object: Owned,
    module: Owned,
    name: Owned,
    /// None if the names are no names.
    stencil: Option<Stencil>,
}

impl Function {
    #[cold]
    fn new(object: Owned, module: *mut PyObject, name: *mut PyObject) -> PyResult<Self> {
        let (module, name) = (Owned::of(module), Owned::of(name));
        let mut cutter = Cutter::new()?;
        let mut function = Self { object, module, name, stencil: None };
        if function.cut(&mut cutter)? {
            function.stencil = cutter.finish()?;
        }
        Ok(function)
    }

    /// Cuts it as a global, unless it is known; false if its names are no names.
    fn cut(&self, cutter: &mut Cutter) -> PyResult<bool> {
        let open = cutter.open_common(self.object.as_ptr())?;
        if !cutter.common_text(self.module.as_ptr())? || !cutter.common_text(self.name.as_ptr())? {
            return Ok(false);
        }
        cutter.op(STACK_GLOBAL)?;
        cutter.close(open).map(|()| true)
    }
}

/// What the state keeps of the dump before.
type Kept = Guarded<Option<Shared<Wires>>>;

/// An entry of the package's dict that is a function.
fn own_function(package: &Owned, name: *mut PyObject) -> PyResult<Option<Owned>> {
    let found = dict_get(package.as_ptr(), name)?;
    Ok(found.filter(|found| type_of(found.as_ptr()).cast_const() == &raw const PyFunction_Type))
}

impl Wires {
    /// Cuts one of the functions into a stencil; false if that can't be.
    pub fn cut(&self, cutter: &mut Cutter, wire: Wire) -> PyResult<bool> {
        self.functions[wire as usize].cut(cutter)
    }

    /// Cuts `types.CodeType` into a stencil; false if that can't be.
    pub fn cut_code_type(&self, state: &State, cutter: &mut Cutter) -> PyResult<bool> {
        let open = cutter.open_common((&raw mut PyCode_Type).cast())?;
        if !self.cut(cutter, Wire::BuiltinType)? {
            return Ok(false);
        }
        cutter.tuple(1)?;
        cutter.common_text(state.names.code_type.as_ptr())?;
        cutter.tuple_end(1)?;
        cutter.paper()?;
        cutter.op(REDUCE)?;
        cutter.close(open).map(|()| true)
    }

    /// Are these the functions of this package, which may have been loaded once more, or given others?
    fn are_of(&self, state: &State, package: Option<&Owned>) -> PyResult<bool> {
        match (&self.package, package) {
            (None, None) => Ok(true),
            (Some(ours), Some(theirs)) if ours.as_ptr() == theirs.as_ptr() => {
                for (function, name) in self.functions.iter().zip(&state.wire_names) {
                    let own = own_function(theirs, name.as_ptr())?;
                    if own.is_some_and(|own| own.as_ptr() != function.object.as_ptr()) {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    #[cold]
    fn new(state: &State, package: Option<Owned>) -> PyResult<Self> {
        let ours = callables(state)?;
        let function = |wire: &Wire| {
            let (module, name) = (state.wire_module.as_ptr(), state.wire_names[*wire as usize].as_ptr());
            let theirs = package.as_ref().map_or(Ok(None), |package| own_function(package, name))?;
            let Some(object) = theirs else {
                return Function::new(ours[*wire as usize].clone(), module, name);
            };
            let (module_of, name_of) = locked(object.as_ptr(), || {
                // SAFETY: an exact function, which holds its fields.
                unsafe {
                    let fields = object.as_ptr().cast::<PyFunctionObject>();
                    let module_of = (*fields).func_module;
                    (
                        Owned::of(if module_of.is_null() { module } else { module_of }),
                        Owned::of((*fields).func_qualname),
                    )
                }
            });
            Function::new(object, module_of.as_ptr(), name_of.as_ptr())
        };
        let functions = try_gather(Wire::ALL.iter().map(function))?;
        let mut wires = Self { package, serial: AtomicU64::new(0), functions, code_type: None };
        let mut cutter = Cutter::new()?;
        if wires.cut_code_type(state, &mut cutter)? {
            wires.code_type = cutter.finish()?;
        }
        Ok(wires)
    }
}

impl Pickler<'_> {
    /// Writes one of the functions.
    pub(super) fn wire(&mut self, wire: Wire) -> PyResult<()> {
        self.paper_boundary()?;
        let Function { object, module, name, stencil } = &self.wires()?.functions[wire as usize];
        let object = object.as_ptr();
        if let Some(number) = self.memo.get(object) {
            self.get(number);
            return Ok(());
        }
        let (module, name) = (module.as_ptr(), name.as_ptr());
        if self.protocol >= 2 && self.extension(object, module, name)? {
            return Ok(());
        }
        if let Some(stencil) = stencil
            && self.stencil(stencil)?
        {
            return Ok(());
        }
        self.global_ref(module, name)?;
        self.put()?;
        self.memo.put(object)
    }

    /// Writes `types.CodeType`; false, and nothing is written, where that asks for the slow path.
    pub(super) fn code_type(&mut self) -> PyResult<bool> {
        match &self.wires()?.code_type {
            Some(stencil) if !self.has_extensions() => self.stencil(stencil),
            _ => Ok(false),
        }
    }

    /// One of the functions in person.
    pub fn wire_object(&mut self, wire: Wire) -> PyResult<Owned> {
        Ok(self.wires()?.functions[wire as usize].object.clone())
    }

    /// The functions.
    fn wires<'w>(&mut self) -> PyResult<&'w Wires> {
        let wires = self.shared_wires()?.as_ptr();
        // SAFETY: held as long as the dump goes on: nothing takes it away.
        Ok(unsafe { &*wires })
    }

    /// The functions, found when first asked for.
    #[inline]
    pub fn shared_wires(&mut self) -> PyResult<&Shared<Wires>> {
        if self.wires.is_none() {
            self.wires = Some(self.find_wires()?);
        }
        match &self.wires {
            Some(wires) => Ok(wires),
            None => unreachable!("found just now"),
        }
    }

    fn find_wires(&mut self) -> PyResult<Shared<Wires>> {
        let state = self.state;
        let kept = state.wires.get(|| Ok(Kept::default()))?;
        let serial = package::ask(state, |package| package.serial)?;
        let last = kept.with(|kept| kept.clone()).flatten();
        if let (Some(last), Some(serial)) = (&last, serial)
            && last.serial.load(Ordering::Relaxed) == serial
        {
            return Ok(last.clone());
        }
        // SAFETY: attached; the interpreter's own dict, borrowed.
        let package = dict_get(unsafe { PyImport_GetModuleDict() }, state.wire_module.as_ptr())?;
        // SAFETY: an exact module has a dict.
        let package =
            package.filter(|m| is_module(m.as_ptr())).map(|m| Owned::of(unsafe { PyModule_GetDict(m.as_ptr()) }));
        if let Some(last) = last
            && last.are_of(state, package.as_ref())?
        {
            last.serial.store(serial.unwrap_or(0), Ordering::Relaxed);
            return Ok(last);
        }
        if state.reconstructors.made::<Vec<Owned>>().is_none() {
            if !CAN_WAIT {
                self.foreign()?;
            }
            postponed(|| callables(state).map(drop))?;
        }
        let wires = Shared::new(Wires::new(state, package)?)?;
        let before = kept.with(|kept| kept.replace(wires.clone()));
        // When others may ask again: it may run finalizers.
        drop(before);
        Ok(wires)
    }
}
