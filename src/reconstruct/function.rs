//! Functions by value: first one with its code, so that what it refers to can refer to it, then its state.

use pyo3_ffi::*;

use crate::py::code::free_count;
use crate::py::dict::is_empty;
use crate::py::error::{PyResult, Raised, check, raise};
use crate::py::function::{fields, replace};
use crate::py::layout::{tuple_items, type_of};
use crate::py::message::message;
use crate::py::object::{attr, call1, dict_get, each_item};
use crate::py::owned::Owned;
use crate::py::text;
use crate::py::undeclared::PySys_Audit;
use crate::state::State;

fn type_error<T>(message: &str) -> PyResult<T> {
    // SAFETY: exception types live as long as the interpreter.
    Err(raise(unsafe { PyExc_TypeError }, message))
}

/// `_make_function(code, globals, name, argdefs, closure)`.
pub fn make_function(state: &State, args: &[*mut PyObject]) -> PyResult<Owned> {
    let &[code, globals, name, defaults, closure] = args else { unreachable!("the row says five") };
    let names = &state.names;
    // SAFETY: all are live, and of the types that were looked at; the new function is only ours.
    unsafe {
        let none = Py_None();
        if PyCode_Check(code) == 0 || PyDict_Check(globals) == 0 {
            return type_error("a function needs a code object and a dict of globals");
        }
        check(PyDict_SetItem(globals, names.builtins_attr.as_ptr(), state.imports.builtins_dict.as_ptr()))?;
        check_closure(code, closure)?;
        if name != none && PyUnicode_Check(name) == 0 {
            return type_error("arg 3 (name) must be None or string");
        }
        if defaults != none && PyTuple_Check(defaults) == 0 {
            return type_error("arg 4 (defaults) must be None or tuple");
        }
        check(PySys_Audit(c"function.__new__".as_ptr(), c"O".as_ptr(), code))?;
        let function = Owned::new(PyFunction_New(code, globals))?;
        if name != none {
            let name = Owned::of(name);
            if !set_directly(state, function.as_ptr(), names.name.as_ptr(), &name)? {
                check(PyObject_SetAttr(function.as_ptr(), names.name.as_ptr(), name.as_ptr()))?;
            }
        }
        if defaults != none {
            check(PyFunction_SetDefaults(function.as_ptr(), defaults))?;
        }
        if closure != none {
            check(PyFunction_SetClosure(function.as_ptr(), closure))?;
        }
        Ok(function)
    }
}

/// As many cells as the code has free variables.
fn check_closure(code: *mut PyObject, closure: *mut PyObject) -> PyResult<()> {
    let wanted = free_count(code);
    // SAFETY: live; None lives as long as the interpreter.
    unsafe {
        if closure == Py_None() {
            return if wanted == 0 { Ok(()) } else { type_error("arg 5 (closure) must be tuple") };
        }
        if PyTuple_Check(closure) == 0 {
            return type_error("arg 5 (closure) must be None or tuple");
        }
        let cells = tuple_items(closure);
        if cells.len() != wanted {
            return type_error(&message!("the code requires a closure of length {wanted}, not {}", cells.len()));
        }
        if cells.iter().any(|cell| PyCell_Check(*cell) == 0) {
            return type_error("arg 5 (closure) expected cells");
        }
    }
    Ok(())
}

