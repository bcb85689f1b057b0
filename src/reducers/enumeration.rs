//! Enumerations.

use pyo3_ffi::*;

use super::class::{by_stencil, class_attr, tracker_id};
use super::class_head::Head;
use super::class_state::{ClassState, StateKind, pop};
use super::members::{EnumModule, Members, members, members_again};
use crate::pickler::engine::Pickler;
use crate::pickler::script::Script;
use crate::py::class::is_subtype;
use crate::py::error::{PyResult, Raised};
use crate::py::layout::type_of;

/// `issubclass(class, enum.Enum)`
pub fn is_enumeration(pickler: &mut Pickler<'_>, class: *mut PyObject) -> PyResult<bool> {
    if type_of(class) == &raw mut PyType_Type {
        // Enumerations have another metaclass.
        return Ok(false);
    }
    let base = &EnumModule::of(pickler)?.base;
    Ok(is_subtype(class.cast(), base.as_ptr().cast()))
}

/// An enumeration that goes by value.
pub fn reduce(pickler: &mut Pickler<'_>, class: *mut PyObject) -> PyResult<Script> {
    let names = &pickler.state.names;
    if let Some(mut state) = ClassState::known(pickler.state, class, StateKind::Enumeration)?
        && let Some(named) = members_again(pickler, class)?
        && let Some(stencil) = state.stencil(pickler, class, Some(&named))?
    {
        pop_members(pickler, &mut state, &named)?;
        return by_stencil(pickler, class, state, &stencil);
    }
    let (named, were_asked) = members(pickler, class)?;
    let bases = class_attr(pickler, class, &names.bases)?;
    let name = class_attr(pickler, class, &names.name)?;
    let qualname = class_attr(pickler, class, &names.qualname)?;
    let module = Some(class_attr(pickler, class, &names.module)?);
    let id = tracker_id(pickler, class)?;
    let mut state = ClassState::of(pickler, class, StateKind::Enumeration)?;
    // cloudpickle asks once more.
    let again = if were_asked { Some(members(pickler, class)?.0) } else { None };
    pop_members(pickler, &mut state, again.as_ref().unwrap_or(&named))?;
    let head = Head { name, module, dict: None, id, is_generic: false, members: Some((qualname, named)) };
    if !were_asked {
        state.cut(pickler, &head)?;
    }

    let mut plan = pickler.plan();
    head.describe(&mut plan, class, bases, state, None)?;
    Ok(plan.finish())
}

/// The class gets its members when it is made: its state is without them.
fn pop_members(pickler: &mut Pickler<'_>, state: &mut ClassState, members: &Members) -> PyResult<()> {
    for (name, _) in members {
        if !pop(pickler, &mut state.dict, name.as_ptr())? {
            // SAFETY: live.
            unsafe { PyErr_SetObject(PyExc_KeyError, name.as_ptr()) };
            return Err(Raised);
        }
    }
    Ok(())
}
