//! dump
//!
//! The bytes are those that the Python package cloudpickle writes for the same object in the same Python: what has it
//! installed loads them with its own pickle.loads.

use std::ffi::{c_int, c_void};
use std::mem::offset_of;
use std::ptr;

use pyo3_ffi::*;

use super::argument;
use super::buffer::{cp_buffer, cp_buffers};
use super::enter::{Gil, enter};
use super::error::cp_error;
use super::failure::Failure;
use super::options::{self, check_flags};
use super::sinks::{CallbackSink, Cause, FdSink, file_sink, raise_callback};
use super::status::cp_status;
use super::status::cp_status_value::{self, *};
use crate::pickler::options::{BufferCallback, MAX_DEPTH};
use crate::pickler::{Memory, Options, Report, Sink, dump_to_bytes, dump_to_memory, dump_to_sink};
use crate::protocol::opcode::HIGHEST;
use crate::py::error::{self, PyResult, Raised, matches};
use crate::py::message::message;
use crate::state::{Imports, State};

/// Bits of the flags in the options of dump and load.
#[repr(C)]
pub enum cp_call_flag {
    /// The caller holds the GIL; do not take it (see GIL above).
    CP_GIL_HELD = 1,
    /// Release the GIL around write and read callbacks. What they are given is then either the library's own memory or
    /// memory that is pinned for the time of the call.
    CP_RELEASE_GIL = 2,
}
use cp_call_flag::*;

/// The highest protocol of the running Python, as in the Python package.
pub const CP_PROTOCOL_DEFAULT: c_int = -1;

/// Takes exactly len bytes, never a part. 0: go on; else: stop with CP_ERR_CALLBACK. data is valid during the call
/// only.
pub type cp_write_fn = Option<unsafe extern "C" fn(ctx: *mut c_void, data: *const u8, len: usize) -> c_int>;

/// Is offered one out-of-band buffer (PEP 574), contiguous, in pickle order. 0: taken (move *buf out; if its release is
/// left set the library releases it); > 0: write it in band; < 0: stop with CP_ERR_CALLBACK. Called with the GIL.
pub type cp_buffer_fn = Option<unsafe extern "C" fn(ctx: *mut c_void, buf: *mut cp_buffer) -> c_int>;

/// How to dump. Initialise it with CP_DUMP_OPTIONS_INIT; NULL for it means the same.
#[repr(C)]
pub struct cp_dump_options {
    pub struct_size: usize,
    /// CP_GIL_HELD, CP_RELEASE_GIL.
    pub flags: u32,
    /// 0 to 5, or CP_PROTOCOL_DEFAULT (any negative number); below 4 as far as the object allows.
    pub protocol: i32,
    /// NULL: all data in band. Else the protocol must be 5.
    pub on_buffer: cp_buffer_fn,
    pub on_buffer_ctx: *mut c_void,
    /// Stop with CP_ERR_LIMIT before exceeding this; 0: no limit.
    pub max_bytes: u64,
    /// A callable like Pickler.reducer_override, asked first; NULL: none. Borrowed.
    pub reducer: *mut PyObject,
    /// Stop with CP_ERR_LIMIT when more containers than this wait for what lies in them: of `[[[1]]]` two, since a list,
    /// tuple or dict of numbers, texts and the like does not wait. An object that is not of the protocol's own types
    /// counts as eight and one for each of its parts. 0: two million, where a __reduce__ that never ends has taken some
    /// 100 MB, or a quarter of the machine's memory if its objects are large.
    pub max_depth: u64,
}

// SAFETY: begins with its size; zeroes are NULL, 0 and None; `max_depth` was the last field of the first version.
unsafe impl options::Options for cp_dump_options {
    const FIRST: usize = offset_of!(Self, max_depth) + size_of::<u64>();
}

/// To memory.
/// obj: what to dump. options: NULL for the defaults. *out: the pickle, owned by the caller.
/// Also CP_ERR_PICKLING, CP_ERR_LIMIT, CP_ERR_UNSUPPORTED, CP_ERR_CALLBACK (on_buffer's). [GIL auto] Since 0.1.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cp_dumps(
    obj: *mut PyObject,
    options: *const cp_dump_options,
    out: *mut cp_buffer,
    err: *mut *mut cp_error,
) -> cp_status {
    enter(
        err,
        || {
            // SAFETY: NULL or a place for the result, as the header asks.
            let out = unsafe { argument::out("out", out, cp_buffer::EMPTY)? };
            let obj = argument::object("obj", obj)?;
            // SAFETY: NULL or options, as the header asks.
            let settings = unsafe { Settings::read(options)? };
            Ok((settings.gil, (obj, settings, out)))
        },
        |(obj, settings, out)| {
            let mut buffers = Buffers::new(&settings, None);
            let memory = in_memory(obj, &settings, &mut buffers)?;
            let (data, len) = memory.into_raw();
            // SAFETY: checked above; the memory is from malloc, and given away.
            unsafe { out.write(cp_buffer::of_malloc(data, len)) };
            Ok(())
        },
    )
}

