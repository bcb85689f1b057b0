//! How this library starts a Python, and ends it.

use std::env;
use std::ffi::{CStr, CString, c_char, c_void};
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStringExt;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use pyo3_ffi::*;

use super::failure::Failure;
use super::interpreter::{Start, cp_init_flag::*};
use super::signals::Dispositions;
use super::status::cp_status_value::*;
use crate::py::attach::is_initialized;
use crate::py::{error, object, text};

/// A Python that runs, and the thread that is its main thread.
pub enum Runtime {
    /// The one that called `start`: it goes on, detached.
    Here(Box<Main>),
    /// One of our own, which waits for the order to end it.
    Thread { end: Sender<()>, thread: JoinHandle<Result<(), Failure>> },
}

/// Python's main thread, detached.
pub struct Main {
    state: *mut PyThreadState,
    /// What the host had when Python started with signal handlers of its own.
    signals: Option<Dispositions>,
}

/// Initialising and finalising Python in different threads hangs in some versions: one thread does both.
pub fn start(start: &Start) -> Result<Runtime, Failure> {
    if start.has(CP_INIT_THIS_THREAD) {
        return Main::start(start).map(|main| Runtime::Here(Box::new(main)));
    }
    let own = Start { flags: start.flags, program: start.program.clone(), home: start.home.clone() };
    let (started, ready) = channel();
    let (end, order) = channel();
    let thread = thread::Builder::new()
        .name("libcloudpickle".into())
        // Finalisation runs the program's Python code: it gets what a main thread has.
        .stack_size(8 << 20)
        .spawn(move || keep(&own, &started, &order))
        .map_err(|error| {
            let code = error.raw_os_error().unwrap_or_default().into();
            Failure { code, ..Failure::new(CP_ERR_IO, format!("no thread for Python: {error}")) }
        })?;
    match ready.recv() {
        Ok(Ok(())) => Ok(Runtime::Thread { end, thread }),
        Ok(Err(failure)) => Err(failure),
        Err(_) => Err(Failure::new(CP_ERR_INTERNAL, "a bug in libcloudpickle: the thread for Python ended")),
    }
}

/// The life of our own thread.
fn keep(start: &Start, started: &Sender<Result<(), Failure>>, order: &Receiver<()>) -> Result<(), Failure> {
    let main = match Main::start(start) {
        Ok(main) => main,
        Err(failure) => {
            let _ = started.send(Err(failure));
            return Ok(());
        }
    };
    let _ = started.send(Ok(()));
    let _ = order.recv();
    main.end()
}

impl Runtime {
    /// Ends Python. All calls are over, and new ones are refused.
    pub fn end(self) -> Result<(), Failure> {
        match self {
            Self::Here(main) => main.end(),
            Self::Thread { end, thread } => {
                let _ = end.send(());
                thread.join().unwrap_or_else(|_| Err(Failure::new(CP_ERR_INTERNAL, "a bug in libcloudpickle: panic")))
            }
        }
    }
}

// SAFETY: the thread state is only used by the thread that made it: `House` sees to that.
unsafe impl Send for Main {}

impl Main {
    fn start(start: &Start) -> Result<Self, Failure> {
        if !start.has(CP_INIT_NO_GLOBAL) {
            open_globally();
        }
        let before = Dispositions::now();
        configure(start)?;
        // `threading` takes the thread that imports it first for the main one. `signal` takes SIGINT when it is imported
        // first, whatever the configuration says.
        let imported = object::import(c"threading").and_then(|_| object::import(c"signal"));
        let failure = imported.err().map(|_| {
            let words = error::take().map_or_else(String::new, |exception| text::display(exception.as_ptr()));
            Failure::new(CP_ERR_PYTHON, format!("Python started without its library: {words}"))
        });
        let signals = if start.has(CP_INIT_SIGNALS) {
            Some(before)
        } else {
            before.restore();
            None
        };
        // SAFETY: attached, by the start of Python.
        let main = Self { state: unsafe { PyEval_SaveThread() }, signals };
        match failure {
            None => Ok(main),
            Some(failure) => {
                main.end()?;
                Err(failure)
            }
        }
    }

    fn end(self) -> Result<(), Failure> {
        // Others may have ended it before us.
        if !is_initialized() {
            return Ok(());
        }
        let before = self.signals.unwrap_or_else(Dispositions::now);
        // SAFETY: the state of this thread, which was saved when Python started; no call is in progress.
        let status = unsafe {
            PyEval_RestoreThread(self.state);
            Py_FinalizeEx()
        };
        forget_paths();
        // Python puts the default action where it believes its own handler to be, and leaves SIGPIPE ignored.
        before.restore();
        if status < 0 {
            return Err(Failure::new(CP_ERR_PYTHON, "Python has ended, but could not flush its output"));
        }
        Ok(())
    }
}

