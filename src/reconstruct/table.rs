//! The names that pickles call, each with its function. They are the wire format: add, never rename.
//!
//! Each function is also a Python callable, made once for an interpreter, so that it can stand on the unpickler's
//! stack, in a memo or in a module like any other object; the unpickler sees what it is and calls it directly.

use std::ffi::c_char;
use std::ptr;

use pyo3_ffi::*;

use super::{cell, class, enumeration, function, imports, typevar, views};
use crate::protocol::wire::{MODULE, Wire};
use crate::py::error::{PyResult, Raised, raise};
use crate::py::layout::tuple_items;
use crate::py::message::message;
use crate::py::owned::Owned;
use crate::py::vec::try_gather;
use crate::py::{text, trampoline};
use crate::state::State;

/// Takes borrowed arguments, as many as its row says.
pub type Function = fn(&State, &[*mut PyObject]) -> PyResult<Owned>;

/// One name.
#[repr(C)]
pub struct Row {
    /// First, so that a callable's definition is also its row.
    definition: PyMethodDef,
    pub wire: Wire,
    parameters: &'static [&'static str],
    /// So many of the parameters have no default.
    required: usize,
    function: Function,
}

// SAFETY: the pointers in a definition lead to constants.
unsafe impl Sync for Row {}

/// Where the functions live, and where versions before 3.0 said that some do.
pub const MODULES: [&str; 2] = [MODULE, "cloudpickle.cloudpickle_fast"];

/// The names as C text.
static C_NAMES: [[u8; 48]; Wire::ALL.len()] = {
    let mut names = [[0; 48]; Wire::ALL.len()];
    let mut i = 0;
    while i < names.len() {
        let name = Wire::ALL[i].name().as_bytes();
        assert!(name.len() < names[i].len());
        let mut j = 0;
        while j < name.len() {
            names[i][j] = name[j];
            j += 1;
        }
        i += 1;
    }
    names
};

/// What is said about the callables that the importable face shows.
const fn doc(wire: Wire) -> *const c_char {
    match wire {
        Wire::Subimport => c"subimport(name)\n--\n\nThe module of this name, imported if it is not there.".as_ptr(),
        Wire::DynamicSubimport => {
            c"dynamic_subimport(name, vars)\n--\n\nA new module of this name that has these variables.".as_ptr()
        }
        _ => ptr::null(),
    }
}

macro_rules! rows {
    (@count $($parameter:literal)*) => { <[&str]>::len(&[$($parameter),*]) };
    ($($wire:ident ($($parameter:literal),*) $(optional $default:literal)? => $function:path;)*) => {
        pub static ROWS: [Row; Wire::ALL.len()] = [$(
            Row {
                definition: PyMethodDef {
                    ml_name: (&raw const C_NAMES[Wire::$wire as usize]).cast(),
                    ml_meth: PyMethodDefPointer { PyCFunctionFastWithKeywords: call_row::<{ Wire::$wire as usize }> },
                    ml_flags: METH_FASTCALL | METH_KEYWORDS,
                    ml_doc: doc(Wire::$wire),
                },
                wire: Wire::$wire,
                parameters: &[$($parameter),*],
                required: rows!(@count $($parameter)*) - (0 $(+ $default)?),
                function: $function,
            },
        )*];

        // A row stands where its name stands in the enum.
        const _: () = {
            let mut i = 0;
            $(
                assert!(Wire::$wire as usize == i);
                i += 1;
            )*
            assert!(i == Wire::ALL.len());
        };
    };
}

rows! {
    BuiltinType ("name") => imports::builtin_type;
    ClassSetstate ("obj", "state") => class::class_setstate;
    DataclassFieldSentinel ("name") => imports::dataclass_field_sentinel;
    DynamicSubimport ("name", "vars") => imports::dynamic_subimport;
    FileReconstructor ("retval") => imports::file_reconstructor;
    FunctionSetstate ("obj", "state") => function::function_setstate;
    MakeCell ("value") optional 1 => cell::make_cell;
    MakeDictItems ("obj", "is_ordered") optional 1 => views::make_dict_items;
    MakeDictKeys ("obj", "is_ordered") optional 1 => views::make_dict_keys;
    MakeDictValues ("obj", "is_ordered") optional 1 => views::make_dict_values;
    MakeEmptyCell () => cell::make_empty_cell;
    MakeFunction ("code", "globals", "name", "argdefs", "closure") => function::make_function;
    MakeSkeletonClass ("type_constructor", "name", "bases", "type_kwargs", "class_tracker_id", "extra")
        => class::make_skeleton_class;
    MakeSkeletonEnum ("bases", "name", "qualname", "members", "module", "class_tracker_id", "extra")
        => enumeration::make_skeleton_enum;
    MakeTypevar ("name", "bound", "constraints", "covariant", "contravariant", "class_tracker_id")
        => typevar::make_typevar;
    Subimport ("name") => imports::subimport;
}

impl Row {
    /// Calls with arguments by position.
    #[inline]
    pub fn call(&self, state: &State, args: &[*mut PyObject]) -> PyResult<Owned> {
        if args.len() < self.required || args.len() > self.parameters.len() {
            return Err(self.wrong_count(args.len()));
        }
        (self.function)(state, args)
    }

    #[cold]
    fn wrong_count(&self, given: usize) -> Raised {
        let (name, required, all) = (self.wire.name(), self.required, self.parameters.len());
        let message = if given > all {
            message!("{name}() takes {all} positional arguments but {given} were given")
        } else {
            message!("{name}() missing {} required positional arguments", required - given)
        };
        // SAFETY: exception types live as long as the interpreter.
        raise(unsafe { PyExc_TypeError }, &message)
    }

