//! The state of a function: its attributes, and the slots that `_function_setstate` fills.

use pyo3_ffi::*;

use super::function::{Findings, Function};
use super::function_stencil::{Reach, cut_empty};
use super::joined::is_plain;
use crate::pickler::cutter::Cutter;
use crate::pickler::paper::OnPaper;
use crate::pickler::plan::{Place, Plan};
use crate::pickler::stencil::Stencil;
use crate::protocol::opcode::*;
use crate::py::dict::is_empty;
use crate::py::error::{PyResult, raise};
use crate::state::{Name, Names, State};

/// How many slots there are.
pub(super) const SLOTS: usize = 10;

/// What the states of most functions have in common.
struct Stencils {
    /// No attributes, and the beginning of the slots up to the key of the name.
    begin: Option<Stencil>,
    /// No annotations and no defaults, up to the key of the module.
    middle: Option<Stencil>,
    /// No docstring, no closure, no submodules, no globals, and the end of the slots.
    end: Option<Stencil>,
    /// Behind the closure: no submodules, no globals, the end of the slots, and the call that sets them.
    tail: Option<Stencil>,
}

impl Stencils {
    fn get(state: &State) -> PyResult<&Self> {
        state.function_stencils.get(|| Self::cut(state))
    }

    #[cold]
    fn cut(state: &State) -> PyResult<Self> {
        let names = &state.names;
        let mut cutter = Cutter::new()?;
        cut_empty(&mut cutter, EMPTY_DICT)?;
        cut_empty(&mut cutter, EMPTY_DICT)?;
        cutter.op(MARK)?;
        cutter.common_text(names.name.as_ptr())?;
        let begin = cutter.finish()?;

        let mut cutter = Cutter::new()?;
        cutter.common_text(names.annotations.as_ptr())?;
        cut_empty(&mut cutter, EMPTY_DICT)?;
        for name in [&names.kwdefaults, &names.defaults] {
            cutter.common_text(name.as_ptr())?;
            cutter.op(NONE)?;
        }
        cutter.common_text(names.module.as_ptr())?;
        let middle = cutter.finish()?;

        let mut cutter = Cutter::new()?;
        for name in [&names.doc, &names.closure] {
            cutter.common_text(name.as_ptr())?;
            cutter.op(NONE)?;
        }
        cut_no_submodules(&mut cutter, names)?;
        cut_empty(&mut cutter, EMPTY_DICT)?;
        cutter.op(SETITEMS)?;
        let end = cutter.finish()?;

        let mut cutter = Cutter::new()?;
        cut_no_submodules(&mut cutter, names)?;
        cut_no_globals(&mut cutter)?;
        let tail = cutter.finish()?;
        Ok(Self { begin, middle, end, tail })
    }
}

/// No submodules, up to the key of the globals.
pub(super) fn cut_no_submodules(cutter: &mut Cutter, names: &Names) -> PyResult<()> {
    cutter.common_text(names.submodules.as_ptr())?;
    cut_empty(cutter, EMPTY_LIST)?;
    cutter.common_text(names.globals.as_ptr())?;
    Ok(())
}

/// No globals, the end of the state, and the call that sets it.
pub(super) fn cut_no_globals(cutter: &mut Cutter) -> PyResult<()> {
    cut_empty(cutter, EMPTY_DICT)?;
    cutter.op(SETITEMS)?;
    cutter.tuple_end(2)?;
    cutter.paper()?;
    cutter.op(TUPLE2)?;
    cutter.op(REDUCE)?;
    cutter.op(POP)
}

fn key(p: &mut Plan<'_, '_>, slots: &mut OnPaper, name: &Name) -> PyResult<()> {
    slots.next(p)?;
    p.name(name)
}

/// None, or NULL in its place.
pub(super) fn is_none(object: *mut PyObject) -> bool {
    // SAFETY: the address of a static object.
    object.is_null() || object == unsafe { Py_None() }
}

/// (attributes, slots), from what was reached, and the end of the call that sets them.
pub(super) fn describe(
    p: &mut Plan<'_, '_>,
    function: &Function,
    mut findings: Findings,
    reach: Option<Reach>,
) -> PyResult<()> {
    let state = p.pickler().state;
    let names = &state.names;
    let mut slots = match reach {
        None | Some(Reach::Code) => describe_names(p, function, &mut findings)?,
        Some(reach) => reach.slots(),
    };
    if reach < Some(Reach::Closure) && describe_values(p, function, &findings, &mut slots)? {
        return end(p);
    }
    if reach < Some(Reach::Globals) {
        p.part_or_none(function.closure, Place::Closure(function.code))?;
        if findings.submodules.is_empty() && findings.globals.is_empty() && written(p, &Stencils::get(state)?.tail)? {
            return Ok(());
        }
        key(p, &mut slots, &names.submodules)?;
        let mut list = p.list(findings.submodules.len())?;
        for (n, module) in (0..).zip(findings.submodules) {
            list.next(p)?;
            p.owned(module, Place::Listed(n, names.submodules.as_ptr()))?;
        }
        list.end(p)?;
        key(p, &mut slots, &names.globals)?;
    }
    p.lends(function.globals)?;
    let mut dict = p.dict(findings.globals.len())?;
    for (name, value) in findings.globals {
        dict.next(p)?;
        let place = Place::Global(name.as_ptr());
        p.held(name, Place::Hidden)?;
        p.held(value, place)?;
    }
    dict.end(p)?;
    slots.end(p)?;
    end(p)
}

