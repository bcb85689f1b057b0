//! interpreter
//!
//! For programs that have no Python running yet. In a Python process none of this is needed.

use std::ffi::{CStr, CString, c_char, c_int};
use std::mem::offset_of;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::error::cp_error;
use super::failure::Failure;
use super::guard::guard;
use super::options::{self, check_flags, check_reserved};
use super::runtime::{self, Runtime};
use super::status::cp_status;
use super::status::cp_status_value::*;
use crate::py::attach;
use crate::py::message::c_string;

/// Bits of cp_init_options.flags.
#[repr(C)]
pub enum cp_init_flag {
    /// Python installs its signal handlers (with CP_INIT_THIS_THREAD, where its main thread can run them). Default: the
    /// host's dispositions of SIGINT and SIGPIPE are kept, also over a later "import signal".
    CP_INIT_SIGNALS = 1,
    /// Like python -I: PYTHON* variables and the user's site are ignored.
    CP_INIT_ISOLATED = 2,
    /// The calling thread becomes Python's main thread (needed for signal.signal and some GUI kits); then it must also
    /// finalise. Default: a thread of the library's own, so that any thread may finalise.
    CP_INIT_THIS_THREAD = 4,
    /// Do not re-open libpython with RTLD_GLOBAL; then C extension modules fail to import in hosts that load libraries
    /// RTLD_LOCAL. (libcloudpickle-embed loads it so in any case.)
    CP_INIT_NO_GLOBAL = 8,
}
use cp_init_flag::*;

/// How to start Python. Strings are copied. Initialise it with CP_INIT_OPTIONS_INIT; NULL for it means the same.
#[repr(C)]
pub struct cp_init_options {
    pub struct_size: usize,
    /// CP_INIT_*.
    pub flags: u32,
    /// 0.
    pub reserved: u32,
    /// The python executable to stand for, e.g. "/srv/venv/bin/python": decides sys.executable, sys.prefix, the virtual
    /// environment. NULL: $CP_PYTHON, else python3 on PATH. libcloudpickle-embed runs it to learn which libpython is
    /// meant; it also takes a name to be looked for on PATH and the folder of a virtual environment, and asks
    /// $VIRTUAL_ENV behind $CP_PYTHON.
    pub program: *const c_char,
    /// For libcloudpickle-embed: the file of the libpython to load. NULL: $CP_LIBPYTHON unless program is set, else the
    /// one of program; where nothing is named at all, a libpython that the loader finds is the last resort.
    pub libpython: *const c_char,
    /// PYTHONHOME; NULL: computed.
    pub home: *const c_char,
}

// SAFETY: begins with its size; zeroes are NULL and 0; `home` was the last field of the first version.
unsafe impl options::Options for cp_init_options {
    const FIRST: usize = offset_of!(Self, home) + size_of::<*const c_char>();
}

/// Makes Python ready, and counts one user. If Python runs already (in an extension module; or another part of the
/// program started it) it is used as it is, and options are ignored but for their checks. Afterwards the caller does
/// not hold the GIL unless it did before. Not needed in a Python process. The process's locale is left alone: where
/// LC_CTYPE is "C", as in a program that never called setlocale, Python runs in its UTF-8 mode.
/// CP_ERR_PYTHON: Python could not start, and the message is its own; CPython may not start again in this process then.
/// CP_ERR_FINALIZING: a cp_finalize is under way.
/// libcloudpickle-embed: CP_ERR_LIBPYTHON, no libpython could be loaded, or CP_ERR_INCOMPATIBLE_PYTHON, there is no
/// libcloudpickle for it; the message says what was looked for and where.
/// [GIL none] Since 0.1.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cp_initialize(options: *const cp_init_options, err: *mut *mut cp_error) -> cp_status {
    // SAFETY: NULL or options, and NULL or a place for a report, as the header asks.
    unsafe { answer(err, || initialize(&Start::read(options)?)) }
}

/// Takes back one cp_initialize. The last one ends Python if this library started it: waits for calls that are in
/// progress and for Python threads that are no daemons (which is what threading makes of a thread that is started in a
/// thread of the host's, unless daemon=False is said), and lets later calls return CP_ERR_FINALIZING, then
/// CP_ERR_NOT_INITIALIZED. References that the program still has become invalid; errors and buffers do not. The caller
/// must not hold the GIL and must not be in a callback (CP_ERR_INVALID_ARGUMENT). Ending Python is optional; starting it
/// again works only as far as CPython and the imported extension modules allow (CPython 3.12.1 crashes after datetime
/// or decimal).
/// CP_ERR_NOT_INITIALIZED: without a matching initialize. CP_ERR_PYTHON: Python ended, but could not flush its output.
/// [GIL none] Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cp_finalize(err: *mut *mut cp_error) -> cp_status {
    // SAFETY: NULL or a place for a report, as the header asks.
    unsafe { answer(err, finalize) }
}

/// 0: no Python; 1: running, started by this library; 2: running, started by others; 3: shutting down.
/// [GIL none] Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn cp_state() -> c_int {
    guard(0, || {
        if attach::is_closing() {
            return 3;
        }
        match (attach::Entry::new(), &house().phase) {
            (Err(attach::Absent::Finalizing), _) => 3,
            (Err(attach::Absent::NotInitialized), _) => 0,
            (Err(attach::Absent::Incompatible), _) if !attach::is_initialized() => 0,
            (_, Phase::Ours(_)) => 1,
            _ => 2,
        }
    })
}

