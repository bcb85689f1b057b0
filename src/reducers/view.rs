//! Views of other objects, which go as copies: dict views, mapping proxies, memoryviews, weak sets.

use pyo3_ffi::*;

use super::call::Callable;
use super::joined::has_plain_keys;
use crate::pickler::engine::Pickler;
use crate::pickler::plan::Place;
use crate::pickler::script::Script;
use crate::protocol::wire::Wire;
use crate::py::error::PyResult;
use crate::py::layout::type_of;
use crate::py::object::{call_method0, call1, each_item};
use crate::py::owned::Owned;
use crate::py::types::{PyODictItems_Type, PyODictKeys_Type, PyODictValues_Type};
use crate::py::vec::TryPush;

/// The views of an OrderedDict tell so by one argument more.
fn is_ordered(view: *mut PyObject) -> bool {
    [&raw mut PyODictKeys_Type, &raw mut PyODictValues_Type, &raw mut PyODictItems_Type].contains(&type_of(view))
}

fn reduce(pickler: &mut Pickler<'_>, view: *mut PyObject, wire: Wire, copy: Owned) -> PyResult<Script> {
    let copy = (copy, Place::Hidden);
    if is_ordered(view) {
        // SAFETY: a static object.
        let ordered = (Owned::of(unsafe { Py_True() }), Place::Hidden);
        return Callable::Wire(wire).with(pickler, view, [copy, ordered]);
    }
    Callable::Wire(wire).with(pickler, view, [copy])
}

fn list_of(pickler: &mut Pickler<'_>, view: *mut PyObject) -> PyResult<Owned> {
    pickler.foreign()?;
    // SAFETY: live; a new reference or an exception.
    unsafe { Owned::new(PySequence_List(view)) }
}

fn dict_of(pickler: &mut Pickler<'_>, view: *mut PyObject) -> PyResult<Owned> {
    pickler.foreign()?;
    call1((&raw mut PyDict_Type).cast(), view)
}

/// dict_keys -> (_make_dict_keys, (list, [True]))
pub fn keys(pickler: &mut Pickler<'_>, view: *mut PyObject) -> PyResult<Script> {
    let copy = list_of(pickler, view)?;
    reduce(pickler, view, Wire::MakeDictKeys, copy)
}

/// dict_values -> (_make_dict_values, (list, [True]))
pub fn values(pickler: &mut Pickler<'_>, view: *mut PyObject) -> PyResult<Script> {
    let copy = list_of(pickler, view)?;
    reduce(pickler, view, Wire::MakeDictValues, copy)
}

/// dict_items -> (_make_dict_items, (dict, [True]))
pub fn items(pickler: &mut Pickler<'_>, view: *mut PyObject) -> PyResult<Script> {
    let copy = dict_of(pickler, view)?;
    reduce(pickler, view, Wire::MakeDictItems, copy)
}

/// types.MappingProxyType -> (types.MappingProxyType, (dict,))
pub fn mapping_proxy(pickler: &mut Pickler<'_>, proxy: *mut PyObject) -> PyResult<Script> {
    let class = (&raw mut PyDictProxy_Type).cast();
    let Some(items) = plain_items(proxy)? else {
        let copy = dict_of(pickler, proxy)?;
        return Callable::object(class).with(pickler, proxy, [(copy, Place::Hidden)]);
    };
    let mut plan = pickler.plan();
    plan.object(class, Place::Callable)?;
    plan.tuple(1)?;
    let mut copy = plan.dict(items.len())?;
    for (key, value) in items {
        copy.next(&mut plan)?;
        let place = Place::Item(key.as_ptr());
        plan.owned(key, Place::Hidden)?;
        plan.owned(value, place)?;
    }
    copy.end(&mut plan)?;
    plan.tuple_end(1)?;
    plan.reduce(proxy)?;
    Ok(plan.finish())
}

/// The items of the dict behind a proxy, if to copy it runs no foreign code.
fn plain_items(proxy: *mut PyObject) -> PyResult<Option<Vec<(Owned, Owned)>>> {
    /// `mappingproxyobject` of `Objects/descrobject.c`.
    #[repr(C)]
    struct MappingProxy {
        head: PyObject,
        mapping: *mut PyObject,
    }
    // A program may call the reducer with anything.
    if type_of(proxy) != &raw mut PyDictProxy_Type {
        return Ok(None);
    }
    // SAFETY: a live proxy is laid out like this, and holds its mapping.
    let mapping = unsafe { (*proxy.cast::<MappingProxy>()).mapping };
    if type_of(mapping).cast_const() != &raw const PyDict_Type || !has_plain_keys(mapping) {
        return Ok(None);
    }
    let mut items = vec![];
    each_item(mapping, |key, value| items.try_push((key, value)))?;
    Ok(Some(items))
}

/// memoryview -> (bytes, (contents,))
pub fn memory_view(pickler: &mut Pickler<'_>, view: *mut PyObject) -> PyResult<Script> {
    pickler.foreign()?;
    let contents = call_method0(view, pickler.state.names.tobytes.as_ptr())?;
    Callable::object((&raw mut PyBytes_Type).cast()).with(pickler, view, [(contents, Place::Hidden)])
}

/// weakref.WeakSet -> (weakref.WeakSet, (list,))
pub fn weak_set(pickler: &mut Pickler<'_>, set: *mut PyObject) -> PyResult<Script> {
    let copy = list_of(pickler, set)?;
    Callable::object(type_of(set).cast()).with(pickler, set, [(copy, Place::Hidden)])
}