/// Makes CPython forget the paths that it found, as its own main program does. It would take them for given when it is
/// started again: for another virtual environment, or, in 3.14, for the same one, but without its site-packages.
fn forget_paths() {
    // SAFETY: may be called while Python does not run; NULL is what makes it forget.
    #[cfg(not(Py_3_11))]
    unsafe {
        Py_SetPath(std::ptr::null());
    }
    // SAFETY: NUL-terminated text. The function takes nothing and may be called while Python does not run; it is not
    // declared, so it is looked for.
    #[cfg(Py_3_11)]
    unsafe {
        let forget = libc::dlsym(libc::RTLD_DEFAULT, c"_PyPathConfig_ClearGlobal".as_ptr());
        if !forget.is_null() {
            std::mem::transmute::<*mut c_void, unsafe extern "C" fn()>(forget)();
        }
    }
}

/// Makes libpython's symbols visible to extension modules, also where the host loaded it for itself alone.
fn open_globally() {
    // SAFETY: the address of a function; `info` is filled if the call succeeds, and names the file it lies in. Opening
    // what is open already only changes its visibility; the handle is kept, as the file stays.
    unsafe {
        let mut info = MaybeUninit::<libc::Dl_info>::zeroed();
        let address = Py_IsInitialized as *const c_void;
        if libc::dladdr(address, info.as_mut_ptr()) != 0 {
            let info = info.assume_init();
            if !info.dli_fname.is_null() {
                libc::dlopen(info.dli_fname, libc::RTLD_NOW | libc::RTLD_GLOBAL | libc::RTLD_NOLOAD);
            }
        }
    }
}

/// Starts Python; the calling thread is attached afterwards.
fn configure(start: &Start) -> Result<(), Failure> {
    let isolated = start.has(CP_INIT_ISOLATED);
    let program = start.program.clone().or_else(|| {
        let program = env::var_os("CP_PYTHON").filter(|program| !isolated || !program.is_empty())?;
        CString::new(program.into_vec()).ok().filter(|program| !program.is_empty())
    });
    // SAFETY: the structs are filled by the calls that are there for it, and cleared on every way out; NUL-terminated
    // texts are copied.
    unsafe {
        let mut before = MaybeUninit::<PyPreConfig>::zeroed();
        let mut config = MaybeUninit::<PyConfig>::zeroed();
        if isolated {
            PyPreConfig_InitIsolatedConfig(before.as_mut_ptr());
            PyConfig_InitIsolatedConfig(config.as_mut_ptr());
        } else {
            PyPreConfig_InitPythonConfig(before.as_mut_ptr());
            PyConfig_InitPythonConfig(config.as_mut_ptr());
        }
        let mut before = before.assume_init();
        let mut config = Config(config.assume_init());
        // The locale is the host's. UTF-8 mode where that is "C", as in hosts that never set one.
        before.configure_locale = 0;
        before.coerce_c_locale = 0;
        before.utf8_mode = -1;
        before.parse_argv = 0;
        good(Py_PreInitialize(&before))?;
        config.0.parse_argv = 0;
        config.0.configure_c_stdio = 0;
        config.0.install_signal_handlers = start.has(CP_INIT_SIGNALS).into();
        let place = &raw mut config.0;
        if let Some(program) = &program {
            good(PyConfig_SetBytesString(place, &raw mut (*place).program_name, program.as_ptr()))?;
        }
        if let Some(home) = &start.home {
            good(PyConfig_SetBytesString(place, &raw mut (*place).home, home.as_ptr()))?;
        }
        good(Py_InitializeFromConfig(&config.0))
    }
}

/// A configuration, with what it allocated.
struct Config(PyConfig);

impl Drop for Config {
    fn drop(&mut self) {
        // SAFETY: initialised by `configure`.
        unsafe { PyConfig_Clear(&mut self.0) }
    }
}

/// A failed start, in Python's words.
fn good(status: PyStatus) -> Result<(), Failure> {
    // SAFETY: a status by value; its texts are NULL or static.
    unsafe {
        if PyStatus_Exception(status) == 0 {
            return Ok(());
        }
        let words = |text: *const c_char| {
            if text.is_null() { "exit".into() } else { CStr::from_ptr(text).to_string_lossy() }
        };
        Err(Failure::new(CP_ERR_PYTHON, format!("Python could not start: {}", words(status.err_msg))))
    }
}
