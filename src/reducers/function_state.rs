//! The state of a function: its attributes, and the slots that `_function_setstate` fills.

use pyo3_ffi::*;

use super::function::{Findings, Function};
use super::function_stencil::FunctionStencil;
use super::joined::is_plain;
use crate::pickler::cutter::Cutter;
use crate::pickler::paper::OnPaper;
use crate::pickler::plan::{Place, Plan};
use crate::pickler::stencil::Stencil;
use crate::protocol::opcode::*;
use crate::py::error::{PyResult, raise};
use crate::py::owned::Owned;
use crate::state::{Name, Names, State};

/// What a state has: the attributes, then the slots.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Attributes,
    Name,
    Qualname,
    Annotations,
    Kwdefaults,
    Defaults,
    Module,
    Doc,
    Closure,
    Submodules,
    Globals,
}

/// In their order.
pub(super) const PARTS: [Part; 11] = [
    Part::Attributes,
    Part::Name,
    Part::Qualname,
    Part::Annotations,
    Part::Kwdefaults,
    Part::Defaults,
    Part::Module,
    Part::Doc,
    Part::Closure,
    Part::Submodules,
    Part::Globals,
];

const SLOTS: usize = PARTS.len() - 1;

impl Part {
    /// Its place in the order.
    pub(super) fn at(self) -> usize {
        self as usize
    }

    pub(super) fn next(self) -> Option<Self> {
        PARTS.get(self.at() + 1).copied()
    }

    /// The key of a slot.
    fn key(self, names: &Names) -> Option<&Name> {
        Some(match self {
            Self::Attributes => return None,
            Self::Name => &names.name,
            Self::Qualname => &names.qualname,
            Self::Annotations => &names.annotations,
            Self::Kwdefaults => &names.kwdefaults,
            Self::Defaults => &names.defaults,
            Self::Module => &names.module,
            Self::Doc => &names.doc,
            Self::Closure => &names.closure,
            Self::Submodules => &names.submodules,
            Self::Globals => &names.globals,
        })
    }

    fn write_key(self, p: &mut Plan<'_, '_>) -> PyResult<()> {
        let names = &p.pickler().state.names;
        self.key(names).map_or(Ok(()), |key| p.name(key))
    }

    /// Cuts what comes in front of its value.
    pub(super) fn cut_key(self, cutter: &mut Cutter, names: &Names) -> PyResult<()> {
        if self == Self::Name {
            cut_empty(cutter, EMPTY_DICT)?;
            cutter.op(MARK)?;
        }
        self.key(names).map_or(Ok(()), |key| cutter.common_text(key.as_ptr()).map(drop))
    }

    /// Cuts the value that stands for none.
    pub(super) fn cut_none(self, cutter: &mut Cutter) -> PyResult<()> {
        match self {
            Self::Attributes | Self::Annotations | Self::Globals => cut_empty(cutter, EMPTY_DICT),
            Self::Submodules => cut_empty(cutter, EMPTY_LIST),
            _ => cutter.op(NONE),
        }
    }
}

/// Cuts what comes behind the last value: the end of the state, and of the call that sets it.
pub(super) fn cut_end(cutter: &mut Cutter) -> PyResult<()> {
    cutter.op(SETITEMS)?;
    cutter.tuple_end(2)?;
    cutter.paper()?;
    cutter.op(TUPLE2)?;
    cutter.op(REDUCE)?;
    cutter.op(POP)
}

/// An empty container on paper.
pub(super) fn cut_empty(cutter: &mut Cutter, op: u8) -> PyResult<()> {
    cutter.op(op)?;
    cutter.paper()
}

/// What the states of most functions have in common.
struct Stencils {
    /// No attributes, up to the name.
    begin: Option<Stencil>,
    /// No annotations and no defaults, up to the module.
    middle: Option<Stencil>,
    /// No docstring, and nothing that follows.
    end: Option<Stencil>,
    /// No submodules, and nothing that follows.
    tail: Option<Stencil>,
}

impl Stencils {
    fn get(state: &State) -> PyResult<&Self> {
        state.function_stencils.get(|| Self::cut(state))
    }

    #[cold]
    fn cut(state: &State) -> PyResult<Self> {
        let cut = |first: Part, end: Option<Part>| {
            let mut cutter = Cutter::new()?;
            let mut part = Some(first);
            while let Some(empty) = part.filter(|_| part != end) {
                empty.cut_key(&mut cutter, &state.names)?;
                empty.cut_none(&mut cutter)?;
                part = empty.next();
            }
            match end {
                Some(end) => end.cut_key(&mut cutter, &state.names)?,
                None => cut_end(&mut cutter)?,
            }
            cutter.finish()
        };
        Ok(Self {
            begin: cut(Part::Attributes, Some(Part::Name))?,
            middle: cut(Part::Annotations, Some(Part::Module))?,
            end: cut(Part::Doc, None)?,
            tail: cut(Part::Submodules, None)?,
        })
    }

    /// The one that goes on with a part whose key is not there yet, and the part in front of whose value it ends; None for that
    /// where it ends all.
    fn from(&self, part: Part, function: &Function, findings: &Findings) -> Option<(&Stencil, Option<Part>)> {
        let names_nothing = || findings.submodules.is_empty() && findings.globals.is_empty();
        let (stencil, end) = match part {
            Part::Annotations
                if function.annotations.is_null() && is_none(function.kwdefaults) && is_none(function.defaults) =>
            {
                (&self.middle, Some(Part::Module))
            }
            Part::Doc if is_none(function.doc) && is_none(function.closure) && names_nothing() => (&self.end, None),
            Part::Submodules if names_nothing() => (&self.tail, None),
            _ => return None,
        };
        stencil.as_ref().map(|stencil| (stencil, end))
    }
}

