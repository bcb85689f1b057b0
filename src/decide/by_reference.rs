//! Can an object be found again by its name, or must it go by value?

use pyo3_ffi::*;

use super::registry;
use crate::analyzer::class_of::is_its_type;
use crate::analyzer::lookup::{QualifiedName, equals, imported, module_name};
use crate::analyzer::metaclass::{has_types_own, is_plain_attr};
use crate::analyzer::whichmodule;
use crate::py::class::{heap_fields, is_class, own_dict};
use crate::py::contended::locked;
use crate::py::error::{PyResult, check};
use crate::py::foreign::Foreign;
use crate::py::layout::type_of;
use crate::py::object::{dict_get, optional_attr};
use crate::py::owned::Owned;
use crate::state::State;

/// Where an object was found.
pub struct Found {
    pub module: Owned,
    /// Its `__module__`; None if that says nothing, and the module had to be searched.
    pub claimed: Option<Owned>,
    /// Its `__qualname__`, or the name that was asked for.
    pub name: Owned,
}

/// cloudpickle's `_should_pickle_by_reference` for a function or a class.
pub fn goes_by_reference(state: &State, object: *mut PyObject, foreign: &mut impl Foreign) -> PyResult<bool> {
    found_by_reference(state, object, foreign).map(|found| found.is_some())
}

/// Where a function or a class is that goes by reference.
pub fn found_by_reference(state: &State, object: *mut PyObject, foreign: &mut impl Foreign) -> PyResult<Option<Found>> {
    ask_for_class(state, object, foreign)?;
    if claims_main(state, object) {
        return Ok(None);
    }
    let Some(found) = lookup_module_and_qualname(state, object, None, foreign)? else { return Ok(None) };
    let is_registered = registry::is_registered(state, found.module.as_ptr(), foreign)?;
    Ok((!is_registered).then_some(found))
}

/// Is it a function? cloudpickle asks so even a class, whose metaclass may hear of it and raise. The answer changes nothing.
pub fn ask_for_class(state: &State, object: *mut PyObject, foreign: &mut impl Foreign) -> PyResult<()> {
    let (names, ty) = (&state.names, type_of(object));
    let function = &raw mut PyFunction_Type;
    let is_known = match is_class(object) {
        true => has_types_own(state, ty, &names.class_attr),
        false => ty == function || is_its_type(names, ty),
    };
    if !is_known {
        foreign.foreign()?;
        // SAFETY: live.
        check(unsafe { PyObject_IsInstance(object, function.cast()) })?;
    }
    Ok(())
}

/// The same for a module: it is imported and not registered.
pub fn module_goes_by_reference(state: &State, module: *mut PyObject, foreign: &mut impl Foreign) -> PyResult<bool> {
    if registry::is_registered(state, module, foreign)? {
        return Ok(false);
    }
    let name = module_name(state, module, foreign)?;
    let modules = state.modules()?;
    // SAFETY: live, held by `modules` and `name`.
    unsafe {
        if PyDict_CheckExact(modules.as_ptr()) == 0 || type_of(name.as_ptr()).cast_const() != &raw const PyUnicode_Type
        {
            foreign.foreign()?;
        }
        Ok(check(PySequence_Contains(modules.as_ptr(), name.as_ptr()))? != 0)
    }
}

/// The imported module, other than `__main__`, that has the object under its qualified name or under the one given
/// (cloudpickle's `_lookup_module_and_qualname`). None if there is none: then the object is dynamic.
pub fn lookup_module_and_qualname(
    state: &State,
    object: *mut PyObject,
    name: Option<*mut PyObject>,
    foreign: &mut impl Foreign,
) -> PyResult<Option<Found>> {
    let (name, claimed) = identity(state, object, name, foreign)?;
    let mut split = None;
    let module_name = match &claimed {
        Some(module_name) => module_name.clone(),
        None => {
            foreign.foreign()?;
            let name = split.insert(QualifiedName::new(state, name.as_ptr(), foreign)?);
            match whichmodule::search(state, object, name)? {
                Some(module_name) => module_name,
                None => return Ok(None),
            }
        }
    };
    if is_main(state, module_name.as_ptr(), foreign)? {
        return Ok(None);
    }
    let Some(module) = imported(state, module_name.as_ptr(), foreign)? else { return Ok(None) };
    let split = match split {
        Some(split) => split,
        None => QualifiedName::new(state, name.as_ptr(), foreign)?,
    };
    match split.find_in(state, module.as_ptr(), foreign)? {
        Some(found) if found.as_ptr() == object => Ok(Some(Found { module, claimed, name })),
        _ => Ok(None),
    }
}

