//! load
//!
//! Loading a pickle runs code of its author's choice. Load only what you would run.

use std::ffi::{c_char, c_int, c_void};
use std::mem::offset_of;
use std::ptr;

use pyo3_ffi::*;

use super::argument;
use super::buffer::{cp_buffer, cp_buffers};
use super::dump::cp_call_flag::*;
use super::enter::{Gil, enter};
use super::error::cp_error;
use super::failure::Failure;
use super::host_buffer;
use super::options::{self, check_flags, check_reserved};
use super::sinks::{Cause, raise_callback};
use super::sources::{CallbackSource, FdSource, HostSource, WatchedFile};
use super::status::cp_status;
use super::status::cp_status_value::{self, *};
use crate::module::init::module;
use crate::module::install::install;
use crate::py::error::{self, PyResult, Raised, check, matches};
use crate::py::message::{NoText, c_string, message};
use crate::py::owned::Owned;
use crate::py::text;
use crate::state::{Imports, State};
use crate::unpickler::options::{FindClass, Options, Report, load_from_memory, load_from_source};
use crate::unpickler::source::FileSource;

/// Puts up to len (> 0) bytes at data and returns how many; 0: end of data; negative: stop with CP_ERR_CALLBACK. Is
/// never asked for more than the pickle being loaded needs, so that pickles may follow one another in a stream.
pub type cp_read_fn = Option<unsafe extern "C" fn(ctx: *mut c_void, data: *mut u8, len: usize) -> isize>;

/// Resolves a global. > 0: *out is a new reference to use; 0: look it up as usual; < 0: refuse (UnpicklingError).
/// Called with the GIL. An allow-list that stops casual misuse, not a sandbox.
pub type cp_find_fn = Option<
    unsafe extern "C" fn(
        ctx: *mut c_void,
        module: *const c_char,
        qualname: *const c_char,
        out: *mut *mut PyObject,
    ) -> c_int,
>;

/// How to load. Initialise it with CP_LOAD_OPTIONS_INIT; NULL for it means the same.
#[repr(C)]
pub struct cp_load_options {
    pub struct_size: usize,
    /// CP_GIL_HELD, CP_RELEASE_GIL.
    pub flags: u32,
    /// 0.
    pub reserved: u32,
    /// Out-of-band buffers in pickle order. All are moved into the library whatever the outcome (unless struct_size is
    /// wrong); each one's release is called, from any thread, when Python drops its last view of it. An element without
    /// release must stay valid for ever.
    pub buffers: *mut cp_buffer,
    pub n_buffers: usize,
    /// NULL: as usual.
    pub find_global: cp_find_fn,
    pub find_global_ctx: *mut c_void,
    /// For streams: stop with CP_ERR_LIMIT before taking more; 0: no limit.
    pub max_bytes: u64,
}

// SAFETY: begins with its size; zeroes are NULL, 0 and None; `max_bytes` was the last field of the first version.
unsafe impl options::Options for cp_load_options {
    const FIRST: usize = offset_of!(Self, max_bytes) + size_of::<u64>();
}

/// From memory, which is read during the call only. Bytes after the pickle's end are ignored.
/// Functions of several loads of the same code may share the code object, which nobody can change.
/// *out: a new reference. *used (used may be NULL): where the pickle ended.
/// Also CP_ERR_UNPICKLING, CP_ERR_CALLBACK (find_global's). [GIL auto] Since 0.1.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cp_loads(
    data: *const c_void,
    len: usize,
    options: *const cp_load_options,
    out: *mut *mut PyObject,
    used: *mut usize,
    err: *mut *mut cp_error,
) -> cp_status {
    enter(
        err,
        || {
            // SAFETY: NULL or options and places for the results, as the header asks. The buffers are ours from here on.
            let (settings, place) = unsafe { (Settings::read(options), argument::out("out", out, ptr::null_mut())) };
            if !used.is_null() {
                // SAFETY: a place for the result.
                unsafe { used.write(0) };
            }
            let (settings, out) = (settings?, place?);
            // SAFETY: so many bytes, as the header asks, which live for the call.
            let data = unsafe { argument::bytes("data", data.cast(), len)? };
            Ok((settings.gil, (data, settings, out)))
        },
        |(data, settings, out)| {
            let mut load = Load::new(settings)?;
            let loaded = load_from_memory(data, load.options(), &mut Report::default());
            let (object, len) = loaded.map_err(|Raised| load.failure(None, false))?;
            // SAFETY: checked above, or NULL or a place for the result.
            unsafe {
                out.write(object.into_ptr());
                if let Some(used) = used.as_mut() {
                    *used = len;
                }
            }
            Ok(())
        },
    )
}

