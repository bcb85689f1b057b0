//! Code objects.

use std::ffi::c_int;
use std::mem::offset_of;
use std::sync::OnceLock;

use pyo3_ffi::*;

use super::function_stencil::FunctionStencils;
use crate::pickler::cutter::Cutter;
use crate::pickler::engine::Pickler;
use crate::pickler::plan::{Place, Plan};
use crate::pickler::script::Script;
use crate::pickler::stencil::Stencil;
use crate::protocol::opcode::{EMPTY_TUPLE, REDUCE};
use crate::py::code::{self, Code, Extra, Names};
use crate::py::error::PyResult;
use crate::py::shared::Shared;
use crate::state::State;

/// One argument of `types.CodeType`.
enum Argument {
    /// A `c_int` at this offset.
    Int(usize),
    /// An object that the code holds, at this offset.
    Held(usize),
    /// `co_code`.
    Bytecode,
    /// `co_name`, made anew.
    Name,
    /// Names, in a new tuple.
    Names(Names),
}

use Argument::{Bytecode, Held, Int, Name};

/// The arguments of this CPython's `types.CodeType`, in their order.
const ARGUMENTS: &[Argument] = &[
    Int(offset_of!(Code, argcount)),
    Int(offset_of!(Code, posonlyargcount)),
    Int(offset_of!(Code, kwonlyargcount)),
    Int(offset_of!(Code, nlocals)),
    Int(offset_of!(Code, stacksize)),
    Int(offset_of!(Code, flags)),
    Bytecode,
    Held(offset_of!(Code, consts)),
    Argument::Names(Names::Used),
    Argument::Names(Names::Locals),
    Held(offset_of!(Code, filename)),
    Name,
    #[cfg(Py_3_11)]
    Held(offset_of!(Code, qualname)),
    Int(offset_of!(Code, firstlineno)),
    Held(offset_of!(Code, linetable)),
    #[cfg(Py_3_11)]
    Held(offset_of!(Code, exceptiontable)),
    Argument::Names(Names::Free),
    Argument::Names(Names::Cells),
];

/// types.CodeType -> (types.CodeType, (co_argcount, …, co_cellvars))
pub fn reduce(pickler: &mut Pickler<'_>, object: *mut PyObject) -> PyResult<Script> {
    let mut plan = pickler.plan();
    describe(&mut plan, object)?;
    Ok(plan.finish())
}

/// The same in a plan that is being made.
pub fn describe(p: &mut Plan<'_, '_>, object: *mut PyObject) -> PyResult<()> {
    let state = p.pickler().state;
    p.builtin_type(&raw mut PyCode_Type, &state.names.code_type)?;
    let kept = Kept::of(state, object)?;
    if let Some(kept) = &kept
        && let Some(stencil) = kept.arguments(object)?
        && p.stencil(stencil)?
    {
        return p.reduce(object);
    }
    let fields = code::fields(object);
    let bytecode = code::bytecode(object)?;
    p.tuple(ARGUMENTS.len())?;
    for (n, argument) in (0..).zip(ARGUMENTS) {
        match argument {
            Int(at) => p.int(int(object, *at))?,
            Held(at) => p.part(held(object, *at), Place::CodePart(n))?,
            Bytecode => p.object(bytecode.as_ptr(), Place::CodePart(n))?,
            Name => p.fresh_text(fields.name)?,
            Argument::Names(kind) => names(p, fields, *kind)?,
        }
    }
    p.tuple_end(ARGUMENTS.len())?;
    p.reduce(object)
}

fn int(code: *mut PyObject, at: usize) -> i64 {
    // SAFETY: the field at the offset is a c_int.
    unsafe { *code.byte_add(at).cast::<c_int>() }.into()
}

fn held(code: *mut PyObject, at: usize) -> *mut PyObject {
    // SAFETY: the field at the offset is an object.
    unsafe { *code.byte_add(at).cast() }
}

