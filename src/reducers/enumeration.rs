//! Enumerations.

use pyo3_ffi::*;

use super::class::{class_attr, tracker_id};
use super::class_state::{ClassState, StateKind, pop};
use super::members::{EnumModule, Members, members};
use crate::pickler::engine::Pickler;
use crate::pickler::plan::{Place, Plan};
use crate::pickler::script::Script;
use crate::protocol::wire::Wire;
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

/// (_make_skeleton_enum, (bases, name, qualified name, members, module, tracker id, None), state, _class_setstate)
pub fn reduce(pickler: &mut Pickler<'_>, class: *mut PyObject) -> PyResult<Script> {
    let names = &pickler.state.names;
    let (named, were_asked) = members(pickler, class)?;
    let bases = class_attr(pickler, class, &names.bases)?;
    let name = class_attr(pickler, class, &names.name)?;
    let qualname = class_attr(pickler, class, &names.qualname)?;
    let module = class_attr(pickler, class, &names.module)?;
    let id = tracker_id(pickler, class)?;
    let mut state = ClassState::of(pickler, class, StateKind::Enumeration)?;
    // cloudpickle asks once more.
    let again = if were_asked { Some(members(pickler, class)?.0) } else { None };
    for (name, _) in again.as_ref().unwrap_or(&named) {
        if !pop(pickler, &mut state.dict, name.as_ptr())? {
            // SAFETY: live.
            unsafe { PyErr_SetObject(PyExc_KeyError, name.as_ptr()) };
            return Err(Raised);
        }
    }

    let mut plan = pickler.plan();
    let p = &mut plan;
    p.wire(Wire::MakeSkeletonEnum)?;
    p.tuple(7)?;
    p.owned(bases, Place::NamedPart(0, &"__bases__"))?;
    p.owned(name, Place::Part(1))?;
    p.owned(qualname, Place::Part(2))?;
    write_members(p, named)?;
    p.owned(module, Place::Part(4))?;
    p.owned(id, Place::Part(5))?;
    p.none()?;
    p.tuple_end(7)?;
    p.reduce(class)?;
    state.write(p, class)?;
    Ok(plan.finish())
}

fn write_members(plan: &mut Plan<'_, '_>, members: Members) -> PyResult<()> {
    let mut dict = plan.dict(members.len())?;
    for (name, value) in members {
        dict.next(plan)?;
        let place = Place::Entry(3, name.as_ptr());
        plan.owned(name, Place::Hidden)?;
        plan.owned(value, place)?;
    }
    dict.end(plan)
}
