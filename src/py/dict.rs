//! The entries of a dict, where they lie (`internal/pycore_dict.h`; `Objects/dict-common.h` to 3.10).

use pyo3_ffi::*;

use super::error::{PyResult, check};
use super::layout::{may_be_tracked, type_of};
use super::owned::Owned;

/// The version of an exact dict (PEP 509), which no other dict of the interpreter has, nor this one after a change; None where
/// dicts have none any more. Of a combined table: on 3.13 an object's values can change without the dict that shows them.
#[inline(always)]
#[cfg_attr(
    all(Py_3_12, not(any(Py_3_14, Py_GIL_DISABLED))),
    expect(deprecated, reason = "it is gone in 3.14, where this asks for it no more")
)]
pub fn version(dict: *mut PyObject) -> Option<u64> {
    #[cfg(not(any(Py_3_14, Py_GIL_DISABLED)))]
    {
        // SAFETY: an exact dict, as the caller says, which is laid out like this.
        let dict = unsafe { &*dict.cast::<PyDictObject>() };
        dict.ma_values.is_null().then_some(dict.ma_version_tag)
    }
    #[cfg(any(Py_3_14, Py_GIL_DISABLED))]
    {
        let _ = dict;
        None
    }
}

/// `struct _dictkeysobject` up to the indices.
#[repr(C)]
pub(super) struct Keys {
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

impl Keys {
    /// Where the entries begin, how many there are, and the words of each, of which the last two are key and value.
    ///
    /// # Safety
    /// Of a live dict.
    #[inline(always)]
    pub(super) unsafe fn entries(this: *const Self) -> (*const *mut PyObject, usize, usize) {
        // SAFETY: as the caller says; the indices lie behind the head, the entries behind them.
        unsafe {
            #[cfg(Py_3_11)]
            let (behind, words) = (1 << (*this).log2_index_bytes, if (*this).kind == 0 { 3 } else { 2 });
            #[cfg(not(Py_3_11))]
            let (behind, words) = {
                let (size, width, words) = (*this).shape();
                (size * width, words)
            };
            (this.add(1).cast::<u8>().add(behind).cast(), (*this).entries as usize, words)
        }
    }

