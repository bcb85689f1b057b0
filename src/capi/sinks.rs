//! Where a host's streams take their bytes to: a callback, a file descriptor, a Python file object.

use std::ffi::{c_int, c_void};
use std::io::IoSlice;

use pyo3_ffi::*;

use super::dump::HostSink;
use super::failure::Failure;
use super::status::cp_status_value::*;
use crate::pickler::{FileSink, Sink};
use crate::py::attach::detached;
use crate::py::error::{self, PyResult, Raised, check, matches, raise};
use crate::py::message::message;
use crate::py::object::optional_attr;
use crate::py::owned::Owned;
use crate::py::text;
use crate::py::vec::TryPush;
use crate::state::State;

/// Why a stream stopped.
#[derive(Clone, Copy, Debug)]
pub enum Cause {
    /// The host's callback said so.
    Callback(i64),
    /// A system call failed.
    System(c_int),
    /// A method of a Python file object, or a handler of a signal, raised.
    Method,
}

impl Cause {
    /// The failure, whose exception is set.
    pub fn failure(self) -> Failure {
        match self {
            Self::Callback(code) => Failure::raised(CP_ERR_CALLBACK, code),
            Self::System(errno) => Failure::raised(CP_ERR_IO, errno.into()),
            Self::Method => match errno_of_exception() {
                Some(errno) => Failure::raised(CP_ERR_IO, errno),
                None => Raised.into(),
            },
        }
    }
}

/// errno of the OSError that is set; 0 if it has none, None if it is another exception.
pub fn errno_of_exception() -> Option<i64> {
    // SAFETY: a type of the running interpreter.
    if !matches(unsafe { PyExc_OSError }) {
        return None;
    }
    let exception = error::take()?;
    // SAFETY: live, held by `exception`; -1 with an exception that is dropped here if errno is no number.
    let errno = unsafe {
        let number = Owned::new(PyObject_GetAttrString(exception.as_ptr(), c"errno".as_ptr()));
        let number = number.map_or(0, |number| PyLong_AsLongLong(number.as_ptr()));
        if error::occurred() {
            error::clear();
            0
        } else {
            number
        }
    };
    error::restore(exception);
    Some(errno)
}

/// Sets the exception for a callback that stopped the call, unless it left one.
#[cold]
pub fn raise_callback(name: &str, answer: i64) -> Raised {
    if error::occurred() {
        return Raised;
    }
    // SAFETY: a type of the running interpreter.
    raise(unsafe { PyExc_RuntimeError }, &message!("the callback {name} returned {answer}"))
}

/// Sets OSError for an errno.
#[cold]
pub fn raise_errno(errno: c_int) -> Raised {
    // SAFETY: attached; the call reads errno and sets an exception.
    unsafe {
        *libc::__errno_location() = errno;
        PyErr_SetFromErrno(PyExc_OSError);
    }
    Raised
}

/// Lets Python's handlers of signals run after EINTR; they may raise.
pub fn after_interrupt() -> PyResult<()> {
    // SAFETY: attached.
    check(unsafe { PyErr_CheckSignals() }).map(drop)
}

/// Runs something with or without the GIL.
pub fn with_gil<T>(release: bool, body: impl FnOnce() -> T) -> T {
    if release { detached(body) } else { body() }
}

type WriteFn = unsafe extern "C" fn(ctx: *mut c_void, data: *const u8, len: usize) -> c_int;

/// To the host's callback.
pub struct CallbackSink {
    write: WriteFn,
    ctx: *mut c_void,
    release_gil: bool,
    stopped: Option<Cause>,
}

impl CallbackSink {
    pub fn new(write: WriteFn, ctx: *mut c_void, release_gil: bool) -> Self {
        Self { write, ctx, release_gil, stopped: None }
    }
}

impl Sink for CallbackSink {
    fn write(&mut self, data: &[u8]) -> PyResult<()> {
        if data.is_empty() {
            return Ok(());
        }
        // SAFETY: the host's callback with the host's pointer; the data lives for the call.
        let answer = with_gil(self.release_gil, || unsafe { (self.write)(self.ctx, data.as_ptr(), data.len()) });
        if answer != 0 || error::occurred() {
            self.stopped = Some(Cause::Callback(answer.into()));
            return Err(raise_callback("write", answer.into()));
        }
        Ok(())
    }

    fn write_object(&mut self, owner: *mut PyObject, data: &[u8]) -> PyResult<()> {
        if !self.release_gil {
            return self.write(data);
        }
        let _pin = Pin::new(owner)?;
        self.write(data)
    }
}

