//! for hosts without the CPython API
//!
//! Just enough to make an object to dump, and to use one that was loaded.

use std::ffi::{CStr, c_char, c_void};
use std::{ptr, slice};

use pyo3_ffi::*;

use super::argument;
use super::buffer::cp_buffer;
use super::enter::{Gil, enter};
use super::error::cp_error;
use super::failure::Failure;
use super::status::cp_status;
use crate::py::error::{PyResult, check, occurred};
use crate::py::message::message;
use crate::py::object::{attr, import};
use crate::py::owned::Owned;
use crate::py::text;

/// Adds a reference, and returns obj. NULL, and any call while no Python runs, is ignored. [GIL auto] Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cp_incref(obj: *mut PyObject) -> *mut PyObject {
    if !obj.is_null() {
        enter(
            ptr::null_mut(),
            || Ok((Gil::Auto, ())),
            |()| {
                // SAFETY: live, as the header asks; the reference is the caller's.
                unsafe { Py_INCREF(obj) };
                Ok(())
            },
        );
    }
    obj
}

/// Drops a reference. NULL, and any call while no Python runs, is ignored. [GIL auto] Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cp_decref(obj: *mut PyObject) {
    if !obj.is_null() {
        enter(
            ptr::null_mut(),
            || Ok((Gil::Auto, ())),
            |()| {
                // SAFETY: a reference that the caller gives away, as the header asks.
                unsafe { Py_DECREF(obj) };
                Ok(())
            },
        );
    }
}

/// The value of a Python expression, in a namespace of its own that is called __main__.
/// args: a tuple, or NULL; the expression finds it as "args". *out: a new reference. [GIL auto] Since 0.1.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cp_eval(
    expression: *const c_char,
    args: *mut PyObject,
    out: *mut *mut PyObject,
    err: *mut *mut cp_error,
) -> cp_status {
    enter(
        err,
        || {
            // SAFETY: NULL or a place for the result, and NULL or text, as the header asks.
            let (out, expression) =
                unsafe { (argument::out("out", out, ptr::null_mut())?, argument::text("expression", expression)?) };
            Ok((Gil::Auto, (expression, out)))
        },
        |(expression, out): (&CStr, _)| {
            let builtins = import(c"builtins")?;
            // SAFETY: live objects and NUL-terminated text; each call answers a new reference or NULL, or -1.
            unsafe {
                if !args.is_null() && PyTuple_Check(args) == 0 {
                    return Err(Failure::argument("args is not a tuple"));
                }
                let args = if args.is_null() { Owned::new(PyTuple_New(0))? } else { Owned::of(args) };
                let namespace = Owned::new(PyDict_New())?;
                let main = text::new("__main__")?;
                check(PyDict_SetItemString(namespace.as_ptr(), c"__name__".as_ptr(), main.as_ptr()))?;
                check(PyDict_SetItemString(namespace.as_ptr(), c"__builtins__".as_ptr(), builtins.as_ptr()))?;
                check(PyDict_SetItemString(namespace.as_ptr(), c"args".as_ptr(), args.as_ptr()))?;
                let code = Owned::new(Py_CompileString(expression.as_ptr(), c"<cp_eval>".as_ptr(), Py_eval_input))?;
                let value = Owned::new(PyEval_EvalCode(code.as_ptr(), namespace.as_ptr(), namespace.as_ptr()))?;
                out.write(value.into_ptr());
            }
            Ok(())
        },
    )
}

