//! The fields of code objects (`cpython/code.h`), and what may be kept with one.

use std::ffi::{c_int, c_void};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ptr;

use pyo3_ffi::*;

use super::error::{self, PyResult};
use super::layout;
use super::owned::Owned;
use crate::py::shared::Shared;

/// A code object as CPython lays it out. The objects are borrowed from it and never NULL.
#[cfg(not(Py_3_11))]
#[repr(C)]
pub struct Code {
    base: PyObject,
    pub argcount: c_int,
    pub posonlyargcount: c_int,
    pub kwonlyargcount: c_int,
    pub nlocals: c_int,
    pub stacksize: c_int,
    pub flags: c_int,
    pub firstlineno: c_int,
    pub code: *mut PyObject,
    pub consts: *mut PyObject,
    pub names: *mut PyObject,
    pub varnames: *mut PyObject,
    pub freevars: *mut PyObject,
    pub cellvars: *mut PyObject,
    cell2arg: *mut Py_ssize_t,
    pub filename: *mut PyObject,
    pub name: *mut PyObject,
    /// `co_lnotab` before 3.10.
    pub linetable: *mut PyObject,
    zombieframe: *mut c_void,
    weakrefs: *mut PyObject,
    extra: *mut c_void,
}

/// A code object as CPython lays it out. The objects are borrowed from it and never NULL.
#[cfg(Py_3_11)]
#[repr(C)]
pub struct Code {
    base: PyVarObject,
    pub consts: *mut PyObject,
    pub names: *mut PyObject,
    pub exceptiontable: *mut PyObject,
    pub flags: c_int,
    #[cfg(not(Py_3_12))]
    warmup_and_linearray_entry_size: c_int,
    pub argcount: c_int,
    pub posonlyargcount: c_int,
    pub kwonlyargcount: c_int,
    pub stacksize: c_int,
    pub firstlineno: c_int,
    nlocalsplus: c_int,
    #[cfg(Py_3_12)]
    framesize: c_int,
    pub nlocals: c_int,
    #[cfg(not(Py_3_12))]
    nplaincellvars: c_int,
    ncellvars: c_int,
    nfreevars: c_int,
    #[cfg(Py_3_12)]
    version: u32,
    /// The names of locals, cells and free variables, in one tuple.
    pub localsplusnames: *mut PyObject,
    /// For each of them a byte that says which it is.
    pub localspluskinds: *mut PyObject,
    pub filename: *mut PyObject,
    pub name: *mut PyObject,
    pub qualname: *mut PyObject,
    pub linetable: *mut PyObject,
    weakrefs: *mut PyObject,
    #[cfg(Py_3_13)]
    executors: *mut c_void,
    cached: *mut c_void,
    #[cfg(not(Py_3_12))]
    linearray: *mut c_void,
    #[cfg(Py_3_12)]
    instrumentation_version: u64,
    #[cfg(Py_3_12)]
    monitoring: *mut c_void,
    #[cfg(Py_3_14)]
    unique_id: Py_ssize_t,
    firsttraceable: c_int,
    extra: *mut c_void,
}

/// The fields of a code object, which stand as long as it lives.
#[inline]
pub fn fields<'a>(code: *mut PyObject) -> &'a Code {
    // SAFETY: a live code object, laid out like this.
    unsafe { &*code.cast::<Code>() }
}

/// `type(object) is types.CodeType`; that type has no subclasses.
#[inline]
pub fn is_code(object: *mut PyObject) -> bool {
    // SAFETY: live.
    unsafe { PyCode_Check(object) != 0 }
}

/// `co_code`: one bytes object for each code object, made when first asked for from 3.11 on.
pub fn bytecode(code: *mut PyObject) -> PyResult<Owned> {
    #[cfg(Py_3_11)]
    {
        unsafe extern "C" {
            fn PyCode_GetCode(code: *mut PyObject) -> *mut PyObject;
        }
        // SAFETY: a live code object; a new reference.
        unsafe { Owned::new(PyCode_GetCode(code)) }
    }
    #[cfg(not(Py_3_11))]
    Ok(Owned::of(fields(code).code))
}

impl Code {
    /// Does nobody keep anything with the code object: no debugger that waits for it, no compiler?
    #[inline]
    pub fn has_no_extras(&self) -> bool {
        #[cfg(Py_3_12)]
        let monitored = !self.monitoring.is_null();
        #[cfg(not(Py_3_12))]
        let monitored = false;
        self.extra.is_null() && !monitored
    }
}

/// A place where each code object of this interpreter can keep a `T` for us.
pub struct Extra<T> {
    index: Py_ssize_t,
    kept: PhantomData<fn() -> T>,
}