impl HostSink for CallbackSink {
    fn finish(&mut self) -> PyResult<()> {
        Ok(())
    }

    fn stopped(&self) -> Option<Cause> {
        self.stopped
    }
}

/// Keeps an object's memory where it is while the GIL is released: other threads may run and change the object.
struct Pin {
    _object: Owned,
    view: Option<Py_buffer>,
}

impl Pin {
    fn new(owner: *mut PyObject) -> PyResult<Self> {
        let object = Owned::of(owner);
        // SAFETY: a live object; the view is filled by the call and released once.
        unsafe {
            // A str does not move, and has no buffers.
            if PyObject_CheckBuffer(owner) == 0 {
                return Ok(Self { _object: object, view: None });
            }
            let mut view = Py_buffer::new();
            check(PyObject_GetBuffer(owner, &mut view, PyBUF_ANY_CONTIGUOUS))?;
            Ok(Self { _object: object, view: Some(view) })
        }
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        if let Some(view) = &mut self.view {
            // SAFETY: filled by `new`; released once.
            unsafe { PyBuffer_Release(view) }
        }
    }
}

/// Pieces smaller than this wait for the next one.
const SMALL: usize = 16 * 1024;
/// So much waits at most.
const GATHERED: usize = 64 * 1024;

/// To a file descriptor.
pub struct FdSink {
    fd: c_int,
    waiting: Vec<u8>,
    stopped: Option<Cause>,
}

impl FdSink {
    pub fn new(fd: c_int) -> Self {
        Self { fd, waiting: Vec::new(), stopped: None }
    }

    /// Writes what waits, and then the data, with as few system calls as it takes.
    fn write_all(&mut self, data: &[u8]) -> PyResult<()> {
        let total = self.waiting.len() + data.len();
        let mut done = 0;
        while done < total {
            let first = self.waiting.get(done..).unwrap_or_default();
            let second = &data[done.saturating_sub(self.waiting.len())..];
            let pieces = [IoSlice::new(first), IoSlice::new(second)];
            let (written, errno) = detached(|| {
                // SAFETY: IoSlice is an iovec; both pieces live for the call.
                let written = unsafe { libc::writev(self.fd, pieces.as_ptr().cast(), pieces.len() as c_int) };
                (written, last_errno())
            });
            match usize::try_from(written) {
                Ok(written) => done += written,
                Err(_) if errno == libc::EINTR => {
                    after_interrupt().inspect_err(|_| self.stopped = Some(Cause::Method))?;
                }
                Err(_) => {
                    self.stopped = Some(Cause::System(errno));
                    return Err(raise_errno(errno));
                }
            }
        }
        self.waiting.clear();
        Ok(())
    }
}

/// The calling thread's errno.
pub fn last_errno() -> c_int {
    // SAFETY: the thread's own.
    unsafe { *libc::__errno_location() }
}

impl Sink for FdSink {
    fn write(&mut self, data: &[u8]) -> PyResult<()> {
        if data.len() >= SMALL || self.waiting.len() + data.len() > GATHERED {
            return self.write_all(data);
        }
        self.waiting.try_room(data.len())?;
        self.waiting.extend_from_slice(data);
        Ok(())
    }

    fn write_object(&mut self, owner: *mut PyObject, data: &[u8]) -> PyResult<()> {
        let _pin = Pin::new(owner)?;
        self.write(data)
    }
}

impl HostSink for FdSink {
    fn finish(&mut self) -> PyResult<()> {
        self.write_all(&[])
    }

    fn stopped(&self) -> Option<Cause> {
        self.stopped
    }
}

/// The sink of a Python object with a write method; a file without one is a bad argument.
pub fn file_sink(file: *mut PyObject) -> Result<FileSink, Failure> {
    match optional_attr(file, State::get()?.names.write.as_ptr())? {
        Some(write) => Ok(FileSink::new(write)),
        None => {
            // SAFETY: a live object; a type of the running interpreter.
            let (ty, exception) = unsafe { (text::type_name(Py_TYPE(file)), PyExc_TypeError) };
            raise(exception, &message!("file has no 'write' method: it is a '{ty}'"));
            Err(Failure::raised(CP_ERR_INVALID_ARGUMENT, 0))
        }
    }
}

impl HostSink for FileSink {
    fn finish(&mut self) -> PyResult<()> {
        Ok(())
    }

    fn stopped(&self) -> Option<Cause> {
        self.failed.then_some(Cause::Method)
    }
}