/// A module, or with "module:qualname" something in it.
/// *out: a new reference. [GIL auto] Since 0.1.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cp_import(name: *const c_char, out: *mut *mut PyObject, err: *mut *mut cp_error) -> cp_status {
    enter(
        err,
        || {
            // SAFETY: NULL or a place for the result, and NULL or text, as the header asks.
            let (out, name) = unsafe { (argument::out("out", out, ptr::null_mut())?, argument::text("name", name)?) };
            Ok((Gil::Auto, (name, out)))
        },
        |(name, out): (&CStr, _)| {
            let name = name.to_str().map_err(|_| Failure::argument("name is not UTF-8"))?;
            let (module, qualname) = name.split_once(':').unwrap_or((name, ""));
            let module = text::new(module)?;
            // SAFETY: a live str; a new reference or NULL.
            let mut found = unsafe { Owned::new(PyImport_Import(module.as_ptr()))? };
            for part in qualname.split('.').filter(|_| !qualname.is_empty()) {
                found = attr(found.as_ptr(), text::new(part)?.as_ptr())?;
            }
            // SAFETY: checked above.
            unsafe { out.write(found.into_ptr()) };
            Ok(())
        },
    )
}

/// callable(*args).
/// args: n_args objects; may be NULL if n_args is 0. *out: a new reference. [GIL auto] Since 0.1.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cp_call(
    callable: *mut PyObject,
    args: *const *mut PyObject,
    n_args: usize,
    out: *mut *mut PyObject,
    err: *mut *mut cp_error,
) -> cp_status {
    enter(
        err,
        || {
            // SAFETY: NULL or a place for the result, as the header asks.
            let out = unsafe { argument::out("out", out, ptr::null_mut())? };
            let callable = argument::object("callable", callable)?;
            if args.is_null() && n_args > 0 {
                return Err(argument::is_null("args"));
            }
            // SAFETY: so many objects, as the header asks; they live for the call.
            let args = if n_args == 0 { &[][..] } else { unsafe { slice::from_raw_parts(args, n_args) } };
            if let Some(at) = args.iter().position(|arg| arg.is_null()) {
                return Err(argument::is_null(&message!("args[{at}]")));
            }
            Ok((Gil::Auto, (callable, args, out)))
        },
        |(callable, args, out)| {
            // SAFETY: live objects, as the header asks; the tuple takes over the references that it is given.
            unsafe {
                let tuple = Owned::new(PyTuple_New(args.len() as Py_ssize_t))?;
                for (at, arg) in args.iter().enumerate() {
                    PyTuple_SetItem(tuple.as_ptr(), at as Py_ssize_t, Owned::of(*arg).into_ptr());
                }
                out.write(Owned::new(PyObject_Call(callable, tuple.as_ptr(), ptr::null_mut()))?.into_ptr());
            }
            Ok(())
        },
    )
}

/// A new reference to None; NULL without Python. [GIL auto] Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn cp_from_none() -> *mut PyObject {
    // SAFETY: None lives as long as the interpreter.
    made(|| Ok(Owned::of(unsafe { Py_None() })))
}

/// A new int; NULL without memory or without Python. [GIL auto] Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn cp_from_int64(value: i64) -> *mut PyObject {
    // SAFETY: a new reference or NULL.
    made(|| unsafe { Owned::new(PyLong_FromLongLong(value)) })
}

/// A new float; NULL without memory or without Python. [GIL auto] Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn cp_from_double(value: f64) -> *mut PyObject {
    // SAFETY: a new reference or NULL.
    made(|| unsafe { Owned::new(PyFloat_FromDouble(value)) })
}

/// A new str; NULL without memory, without Python, or if the text is not UTF-8. [GIL auto] Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cp_from_utf8(text: *const c_char, len: usize) -> *mut PyObject {
    from_data("text", text.cast(), len, |data| {
        // SAFETY: as many bytes as are read; a new reference or NULL.
        unsafe { Owned::new(PyUnicode_FromStringAndSize(data.as_ptr().cast(), data.len() as Py_ssize_t)) }
    })
}

/// A new bytes object; NULL without memory or without Python. [GIL auto] Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cp_from_bytes(data: *const c_void, len: usize) -> *mut PyObject {
    from_data("data", data.cast(), len, |data| {
        // SAFETY: as many bytes as are read; a new reference or NULL.
        unsafe { Owned::new(PyBytes_FromStringAndSize(data.as_ptr().cast(), data.len() as Py_ssize_t)) }
    })
}

