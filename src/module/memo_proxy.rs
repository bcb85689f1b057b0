//! What the attribute `memo` of picklers and unpicklers gives: a view of the memo, which can be copied and emptied.

use std::ffi::{CStr, c_int, c_void};
use std::ptr;

use pyo3_ffi::*;

use super::arguments::type_error;
use super::definition::{Constant, end, of_none};
use super::{face, pickler, unpickler};
use crate::pickler::memo::Memo;
use crate::py::error::{PyResult, check};
use crate::py::layout::{tuple_items, type_of};
use crate::py::message::message;
use crate::py::object::each_item;
use crate::py::owned::Owned;
use crate::py::vec::{TryPush, gather};
use crate::py::{number, text, trampoline};
use crate::unpickler::memo::Memo as LoadMemo;

#[repr(C)]
struct Proxy {
    base: PyObject,
    /// The pickler or unpickler; NULL only while the garbage collector takes the proxy apart.
    owner: *mut PyObject,
}

const CLEAR: &CStr = c"clear($self, /)\n--\n\nForget everything.";
const COPY: &CStr = c"copy($self, /)\n--\n\nThe memo as a dict.";
const REDUCE: &CStr = c"__reduce__($self, /)\n--\n\nAs a dict.";

static OF_PICKLER: Constant<[PyMethodDef; 4]> = Constant([
    of_none(c"clear", clear_dumped, CLEAR),
    of_none(c"copy", copy_dumped, COPY),
    of_none(c"__reduce__", reduce_dumped, REDUCE),
    end(),
]);

static OF_UNPICKLER: Constant<[PyMethodDef; 4]> = Constant([
    of_none(c"clear", clear_loaded, CLEAR),
    of_none(c"copy", copy_loaded, COPY),
    of_none(c"__reduce__", reduce_loaded, REDUCE),
    end(),
]);

/// The type of the proxies of picklers.
pub fn make_of_pickler() -> PyResult<Owned> {
    make(c"libcloudpickle.PicklerMemoProxy", OF_PICKLER.as_ptr().cast())
}

/// The type of the proxies of unpicklers.
pub fn make_of_unpickler() -> PyResult<Owned> {
    make(c"libcloudpickle.UnpicklerMemoProxy", OF_UNPICKLER.as_ptr().cast())
}