/// `_function_setstate(obj, (state, slotstate))`.
pub fn function_setstate(state: &State, args: &[*mut PyObject]) -> PyResult<Owned> {
    let &[function, pair] = args else { unreachable!("the row says two") };
    let names = &state.names;
    // SAFETY: all are live, held by the pair, which the caller holds.
    unsafe {
        let (attributes, slots) = match (PyTuple_Check(pair) != 0).then(|| tuple_items(pair)) {
            Some(&[attributes, slots]) if PyDict_Check(attributes) != 0 && PyDict_Check(slots) != 0 => {
                (attributes, slots)
            }
            _ => return type_error("the state of a function must be a pair of dicts"),
        };
        add_attributes(state, function, attributes)?;
        let globals = match fields(function) {
            Some(fields) => Owned::of(fields.func_globals),
            None => attr(function, names.globals.as_ptr())?,
        };
        if PyDict_Check(globals.as_ptr()) == 0 {
            return type_error("the globals of a function must be a dict");
        }
        let more = dict_get(slots, names.globals.as_ptr())?;
        add_globals(state, globals.as_ptr(), more.as_ref().map(Owned::as_ptr))?;
        if let Some(closure) = dict_get(slots, names.closure.as_ptr())? {
            fill_closure(state, function, &closure)?;
        }
        each_item(slots, |name, value| {
            let name = text::interned(name);
            // Held only to have these modules imported, and what was used above.
            if [&names.globals, &names.closure, &names.submodules].iter().any(|n| n.as_ptr() == name.as_ptr()) {
                return Ok(());
            }
            if set_directly(state, function, name.as_ptr(), &value)? {
                return Ok(());
            }
            check(PyObject_SetAttr(function, name.as_ptr(), value.as_ptr())).map(|_| ())
        })?;
        Ok(Owned::of(Py_None()))
    }
}

/// Sets the state of a function that was just made, if these are the keys and values of a `slotstate` with the names that
/// cloudpickle gives it, all of them and in order, and each is of the type that it mostly is; `attributes` is a dict, the
/// rest of the state, if there is one. Says no, and nothing has
/// happened, for other states.
pub fn set_usual_state(
    state: &State,
    function: *mut PyObject,
    attributes: Option<*mut PyObject>,
    pairs: &[*mut PyObject],
) -> PyResult<bool> {
    let n = &state.names;
    let keys = [
        &n.name,
        &n.qualname,
        &n.annotations,
        &n.kwdefaults,
        &n.defaults,
        &n.module,
        &n.doc,
        &n.closure,
        &n.submodules,
        &n.globals,
    ];
    if pairs.len() != 2 * keys.len()
        || keys.iter().zip(pairs.chunks_exact(2)).any(|(key, pair)| key.as_ptr() != pair[0])
    {
        return Ok(false);
    }
    let value = |at: usize| pairs[2 * at + 1];
    let [name, qualname, annotations, kwdefaults, defaults, module, doc, closure, _, globals] =
        std::array::from_fn(value);
    let Some(fields) = fields(function) else { return Ok(false) };
    let is = |object, ty: *mut PyTypeObject| type_of(object) == ty;
    // SAFETY: None lives as long as the interpreter.
    let none = unsafe { Py_None() };
    // SAFETY: the addresses of types.
    let (str_type, dict_type) = (&raw mut PyUnicode_Type, &raw mut PyDict_Type);
    #[cfg(Py_3_14)]
    let annotate = fields.func_annotate;
    #[cfg(not(Py_3_14))]
    let annotate = std::ptr::null_mut::<PyObject>();
    if cfg!(Py_GIL_DISABLED)
        || !is(name, str_type)
        || !is(qualname, str_type)
        || !is(annotations, dict_type)
        || !is(globals, dict_type)
        || !is(fields.func_globals, dict_type)
        || !fields.func_annotations.is_null()
        || !annotate.is_null()
    {
        return Ok(false);
    }
    if let Some(attributes) = attributes {
        add_attributes(state, function, attributes)?;
    }
    add_globals(state, fields.func_globals, Some(globals))?;
    if closure != none {
        fill_closure(state, function, &Owned::of(closure))?;
    }
    replace(&mut fields.func_name, &Owned::of(name));
    replace(&mut fields.func_qualname, &Owned::of(qualname));
    replace(&mut fields.func_annotations, &Owned::of(annotations));
    for (name, value) in [(&n.kwdefaults, kwdefaults), (&n.defaults, defaults)] {
        if !set_directly(state, function, name.as_ptr(), &Owned::of(value))? {
            // SAFETY: all are live.
            check(unsafe { PyObject_SetAttr(function, name.as_ptr(), value) })?;
        }
    }
    replace(&mut fields.func_module, &Owned::of(module));
    replace(&mut fields.func_doc, &Owned::of(doc));
    Ok(true)
}