    /// The slots of the table, the bytes of an index, and the words of an entry, of which the last two are key and value.
    #[inline(always)]
    pub(super) fn shape(&self) -> (usize, usize, usize) {
        #[cfg(Py_3_11)]
        {
            let size = 1usize << self.log2_size;
            (size, (1 << self.log2_index_bytes) >> self.log2_size, if self.kind == 0 { 3 } else { 2 })
        }
        #[cfg(not(Py_3_11))]
        {
            let size = self.size as usize;
            let width = match size {
                0..=0xff => 1,
                0x100..=0xffff => 2,
                0x1_0000..=0xffff_ffff => 4,
                _ => 8,
            };
            (size, width, 3)
        }
    }
}

/// The entries in the order of insertion, good until the dict is changed.
#[derive(Clone, Copy)]
pub struct Entries {
    first: *const *mut PyObject,
    /// Words of an entry; the last two are key and value.
    words: usize,
    len: usize,
    /// Of a split table (PEP 412): its values, in the order of the keys. NULL for a combined one.
    values: *const *mut PyObject,
    /// From 3.11 on: which key comes first, second and so on.
    #[cfg(Py_3_11)]
    order: Order,
}

#[cfg(Py_3_11)]
#[derive(Clone, Copy)]
struct Order {
    first: *const u8,
    step: isize,
}

/// The values of a split table, and their order (`struct _dictvalues`).
#[cfg(Py_3_13)]
unsafe fn split(values: *const libc::c_void) -> (*const *mut PyObject, usize, Order) {
    // SAFETY: four bytes (capacity, size, and two flags) and padding, the values, then a byte for each of them in order.
    unsafe {
        let head = values.cast::<u8>();
        let (capacity, size) = (*head as usize, *head.add(1) as usize);
        let first = values.cast::<*mut PyObject>().add(1);
        (first, size, Order { first: first.add(capacity).cast(), step: 1 })
    }
}

/// The values of a split table, and their order (`struct _dictvalues`).
#[cfg(all(Py_3_11, not(Py_3_13)))]
unsafe fn split(values: *const libc::c_void) -> (*const *mut PyObject, usize, Order) {
    // SAFETY: the values, and in front of them, backwards: the size of this prefix, how many there are, and a byte for
    // each of them in order.
    unsafe {
        let at = values.cast::<u8>();
        (values.cast(), *at.sub(2) as usize, Order { first: at.sub(3), step: -1 })
    }
}

impl Entries {
    /// Of an exact dict. None on a free-threaded build, where another thread may change it meanwhile.
    #[inline(always)]
    pub fn of(dict: *mut PyObject) -> Option<Self> {
        if cfg!(Py_GIL_DISABLED) {
            return None;
        }
        // SAFETY: an exact dict; a table has its entries behind the indices, whose size the head tells.
        unsafe {
            let dict = dict.cast::<PyDictObject>();
            let keys = (*dict).ma_keys.cast::<Keys>();
            let (size, width, words) = (*keys).shape();
            let first = keys.add(1).cast::<u8>().add(size * width).cast();
            let len = (*keys).entries as usize;
            let values = (*dict).ma_values;
            #[cfg(Py_3_11)]
            {
                let none = Order { first: std::ptr::null(), step: 0 };
                let (values, len, order) =
                    if values.is_null() { (std::ptr::null(), len, none) } else { split(values.cast()) };
                Some(Self { first, words, len, values, order })
            }
            #[cfg(not(Py_3_11))]
            {
                // Up to the number of its own values; keys that another instance added lie behind.
                let len = if values.is_null() { len } else { (*dict).ma_used as usize };
                Some(Self { first, words, len, values: values.cast() })
            }
        }
    }

    /// Those of an instance that keeps its attributes in itself, which has no dict: None if it does not after all.
    #[cfg(Py_3_11)]
    #[inline(always)]
    pub fn inline(object: *mut PyObject) -> Option<Self> {
        if cfg!(Py_GIL_DISABLED) {
            return None;
        }
        let keys = SharedKeys::of_class(type_of(object)).keys;
        // SAFETY: an instance of a class that has keys; of the kind whose entries are two words. Its values lie behind it
        // from 3.13 on; before, in front of it is a pointer to them, which a mark in its lowest bit tells from a dict in 3.12.
        unsafe {
            let (size, width, words) = (*keys).shape();
            let first = keys.add(1).cast::<u8>().add(size * width).cast();
            #[cfg(Py_3_13)]
            let values = {
                let head = object.cast::<u8>().add((*type_of(object)).tp_basicsize as usize);
                if *head.add(3) == 0 {
                    return None;
                }
                head.cast()
            };
            #[cfg(all(Py_3_12, not(Py_3_13)))]
            let values = (*object.cast::<*const u8>().sub(3)).wrapping_add(1).cast();
            #[cfg(not(Py_3_12))]
            let values = (*object.cast::<*const u8>().sub(4)).cast();
            let (values, len, order) = split(values);
            Some(Self { first, words, len, values, order })
        }
    }

    /// There are no such instances before CPython 3.11.
    #[cfg(not(Py_3_11))]
    pub fn inline(_: *mut PyObject) -> Option<Self> {
        None
    }

    /// Those of a combined table only.
    #[inline(always)]
    pub fn combined(dict: *mut PyObject) -> Option<Self> {
        Self::of(dict).filter(|entries| entries.values.is_null())
    }

    /// Is it a combined table?
    #[cfg(not(Py_GIL_DISABLED))]
    #[inline(always)]
    pub fn is_combined(&self) -> bool {
        self.values.is_null()
    }