/// None, or NULL in its place.
pub(super) fn is_none(object: *mut PyObject) -> bool {
    // SAFETY: the address of a static object.
    object.is_null() || object == unsafe { Py_None() }
}

/// What only the function refers to, as far as a stencil has it.
#[inline]
pub(super) fn alone(function: &Function) -> [*mut PyObject; 2] {
    [function.annotations, function.kwdefaults]
}

/// (attributes, slots), and the end of the call that sets them. A stencil may have written the beginning; it goes on behind each
/// value that it leaves out.
pub(super) fn describe(
    p: &mut Plan<'_, '_>,
    function: &Function,
    findings: &mut Findings,
    attributes: &[[*mut PyObject; 2]],
    stencil: Option<&FunctionStencil>,
) -> PyResult<()> {
    let state = p.pickler().state;
    let common = Stencils::get(state)?;
    let begun = |end: Option<Part>| OnPaper::begun(SLOTS, end.map_or(SLOTS, Part::at));
    let mut pieces = stencil.map_or(&[][..], |stencil| stencil.pieces());
    // Foreign code may have changed what is copied.
    let holds =
        |p: &mut Plan<'_, '_>| !p.pickler().is_foreign() || stencil.is_some_and(|stencil| stencil.holds(function));
    // The part whose value comes next.
    let mut next = Some(Part::Attributes);
    if let Some((first, rest)) = pieces.split_first() {
        (next, pieces) = (first.end, rest);
    } else if findings.dict.is_none()
        && attributes.is_empty()
        && let Some(begin) = &common.begin
        && p.stencil(begin)?
    {
        next = Some(Part::Name);
    }
    let mut slots = begun(next);
    while let Some(part) = next {
        value(p, function, findings, attributes, part)?;
        if let Some((piece, rest)) = pieces.split_first() {
            let goes_on = match &piece.stencil {
                Some(piece) => holds(p) && p.piece(piece, alone(function))?,
                None => piece.end.map_or(Ok(()), |end| end.write_key(p)).map(|()| true)?,
            };
            if goes_on {
                (next, pieces, slots) = (piece.end, rest, begun(piece.end));
                continue;
            }
            pieces = &[];
        }
        let Some(following) = part.next() else {
            slots.end(p)?;
            p.tuple_end(2)?;
            return p.set_state_end();
        };
        if let Some((stencil, end)) = common.from(following, function, findings)
            && p.stencil(stencil)?
        {
            (next, slots) = (end, begun(end));
            continue;
        }
        if part == Part::Attributes {
            slots = p.dict(SLOTS)?;
        }
        slots.next(p)?;
        following.write_key(p)?;
        next = Some(following);
    }
    Ok(())
}

fn value(
    p: &mut Plan<'_, '_>,
    function: &Function,
    findings: &mut Findings,
    attributes: &[[*mut PyObject; 2]],
    part: Part,
) -> PyResult<()> {
    match part {
        Part::Attributes => describe_attributes(p, function, findings.dict.take(), attributes),
        Part::Name => findings.name.write(p),
        Part::Qualname => findings.qualname.write(p),
        Part::Annotations if function.annotations.is_null() => p.dict(0)?.end(p),
        Part::Annotations => p.part(function.annotations, Place::Field(&"__annotations__")),
        Part::Kwdefaults => p.part_or_none(function.kwdefaults, Place::Field(&"__kwdefaults__")),
        Part::Defaults => p.part_or_none(function.defaults, Place::Field(&"__defaults__")),
        Part::Module => p.part_or_none(function.module, Place::Field(&"__module__")),
        Part::Doc => p.part_or_none(function.doc, Place::Field(&"__doc__")),
        Part::Closure => p.part_or_none(function.closure, Place::Closure(function.code)),
        Part::Submodules => submodules(p, std::mem::take(&mut findings.submodules)),
        Part::Globals => globals(p, function, std::mem::take(&mut findings.globals)),
    }
}

/// The list of imported submodules.
fn submodules(p: &mut Plan<'_, '_>, found: Vec<Owned>) -> PyResult<()> {
    let name = p.pickler().state.names.submodules.as_ptr();
    let mut list = p.list(found.len())?;
    for (n, module) in (0..).zip(found) {
        list.next(p)?;
        p.owned(module, Place::Listed(n, name))?;
    }
    list.end(p)
}

/// The dict of the globals that are used.
fn globals(p: &mut Plan<'_, '_>, function: &Function, used: Vec<(Owned, Owned)>) -> PyResult<()> {
    p.lends(function.globals)?;
    let mut dict = p.dict(used.len())?;
    for (name, value) in used {
        dict.next(p)?;
        let place = Place::Global(name.as_ptr());
        p.held(name, Place::Hidden)?;
        p.held(value, place)?;
    }
    dict.end(p)
}

/// The function's attributes with keys made anew, or a copy in place of its dict.
fn describe_attributes(
    p: &mut Plan<'_, '_>,
    function: &Function,
    copy: Option<Owned>,
    attributes: &[[*mut PyObject; 2]],
) -> PyResult<()> {
    if let Some(copy) = copy {
        return p.owned(copy, Place::PairedState);
    }
    let is_part = !attributes.is_empty() && p.lends(function.dict)?;
    let mut dict = p.dict(attributes.len())?;
    for &[key, value] in attributes {
        if !is_plain(key) {
            // SAFETY: the exception types are there for the interpreter's life.
            return Err(raise(unsafe { PyExc_RuntimeError }, "a function was changed while it was pickled"));
        }
        dict.next(p)?;
        p.fresh_text(key)?;
        p.lent(value, is_part, Place::Attribute(key))?;
    }
    dict.end(p)
}
