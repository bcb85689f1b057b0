//! Filling lists, tuples, dicts and sets from references at hand.

use std::ptr;

use pyo3_ffi::*;

#[cfg(not(Py_GIL_DISABLED))]
use super::error::no_memory;
use super::error::{PyResult, check};
use super::owned::Owned;

/// A tuple of references that the caller gives away if this succeeds.
///
/// # Safety
/// The items are references that the caller owns; after success it must not use them again.
#[inline]
pub unsafe fn tuple_stealing(items: &[*mut PyObject]) -> PyResult<Owned> {
    // SAFETY: a new tuple of this length, filled before anyone sees it.
    unsafe {
        let tuple = Owned::new(PyTuple_New(items.len() as Py_ssize_t))?;
        if !items.is_empty() {
            let target = (*tuple.as_ptr().cast::<PyTupleObject>()).ob_item.as_mut_ptr();
            ptr::copy_nonoverlapping(items.as_ptr(), target, items.len());
        }
        Ok(tuple)
    }
}

/// Appends references to an exact list, which the caller gives away if this succeeds. Where `more` will follow, the list
/// gets room for twice as many; where none will, it gives back room that it does not need.
///
/// # Safety
/// As for `tuple_stealing`; `list` is a list.
#[inline]
#[cfg(not(Py_GIL_DISABLED))]
pub unsafe fn extend_stealing(list: *mut PyObject, items: &[*mut PyObject], more: bool) -> PyResult<()> {
    // SAFETY: attached, and no Python code runs here; the layout is CPython's.
    unsafe {
        let raw = list.cast::<PyListObject>();
        let len = Py_SIZE(list) as usize;
        let needed = len + items.len();
        let (allocated, spare) = ((*raw).allocated as usize, needed / 8 + 6);
        if needed > allocated || !more && allocated - needed > spare {
            // What comes in one piece gets what it needs; what goes on growing gets more each time.
            let room = match more {
                true => needed * 2,
                false if needed > allocated && len > 0 => needed + spare,
                false => needed,
            };
            let memory = match room.checked_mul(size_of::<*mut PyObject>()) {
                Some(size) => PyMem_Realloc((*raw).ob_item.cast(), size),
                None => ptr::null_mut(),
            };
            if memory.is_null() {
                return Err(no_memory());
            }
            (*raw).ob_item = memory.cast();
            (*raw).allocated = room as Py_ssize_t;
        }
        ptr::copy_nonoverlapping(items.as_ptr(), (*raw).ob_item.add(len), items.len());
        (*raw).ob_base.ob_size = needed as Py_ssize_t;
    }
    Ok(())
}

/// The same where other threads may hold the list.
///
/// # Safety
/// As for `tuple_stealing`; `list` is a list.
#[cfg(Py_GIL_DISABLED)]
pub unsafe fn extend_stealing(list: *mut PyObject, items: &[*mut PyObject], _more: bool) -> PyResult<()> {
    // SAFETY: live; the list takes references of its own. If it takes none, the caller keeps those of the tuple.
    unsafe {
        let tuple = tuple_stealing(items)?;
        let extended = check(PyList_Extend(list, tuple.as_ptr()));
        if extended.is_err() {
            items.iter().for_each(|item| Py_INCREF(*item));
        }
        extended.map(drop)
    }
}

/// Puts pairs into an exact dict.
pub fn update_dict(dict: *mut PyObject, pairs: &[*mut PyObject]) -> PyResult<()> {
    for pair in pairs.chunks_exact(2) {
        // SAFETY: live, as the caller says.
        check(unsafe { PyDict_SetItem(dict, pair[0], pair[1]) })?;
    }
    Ok(())
}
