//! The ways into the engine, and what a failure becomes: the exception keeps its type and its message, and says where.

use pyo3_ffi::*;

use super::engine::Pickler;
use super::lease::Lease;
use super::memo::Memo;
use super::options::{Options, Report, SaysWhere};
use super::out::{Home, Memory};
use super::sink::Sink;
use crate::py::error::{self, PyResult, Raised};
use crate::py::layout::{tuple_items, type_of};
use crate::py::message::message;
use crate::py::object::{attr, optional_attr};
use crate::py::owned::Owned;
use crate::py::text;
use crate::state::{Imports, package};

/// Pickles into memory of `malloc`.
pub fn dump_to_memory(object: *mut PyObject, options: Options<'_>, report: &mut Report) -> PyResult<Memory> {
    let mut pickler = Lease::new(options, Home::Memory, None)?;
    run(&mut pickler, object, report)?;
    pickler.out.take_memory()
}

/// Pickles into a new bytes object.
pub fn dump_to_bytes(object: *mut PyObject, options: Options<'_>, report: &mut Report) -> PyResult<Owned> {
    let mut pickler = Lease::new(options, Home::Bytes, None)?;
    run(&mut pickler, object, report)?;
    pickler.out.take_bytes()
}

/// Pickles into a sink, frame by frame; large payloads go to it without a copy.
pub fn dump_to_sink<'a>(
    object: *mut PyObject,
    options: Options<'a>,
    sink: &'a mut dyn Sink,
    report: &mut Report,
) -> PyResult<()> {
    let mut pickler = Lease::new(options, Home::Memory, Some(sink))?;
    run(&mut pickler, object, report)
}

/// The same with what earlier dumps memoised, to which this one adds, also if it fails.
pub fn dump_with_memo<'a>(
    object: *mut PyObject,
    options: Options<'a>,
    sink: &'a mut dyn Sink,
    memo: &mut Memo,
    report: &mut Report,
) -> PyResult<()> {
    let mut pickler = Lease::new(options, Home::Memory, Some(sink))?;
    pickler.keeps_memo = true;
    std::mem::swap(memo, &mut pickler.memo);
    let dumped = run(&mut pickler, object, report);
    // What it knows is still there: the caller holds the root, and the pickler what it made.
    let published = pickler.memo.publish();
    std::mem::swap(memo, &mut pickler.memo);
    dumped.and(published)
}

fn run(pickler: &mut Pickler<'_>, object: *mut PyObject, report: &mut Report) -> PyResult<()> {
    // Nothing is begun yet that foreign code could disturb.
    package::let_go(pickler.state);
    pickler.dump(object).map_err(|raised| {
        report.limit = pickler.limit_reached || pickler.out.over_limit;
        match error::take() {
            Some(exception) => fail(pickler, object, exception, report),
            None => raised,
        }
    })
}

#[cold]
fn fail(pickler: &mut Pickler<'_>, root: *mut PyObject, exception: Owned, report: &mut Report) -> Raised {
    // SAFETY: static exception types.
    let (recursion, memory) = unsafe { (PyExc_RecursionError, PyExc_MemoryError) };
    // SAFETY: live objects.
    let is = |ty| unsafe { PyErr_GivenExceptionMatches(exception.as_ptr(), ty) != 0 };
    if is(memory) || report.limit || pickler.sink_failed {
        return error::restore(exception);
    }
    report.path = pickler.path();
    let exception = if is(recursion) {
        // A `__reduce__` of Python code went too deep: as cloudpickle's `Pickler.dump` says it.
        error::restore(exception);
        error::raise_from_current(|| {
            pickler.pickling_error("Could not pickle object as excessively deep recursion required.")
        });
        match error::take() {
            Some(exception) => exception,
            None => return Raised,
        }
    } else {
        exception
    };
    let path = report.path.as_deref();
    let said = match pickler.options.says_where {
        SaysWhere::InMessage => path.map_or(Ok(()), |path| say_where(pickler, &exception, path)),
        SaysWhere::InNotes => note_where(pickler, root, &exception, path),
    };
    if said.is_err() {
        error::clear();
    }
    error::restore(exception)
}

/// Adds the notes to an exception whose message is left alone: from CPython 3.14 on those that `_pickle` adds.
fn note_where(pickler: &Pickler<'_>, root: *mut PyObject, exception: &Owned, path: Option<&str>) -> PyResult<()> {
    #[cfg(Py_3_14)]
    {
        let _ = path;
        pickler.notes(root).iter().try_for_each(|note| add_note(exception, note, false))
    }
    #[cfg(not(Py_3_14))]
    {
        let _ = (pickler, root);
        path.map_or(Ok(()), |path| add_note(exception, &while_pickling(path), true))
    }
}

/// Adds a note, if asked only where it is not there already; an exception that knows no notes yet (before 3.11) gets them
/// where later ones have them.
fn add_note(exception: &Owned, note: &str, once: bool) -> PyResult<()> {
    let (note, name) = (text::new(note)?, text::new("__notes__")?);
    let notes = match optional_attr(exception.as_ptr(), name.as_ptr())? {
        Some(notes) => notes,
        // SAFETY: attached; a new reference.
        None => unsafe { Owned::new(PyList_New(0))? },
    };
    // SAFETY: live objects.
    unsafe {
        if once && error::check(PySequence_Contains(notes.as_ptr(), note.as_ptr()))? != 0 {
            return Ok(());
        }
        error::check(PyList_Append(notes.as_ptr(), note.as_ptr()))?;
        error::check(PyObject_SetAttr(exception.as_ptr(), name.as_ptr(), notes.as_ptr())).map(drop)
    }
}

/// Adds the path to the message of an exception whose only argument is its message, and a note to any other that can
/// take one.
fn say_where(pickler: &Pickler<'_>, exception: &Owned, path: &str) -> PyResult<()> {
    let ty = type_of(exception.as_ptr()).cast::<PyObject>();
    let pickling_error = pickler.state.pickle_type(Imports::pickling_error);
    // SAFETY: static exception types.
    let plain = unsafe {
        [
            PyExc_TypeError,
            PyExc_AttributeError,
            PyExc_ValueError,
            PyExc_RuntimeError,
            PyExc_NotImplementedError,
            PyExc_OverflowError,
            PyExc_RecursionError,
        ]
    };
    let args = text::new("args")?;
    let given = attr(exception.as_ptr(), args.as_ptr())?;
    // SAFETY: live objects.
    unsafe {
        if (plain.contains(&ty) || pickling_error == Some(ty))
            && PyTuple_CheckExact(given.as_ptr()) != 0
            && let [message] = tuple_items(given.as_ptr())
            && PyUnicode_CheckExact(*message) != 0
        {
            // As objects, since a message may hold what a Rust string cannot: lone surrogates.
            let place = text::new(&message!(" at {path}"))?;
            // An exception that is raised again and again says it once.
            if PyUnicode_Tailmatch(*message, place.as_ptr(), 0, PY_SSIZE_T_MAX, 1) > 0 {
                return Ok(());
            }
            let message = Owned::new(PyUnicode_Concat(*message, place.as_ptr()))?;
            let new = Owned::new(PyTuple_Pack(1, message.as_ptr()))?;
            return error::check(PyObject_SetAttr(exception.as_ptr(), args.as_ptr(), new.as_ptr())).map(|_| ());
        }
    }
    add_note(exception, &while_pickling(path), true)
}

fn while_pickling(path: &str) -> String {
    message!("while pickling {path}")
}