fn make(name: &'static CStr, methods: *mut c_void) -> PyResult<Owned> {
    let mut slots = [
        PyType_Slot { slot: Py_tp_dealloc, pfunc: dealloc as *mut c_void },
        PyType_Slot { slot: Py_tp_traverse, pfunc: traverse as *mut c_void },
        PyType_Slot { slot: Py_tp_clear, pfunc: clear as *mut c_void },
        PyType_Slot { slot: Py_tp_methods, pfunc: methods },
        PyType_Slot { slot: Py_tp_hash, pfunc: PyObject_HashNotImplemented as *mut c_void },
        PyType_Slot { slot: 0, pfunc: ptr::null_mut() },
    ];
    let mut spec = PyType_Spec {
        name: name.as_ptr(),
        basicsize: size_of::<Proxy>() as c_int,
        itemsize: 0,
        flags: (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC) as u32,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: a spec that ends with a zero slot, read during the call; a new reference or NULL.
    unsafe { Owned::new(PyType_FromSpec(&mut spec)) }
}

/// A proxy of this type for the owner.
pub fn new(ty: *mut PyObject, owner: *mut PyObject) -> PyResult<Owned> {
    // SAFETY: a type of ours; a new reference, all zero behind its head.
    unsafe {
        let proxy = Owned::new(PyType_GenericAlloc(ty.cast(), 0))?;
        (*proxy.as_ptr().cast::<Proxy>()).owner = Owned::of(owner).into_ptr();
        Ok(proxy)
    }
}

/// The owner of a proxy that its method was called on.
fn owner(proxy: *mut PyObject) -> Owned {
    // SAFETY: an instance of ours, which leads to its owner as long as anyone can call it.
    Owned::of(unsafe { (*proxy.cast::<Proxy>()).owner })
}

/// The owner of a value that may be a proxy of this type.
fn owner_of(value: *mut PyObject, ty: &Owned) -> Option<Owned> {
    (type_of(value).cast() == ty.as_ptr()).then(|| owner(value))
}

fn none() -> Owned {
    // SAFETY: a static object.
    Owned::of(unsafe { Py_None() })
}

/// A memo out of what is assigned to `Pickler.memo`.
pub fn memo_of(value: *mut PyObject) -> PyResult<Memo> {
    if let Some(owner) = owner_of(value, &face::get()?.memo_proxy) {
        // SAFETY: a pickler.
        return unsafe { pickler::with_fields(owner.as_ptr(), |this| this.memo()?.duplicate()) };
    }
    // SAFETY: a live object.
    if unsafe { PyDict_Check(value) } == 0 {
        let name = text::type_name(type_of(value));
        return Err(type_error(&message!("'memo' attribute must be a PicklerMemoProxy object or dict, not {name}")));
    }
    let mut entries = vec![];
    each_item(value, |_, pair| {
        // SAFETY: live objects.
        unsafe {
            let &[number, object] = (if PyTuple_Check(pair.as_ptr()) != 0 { tuple_items(pair.as_ptr()) } else { &[] })
            else {
                return Err(type_error("'memo' values must be 2-item tuples"));
            };
            let at = entries.len();
            entries.try_push((index(number)?, at, Owned::of(object)))
        }
    })?;
    entries.sort_unstable_by_key(|(number, at, _)| (*number, *at));
    if entries.last().is_some_and(|(last, ..)| *last > 16 * entries.len() + (1 << 20)) {
        return Err(super::arguments::value_error("the numbers in 'memo' lie too far apart"));
    }
    let numbers = gather(entries.iter().map(|(number, _, object)| (*number, object.as_ptr())))?;
    Memo::of_numbers(&numbers)
}

/// A number of a memo.
fn index(number: *mut PyObject) -> PyResult<usize> {
    // SAFETY: a live object.
    let value = unsafe {
        if PyLong_Check(number) == 0 {
            return Err(type_error("memo key must be integers"));
        }
        PyLong_AsSsize_t(number)
    };
    if value == -1 && crate::py::error::occurred() {
        return Err(crate::py::error::Raised);
    }
    usize::try_from(value).map_err(|_| super::arguments::value_error("memo key must be positive integers."))
}

/// `{id(object): (number, object)}`. What no object stands for has one here that nobody else knows.
fn dumped(owner: &Owned) -> PyResult<Owned> {
    // SAFETY: a pickler.
    let memo = unsafe { pickler::with_fields(owner.as_ptr(), |this| this.memo()?.duplicate())? };
    // SAFETY: attached; new references, and live objects that the memo holds.
    unsafe {
        let dict = Owned::new(PyDict_New())?;
        for (at, object) in memo.held().enumerate() {
            let object = match Owned::new_or_none(object) {
                Some(held) => {
                    Py_INCREF(held.as_ptr());
                    held
                }
                None => Owned::new(PyObject_CallNoArgs((&raw mut PyBaseObject_Type).cast()))?,
            };
            let id = Owned::new(PyLong_FromVoidPtr(object.as_ptr().cast()))?;
            let pair = Owned::new(PyTuple_Pack(2, number::from_i64(at as i64)?.as_ptr(), object.as_ptr()))?;
            check(PyDict_SetItem(dict.as_ptr(), id.as_ptr(), pair.as_ptr()))?;
        }
        Ok(dict)
    }
}

unsafe extern "C" fn copy_dumped(proxy: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    trampoline::object(|| dumped(&owner(proxy)))
}

unsafe extern "C" fn reduce_dumped(proxy: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    trampoline::object(|| as_dict(dumped(&owner(proxy))?))
}

unsafe extern "C" fn clear_dumped(proxy: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    trampoline::object(|| {
        let owner = owner(proxy);
        // SAFETY: a pickler.
        drop(unsafe { pickler::with_fields(owner.as_ptr(), |this| this.memo().map(std::mem::take)) }?);
        Ok(none())
    })
}

/// A memo out of what is assigned to `Unpickler.memo`.
pub fn load_memo_of(value: *mut PyObject) -> PyResult<LoadMemo> {
    if let Some(owner) = owner_of(value, &face::get()?.unpickler_memo_proxy) {
        // SAFETY: an unpickler.
        return unsafe { unpickler::with_fields(owner.as_ptr(), |this| this.memo()?.duplicate()) };
    }
    // SAFETY: a live object.
    if unsafe { PyDict_Check(value) } == 0 {
        let name = text::type_name(type_of(value));
        return Err(type_error(&message!("'memo' attribute must be an UnpicklerMemoProxy object or dict, not {name}")));
    }
    let mut memo = LoadMemo::default();
    each_item(value, |number, object| memo.put(index(number.as_ptr())?, object.as_ptr()))?;
    Ok(memo)
}

/// `{number: object}`
fn loaded(owner: &Owned) -> PyResult<Owned> {
    // SAFETY: an unpickler.
    let memo = unsafe { unpickler::with_fields(owner.as_ptr(), |this| this.memo()?.duplicate())? };
    // SAFETY: attached; new references, and live objects that the memo holds.
    unsafe {
        let dict = Owned::new(PyDict_New())?;
        for (at, object) in memo.entries() {
            check(PyDict_SetItem(dict.as_ptr(), number::from_i64(at as i64)?.as_ptr(), object))?;
        }
        Ok(dict)
    }
}

unsafe extern "C" fn copy_loaded(proxy: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    trampoline::object(|| loaded(&owner(proxy)))
}

unsafe extern "C" fn reduce_loaded(proxy: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    trampoline::object(|| as_dict(loaded(&owner(proxy))?))
}

unsafe extern "C" fn clear_loaded(proxy: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    trampoline::object(|| {
        let owner = owner(proxy);
        // SAFETY: an unpickler.
        drop(unsafe { unpickler::with_fields(owner.as_ptr(), |this| this.memo().map(std::mem::take)) }?);
        Ok(none())
    })
}

/// `(dict, (contents,))`
fn as_dict(contents: Owned) -> PyResult<Owned> {
    // SAFETY: live objects; new references.
    unsafe {
        let arguments = Owned::new(PyTuple_Pack(1, contents.as_ptr()))?;
        Owned::new(PyTuple_Pack(2, (&raw mut PyDict_Type).cast::<PyObject>(), arguments.as_ptr()))
    }
}

unsafe extern "C" fn traverse(proxy: *mut PyObject, visit: visitproc, arg: *mut c_void) -> c_int {
    // SAFETY: an instance, which the collector looks at while nothing else runs.
    unsafe {
        for held in [Py_TYPE(proxy).cast(), (*proxy.cast::<Proxy>()).owner] {
            let answer = if held.is_null() { 0 } else { visit(held, arg) };
            if answer != 0 {
                return answer;
            }
        }
    }
    0
}

unsafe extern "C" fn clear(proxy: *mut PyObject) -> c_int {
    // SAFETY: an instance; the owner is dropped once nothing leads to it.
    unsafe { drop(Owned::new_or_none(std::mem::replace(&mut (*proxy.cast::<Proxy>()).owner, ptr::null_mut()))) };
    0
}

unsafe extern "C" fn dealloc(proxy: *mut PyObject) {
    // SAFETY: CPython calls this once, with an instance, which holds a reference to its type.
    unsafe {
        PyObject_GC_UnTrack(proxy.cast());
        clear(proxy);
        let ty = Py_TYPE(proxy);
        PyObject_GC_Del(proxy.cast());
        Py_DECREF(ty.cast());
    }
}