/// int(obj), if it fits. *out: the number, 0 on failure. [GIL auto] Since 0.1.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cp_as_int64(obj: *mut PyObject, out: *mut i64, err: *mut *mut cp_error) -> cp_status {
    turn(obj, out, 0, err, |obj| {
        // SAFETY: live; a new reference or NULL; -1 with an exception if it does not fit.
        unsafe {
            let number = Owned::new(PyNumber_Long(obj))?;
            let value = PyLong_AsLongLong(number.as_ptr());
            check(if value == -1 && occurred() { -1 } else { 0 })?;
            Ok(value)
        }
    })
}

/// float(obj). *out: the number, 0 on failure. [GIL auto] Since 0.1.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cp_as_double(obj: *mut PyObject, out: *mut f64, err: *mut *mut cp_error) -> cp_status {
    turn(obj, out, 0.0, err, |obj| {
        // SAFETY: live; a new reference or NULL.
        unsafe {
            let number = Owned::new(PyNumber_Float(obj))?;
            Ok(PyFloat_AsDouble(number.as_ptr()))
        }
    })
}

/// str(obj) as UTF-8. *out: owned by the caller; data[len] is 0. [GIL auto] Since 0.1.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cp_str(obj: *mut PyObject, out: *mut cp_buffer, err: *mut *mut cp_error) -> cp_status {
    turn(obj, out, cp_buffer::EMPTY, err, |obj| {
        // SAFETY: live; a new reference or NULL.
        let text = unsafe { Owned::new(PyObject_Str(obj))? };
        cp_buffer::of_text(text::utf8(text.as_ptr())?)
    })
}

/// repr(obj) as UTF-8. *out: owned by the caller; data[len] is 0. [GIL auto] Since 0.1.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cp_repr(obj: *mut PyObject, out: *mut cp_buffer, err: *mut *mut cp_error) -> cp_status {
    turn(obj, out, cp_buffer::EMPTY, err, |obj| {
        // SAFETY: live; a new reference or NULL.
        let text = unsafe { Owned::new(PyObject_Repr(obj))? };
        cp_buffer::of_text(text::utf8(text.as_ptr())?)
    })
}

/// The contents of a bytes-like object, contiguous, not copied. *out: owned by the caller; it keeps the object alive.
/// [GIL auto] Since 0.1.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn cp_as_buffer(obj: *mut PyObject, out: *mut cp_buffer, err: *mut *mut cp_error) -> cp_status {
    turn(obj, out, cp_buffer::EMPTY, err, |obj| Ok(cp_buffer::of_object(obj)?))
}

/// A door without arguments that makes an object.
fn made(make: impl FnOnce() -> PyResult<Owned>) -> *mut PyObject {
    let mut object = ptr::null_mut();
    enter(
        ptr::null_mut(),
        || Ok((Gil::Auto, ())),
        |()| {
            object = make()?.into_ptr();
            Ok(())
        },
    );
    object
}

/// A door that makes an object of a run of bytes.
fn from_data(name: &str, data: *const u8, len: usize, make: impl FnOnce(&[u8]) -> PyResult<Owned>) -> *mut PyObject {
    let mut object = ptr::null_mut();
    enter(
        ptr::null_mut(),
        // SAFETY: so many bytes, as the header asks, which live for the call.
        || Ok((Gil::Auto, unsafe { argument::bytes(name, data, len)? })),
        |data| {
            object = make(data)?.into_ptr();
            Ok(())
        },
    );
    object
}

/// A door that makes something of an object.
fn turn<T>(
    obj: *mut PyObject,
    out: *mut T,
    nothing: T,
    err: *mut *mut cp_error,
    make: impl FnOnce(*mut PyObject) -> Result<T, Failure>,
) -> cp_status {
    enter(
        err,
        || {
            // SAFETY: NULL or a place for the result, as the header asks.
            let out = unsafe { argument::out("out", out, nothing)? };
            Ok((Gil::Auto, (argument::object("obj", obj)?, out)))
        },
        |(obj, out)| {
            let value = make(obj)?;
            // SAFETY: checked above.
            unsafe { out.write(value) };
            Ok(())
        },
    )
}
