//! Functions that cannot be imported (`Pickler._dynamic_function_reduce` of cloudpickle).

use pyo3_ffi::*;

use super::constant_attributes::has_none;
use super::function_state;
use super::function_stencil;
use super::joined::{Joined, has_plain_keys, join};
use crate::analyzer::class_of::is_surely_module;
use crate::analyzer::code_globals::code_globals;
use crate::analyzer::submodules::add_submodules;
#[cfg(not(Py_GIL_DISABLED))]
use crate::decide::by_reference::claims_main;
use crate::pickler::alive::items_now;
use crate::pickler::base_globals::{BaseGlobals, base_globals, of_dict};
use crate::pickler::engine::Pickler;
use crate::pickler::plan::Plan;
use crate::pickler::script::Script;
use crate::protocol::wire::Wire;
use crate::py::code;
use crate::py::contended::locked;
use crate::py::dict::is_empty;
use crate::py::error::{PyResult, check, raise};
use crate::py::layout::{tuple_items, type_of};
use crate::py::object::{attr, dict_get, item};
use crate::py::owned::Owned;
use crate::py::vec::{TryPush, try_gather};
use crate::state::Names;

/// What is asked of a function: borrowed. NULL stands for None.
#[repr(C)]
pub(super) struct Function {
    pub(super) code: *mut PyObject,
    pub(super) globals: *mut PyObject,
    pub(super) name: *mut PyObject,
    pub(super) qualname: *mut PyObject,
    /// NULL stands for an empty dict.
    pub(super) annotations: *mut PyObject,
    pub(super) kwdefaults: *mut PyObject,
    pub(super) defaults: *mut PyObject,
    pub(super) module: *mut PyObject,
    pub(super) doc: *mut PyObject,
    pub(super) closure: *mut PyObject,
    /// NULL stands for an empty dict.
    pub(super) dict: *mut PyObject,
}

impl Function {
    fn fields(&self) -> &[*mut PyObject] {
        // SAFETY: it consists of nothing else.
        unsafe {
            std::slice::from_raw_parts(std::ptr::from_ref(self).cast(), size_of::<Self>() / size_of::<*mut PyObject>())
        }
    }
}

/// What is found out about a function before it is described, since that may run foreign code.
pub(super) struct Findings {
    pub(super) name: Joined,
    pub(super) qualname: Joined,
    pub(super) globals: Vec<(Owned, Owned)>,
    pub(super) submodules: Vec<Owned>,
    /// Of globals that are no plain dict.
    pub(super) base_globals: Option<BaseGlobals>,
    /// In place of the function's own dict, if its keys are not all plain.
    pub(super) dict: Option<Owned>,
}

/// Writes a function proper that goes by value and has nothing but its code; false, and nothing is written, for any other.
pub fn bare(pickler: &mut Pickler<'_>, object: *mut PyObject) -> PyResult<bool> {
    if cfg!(Py_GIL_DISABLED) {
        return Ok(false);
    }
    // SAFETY: a function, laid out like this.
    let fields = unsafe { &*object.cast::<PyFunctionObject>() };
    if annotations_wait(fields) {
        return Ok(false);
    }
    function_stencil::write_all(&mut pickler.plan(), object, &of_fields(fields, None))
}

/// A function, or what says of itself that it is one, wherever it could be found again.
pub fn by_value(pickler: &mut Pickler<'_>, object: *mut PyObject) -> PyResult<Script> {
    if type_of(object).cast_const() != &raw const PyFunction_Type {
        let function = attributes(pickler, object)?;
        let base_globals = base_globals_of(pickler, function.globals)?;
        let findings = find_out(pickler, &function, base_globals)?;
        return describe(pickler, object, &function, findings);
    }
    // SAFETY: a function, laid out like this.
    let fields = unsafe { &*object.cast::<PyFunctionObject>() };
    // First, as by cloudpickle: globals of another type may change the function when they are asked. Its own are always the
    // same dict.
    let base_globals = base_globals_of(pickler, fields.func_globals)?;
    let annotations = match locked(object, || annotations_wait(fields)) {
        true => Some(evaluated_annotations(pickler, object)?),
        false => None,
    };
    #[cfg(Py_GIL_DISABLED)]
    {
        let function = held_fields(pickler, object, annotations)?;
        let findings = find_out(pickler, &function, base_globals)?;
        let function = held_fields(pickler, object, annotations)?;
        describe(pickler, object, &function, findings)
    }
    #[cfg(not(Py_GIL_DISABLED))]
    {
        let function = of_fields(fields, annotations);
        // Those of `__main__` were tried as `bare`.
        if !claims_main(pickler.state, object) {
            let mut plan = pickler.plan();
            if function_stencil::write_all(&mut plan, object, &function)? {
                return Ok(plan.finish());
            }
        }
        let findings = find_out(pickler, &function, base_globals)?;
        // Read once more: foreign code may have changed them.
        describe(pickler, object, &of_fields(fields, annotations), findings)
    }
}

