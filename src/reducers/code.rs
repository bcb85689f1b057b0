//! Code objects.

use std::ffi::c_int;
use std::mem::offset_of;

use pyo3_ffi::*;

use crate::pickler::engine::Pickler;
use crate::pickler::frame::Frame;
use crate::pickler::plan::{Place, Plan};
use crate::py::code::{self, Code, Names};
use crate::py::error::PyResult;

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
pub fn reduce(pickler: &mut Pickler<'_>, object: *mut PyObject) -> PyResult<Frame> {
    let mut plan = pickler.plan();
    describe(&mut plan, object)?;
    Ok(plan.finish())
}

/// The same in a plan that is being made.
pub fn describe(p: &mut Plan<'_, '_>, object: *mut PyObject) -> PyResult<()> {
    let fields = code::fields(object);
    let bytecode = code::bytecode(object)?;
    let name = &p.pickler().state.names.code_type;
    p.builtin_type(&raw mut PyCode_Type, name)?;
    p.tuple(ARGUMENTS.len())?;
    for argument in ARGUMENTS {
        match argument {
            // SAFETY: the field at the offset is a c_int.
            Int(at) => p.int(unsafe { *object.byte_add(*at).cast::<c_int>() }.into())?,
            // SAFETY: the field at the offset is an object.
            Held(at) => p.part(unsafe { *object.byte_add(*at).cast() }, Place::Hidden)?,
            Bytecode => p.object(bytecode.as_ptr(), Place::Hidden)?,
            Name => p.fresh_text(fields.name)?,
            Argument::Names(kind) => names(p, fields, *kind)?,
        }
    }
    p.tuple_end(ARGUMENTS.len())?;
    p.reduce(object)
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