    /// Key and value of an entry of a combined table; NULL for the value of one that was deleted.
    #[cfg(not(Py_GIL_DISABLED))]
    #[inline(always)]
    pub fn combined_at(&self, index: usize) -> (*mut PyObject, *mut PyObject) {
        debug_assert!(index < self.len && self.is_combined());
        let key = self.key(index);
        // SAFETY: below the number of entries.
        unsafe { (*key, *key.add(1)) }
    }

    /// The same of all entries from one on.
    #[cfg(not(Py_GIL_DISABLED))]
    #[inline(always)]
    pub fn combined_from(&self, index: usize) -> impl Iterator<Item = (*mut PyObject, *mut PyObject)> {
        debug_assert!(index <= self.len && self.is_combined());
        // SAFETY: at most at the end of the entries.
        let mut at = unsafe { self.first.add(index * self.words + self.words - 2) };
        let words = self.words;
        (index..self.len).map(move |_| {
            // SAFETY: below the number of entries.
            let entry = unsafe { (*at, *at.add(1)) };
            at = at.wrapping_add(words);
            entry
        })
    }

    /// How many there are; of a combined table with those that were deleted.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.len
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

    /// Where the key of an entry lies, and behind it its value, unless the table is split.
    #[inline(always)]
    fn key(&self, index: usize) -> *const *mut PyObject {
        self.first.wrapping_add(index * self.words + self.words - 2)
    }

    /// The nth entry of a split table that has so many: the index of its key, and its value.
    #[inline(always)]
    pub fn shared(&self, nth: usize) -> (usize, *mut PyObject) {
        debug_assert!(nth < self.len && !self.values.is_null());
        // SAFETY: below the number of entries. In a split table none was deleted without another in its place: what deletes
        // takes it out of the order (3.11 on), or makes a combined table.
        unsafe {
            #[cfg(Py_3_11)]
            let index = *self.order.first.offset(nth as isize * self.order.step) as usize;
            #[cfg(not(Py_3_11))]
            let index = nth;
            (index, *self.values.add(index))
        }
    }

    /// An entry of a combined table; None if it was deleted.
    #[inline]
    pub fn get(&self, index: usize) -> Option<(*mut PyObject, *mut PyObject)> {
        if index >= self.len || !self.values.is_null() {
            return None;
        }
        // SAFETY: below the number of entries.
        let (key, value) = unsafe { (*self.key(index), *self.key(index).add(1)) };
        (!value.is_null()).then_some((key, value))
    }

    /// The value whose key is this very object.
    pub fn value_of(&self, name: *mut PyObject) -> Option<*mut PyObject> {
        let mut position = 0;
        while let Some((key, value)) = self.next(&mut position) {
            if key == name {
                return Some(value);
            }
        }
        None
    }

