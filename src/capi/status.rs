//! status

use std::ffi::{CStr, c_char};

use super::guard::guard;

/// CP_OK, or one of the negative values below. A negative value that a program does not know is to be treated like
/// CP_ERR_PYTHON. Values are never reused.
pub type cp_status = i32;

/// The values of cp_status.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum cp_status_value {
    CP_OK = 0,
    /// NULL, a bad struct_size, an unknown flag, a value out of range; the message names the argument.
    CP_ERR_INVALID_ARGUMENT = -1,
    /// No memory; also a Python MemoryError.
    CP_ERR_NO_MEMORY = -2,
    /// No Python runs in this process.
    CP_ERR_NOT_INITIALIZED = -3,
    /// Python is shutting down.
    CP_ERR_FINALIZING = -4,
    /// Not the CPython that this library was built for.
    CP_ERR_INCOMPATIBLE_PYTHON = -5,
    /// libcloudpickle-embed: libpython was not found, or does not load.
    CP_ERR_LIBPYTHON = -6,
    /// A Python exception that has no status of its own.
    CP_ERR_PYTHON = -7,
    /// The object cannot be pickled: PicklingError, or a TypeError, AttributeError or RecursionError on the way.
    CP_ERR_PICKLING = -8,
    /// Truncated or corrupt data, or a name in it that is not there: UnpicklingError, EOFError, IndexError, ImportError,
    /// AttributeError, UnicodeDecodeError, and what else the loader itself raises about bad data.
    CP_ERR_UNPICKLING = -9,
    /// A system call failed, or a file object raised OSError: the error's code is errno.
    CP_ERR_IO = -10,
    /// A callback stopped the call: the error's code is what it returned.
    CP_ERR_CALLBACK = -11,
    /// A limit was reached: one in the options, or the built-in one on depth.
    CP_ERR_LIMIT = -12,
    /// Not with this protocol, this Python, or this library.
    CP_ERR_UNSUPPORTED = -13,
    /// A bug in this library.
    CP_ERR_INTERNAL = -99,
}

use cp_status_value::*;

/// All of them, each with its word.
pub const STATUSES: &[(cp_status_value, &CStr)] = &[
    (CP_OK, c"ok"),
    (CP_ERR_INVALID_ARGUMENT, c"invalid argument"),
    (CP_ERR_NO_MEMORY, c"no memory"),
    (CP_ERR_NOT_INITIALIZED, c"not initialized"),
    (CP_ERR_FINALIZING, c"finalizing"),
    (CP_ERR_INCOMPATIBLE_PYTHON, c"incompatible python"),
    (CP_ERR_LIBPYTHON, c"libpython"),
    (CP_ERR_PYTHON, c"python"),
    (CP_ERR_PICKLING, c"pickling"),
    (CP_ERR_UNPICKLING, c"unpickling"),
    (CP_ERR_IO, c"io"),
    (CP_ERR_CALLBACK, c"callback"),
    (CP_ERR_LIMIT, c"limit"),
    (CP_ERR_UNSUPPORTED, c"unsupported"),
    (CP_ERR_INTERNAL, c"internal"),
];

/// A static English word for a status, e.g. "unpickling"; "unknown" for a value that is none. Never NULL.
/// [GIL none] Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn cp_status_name(status: cp_status) -> *const c_char {
    guard(c"unknown".as_ptr(), || {
        let known = STATUSES.iter().find(|(value, _)| *value as cp_status == status);
        known.map_or(c"unknown", |(_, name)| name).as_ptr()
    })
}