    /// Calls with the arguments of a vectorcall: those with names follow the others.
    fn call_with_names(&self, state: &State, args: &[*mut PyObject], names: &[*mut PyObject]) -> PyResult<Owned> {
        if names.is_empty() {
            return self.call(state, args);
        }
        // SAFETY: exception types live as long as the interpreter.
        let type_error = unsafe { PyExc_TypeError };
        let by_position = args.len() - names.len();
        let mut all: [*mut PyObject; 8] = [ptr::null_mut(); 8];
        let slots = &mut all[..self.parameters.len()];
        if by_position > slots.len() {
            return Err(self.wrong_count(by_position));
        }
        slots[..by_position].copy_from_slice(&args[..by_position]);
        for (name, value) in names.iter().zip(&args[by_position..]) {
            let name = text::utf8(*name)?;
            match self.parameters.iter().position(|p| *p == name) {
                Some(at) if slots[at].is_null() => slots[at] = *value,
                Some(_) => {
                    let message = message!("{}() got multiple values for argument '{name}'", self.wire.name());
                    return Err(raise(type_error, &message));
                }
                None => {
                    let message = message!("{}() got an unexpected keyword argument '{name}'", self.wire.name());
                    return Err(raise(type_error, &message));
                }
            }
        }
        // No row has a default before a parameter without one, or two defaults.
        let given = slots.iter().take_while(|slot| !slot.is_null()).count();
        if slots[given..].iter().any(|slot| !slot.is_null()) {
            return Err(self.wrong_count(given));
        }
        self.call(state, &slots[..given])
    }
}

/// What CPython calls.
unsafe extern "C" fn call_row<const INDEX: usize>(
    _: *mut PyObject,
    args: *const *mut PyObject,
    by_position: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    trampoline::object(|| {
        // SAFETY: as the calling convention says: args has those by position and then those that names names.
        let (args, names) = unsafe {
            let names = if names.is_null() { &[] } else { tuple_items(names) };
            let count = by_position as usize + names.len();
            (if count == 0 { &[] } else { std::slice::from_raw_parts(args, count) }, names)
        };
        ROWS[INDEX].call_with_names(State::get()?, args, names)
    })
}

/// The row of a callable, if it is one of ours.
#[inline]
pub fn function_of(callable: *mut PyObject) -> Option<&'static Row> {
    // SAFETY: a live object; the layout is that of its type.
    let definition = unsafe {
        if Py_TYPE(callable) != &raw mut PyCFunction_Type {
            return None;
        }
        (*callable.cast::<PyCFunctionObject>()).m_ml as usize
    };
    let offset = definition.wrapping_sub(ROWS.as_ptr() as usize);
    ROWS.get(offset / size_of::<Row>()).filter(|row| ptr::from_ref(*row) as usize == definition)
}

/// The callable of a name in a module, if it is one of ours.
#[inline]
pub fn find(module: *mut PyObject, name: *mut PyObject) -> PyResult<Option<Owned>> {
    let state = State::get()?;
    if module == state.wire_module.as_ptr()
        && let Some(index) = state.wire_names.iter().position(|wire| wire.as_ptr() == name)
    {
        return Ok(callables(state)?.get(index).cloned());
    }
    // SAFETY: a live str.
    if !MODULES.iter().any(|m| unsafe { PyUnicode_GetLength(module) } as usize == m.len()) {
        return Ok(None);
    }
    if !text::ascii(module).is_some_and(|module| MODULES.contains(&module)) {
        return Ok(None);
    }
    let Some(index) = text::ascii(name).and_then(|name| Wire::ALL.iter().position(|wire| wire.name() == name)) else {
        return Ok(None);
    };
    Ok(callables(state)?.get(index).cloned())
}

/// Which name of the wire a callable has, if it is one of ours.
#[inline]
pub fn callable_of(callable: *mut PyObject) -> Option<Wire> {
    function_of(callable).map(|row| row.wire)
}

/// The callables, in the order of the rows.
pub fn callables(state: &State) -> PyResult<&Vec<Owned>> {
    state.reconstructors.get(make_callables)
}

fn make_callables() -> PyResult<Vec<Owned>> {
    let module = text::new(MODULE)?;
    try_gather(ROWS.iter().map(|row| {
        let definition = (&raw const row.definition).cast_mut();
        // SAFETY: the definition is a constant that CPython does not write to; a new reference.
        unsafe { Owned::new(PyCFunction_NewEx(definition, ptr::null_mut(), module.as_ptr())) }
    }))
}

/// What an item of the unpickler's stack says about the object in the making: its description, if the item is a
/// function of ours that makes or completes a function or class, whose arguments so far lie above it.
pub fn unfinished(item: *mut PyObject, above: &[*mut PyObject]) -> Option<String> {
    let row = function_of(item)?;
    match row.wire {
        Wire::FunctionSetstate => Some(message!("function {}", name_of(*above.first()?)?)),
        Wire::ClassSetstate => Some(message!("class {}", name_of(*above.first()?)?)),
        Wire::MakeSkeletonClass | Wire::MakeSkeletonEnum => Some(message!("class {}", quoted(*above.get(1)?)?)),
        _ => None,
    }
}

fn name_of(object: *mut PyObject) -> Option<String> {
    let name = State::get().and_then(|state| crate::py::object::attr(object, state.names.name.as_ptr()));
    match name {
        Ok(name) => quoted(name.as_ptr()),
        Err(Raised) => {
            crate::py::error::clear();
            None
        }
    }
}

fn quoted(name: *mut PyObject) -> Option<String> {
    // SAFETY: live.
    (unsafe { PyUnicode_Check(name) } != 0).then(|| message!("'{}'", text::display(name)))
}
