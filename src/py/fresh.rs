//! New objects of the commonest immutable types, filled in where they were allocated: what CPython's own functions do
//! once they have found out what they were asked for. On free-threaded builds those functions are called.

use pyo3_ffi::*;

use super::error::{PyResult, no_memory};
use super::layout::{Ascii, Long, may_be_tracked};
use super::owned::Owned;
use super::words::{copy, is_ascii};
use super::{collections, number, text};
use crate::py::vec::try_gather;

/// Ints that CPython shares, in every version, and some more that it shares in some.
const SHARED: std::ops::RangeInclusive<i32> = -5..=1024;
/// So many of them are at hand, from the first on.
const AT_HAND: usize = 5 + 257;

/// What new objects are made from: objects that CPython shares, and the state of a `str`.
pub struct Fresh {
    ints: Box<[Owned; AT_HAND]>,
    /// `str` objects of one ASCII character.
    letters: Box<[Owned; 128]>,
    /// `PyASCIIObject.state` of a `str` that was just made.
    ascii_state: u32,
    empty_tuple: Owned,
}

impl Fresh {
    pub fn new() -> PyResult<Self> {
        let sample = text::from_pickle(b"sample")?;
        Ok(Self {
            ints: all(|n| number::from_i64(n as i64 + i64::from(*SHARED.start())))?,
            letters: all(|n| text::from_utf8(&[n as u8]))?,
            // SAFETY: a live ASCII str, which begins with this head.
            ascii_state: unsafe { (*sample.as_ptr().cast::<Ascii>()).state },
            // SAFETY: attached; a new reference.
            empty_tuple: unsafe { Owned::new(PyTuple_New(0))? },
        })
    }

    /// `()`.
    #[inline(always)]
    pub fn empty_tuple(&self) -> Owned {
        // SAFETY: the empty tuple.
        unsafe { Owned::of_immortal(self.empty_tuple.as_ptr()) }
    }

    /// `int`.
    #[inline(always)]
    pub fn int(&self, value: i32) -> PyResult<Owned> {
        if let Some(shared) = self.ints.get(value.wrapping_sub(*SHARED.start()) as usize) {
            // SAFETY: such an int.
            return Ok(unsafe { Owned::of_immortal(shared.as_ptr()) });
        }
        if cfg!(Py_GIL_DISABLED) || SHARED.contains(&value) || value.unsigned_abs() >= 1 << 30 {
            return number::from_i64(value.into());
        }
        // SAFETY: memory of this size, which is filled in: one digit and a sign.
        unsafe {
            let int = allocate(size_of::<Long>(), &raw mut PyLong_Type)?;
            let long = int.as_ptr().cast::<Long>();
            (*long).tag = Long::tag_of_one_digit(value < 0);
            (*long).digits = [value.unsigned_abs()];
            Ok(int)
        }
    }

    /// `float`.
    #[inline(always)]
    pub fn float(&self, value: f64) -> PyResult<Owned> {
        if cfg!(Py_GIL_DISABLED) {
            return number::from_f64(value);
        }
        // SAFETY: memory of this size, which is filled in.
        unsafe {
            let float = allocate(size_of::<PyFloatObject>(), &raw mut PyFloat_Type)?;
            (*float.as_ptr().cast::<PyFloatObject>()).ob_fval = value;
            Ok(float)
        }
    }

    /// `str` of a pickle's text.
    #[inline(always)]
    pub fn text(&self, data: &[u8]) -> PyResult<Owned> {
        if let &[c] = data
            && let Some(letter) = self.letters.get(c as usize)
        {
            // SAFETY: such a `str`.
            return Ok(unsafe { Owned::of_immortal(letter.as_ptr()) });
        }
        if cfg!(Py_GIL_DISABLED) || data.is_empty() || !is_ascii(data) {
            return text::from_pickle(data);
        }
        // SAFETY: memory of this size, which is filled in: the head, the characters and a NUL.
        unsafe {
            let text = allocate(size_of::<Ascii>() + data.len() + 1, &raw mut PyUnicode_Type)?;
            let ascii = text.as_ptr().cast::<Ascii>();
            (*ascii).length = data.len() as Py_ssize_t;
            (*ascii).hash = -1;
            (*ascii).state = self.ascii_state;
            #[cfg(not(Py_3_12))]
            {
                (*ascii).wstr = std::ptr::null_mut();
            }
            let start = ascii.add(1).cast::<u8>();
            copy(data, start);
            start.add(data.len()).write(0);
            Ok(text)
        }
    }
}

/// A tuple of references that the caller gives away if this succeeds: at once as the collector would leave it, untracked
/// if it holds atoms only. CPython's own function is the better one as long as it has tuples to use again.
///
/// # Safety
/// The items, of which there is at least one, are references that the caller owns; after success it must not use them
/// again.
#[inline(always)]
pub unsafe fn tuple_stealing<const N: usize>(items: &[*mut PyObject; N]) -> PyResult<Owned> {
    if cfg!(Py_GIL_DISABLED) {
        // SAFETY: as the caller says.
        return unsafe { collections::tuple_stealing(items) };
    }
    // SAFETY: a new tuple of this length, filled before anyone sees it.
    unsafe {
        let tuple = Owned::new(PyObject_GC_NewVar::<PyObject>(&raw mut PyTuple_Type, N as Py_ssize_t))?;
        let head = tuple.as_ptr().cast::<PyTupleObject>();
        #[cfg(Py_3_14)]
        {
            (*head).ob_hash = -1;
        }
        let place = (*head).ob_item.as_mut_ptr();
        let mut tracked = false;
        for (i, item) in items.iter().enumerate() {
            place.add(i).write(*item);
            tracked |= may_be_tracked(*item);
        }
        if tracked {
            PyObject_GC_Track(tuple.as_ptr().cast());
        }
        Ok(tuple)
    }
}

/// `N` objects, made from 0 on.
fn all<const N: usize>(make: impl Fn(usize) -> PyResult<Owned>) -> PyResult<Box<[Owned; N]>> {
    let objects = try_gather((0..N).map(make))?;
    objects.try_into().map_err(|_| no_memory())
}

/// Memory for an object of a static type, with its head: one reference and the type.
///
/// # Safety
/// The rest of the object is filled in before anything else happens.
#[inline(always)]
unsafe fn allocate(size: usize, ty: *mut PyTypeObject) -> PyResult<Owned> {
    // SAFETY: attached; the memory is large enough for a head.
    unsafe {
        let object = PyObject_Malloc(size).cast::<PyObject>();
        if object.is_null() {
            return Err(no_memory());
        }
        (*object).ob_type = ty;
        // Who watches references hears of it from 3.13 on; before, only what a debug build counts would be missed.
        #[cfg(any(Py_3_13, Py_REF_DEBUG))]
        super::undeclared::_Py_NewReference(object);
        #[cfg(not(any(Py_3_13, Py_REF_DEBUG)))]
        object.cast::<isize>().write(1);
        Ok(Owned::new_unchecked(object))
    }
}
