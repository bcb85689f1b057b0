//! Names of globals that a piece of code reads, writes or deletes (cloudpickle's `_extract_code_globals`).

use std::collections::HashSet;

use pyo3_ffi::*;

use super::kept::Kept;
use crate::py::code;
use crate::py::error::{self, PyResult, Raised, no_memory, raise};
use crate::py::foreign::Foreign;
use crate::py::layout::{bytes, tuple_items};
use crate::py::object::{call1, dict_get};
use crate::py::owned::Owned;
use crate::py::shared::Shared;
use crate::py::vec::{TryPush, gather};
use crate::state::State;

/// The names of the globals that a code object uses.
pub type Names = Vec<Owned>;

/// The instructions that matter, of one CPython version.
struct Opcodes {
    load_global: u8,
    store_global: u8,
    delete_global: u8,
    extended_arg: u8,
    /// Low bits of LOAD_GLOBAL's argument that do not belong to the name's index.
    load_shift: u32,
}

const fn row(load_global: u8, store_global: u8, delete_global: u8, extended_arg: u8, load_shift: u32) -> Opcodes {
    Opcodes { load_global, store_global, delete_global, extended_arg, load_shift }
}

/// `opcode.opmap` of 3.9 and on. A test compares the dumps of whole libraries on each version.
const VERSIONS: [Opcodes; 7] = [
    row(116, 97, 98, 144, 0),
    row(116, 97, 98, 144, 0),
    row(116, 97, 98, 144, 1),
    row(116, 97, 98, 144, 1),
    row(91, 113, 66, 71, 1),
    row(92, 115, 64, 69, 1),
    row(91, 114, 62, 67, 1),
];

const OPCODES: Opcodes = {
    let Ok(minor) = usize::from_str_radix(env!("CP_PYTHON_MINOR"), 10) else { panic!("a number") };
    let [r9, r10, r11, r12, r13, r14, r15] = VERSIONS;
    match minor {
        9 => r9,
        10 => r10,
        11 => r11,
        12 => r12,
        13 => r13,
        14 => r14,
        _ => r15,
    }
};

/// How an opcode uses its argument.
#[derive(Clone, Copy, PartialEq)]
enum Use {
    Nothing,
    Extends,
    Name { shift: u32 },
}

/// A row for each opcode: one look-up an instruction.
const USES: [Use; 256] = {
    let mut uses = [Use::Nothing; 256];
    uses[OPCODES.extended_arg as usize] = Use::Extends;
    uses[OPCODES.load_global as usize] = Use::Name { shift: OPCODES.load_shift };
    uses[OPCODES.store_global as usize] = Use::Name { shift: 0 };
    uses[OPCODES.delete_global as usize] = Use::Name { shift: 0 };
    uses
};

/// The names, each once and in the order in which they are first met, those of code among the constants behind:
/// the very objects in `co_names`. They are kept with the code object, and found there from then on.
pub fn code_globals(state: &State, code: *mut PyObject, foreign: &mut impl Foreign) -> PyResult<Shared<Names>> {
    if let Some(theirs) = state.replaced.code_globals.get() {
        foreign.foreign()?;
        return given(&theirs, code);
    }
    code_globals_itself(state, code, foreign)
}

/// The same, whatever a program put in this function's place.
pub fn code_globals_itself(state: &State, code: *mut PyObject, foreign: &mut impl Foreign) -> PyResult<Shared<Names>> {
    let extra = Kept::get(state)?.code_extra.as_ref().filter(|_| !code::is_shared(code));
    if let Some(names) = extra.and_then(|extra| extra.get(code)) {
        return Ok(names);
    }
    let names = Shared::new(collect(code, foreign)?)?;
    if let Some(extra) = extra {
        extra.set(code, names.clone())?;
    }
    Ok(names)
}

/// What a program's own function says.
fn given(theirs: &Owned, code: *mut PyObject) -> PyResult<Shared<Names>> {
    let names = call1(theirs.as_ptr(), code)?;
    // SAFETY: live; a new reference or NULL with an exception.
    let names = unsafe { Owned::new(PySequence_Tuple(names.as_ptr()))? };
    Shared::new(gather(tuple_items(names.as_ptr()).iter().map(|name| Owned::of(*name)))?)
}

/// The names of the instructions that read, write or delete a global, in their order (cloudpickle's
/// `_walk_global_ops`).
pub fn global_instructions(code: *mut PyObject) -> PyResult<Vec<Owned>> {
    let mut names = vec![];
    walk(code, |name| names.try_push(Owned::of(name)))?;
    Ok(names)
}