/// From a callback.
/// read: called with ctx, and with the GIL unless CP_RELEASE_GIL is set; a Python exception that it leaves set is the
/// one that is reported. *out: a new reference.
/// Also CP_ERR_CALLBACK, CP_ERR_UNPICKLING, CP_ERR_LIMIT. [GIL auto] Since 0.1.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cp_load(
    read: cp_read_fn,
    ctx: *mut c_void,
    options: *const cp_load_options,
    out: *mut *mut PyObject,
    err: *mut *mut cp_error,
) -> cp_status {
    enter(
        err,
        || {
            // SAFETY: NULL or options and a place for the result, as the header asks.
            let (settings, place) = unsafe { (Settings::read(options), argument::out("out", out, ptr::null_mut())) };
            let (settings, out) = (settings?, place?);
            let read = read.ok_or_else(|| argument::is_null("read"))?;
            Ok((settings.gil, (read, settings, out)))
        },
        |(read, settings, out)| {
            let source = CallbackSource::new(read, ctx, settings.release_gil);
            stream(source, settings, out)
        },
    )
}

/// From a blocking file descriptor; reads no further than the pickle's end. Handles EINTR, and releases the GIL
/// meanwhile.
/// *out: a new reference.
/// Also CP_ERR_IO, CP_ERR_UNPICKLING, CP_ERR_LIMIT, CP_ERR_CALLBACK (find_global's). [GIL auto] Since 0.1.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cp_load_fd(
    fd: c_int,
    options: *const cp_load_options,
    out: *mut *mut PyObject,
    err: *mut *mut cp_error,
) -> cp_status {
    enter(
        err,
        || {
            // SAFETY: NULL or options and a place for the result, as the header asks.
            let (settings, place) = unsafe { (Settings::read(options), argument::out("out", out, ptr::null_mut())) };
            let (settings, out) = (settings?, place?);
            if fd < 0 {
                return Err(Failure::argument(message!("fd is {fd}, negative")));
            }
            Ok((settings.gil, (settings, out)))
        },
        |(settings, out)| stream(FdSource::new(fd), settings, out),
    )
}

/// From a Python object with read and readline (and readinto, peek if it has them).
/// file: without these methods it is CP_ERR_INVALID_ARGUMENT (TypeError). *out: a new reference.
/// Also CP_ERR_IO (an OSError out of the file), CP_ERR_UNPICKLING, CP_ERR_LIMIT, CP_ERR_CALLBACK (find_global's).
/// [GIL auto] Since 0.1.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cp_load_file(
    file: *mut PyObject,
    options: *const cp_load_options,
    out: *mut *mut PyObject,
    err: *mut *mut cp_error,
) -> cp_status {
    enter(
        err,
        || {
            // SAFETY: NULL or options and a place for the result, as the header asks.
            let (settings, place) = unsafe { (Settings::read(options), argument::out("out", out, ptr::null_mut())) };
            let (settings, out) = (settings?, place?);
            let file = argument::object("file", file)?;
            Ok((settings.gil, (file, settings, out)))
        },
        |(file, settings, out)| {
            let source = FileSource::new(file).map_err(|raised| {
                // SAFETY: a type of the running interpreter.
                let no_file = matches(unsafe { PyExc_TypeError });
                if no_file { Failure::raised(CP_ERR_INVALID_ARGUMENT, 0) } else { raised.into() }
            })?;
            stream(WatchedFile::new(source), settings, out)
        },
    )
}