/// What these doors know about the interpreter of the process.
struct House {
    users: usize,
    phase: Phase,
}

#[expect(clippy::large_enum_variant, reason = "there is one in a process")]
enum Phase {
    /// Not ours: none, or one that others started.
    Foreign,
    Starting,
    Ours(Running),
    Closing,
}

/// A Python that this library started.
struct Running {
    runtime: Runtime,
    /// The thread that must end it, if it matters which.
    thread: Option<libc::pthread_t>,
}

static HOUSE: Mutex<House> = Mutex::new(House { users: 0, phase: Phase::Foreign });
/// Told when `Phase::Starting` is over.
static STARTED: Condvar = Condvar::new();

/// The calling thread. Rust's own word for it takes memory.
fn this_thread() -> libc::pthread_t {
    // SAFETY: takes nothing, and does not fail.
    unsafe { libc::pthread_self() }
}

fn house() -> MutexGuard<'static, House> {
    HOUSE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What of the options starts a Python.
pub(super) struct Start {
    pub flags: u32,
    pub program: Option<CString>,
    pub home: Option<CString>,
}

impl Start {
    /// # Safety
    /// As `options::read` asks; the strings are NULL or NUL-terminated.
    unsafe fn read(given: *const cp_init_options) -> Result<Self, Failure> {
        // SAFETY: as the caller says.
        let Some(given) = (unsafe { options::read(given)? }) else {
            return Ok(Self { flags: 0, program: None, home: None });
        };
        check_flags(
            given.flags,
            CP_INIT_SIGNALS as u32 | CP_INIT_ISOLATED as u32 | CP_INIT_THIS_THREAD as u32 | CP_INIT_NO_GLOBAL as u32,
        )?;
        check_reserved(given.reserved)?;
        let copy = |text: *const c_char| match text.is_null() {
            true => Ok(None),
            // SAFETY: as the caller says.
            false => c_string(unsafe { CStr::from_ptr(text) }.to_bytes())
                .map(Some)
                .map_err(|_| Failure::new(CP_ERR_NO_MEMORY, "no memory for the options")),
        };
        Ok(Self { flags: given.flags, program: copy(given.program)?, home: copy(given.home)? })
    }

    pub fn has(&self, flag: cp_init_flag) -> bool {
        self.flags & flag as u32 != 0
    }
}

fn initialize(start: &Start) -> Result<(), Failure> {
    if !attach::is_version_built_for() {
        return Err(attach::Absent::Incompatible.into());
    }
    let mut house = house();
    while matches!(house.phase, Phase::Starting) {
        house = STARTED.wait(house).unwrap_or_else(PoisonError::into_inner);
    }
    if matches!(house.phase, Phase::Closing) || attach::is_closing() {
        return Err(attach::Absent::Finalizing.into());
    }
    if attach::is_initialized() {
        house.users += 1;
        return Ok(());
    }
    // Whoever was counted was counted for a Python that others have ended since.
    house.users = 0;
    house.phase = Phase::Starting;
    drop(house);
    attach::will_be_ours();
    let outcome = runtime::start(start);
    let mut house = self::house();
    STARTED.notify_all();
    match outcome {
        Ok(runtime) => {
            let thread = start.has(CP_INIT_THIS_THREAD).then(this_thread);
            house.phase = Phase::Ours(Running { runtime, thread });
            house.users = 1;
            Ok(())
        }
        Err(failure) => {
            house.phase = Phase::Foreign;
            Err(failure)
        }
    }
}

fn finalize() -> Result<(), Failure> {
    if attach::in_call() {
        return Err(Failure::argument("cp_finalize is called in a callback"));
    }
    if attach::is_initialized() && attach::is_version_built_for() && attach::attached() {
        return Err(Failure::argument("cp_finalize is called with the GIL held"));
    }
    let mut house = house();
    if matches!(house.phase, Phase::Closing) {
        return Err(attach::Absent::Finalizing.into());
    }
    if house.users == 0 {
        return Err(attach::Absent::NotInitialized.into());
    }
    if house.users > 1 {
        house.users -= 1;
        return Ok(());
    }
    if let Phase::Ours(running) = &house.phase
        && running.thread.is_some_and(|thread| thread != this_thread())
    {
        return Err(Failure::argument(
            "cp_finalize is called in another thread than the cp_initialize with CP_INIT_THIS_THREAD",
        ));
    }
    house.users = 0;
    match std::mem::replace(&mut house.phase, Phase::Closing) {
        Phase::Ours(running) => {
            drop(house);
            attach::close();
            let outcome = running.runtime.end();
            self::house().phase = Phase::Foreign;
            attach::open();
            outcome
        }
        other => {
            house.phase = other;
            Ok(())
        }
    }
}

/// Runs a door that does not enter Python, and says its failure.
///
/// # Safety
/// `err` is NULL or a place that can be written.
unsafe fn answer(err: *mut *mut cp_error, body: impl FnOnce() -> Result<(), Failure>) -> cp_status {
    let outcome = guard(Err(Failure::new(CP_ERR_INTERNAL, "a bug in libcloudpickle: panic")), body);
    // SAFETY: as the caller says.
    if let Some(err) = unsafe { err.as_mut() } {
        *err = outcome.as_ref().err().map_or(std::ptr::null_mut(), cp_error::of_words);
    }
    outcome.map_or_else(|failure| failure.status, |()| CP_OK) as cp_status
}