/// To memory, with every buffer out of band.
/// options: on_buffer, if set, is shown each buffer without its ownership, and only decides (0: out of band, > 0: in
/// band). *out: the pickle; *buffers: the list, in pickle order, NULL if there are none; both owned by the caller.
/// Statuses as cp_dumps; CP_ERR_UNSUPPORTED below protocol 5. [GIL auto] Since 0.1.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cp_dumps_oob(
    obj: *mut PyObject,
    options: *const cp_dump_options,
    out: *mut cp_buffer,
    buffers: *mut *mut cp_buffers,
    err: *mut *mut cp_error,
) -> cp_status {
    enter(
        err,
        || {
            // SAFETY: NULL or places for the results, as the header asks.
            let places = unsafe {
                (argument::out("out", out, cp_buffer::EMPTY), argument::out("buffers", buffers, ptr::null_mut()))
            };
            let (out, list) = (places.0?, places.1?);
            let obj = argument::object("obj", obj)?;
            // SAFETY: NULL or options, as the header asks.
            let settings = unsafe { Settings::read(options)? };
            settings.check_out_of_band()?;
            Ok((settings.gil, (obj, settings, out, list)))
        },
        |(obj, settings, out, list)| {
            let mut buffers = Buffers::new(&settings, Some(cp_buffers::new()));
            let memory = in_memory(obj, &settings, &mut buffers)?;
            let taken = buffers.taken.take().map_or(Ok(ptr::null_mut()), cp_buffers::into_raw)?;
            let (data, len) = memory.into_raw();
            // SAFETY: checked above; the memory is from malloc, and given away as the list is.
            unsafe {
                out.write(cp_buffer::of_malloc(data, len));
                list.write(taken);
            }
            Ok(())
        },
    )
}

/// Through a callback, in order: frames of some 64 KiB, and large bytes objects each in one piece and not copied. What
/// was written before a failure stays written.
/// write: called with ctx, and with the GIL unless CP_RELEASE_GIL is set; a Python exception that it leaves set is the
/// one that is reported.
/// Also CP_ERR_CALLBACK, CP_ERR_PICKLING, CP_ERR_LIMIT, CP_ERR_UNSUPPORTED. [GIL auto] Since 0.1.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cp_dump(
    obj: *mut PyObject,
    write: cp_write_fn,
    ctx: *mut c_void,
    options: *const cp_dump_options,
    err: *mut *mut cp_error,
) -> cp_status {
    enter(
        err,
        || {
            let obj = argument::object("obj", obj)?;
            let write = write.ok_or_else(|| argument::is_null("write"))?;
            // SAFETY: NULL or options, as the header asks.
            let settings = unsafe { Settings::read(options)? };
            Ok((settings.gil, (obj, settings, write)))
        },
        |(obj, settings, write)| stream(obj, &settings, CallbackSink::new(write, ctx, settings.release_gil)),
    )
}

/// To a blocking file descriptor at its position; not closed, not synced. Handles short writes and EINTR, gathers small
/// pieces with writev, and releases the GIL meanwhile. What was written before a failure stays written. SIGPIPE is as
/// the host has it.
/// Also CP_ERR_IO, CP_ERR_PICKLING, CP_ERR_LIMIT, CP_ERR_UNSUPPORTED, CP_ERR_CALLBACK (on_buffer's).
/// [GIL auto] Since 0.1.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cp_dump_fd(
    obj: *mut PyObject,
    fd: c_int,
    options: *const cp_dump_options,
    err: *mut *mut cp_error,
) -> cp_status {
    enter(
        err,
        || {
            let obj = argument::object("obj", obj)?;
            if fd < 0 {
                return Err(Failure::argument(message!("fd is {fd}, negative")));
            }
            // SAFETY: NULL or options, as the header asks.
            let settings = unsafe { Settings::read(options)? };
            Ok((settings.gil, (obj, settings)))
        },
        |(obj, settings)| stream(obj, &settings, FdSink::new(fd)),
    )
}