    /// The next entry at or behind `position`, which moves on as PyDict_Next moves its own.
    #[inline(always)]
    pub fn next(&self, position: &mut isize) -> Option<(*mut PyObject, *mut PyObject)> {
        while (*position as usize) < self.len {
            let at = *position as usize;
            *position += 1;
            // SAFETY: below the number of entries.
            let (key, value) = unsafe {
                if self.values.is_null() {
                    let key = self.key(at);
                    (*key, *key.add(1))
                } else {
                    #[cfg(Py_3_11)]
                    let at = *self.order.first.offset(at as isize * self.order.step) as usize;
                    (*self.key(at), *self.values.add(at))
                }
            };
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
    len(dict) == 0
}

/// How many items an exact dict has.
#[inline(always)]
pub fn len(dict: *mut PyObject) -> usize {
    // SAFETY: an exact dict (cpython/dictobject.h).
    unsafe { (*dict.cast::<PyDictObject>()).ma_used as usize }
}

/// A dict with the keys of the pairs, which are all that an exact dict has, and None as values. None if such a dict
/// would be no help: keys that are not exact `str`, or that came twice.
pub fn template(dict: *mut PyObject, pairs: &[*mut PyObject]) -> PyResult<Option<Owned>> {
    let all_str = || pairs.chunks_exact(2).all(|pair| type_of(pair[0]) == &raw mut PyUnicode_Type);
    if !Entries::combined(dict).is_some_and(|entries| entries.has_keys(pairs)) || !all_str() {
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
        let Some(entries) = Entries::combined(dict).filter(|entries| entries.has_keys(pairs)) else { return Ok(false) };
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

/// A copy of a template with other values, as many as it has. None if the copy does not look like the template.
pub fn copy_with(
    template: *mut PyObject,
    values: impl ExactSizeIterator<Item = *mut PyObject>,
) -> PyResult<Option<Owned>> {
    // SAFETY: live; a new reference or NULL with an exception. The table is the copy's own, so that its values can be
    // exchanged, which leaves the keys as they are.
    unsafe {
        let dict = Owned::new(PyDict_Copy(template))?;
        let Some(entries) = Entries::combined(dict.as_ptr()).filter(|entries| entries.len == values.len()) else {
            return Ok(None);
        };
        let mut tracked = false;
        for (i, value) in values.enumerate() {
            Py_INCREF(value);
            let place = entries.key(i).add(1).cast_mut();
            Py_DECREF(place.replace(value));
            tracked |= may_be_tracked(value);
        }
        if tracked && PyObject_GC_IsTracked(dict.as_ptr()) == 0 {
            PyObject_GC_Track(dict.as_ptr().cast());
        }
        Ok(Some(dict))
    }
}

/// The keys that the instances of a class share (PEP 412), as they are at the moment: more may come behind.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SharedKeys {
    keys: *const Keys,
    len: Py_ssize_t,
}

impl SharedKeys {
    fn at(keys: *const Keys) -> Self {
        // SAFETY: live, held by the dict or the class.
        Self { keys, len: unsafe { (*keys).entries } }
    }

    /// Those of a dict, if it shares them.
    #[inline(always)]
    pub fn of(dict: *mut PyObject) -> Option<Self> {
        // SAFETY: an exact dict.
        unsafe {
            let dict = dict.cast::<PyDictObject>();
            (!(*dict).ma_values.is_null()).then(|| Self::at((*dict).ma_keys.cast()))
        }
    }

    /// Those of the instances that keep their attributes in themselves (from 3.11 on).
    #[inline(always)]
    pub fn of_class(class: *mut PyTypeObject) -> Self {
        // SAFETY: a class of which there is such an instance: it was made by a class statement and has keys.
        Self::at(unsafe { (*class.cast::<PyHeapTypeObject>()).ht_cached_keys }.cast())
    }

    /// Are both of one table, to which some may have been added meanwhile?
    #[inline(always)]
    pub fn are_those_of(self, other: Self) -> bool {
        self.keys == other.keys
    }

    /// Do a class's instances still share these?
    #[inline(always)]
    pub fn is_of(&self, class: *mut PyTypeObject) -> bool {
        // SAFETY: as for `of_class`.
        unsafe { (*class.cast::<PyHeapTypeObject>()).ht_cached_keys.cast_const().cast() == self.keys }
    }

    /// One of the keys.
    pub fn key(self, index: usize) -> *mut PyObject {
        debug_assert!(index < self.len as usize);
        // SAFETY: as in `Entries::of`; below the number of entries, of which the last words are key and value.
        unsafe {
            let (size, width, words) = (*self.keys).shape();
            let first = self.keys.add(1).cast::<u8>().add(size * width).cast::<*mut PyObject>();
            *first.add((index + 1) * words - 2)
        }
    }

    /// The keys.
    pub fn iter(self) -> impl Iterator<Item = *mut PyObject> {
        (0..self.len as usize).map(move |index| self.key(index))
    }
}