/// Of a function proper whose fields other threads may set: what it has at this moment, held, and a copy of its dict.
#[cfg(Py_GIL_DISABLED)]
fn held_fields(
    pickler: &mut Pickler<'_>,
    object: *mut PyObject,
    annotations: Option<*mut PyObject>,
) -> PyResult<Function> {
    let (mut function, held) = locked(object, || {
        // SAFETY: a function, laid out like this.
        let function = of_fields(unsafe { &*object.cast::<PyFunctionObject>() }, annotations);
        let held = gather(function.fields().iter().filter(|field| !field.is_null()).map(|field| Owned::of(*field)));
        (function, held)
    });
    for field in held? {
        pickler.keep(field)?;
    }
    // SAFETY: live.
    if !function.dict.is_null() && unsafe { PyDict_CheckExact(function.dict) } != 0 {
        function.dict = pickler.keep(crate::py::contended::copy_of(function.dict)?)?;
    }
    Ok(function)
}

/// Of a function proper, whose attributes are its fields.
fn of_fields(fields: &PyFunctionObject, annotations: Option<*mut PyObject>) -> Function {
    Function {
        code: fields.func_code,
        globals: fields.func_globals,
        name: fields.func_name,
        qualname: fields.func_qualname,
        annotations: annotations.unwrap_or(fields.func_annotations),
        kwdefaults: fields.func_kwdefaults,
        defaults: fields.func_defaults,
        module: fields.func_module,
        doc: fields.func_doc,
        closure: fields.func_closure,
        dict: fields.func_dict,
    }
}

/// Does asking for the annotations make a dict of them?
fn annotations_wait(fields: &PyFunctionObject) -> bool {
    #[cfg(Py_3_14)]
    // SAFETY: None is there for the interpreter's life.
    let waiting = unsafe {
        fields.func_annotations.is_null() && !fields.func_annotate.is_null() && fields.func_annotate != Py_None()
    };
    #[cfg(not(Py_3_14))]
    let waiting = false;
    // From 3.10 on they may wait as a tuple of names and values.
    waiting
        || !fields.func_annotations.is_null()
            && type_of(fields.func_annotations).cast_const() == &raw const PyTuple_Type
}

/// The annotations that were asked for.
fn evaluated_annotations(pickler: &mut Pickler<'_>, object: *mut PyObject) -> PyResult<*mut PyObject> {
    pickler.foreign()?;
    let evaluated = attr(object, pickler.state.names.annotations.as_ptr())?;
    pickler.keep(evaluated)
}

/// `(code, base globals, None, None, empty cells)` as a tuple: what builds the function, without its state.
pub fn arguments(pickler: &mut Pickler<'_>, object: *mut PyObject) -> PyResult<Owned> {
    let function = if type_of(object).cast_const() != &raw const PyFunction_Type {
        attributes(pickler, object)?
    } else {
        #[cfg(Py_GIL_DISABLED)]
        let function = held_fields(pickler, object, None)?;
        // SAFETY: a function, laid out like this.
        #[cfg(not(Py_GIL_DISABLED))]
        let function = of_fields(unsafe { &*object.cast::<PyFunctionObject>() }, None);
        function
    };
    // What foreign code could take away meanwhile.
    let _held = [function.code, function.globals].map(Owned::of);
    let _closure = (!function.closure.is_null()).then(|| Owned::of(function.closure));
    let given = base_globals_of(pickler, function.globals)?;
    pickler.part_of(|plan| describe_arguments(plan, &function, given))
}