/// To a Python object with a write method, which is given bytes objects, and large buffers as the objects that they are.
/// file: without a write method it is CP_ERR_INVALID_ARGUMENT (TypeError).
/// Also CP_ERR_IO (an OSError out of write), CP_ERR_PICKLING, CP_ERR_LIMIT, CP_ERR_UNSUPPORTED, CP_ERR_CALLBACK
/// (on_buffer's). [GIL auto] Since 0.1.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cp_dump_file(
    obj: *mut PyObject,
    file: *mut PyObject,
    options: *const cp_dump_options,
    err: *mut *mut cp_error,
) -> cp_status {
    enter(
        err,
        || {
            let obj = argument::object("obj", obj)?;
            let file = argument::object("file", file)?;
            // SAFETY: NULL or options, as the header asks.
            let settings = unsafe { Settings::read(options)? };
            Ok((settings.gil, (obj, file, settings)))
        },
        |(obj, file, settings)| stream(obj, &settings, file_sink(file)?),
    )
}

/// For extension modules and ctypes.PyDLL: a new bytes object, or NULL with a Python exception set.
/// protocol: 0 to 5, or any negative number for the highest. [GIL held] Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cp_dumps_bytes(obj: *mut PyObject, protocol: c_int) -> *mut PyObject {
    let mut bytes = ptr::null_mut();
    enter(
        ptr::null_mut(),
        || {
            let obj = argument::object("obj", obj)?;
            Ok((Gil::Held, (obj, normal_protocol("protocol", protocol)?)))
        },
        |(obj, protocol)| {
            let mut report = Report::default();
            let dumped = dump_to_bytes(obj, Options { protocol, ..Options::default() }, &mut report)?;
            bytes = dumped.into_ptr();
            Ok(())
        },
    );
    bytes
}

/// The protocol that a number stands for.
fn normal_protocol(name: &str, protocol: c_int) -> Result<u8, Failure> {
    match u8::try_from(protocol) {
        Ok(protocol) if protocol <= HIGHEST => Ok(protocol),
        _ if protocol < 0 => Ok(HIGHEST),
        _ => Err(Failure::argument(message!("pickle protocol must be <= {HIGHEST}: {name} is {protocol}"))),
    }
}

/// The options of one dump, checked.
struct Settings {
    gil: Gil,
    release_gil: bool,
    protocol: u8,
    on_buffer: cp_buffer_fn,
    on_buffer_ctx: *mut c_void,
    max_bytes: u64,
    reducer: *mut PyObject,
    max_depth: usize,
}

impl Settings {
    /// # Safety
    /// As `options::read` asks.
    unsafe fn read(given: *const cp_dump_options) -> Result<Self, Failure> {
        // SAFETY: as the caller says.
        let Some(given) = (unsafe { options::read(given)? }) else {
            return Ok(Self {
                gil: Gil::Auto,
                release_gil: false,
                protocol: HIGHEST,
                on_buffer: None,
                on_buffer_ctx: ptr::null_mut(),
                max_bytes: 0,
                reducer: ptr::null_mut(),
                max_depth: MAX_DEPTH,
            });
        };
        check_flags(given.flags, CP_GIL_HELD as u32 | CP_RELEASE_GIL as u32)?;
        let settings = Self {
            gil: if given.flags & CP_GIL_HELD as u32 != 0 { Gil::Held } else { Gil::Auto },
            release_gil: given.flags & CP_RELEASE_GIL as u32 != 0,
            protocol: normal_protocol("options.protocol", given.protocol)?,
            on_buffer: given.on_buffer,
            on_buffer_ctx: given.on_buffer_ctx,
            max_bytes: given.max_bytes,
            reducer: given.reducer,
            max_depth: match given.max_depth {
                0 => MAX_DEPTH,
                given => usize::try_from(given).unwrap_or(usize::MAX),
            },
        };
        if settings.on_buffer.is_some() {
            settings.check_out_of_band()?;
        }
        Ok(settings)
    }

    /// What the engine is told.
    fn options<'a>(&self, buffer_callback: Option<BufferCallback<'a>>) -> Result<Options<'a>, Failure> {
        // SAFETY: attached; NULL or a live object, as the header asks.
        if !self.reducer.is_null() && unsafe { PyCallable_Check(self.reducer) } == 0 {
            return Err(Failure::argument("options.reducer is not callable"));
        }
        Ok(Options {
            protocol: self.protocol,
            max_bytes: self.max_bytes,
            max_depth: self.max_depth,
            reducer_override: (!self.reducer.is_null()).then_some(self.reducer),
            buffer_callback,
            ..Options::default()
        })
    }

    /// Buffers go out of band from protocol 5 on.
    fn check_out_of_band(&self) -> Result<(), Failure> {
        if self.protocol < 5 {
            let message = message!("options.protocol is {}: buffers go out of band from protocol 5 on", self.protocol);
            return Err(Failure::new(CP_ERR_UNSUPPORTED, message));
        }
        Ok(())
    }
}

