//! How CPython lays out the objects that the hot path reads directly, each with the header of CPython that says so.
//! Tests on every supported version hold these against the interpreter.

use std::ffi::CStr;

use pyo3_ffi::*;

/// Does nobody but one holder refer to the object? Never so for immortal objects (PEP 683), nor on a free-threaded
/// build, where the count is spread over threads.
#[inline(always)]
pub fn unique(object: *mut PyObject) -> bool {
    #[cfg(Py_GIL_DISABLED)]
    {
        let _ = object;
        false
    }
    #[cfg(all(Py_3_12, not(Py_GIL_DISABLED)))]
    // SAFETY: live. The count is the low half of the first word; the high half holds flags from 3.14 on.
    unsafe {
        *object.cast::<u32>() == 1
    }
    #[cfg(not(Py_3_12))]
    // SAFETY: live. The count is the first word.
    unsafe {
        *object.cast::<isize>() == 1
    }
}

/// Has the processor fetch the head of an object that is looked at soon.
#[inline(always)]
pub fn prefetch(object: *mut PyObject) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint, which no address can make fail.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(object.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = object;
}

/// Counts from here on are those of immortal objects (PEP 683); no object has as many holders.
pub const IMMORTAL: usize = 1 << 30;

/// How many references there are to an object. Of no use on a free-threaded build, where they are counted otherwise.
#[inline(always)]
pub fn count(object: *mut PyObject) -> usize {
    // SAFETY: live. The count is the first word, or from 3.12 on the low half of it.
    unsafe { if cfg!(Py_3_12) { *object.cast::<u32>() as usize } else { *object.cast::<usize>() } }
}

/// `type(object)`.
#[inline(always)]
pub fn type_of(object: *mut PyObject) -> *mut PyTypeObject {
    // SAFETY: live.
    unsafe { (*object).ob_type }
}

/// Is this a type written in C that calls itself so? Classes written in Python may take any name, but cannot be immutable.
pub fn is_of_c(ty: *mut PyTypeObject, name: &CStr) -> bool {
    const IMMUTABLE: std::ffi::c_ulong = 1 << 8;
    let is_fixed = type_flags(ty) & (Py_TPFLAGS_HEAPTYPE | IMMUTABLE) != Py_TPFLAGS_HEAPTYPE;
    // SAFETY: a live type, whose name is NUL-terminated text.
    is_fixed && unsafe { CStr::from_ptr((*ty).tp_name) } == name
}

/// `tp_flags`, of which those that are asked here never change.
#[inline(always)]
pub fn type_flags(ty: *const PyTypeObject) -> std::ffi::c_ulong {
    // SAFETY: a live type; an atomic number on a free-threaded build.
    unsafe { (&raw const (*ty).tp_flags).cast::<std::ffi::c_ulong>().read() }
}

/// Is this the type of a list, tuple or dict, or of what derives from one?
#[inline(always)]
pub fn is_container(ty: *const PyTypeObject) -> bool {
    const CONTAINERS: std::ffi::c_ulong =
        Py_TPFLAGS_LIST_SUBCLASS | Py_TPFLAGS_TUPLE_SUBCLASS | Py_TPFLAGS_DICT_SUBCLASS;
    // SAFETY: a live type; these flags never change.
    unsafe { (&raw const (*ty).tp_flags).cast::<std::ffi::c_ulong>().read() & CONTAINERS != 0 }
}

/// May the garbage collector have to look at the object (`_PyObject_GC_MAY_BE_TRACKED`)?
#[inline(always)]
pub fn may_be_tracked(object: *mut PyObject) -> bool {
    // SAFETY: live.
    unsafe {
        let ty = type_of(object);
        let flags = (&raw const (*ty).tp_flags).cast::<std::ffi::c_ulong>().read();
        // Static types, for one, are not collected.
        let collected = || (*ty).tp_is_gc.is_none_or(|is_gc| is_gc(object) != 0);
        flags & Py_TPFLAGS_HAVE_GC != 0
            && collected()
            && (ty != &raw mut PyTuple_Type || PyObject_GC_IsTracked(object) != 0)
    }
}

/// `cpython/longintrepr.h`: 30-bit digits, least significant first.
#[repr(C)]
pub(super) struct Long {
    base: PyObject,
    /// To 3.11 the number of digits, negative for a negative value; from 3.12 on digits << 3 | sign.
    pub(super) tag: isize,
    pub(super) digits: [u32; 1],
}

impl Long {
    /// The tag of a value of one digit other than 0.
    #[inline(always)]
    pub(super) fn tag_of_one_digit(negative: bool) -> isize {
        if cfg!(Py_3_12) { 1 << 3 | isize::from(negative) << 1 } else { 1 - 2 * isize::from(negative) }
    }
}

/// An int as the hot path sees it.
pub enum Int {
    /// At most 63 bits and a sign.
    Small(i64),
    Large,
}

