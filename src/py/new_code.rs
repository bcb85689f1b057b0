//! Making code objects: what the constructor takes differs between CPython versions.

use std::cell::Cell;
use std::ffi::{c_int, c_void};

use pyo3_ffi::*;

use super::bytecode;
use super::error::{PyResult, Raised, check, occurred, raise};
use super::layout::{self, compact_int, tuple_items, type_of};
use super::owned::Owned;
use super::undeclared::PySys_Audit;
use super::{text, trampoline};
use crate::py::message::message;
use crate::py::vec::gather;

/// What an argument of the constructor is.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Int,
    Bytes,
    Tuple,
    /// A tuple of `str`.
    Names,
    Str,
}

use Kind::{Bytes, Int, Names, Str, Tuple};

/// What the constructor takes, and which versions' does. The bytecode is the bytes before the first tuple.
struct Layout {
    minors: &'static [u8],
    kinds: &'static [Kind],
}

/// As `types.CodeType` documents them.
const LAYOUTS: &[Layout] = &[
    // Before positional-only parameters.
    Layout {
        minors: &[6, 7],
        kinds: &[Int, Int, Int, Int, Int, Bytes, Tuple, Names, Names, Str, Str, Int, Bytes, Names, Names],
    },
    Layout {
        minors: &[8, 9, 10],
        kinds: &[Int, Int, Int, Int, Int, Int, Bytes, Tuple, Names, Names, Str, Str, Int, Bytes, Names, Names],
    },
    // With the qualified name and the exception table.
    Layout {
        minors: &[11, 12, 13, 14, 15],
        kinds: &[
            Int, Int, Int, Int, Int, Int, Bytes, Tuple, Names, Names, Str, Str, Str, Int, Bytes, Bytes, Names, Names,
        ],
    },
];

/// The minor version that this is built for.
pub const MINOR: u8 = {
    let text = env!("CP_PYTHON_MINOR").as_bytes();
    if text.len() == 1 { text[0] - b'0' } else { (text[0] - b'0') * 10 + text[1] - b'0' }
};

/// Why a code object cannot be made.
pub enum Misfit {
    /// It is one of these minor versions', if any is known; and its name, if it can be told.
    Versions(Vec<u8>, Option<String>),
    Raised,
}

impl From<Raised> for Misfit {
    fn from(_: Raised) -> Self {
        Self::Raised
    }
}

fn is(kind: Kind, argument: *mut PyObject) -> bool {
    let of = |ty| type_of(argument).cast_const() == ty;
    // SAFETY: live; the items of a tuple are held by it.
    unsafe {
        match kind {
            Int => PyLong_Check(argument) != 0,
            Bytes => of(&raw const PyBytes_Type),
            Tuple => of(&raw const PyTuple_Type),
            Names => {
                of(&raw const PyTuple_Type)
                    && tuple_items(argument).iter().all(|name| type_of(*name).cast_const() == &raw const PyUnicode_Type)
            }
            Str => of(&raw const PyUnicode_Type),
        }
    }
}

impl Layout {
    /// The last two, free and cell variables, may be absent.
    fn fits(&self, args: &[*mut PyObject]) -> bool {
        args.len() <= self.kinds.len()
            && args.len() + 2 >= self.kinds.len()
            && self.kinds.iter().zip(args).all(|(kind, argument)| is(*kind, *argument))
    }

    fn bytecode<'a>(&self, args: &[*mut PyObject]) -> &'a [u8] {
        let at = self.kinds.iter().position(|kind| *kind == Bytes).unwrap_or(0);
        layout::bytes(args[at])
    }

    /// `co_name` follows `co_filename`.
    fn name(&self, args: &[*mut PyObject]) -> Option<String> {
        let at = self.kinds.iter().position(|kind| *kind == Str)? + 1;
        args.get(at).map(|name| text::display(*name))
    }
}

/// A code object of the arguments of this version's constructor, unless they tell that they are another's. `heard` is set
/// if there are audit hooks.
pub fn make(args: &[*mut PyObject], heard: &Cell<bool>) -> Result<Owned, Misfit> {
    // Mostly this version's, which comes last.
    let layout = LAYOUTS.iter().rev().find(|layout| layout.fits(args));
    match layout {
        Some(layout) if layout.minors.contains(&MINOR) && bytecode::fits(layout.bytecode(args), MINOR) => {
            Ok(construct(args, heard)?)
        }
        Some(layout) => {
            let known = gather(bytecode::versions())?;
            let fits = |minor: &u8| !known.contains(minor) || bytecode::fits(layout.bytecode(args), *minor);
            let versions = layout.minors.iter().copied().filter(|m| *m != MINOR).filter(fits);
            Err(Misfit::Versions(gather(versions)?, layout.name(args)))
        }
        None => Err(Misfit::Versions(Vec::new(), None)),
    }
}