/// What becomes of the buffers of one dump.
struct Buffers {
    on_buffer: cp_buffer_fn,
    ctx: *mut c_void,
    /// Where `cp_dumps_oob` gathers them; None: the callback takes them.
    taken: Option<cp_buffers>,
    stopped: Option<Cause>,
}

impl Buffers {
    fn new(settings: &Settings, taken: Option<cp_buffers>) -> Self {
        Self { on_buffer: settings.on_buffer, ctx: settings.on_buffer_ctx, taken, stopped: None }
    }

    /// Are they asked about at all?
    fn go_out_of_band(&self) -> bool {
        self.on_buffer.is_some() || self.taken.is_some()
    }

    /// Shows the host a PickleBuffer; answers whether to write it in band.
    fn offer(&mut self, object: *mut PyObject) -> PyResult<bool> {
        let mut buffer = cp_buffer::of_object(object)?;
        let Some(on_buffer) = self.on_buffer else {
            return self.keep(buffer);
        };
        let mut shown = if self.taken.is_some() { cp_buffer { release: None, ..buffer } } else { buffer.take() };
        // SAFETY: the host's callback with the host's pointer; the buffer lives for the call.
        let answer = unsafe { on_buffer(self.ctx, &mut shown) };
        shown.end();
        if answer < 0 || error::occurred() {
            buffer.end();
            self.stopped = Some(Cause::Callback(answer.into()));
            return Err(raise_callback("on_buffer", answer.into()));
        }
        if answer > 0 {
            buffer.end();
            return Ok(true);
        }
        self.keep(buffer)
    }

    /// Takes a buffer out of band, into the list if there is one.
    fn keep(&mut self, buffer: cp_buffer) -> PyResult<bool> {
        match &mut self.taken {
            Some(list) => list.push(buffer)?,
            None => buffer.end(),
        }
        Ok(false)
    }
}

/// A sink of the host's, which knows why it failed.
pub(super) trait HostSink: Sink {
    /// Writes what is still held back.
    fn finish(&mut self) -> PyResult<()>;
    /// Why it failed, if it did.
    fn stopped(&self) -> Option<Cause>;
}

/// Dumps to memory.
fn in_memory(obj: *mut PyObject, settings: &Settings, buffers: &mut Buffers) -> Result<Memory, Failure> {
    let mut report = Report::default();
    let out_of_band = buffers.go_out_of_band();
    let mut offer = |object| buffers.offer(object);
    let options = settings.options(if out_of_band { Some(&mut offer) } else { None })?;
    let dumped = dump_to_memory(obj, options, &mut report);
    dumped.map_err(|Raised| failure(buffers.stopped, report))
}

/// Dumps to a sink of the host's.
fn stream(obj: *mut PyObject, settings: &Settings, mut sink: impl HostSink) -> Result<(), Failure> {
    let mut buffers = Buffers::new(settings, None);
    let mut report = Report::default();
    let out_of_band = buffers.go_out_of_band();
    let mut offer = |object| buffers.offer(object);
    let options = settings.options(if out_of_band { Some(&mut offer) } else { None })?;
    let dumped = dump_to_sink(obj, options, &mut sink, &mut report).and_then(|()| sink.finish());
    dumped.map_err(|Raised| failure(sink.stopped().or(buffers.stopped), report))
}

/// The status of a dump that raised.
fn failure(stopped: Option<Cause>, report: Report) -> Failure {
    if let Some(cause) = stopped {
        return cause.failure();
    }
    if report.limit {
        return Failure::raised(CP_ERR_LIMIT, 0);
    }
    Failure { path: report.path, ..Failure::raised(status_of_exception(), 0) }
}

/// The status of the exception that ended a dump.
fn status_of_exception() -> cp_status_value {
    // SAFETY: types of the running interpreter.
    let (memory, refusals) =
        unsafe { (PyExc_MemoryError, [PyExc_TypeError, PyExc_AttributeError, PyExc_RecursionError]) };
    if matches(memory) {
        CP_ERR_NO_MEMORY
    } else if refusals.into_iter().any(matches)
        || State::get().is_ok_and(|state| state.pickle_type(Imports::pickling_error).is_some_and(matches))
    {
        CP_ERR_PICKLING
    } else {
        CP_ERR_PYTHON
    }
}
