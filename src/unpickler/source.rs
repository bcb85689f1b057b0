//! Where a pickle that is not in memory comes from.

use pyo3_ffi::*;

use crate::py::error::{PyResult, Raised, check, clear, matches, occurred, raise};
use crate::py::message::message;
use crate::py::object::{attr, call1, optional_attr};
use crate::py::owned::Owned;
use crate::py::vec::TryPush;
use crate::state::State;

/// How far a source that can be looked into is looked into.
pub const AHEAD: usize = 128 * 1024;

/// Bytes in order. It is never asked for more than the pickle needs.
pub trait Source {
    /// Puts up to `into.len()` (> 0) bytes there and says how many; 0 at the end.
    fn read(&mut self, into: &mut [u8]) -> PyResult<usize>;

    /// Appends the rest of a line with its newline, or what there is before the end.
    fn read_line(&mut self, into: &mut Vec<u8>) -> PyResult<()> {
        let mut byte = [0];
        while self.read(&mut byte)? == 1 {
            into.try_push(byte[0])?;
            if byte[0] == b'\n' {
                break;
            }
        }
        Ok(())
    }

    /// Appends what comes next without consuming it, or says that it cannot.
    fn peek(&mut self, _into: &mut Vec<u8>) -> PyResult<bool> {
        Ok(false)
    }

    /// Consumes bytes that were seen by `peek`.
    fn skip(&mut self, _count: usize) -> PyResult<()> {
        Ok(())
    }
}

impl<F: FnMut(&mut [u8]) -> PyResult<usize>> Source for F {
    fn read(&mut self, into: &mut [u8]) -> PyResult<usize> {
        self(into)
    }
}

/// A Python object with `read` and `readline`, and `readinto` and `peek` if it has them.
pub struct FileSource {
    read: Owned,
    readline: Owned,
    readinto: Option<Owned>,
    peek: Option<Owned>,
}

impl FileSource {
    pub fn new(file: *mut PyObject) -> PyResult<Self> {
        let names = &State::get()?.names;
        let peek = optional_attr(file, names.peek.as_ptr())?;
        let readinto = optional_attr(file, names.readinto.as_ptr())?;
        let read = optional_attr(file, names.read.as_ptr())?;
        let readline = optional_attr(file, names.readline.as_ptr())?;
        match (read, readline) {
            (Some(read), Some(readline)) => Ok(Self { read, readline, readinto, peek }),
            // SAFETY: exception types live as long as the interpreter.
            _ => Err(raise(unsafe { PyExc_TypeError }, "file must have 'read' and 'readline' attributes")),
        }
    }

    /// Calls `read` or `peek`, and hands its bytes on.
    fn ask(function: &Owned, count: usize, take: impl FnOnce(&[u8]) -> PyResult<()>) -> PyResult<()> {
        // SAFETY: attached; a new reference.
        let count = unsafe { Owned::new(PyLong_FromSize_t(count))? };
        hand_on(&call1(function.as_ptr(), count.as_ptr())?, take)
    }
}

/// The bytes of a bytes-like object.
fn hand_on(data: &Owned, take: impl FnOnce(&[u8]) -> PyResult<()>) -> PyResult<()> {
    // SAFETY: `data` is live; the buffer is released after its bytes were used.
    unsafe {
        if PyBytes_Check(data.as_ptr()) != 0 {
            let start = PyBytes_AsString(data.as_ptr()).cast::<u8>();
            return take(std::slice::from_raw_parts(start, PyBytes_Size(data.as_ptr()) as usize));
        }
        let mut view: Py_buffer = std::mem::zeroed();
        check(PyObject_GetBuffer(data.as_ptr(), &mut view, PyBUF_CONTIG_RO))?;
        let result = if view.len == 0 {
            take(&[])
        } else {
            take(std::slice::from_raw_parts(view.buf.cast(), view.len as usize))
        };
        PyBuffer_Release(&mut view);
        result
    }
}

/// Refuses more than was asked for, which would be lost.
fn fits(got: usize, asked: usize, what: &str) -> PyResult<usize> {
    if got <= asked {
        return Ok(got);
    }
    let message = message!("{what}() returned {got} bytes when {asked} were asked for");
    // SAFETY: exception types live as long as the interpreter.
    Err(raise(unsafe { PyExc_ValueError }, &message))
}

impl Source for FileSource {
    fn read(&mut self, into: &mut [u8]) -> PyResult<usize> {
        let asked = into.len();
        if let Some(readinto) = self.readinto.as_ref().filter(|_| asked >= 64) {
            // SAFETY: the memory outlives the view unless the file keeps it; so it is released before we go on.
            let view = unsafe {
                Owned::new(PyMemoryView_FromMemory(into.as_mut_ptr().cast(), asked as Py_ssize_t, PyBUF_WRITE))?
            };
            let count = call1(readinto.as_ptr(), view.as_ptr());
            release(&view)?;
            // SAFETY: live.
            let count = unsafe { PyLong_AsSsize_t(count?.as_ptr()) };
            if count < 0 {
                if !occurred() {
                    // SAFETY: exception types live as long as the interpreter.
                    return Err(raise(unsafe { PyExc_ValueError }, "readinto() returned negative size"));
                }
                return Err(Raised);
            }
            return fits(count as usize, asked, "readinto");
        }
        let mut got = 0;
        Self::ask(&self.read, asked, |bytes| {
            got = fits(bytes.len(), asked, "read")?;
            into[..got].copy_from_slice(bytes);
            Ok(())
        })?;
        Ok(got)
    }

    fn read_line(&mut self, into: &mut Vec<u8>) -> PyResult<()> {
        // SAFETY: live; a new reference.
        let line = unsafe { Owned::new(PyObject_CallNoArgs(self.readline.as_ptr()))? };
        hand_on(&line, |bytes| {
            into.try_room(bytes.len())?;
            into.extend_from_slice(bytes);
            Ok(())
        })
    }

    fn peek(&mut self, into: &mut Vec<u8>) -> PyResult<bool> {
        let Some(peek) = &self.peek else { return Ok(false) };
        let result = Self::ask(peek, AHEAD, |bytes| {
            into.try_room(bytes.len())?;
            into.extend_from_slice(bytes);
            Ok(())
        });
        match result {
            Ok(()) => Ok(true),
            // SAFETY: exception types live as long as the interpreter.
            Err(Raised) if matches(unsafe { PyExc_NotImplementedError }) => {
                clear();
                self.peek = None;
                Ok(false)
            }
            Err(raised) => Err(raised),
        }
    }

    fn skip(&mut self, mut count: usize) -> PyResult<()> {
        while count > 0 {
            let mut got = 0;
            Self::ask(&self.read, count, |bytes| {
                got = fits(bytes.len(), count, "read")?;
                Ok(())
            })?;
            if got == 0 {
                break;
            }
            count -= got;
        }
        Ok(())
    }
}

/// Takes the memory back from a memoryview, whoever else holds it.
fn release(view: &Owned) -> PyResult<()> {
    let name = crate::py::text::new("release")?;
    let kept = crate::py::error::take();
    let released = attr(view.as_ptr(), name.as_ptr())
        // SAFETY: live.
        .and_then(|method| unsafe { Owned::new(PyObject_CallNoArgs(method.as_ptr())) });
    if let Some(kept) = kept {
        if released.is_err() {
            clear();
        }
        crate::py::error::restore(kept);
        return Ok(());
    }
    released.map(|_| ())
}