/// A C int of an int object, which may not be negative if `count`.
fn int(argument: *mut PyObject, what: &str) -> PyResult<c_int> {
    // SAFETY: a live int; exception types live as long as the interpreter.
    unsafe {
        let small = if PyLong_CheckExact(argument) != 0 { compact_int(argument) } else { None };
        if let Some(value @ 0..) = small {
            return Ok(value);
        }
        let value = PyLong_AsLong(argument);
        if value == -1 && occurred() {
            return Err(Raised);
        }
        let Ok(narrow) = c_int::try_from(value) else {
            return Err(raise(PyExc_OverflowError, "Python int too large to convert to C int"));
        };
        if narrow < 0 && !what.is_empty() {
            return Err(raise(PyExc_ValueError, &message!("code: {what} must not be negative")));
        }
        Ok(narrow)
    }
}

/// The numbers that the constructor begins with.
fn counts(args: &[*mut PyObject]) -> PyResult<[c_int; 6]> {
    Ok([
        int(args[0], "argcount")?,
        int(args[1], "posonlyargcount")?,
        int(args[2], "kwonlyargcount")?,
        int(args[3], "nlocals")?,
        int(args[4], "")?,
        int(args[5], "")?,
    ])
}

/// What an audit event tells, if there are hooks to be told.
struct Event<'a> {
    args: &'a [*mut PyObject],
    heard: &'a Cell<bool>,
}

/// The audit event of a code object that is made of these arguments. Sets `heard` if there are hooks.
pub fn audit(args: &[*mut PyObject], heard: &Cell<bool>) -> PyResult<()> {
    let mut event = Event { args, heard };
    let tell: unsafe extern "C" fn(*mut c_void) -> *mut PyObject = tell;
    // SAFETY: the format asks for a function and what it is called with, which is here until the call is over.
    check(unsafe { PySys_Audit(c"code.__new__".as_ptr(), c"O&".as_ptr(), tell, (&raw mut event).cast::<c_void>()) })?;
    Ok(())
}

unsafe extern "C" fn tell(event: *mut c_void) -> *mut PyObject {
    trampoline::object(|| {
        // SAFETY: what `audit` passed on; its arguments are live.
        unsafe {
            let event = &*event.cast::<Event>();
            // Without a GIL others might look, and nothing is done with it.
            if !cfg!(Py_GIL_DISABLED) {
                event.heard.set(true);
            }
            let [argcount, posonly, kwonly, nlocals, stacksize, flags] = counts(event.args)?;
            Owned::new(Py_BuildValue(
                c"OOOiiiiii".as_ptr(),
                event.args[6],
                event.args[10],
                event.args[11],
                argcount,
                posonly,
                kwonly,
                nlocals,
                stacksize,
                flags,
            ))
        }
    })
}

/// Calls CPython's constructor with arguments of its layout.
fn construct(args: &[*mut PyObject], heard: &Cell<bool>) -> PyResult<Owned> {
    let [argcount, posonly, kwonly, nlocals, stacksize, flags] = counts(args)?;
    let &[code, consts, names, varnames, filename, name] = &args[6..12] else { return Err(Raised) };
    audit(args, heard)?;
    // SAFETY: all are live and of the types that were looked at; a new reference or NULL with an exception.
    unsafe {
        let empty = Owned::new(PyTuple_New(0))?;
        let variables = |at: usize| args.get(at).copied().unwrap_or(empty.as_ptr());
        #[cfg(not(Py_3_11))]
        let made = super::undeclared::PyCode_NewWithPosOnlyArgs(
            argcount,
            posonly,
            kwonly,
            nlocals,
            stacksize,
            flags,
            code,
            consts,
            names,
            varnames,
            variables(14),
            variables(15),
            filename,
            name,
            int(args[12], "")?,
            args[13],
        );
        #[cfg(Py_3_11)]
        let made = super::undeclared::PyCode_NewWithPosOnlyArgs(
            argcount,
            posonly,
            kwonly,
            nlocals,
            stacksize,
            flags,
            code,
            consts,
            names,
            varnames,
            variables(16),
            variables(17),
            filename,
            name,
            args[12],
            int(args[13], "")?,
            args[14],
            args[15],
        );
        Owned::new(made)
    }
}
