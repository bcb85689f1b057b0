//! What the pickles of functions with one code object have in common: cut once, kept with the code, and copied for the
//! functions that are alike in what it shows. What a function has of its own is left out, and a piece goes on behind it.

use std::ptr;
use std::sync::OnceLock;

use pyo3_ffi::*;

use super::code;
use super::constant_attributes::{ConstantAttributes, are_constant};
use super::constant_defaults::{ConstantsByName, are_constant as are_constant_defaults, are_constant_by_name};
use super::constants;
use super::function::{Findings, Function};
use super::function_state::{PARTS, Part, alone, cut_end, is_none};
use super::joined::Joined;
use crate::analyzer::code_globals::code_globals_itself;
use crate::pickler::base_globals::{self, base_globals_key};
use crate::pickler::cutter::Cutter;
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
use crate::py::vec::TryPush;
use crate::state::State;

/// Which parts of a state are a function's own: a bit for each.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Own(u16);

impl Own {
    /// All parts: nothing of the state is shown, whatever the function is called.
    const ALL: Self = Self((1 << PARTS.len()) - 1);

    /// `constants`: defaults that are constants are shown.
    fn of(function: &Function, findings: &Findings, constants: bool) -> Self {
        let own = |part: Part, is_own: bool| u16::from(is_own) << part.at();
        let (defaults, kwdefaults) = (function.defaults, function.kwdefaults);
        Self(
            own(Part::Attributes, !are_constant(function.dict))
                | own(Part::Annotations, !has_no_annotations(function))
                | own(Part::Kwdefaults, !(is_none(kwdefaults) || constants && are_constant_by_name(kwdefaults)))
                | own(Part::Defaults, !(is_none(defaults) || constants && are_constant_defaults(defaults)))
                | own(Part::Closure, !is_none(function.closure))
                | own(Part::Submodules, !findings.submodules.is_empty())
                | own(Part::Globals, !findings.globals.is_empty()),
        )
    }

    fn has(self, part: Part) -> bool {
        self.0 >> part.at() & 1 != 0
    }
}

/// Has a function no annotations, or an empty dict for them that nothing else refers to?
fn has_no_annotations(function: &Function) -> bool {
    let dict = function.annotations;
    dict.is_null() || (type_of(dict).cast_const() == &raw const PyDict_Type && is_empty(dict) && unique(dict))
}

/// So many stencils a code object keeps: for functions that have other parts of their own, and for the [`Wires`] that were
/// there first and, if cloudpickle was imported since, the next ones.
const MOST: usize = 6;

/// The stencils of one code object.
#[derive(Default)]
pub(super) struct FunctionStencils([OnceLock<Shared<FunctionStencil>>; MOST]);

impl FunctionStencils {
    /// The place of such a stencil, or the first that is free.
    #[inline]
    fn place(&self, own: Own, wires: &Shared<Wires>) -> Option<&OnceLock<Shared<FunctionStencil>>> {
        let is_it = |stencil: &Shared<FunctionStencil>| stencil.own == own && stencil.wires.is(wires);
        self.0.iter().find(|place| place.get().is_none_or(is_it))
    }
}

/// A stretch of a function's pickle.
pub(super) struct Piece {
    /// None for a key only, between two parts that are the function's own.
    pub(super) stencil: Option<Stencil>,
    /// The part in front of whose value it ends; None for that which ends all.
    pub(super) end: Option<Part>,
}

/// A stencil, and what a function must have for it.
pub(super) struct FunctionStencil {
    /// None if not even the first can be cut.
    pieces: Vec<Piece>,
    own: Own,
    wires: Shared<Wires>,
    base_globals: base_globals::Expected,
    attributes: ConstantAttributes,
    defaults: Owned,
    kwdefaults: ConstantsByName,
    /// Even one of no cells.
    has_closure: bool,
    name: Owned,
    qualname: Owned,
    module: Owned,
    doc: Owned,
    /// The code names no globals.
    names_nothing: bool,
}

impl FunctionStencil {
    pub(super) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Is in a function's dicts what the stencil has of them?
    pub(super) fn holds(&self, function: &Function) -> bool {
        (self.own.has(Part::Annotations) || has_no_annotations(function))
            && (self.own.has(Part::Kwdefaults) || self.kwdefaults.are_of(function.kwdefaults))
    }

    /// Is a function of these names like the one that the stencil is of, as far as this shows it?
    #[inline]
    fn fits(&self, function: &Function, names: [*mut PyObject; 2]) -> bool {
        let same = |kept: &Owned, object: *mut PyObject| kept.as_ptr() == or_none(object);
        if self.own == Own::ALL {
            return self.has_closure != function.closure.is_null();
        }
        names == [self.name.as_ptr(), self.qualname.as_ptr()]
            && (self.own.has(Part::Attributes) || self.attributes.are_of(function.dict))
            && (self.own.has(Part::Defaults) || same(&self.defaults, function.defaults))
            && (self.own.has(Part::Kwdefaults) || self.kwdefaults.are_of(function.kwdefaults))
            && same(&self.module, function.module)
            && same(&self.doc, function.doc)
    }

    /// Writes the first piece of a function that it fits; false, and nothing is written, if that is not to be.
    #[inline]
    fn write(&self, p: &mut Plan<'_, '_>, object: *mut PyObject, function: &Function) -> PyResult<bool> {
        let Some(first) = self.pieces.first().and_then(|piece| piece.stencil.as_ref()) else { return Ok(false) };
        if !p.begins_with(function.globals, &self.base_globals)? {
            return Ok(false);
        }
        let shared = base_globals_key(function.globals);
        p.stencil_of(first, Given { built: object, shared, alone: alone(function) })
    }
}

