//! The opcodes of protocol 0, whose arguments are lines of text.

use std::ffi::c_int;
use std::ptr;

use pyo3_ffi::*;

use super::machine::Machine;
use crate::py::error::{PyResult, Raised, matches, occurred};
use crate::py::message::message;
use crate::py::object::call1;
use crate::py::owned::Owned;
use crate::py::vec::TryPush;
use crate::py::{bytes, number};

/// Of the numbers of `INT` and `LONG`; 0 takes prefixes.
const BASE: c_int = if cfg!(Py_3_14) { 10 } else { 0 };

/// A line as C text.
fn c_text(line: &[u8]) -> PyResult<Vec<u8>> {
    let mut text = Vec::new();
    text.try_room(line.len() + 2)?;
    text.extend_from_slice(line);
    text.extend_from_slice(b"\n\0");
    Ok(text)
}

impl Machine<'_, '_> {
    pub(super) fn int_line(&mut self) -> PyResult<()> {
        let line = self.full_line()?;
        let text = c_text(line)?;
        // SAFETY: C text that ends with NUL; `end` points into it.
        let (value, whole) = unsafe {
            let mut end = ptr::null_mut();
            *libc::__errno_location() = 0;
            let value = libc::strtol(text.as_ptr().cast(), &mut end, BASE);
            (value, *libc::__errno_location() == 0 && matches!(*end.cast::<u8>(), b'\n' | b'\0'))
        };
        let object = if !whole {
            // SAFETY: C text; a new reference or NULL with an exception.
            let long = unsafe { Owned::new(PyLong_FromString(text.as_ptr().cast(), ptr::null_mut(), BASE)) };
            long.map_err(|_| {
                crate::py::error::clear();
                self.fail_value("could not convert string to int")
            })?
        } else if matches!(line, b"00" | b"01") {
            // SAFETY: attached; a new reference.
            unsafe { Owned::new(PyBool_FromLong(value))? }
        } else {
            number::from_i64(value)?
        };
        self.push(object)
    }

    pub(super) fn long_line(&mut self) -> PyResult<()> {
        let line = self.full_line()?;
        let text = c_text(line.strip_suffix(b"L").unwrap_or(line))?;
        // SAFETY: C text; a new reference or NULL with an exception.
        let value = unsafe { Owned::new(PyLong_FromString(text.as_ptr().cast(), ptr::null_mut(), BASE))? };
        self.push(value)
    }

    pub(super) fn float_line(&mut self) -> PyResult<()> {
        let text = c_text(self.full_line()?)?;
        let mut end = ptr::null_mut();
        // SAFETY: C text; `end` points into it unless the call raised.
        let value = unsafe { PyOS_string_to_double(text.as_ptr().cast(), &mut end, PyExc_OverflowError) };
        if value == -1.0 && occurred() {
            return Err(Raised);
        }
        // SAFETY: as above.
        if !matches!(unsafe { *end.cast::<u8>() }, b'\n' | b'\0') {
            return Err(self.fail_value("could not convert string to float"));
        }
        self.push(number::from_f64(value)?)
    }

    pub(super) fn string_line(&mut self) -> PyResult<()> {
        let inner = match self.line()? {
            [b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"'] => inner,
            _ => return Err(self.fail("the STRING opcode argument must be quoted")),
        };
        // SAFETY: pointer and length of the line; a new reference or NULL with an exception.
        let data = unsafe {
            let (start, len) = (inner.as_ptr().cast(), inner.len() as Py_ssize_t);
            Owned::new(PyBytes_DecodeEscape(start, len, ptr::null(), 0, ptr::null()))?
        };
        if self.options.encoding == c"bytes" {
            return self.push(data);
        }
        let (encoding, errors) = (self.options.encoding.as_ptr(), self.options.errors.as_ptr());
        // SAFETY: live bytes and C text.
        let text = unsafe { Owned::new(PyUnicode_FromEncodedObject(data.as_ptr(), encoding, errors))? };
        self.push(text)
    }

    pub(super) fn binstring(&mut self, len: usize) -> PyResult<()> {
        let data = self.bytes(len)?;
        let object = if self.options.encoding == c"bytes" {
            bytes::of(data)?
        } else {
            let (encoding, errors) = (self.options.encoding.as_ptr(), self.options.errors.as_ptr());
            // SAFETY: pointer and length of the data, C text.
            unsafe { Owned::new(PyUnicode_Decode(data.as_ptr().cast(), len as Py_ssize_t, encoding, errors))? }
        };
        self.push(object)
    }

    pub(super) fn unicode_line(&mut self) -> PyResult<()> {
        let line = self.line()?;
        // SAFETY: pointer and length of the line; a new reference or NULL with an exception.
        let text = unsafe {
            let (start, len) = (line.as_ptr().cast(), line.len() as Py_ssize_t);
            Owned::new(PyUnicode_DecodeRawUnicodeEscape(start, len, ptr::null()))?
        };
        self.push(text)
    }

    pub(super) fn get_line(&mut self) -> PyResult<()> {
        let number = self.number_line()?;
        match usize::try_from(number) {
            Ok(number) => self.get(number),
            Err(_) => Err(self.fail(&message!("Memo value not found at index {number}"))),
        }
    }

    pub(super) fn put_line(&mut self) -> PyResult<()> {
        let number = self.number_line()?;
        self.top()?;
        match usize::try_from(number) {
            Ok(number) => self.put(number),
            Err(_) => Err(self.fail_value("negative PUT argument")),
        }
    }

    fn number_line(&mut self) -> PyResult<Py_ssize_t> {
        let text = c_text(self.full_line()?)?;
        // SAFETY: C text; a new reference or NULL with an exception, which the second call leaves alone.
        let number = unsafe {
            let long = Owned::new(PyLong_FromString(text.as_ptr().cast(), ptr::null_mut(), 10))?;
            PyLong_AsSsize_t(long.as_ptr())
        };
        if number == -1 && occurred() { Err(Raised) } else { Ok(number) }
    }

    pub(super) fn persistent_line(&mut self) -> PyResult<()> {
        let Some(load) = self.options.persistent_load else { return Err(self.no_persistent_load()) };
        let line = self.line()?;
        // SAFETY: pointer and length of the line; exception types live as long as the interpreter.
        let id = unsafe {
            let (start, len) = (line.as_ptr().cast(), line.len() as Py_ssize_t);
            Owned::new(PyUnicode_DecodeASCII(start, len, c"strict".as_ptr())).map_err(|raised| {
                if matches(PyExc_UnicodeDecodeError) {
                    crate::py::error::clear();
                    // Without the offset: the whole message is tested for.
                    let message = "persistent IDs in protocol 0 must be ASCII strings";
                    return self.state.imports.raise_unpickling(message);
                }
                raised
            })?
        };
        let object = call1(load, id.as_ptr())?;
        self.push(object)
    }
}
