//! Raising, and what a raised exception looks like.

use std::borrow::Cow;
use std::ffi::CStr;
#[cfg(not(Py_3_12))]
use std::ptr;

use pyo3_ffi::*;

use super::message::c_string;
use super::owned::Owned;
use crate::py::message::message;

/// The exception of the failure is set in the current thread.
#[derive(Debug)]
pub struct Raised;

/// A result whose failure is a Python exception.
pub type PyResult<T> = Result<T, Raised>;

/// Sets an exception with a message.
#[cold]
pub fn raise(exception: *mut PyObject, message: &str) -> Raised {
    // A message is UTF-8 with a length: NULs inside stay.
    // SAFETY: the pointer and the length are of one str; the exception type is live for the interpreter's life.
    unsafe {
        let text = PyUnicode_FromStringAndSize(message.as_ptr().cast(), message.len() as Py_ssize_t);
        if !text.is_null() {
            PyErr_SetObject(exception, text);
            Py_DECREF(text);
        }
    }
    Raised
}

/// Sets MemoryError.
#[cold]
pub fn no_memory() -> Raised {
    // SAFETY: attached.
    unsafe { PyErr_NoMemory() };
    Raised
}

/// `Err` if a call that answers by -1 raised.
#[inline]
pub fn check(status: i32) -> PyResult<i32> {
    if status < 0 { Err(Raised) } else { Ok(status) }
}

/// Is an exception set?
pub fn occurred() -> bool {
    // SAFETY: attached.
    unsafe { !PyErr_Occurred().is_null() }
}

/// Is the exception that is set one of these?
pub fn matches(exception: *mut PyObject) -> bool {
    // SAFETY: attached, with an exception set.
    unsafe { PyErr_ExceptionMatches(exception) != 0 }
}

/// Is an exception one of these?
pub fn is(exception: &Owned, ty: *mut PyObject) -> bool {
    // SAFETY: live objects.
    unsafe { PyErr_GivenExceptionMatches(exception.as_ptr(), ty) != 0 }
}

/// Takes the exception that is set, normalised, out of the thread. None if there is none.
pub fn take() -> Option<Owned> {
    // SAFETY: attached; the references that the calls hand out are taken over.
    unsafe {
        #[cfg(Py_3_12)]
        {
            Owned::new_or_none(PyErr_GetRaisedException())
        }
        #[cfg(not(Py_3_12))]
        {
            let (mut ty, mut value, mut traceback) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
            PyErr_Fetch(&mut ty, &mut value, &mut traceback);
            if ty.is_null() {
                return None;
            }
            PyErr_NormalizeException(&mut ty, &mut value, &mut traceback);
            if !traceback.is_null() {
                PyException_SetTraceback(value, traceback);
                Py_DECREF(traceback);
            }
            Py_XDECREF(ty);
            Owned::new_or_none(value)
        }
    }
}

/// Sets an exception that was taken.
pub fn restore(exception: Owned) -> Raised {
    // SAFETY: attached; the calls take the references over.
    unsafe {
        #[cfg(Py_3_12)]
        PyErr_SetRaisedException(exception.into_ptr());
        #[cfg(not(Py_3_12))]
        {
            let ty = Py_TYPE(exception.as_ptr()).cast::<PyObject>();
            Py_INCREF(ty);
            let traceback = PyException_GetTraceback(exception.as_ptr());
            PyErr_Restore(ty, exception.into_ptr(), traceback);
        }
    }
    Raised
}

/// Drops the exception that is set. Only for one whose type was matched.
pub fn clear() {
    // SAFETY: attached.
    unsafe { PyErr_Clear() }
}

/// Has an exception raised whose cause and context are the one that is set now, if there is one.
#[cold]
pub fn raise_from_current(raise: impl FnOnce() -> Raised) -> Raised {
    let cause = take();
    let raised = raise();
    match cause {
        Some(cause) => chain(cause),
        None => raised,
    }
}

/// Makes an exception the cause and the context of the one that is set.
#[cold]
pub fn chain(cause: Owned) -> Raised {
    match take() {
        Some(new) => {
            // SAFETY: both are live exceptions; the calls take over the references they are given.
            unsafe {
                PyException_SetContext(new.as_ptr(), cause.clone().into_ptr());
                PyException_SetCause(new.as_ptr(), cause.into_ptr());
            }
            restore(new)
        }
        None => Raised,
    }
}

/// Adds words to the message of the ImportError that is set.
#[cold]
pub fn extend_import_error(words: &str) -> Raised {
    let Some(error) = take() else { return Raised };
    let message = message!("{}{words}", super::text::display(error.as_ptr()));
    // SAFETY: all are live; str(error) is `msg`, and `args` shows in its repr.
    unsafe {
        if let Ok(message) = super::text::new(&message) {
            let args = PyTuple_Pack(1, message.as_ptr());
            if PyObject_SetAttrString(error.as_ptr(), c"msg".as_ptr(), message.as_ptr()) < 0
                || args.is_null()
                || PyObject_SetAttrString(error.as_ptr(), c"args".as_ptr(), args) < 0
            {
                clear();
            }
            Py_XDECREF(args);
        } else {
            clear();
        }
    }
    restore(error)
}

/// A message as C text; at a NUL it ends. Without memory it says that.
pub fn c_text(text: &str) -> Cow<'static, CStr> {
    let text = text.split('\0').next().unwrap_or_default();
    c_string(text.as_bytes()).map_or(Cow::Borrowed(c"out of memory"), Cow::Owned)
}

/// The exception that was set in the thread before a call, put aside as it was.
pub struct Aside {
    #[cfg(Py_3_12)]
    exception: Owned,
    #[cfg(not(Py_3_12))]
    exception: (*mut PyObject, *mut PyObject, *mut PyObject),
}

impl Aside {
    /// Puts the exception that is set aside. None if there is none.
    #[inline]
    pub fn put() -> Option<Self> {
        if !occurred() {
            return None;
        }
        #[cfg(Py_3_12)]
        {
            take().map(|exception| Self { exception })
        }
        #[cfg(not(Py_3_12))]
        {
            let mut exception = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
            // SAFETY: attached; the references are taken over.
            unsafe { PyErr_Fetch(&mut exception.0, &mut exception.1, &mut exception.2) };
            Some(Self { exception })
        }
    }

    /// Sets it again, as if it had never been away.
    pub fn back(self) {
        #[cfg(Py_3_12)]
        restore(self.exception);
        #[cfg(not(Py_3_12))]
        // SAFETY: attached; the references go back to the thread.
        unsafe {
            PyErr_Restore(self.exception.0, self.exception.1, self.exception.2)
        };
    }

    /// Makes it the context of the exception that was set since, as Python does for one raised while another is
    /// handled.
    pub fn into_context(self) {
        let Some(new) = take() else { return self.back() };
        self.back();
        if let Some(old) = take() {
            // SAFETY: two live exceptions; the first answer is a new reference or NULL, and the second call takes the
            // reference that it is given.
            unsafe {
                let context = Owned::new_or_none(PyException_GetContext(new.as_ptr()));
                if context.is_none() && new.as_ptr() != old.as_ptr() {
                    PyException_SetContext(new.as_ptr(), old.into_ptr());
                }
            }
        }
        restore(new);
    }
}
