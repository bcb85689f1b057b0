//! Leaves of a stretch that are less frequent, and runs of numbers.

use pyo3_ffi::*;

use super::burst::Met;
use super::ints::{int_run, int32};
use super::nested::Came;
use super::out::copy_short;
use super::runs::float_run;
use super::stretch::{MOST_TEXT, Stretch};
use super::text::{encode_utf8, utf8_len};
use crate::protocol::opcode::*;
use crate::py::layout::{self, Chars, Int, chars, type_of, unique};

/// Copies bytes to where there is room for them, and for a short copy of fixed size.
#[inline(always)]
fn copy(data: &[u8]) -> impl FnOnce(*mut u8) {
    // SAFETY: as the caller says; never into itself.
    move |to| unsafe {
        if data.len() <= 32 {
            copy_short(data, to);
        } else {
            std::ptr::copy_nonoverlapping(data.as_ptr(), to, data.len());
        }
    }
}

impl Stretch<'_> {
    /// Writes the ints or floats that a run of items begins with. Says how many.
    #[inline(never)]
    pub fn run_of_numbers(&mut self, items: &[*mut PyObject]) -> usize {
        let ty = type_of(items[0]).cast_const();
        if ty == &raw const PyLong_Type {
            int_run(items, self.fits(5), &mut self.at.end)
        } else if ty == &raw const PyFloat_Type {
            float_run(items, self.fits(9), &mut self.at.end)
        } else {
            0
        }
    }

    /// Writes an int of up to 64 bits, a short str of any characters, or short bytes.
    #[inline(never)]
    pub fn rare_leaf(&mut self, object: *mut PyObject) -> Came {
        if !self.has_room(self.at) {
            return Came::Nowhere;
        }
        let ty = type_of(object).cast_const();
        if ty == &raw const PyLong_Type {
            self.int(object)
        } else if ty == &raw const PyBytes_Type {
            let data = layout::bytes(object);
            self.payload(object, SHORT_BINBYTES, data.len(), copy(data))
        } else if ty == &raw const PyUnicode_Type {
            match chars(object) {
                Chars::Ascii(data) | Chars::Utf8(data) => {
                    self.payload(object, SHORT_BINUNICODE, data.len(), copy(data))
                }
                Chars::One(data) => self.encoded(object, data),
                Chars::Two(data) => self.encoded(object, data),
                Chars::Four(data) => self.encoded(object, data),
                Chars::Legacy => Came::Nowhere,
            }
        } else {
            Came::Nowhere
        }
    }

    fn int(&mut self, object: *mut PyObject) -> Came {
        let Int::Small(value) = layout::int(object) else { return Came::Nowhere };
        if let Ok(value) = i32::try_from(value) {
            let (bytes, len) = int32(value);
            self.at.short(u64::from_le_bytes(bytes), len);
            return Came::Through;
        }
        // LONG1: the fewest bytes of two's complement.
        let bits = 65 - if value < 0 { (!value).leading_zeros() } else { value.leading_zeros() } as usize;
        let len = bits.div_ceil(8);
        self.at.short((len << 8) as u64 | u64::from(LONG1), 2);
        self.at.short(value as u64, len);
        Came::Through
    }

    fn encoded<C: Copy + Into<u32>>(&mut self, text: *mut PyObject, data: &[C]) -> Came {
        if data.len() > MOST_TEXT {
            return Came::Nowhere;
        }
        let len = data.iter().map(|c| utf8_len((*c).into())).sum::<usize>();
        self.payload(text, SHORT_BINUNICODE, len, |to| {
            // SAFETY: room for so many, which are written before they are lent.
            unsafe {
                to.write_bytes(0, len);
                encode_utf8(data, std::slice::from_raw_parts_mut(to, len));
            }
        })
    }

    /// Writes an object of so many bytes, which the caller fills in, and memoises it; or a reference to it.
    #[inline(always)]
    fn payload(&mut self, object: *mut PyObject, op: u8, len: usize, fill: impl FnOnce(*mut u8)) -> Came {
        if len > MOST_TEXT {
            return Came::Nowhere;
        }
        if unique(object) {
            self.memo.put_unique(&mut self.at.number, object);
        } else {
            match self.memo.get_or_put(&mut self.at.number, object, || Some(())) {
                Met::Unclear => return Came::Nowhere,
                Met::New(()) => {}
                Met::Known(number) => {
                    self.at.get(number);
                    return Came::Through;
                }
            }
        }
        self.at.short((len << 8) as u64 | u64::from(op), 2);
        fill(self.at.end);
        // SAFETY: the stretch has room.
        self.at.end = unsafe { self.at.end.add(len) };
        self.at.short(u64::from(MEMOIZE), 1);
        Came::Through
    }
}