/// `function.__dict__.update(attributes)`.
fn add_attributes(state: &State, function: *mut PyObject, attributes: *mut PyObject) -> PyResult<()> {
    // SAFETY: a live dict.
    if unsafe { PyDict_Size(attributes) } != 0 {
        let dict = attr(function, state.names.dict.as_ptr())?;
        let update = attr(dict.as_ptr(), state.names.update.as_ptr())?;
        call1(update.as_ptr(), attributes)?;
    }
    Ok(())
}

/// Adds the globals that a function needs to those that it has, which get the builtins, too.
fn add_globals(state: &State, globals: *mut PyObject, more: Option<*mut PyObject>) -> PyResult<()> {
    // SAFETY: live dicts, held by the caller.
    unsafe {
        if let Some(more) = more.filter(|more| PyDict_CheckExact(*more) == 0 || !is_empty(*more)) {
            check(PyDict_Update(globals, more))?;
        }
        let key = state.names.builtins_attr.as_ptr();
        check(PyDict_SetItem(globals, key, state.imports.builtins_dict.as_ptr()))?;
    }
    Ok(())
}

/// Sets what every function's state has, without the descriptor, where that would do no more. The name is interned.
fn set_directly(state: &State, function: *mut PyObject, name: *mut PyObject, value: &Owned) -> PyResult<bool> {
    let names = &state.names;
    // Without a GIL the function's own setters know best.
    let Some(fields) = fields(function).filter(|_| !cfg!(Py_GIL_DISABLED)) else { return Ok(false) };
    // SAFETY: live; None lives as long as the interpreter.
    let (is_str, none) = unsafe { (PyUnicode_CheckExact(value.as_ptr()) != 0, Py_None()) };
    let field = if name == names.name.as_ptr() && is_str {
        &mut fields.func_name
    } else if name == names.qualname.as_ptr() && is_str {
        &mut fields.func_qualname
    } else if name == names.module.as_ptr() {
        &mut fields.func_module
    } else if name == names.doc.as_ptr() {
        &mut fields.func_doc
    } else {
        // A new function has no defaults: those that are None are set.
        let is_set = name == names.defaults.as_ptr() && fields.func_defaults.is_null()
            || name == names.kwdefaults.as_ptr() && fields.func_kwdefaults.is_null();
        return Ok(is_set && value.as_ptr() == none);
    };
    replace(field, value);
    Ok(true)
}

/// Gives the function's cells the contents of the pickled ones; empty ones leave them empty.
fn fill_closure(state: &State, function: *mut PyObject, closure: &Owned) -> PyResult<()> {
    let names = &state.names;
    // SAFETY: all are live; a cell's content is a new reference, or NULL without an exception.
    unsafe {
        if closure.as_ptr() == Py_None() {
            return Ok(());
        }
        if PyTuple_Check(closure.as_ptr()) == 0 {
            return type_error("the closure of a function must be a tuple");
        }
        let from = tuple_items(closure.as_ptr());
        let target = attr(function, names.closure.as_ptr())?;
        let to = if PyTuple_Check(target.as_ptr()) == 0 { &[] } else { tuple_items(target.as_ptr()) };
        for (i, source) in from.iter().enumerate() {
            if PyCell_Check(*source) == 0 {
                return type_error("the closure of a function must consist of cells");
            }
            let Some(content) = Owned::new_or_none(PyCell_Get(*source)) else { continue };
            match to.get(i) {
                Some(cell) if PyCell_Check(*cell) != 0 => check(PyCell_Set(*cell, content.as_ptr()))?,
                _ => {
                    raise(PyExc_IndexError, "the function has fewer cells than its state");
                    return Err(Raised);
                }
            };
        }
    }
    Ok(())
}