/// Of anything else, a proxy for instance.
fn attributes(pickler: &mut Pickler<'_>, object: *mut PyObject) -> PyResult<Function> {
    pickler.foreign()?;
    let names = &pickler.state.names;
    let mut get = |name: *mut PyObject| {
        let value = attr(object, name)?;
        pickler.keep(value)
    };
    let mut function = Function {
        code: get(names.code.as_ptr())?,
        globals: get(names.globals.as_ptr())?,
        name: get(names.name.as_ptr())?,
        qualname: get(names.qualname.as_ptr())?,
        annotations: get(names.annotations.as_ptr())?,
        kwdefaults: get(names.kwdefaults.as_ptr())?,
        defaults: get(names.defaults.as_ptr())?,
        module: get(names.module.as_ptr())?,
        doc: get(names.doc.as_ptr())?,
        closure: get(names.closure.as_ptr())?,
        dict: get(names.dict.as_ptr())?,
    };
    // SAFETY: live, kept; None and the exception types are there for the interpreter's life.
    unsafe {
        if function.closure == Py_None() {
            function.closure = std::ptr::null_mut();
        }
        if !code::is_code(function.code)
            || PyDict_Check(function.globals) == 0
            || !(function.closure.is_null() || PyTuple_Check(function.closure) != 0)
        {
            return Err(raise(PyExc_TypeError, "what claims to be a function has not the attributes of one"));
        }
    }
    Ok(function)
}

fn find_out(pickler: &mut Pickler<'_>, function: &Function, base_globals: Option<BaseGlobals>) -> PyResult<Findings> {
    // What foreign code could take away meanwhile.
    let (code, globals) = (Owned::of(function.code), Owned::of(function.globals));
    let (name, qualname) = (Owned::of(function.name), Owned::of(function.qualname));
    let closure = (!function.closure.is_null()).then(|| Owned::of(function.closure));
    let dict = (!function.dict.is_null()).then(|| Owned::of(function.dict));
    let name = Joined::new(pickler, name)?;
    let qualname = Joined::new(pickler, qualname)?;
    let globals = used_globals(pickler, code.as_ptr(), globals.as_ptr())?;
    let submodules = submodules(pickler, code.as_ptr(), &globals, closure)?;
    let dict = match dict {
        Some(dict) => attributes_copy(pickler, dict.as_ptr())?,
        None => None,
    };
    Ok(Findings { name, qualname, globals, submodules, base_globals, dict })
}

/// (_make_function, (code, base globals, None, None, empty cells), (attributes, slots), _function_setstate)
fn describe(
    pickler: &mut Pickler<'_>,
    object: *mut PyObject,
    function: &Function,
    mut findings: Findings,
) -> PyResult<Script> {
    // As they are now: what is written before them may run foreign code.
    let has_attributes = findings.dict.is_none() && !has_none(function.dict);
    let attributes = if has_attributes { items_now(function.dict)? } else { vec![] };
    let mut plan = pickler.plan();
    plan.borrowing(function.fields(), |p| {
        if attributes.is_empty() {
            return describe_with(p, object, function, &mut findings, &[]);
        }
        p.borrowing(attributes.as_flattened(), |p| describe_with(p, object, function, &mut findings, &attributes))
    })?;
    Ok(plan.finish())
}

fn describe_with(
    p: &mut Plan<'_, '_>,
    object: *mut PyObject,
    function: &Function,
    findings: &mut Findings,
    attributes: &[[*mut PyObject; 2]],
) -> PyResult<()> {
    let stencil = function_stencil::write(p, object, function, findings)?;
    if stencil.is_none() {
        p.wire(Wire::MakeFunction)?;
        describe_arguments(p, function, findings.base_globals.take())?;
        p.reduce(object)?;
        p.set_state(Wire::FunctionSetstate, object)?;
        p.tuple(2)?;
    }
    function_state::describe(p, function, findings, attributes, stencil.as_deref())
}

/// (code, base globals, None, None, empty cells)
fn describe_arguments(p: &mut Plan<'_, '_>, function: &Function, given: Option<BaseGlobals>) -> PyResult<()> {
    let given = match given {
        // As they are now: constants of the code may run foreign code.
        None if !p.knows_base_globals(function.globals) => Some(of_dict(p.pickler().state, function.globals)?),
        given => given,
    };
    p.tuple(5)?;
    p.inline(function.code, super::code::describe)?;
    p.base_globals(function.globals, given)?;
    p.none()?;
    p.none()?;
    empty_cells(p, function)?;
    p.tuple_end(5)
}

/// What functions with these globals begin with, if these are no plain dict.
fn base_globals_of(pickler: &mut Pickler<'_>, globals: *mut PyObject) -> PyResult<Option<BaseGlobals>> {
    if type_of(globals).cast_const() == &raw const PyDict_Type {
        return Ok(None);
    }
    pickler.foreign()?;
    base_globals(pickler, globals).map(Some)
}