/// For extension modules and ctypes.PyDLL: from a bytes-like object; a new reference, or NULL with a Python exception
/// set. [GIL held] Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cp_loads_bytes(bytes_like: *mut PyObject) -> *mut PyObject {
    let mut object = ptr::null_mut();
    enter(
        ptr::null_mut(),
        || Ok((Gil::Held, argument::object("bytes_like", bytes_like)?)),
        |bytes_like| {
            let mut view = Py_buffer::new();
            // SAFETY: a live object, and a Py_buffer to fill.
            check(unsafe { PyObject_GetBuffer(bytes_like, &mut view, PyBUF_SIMPLE) })?;
            // SAFETY: the view holds so many bytes until it is released.
            let data = unsafe { argument::bytes("bytes_like", view.buf.cast(), view.len as usize) };
            let loaded = data.map(|data| load_from_memory(data, Options::default(), &mut Report::default()));
            // SAFETY: filled above, released once.
            unsafe { PyBuffer_Release(&mut view) };
            object = loaded??.0.into_ptr();
            Ok(())
        },
    );
    object
}

/// Makes plain pickle.loads load what this library and cloudpickle write, in a process without the Python package
/// cloudpickle: puts modules of the library's own into sys.modules in its place. Does nothing where the package is
/// imported or could be.
/// [GIL auto] Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cp_install(err: *mut *mut cp_error) -> cp_status {
    enter(err, || Ok((Gil::Auto, ())), |()| Ok(install(false, None).map(drop)?))
}

/// The Python module libcloudpickle, which this file also is: the interface of cloudpickle, with classes Pickler and
/// Unpickler. It is imported for a host that has the library but not its folder on sys.path.
/// *out: a new reference. [GIL auto] Since 0.1.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cp_python_module(out: *mut *mut PyObject, err: *mut *mut cp_error) -> cp_status {
    enter(
        err,
        // SAFETY: NULL or a place for the result, as the header asks.
        || Ok((Gil::Auto, unsafe { argument::out("out", out, ptr::null_mut())? })),
        |out| {
            let module = module()?;
            // SAFETY: checked above.
            unsafe { out.write(module.into_ptr()) };
            Ok(())
        },
    )
}

/// Loads from a source of the host's.
fn stream(mut source: impl HostSource, settings: Settings, out: *mut *mut PyObject) -> Result<(), Failure> {
    let mut load = Load::new(settings)?;
    let mut report = Report::default();
    let loaded = load_from_source(&mut source, load.options(), &mut report);
    let object = loaded.map_err(|Raised| load.failure(source.stopped(), report.limit))?;
    // SAFETY: the door checked it.
    unsafe { out.write(object.into_ptr()) };
    Ok(())
}

/// The options of one load, checked.
struct Settings {
    gil: Gil,
    release_gil: bool,
    buffers: cp_buffers,
    find_global: cp_find_fn,
    find_global_ctx: *mut c_void,
    max_bytes: u64,
}

impl Settings {
    /// # Safety
    /// As `options::read` asks; the buffers are moved.
    unsafe fn read(options: *const cp_load_options) -> Result<Self, Failure> {
        // SAFETY: as the caller says.
        let Some(given) = (unsafe { options::read_known(options)? }) else {
            return Ok(Self {
                gil: Gil::Auto,
                release_gil: false,
                buffers: cp_buffers::new(),
                find_global: None,
                find_global_ctx: ptr::null_mut(),
                max_bytes: 0,
            });
        };
        if given.buffers.is_null() && given.n_buffers > 0 {
            return Err(Failure::argument(message!("options.buffers is NULL, n_buffers {}", given.n_buffers)));
        }
        // Before all other checks: they are moved whatever the outcome.
        // SAFETY: so many buffers, as the header asks.
        let buffers = unsafe { cp_buffers::take(given.buffers, given.n_buffers)? };
        // SAFETY: read above.
        unsafe { options::check_unknown(options)? };
        check_flags(given.flags, CP_GIL_HELD as u32 | CP_RELEASE_GIL as u32)?;
        check_reserved(given.reserved)?;
        Ok(Self {
            gil: if given.flags & CP_GIL_HELD as u32 != 0 { Gil::Held } else { Gil::Auto },
            release_gil: given.flags & CP_RELEASE_GIL as u32 != 0,
            buffers,
            find_global: given.find_global,
            find_global_ctx: given.find_global_ctx,
            max_bytes: given.max_bytes,
        })
    }
}

/// One load: what the unpickler is lent for its time.
struct Load {
    buffers: Option<Owned>,
    globals: Globals,
    max_bytes: u64,
}

