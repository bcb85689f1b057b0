//! Look-ups in dicts that run no foreign code (`_Py_dict_lookup` of `Objects/dictobject.c`).

use std::sync::atomic::{AtomicU32, Ordering};

use pyo3_ffi::*;

use super::dict::Keys;
use super::layout::{Chars, chars, hash_of_text, type_of};

/// What [`find`] found.
pub enum Found {
    /// The value, borrowed.
    Value(*mut PyObject),
    Absent,
    /// CPython has to be asked.
    Unclear,
}

/// In which entry of its dict a key was found, by the addresses of both: a guess, which the entry itself bears out.
static ENTRIES: [AtomicU32; 1024] = [const { AtomicU32::new(0) }; 1024];

#[inline(always)]
fn guess(dict: *mut PyObject, key: *mut PyObject) -> &'static AtomicU32 {
    let mixed = (key as usize >> 4) ^ (dict as usize >> 4).wrapping_mul(31);
    &ENTRIES[mixed % ENTRIES.len()]
}

/// The value, borrowed, if this very key is where it was found last; None says nothing.
#[inline(always)]
pub fn find_again(dict: *mut PyObject, key: *mut PyObject) -> Option<*mut PyObject> {
    if cfg!(Py_GIL_DISABLED) {
        return None;
    }
    let at = guess(dict, key).load(Ordering::Relaxed) as usize;
    // SAFETY: an exact dict. A combined table has so many entries, and what has been taken out of one is NULL.
    unsafe {
        let dict = dict.cast::<PyDictObject>();
        let (first, count, words) = Keys::entries((*dict).ma_keys.cast());
        if at >= count || !(*dict).ma_values.is_null() {
            return None;
        }
        let entry = first.add(at * words + words - 2);
        (*entry == key && !(*entry.add(1)).is_null()).then(|| *entry.add(1))
    }
}

/// A look-up of an exact `str` in an exact dict that has a combined table, as `_Py_dict_lookup` makes it, as long as
/// addresses and hashes say it all. Runs no foreign code.
pub fn find(dict: *mut PyObject, key: *mut PyObject) -> Found {
    let hash = hash_of_text(key);
    if cfg!(Py_GIL_DISABLED) || hash == -1 {
        return Found::Unclear;
    }
    // SAFETY: an exact dict, whose keys are live.
    unsafe {
        probe(dict, hash, |at, theirs, value, their_hash| {
            if theirs == key && !value.is_null() {
                guess(dict, key).store(at as u32, Ordering::Relaxed);
                return Some(Found::Value(value));
            }
            let their_hash = their_hash.unwrap_or_else(|| hash_of_text(theirs));
            (their_hash == hash)
                .then(|| if !value.is_null() && are_equal(theirs, key) { Found::Value(value) } else { Found::Unclear })
        })
    }
}

/// A look-up of a class in an exact dict whose keys are weak references, as that of a `WeakKeyDictionary`: of a class that is
/// hashed and compared by its identity. Runs no foreign code.
pub fn find_referring(dict: *mut PyObject, class: *mut PyObject) -> Found {
    if cfg!(Py_GIL_DISABLED) {
        return Found::Unclear;
    }
    // SAFETY: live; an identity as a hash (`Objects/typeobject.c` has no other for classes) needs no code of others.
    let hash = unsafe { PyObject_Hash(class) };
    // SAFETY: an exact dict, whose keys are live.
    unsafe {
        probe(dict, hash, |_, key, value, their_hash| match their_hash {
            None => Some(Found::Unclear),
            Some(other) if other != hash => None,
            Some(_) if value.is_null() || type_of(key) != &raw mut _PyWeakref_RefType => Some(Found::Unclear),
            // One that died is equal to none.
            Some(_) => ((*key.cast::<PyWeakReference>()).wr_object == class).then_some(Found::Value(value)),
        })
    }
}

/// Visits the entries of a combined table that a look-up of this hash comes by, until one gives an answer: with its place,
/// the key, the value, and the hash if the entry has it.
///
/// # Safety
/// An exact dict, which nothing changes meanwhile.
#[inline(always)]
unsafe fn probe(
    dict: *mut PyObject,
    hash: Py_hash_t,
    mut answer: impl FnMut(usize, *mut PyObject, *mut PyObject, Option<Py_hash_t>) -> Option<Found>,
) -> Found {
    /// `DKIX_EMPTY` of `internal/pycore_dict.h`.
    const EMPTY: isize = -1;
    /// `PERTURB_SHIFT` of `Objects/dictobject.c`.
    const PERTURB_SHIFT: u32 = 5;
    // SAFETY: the indices follow the head, the entries follow them, and each index that is not negative is one of an entry.
    // A free slot ends the search, of which a table has at least one.
    unsafe {
        let dict = dict.cast::<PyDictObject>();
        if !(*dict).ma_values.is_null() {
            return Found::Unclear;
        }
        let keys = (*dict).ma_keys.cast::<Keys>();
        let (size, width, words) = (*keys).shape();
        let indices = keys.add(1).cast::<u8>();
        let (entries, ..) = Keys::entries(keys);
        let mut perturb = hash as usize;
        let mut at = perturb & (size - 1);
        loop {
            let index = match width {
                1 => *indices.cast::<i8>().add(at) as isize,
                2 => *indices.cast::<i16>().add(at) as isize,
                4 => *indices.cast::<i32>().add(at) as isize,
                _ => *indices.cast::<i64>().add(at) as isize,
            };
            if index == EMPTY {
                return Found::Absent;
            }
            if index >= 0 {
                let entry = entries.add(index as usize * words);
                let their_hash = (words == 3).then(|| *entry.cast::<Py_hash_t>());
                if let Some(found) = answer(index as usize, *entry.add(words - 2), *entry.add(words - 1), their_hash) {
                    return found;
                }
            }
            perturb >>= PERTURB_SHIFT;
            at = (at * 5 + perturb + 1) & (size - 1);
        }
    }
}

/// Has a key the characters of an exact `str`? No is no answer.
fn are_equal(theirs: *mut PyObject, key: *mut PyObject) -> bool {
    type_of(theirs) == &raw mut PyUnicode_Type
        && matches!((chars(theirs), chars(key)), (Chars::Ascii(theirs), Chars::Ascii(key)) if theirs == key)
}