/// The globals that the code names and that are there, in the order of the code.
fn used_globals(
    pickler: &mut Pickler<'_>,
    code: *mut PyObject,
    globals: *mut PyObject,
) -> PyResult<Vec<(Owned, Owned)>> {
    let names = code_globals(pickler.state, code, pickler)?;
    let mut used = vec![];
    used.try_room(names.len())?;
    let exact = type_of(globals).cast_const() == &raw const PyDict_Type;
    if !exact {
        pickler.foreign()?;
    }
    for name in names.iter() {
        let value = if exact {
            dict_get(globals, name.as_ptr())?
        } else {
            // SAFETY: live.
            match check(unsafe { PySequence_Contains(globals, name.as_ptr()) })? {
                0 => None,
                _ => Some(item(globals, name.as_ptr())?),
            }
        };
        if let Some(value) = value {
            used.push((name.clone(), value));
        }
    }
    Ok(used)
}

/// The imported submodules of the packages among the globals and in the closure.
fn submodules(
    pickler: &mut Pickler<'_>,
    code: *mut PyObject,
    globals: &[(Owned, Owned)],
    closure: Option<Owned>,
) -> PyResult<Vec<Owned>> {
    let mut found = vec![];
    let state = pickler.state;
    for (_, value) in globals {
        add_submodules(state, code, value.as_ptr(), &mut found, pickler)?;
    }
    if let Some(closure) = closure {
        let cells = tuple_items(closure.as_ptr());
        if cells.iter().all(|cell| holds_no_module(&state.names, *cell)) {
            return Ok(found);
        }
        let contents = try_gather(cells.iter().map(|cell| cell_contents(*cell)))?;
        for value in contents.into_iter().flatten() {
            add_submodules(state, code, value.as_ptr(), &mut found, pickler)?;
        }
    }
    Ok(found)
}

/// Is it a cell whose contents are surely no module?
fn holds_no_module(names: &Names, cell: *mut PyObject) -> bool {
    type_of(cell).cast_const() == &raw const PyCell_Type
        // SAFETY: a live cell; a new reference or NULL.
        && unsafe { Owned::new_or_none(PyCell_Get(cell)) }
            .is_none_or(|contents| is_surely_module(names, contents.as_ptr()) == Some(false))
}

/// What lies in a closure cell; None if it is empty.
fn cell_contents(cell: *mut PyObject) -> PyResult<Option<Owned>> {
    if type_of(cell).cast_const() != &raw const PyCell_Type {
        // SAFETY: the exception types are there for the interpreter's life.
        return Err(raise(unsafe { PyExc_TypeError }, "a closure must be a tuple of cells"));
    }
    // SAFETY: a live cell; a new reference or NULL.
    Ok(unsafe { Owned::new_or_none(PyCell_Get(cell)) })
}

/// The closure to begin with: as many new cells as the code has free variables.
fn empty_cells(plan: &mut Plan<'_, '_>, function: &Function) -> PyResult<()> {
    if function.closure.is_null() {
        return plan.none();
    }
    let count = code::free_count(function.code);
    if count == 0 {
        return plan.empty_tuple();
    }
    plan.tuple(count)?;
    for _ in 0..count {
        plan.wire(Wire::MakeEmptyCell)?;
        plan.empty_tuple()?;
        plan.reduce_paper()?;
    }
    plan.tuple_end(count)
}

/// A copy of the function's dict with joined keys, unless these are plain: then it is described as it is.
fn attributes_copy(pickler: &mut Pickler<'_>, dict: *mut PyObject) -> PyResult<Option<Owned>> {
    if type_of(dict).cast_const() == &raw const PyDict_Type && (is_empty(dict) || has_plain_keys(dict)) {
        return Ok(None);
    }
    pickler.foreign()?;
    let dict = Owned::of(dict);
    // SAFETY: live; each call gives a new reference or raises.
    unsafe {
        let copy = Owned::new(PyDict_New())?;
        let items = Owned::new(PyMapping_Items(dict.as_ptr()))?;
        for position in 0..PyList_Size(items.as_ptr()) {
            let pair = Owned::new(PySequence_Tuple(PyList_GetItem(items.as_ptr(), position)))?;
            let [key, value] = *tuple_items(pair.as_ptr()) else {
                return Err(raise(PyExc_ValueError, "__dict__.items() must give pairs"));
            };
            check(PyDict_SetItem(copy.as_ptr(), join(key)?.as_ptr(), value))?;
        }
        Ok(Some(copy))
    }
}
