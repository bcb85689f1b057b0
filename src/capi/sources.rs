//! Where a host's pickles come from: a callback, a file descriptor, a Python file object.

use std::ffi::{c_int, c_void};

use super::sinks::{Cause, after_interrupt, last_errno, raise_callback, raise_errno, with_gil};
use crate::py::attach::detached;
use crate::py::error::{self, PyResult};
use crate::py::vec::TryPush;
use crate::unpickler::source::{AHEAD, FileSource, Source};

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
    /// A regular file, which can be read without moving its position.
    regular: bool,
    stopped: Option<Cause>,
}

impl FdSource {
    pub fn new(fd: c_int) -> Self {
        // SAFETY: all zeroes is a value of this plain struct, which the call fills.
        let regular = unsafe {
            let mut stat: libc::stat = std::mem::zeroed();
            libc::fstat(fd, &mut stat) == 0 && stat.st_mode & libc::S_IFMT == libc::S_IFREG
        };
        Self { fd, regular, stopped: None }
    }

    /// Makes a system call, again if a signal interrupted it.
    fn call(&mut self, mut call: impl FnMut(c_int) -> isize) -> PyResult<usize> {
        loop {
            let fd = self.fd;
            let (got, errno) = detached(|| (call(fd), last_errno()));
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

impl Source for FdSource {
    fn read(&mut self, into: &mut [u8]) -> PyResult<usize> {
        // SAFETY: the memory is pinned or the library's own, and as long as is said.
        self.call(|fd| unsafe { libc::read(fd, into.as_mut_ptr().cast(), into.len()) })
    }

    fn peek(&mut self, into: &mut Vec<u8>) -> PyResult<bool> {
        // SAFETY: numbers go in and out.
        let position = if self.regular { unsafe { libc::lseek(self.fd, 0, libc::SEEK_CUR) } } else { -1 };
        if position < 0 {
            return Ok(false);
        }
        let start = into.len();
        into.try_room(AHEAD)?;
        into.resize(start + AHEAD, 0);
        let target = &mut into[start..];
        // SAFETY: the memory is the library's own, and as long as is said.
        let got = self.call(|fd| unsafe { libc::pread(fd, target.as_mut_ptr().cast(), AHEAD, position) });
        into.truncate(start + *got.as_ref().unwrap_or(&0));
        got.map(|_| true)
    }

    fn skip(&mut self, count: usize) -> PyResult<()> {
        // SAFETY: numbers go in and out.
        self.call(|fd| unsafe { libc::lseek(fd, count as libc::off_t, libc::SEEK_CUR) as isize }).map(|_| ())
    }
}

impl HostSource for FdSource {
    fn stopped(&self) -> Option<Cause> {
        self.stopped
    }
}

/// From a Python file object, which is watched for what it raises.
pub struct WatchedFile {
    source: FileSource,
    raised: bool,
}

impl WatchedFile {
    pub fn new(source: FileSource) -> Self {
        Self { source, raised: false }
    }

    fn watch<T>(&mut self, call: impl FnOnce(&mut FileSource) -> PyResult<T>) -> PyResult<T> {
        call(&mut self.source).inspect_err(|_| self.raised = true)
    }
}

impl Source for WatchedFile {
    fn read(&mut self, into: &mut [u8]) -> PyResult<usize> {
        self.watch(|source| source.read(into))
    }

    fn read_line(&mut self, into: &mut Vec<u8>) -> PyResult<()> {
        self.watch(|source| source.read_line(into))
    }

    fn peek(&mut self, into: &mut Vec<u8>) -> PyResult<bool> {
        self.watch(|source| source.peek(into))
    }

    fn skip(&mut self, count: usize) -> PyResult<()> {
        self.watch(|source| source.skip(count))
    }
}

impl HostSource for WatchedFile {
    fn stopped(&self) -> Option<Cause> {
        self.raised.then_some(Cause::Method)
    }
}
