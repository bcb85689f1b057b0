//! What all pickles of functions with one code object begin with: cut once, kept with the code, and copied for the
//! functions that are alike in what it shows.

use std::sync::OnceLock;

use pyo3_ffi::*;

use super::code;
use super::constant_attributes::{ConstantAttributes, are_constant};
use super::function::{Findings, Function};
use super::function_state::{SLOTS, cut_no_globals, cut_no_submodules, is_none};
use super::joined::Joined;
use crate::analyzer::code_globals::code_globals_itself;
use crate::pickler::base_globals::{self, BaseGlobals, base_globals_key};
use crate::pickler::cutter::Cutter;
use crate::pickler::paper::OnPaper;
use crate::pickler::plan::Plan;
use crate::pickler::stencil::{Given, Stencil};
use crate::pickler::wires::Wires;
use crate::protocol::opcode::*;
use crate::protocol::wire::Wire;
use crate::py::code::free_count;
use crate::py::dict::is_empty;
use crate::py::error::PyResult;
use crate::py::layout::{type_of, unique};
use crate::py::owned::Owned;
use crate::py::shared::Shared;
use crate::py::vec::try_box;
use crate::state::State;

/// How far a stencil reaches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// Up to the attributes, whatever the function is called.
    Code,
    /// Up to the slot `__annotations__`, without it.
    Name,
    /// Up to the key of `__closure__`; no annotations and no defaults.
    Closure,
    /// Up to the key of `__globals__`; no closure and no submodules.
    Globals,
    /// To the end; no globals.
    End,
}

impl Reach {
    /// The furthest for a function.
    fn of(function: &Function, findings: &Findings) -> Self {
        if !are_constant(function.dict) {
            Self::Code
        } else if !has_no_values(function) {
            Self::Name
        } else if !(is_none(function.closure) && findings.submodules.is_empty()) {
            Self::Closure
        } else if !findings.globals.is_empty() {
            Self::Globals
        } else {
            Self::End
        }
    }
}

/// Has a function no defaults and no annotations?
fn has_no_values(function: &Function) -> bool {
    has_no_annotations(function) && is_none(function.kwdefaults) && is_none(function.defaults)
}

/// Has a function no annotations, or an empty dict for them that nothing else refers to?
fn has_no_annotations(function: &Function) -> bool {
    let dict = function.annotations;
    dict.is_null() || (type_of(dict).cast_const() == &raw const PyDict_Type && is_empty(dict) && unique(dict))
}

impl Reach {
    /// The slots, where a stencil has written them so far.
    pub(super) fn slots(self) -> OnPaper {
        let keys = match self {
            Self::Code => 0,
            Self::Name => 2,
            Self::Closure => 8,
            Self::Globals | Self::End => SLOTS,
        };
        OnPaper::begun(SLOTS, keys)
    }
}

/// The stencils of one code object, by their reach: those of the [`Wires`] that were there first and, if cloudpickle was
/// imported since, of the next ones.
#[derive(Default)]
pub(super) struct FunctionStencils([[OnceLock<Option<Box<FunctionStencil>>>; 2]; 5]);

impl FunctionStencils {
    /// The first place that is free, or has a stencil of these wires, or knows that none can be cut.
    #[inline]
    fn place(&self, reach: Reach, wires: &Shared<Wires>) -> Option<&OnceLock<Option<Box<FunctionStencil>>>> {
        let is_of = |stencil: &FunctionStencil| stencil.wires.is(wires);
        self.0[reach as usize].iter().find(|place| !matches!(place.get(), Some(Some(stencil)) if !is_of(stencil)))
    }
}

/// A stencil, and what a function must have for it.
struct FunctionStencil {
    stencil: Stencil,
    wires: Shared<Wires>,
    base_globals: BaseGlobals,
    attributes: ConstantAttributes,
    name: Owned,
    qualname: Owned,
    module: Owned,
    doc: Owned,
    /// The code names no globals.
    names_nothing: bool,
}

impl FunctionStencil {
    /// Is a function of these names like the one that the stencil is of, as far as this reaches?
    #[inline]
    fn fits(&self, function: &Function, names: [*mut PyObject; 2], reach: Reach) -> bool {
        let same = |kept: &Owned, object: *mut PyObject| kept.as_ptr() == or_none(object);
        if reach == Reach::Code {
            return true;
        }
        names == [self.name.as_ptr(), self.qualname.as_ptr()]
            && self.attributes.are_of(function.dict)
            && (reach == Reach::Name || (same(&self.module, function.module) && same(&self.doc, function.doc)))
    }

