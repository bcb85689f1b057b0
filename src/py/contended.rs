//! What other threads may change at this very moment, as they can without a GIL: each look at it is a critical section
//! (`Py_BEGIN_CRITICAL_SECTION`), and what is found is held before the section ends. With a GIL nothing is locked.

#[cfg(Py_GIL_DISABLED)]
pub use containers::*;
use pyo3_ffi::PyObject;

/// Runs with the object locked against other threads. What runs drops no reference and calls no foreign code, so that
/// the section is not given up in between.
#[cfg(not(Py_GIL_DISABLED))]
#[inline(always)]
pub fn locked<R>(_object: *mut PyObject, run: impl FnOnce() -> R) -> R {
    run()
}

/// Runs with the object locked against other threads. What runs drops no reference and calls no foreign code, so that
/// the section is not given up in between.
#[cfg(Py_GIL_DISABLED)]
pub fn locked<R>(object: *mut PyObject, run: impl FnOnce() -> R) -> R {
    use std::mem::MaybeUninit;

    use pyo3_ffi::{PyCriticalSection, PyCriticalSection_Begin, PyCriticalSection_End};

    struct Section(MaybeUninit<PyCriticalSection>);
    impl Drop for Section {
        fn drop(&mut self) {
            // SAFETY: begun, at this place, by this thread.
            unsafe { PyCriticalSection_End(self.0.as_mut_ptr()) }
        }
    }
    let mut section = Section(MaybeUninit::uninit());
    // SAFETY: live; the section stays in its place until it ends.
    unsafe { PyCriticalSection_Begin(section.0.as_mut_ptr(), object) };
    run()
}

#[cfg(Py_GIL_DISABLED)]
mod containers {
    use std::ptr;

    use pyo3_ffi::*;

    use super::locked;
    use crate::py::error::PyResult;
    use crate::py::layout;
    use crate::py::owned::Owned;
    use crate::py::vec::TryPush;

    /// The next entry of a dict as PyDict_Next finds it.
    pub fn dict_next(dict: *mut PyObject, position: &mut isize) -> Option<(Owned, Owned)> {
        locked(dict, || {
            let (mut key, mut value) = (ptr::null_mut(), ptr::null_mut());
            // SAFETY: a live dict; the position is its own.
            let there = unsafe { PyDict_Next(dict, position, &mut key, &mut value) } != 0;
            there.then(|| (Owned::of(key), Owned::of(value)))
        })
    }

    /// A dict with the same entries in the same order, which only the caller holds.
    pub fn copy_of(dict: *mut PyObject) -> PyResult<Owned> {
        // SAFETY: a live dict; a new reference or NULL with an exception.
        unsafe { Owned::new(PyDict_Copy(dict)) }
    }

    /// Up to so many items of an exact list from an index on; none if it has become shorter.
    pub fn list_part(list: *mut PyObject, index: usize, most: usize) -> PyResult<Vec<Owned>> {
        let mut part = vec![];
        part.try_room(most)?;
        locked(list, || {
            let items = layout::list_slice(list).get(index..).unwrap_or_default();
            part.extend(items.iter().take(most).map(|item| Owned::of(*item)));
        });
        Ok(part)
    }

    /// The next element of an exact set at or behind `position`.
    pub fn set_next(set: *mut PyObject, position: &mut usize) -> Option<Owned> {
        locked(set, || layout::set_next(set, position).map(Owned::of))
    }
}