/// The tuple of attributes and slots is there.
fn end(p: &mut Plan<'_, '_>) -> PyResult<()> {
    p.tuple_end(2)?;
    p.set_state_end()
}

/// The attributes, and the slots up to `__qualname__`.
fn describe_names(p: &mut Plan<'_, '_>, function: &Function, findings: &mut Findings) -> PyResult<OnPaper> {
    let state = p.pickler().state;
    let (names, stencils) = (&state.names, Stencils::get(state)?);
    let no_attributes = findings.dict.is_none() && (function.dict.is_null() || is_empty(function.dict));
    let mut slots = if no_attributes && written(p, &stencils.begin)? {
        OnPaper::begun(SLOTS, 1)
    } else {
        match findings.dict.take() {
            Some(copy) => p.owned(copy, Place::PairedState)?,
            None => attributes(p, function.dict)?,
        }
        let mut slots = p.dict(SLOTS)?;
        key(p, &mut slots, &names.name)?;
        slots
    };
    findings.name.write(p)?;
    key(p, &mut slots, &names.qualname)?;
    findings.qualname.write(p)?;
    Ok(slots)
}

/// The slots up to the key of `__closure__`; true if all are written.
fn describe_values(
    p: &mut Plan<'_, '_>,
    function: &Function,
    findings: &Findings,
    slots: &mut OnPaper,
) -> PyResult<bool> {
    let state = p.pickler().state;
    let (names, stencils) = (&state.names, Stencils::get(state)?);
    let no_defaults = function.annotations.is_null() && is_none(function.kwdefaults) && is_none(function.defaults);
    if no_defaults && written(p, &stencils.middle)? {
        slots.took(4);
    } else {
        key(p, slots, &names.annotations)?;
        if function.annotations.is_null() {
            p.dict(0)?.end(p)?;
        } else {
            p.part(function.annotations, Place::Field(&"__annotations__"))?;
        }
        key(p, slots, &names.kwdefaults)?;
        p.part_or_none(function.kwdefaults, Place::Field(&"__kwdefaults__"))?;
        key(p, slots, &names.defaults)?;
        p.part_or_none(function.defaults, Place::Field(&"__defaults__"))?;
        key(p, slots, &names.module)?;
    }
    p.part_or_none(function.module, Place::Field(&"__module__"))?;
    let nothing_used = is_none(function.doc)
        && is_none(function.closure)
        && findings.submodules.is_empty()
        && findings.globals.is_empty();
    if nothing_used && written(p, &stencils.end)? {
        return Ok(true);
    }
    key(p, slots, &names.doc)?;
    p.part_or_none(function.doc, Place::Field(&"__doc__"))?;
    key(p, slots, &names.closure)?;
    Ok(false)
}

/// Writes a stencil, if there is one and it can be.
fn written(p: &mut Plan<'_, '_>, stencil: &Option<Stencil>) -> PyResult<bool> {
    stencil.as_ref().map_or(Ok(false), |stencil| p.stencil(stencil))
}

/// The function's dict, or NULL, with keys made anew.
fn attributes(plan: &mut Plan<'_, '_>, dict: *mut PyObject) -> PyResult<()> {
    if dict.is_null() {
        return plan.dict(0)?.end(plan);
    }
    // SAFETY: a live dict.
    let mut on_paper = plan.dict(unsafe { PyDict_Size(dict) } as usize)?;
    let is_part = plan.lends(dict)?;
    let (mut key, mut value, mut position) = (std::ptr::null_mut(), std::ptr::null_mut(), 0);
    // SAFETY: a live dict, which nothing changes meanwhile.
    while unsafe { PyDict_Next(dict, &mut position, &mut key, &mut value) } != 0 {
        if !is_plain(key) {
            // SAFETY: the exception types are there for the interpreter's life.
            return Err(raise(unsafe { PyExc_RuntimeError }, "a function was changed while it was pickled"));
        }
        on_paper.next(plan)?;
        plan.fresh_text(key)?;
        plan.lent(value, is_part, Place::Attribute(key))?;
    }
    on_paper.end(plan)
}