impl<T> Extra<T> {
    /// None if no place is left, and on a free-threaded build, where what one thread takes from the place another may
    /// put something else to, and have it dropped.
    pub fn request() -> Option<Self> {
        if cfg!(Py_GIL_DISABLED) {
            return None;
        }
        // SAFETY: attached; the function is never unloaded.
        let index = unsafe { PyUnstable_Eval_RequestCodeExtraIndex(Self::drop_kept) };
        (index >= 0).then_some(Self { index, kept: PhantomData })
    }

    unsafe extern "C" fn drop_kept(kept: *mut c_void) {
        if !kept.is_null() {
            // SAFETY: what `set` gave away; CPython calls this once for it, attached.
            drop(unsafe { Shared::<T>::from_raw(kept) });
        }
    }

    /// What the code object keeps.
    #[inline]
    pub fn get(&self, code: *mut PyObject) -> Option<Shared<T>> {
        let mut kept: *mut c_void = ptr::null_mut();
        // SAFETY: a live code object, for which the call does not fail; under our index lies what `set` put there.
        unsafe {
            PyUnstable_Code_GetExtra(code, self.index, &mut kept);
            if kept.is_null() {
                return None;
            }
            // The code object stays the holder that it is.
            Some(Shared::clone(&ManuallyDrop::new(Shared::from_raw(kept))))
        }
    }

    /// Lets the code object keep something.
    pub fn set(&self, code: *mut PyObject, kept: Shared<T>) -> PyResult<()> {
        let kept = kept.into_raw();
        // SAFETY: a live code object, which takes over what it is given if the call succeeds.
        unsafe {
            if PyUnstable_Code_SetExtra(code, self.index, kept) < 0 {
                Self::drop_kept(kept);
                return Err(error::Raised);
            }
        }
        Ok(())
    }
}

/// May the code object belong to more than one interpreter, as the frozen ones of 3.11 and 3.12 do? Then nothing can
/// be kept with it: each interpreter numbers its extras by itself.
pub fn is_shared(code: *mut PyObject) -> bool {
    /// Counts of immortal objects lie above this, and no count of references that exist comes near.
    const IMMORTAL: Py_ssize_t = 100_000_000;
    cfg!(all(Py_3_11, not(Py_3_13)))
        // SAFETY: live.
        && unsafe { Py_REFCNT(code) } > IMMORTAL
}

/// Kinds of names in a code object.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// `co_names`
    Used,
    /// `co_varnames`
    Locals,
    /// `co_freevars`
    Free,
    /// `co_cellvars`
    Cells,
}

/// `CO_FAST_LOCAL`, `CO_FAST_CELL`, `CO_FAST_FREE` in `localspluskinds` (`internal/pycore_code.h`).
#[cfg(Py_3_11)]
const fn kind_bit(names: Names) -> u8 {
    match names {
        Names::Used => 0,
        Names::Locals => 0x20,
        Names::Cells => 0x40,
        Names::Free => 0x80,
    }
}

impl Code {
    /// The tuple that holds the names of a kind.
    pub fn holder(&self, kind: Names) -> *mut PyObject {
        match kind {
            Names::Used => self.names,
            #[cfg(Py_3_11)]
            _ => self.localsplusnames,
            #[cfg(not(Py_3_11))]
            Names::Locals => self.varnames,
            #[cfg(not(Py_3_11))]
            Names::Free => self.freevars,
            #[cfg(not(Py_3_11))]
            Names::Cells => self.cellvars,
        }
    }

    /// Are there surely no names of a kind?
    #[inline]
    pub fn has_none(&self, kind: Names) -> bool {
        match kind {
            #[cfg(Py_3_11)]
            Names::Free => self.nfreevars == 0,
            #[cfg(Py_3_11)]
            Names::Cells => self.ncellvars == 0,
            _ => layout::tuple_items(self.holder(kind)).is_empty(),
        }
    }

    /// The names of a kind in their order, and for each whether its tuple holds it under another kind too: an argument
    /// in a cell, from 3.11 on.
    pub fn names(&self, kind: Names) -> impl Iterator<Item = (*mut PyObject, bool)> {
        #[cfg(Py_3_11)]
        let kinds = layout::bytes(self.localspluskinds);
        #[cfg(Py_3_11)]
        let kind_of = move |i: usize| match kind {
            Names::Used => (true, false),
            _ => {
                let all = kind_bit(Names::Locals) | kind_bit(Names::Cells) | kind_bit(Names::Free);
                let own = kinds[i] & all;
                (own & kind_bit(kind) != 0, own.count_ones() > 1)
            }
        };
        #[cfg(not(Py_3_11))]
        let kind_of = |_| (true, false);
        layout::tuple_items(self.holder(kind)).iter().enumerate().filter_map(move |(i, name)| {
            let (counts, twice) = kind_of(i);
            counts.then_some((*name, twice))
        })
    }
}

/// `len(co_freevars)`
pub fn free_count(code: *mut PyObject) -> usize {
    fields(code).names(Names::Free).count()
}
