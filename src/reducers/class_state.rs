//! The state of a class that goes by value (cloudpickle's `_class_getstate`).

use pyo3_ffi::*;

use super::class_dict::ClassDict;
use super::joined::is_plain;
use crate::pickler::engine::Pickler;
use crate::pickler::plan::{Place, Plan};
use crate::protocol::wire::Wire;
use crate::py::class::is_plain_attr;
use crate::py::error::{PyResult, Raised};
use crate::py::layout::{list_items, tuple_items, type_of};
use crate::py::object::{attr, call1};
use crate::py::owned::Owned;
use crate::py::vec::TryPush;

pub struct ClassState {
    pub dict: ClassDict,
    /// What is registered with an ABC: the classes that live, and None for each that does not.
    registry: Option<Vec<Owned>>,
}

/// 3.14 makes annotations of `__annotate_func__`, which holds the class's namespace; cloudpickle leaves it out.
const HAS_ANNOTATE: bool = cfg!(Py_3_14);

impl ClassState {
    pub fn of(pickler: &mut Pickler<'_>, class: *mut PyObject) -> PyResult<Self> {
        let mut dict = ClassDict::of(pickler, class)?;
        let names = &pickler.state.names;
        dict.pop(names.weakref.as_ptr());
        let registry = registry(pickler, class, &mut dict)?;
        pop_slots(pickler, class, &mut dict)?;
        dict.pop(names.dict.as_ptr());
        if HAS_ANNOTATE {
            dict.pop(names.annotate_func.as_ptr());
        }
        Ok(Self { dict, registry })
    }

    /// The class is built: `_class_setstate(class, (members, {}))`
    pub fn write(self, plan: &mut Plan<'_, '_>, class: *mut PyObject) -> PyResult<()> {
        plan.set_state(Wire::ClassSetstate, class)?;
        self.write_pair(plan, class)?;
        plan.set_state_end()
    }

    /// `(members, {})`
    pub fn write_pair(self, plan: &mut Plan<'_, '_>, class: *mut PyObject) -> PyResult<()> {
        plan.tuple(2)?;
        let mut members = plan.dict(self.dict.len() + usize::from(self.registry.is_some()))?;
        self.dict.write(plan, class, |plan| members.next(plan))?;
        if let Some(registry) = self.registry {
            members.next(plan)?;
            let name = plan.pickler().state.names.abc_impl.as_ptr();
            plan.part(name, Place::Hidden)?;
            let mut list = plan.list(registry.len())?;
            for class in registry {
                list.next(plan)?;
                plan.owned(class, Place::Attribute(name))?;
            }
            list.end(plan)?;
        }
        members.end(plan)?;
        plan.dict(0)?.end(plan)?;
        plan.tuple_end(2)
    }
}

/// Of an ABC: its registry in place of what it keeps about its subclasses. None for any other class.
fn registry(pickler: &mut Pickler<'_>, class: *mut PyObject, dict: &mut ClassDict) -> PyResult<Option<Vec<Owned>>> {
    let metaclass = type_of(class);
    let state = pickler.state;
    let abc_meta = state.imports.abc_meta.as_ptr().cast();
    // SAFETY: live types.
    if metaclass == &raw mut PyType_Type || unsafe { PyType_IsSubtype(metaclass, abc_meta) } == 0 {
        return Ok(None);
    }
    for name in [&state.names.abc_cache, &state.names.abc_negative_cache, &state.names.abc_negative_cache_version] {
        dict.pop(name.as_ptr());
    }
    pickler.foreign()?;
    let own = dict.get(state.names.abc_registry.as_ptr()).map(Owned::of);
    dict.pop(state.names.abc_registry.as_ptr());
    let mut registry = vec![];
    // SAFETY: each call takes live objects, and gives a new reference or raises.
    unsafe {
        if let Some(own) = own.filter(|own| own.as_ptr() != Py_None()) {
            // An ABC in Python: a WeakSet.
            let classes = Owned::new(PySequence_List(own.as_ptr()))?;
            for position in 0..PyList_Size(classes.as_ptr()) {
                registry.try_push(Owned::of(PyList_GetItem(classes.as_ptr(), position)))?;
            }
        } else {
            dict.pop(state.names.abc_impl.as_ptr());
            let dump = call1(state.imports.abc_get_dump.as_ptr(), class)?;
            let references = Owned::new(PySequence_GetItem(dump.as_ptr(), 0))?;
            let references = Owned::new(PySequence_List(references.as_ptr()))?;
            for position in 0..PyList_Size(references.as_ptr()) {
                let reference = PyList_GetItem(references.as_ptr(), position);
                registry.try_push(Owned::new(PyObject_CallNoArgs(reference))?)?;
            }
        }
    }
    Ok(Some(registry))
}

/// Leaves out the descriptors that the class gets again by its `__slots__`.
fn pop_slots(pickler: &mut Pickler<'_>, class: *mut PyObject, dict: &mut ClassDict) -> PyResult<()> {
    let name = pickler.state.names.slots.as_ptr();
    let Some(own) = dict.get(name) else { return Ok(()) };
    let slots = if is_plain_attr(class, name) {
        Owned::of(own)
    } else {
        pickler.foreign()?;
        attr(class, name)?
    };
    // SAFETY: live; each call gives a new reference or raises.
    unsafe {
        if PyUnicode_Check(slots.as_ptr()) != 0 {
            if !pop(pickler, dict, slots.as_ptr())? {
                PyErr_SetObject(PyExc_KeyError, slots.as_ptr());
                return Err(Raised);
            }
            return Ok(());
        }
        let slot_type = type_of(slots.as_ptr());
        if slot_type == &raw mut PyTuple_Type {
            for slot in tuple_items(slots.as_ptr()) {
                pop(pickler, dict, *slot)?;
            }
            return Ok(());
        }
        if slot_type == &raw mut PyList_Type {
            let (len, items) = list_items(slots.as_ptr());
            if (0..len).all(|i| is_plain(*items.add(i))) {
                for i in 0..len {
                    pop(pickler, dict, *items.add(i))?;
                }
                return Ok(());
            }
        }
        pickler.foreign()?;
        let slots = Owned::new(PySequence_Tuple(slots.as_ptr()))?;
        for slot in tuple_items(slots.as_ptr()) {
            pop(pickler, dict, *slot)?;
        }
    }
    Ok(())
}

/// `dict.pop(name, None)` for any object as the name: false if there is none.
pub fn pop(pickler: &mut Pickler<'_>, dict: &mut ClassDict, name: *mut PyObject) -> PyResult<bool> {
    if is_plain(name) {
        return Ok(dict.pop(name));
    }
    pickler.foreign()?;
    // SAFETY: live. A key must have a hash, whatever it is.
    unsafe {
        if PyObject_Hash(name) == -1 {
            return Err(Raised);
        }
        Ok(PyUnicode_Check(name) != 0 && dict.pop(name))
    }
}