/// Does a function proper say that it is of `__main__`?
#[inline]
pub fn claims_main(state: &State, object: *mut PyObject) -> bool {
    // SAFETY: a function proper is laid out like this; with a GIL nobody changes it meanwhile.
    !cfg!(Py_GIL_DISABLED)
        && type_of(object).cast_const() == &raw const PyFunction_Type
        && is_known_main(state, unsafe { (*object.cast::<PyFunctionObject>()).func_module })
}

/// Is it a `str` that is known to be the name of `__main__`?
#[inline]
fn is_known_main(state: &State, name: *mut PyObject) -> bool {
    name == state.names.main.as_ptr() || state.main.get().is_some_and(|main| main.as_ptr() == name)
}

fn is_main(state: &State, name: *mut PyObject, foreign: &mut impl Foreign) -> PyResult<bool> {
    if is_known_main(state, name) {
        return Ok(true);
    }
    let is_main = equals(name, state.names.main.as_ptr(), foreign)?;
    if is_main && type_of(name).cast_const() == &raw const PyUnicode_Type {
        let _ = state.main.set(Owned::of(name));
    }
    Ok(is_main)
}

/// The qualified name, unless a name is given, and the module that the object claims, if that is not None.
fn identity(
    state: &State,
    object: *mut PyObject,
    name: Option<*mut PyObject>,
    foreign: &mut impl Foreign,
) -> PyResult<(Owned, Option<Owned>)> {
    let ty = type_of(object);
    if ty.cast_const() == &raw const PyFunction_Type {
        // SAFETY: a function proper, which is laid out like this. These attributes are its fields, whatever else is
        // written on it; NULL is None there.
        let (name, module) = locked(object, || unsafe {
            let function = object.cast::<PyFunctionObject>();
            let (qualname, module) = ((*function).func_qualname, (*function).func_module);
            let module = (!module.is_null()).then(|| Owned::of(module));
            (Owned::of(name.unwrap_or(qualname)), module)
        });
        return Ok((name, module.filter(is_not_none)));
    }
    let names = &state.names;
    if !tells_names_itself(state, object) {
        foreign.foreign()?;
    } else if is_class(object)
        && let Some(fields) = heap_fields(object)
    {
        // SAFETY: a heap type, which is laid out like this. `__qualname__` is the field, `__module__` what its own dict
        // has under that name, whatever its bases have (`type_module` in `Objects/typeobject.c`).
        let qualname = unsafe { (*fields).ht_qualname };
        let own = dict_get(own_dict(object).as_ptr(), names.module.as_ptr())?;
        if own.is_some() || ty == &raw mut PyType_Type {
            return Ok((Owned::of(name.unwrap_or(qualname)), own.filter(is_not_none)));
        }
    }
    let name = match name {
        Some(name) => Owned::of(name),
        None => match optional_attr(object, state.names.qualname.as_ptr())?.filter(is_not_none) {
            Some(name) => name,
            None => match optional_attr(object, state.names.name.as_ptr())? {
                Some(name) => name,
                // SAFETY: None is there for the interpreter's life.
                None => Owned::of(unsafe { Py_None() }),
            },
        },
    };
    Ok((name, optional_attr(object, state.names.module.as_ptr())?.filter(is_not_none)))
}

/// Do the names of a class come from `type`, so that asking for them runs no foreign code?
pub fn tells_names_itself(state: &State, object: *mut PyObject) -> bool {
    let ty = type_of(object);
    ty == &raw mut PyType_Type
        || has_types_own(state, ty, &state.names.qualname) && is_plain_attr(state, object, &state.names.module)
}

fn is_not_none(object: &Owned) -> bool {
    // SAFETY: None is there for the interpreter's life.
    object.as_ptr() != unsafe { Py_None() }
}