/// Writes the first piece of a function by the stencil that is kept for its like; None, and nothing is written, if there is none.
pub(super) fn write(
    p: &mut Plan<'_, '_>,
    object: *mut PyObject,
    function: &Function,
    findings: &Findings,
) -> PyResult<Option<Shared<FunctionStencil>>> {
    let (Joined::Of(name), Joined::Of(qualname)) = (&findings.name, &findings.qualname) else { return Ok(None) };
    if findings.dict.is_some() || findings.base_globals.is_some() || !p.takes_stencils() {
        return Ok(None);
    }
    let state = p.pickler().state;
    let Some(kept) = code::Kept::known(state, function.code)? else { return Ok(None) };
    // Functions that are not like the first one with this code have the code itself in common with it.
    let shown = Own::of(function, findings, true);
    for turn in 0..3 {
        let own = match turn {
            0 => shown,
            1 => Own::of(function, findings, false),
            _ => Own::ALL,
        };
        if turn == 1 && own == shown {
            continue;
        }
        let Some(place) = kept.functions.place(own, p.pickler().shared_wires()?) else { return Ok(None) };
        match place.get() {
            // It serves from the next dump on, as that of the code does.
            None => {
                let _ = place.set(Shared::new(cut(p, function, name, qualname, own)?)?);
                return Ok(None);
            }
            Some(known) if known.fits(function, [name.as_ptr(), qualname.as_ptr()]) => {
                return Ok(known.write(p, object, function)?.then(|| known.clone()));
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
        || !has_no_annotations(function)
        || state.replaced.code_globals.get().is_some()
        || !p.takes_stencils()
    {
        return Ok(false);
    }
    let Some(kept) = code::Kept::known(state, function.code)? else { return Ok(false) };
    let Some(place) = kept.functions.place(Own(0), p.pickler().shared_wires()?) else { return Ok(false) };
    let Some(known) = place.get() else { return Ok(false) };
    if !known.names_nothing || !known.fits(function, [function.name, function.qualname]) {
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
    own: Own,
) -> PyResult<FunctionStencil> {
    let (state, wires) = (p.pickler().state, p.pickler().shared_wires()?.clone());
    let mut stencil = FunctionStencil {
        pieces: vec![],
        own,
        wires,
        base_globals: base_globals::Expected::of(state, function.globals)?,
        attributes: if own.has(Part::Attributes) {
            ConstantAttributes::default()
        } else {
            ConstantAttributes::of(function.dict)?
        },
        defaults: Owned::of(or_none(if own.has(Part::Defaults) { ptr::null_mut() } else { function.defaults })),
        kwdefaults: if own.has(Part::Kwdefaults) {
            ConstantsByName::default()
        } else {
            ConstantsByName::of(function.kwdefaults)?
        },
        has_closure: !function.closure.is_null(),
        name: name.clone(),
        qualname: qualname.clone(),
        module: Owned::of(or_none(function.module)),
        doc: Owned::of(or_none(function.doc)),
        names_nothing: code_globals_itself(state, function.code, p.pickler())?.is_empty(),
    };
    cut_pieces(&mut stencil, state, function)?;
    Ok(stencil)
}

/// Cuts the pieces, the state as `function_state::describe` has it, up to the first that cannot be cut.
fn cut_pieces(stencil: &mut FunctionStencil, state: &State, function: &Function) -> PyResult<()> {
    let mut cutter = Cutter::new()?;
    cutter.opens();
    if !cut_function(&mut cutter, state, &stencil.wires, function, &stencil.base_globals)? {
        return Ok(());
    }
    let mut last_is_own = false;
    for part in PARTS {
        let is_own = stencil.own.has(part);
        if is_own && last_is_own && part != Part::Name {
            stencil.pieces.try_push(Piece { stencil: None, end: Some(part) })?;
            continue;
        }
        part.cut_key(&mut cutter, &state.names)?;
        last_is_own = is_own;
        if !is_own {
            if !cut_value(&mut cutter, stencil, function, part)? {
                return Ok(());
            }
            continue;
        }
        let cut = std::mem::replace(&mut cutter, Cutter::new()?);
        let Some(piece) = cut.finish()? else { return Ok(()) };
        stencil.pieces.try_push(Piece { stencil: Some(piece), end: Some(part) })?;
        if stencil.own == Own::ALL {
            return Ok(());
        }
    }
    cut_end(&mut cutter)?;
    let Some(piece) = cutter.finish()? else { return Ok(()) };
    stencil.pieces.try_push(Piece { stencil: Some(piece), end: None })?;
    Ok(())
}

/// Cuts a value that functions have in common; false if that cannot be.
fn cut_value(cutter: &mut Cutter, stencil: &FunctionStencil, function: &Function, part: Part) -> PyResult<bool> {
    match part {
        Part::Attributes => stencil.attributes.cut(cutter)?,
        Part::Name => cutter.fresh_text(function.name)?,
        Part::Qualname => cutter.fresh_text(function.qualname)?,
        Part::Annotations => cutter.alone(EMPTY_DICT, 0)?,
        Part::Kwdefaults => return stencil.kwdefaults.cut(cutter),
        Part::Defaults if !is_none(function.defaults) => return constants::cut(cutter, function.defaults),
        Part::Module if !is_none(function.module) => return cutter.text(function.module),
        Part::Doc if !is_none(function.doc) => return cutter.text(function.doc),
        _ => part.cut_none(cutter)?,
    }
    Ok(true)
}

/// Cuts the function without its state, and the beginning of the call that sets it: see `function::describe`.
fn cut_function(
    cutter: &mut Cutter,
    state: &State,
    wires: &Wires,
    function: &Function,
    base_globals: &base_globals::Expected,
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
    if !base_globals.cut(state, cutter)? {
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