impl Load {
    fn new(mut settings: Settings) -> PyResult<Self> {
        Ok(Self {
            buffers: host_buffer::views(&mut settings.buffers)?,
            globals: Globals { find: settings.find_global, ctx: settings.find_global_ctx, misused: None },
            max_bytes: settings.max_bytes,
        })
    }

    /// What the unpickler is told.
    fn options(&mut self) -> Options<'_> {
        Options {
            buffers: self.buffers.as_ref().map(Owned::as_ptr),
            find_class: if self.globals.find.is_some() { Some(&mut self.globals) } else { None },
            max_bytes: self.max_bytes,
            ..Options::default()
        }
    }

    /// The failure of a load that raised: a source of the host's stopped it, or a limit was reached, or the data is bad.
    fn failure(&self, stopped: Option<Cause>, limit: bool) -> Failure {
        match stopped.or(self.globals.misused) {
            Some(cause) => cause.failure(),
            None if limit => Failure::raised(CP_ERR_LIMIT, 0),
            None => Failure::raised(status_of_exception(), 0),
        }
    }
}

/// The host's policy about globals.
struct Globals {
    find: cp_find_fn,
    ctx: *mut c_void,
    /// It said that it found an object, and gave none.
    misused: Option<Cause>,
}

impl FindClass for Globals {
    fn find(&mut self, module: *mut PyObject, qualname: *mut PyObject, _: u8) -> PyResult<Option<Owned>> {
        let Some(find) = self.find else { return Ok(None) };
        let refuse = || {
            let message = message!("the host refuses {}.{}", text::display(module), text::display(qualname));
            Err(State::get()?.imports.raise_unpickling(&message))
        };
        let (as_text, name_as_text) = (text::utf8(module)?, text::utf8(qualname)?);
        let names = c_string(as_text.as_bytes())
            .and_then(|module| c_string(name_as_text.as_bytes()).map(|qualname| (module, qualname)));
        let (c_module, c_qualname) = match names {
            Ok(names) => names,
            Err(NoText::Nul) => return refuse(),
            Err(NoText::Memory) => return Err(error::no_memory()),
        };
        let mut out = ptr::null_mut();
        // SAFETY: the host's callback with the host's pointer; texts and place live for the call.
        let answer = unsafe { find(self.ctx, c_module.as_ptr(), c_qualname.as_ptr(), &mut out) };
        // SAFETY: NULL, or a new reference, as the header asks.
        let found = unsafe { Owned::new_or_none(out) };
        if error::occurred() {
            return Err(Raised);
        }
        match (answer, found) {
            (0, _) => Ok(None),
            (1.., Some(found)) => Ok(Some(found)),
            (1.., None) => {
                self.misused = Some(Cause::Callback(answer.into()));
                Err(raise_callback("find_global", answer.into()))
            }
            (..0, _) => refuse(),
        }
    }
}

/// The status of the exception that ended a load.
fn status_of_exception() -> cp_status_value {
    // SAFETY: types of the running interpreter.
    let (memory, about_data, about_values) = unsafe {
        (
            PyExc_MemoryError,
            [PyExc_EOFError, PyExc_IndexError, PyExc_ImportError, PyExc_AttributeError, PyExc_UnicodeDecodeError],
            [PyExc_ValueError, PyExc_KeyError, PyExc_TypeError, PyExc_OverflowError],
        )
    };
    let unpickling = State::get().ok().and_then(|state| state.pickle_type(Imports::unpickling_error));
    if matches(memory) {
        CP_ERR_NO_MEMORY
    } else if about_data.into_iter().any(matches)
        || unpickling.is_some_and(matches)
        // What has passed no Python frame was raised by the loader, or by a type that was given bad values.
        || about_values.into_iter().any(matches) && !has_traceback()
    {
        CP_ERR_UNPICKLING
    } else {
        CP_ERR_PYTHON
    }
}

/// Has the exception that is set passed through Python code?
fn has_traceback() -> bool {
    let Some(exception) = error::take() else { return false };
    // SAFETY: a live exception; a new reference or NULL.
    let traceback = unsafe { Owned::new_or_none(PyException_GetTraceback(exception.as_ptr())) };
    error::restore(exception);
    traceback.is_some()
}