/// A new tuple of the names themselves.
fn names(plan: &mut Plan<'_, '_>, code: &Code, kind: Names) -> PyResult<()> {
    let count = if code.has_none(kind) { 0 } else { code.names(kind).count() };
    if count == 0 {
        return plan.empty_tuple();
    }
    plan.tuple(count)?;
    let is_part = plan.lends(code.holder(kind))?;
    for (name, twice) in code.names(kind) {
        plan.lent(name, is_part && !twice, Place::Hidden)?;
    }
    plan.tuple_end(count)
}

/// What a code object keeps from the time on when it was described first: nothing until it is described once more.
#[derive(Default)]
pub(super) struct Kept {
    /// The stencil of its arguments, if it can have one.
    arguments: OnceLock<Option<Stencil>>,
    /// Those of functions with this code.
    pub(super) functions: FunctionStencils,
}

impl Kept {
    /// What the code object keeps, if it has been described before.
    pub(super) fn known(state: &State, code: *mut PyObject) -> PyResult<Option<Shared<Self>>> {
        let extra = state.code_stencils.get(|| Ok(Extra::<Self>::request()))?;
        Ok(extra.as_ref().filter(|_| !code::is_shared(code)).and_then(|extra| extra.get(code)))
    }

    /// The same for a code object that is described now; None if it is met for the first time, or cannot keep anything.
    ///
    /// What is cut serves from the next dump on: a stencil holds its objects, so that the memo does not leave them out,
    /// and it may have done so in this dump already.
    pub(super) fn of(state: &State, code: *mut PyObject) -> PyResult<Option<Shared<Self>>> {
        let extra = state.code_stencils.get(|| Ok(Extra::<Self>::request()))?;
        let Some(extra) = extra.as_ref().filter(|_| !code::is_shared(code)) else { return Ok(None) };
        let kept = extra.get(code);
        if kept.is_none() {
            extra.set(code, Shared::new(Self::default())?)?;
        }
        Ok(kept)
    }

    fn arguments(&self, code: *mut PyObject) -> PyResult<Option<&Stencil>> {
        if let Some(arguments) = self.arguments.get() {
            return Ok(arguments.as_ref());
        }
        let mut cutter = Cutter::new()?;
        let stencil = if cut(&mut cutter, code, 0)? { cutter.finish()? } else { None };
        // Another one that came first is as good.
        let _ = self.arguments.set(stencil);
        Ok(None)
    }
}

/// Cuts a stencil of the arguments, with their tuple; false if they are too large or of rare types.
pub(super) fn cut(cutter: &mut Cutter, object: *mut PyObject, depth: u32) -> PyResult<bool> {
    let fields = code::fields(object);
    let bytecode = code::bytecode(object)?;
    cutter.tuple(ARGUMENTS.len())?;
    for argument in ARGUMENTS {
        let part = match argument {
            Int(at) => {
                cutter.int(int(object, *at))?;
                continue;
            }
            Name => {
                cutter.fresh_text(fields.name)?;
                continue;
            }
            Argument::Names(kind) if cut_names(cutter, fields, *kind)? => continue,
            Argument::Names(_) => return Ok(false),
            Held(at) => held(object, *at),
            Bytecode => bytecode.as_ptr(),
        };
        if !cutter.object(part, depth, &mut cut_inner)? {
            return Ok(false);
        }
    }
    cutter.tuple_end(ARGUMENTS.len())?;
    cutter.paper()?;
    Ok(true)
}

/// Code among the constants of code: its type is known by then.
fn cut_inner(cutter: &mut Cutter, object: *mut PyObject, depth: u32) -> PyResult<bool> {
    cutter.known((&raw mut PyCode_Type).cast())?;
    if !cut(cutter, object, depth)? {
        return Ok(false);
    }
    cutter.op(REDUCE)?;
    Ok(true)
}

fn cut_names(cutter: &mut Cutter, code: &Code, kind: Names) -> PyResult<bool> {
    let count = code.names(kind).count();
    if count == 0 {
        cutter.op(EMPTY_TUPLE)?;
        return Ok(true);
    }
    cutter.tuple(count)?;
    for (name, _) in code.names(kind) {
        if !cutter.object(name, 0, &mut cut_inner)? {
            return Ok(false);
        }
    }
    cutter.tuple_end(count)?;
    cutter.paper()?;
    Ok(true)
}