/// The value of an exact `int` of at most one digit.
#[inline(always)]
pub fn compact_int(object: *mut PyObject) -> Option<i32> {
    // SAFETY: an exact int; the first digit is always allocated.
    unsafe {
        let long = object.cast::<Long>();
        let tag = (*long).tag;
        let digit = (*long).digits[0] as i32;
        #[cfg(Py_3_12)]
        {
            // The sign is 0 for plus, 1 for zero, 2 for minus.
            ((tag as usize) < 16).then(|| (1 - (tag & 3) as i32).wrapping_mul(digit))
        }
        #[cfg(not(Py_3_12))]
        {
            ((tag + 1) as usize <= 2).then(|| (tag as i32).wrapping_mul(digit))
        }
    }
}

/// The value of an exact `int`.
#[inline(always)]
pub fn int(object: *mut PyObject) -> Int {
    // SAFETY: an exact int; the digits that the tag counts are there, and the first is always allocated.
    unsafe {
        let long = object.cast::<Long>();
        let tag = (*long).tag;
        let digits = (&raw const (*long).digits).cast::<u32>();
        #[cfg(Py_3_12)]
        let (count, negative) = ((tag as usize) >> 3, tag & 3 == 2);
        #[cfg(not(Py_3_12))]
        let (count, negative) = (tag.unsigned_abs(), tag < 0);
        let magnitude = match count {
            0 => 0,
            1 => i64::from(*digits),
            2 => i64::from(*digits) | i64::from(*digits.add(1)) << 30,
            3 if *digits.add(2) < 8 => {
                i64::from(*digits) | i64::from(*digits.add(1)) << 30 | i64::from(*digits.add(2)) << 60
            }
            _ => return Int::Large,
        };
        Int::Small(if negative { -magnitude } else { magnitude })
    }
}

/// `cpython/unicodeobject.h`: the part that every `str` begins with.
#[repr(C)]
pub(super) struct Ascii {
    base: PyObject,
    pub(super) length: Py_ssize_t,
    pub(super) hash: Py_hash_t,
    pub(super) state: u32,
    #[cfg(not(Py_3_12))]
    pub(super) wstr: *mut libc::c_void,
}

/// The part that compact strings with other characters than ASCII add.
#[repr(C)]
struct Compact {
    ascii: Ascii,
    utf8_length: Py_ssize_t,
    utf8: *mut u8,
    #[cfg(not(Py_3_12))]
    wstr_length: Py_ssize_t,
}

/// `interned` comes first: two bits, or a byte on free-threaded builds.
const KIND_SHIFT: u32 = if cfg!(Py_GIL_DISABLED) { 8 } else { 2 };
const COMPACT: u32 = 1 << (KIND_SHIFT + 3);
const ASCII: u32 = 1 << (KIND_SHIFT + 4);

