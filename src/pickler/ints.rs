//! Ints, at every protocol and of every size.

use pyo3_ffi::*;

use super::engine::Pickler;
use crate::protocol::opcode::*;
use crate::py::error::{PyResult, Raised, raise};
use crate::py::layout::{self, Int, compact_int, type_of};
use crate::py::message::Short;
use crate::py::owned::Owned;
use crate::py::text;

impl Pickler<'_> {
    /// Writes the compact ints that a run of items begins with, as far as the output has room. Says how many.
    #[inline(always)]
    pub(super) fn ints(&mut self, items: &[*mut PyObject]) -> usize {
        if self.protocol == 0 {
            return 0;
        }
        let room = self.out.fits(5);
        int_run(items, room, self.out.cursor())
    }

    #[inline(always)]
    pub(super) fn int(&mut self, object: *mut PyObject) -> PyResult<()> {
        match compact_int(object).or_else(|| medium_int(object)) {
            Some(value) if self.protocol >= 1 => {
                let (bytes, len) = int32(value);
                self.out.short(bytes, len);
                Ok(())
            }
            _ => self.int_any(object),
        }
    }

    #[inline(never)]
    fn int_any(&mut self, object: *mut PyObject) -> PyResult<()> {
        match layout::int(object) {
            Int::Small(value) => self.int64(value),
            Int::Large => self.big_int(object),
        }
    }

    /// Writes an int of one byte, unless the output asks for the slow path; false for any other.
    #[inline]
    pub(super) fn byte_leaf(&mut self, value: i64) -> PyResult<bool> {
        if !(0..=0xff).contains(&value) || self.protocol == 0 || self.out.due() {
            return Ok(false);
        }
        self.out.short([BININT1, value as u8], 2);
        self.out.room(0)?;
        Ok(true)
    }

    /// An int that fits in 64 bits, at any protocol.
    pub(super) fn int64(&mut self, value: i64) -> PyResult<()> {
        let fits = i32::try_from(value);
        if self.protocol == 0 || (fits.is_err() && self.protocol < 2) {
            let text = if fits.is_ok() {
                Short::new(format_args!("I{value}\n"))
            } else {
                Short::new(format_args!("L{value}L\n"))
            };
            self.out.bytes(text.as_bytes());
        } else if let Ok(value) = fits {
            let (bytes, len) = int32(value);
            self.out.short(bytes, len);
        } else {
            // LONG1: the fewest bytes of two's complement.
            let bits = 65 - if value < 0 { (!value).leading_zeros() } else { value.leading_zeros() } as usize;
            let len = bits.div_ceil(8);
            self.out.op(LONG1);
            self.out.op(len as u8);
            self.out.short(value.to_le_bytes(), len);
        }
        Ok(())
    }

    #[cold]
    fn big_int(&mut self, object: *mut PyObject) -> PyResult<()> {
        if self.protocol < 2 {
            // Of the exact int type, so no foreign code; CPython's limit on digits may raise ValueError.
            // SAFETY: a live int.
            let digits = unsafe { Owned::new(PyObject_Repr(object))? };
            let digits = text::utf8(digits.as_ptr())?;
            self.out.room(digits.len())?;
            self.out.op(LONG);
            self.out.bytes(digits.as_bytes());
            self.out.bytes(b"L\n");
            return Ok(());
        }
        // SAFETY: a live int.
        let bits = unsafe { int_bits(object)? };
        let len = bits / 8 + 1;
        if len > 0x7fff_ffff {
            // SAFETY: a static exception type.
            return Err(raise(unsafe { PyExc_OverflowError }, "int too large to pickle"));
        }
        // A negative value may need a byte less; the header's size depends on it.
        let mut bytes = Vec::new();
        crate::py::vec::TryPush::try_room(&mut bytes, len)?;
        bytes.resize(len, 0u8);
        // SAFETY: a live int; the buffer has `len` bytes.
        unsafe { int_bytes(object, &mut bytes)? };
        if len > 1 && bytes[len - 1] == 0xff && bytes[len - 2] & 0x80 != 0 {
            bytes.pop();
        }
        self.out.room(bytes.len())?;
        match u8::try_from(bytes.len()) {
            Ok(short) => {
                self.out.op(LONG1);
                self.out.op(short);
            }
            Err(_) => {
                self.out.op(LONG4);
                self.out.bytes(&(bytes.len() as u32).to_le_bytes());
            }
        }
        self.out.bytes(&bytes);
        Ok(())
    }
}

/// Writes the compact ints that a run of items begins with, up to the room for so many of five bytes and the slack. Says
/// how many.
#[inline(always)]
pub(super) fn int_run(items: &[*mut PyObject], room: usize, cursor: &mut *mut u8) -> usize {
    let mut end = *cursor;
    let mut written = 0;
    for item in &items[..room.min(items.len())] {
        if type_of(*item).cast_const() != &raw const PyLong_Type {
            break;
        }
        let Some(value) = compact_int(*item).or_else(|| medium_int(*item)) else { break };
        let (bytes, len) = int32(value);
        // SAFETY: an int takes at most five bytes, of which so many fit, and the slack takes the rest of the word.
        unsafe {
            end.cast::<[u8; 8]>().write_unaligned(bytes);
            end = end.add(len);
        }
        written += 1;
    }
    *cursor = end;
    written
}

/// An int of two digits that fits in 32 bits.
#[inline]
fn medium_int(object: *mut PyObject) -> Option<i32> {
    match layout::int(object) {
        Int::Small(value) => i32::try_from(value).ok(),
        Int::Large => None,
    }
}

/// BININT1, BININT2 or BININT, without a branch on which: the bytes and how many of them count.
#[inline(always)]
pub(super) fn int32(value: i32) -> ([u8; 8], usize) {
    let bits = value as u32;
    let (wide, wider) = ((bits > 0xff) as usize, (bits > 0xffff) as usize);
    let op = const { u32::from_le_bytes([BININT1, BININT2, BININT, BININT]) } >> (8 * (wide + wider)) & 0xff;
    ((u64::from(bits) << 8 | u64::from(op)).to_le_bytes(), 2 + wide + 2 * wider)
}

/// The bits of an int's absolute value.
///
/// # Safety
/// `int` is a live `int`.
unsafe fn int_bits(int: *mut PyObject) -> PyResult<usize> {
    // Another type per version, the same register: size_t to 3.13, int64_t from 3.14 on.
    unsafe extern "C" {
        fn _PyLong_NumBits(int: *mut PyObject) -> usize;
    }
    // SAFETY: live, as the caller says.
    let bits = unsafe { _PyLong_NumBits(int) };
    if bits == usize::MAX { Err(Raised) } else { Ok(bits) }
}

/// Fills the buffer with an int in two's complement, least significant byte first.
///
/// # Safety
/// `int` is a live `int` that fits.
unsafe fn int_bytes(int: *mut PyObject, bytes: &mut [u8]) -> PyResult<()> {
    // SAFETY: live, as the caller says; pointer and length of one buffer.
    unsafe {
        #[cfg(Py_3_13)]
        {
            let flags = Py_ASNATIVEBYTES_LITTLE_ENDIAN;
            let len = PyLong_AsNativeBytes(int, bytes.as_mut_ptr().cast(), bytes.len() as Py_ssize_t, flags);
            if len < 0 { Err(Raised) } else { Ok(()) }
        }
        #[cfg(not(Py_3_13))]
        {
            crate::py::error::check(_PyLong_AsByteArray(int.cast(), bytes.as_mut_ptr(), bytes.len(), 1, 1)).map(|_| ())
        }
    }
}
