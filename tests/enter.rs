//! The net under every door: a panic inside becomes a status, and leaves Python as it was.

use std::ffi::CStr;
use std::ptr;

use cloudpickle::capi::enter::{Gil, enter};
use cloudpickle::capi::error::{cp_error, cp_error_free, cp_error_message, cp_error_python_type};
use cloudpickle::capi::failure::Failure;
use cloudpickle::capi::guard::guard;
use cloudpickle::capi::interpreter::{cp_finalize, cp_initialize};
use cloudpickle::capi::status::cp_status_value::*;
use pyo3_ffi::{
    PyErr_Clear, PyErr_ExceptionMatches, PyErr_Occurred, PyErr_SetString, PyExc_KeyError, PyExc_SystemError,
    PyGILState_Check, PyGILState_Ensure, PyGILState_Release,
};

const INTERNAL: i32 = CP_ERR_INTERNAL as i32;

/// The words of a report, which is ended.
fn words(err: *mut cp_error) -> String {
    assert!(!err.is_null(), "there is no report");
    // SAFETY: a report of the call before, ended once.
    unsafe {
        assert!(cp_error_python_type(err).is_null());
        let words = CStr::from_ptr(cp_error_message(err)).to_string_lossy().into_owned();
        cp_error_free(err);
        words
    }
}

#[test]
fn panics_become_a_status() {
    // The panics below are meant.
    std::panic::set_hook(Box::new(|_| {}));
    let mut err = ptr::null_mut();
    // SAFETY: a place for a report.
    assert_eq!(unsafe { cp_initialize(ptr::null(), &mut err) }, 0);

    let in_arguments = |err| enter(err, || -> Result<(Gil, ()), Failure> { panic!("in the arguments") }, |()| Ok(()));
    assert_eq!(in_arguments(&mut err), INTERNAL);
    assert!(words(err).ends_with("panic: in the arguments"));
    assert_eq!(in_arguments(ptr::null_mut()), INTERNAL);

    let number = 7;
    let in_body = |err| enter(err, || Ok((Gil::Auto, ())), |()| panic!("in the body {number}"));
    assert_eq!(in_body(&mut err), INTERNAL);
    assert!(words(err).ends_with("panic: in the body 7"));

    // With an exception half raised: the panic is what is told.
    let raised = |err| {
        enter(
            err,
            || Ok((Gil::Auto, ())),
            |()| {
                // SAFETY: attached; static text.
                unsafe { PyErr_SetString(PyExc_KeyError, c"half way".as_ptr()) };
                panic!("{}", "behind it")
            },
        )
    };
    assert_eq!(raised(&mut err), INTERNAL);
    assert!(words(err).ends_with("panic: behind it"));

    // SAFETY: Python runs; what is taken is released by the same thread.
    unsafe {
        let gil = PyGILState_Ensure();
        assert_eq!(raised(ptr::null_mut()), INTERNAL);
        assert_ne!(PyErr_ExceptionMatches(PyExc_SystemError), 0);
        PyErr_Clear();
        assert_eq!(raised(&mut err), INTERNAL);
        assert!(PyErr_Occurred().is_null());
        words(err);
        assert_eq!(PyGILState_Check(), 1);
        PyGILState_Release(gil);
    }
    assert_eq!(guard(-1, || panic!("without Python")), -1);

    // Nothing is left over that the end would wait for.
    // SAFETY: a place for a report.
    assert_eq!(unsafe { cp_finalize(&mut err) }, 0);
    assert!(err.is_null());
}
