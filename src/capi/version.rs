//! versions
//!
//! All texts are in static memory.

use std::ffi::{CStr, c_char};
use std::ptr;
use std::sync::OnceLock;

use super::guard::guard;
use crate::protocol::wire::VERSION as COMPAT_VERSION;
use crate::py::attach::{is_initialized, version_text};

/// The number in the soname.
pub const CP_ABI_MAJOR: u32 = 0;
/// Grows with what is added.
pub const CP_ABI_MINOR: u32 = 1;

/// The version of the loaded library, as CP_VERSION is that of the header. [GIL none] Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn cp_version() -> *const c_char {
    const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => panic!("a version has no NUL inside"),
    };
    VERSION.as_ptr()
}

/// CP_ABI_MAJOR << 16 | CP_ABI_MINOR of the loaded library. [GIL none] Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn cp_abi_version() -> u32 {
    CP_ABI_MAJOR << 16 | CP_ABI_MINOR
}

/// The version of the Python package cloudpickle whose bytes this library writes. [GIL none] Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn cp_compat_version() -> *const c_char {
    COMPAT_VERSION.as_ptr()
}

/// The version of the running Python, e.g. "3.12.1"; NULL if none runs. [GIL none] Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn cp_python_version() -> *const c_char {
    const MOST: usize = 32;
    static VERSION: OnceLock<[u8; MOST]> = OnceLock::new();
    guard(ptr::null(), || {
        if !is_initialized() {
            return ptr::null();
        }
        let number = || {
            let mut number = [0; MOST];
            let text = version_text().to_bytes().iter().take_while(|byte| **byte != b' ');
            // The last one stays NUL.
            number[..MOST - 1].iter_mut().zip(text).for_each(|(place, byte)| *place = *byte);
            number
        };
        VERSION.get_or_init(number).as_ptr().cast()
    })
}