/// Walks the code and what is nested in it, outer before inner: the order in which cloudpickle's dicts, each updated
/// by those of the nested code objects, come to hold the names.
fn collect(root: *mut PyObject, foreign: &mut impl Foreign) -> PyResult<Names> {
    let mut names = Met::default();
    let mut entered = HashSet::new();
    let mut waiting = vec![];
    waiting.try_push(root)?;
    while let Some(code) = waiting.pop() {
        if code != root {
            entered.try_reserve(1).map_err(|_| no_memory())?;
            if !entered.insert(code) {
                continue;
            }
        }
        walk(code, |name| names.add(name))?;
        for constant in tuple_items(code::fields(code).consts).iter().rev() {
            if code::is_code(*constant) {
                waiting.try_push(*constant)?;
            } else {
                refuse_unhashable(*constant, foreign).map_err(|_| unhashable(root))?;
            }
        }
    }
    gather(names.order.into_iter().map(Owned::of))
}

/// cloudpickle looks code up in a table by its hash, which covers the constants: raises what that raises.
fn refuse_unhashable(constant: *mut PyObject, foreign: &mut impl Foreign) -> PyResult<()> {
    if is_atom(constant) {
        return Ok(());
    }
    let plain = |item: &*mut PyObject| is_atom(*item);
    // SAFETY: a live object; exact tuples only have items.
    unsafe {
        if !(PyTuple_CheckExact(constant) != 0 && tuple_items(constant).iter().all(plain)) {
            foreign.foreign()?;
        }
        if PyObject_Hash(constant) == -1 { Err(Raised) } else { Ok(()) }
    }
}

/// Raises what a look-up of the code by a weak reference raises, in the words of this CPython.
#[cold]
fn unhashable(code: *mut PyObject) -> Raised {
    error::clear();
    // SAFETY: live; new references, and an exception, since the code has no hash.
    let looked_up = unsafe {
        Owned::new(PyDict_New()).and_then(|table| {
            let reference = Owned::new(PyWeakref_NewRef(code, std::ptr::null_mut()))?;
            dict_get(table.as_ptr(), reference.as_ptr())
        })
    };
    match looked_up {
        Err(raised) => raised,
        // SAFETY: the exception types are there for the interpreter's life.
        Ok(_) => raise(unsafe { PyExc_RuntimeError }, "code changed while it was pickled"),
    }
}

/// Does the object hash without foreign code?
fn is_atom(object: *mut PyObject) -> bool {
    // SAFETY: live.
    unsafe {
        object == Py_None()
            || PyUnicode_CheckExact(object) != 0
            || PyLong_CheckExact(object) != 0
            || PyBytes_CheckExact(object) != 0
            || PyFloat_CheckExact(object) != 0
            || PyBool_Check(object) != 0
            || PyFrozenSet_CheckExact(object) != 0
    }
}

/// The names of one code object itself, one for each instruction that has one.
fn walk(code: *mut PyObject, mut found: impl FnMut(*mut PyObject) -> PyResult<()>) -> PyResult<()> {
    let table = tuple_items(code::fields(code).names);
    if table.is_empty() {
        return Ok(());
    }
    let bytecode = code::bytecode(code)?;
    let mut extension = 0usize;
    for instruction in bytes(bytecode.as_ptr()).chunks_exact(2) {
        let argument = extension | usize::from(instruction[1]);
        extension = 0;
        match USES[usize::from(instruction[0])] {
            Use::Nothing => {}
            Use::Extends => extension = argument << 8,
            Use::Name { shift } => {
                let Some(name) = table.get(argument >> shift) else {
                    // SAFETY: the exception types are there for the interpreter's life.
                    return Err(raise(unsafe { PyExc_IndexError }, "tuple index out of range"));
                };
                found(*name)?;
            }
        }
    }
    Ok(())
}

/// Names met so far. They are interned, so that the address tells them apart.
#[derive(Default)]
struct Met {
    order: Vec<*mut PyObject>,
    /// Filled once a search through `order` would take long.
    set: HashSet<*mut PyObject>,
}

const SEARCH_AT_MOST: usize = 16;

impl Met {
    fn add(&mut self, name: *mut PyObject) -> PyResult<()> {
        if self.order.len() <= SEARCH_AT_MOST {
            if self.order.contains(&name) {
                return Ok(());
            }
        } else {
            if self.set.is_empty() {
                self.set.try_reserve(self.order.len()).map_err(|_| no_memory())?;
                self.set.extend(&self.order);
            }
            self.set.try_reserve(1).map_err(|_| no_memory())?;
            if !self.set.insert(name) {
                return Ok(());
            }
        }
        self.order.try_push(name)
    }
}
