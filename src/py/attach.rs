//! Entering Python from any thread: is there one, is it the one that this was built for, and the GIL.
//!
//! Calls in flight are counted, so that whoever ends the interpreter can refuse new calls and wait for running ones: a
//! thread that asks for the GIL while CPython shuts down would hang for ever. Of an interpreter that others started they
//! are not, since it is not ended here.

use super::error::PyResult;
use crate::py::shared::Shared;
use std::cell::Cell;
use std::ffi::CStr;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering, fence};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use pyo3_ffi::compat::PyThreadState_GetUnchecked;
use pyo3_ffi::*;

unsafe extern "C" {
    #[cfg(not(Py_3_13))]
    fn _Py_IsFinalizing() -> std::ffi::c_int;
    fn PyInterpreterState_Main() -> *mut PyInterpreterState;
    fn PyThreadState_DeleteCurrent();
}

/// Why Python cannot be entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// No Python runs in this process.
    NotInitialized,
    /// It is shutting down.
    Finalizing,
    /// It is another version than the one that this was built for.
    Incompatible,
}

/// The minor version that this was built for.
pub const BUILT_FOR: &str = env!("CP_PYTHON_MINOR");

/// An interpreter was, or is being, started here.
static IS_OURS: AtomicBool = AtomicBool::new(false);
/// Calls between the start of [`Entry::new`] and the end of the `Entry`, as far as they are counted.
static CALLS: AtomicUsize = AtomicUsize::new(0);
/// New calls are refused: the interpreter is about to end.
static CLOSING: AtomicBool = AtomicBool::new(false);
/// Told when the last call ends while `CLOSING`.
static IDLE: (Mutex<()>, Condvar) = (Mutex::new(()), Condvar::new());

thread_local! {
    /// How many calls deep this thread is.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// A call that the end of the interpreter waits for.
#[derive(Debug)]
pub struct Entry {
    /// This thread's `DEPTH`.
    depth: *const Cell<usize>,
    /// It is one of the `CALLS`.
    is_counted: bool,
}

impl Entry {
    /// Counts a call, or says why there cannot be one now.
    #[inline]
    pub fn new() -> Result<Self, Absent> {
        let depth = DEPTH.with(|depth| {
            depth.set(depth.get() + 1);
            ptr::from_ref(depth)
        });
        let mut entry = Self { depth, is_counted: false };
        if !is_version_built_for() {
            return Err(Absent::Incompatible);
        }
        if is_initialized() {
            // What was said before it was there is seen now that it is.
            fence(Ordering::Acquire);
            if !IS_OURS.load(Ordering::Relaxed) {
                return if is_finalizing() && !attached() { Err(Absent::Finalizing) } else { Ok(entry) };
            }
        }
        // First the count, then the questions: who closes looks at the count after it set the flag.
        CALLS.fetch_add(1, Ordering::SeqCst);
        entry.is_counted = true;
        let closing = CLOSING.load(Ordering::SeqCst);
        if !is_initialized() {
            // CPython says that it is finalizing for ever after; but a thread is attached only until it is done.
            return Err(if closing || attached() { Absent::Finalizing } else { Absent::NotInitialized });
        }
        // A thread that is attached is one that CPython still runs: it may go on.
        if (closing || is_finalizing()) && !attached() {
            return Err(Absent::Finalizing);
        }
        Ok(entry)
    }
}

impl Drop for Entry {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: it is there as long as the thread, which an entry does not leave.
        let depth = unsafe { &*self.depth };
        depth.set(depth.get() - 1);
        if self.is_counted && CALLS.fetch_sub(1, Ordering::SeqCst) == 1 && CLOSING.load(Ordering::SeqCst) {
            let _guard = IDLE.0.lock().unwrap_or_else(PoisonError::into_inner);
            IDLE.1.notify_all();
        }
    }
}

/// Is the calling thread inside a call, that is, in a callback?
pub fn in_call() -> bool {
    DEPTH.get() > 0
}

/// An interpreter is about to be started here, which will be ended behind [`close`].
pub fn will_be_ours() {
    IS_OURS.store(true, Ordering::SeqCst);
}

/// Refuses new calls and waits for those that run.
pub fn close() {
    CLOSING.store(true, Ordering::SeqCst);
    let mut guard = IDLE.0.lock().unwrap_or_else(PoisonError::into_inner);
    while CALLS.load(Ordering::SeqCst) > 0 {
        // The time limit covers a last call that ended between the count and the wait.
        let waited = IDLE.1.wait_timeout(guard, Duration::from_millis(20));
        guard = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
}

/// Accepts calls again.
pub fn open() {
    CLOSING.store(false, Ordering::SeqCst);
}

/// Does [`close`] hold?
pub fn is_closing() -> bool {
    CLOSING.load(Ordering::SeqCst)
}

/// Does a Python run in this process?
#[inline]
pub fn is_initialized() -> bool {
    // SAFETY: may be called at any time.
    unsafe { Py_IsInitialized() != 0 }
}

/// Is the Python that runs shutting down?
#[inline]
fn is_finalizing() -> bool {
    // SAFETY: may be called at any time.
    unsafe {
        #[cfg(Py_3_13)]
        return Py_IsFinalizing() != 0;
        #[cfg(not(Py_3_13))]
        return _Py_IsFinalizing() != 0;
    }
}

/// The version text of the running CPython, "3.12.1 (main, ...) [GCC ...]".
pub fn version_text() -> &'static CStr {
    // SAFETY: static text, also before there is an interpreter.
    unsafe { CStr::from_ptr(Py_GetVersion()) }
}

