//! The entries of a dict, read where they lie (`internal/pycore_dict.h`; `Objects/dict-common.h` to 3.10).

use pyo3_ffi::*;

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

    /// The next entry at or behind `position`, which moves on as PyDict_Next moves its own.
    #[inline(always)]
    pub fn next(&self, position: &mut isize) -> Option<(*mut PyObject, *mut PyObject)> {
        while (*position as usize) < self.len {
            // SAFETY: below the number of entries.
            let (key, value) = unsafe {
                let entry = self.first.add(*position as usize * self.words + self.words - 2);
                (*entry, *entry.add(1))
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
