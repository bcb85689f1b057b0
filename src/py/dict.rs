//! The entries of a dict, where they lie (`internal/pycore_dict.h`; `Objects/dict-common.h` to 3.10).

use pyo3_ffi::*;

use super::error::{PyResult, check};
use super::layout::{may_be_tracked, type_of};
use super::owned::Owned;

/// `struct _dictkeysobject` up to the indices.
#[repr(C)]
struct Keys {
    refcount: Py_ssize_t,
    #[cfg(not(Py_3_11))]
    size: Py_ssize_t,
    #[cfg(not(Py_3_11))]
    lookup: *mut libc::c_void,
    #[cfg(Py_3_11)]
    log2_size: u8,
    #[cfg(Py_3_11)]
    log2_index_bytes: u8,
    /// 0: entries with a hash; 1: entries with str keys and no hash; 2: the same, split.
    #[cfg(Py_3_11)]
    kind: u8,
    #[cfg(all(Py_3_13, Py_GIL_DISABLED))]
    mutex: u8,
    #[cfg(Py_3_11)]
    version: u32,
    usable: Py_ssize_t,
    entries: Py_ssize_t,
}

/// The entries of a combined table, in the order of insertion, good until the dict is changed.
#[derive(Clone, Copy)]
pub struct Entries {
    first: *const *mut PyObject,
    /// Words of an entry; the last two are key and value.
    words: usize,
    len: usize,
}

impl Entries {
    /// None for a split table (PEP 412), whose values lie elsewhere.
    #[inline(always)]
    pub fn of(dict: *mut PyObject) -> Option<Self> {
        if cfg!(Py_GIL_DISABLED) {
            return None;
        }
        // SAFETY: an exact dict; a combined table has its entries behind the indices, whose size the head tells.
        unsafe {
            let dict = dict.cast::<PyDictObject>();
            if !(*dict).ma_values.is_null() {
                return None;
            }
            let keys = (*dict).ma_keys.cast::<Keys>();
            #[cfg(Py_3_11)]
            let (index_bytes, words) = (1usize << (*keys).log2_index_bytes, if (*keys).kind == 0 { 3 } else { 2 });
            #[cfg(not(Py_3_11))]
            let (index_bytes, words) = {
                let size = (*keys).size as usize;
                let bytes = match size {
                    0..=0xff => 1,
                    0x100..=0xffff => 2,
                    0x1_0000..=0xffff_ffff => 4,
                    _ => 8,
                };
                (size * bytes, 3)
            };
            let first = keys.add(1).cast::<u8>().add(index_bytes).cast();
            Some(Self { first, words, len: (*keys).entries as usize })
        }
    }

    /// Are these the keys of the pairs, all of them and in order, and has nothing been deleted?
    #[inline]
    pub fn has_keys(&self, pairs: &[*mut PyObject]) -> bool {
        self.len * 2 == pairs.len()
            && pairs.chunks_exact(2).enumerate().all(|(i, pair)| {
                // SAFETY: below the number of entries.
                let (key, value) = unsafe { (*self.key(i), *self.key(i).add(1)) };
                key == pair[0] && !value.is_null()
            })
    }

    /// Where the key of an entry lies, and behind it its value.
    #[inline(always)]
    fn key(&self, index: usize) -> *const *mut PyObject {
        self.first.wrapping_add(index * self.words + self.words - 2)
    }

    /// The next entry at or behind `position`, which moves on as PyDict_Next moves its own.
    #[inline(always)]
    pub fn next(&self, position: &mut isize) -> Option<(*mut PyObject, *mut PyObject)> {
        while (*position as usize) < self.len {
            // SAFETY: below the number of entries.
            let (key, value) = unsafe {
                let key = self.key(*position as usize);
                (*key, *key.add(1))
            };
            *position += 1;
            // What was deleted has no value.
            if !value.is_null() {
                return Some((key, value));
            }
        }
        None
    }
}

/// Has an exact dict no items?
#[inline(always)]
pub fn is_empty(dict: *mut PyObject) -> bool {
    // SAFETY: an exact dict (cpython/dictobject.h).
    unsafe { (*dict.cast::<PyDictObject>()).ma_used == 0 }
}

/// A dict with the keys of the pairs, which are all that an exact dict has, and None as values. None if such a dict
/// would be no help: keys that are not exact `str`, or that came twice.
pub fn template(dict: *mut PyObject, pairs: &[*mut PyObject]) -> PyResult<Option<Owned>> {
    let all_str = || pairs.chunks_exact(2).all(|pair| type_of(pair[0]) == &raw mut PyUnicode_Type);
    if !Entries::of(dict).is_some_and(|entries| entries.has_keys(pairs)) || !all_str() {
        return Ok(None);
    }
    // SAFETY: live; a new reference or NULL with an exception.
    unsafe {
        let copy = Owned::new(PyDict_Copy(dict))?;
        for pair in pairs.chunks_exact(2) {
            check(PyDict_SetItem(copy.as_ptr(), pair[0], Py_None()))?;
        }
        Ok(Some(copy))
    }
}

/// Gives an exact dict without items those of a template, and then the values of the pairs, whose keys are the
/// template's. Says no, and the dict has the values or None, if the table does not look like the template's.
pub fn fill_from(dict: *mut PyObject, template: *mut PyObject, pairs: &[*mut PyObject]) -> PyResult<bool> {
    // SAFETY: live. Neither call runs foreign code: the keys are exact `str` objects, and values are only counted. The
    // table is the dict's own, so that its values can be exchanged, which leaves the keys as they are.
    unsafe {
        check(PyDict_Update(dict, template))?;
        let Some(entries) = Entries::of(dict).filter(|entries| entries.has_keys(pairs)) else { return Ok(false) };
        let mut tracked = false;
        for (i, pair) in pairs.chunks_exact(2).enumerate() {
            let value = pair[1];
            Py_INCREF(value);
            let place = entries.key(i).add(1).cast_mut();
            Py_DECREF(place.replace(value));
            tracked |= may_be_tracked(value);
        }
        if tracked && PyObject_GC_IsTracked(dict) == 0 {
            PyObject_GC_Track(dict.cast());
        }
    }
    Ok(true)
}
