//! Strings: UTF-8 with lone surrogates passed through, and protocol 0's escapes.

use pyo3_ffi::*;

use super::engine::Pickler;
use crate::protocol::opcode::*;
use crate::py::error::PyResult;
use crate::py::layout::{Chars, chars, type_of, unique};
use crate::py::message::{Short, lossy};
use crate::py::owned::Owned;
use crate::py::vec::TryPush;

impl Pickler<'_> {
    /// Writes an exact str, or a reference to it.
    #[inline(always)]
    pub(super) fn text(&mut self, text: *mut PyObject) -> PyResult<()> {
        let data = match chars(text) {
            Chars::Ascii(data) | Chars::Utf8(data) if data.len() <= 0xff && self.protocol >= 4 => data,
            _ => return self.text_of_any_size(text),
        };
        if unique(text) {
            self.short_text(data)?;
            self.put()?;
            return self.memo.put_unique(text);
        }
        match self.memo.seek(text)? {
            Ok(number) => {
                self.get(number);
                Ok(())
            }
            Err(place) => {
                self.short_text(data)?;
                self.put()?;
                self.memo.put_at(place, text)
            }
        }
    }

    #[inline(never)]
    fn text_of_any_size(&mut self, text: *mut PyObject) -> PyResult<()> {
        if !unique(text) && self.remembered(text)? {
            return Ok(());
        }
        self.text_any(text)?;
        self.memoize(text)
    }

    /// Writes text of at most 255 bytes, from protocol 4 on.
    #[inline(always)]
    fn short_text(&mut self, data: &[u8]) -> PyResult<()> {
        self.out.room(data.len())?;
        self.out.short([SHORT_BINUNICODE, data.len() as u8], 2);
        self.out.bytes(data);
        Ok(())
    }

    /// Writes an object that is an exact str, unless the output asks for the slow path; false for any other.
    #[inline]
    pub(super) fn text_leaf(&mut self, object: *mut PyObject) -> PyResult<bool> {
        if type_of(object).cast_const() != &raw const PyUnicode_Type || self.out.due() {
            return Ok(false);
        }
        self.text(object)?;
        self.out.room(0)?;
        Ok(true)
    }

    /// Writes the characters of an exact str, whether it is known or not, and does not memoise it.
    #[inline(always)]
    pub(super) fn text_data(&mut self, text: *mut PyObject) -> PyResult<()> {
        if self.protocol >= 4
            && let Chars::Ascii(data) | Chars::Utf8(data) = chars(text)
            && data.len() <= 0xff
        {
            return self.short_text(data);
        }
        self.text_any(text)
    }

    #[inline(never)]
    fn text_any(&mut self, text: *mut PyObject) -> PyResult<()> {
        if self.protocol == 0 {
            return self.text_escaped(text);
        }
        match chars(text) {
            Chars::Ascii(data) | Chars::Utf8(data) => self.utf8(data),
            Chars::One(data) => self.encode(data),
            Chars::Two(data) => self.encode(data),
            Chars::Four(data) => self.encode(data),
            Chars::Legacy => {
                let encoded = utf8_of_legacy(text)?;
                self.utf8(crate::py::layout::bytes(encoded.as_ptr()))
            }
        }
    }

    /// Encodes characters straight into the output, or on the side if the payload goes past it.
    fn encode<C: Copy + Into<u32>>(&mut self, data: &[C]) -> PyResult<()> {
        let len = data.iter().map(|c| utf8_len((*c).into())).sum::<usize>();
        if len >= FRAME_TARGET {
            let mut encoded = Vec::new();
            encoded.try_room(len)?;
            encoded.resize(len, 0);
            encode_utf8(data, &mut encoded);
            return self.utf8(&encoded);
        }
        if len <= 0xff && self.protocol >= 4 {
            self.out.short([SHORT_BINUNICODE, len as u8], 2);
        } else {
            self.out.op(BINUNICODE);
            self.out.short((len as u32).to_le_bytes(), 4);
        }
        encode_utf8(data, self.out.spare(len)?);
        self.out.advance(len);
        Ok(())
    }

    /// Writes text that is UTF-8 already.
    pub(super) fn utf8(&mut self, data: &[u8]) -> PyResult<()> {
        let short = (self.protocol >= 4).then_some(SHORT_BINUNICODE);
        let eight = (self.protocol >= 4).then_some(BINUNICODE8);
        self.payload([short, Some(BINUNICODE), eight], data, None, "string")
    }

    /// Protocol 0: the raw-unicode-escape codec, with a few characters more escaped (`raw_unicode_escape` in
    /// `_pickle.c`).
    #[cold]
    fn text_escaped(&mut self, text: *mut PyObject) -> PyResult<()> {
        self.out.op(UNICODE);
        let mut one = |c: u32| -> PyResult<()> {
            self.out.room(0)?;
            match c {
                0x1_0000.. => self.out.bytes(Short::new(format_args!("\\U{c:08x}")).as_bytes()),
                256.. | 0 | 0x1a | 0x5c | 0x0a | 0x0d => {
                    self.out.bytes(Short::new(format_args!("\\u{c:04x}")).as_bytes())
                }
                _ => self.out.op(c as u8),
            }
            Ok(())
        };
        match chars(text) {
            Chars::Ascii(data) | Chars::One(data) => data.iter().try_for_each(|c| one(u32::from(*c)))?,
            Chars::Two(data) => data.iter().try_for_each(|c| one(u32::from(*c)))?,
            Chars::Four(data) => data.iter().try_for_each(|c| one(*c))?,
            Chars::Utf8(data) => {
                // CPython keeps valid UTF-8 only.
                lossy(data).chars().try_for_each(|c| one(u32::from(c)))?
            }
            Chars::Legacy => {
                // SAFETY: a live str.
                let len = unsafe { PyUnicode_GetLength(text) };
                for i in 0..len {
                    // SAFETY: a live str, an index below its length.
                    one(unsafe { PyUnicode_ReadChar(text, i) })?;
                }
            }
        }
        self.out.room(0)?;
        self.out.op(b'\n');
        Ok(())
    }
}

/// UTF-8 of a str that is not compact, as bytes.
#[cold]
fn utf8_of_legacy(text: *mut PyObject) -> PyResult<Owned> {
    // SAFETY: a live str.
    unsafe { Owned::new(PyUnicode_AsEncodedString(text, c"utf-8".as_ptr(), c"surrogatepass".as_ptr())) }
}

#[inline(always)]
pub(super) fn utf8_len(c: u32) -> usize {
    1 + (c > 0x7f) as usize + (c > 0x7ff) as usize + (c > 0xffff) as usize
}

/// Encodes into a buffer of just the right length. Surrogates become three bytes each, as "surrogatepass" has it.
pub(super) fn encode_utf8<C: Copy + Into<u32>>(data: &[C], out: &mut [u8]) {
    let mut at = 0;
    for c in data {
        let c: u32 = (*c).into();
        let tail = |shift: u32| 0x80 | (c >> shift & 0x3f) as u8;
        match utf8_len(c) {
            1 => out[at] = c as u8,
            2 => out[at..at + 2].copy_from_slice(&[0xc0 | (c >> 6) as u8, tail(0)]),
            3 => out[at..at + 3].copy_from_slice(&[0xe0 | (c >> 12) as u8, tail(6), tail(0)]),
            _ => out[at..at + 4].copy_from_slice(&[0xf0 | (c >> 18) as u8, tail(12), tail(6), tail(0)]),
        }
        at += utf8_len(c);
    }
}
