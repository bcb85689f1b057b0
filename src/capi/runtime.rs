//! How this library starts a Python, and ends it.

use std::alloc::{Layout, alloc};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use pyo3_ffi::*;

use super::failure::Failure;
use super::guard::guard;
use super::interpreter::{Start, cp_init_flag::*};
use super::signals::Dispositions;
use super::status::cp_status_value::*;
use crate::py::attach::is_initialized;
use crate::py::message::{lossy, message};
use crate::py::{error, object, text};

/// A Python that runs, and the thread that is its main thread.
#[expect(clippy::large_enum_variant, reason = "there is one in a process")]
pub enum Runtime {
    /// The one that called `start`: it goes on, detached.
    Here(Main),
    /// One of our own, which waits for the order to end it.
    Thread(Keeper),
}

/// Python's main thread, detached.
pub struct Main {
    state: *mut PyThreadState,
    /// What the host had when Python started with signal handlers of its own.
    signals: Option<Dispositions>,
}

/// Initialising and finalising Python in different threads hangs in some versions: one thread does both.
pub fn start(start: &Start) -> Result<Runtime, Failure> {
    if start.has(CP_INIT_THIS_THREAD) { Main::start(start).map(Runtime::Here) } else { Keeper::begin(start) }
}

/// A thread that starts Python and, when it is told to, ends it. Rust's own threads end the process where there is no
/// memory for them.
pub struct Keeper {
    desk: Box<Desk>,
    thread: libc::pthread_t,
}

/// Where the thread and those that it works for leave word.
struct Desk {
    /// Good while `Word::Start` lies here.
    start: *const Start,
    word: Mutex<Word>,
    told: Condvar,
}

enum Word {
    Start,
    /// Python was started, or not.
    Started(Result<(), Failure>),
    /// Python is to end.
    End,
    /// It has ended.
    Ended(Result<(), Failure>),
    /// What was said was heard.
    Heard,
}

// SAFETY: the options are only read by the thread while the one that lends them waits; the rest is locked.
unsafe impl Send for Desk {}
// SAFETY: as above.
unsafe impl Sync for Desk {}

impl Desk {
    fn say(&self, word: Word) {
        *self.word() = word;
        self.told.notify_all();
    }

    fn word(&self) -> MutexGuard<'_, Word> {
        self.word.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a word that is asked for.
    fn hear(&self, is_it: impl Fn(&Word) -> bool) -> Word {
        let mut word = self.word();
        while !is_it(&word) {
            word = self.told.wait(word).unwrap_or_else(PoisonError::into_inner);
        }
        std::mem::replace(&mut word, Word::Heard)
    }
}

impl Keeper {
    fn begin(start: &Start) -> Result<Runtime, Failure> {
        let desk = Desk { start, word: Mutex::new(Word::Start), told: Condvar::new() };
        // SAFETY: not of size 0; filled before it is a box.
        let desk = unsafe {
            let place = alloc(Layout::new::<Desk>()).cast::<Desk>();
            if place.is_null() {
                return Err(Failure::new(CP_ERR_NO_MEMORY, "no memory for the thread for Python"));
            }
            place.write(desk);
            Box::from_raw(place)
        };
        let thread = spawn(&desk).map_err(|errno| {
            let words = std::io::Error::from_raw_os_error(errno);
            Failure { code: errno.into(), ..Failure::new(CP_ERR_IO, message!("no thread for Python: {words}")) }
        })?;
        let keeper = Self { desk, thread };
        match keeper.desk.hear(|word| matches!(word, Word::Started(_))) {
            Word::Started(Err(failure)) => {
                keeper.join();
                Err(failure)
            }
            _ => Ok(Runtime::Thread(keeper)),
        }
    }

    fn end(self) -> Result<(), Failure> {
        self.desk.say(Word::End);
        let outcome = self.desk.hear(|word| matches!(word, Word::Ended(_)));
        self.join();
        match outcome {
            Word::Ended(outcome) => outcome,
            _ => Ok(()),
        }
    }

    fn join(self) {
        // SAFETY: our thread, which is joined once; it uses the desk until it has ended.
        unsafe { libc::pthread_join(self.thread, ptr::null_mut()) };
    }
}

/// Starts the thread; errno if that fails.
fn spawn(desk: &Desk) -> Result<libc::pthread_t, c_int> {
    /// Finalisation runs the program's Python code: it gets what a main thread has.
    const STACK: usize = 8 << 20;
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let mut thread = MaybeUninit::uninit();
    let desk = ptr::from_ref(desk).cast_mut().cast();
    // SAFETY: the attributes are made, used and ended here; the desk lives until the thread was joined.
    unsafe {
        match libc::pthread_attr_init(attributes.as_mut_ptr()) {
            0 => {}
            errno => return Err(errno),
        }
        libc::pthread_attr_setstacksize(attributes.as_mut_ptr(), STACK);
        let errno = libc::pthread_create(thread.as_mut_ptr(), attributes.as_ptr(), keep, desk);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        if errno == 0 { Ok(thread.assume_init()) } else { Err(errno) }
    }
}

/// The life of our own thread.
extern "C" fn keep(desk: *mut c_void) -> *mut c_void {
    let bug = || Err(Failure::new(CP_ERR_INTERNAL, "a bug in libcloudpickle: panic"));
    // SAFETY: the desk of the keeper, which joins this thread before it goes.
    let desk = unsafe { &*desk.cast::<Desk>() };
    // SAFETY: the name is one that the system takes; the options are good until `Started` is said.
    let main = guard(None, || unsafe {
        libc::pthread_setname_np(libc::pthread_self(), c"libcloudpickle".as_ptr());
        Some(Main::start(&*desk.start))
    });
    match main {
        Some(Ok(main)) => {
            desk.say(Word::Started(Ok(())));
            desk.hear(|word| matches!(word, Word::End));
            desk.say(Word::Ended(guard(bug(), || main.end())));
        }
        Some(Err(failure)) => desk.say(Word::Started(Err(failure))),
        None => desk.say(Word::Started(bug())),
    }
    ptr::null_mut()
}

impl Runtime {
    /// Ends Python. All calls are over, and new ones are refused.
    pub fn end(self) -> Result<(), Failure> {
        match self {
            Self::Here(main) => main.end(),
            Self::Thread(keeper) => keeper.end(),
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
            Failure::new(CP_ERR_PYTHON, message!("Python started without its library: {words}"))
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
        Py_SetPath(ptr::null());
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
    let program = match &start.program {
        Some(program) => Some(program.as_c_str()),
        // SAFETY: NUL-terminated text; the answer is NULL, or text that is copied before anything changes it.
        None => unsafe {
            let program = libc::getenv(c"CP_PYTHON".as_ptr());
            (!program.is_null()).then(|| CStr::from_ptr(program)).filter(|program| !program.is_empty())
        },
    };
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
        if let Some(program) = program {
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
            if text.is_null() { "exit".into() } else { lossy(CStr::from_ptr(text).to_bytes()) }
        };
        Err(Failure::new(CP_ERR_PYTHON, message!("Python could not start: {}", words(status.err_msg))))
    }
}