/// The characters of a `str`, as CPython keeps them.
pub enum Chars<'a> {
    Ascii(&'a [u8]),
    /// Latin-1 with at least one character above ASCII.
    One(&'a [u8]),
    Two(&'a [u16]),
    Four(&'a [u32]),
    /// UTF-8 that CPython made of it earlier.
    Utf8(&'a [u8]),
    /// Not compact: only a str that was made by a function that CPython 3.12 removed.
    Legacy,
}

/// The characters of an exact `str`; they live as long as it.
#[inline(always)]
pub fn chars<'a>(text: *mut PyObject) -> Chars<'a> {
    // SAFETY: an exact str; `compact` and `ascii` say which struct it begins with and that the characters follow it.
    unsafe {
        let ascii = text.cast::<Ascii>();
        let (state, len) = ((*ascii).state, (*ascii).length as usize);
        if state & (COMPACT | ASCII) == COMPACT | ASCII {
            return Chars::Ascii(std::slice::from_raw_parts(ascii.add(1).cast(), len));
        }
        if state & COMPACT == 0 {
            return Chars::Legacy;
        }
        let compact = text.cast::<Compact>();
        if !cfg!(Py_GIL_DISABLED) && !(*compact).utf8.is_null() {
            return Chars::Utf8(std::slice::from_raw_parts((*compact).utf8, (*compact).utf8_length as usize));
        }
        let data = compact.add(1);
        match state >> KIND_SHIFT & 7 {
            1 => Chars::One(std::slice::from_raw_parts(data.cast(), len)),
            2 => Chars::Two(std::slice::from_raw_parts(data.cast(), len)),
            _ => Chars::Four(std::slice::from_raw_parts(data.cast(), len)),
        }
    }
}

/// Where the characters of an exact `str` lie, right behind its head, and how many they are; None if not all are ASCII.
#[inline(always)]
pub fn ascii(text: *mut PyObject) -> Option<(*const u8, usize)> {
    // SAFETY: an exact str; `compact` and `ascii` say that the characters follow this head.
    unsafe {
        let ascii = text.cast::<Ascii>();
        let is_ascii = (*ascii).state & (COMPACT | ASCII) == COMPACT | ASCII;
        is_ascii.then(|| (ascii.add(1).cast_const().cast(), (*ascii).length as usize))
    }
}

/// The hash of an exact `str`, or -1 if nobody has asked for it yet.
#[inline(always)]
pub fn hash_of_text(text: *mut PyObject) -> Py_hash_t {
    // SAFETY: an exact str begins with this head.
    unsafe { (*text.cast::<Ascii>()).hash }
}

/// Is the object an exact `str` that is interned?
#[inline(always)]
pub fn is_interned(object: *mut PyObject) -> bool {
    // SAFETY: live; an exact str begins with this head.
    type_of(object) == &raw mut PyUnicode_Type
        && unsafe { (*object.cast::<Ascii>()).state & ((1 << KIND_SHIFT) - 1) != 0 }
}

/// The bytes of an exact `bytes` or `bytearray`, which live as long as it is not changed.
#[inline(always)]
pub fn bytes<'a>(object: *mut PyObject) -> &'a [u8] {
    // SAFETY: exact bytes: `ob_size` bytes follow the head and the hash (cpython/bytesobject.h).
    unsafe {
        let object = object.cast::<PyBytesObject>();
        std::slice::from_raw_parts((&raw const (*object).ob_sval).cast(), (*object).ob_base.ob_size as usize)
    }
}

/// The items of an exact `list`: its size and the address of the first, good until the list is changed.
#[inline(always)]
pub fn list_items(list: *mut PyObject) -> (usize, *mut *mut PyObject) {
    // SAFETY: an exact list (cpython/listobject.h).
    unsafe {
        let list = list.cast::<PyListObject>();
        ((*list).ob_base.ob_size as usize, (*list).ob_item)
    }
}

/// The items of an exact `list` at this moment: good until the list is changed.
#[inline(always)]
pub fn list_slice<'a>(list: *mut PyObject) -> &'a [*mut PyObject] {
    match list_items(list) {
        // Then there may be no address.
        (0, _) => &[],
        // SAFETY: so many items lie there.
        (len, items) => unsafe { std::slice::from_raw_parts(items, len) },
    }
}

/// The items of a `tuple`, which never change.
#[inline(always)]
pub fn tuple_items<'a>(tuple: *mut PyObject) -> &'a [*mut PyObject] {
    // SAFETY: a tuple (cpython/tupleobject.h).
    unsafe {
        let tuple = tuple.cast::<PyTupleObject>();
        std::slice::from_raw_parts((&raw const (*tuple).ob_item).cast(), (*tuple).ob_base.ob_size as usize)
    }
}

/// The next element of an exact set or frozenset at or behind `position`, as `_PySet_NextEntry` finds it.
#[inline(always)]
pub fn set_next(set: *mut PyObject, position: &mut usize) -> Option<*mut PyObject> {
    // SAFETY: an exact set: `mask + 1` entries lie at `table` (cpython/setobject.h). What was deleted has the hash -1,
    // which no key has.
    unsafe {
        let set = set.cast::<PySetObject>();
        while *position <= (*set).mask as usize {
            let entry = (*set).table.add(*position);
            *position += 1;
            if !(*entry).key.is_null() && (*entry).hash != -1 {
                return Some((*entry).key);
            }
        }
    }
    None
}

/// The next elements of an exact set or frozenset at or behind a position, and the positions behind them. Says how many
/// were found; fewer than there is room for are the last.
#[cfg(not(Py_GIL_DISABLED))]
#[inline(always)]
pub fn set_run<const N: usize>(
    set: *mut PyObject,
    mut position: usize,
    found: &mut [*mut PyObject; N],
    behind: &mut [usize; N],
) -> usize {
    let mut count = 0;
    // SAFETY: as above.
    unsafe {
        let set = set.cast::<PySetObject>();
        while position <= (*set).mask as usize && count < N {
            let entry = (*set).table.add(position);
            position += 1;
            (found[count], behind[count]) = ((*entry).key, position);
            // Without a branch, since hashes scatter elements.
            count += usize::from(!(*entry).key.is_null() & ((*entry).hash != -1));
        }
    }
    count
}

/// The number of elements of an exact set or frozenset.
#[inline(always)]
pub fn set_len(set: *mut PyObject) -> usize {
    // SAFETY: an exact set (cpython/setobject.h).
    unsafe { (*set.cast::<PySetObject>()).used as usize }
}

/// The number of entries of an exact dict, which no other thread changes.
#[cfg(not(Py_GIL_DISABLED))]
#[inline(always)]
pub fn dict_len(dict: *mut PyObject) -> usize {
    // SAFETY: an exact dict (cpython/dictobject.h).
    unsafe { (*dict.cast::<PyDictObject>()).ma_used as usize }
}

/// Do the keys of a dict belong to all instances of a class (a split table, PEP 412)? Then they are counted once for
/// all of them.
#[inline(always)]
pub fn has_shared_keys(dict: *mut PyObject) -> bool {
    // SAFETY: an exact dict (cpython/dictobject.h).
    unsafe { !(*dict.cast::<PyDictObject>()).ma_values.is_null() }
}
