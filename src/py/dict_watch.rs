//! Has a dict got other keys since? Answered without looking at them.

use pyo3_ffi::*;

pub use version::DictWatch;

/// To 3.11 a dict has a version.
#[cfg(not(Py_3_12))]
mod version {
    use super::*;

    /// Tells whether the keys of dicts may have changed.
    #[derive(Clone, Copy)]
    pub struct DictWatch;

    impl DictWatch {
        pub fn new() -> Self {
            Self
        }

        /// One that tells of other values as well.
        pub fn of_values() -> Self {
            Self
        }

        /// Begins to watch a dict.
        pub fn start(&self, _dict: *mut PyObject) -> bool {
            true
        }

        /// A number that differs from one given before if the dict's keys may have changed meanwhile.
        #[inline]
        pub fn stamp(&self, dict: *mut PyObject) -> u64 {
            // SAFETY: a live dict. Each change of any dict takes a new number.
            unsafe { (*dict.cast::<PyDictObject>()).ma_version_tag }
        }
    }
}

/// From 3.12 on it can be watched instead.
#[cfg(Py_3_12)]
mod version {
    use std::ffi::c_int;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::py::error;

    /// `PyDict_EVENT_MODIFIED`: a key got another value (`cpython/dictobject.h`).
    const VALUE_REPLACED: c_int = 1;

    type Callback = unsafe extern "C" fn(c_int, *mut PyObject, *mut PyObject, *mut PyObject) -> c_int;

    unsafe extern "C" {
        fn PyDict_AddWatcher(callback: Callback) -> c_int;
    }

    /// Counts what happens to the dicts that are watched, in all interpreters together: a change elsewhere costs a
    /// look at the keys, no more.
    static CHANGES: AtomicU64 = AtomicU64::new(0);

    unsafe extern "C" fn changed(event: c_int, _: *mut PyObject, _: *mut PyObject, _: *mut PyObject) -> c_int {
        if event != VALUE_REPLACED {
            CHANGES.fetch_add(1, Ordering::AcqRel);
        }
        0
    }

    /// Counts the same with values.
    static VALUES: AtomicU64 = AtomicU64::new(0);

    unsafe extern "C" fn value_changed(_: c_int, _: *mut PyObject, _: *mut PyObject, _: *mut PyObject) -> c_int {
        VALUES.fetch_add(1, Ordering::AcqRel);
        0
    }

    /// Tells whether the keys of dicts may have changed: one of the interpreter's few dict watchers.
    #[derive(Clone, Copy)]
    pub struct DictWatch(c_int, &'static AtomicU64);

    impl DictWatch {
        pub fn new() -> Self {
            Self::with(changed, &CHANGES)
        }

        /// One that tells of other values as well.
        pub fn of_values() -> Self {
            Self::with(value_changed, &VALUES)
        }

        fn with(callback: Callback, count: &'static AtomicU64) -> Self {
            // SAFETY: attached; the callback is never unloaded.
            let id = unsafe { PyDict_AddWatcher(callback) };
            if id < 0 {
                error::clear();
            }
            Self(id, count)
        }

        /// Begins to watch a dict; false if no watcher was left.
        pub fn start(&self, dict: *mut PyObject) -> bool {
            // SAFETY: a live dict and an id of ours.
            let watched = self.0 >= 0 && unsafe { PyDict_Watch(self.0, dict) } >= 0;
            if !watched && error::occurred() {
                error::clear();
            }
            watched
        }

        /// A number that differs from one given before if the dict's keys may have changed meanwhile.
        #[inline]
        pub fn stamp(&self, _dict: *mut PyObject) -> u64 {
            self.1.load(Ordering::Acquire)
        }
    }
}