/// The 1 of 3.12.1.
pub fn patch_level() -> u32 {
    let text = version_text().to_string_lossy();
    let patch = text.split('.').nth(2).unwrap_or_default();
    patch.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// Is the running CPython of the version, and of the kind (with or without the GIL), that this was built for?
#[inline(always)]
pub fn is_version_built_for() -> bool {
    match VERSION_ANSWER.load(Ordering::Relaxed) {
        0 => find_version(),
        answer => answer == 1,
    }
}

/// 0: nobody has asked yet. 1: yes. 2: no.
static VERSION_ANSWER: AtomicU8 = AtomicU8::new(0);

#[cold]
#[inline(never)]
fn find_version() -> bool {
    let same = (0..VERSION_LOOKS).any(|turn| {
        if turn > 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        says_version_built_for()
    });
    VERSION_ANSWER.store(if same { 1 } else { 2 }, Ordering::Relaxed);
    same
}

/// So often the version is looked at before it is said to be another: before 3.12 each call of `Py_GetVersion` writes the
/// text anew (`Python/getversion.c`), so that one thread may see what another one has written only in part.
const VERSION_LOOKS: u32 = 50;

fn says_version_built_for() -> bool {
    let text = version_text().to_string_lossy();
    text.strip_prefix("3.").and_then(|rest| rest.strip_prefix(BUILT_FOR)).is_some_and(|rest| {
        !rest.starts_with(|c: char| c.is_ascii_digit())
            && rest.contains("free-threading build") == cfg!(Py_GIL_DISABLED)
    })
}

/// Is the calling thread attached to an interpreter (does it hold the GIL)?
#[inline]
pub fn attached() -> bool {
    // SAFETY: both may be asked at any time.
    unsafe {
        let current = PyThreadState_GetUnchecked();
        // Before 3.12 the call answers with the thread state that holds the GIL, whichever thread's that is.
        #[cfg(not(Py_3_12))]
        return !current.is_null() && current == PyGILState_GetThisThreadState();
        #[cfg(Py_3_12)]
        return !current.is_null();
    }
}

/// The GIL of the main interpreter, or what the thread holds already, for as long as this lives.
pub struct Gil(PyGILState_STATE);

impl Gil {
    /// Takes the GIL. There must be an [`Entry`].
    pub fn take(_: &Entry) -> Self {
        // SAFETY: Python runs and will go on until the entry ends.
        Self(unsafe { PyGILState_Ensure() })
    }
}

impl Drop for Gil {
    fn drop(&mut self) {
        // SAFETY: the state that the matching call gave.
        unsafe { PyGILState_Release(self.0) }
    }
}

/// Runs something without the GIL. The thread must be attached; it is again afterwards.
pub fn detached<T>(body: impl FnOnce() -> T) -> T {
    struct Back(*mut PyThreadState);
    impl Drop for Back {
        fn drop(&mut self) {
            // SAFETY: the thread state that was saved below.
            unsafe { PyEval_RestoreThread(self.0) }
        }
    }
    // SAFETY: attached, as the caller says.
    let _back = Back(unsafe { PyEval_SaveThread() });
    body()
}

/// One interpreter, for what must come back to it from any thread, or learn that it has ended.
pub struct Home {
    interpreter: *mut PyInterpreterState,
    main: bool,
    ended: AtomicBool,
}

// SAFETY: the pointer is only used to attach to the interpreter, which any thread may do while it lives.
unsafe impl Send for Home {}
// SAFETY: as above.
unsafe impl Sync for Home {}

impl Home {
    /// The interpreter that the calling thread is attached to.
    pub fn here() -> PyResult<Shared<Self, true>> {
        // SAFETY: attached.
        let (interpreter, main) = unsafe {
            let interpreter = PyInterpreterState_Get();
            (interpreter, interpreter == PyInterpreterState_Main())
        };
        Shared::new(Self { interpreter, main, ended: AtomicBool::new(false) })
    }

    /// Told by the interpreter's state when it goes.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    /// Runs something attached to this interpreter; `None` if it has ended or is ending.
    pub fn visit<T>(&self, body: impl FnOnce() -> T) -> Option<T> {
        if self.ended.load(Ordering::Acquire) {
            return None;
        }
        let entry = match Entry::new() {
            Ok(entry) => entry,
            // Objects die in this interpreter's last moments, too, and the thread that runs those is attached.
            Err(Absent::Finalizing) if self.is_here() => return Some(body()),
            Err(_) => return None,
        };
        if self.is_here() {
            return Some(body());
        }
        if self.main && !attached() {
            let _gil = Gil::take(&entry);
            return Some(body());
        }
        Some(self.travel(body))
    }

    /// Is the calling thread attached to this interpreter?
    fn is_here(&self) -> bool {
        // SAFETY: asked only if attached.
        attached() && unsafe { PyInterpreterState_Get() } == self.interpreter
    }

    /// Runs something with a thread state of this interpreter in place of the thread's own.
    fn travel<T>(&self, body: impl FnOnce() -> T) -> T {
        struct Back {
            before: *mut PyThreadState,
            there: *mut PyThreadState,
        }
        impl Drop for Back {
            fn drop(&mut self) {
                // SAFETY: `there` is current and ours; `before` was current before it, or is NULL.
                unsafe {
                    PyThreadState_Clear(self.there);
                    if self.before.is_null() {
                        PyThreadState_DeleteCurrent();
                    } else {
                        PyThreadState_Swap(self.before);
                        PyThreadState_Delete(self.there);
                    }
                }
            }
        }
        // SAFETY: the interpreter has not ended; a new thread state of it may become current in this thread.
        let _back = unsafe {
            let there = PyThreadState_New(self.interpreter);
            let before = if attached() { PyThreadState_Swap(there) } else { ptr::null_mut() };
            if before.is_null() {
                PyEval_RestoreThread(there);
            }
            Back { before, there }
        };
        body()
    }
}
