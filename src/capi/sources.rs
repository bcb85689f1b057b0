//! Where a host's pickles come from: a callback, a file descriptor.

use std::ffi::{c_int, c_void};

use super::sinks::{Cause, after_interrupt, last_errno, raise_callback, raise_errno, with_gil};
use crate::py::attach::detached;
use crate::py::error::{self, PyResult};
use crate::unpickler::standard::Source;

type ReadFn = unsafe extern "C" fn(ctx: *mut c_void, data: *mut u8, len: usize) -> isize;

/// A source of the host's, which knows why it failed.
pub trait HostSource: Source {
    /// Why it failed, if it did.
    fn stopped(&self) -> Option<Cause>;
}

/// From the host's callback.
pub struct CallbackSource {
    read: ReadFn,
    ctx: *mut c_void,
    release_gil: bool,
    stopped: Option<Cause>,
}

impl CallbackSource {
    pub fn new(read: ReadFn, ctx: *mut c_void, release_gil: bool) -> Self {
        Self { read, ctx, release_gil, stopped: None }
    }
}

impl Source for CallbackSource {
    fn read(&mut self, into: &mut [u8]) -> PyResult<usize> {
        // SAFETY: the host's callback with the host's pointer; the memory is pinned or the library's own.
        let answer = with_gil(self.release_gil, || unsafe { (self.read)(self.ctx, into.as_mut_ptr(), into.len()) });
        match usize::try_from(answer) {
            Ok(len) if len <= into.len() && !error::occurred() => Ok(len),
            _ => {
                self.stopped = Some(Cause::Callback(answer as i64));
                Err(raise_callback("read", answer as i64))
            }
        }
    }
}

impl HostSource for CallbackSource {
    fn stopped(&self) -> Option<Cause> {
        self.stopped
    }
}

/// From a file descriptor.
pub struct FdSource {
    fd: c_int,
    stopped: Option<Cause>,
}

impl FdSource {
    pub fn new(fd: c_int) -> Self {
        Self { fd, stopped: None }
    }
}

impl Source for FdSource {
    fn read(&mut self, into: &mut [u8]) -> PyResult<usize> {
        loop {
            let (got, errno) = detached(|| {
                // SAFETY: the memory is pinned or the library's own, and as long as is said.
                let got = unsafe { libc::read(self.fd, into.as_mut_ptr().cast(), into.len()) };
                (got, last_errno())
            });
            match usize::try_from(got) {
                Ok(got) => return Ok(got),
                Err(_) if errno == libc::EINTR => {
                    after_interrupt().inspect_err(|_| self.stopped = Some(Cause::Method))?;
                }
                Err(_) => {
                    self.stopped = Some(Cause::System(errno));
                    return Err(raise_errno(errno));
                }
            }
        }
    }
}

impl HostSource for FdSource {
    fn stopped(&self) -> Option<Cause> {
        self.stopped
    }
}