    /// Writes a function that it fits; false, and nothing is written, if that is not to be.
    #[inline]
    fn write(&self, p: &mut Plan<'_, '_>, object: *mut PyObject, function: &Function) -> PyResult<bool> {
        if !p.begins_with(function.globals, &self.base_globals)? {
            return Ok(false);
        }
        let shared = base_globals_key(function.globals);
        p.stencil_of(&self.stencil, Given { built: object, shared, alone: function.annotations })
    }
}

/// Writes a function as far as the stencil reaches that is kept for its like; None, and nothing is written, if there is
/// none.
pub(super) fn write(
    p: &mut Plan<'_, '_>,
    object: *mut PyObject,
    function: &Function,
    findings: &Findings,
) -> PyResult<Option<Reach>> {
    let (Joined::Of(name), Joined::Of(qualname)) = (&findings.name, &findings.qualname) else { return Ok(None) };
    if findings.dict.is_some() || findings.base_globals.is_some() || !p.takes_stencils() {
        return Ok(None);
    }
    let state = p.pickler().state;
    let Some(kept) = code::Kept::known(state, function.code)? else { return Ok(None) };
    // Functions that are not like the first one with this code have the code itself in common with it.
    for reach in [Reach::of(function, findings), Reach::Code] {
        let Some(place) = kept.functions.place(reach, p.pickler().shared_wires()?) else { return Ok(None) };
        match place.get() {
            // It serves from the next dump on, as that of the code does.
            None => {
                let _ = place.set(cut(p, function, name, qualname, reach)?);
                return Ok(None);
            }
            Some(Some(known)) if known.fits(function, [name.as_ptr(), qualname.as_ptr()], reach) => {
                return Ok(known.write(p, object, function)?.then_some(reach));
            }
            Some(_) => {}
        }
    }
    Ok(None)
}

/// Writes all of a function that has nothing but its code, without a look at what else it could have; false, and nothing is
/// written, if it does, or no stencil for it is kept.
pub(super) fn write_all(p: &mut Plan<'_, '_>, object: *mut PyObject, function: &Function) -> PyResult<bool> {
    let is_dict = |object| type_of(object).cast_const() == &raw const PyDict_Type;
    let state = p.pickler().state;
    if !is_none(function.closure)
        || !(function.dict.is_null() || is_dict(function.dict))
        || !is_dict(function.globals)
        || !has_no_values(function)
        || state.replaced.code_globals.get().is_some()
        || !p.takes_stencils()
    {
        return Ok(false);
    }
    let Some(kept) = code::Kept::known(state, function.code)? else { return Ok(false) };
    let Some(place) = kept.functions.place(Reach::End, p.pickler().shared_wires()?) else { return Ok(false) };
    let Some(Some(known)) = place.get() else { return Ok(false) };
    if !known.names_nothing || !known.fits(function, [function.name, function.qualname], Reach::End) {
        return Ok(false);
    }
    known.write(p, object, function)
}

/// None for NULL.
fn or_none(object: *mut PyObject) -> *mut PyObject {
    // SAFETY: None is there for the interpreter's life.
    if object.is_null() { unsafe { Py_None() } } else { object }
}

#[cold]
fn cut(
    p: &mut Plan<'_, '_>,
    function: &Function,
    name: &Owned,
    qualname: &Owned,
    reach: Reach,
) -> PyResult<Option<Box<FunctionStencil>>> {
    let (state, wires) = (p.pickler().state, p.pickler().shared_wires()?.clone());
    let base_globals = base_globals::of_dict(state, function.globals)?;
    let mut cutter = Cutter::new()?;
    cutter.opens();
    let attributes =
        if reach == Reach::Code { ConstantAttributes::default() } else { ConstantAttributes::of(function.dict)? };
    if !cut_function(&mut cutter, state, &wires, function, &base_globals)?
        || (reach > Reach::Code && !cut_state(&mut cutter, state, function, &attributes, reach)?)
    {
        return Ok(None);
    }
    let Some(stencil) = cutter.finish()? else { return Ok(None) };
    let made = FunctionStencil {
        stencil,
        wires,
        base_globals,
        attributes,
        name: name.clone(),
        qualname: qualname.clone(),
        module: Owned::of(or_none(function.module)),
        doc: Owned::of(or_none(function.doc)),
        names_nothing: code_globals_itself(state, function.code, p.pickler())?.is_empty(),
    };
    try_box(made).map(Some)
}

