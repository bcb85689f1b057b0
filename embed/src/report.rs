//! Reports of failures before there is a core, and the getters of all reports.
//!
//! A `cp_error` is the core's or ours. Ours are told by their lowest bit: an address of the core's is even.

use std::ffi::{CStr, CString, c_char};
use std::ptr;

use crate::failure::Failure;
use crate::guard::guard;
use crate::status::cp_status;
use crate::status::cp_status_value::*;
use crate::table::core;
use crate::types::cp_error;

struct Report {
    status: cp_status,
    code: i64,
    message: CString,
}

const OURS: usize = 1;

/// Says a failure to the caller.
///
/// # Safety
/// `err` is NULL or a place that can be written.
pub unsafe fn say(failure: &Failure, err: *mut *mut cp_error) -> cp_status {
    let status = failure.status as cp_status;
    // SAFETY: as the caller says.
    if let Some(err) = unsafe { err.as_mut() } {
        let message = failure.message.as_deref().unwrap_or_default().replace('\0', "\\0");
        let message = CString::new(message).unwrap_or_default();
        let report = Box::new(Report { status, code: failure.code, message });
        *err = Box::into_raw(report).map_addr(|address| address | OURS).cast();
    }
    status
}

/// A report that is ours.
///
/// # Safety
/// NULL, or a report that was not freed.
unsafe fn ours<'a>(err: *const cp_error) -> Option<&'a Report> {
    if err.addr() & OURS == 0 {
        return None;
    }
    // SAFETY: `say` made it, as the bit says.
    Some(unsafe { &*err.map_addr(|address| address & !OURS).cast() })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cp_error_status(err: *const cp_error) -> cp_status {
    // SAFETY: NULL, or a report that was not freed.
    match (unsafe { ours(err) }, core()) {
        (Some(report), _) => report.status,
        // SAFETY: as above; NULL or the core's.
        (None, Some(core)) => unsafe { (core.cp_error_status)(err) },
        (None, None) => CP_OK as cp_status,
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cp_error_code(err: *const cp_error) -> i64 {
    // SAFETY: NULL, or a report that was not freed.
    match (unsafe { ours(err) }, core()) {
        (Some(report), _) => report.code,
        // SAFETY: as above; NULL or the core's.
        (None, Some(core)) => unsafe { (core.cp_error_code)(err) },
        (None, None) => 0,
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cp_error_message(err: *const cp_error) -> *const c_char {
    const NONE: &CStr = c"no error";
    // SAFETY: NULL, or a report that was not freed.
    match (unsafe { ours(err) }, core()) {
        (Some(report), _) => report.message.as_ptr(),
        // SAFETY: as above; NULL or the core's.
        (None, Some(core)) => unsafe { (core.cp_error_message)(err) },
        (None, None) => NONE.as_ptr(),
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cp_error_python_type(err: *const cp_error) -> *const c_char {
    // SAFETY: NULL, or a report that was not freed.
    match (unsafe { ours(err) }, core()) {
        // SAFETY: as above; NULL or the core's.
        (None, Some(core)) => unsafe { (core.cp_error_python_type)(err) },
        _ => ptr::null(),
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cp_error_traceback(err: *const cp_error) -> *const c_char {
    // SAFETY: NULL, or a report that was not freed.
    match (unsafe { ours(err) }, core()) {
        // SAFETY: as above; NULL or the core's.
        (None, Some(core)) => unsafe { (core.cp_error_traceback)(err) },
        _ => ptr::null(),
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cp_error_path(err: *const cp_error) -> *const c_char {
    // SAFETY: NULL, or a report that was not freed.
    match (unsafe { ours(err) }, core()) {
        // SAFETY: as above; NULL or the core's.
        (None, Some(core)) => unsafe { (core.cp_error_path)(err) },
        _ => ptr::null(),
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cp_error_free(err: *mut cp_error) {
    if err.addr() & OURS != 0 {
        // SAFETY: `say` made it, as the bit says, and it is freed once, as the header asks.
        guard((), || drop(unsafe { Box::from_raw(err.map_addr(|address| address & !OURS).cast::<Report>()) }));
    } else if let Some(core) = core() {
        // SAFETY: NULL or a report of the core's, freed once.
        unsafe { (core.cp_error_free)(err) }
    }
}
