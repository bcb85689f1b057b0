//! The functions of `cloudpickle.cloudpickle` that every pickle by value names: the package's own where it is imported,
//! since a pickle may name those by itself too, else ours.

use std::sync::{Arc, Mutex};

use pyo3_ffi::*;

use super::engine::Pickler;
use super::globals::is_module;
use crate::protocol::wire::Wire;
use crate::py::error::PyResult;
use crate::py::layout::type_of;
use crate::py::object::dict_get;
use crate::py::owned::Owned;
use crate::reconstruct::table::callables;
use crate::state::State;

/// The functions, as one dump after the other uses them.
pub struct Wires {
    /// The dict of the package's module; None where there is none.
    package: Option<Owned>,
    /// By [`Wire`].
    functions: Vec<Function>,
}

/// A function, and the names that are written: those that it has, held once more, since every pickle meets them.
struct Function {
    object: Owned,
    module: Owned,
    name: Owned,
}

/// What the state keeps of the dump before.
type Kept = Mutex<Option<Arc<Wires>>>;

/// An entry of the package's dict that is a function.
fn own_function(package: &Owned, name: *mut PyObject) -> PyResult<Option<Owned>> {
    let found = dict_get(package.as_ptr(), name)?;
    Ok(found.filter(|found| type_of(found.as_ptr()).cast_const() == &raw const PyFunction_Type))
}

impl Wires {
    /// Are these the functions of this package, which may have been loaded once more?
    fn are_of(&self, state: &State, package: Option<&Owned>) -> PyResult<bool> {
        match (&self.package, package) {
            (None, None) => Ok(true),
            (Some(ours), Some(theirs)) if ours.as_ptr() == theirs.as_ptr() => {
                let first = own_function(theirs, state.wire_names[Wire::MakeFunction as usize].as_ptr())?;
                let known = &self.functions[Wire::MakeFunction as usize].object;
                Ok(first.is_none_or(|first| first.as_ptr() == known.as_ptr()))
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
                return Ok(Function {
                    object: ours[*wire as usize].clone(),
                    module: Owned::of(module),
                    name: Owned::of(name),
                });
            };
            // SAFETY: an exact function.
            let (module_of, name_of) = unsafe {
                let fields = object.as_ptr().cast::<PyFunctionObject>();
                ((*fields).func_module, (*fields).func_qualname)
            };
            let module = if module_of.is_null() { module } else { module_of };
            Ok(Function { object, module: Owned::of(module), name: Owned::of(name_of) })
        };
        let functions = Wire::ALL.iter().map(function).collect::<PyResult<_>>()?;
        Ok(Self { package, functions })
    }
}

impl Pickler<'_> {
    /// Writes one of the functions.
    pub(super) fn wire(&mut self, wire: Wire) -> PyResult<()> {
        self.paper_boundary()?;
        let (object, module, name) = self.wire_function(wire)?;
        if let Some(number) = self.memo.get(object) {
            self.get(number);
            return Ok(());
        }
        if self.protocol >= 2 && self.extension(object, module, name)? {
            return Ok(());
        }
        self.global_ref(object, module, name)?;
        self.put()?;
        self.memo.put(object)
    }

    /// One of the functions in person.
    pub fn wire_object(&mut self, wire: Wire) -> PyResult<Owned> {
        self.wire_function(wire).map(|(object, ..)| Owned::of(object))
    }

    /// A function, the name of its module and its own; held as long as the dump goes on.
    fn wire_function(&mut self, wire: Wire) -> PyResult<(*mut PyObject, *mut PyObject, *mut PyObject)> {
        let wires = match self.wires.take() {
            Some(wires) => wires,
            None => self.find_wires()?,
        };
        let Function { object, module, name } = &self.wires.insert(wires).functions[wire as usize];
        Ok((object.as_ptr(), module.as_ptr(), name.as_ptr()))
    }

    fn find_wires(&mut self) -> PyResult<Arc<Wires>> {
        let state = self.state;
        // SAFETY: attached; the interpreter's own dict, borrowed.
        let package = dict_get(unsafe { PyImport_GetModuleDict() }, state.wire_module.as_ptr())?;
        // SAFETY: an exact module has a dict.
        let package =
            package.filter(|m| is_module(m.as_ptr())).map(|m| Owned::of(unsafe { PyModule_GetDict(m.as_ptr()) }));
        let kept = state.wires.get(|| Ok(Kept::default()))?;
        // Never waits: a lock that another thread had in a fork stays locked in the child.
        let last = kept.try_lock().ok().and_then(|kept| kept.clone());
        if let Some(last) = last
            && last.are_of(state, package.as_ref())?
        {
            return Ok(last);
        }
        if state.reconstructors.made::<Vec<Owned>>().is_none() {
            self.foreign()?;
        }
        let wires = Arc::new(Wires::new(state, package)?);
        let before = kept.try_lock().ok().and_then(|mut kept| kept.replace(wires.clone()));
        // Outside of the lock: it may run finalizers.
        drop(before);
        Ok(wires)
    }
}