/// Cuts the function without its state, and the beginning of the call that sets it: see `function::describe`.
fn cut_function(
    cutter: &mut Cutter,
    state: &State,
    wires: &Wires,
    function: &Function,
    base_globals: &BaseGlobals,
) -> PyResult<bool> {
    if !wires.cut(cutter, Wire::MakeFunction)? {
        return Ok(false);
    }
    cutter.tuple(5)?;
    let open = cutter.open_lent(function.code)?;
    if !wires.cut_code_type(state, cutter)? || !code::cut(cutter, function.code, 0)? {
        return Ok(false);
    }
    cutter.op(REDUCE)?;
    cutter.close(open)?;
    if !base_globals::cut(state, cutter, base_globals)? {
        return Ok(false);
    }
    cutter.op(NONE)?;
    cutter.op(NONE)?;
    if !cut_cells(cutter, wires, function)? {
        return Ok(false);
    }
    cutter.tuple_end(5)?;
    cutter.paper()?;
    cutter.op(REDUCE)?;
    cutter.built()?;
    if !wires.cut(cutter, Wire::FunctionSetstate)? {
        return Ok(false);
    }
    cutter.the_built()?;
    cutter.tuple(2)?;
    Ok(true)
}

/// Cuts the closure to begin with.
fn cut_cells(cutter: &mut Cutter, wires: &Wires, function: &Function) -> PyResult<bool> {
    if function.closure.is_null() {
        cutter.op(NONE)?;
        return Ok(true);
    }
    let count = free_count(function.code);
    if count == 0 {
        cutter.op(EMPTY_TUPLE)?;
        return Ok(true);
    }
    cutter.tuple(count)?;
    for _ in 0..count {
        if !wires.cut(cutter, Wire::MakeEmptyCell)? {
            return Ok(false);
        }
        cutter.op(EMPTY_TUPLE)?;
        cutter.op(REDUCE)?;
        cutter.paper()?;
    }
    cutter.tuple_end(count)?;
    cutter.paper()?;
    Ok(true)
}

/// Cuts the state as far as it reaches, and what ends the call if that is to the end: see `function_state::describe`.
fn cut_state(
    cutter: &mut Cutter,
    state: &State,
    function: &Function,
    attributes: &ConstantAttributes,
    reach: Reach,
) -> PyResult<bool> {
    let names = &state.names;
    attributes.cut(cutter)?;
    cut_empty(cutter, EMPTY_DICT)?;
    cutter.op(MARK)?;
    cutter.common_text(names.name.as_ptr())?;
    cutter.fresh_text(function.name)?;
    cutter.common_text(names.qualname.as_ptr())?;
    cutter.fresh_text(function.qualname)?;
    if reach == Reach::Name {
        return Ok(true);
    }
    cutter.common_text(names.annotations.as_ptr())?;
    cutter.alone(EMPTY_DICT)?;
    for key in [&names.kwdefaults, &names.defaults] {
        cutter.common_text(key.as_ptr())?;
        cutter.op(NONE)?;
    }
    for (key, value) in [(&names.module, function.module), (&names.doc, function.doc)] {
        cutter.common_text(key.as_ptr())?;
        if !is_none(value) && !cutter.text(value)? {
            return Ok(false);
        }
        if is_none(value) {
            cutter.op(NONE)?;
        }
    }
    cutter.common_text(names.closure.as_ptr())?;
    if reach == Reach::Closure {
        return Ok(true);
    }
    cutter.op(NONE)?;
    cut_no_submodules(cutter, names)?;
    if reach == Reach::End {
        cut_no_globals(cutter)?;
    }
    Ok(true)
}

/// An empty container on paper.
pub(super) fn cut_empty(cutter: &mut Cutter, op: u8) -> PyResult<()> {
    cutter.op(op)?;
    cutter.paper()
}
