//! The functions of the header. Each is handed on to the core; until there is one it answers that no Python runs, with
//! the same results as the core's own when none does. tests/table.rs compares the table with the header.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::sync::OnceLock;

use crate::dl::Library;
use crate::failure::Failure;
use crate::options;
use crate::report::say;
use crate::status::cp_status;
use crate::status::cp_status_value::CP_ERR_NOT_INITIALIZED;
use crate::types::*;

/// CP_ABI_MAJOR << 16 | CP_ABI_MINOR.
pub const ABI: u32 = 1;

static CORE: OnceLock<Core> = OnceLock::new();

/// The core, if it is loaded.
#[inline]
pub fn core() -> Option<&'static Core> {
    CORE.get()
}

/// From now on this is the core, unless there is one.
pub fn publish(core: Core) -> &'static Core {
    CORE.get_or_init(|| core)
}

macro_rules! functions {
    (
        elsewhere { $(fn $other:ident($($other_arg:ident: $other_ty:ty),*) $(-> $other_ret:ty)?;)* }
        here { $(fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $without:block)* }
    ) => {
        /// What a core exports.
        pub struct Core {
            $(pub $other: unsafe extern "C" fn($($other_ty),*) $(-> $other_ret)?,)*
            $(pub $name: unsafe extern "C" fn($($ty),*) $(-> $ret)?,)*
        }

        impl Core {
            /// The functions of a loaded library, or the name of one that it lacks.
            ///
            /// # Safety
            /// The library is a libcloudpickle.
            pub unsafe fn of(library: Library) -> Result<Self, &'static str> {
                const fn c(name: &'static str) -> &'static CStr {
                    match CStr::from_bytes_with_nul(name.as_bytes()) {
                        Ok(name) => name,
                        Err(_) => panic!("a name has no NUL inside"),
                    }
                }
                // SAFETY: of the types of the header, as the caller says.
                unsafe {
                    Ok(Self {
                        $($other: library
                            .function(const { c(concat!(stringify!($other), "\0")) })
                            .ok_or(stringify!($other))?,)*
                        $($name: library
                            .function(const { c(concat!(stringify!($name), "\0")) })
                            .ok_or(stringify!($name))?,)*
                    })
                }
            }
        }

        $(
            #[unsafe(no_mangle)]
            #[allow(unused_unsafe, reason = "what a few functions do without a core is safe")]
            pub unsafe extern "C" fn $name($($arg: $ty),*) $(-> $ret)? {
                match core() {
                    // SAFETY: the core's own function, with what its caller gave, who does what the header asks.
                    Some(core) => unsafe { (core.$name)($($arg),*) },
                    // SAFETY: out parameters are NULL or places that can be written, as the header asks.
                    None => unsafe { $without },
                }
            }
        )*
    };
}

functions! {
    // Defined in this file, in `initialize` and in `report`.
    elsewhere {
        fn cp_abi_version() -> u32;
        fn cp_initialize(options: *const cp_init_options, err: *mut *mut cp_error) -> cp_status;
        fn cp_error_status(err: *const cp_error) -> cp_status;
        fn cp_error_code(err: *const cp_error) -> i64;
        fn cp_error_message(err: *const cp_error) -> *const c_char;
        fn cp_error_python_type(err: *const cp_error) -> *const c_char;
        fn cp_error_traceback(err: *const cp_error) -> *const c_char;
        fn cp_error_path(err: *const cp_error) -> *const c_char;
        fn cp_error_free(err: *mut cp_error);
    }
    here {
        fn cp_compat_version() -> *const c_char { c"3.1.2".as_ptr() }
        fn cp_python_version() -> *const c_char { ptr::null() }
        fn cp_buffer_release(buf: *mut cp_buffer) { release(buf) }
        fn cp_buffers_data(list: *mut cp_buffers) -> *mut cp_buffer { ptr::null_mut() }
        fn cp_buffers_len(list: *const cp_buffers) -> usize { 0 }
        fn cp_buffers_free(list: *mut cp_buffers) {}
        fn cp_finalize(err: *mut *mut cp_error) -> cp_status { absent(err) }
        fn cp_state() -> c_int { 0 }
        fn cp_dumps(
            obj: *mut PyObject,
            options: *const cp_dump_options,
            out: *mut cp_buffer,
            err: *mut *mut cp_error,
        ) -> cp_status {
            empty(out);
            absent(err)
        }
        fn cp_dumps_oob(
            obj: *mut PyObject,
            options: *const cp_dump_options,
            out: *mut cp_buffer,
            buffers: *mut *mut cp_buffers,
            err: *mut *mut cp_error,
        ) -> cp_status {
            empty(out);
            empty(buffers);
            absent(err)
        }
        fn cp_dump(
            obj: *mut PyObject,
            write: cp_write_fn,
            ctx: *mut c_void,
            options: *const cp_dump_options,
            err: *mut *mut cp_error,
        ) -> cp_status {
            absent(err)
        }
        fn cp_dump_fd(
            obj: *mut PyObject,
            fd: c_int,
            options: *const cp_dump_options,
            err: *mut *mut cp_error,
        ) -> cp_status {
            absent(err)
        }
        fn cp_dump_file(
            obj: *mut PyObject,
            file: *mut PyObject,
            options: *const cp_dump_options,
            err: *mut *mut cp_error,
        ) -> cp_status {
            absent(err)
        }
        fn cp_dumps_bytes(obj: *mut PyObject, protocol: c_int) -> *mut PyObject { ptr::null_mut() }
        fn cp_loads(
            data: *const c_void,
            len: usize,
            options: *const cp_load_options,
            out: *mut *mut PyObject,
            used: *mut usize,
            err: *mut *mut cp_error,
        ) -> cp_status {
            empty(out);
            empty(used);
            without_buffers(options, err)
        }
        fn cp_load(
            read: cp_read_fn,
            ctx: *mut c_void,
            options: *const cp_load_options,
            out: *mut *mut PyObject,
            err: *mut *mut cp_error,
        ) -> cp_status {
            empty(out);
            without_buffers(options, err)
        }
        fn cp_load_fd(
            fd: c_int,
            options: *const cp_load_options,
            out: *mut *mut PyObject,
            err: *mut *mut cp_error,
        ) -> cp_status {
            empty(out);
            without_buffers(options, err)
        }
        fn cp_load_file(
            file: *mut PyObject,
            options: *const cp_load_options,
            out: *mut *mut PyObject,
            err: *mut *mut cp_error,
        ) -> cp_status {
            empty(out);
            without_buffers(options, err)
        }
        fn cp_loads_bytes(bytes_like: *mut PyObject) -> *mut PyObject { ptr::null_mut() }
        fn cp_install(err: *mut *mut cp_error) -> cp_status { absent(err) }
        fn cp_python_module(out: *mut *mut PyObject, err: *mut *mut cp_error) -> cp_status {
            empty(out);
            absent(err)
        }
        fn cp_register_by_value(module: *mut PyObject, err: *mut *mut cp_error) -> cp_status { absent(err) }
        fn cp_unregister_by_value(module: *mut PyObject, err: *mut *mut cp_error) -> cp_status { absent(err) }
        fn cp_register_by_value_name(module: *const c_char, err: *mut *mut cp_error) -> cp_status { absent(err) }
        fn cp_unregister_by_value_name(module: *const c_char, err: *mut *mut cp_error) -> cp_status { absent(err) }
        fn cp_list_by_value(out: *mut *mut PyObject, err: *mut *mut cp_error) -> cp_status {
            empty(out);
            absent(err)
        }
        fn cp_incref(obj: *mut PyObject) -> *mut PyObject { obj }
        fn cp_decref(obj: *mut PyObject) {}
        fn cp_eval(
            expression: *const c_char,
            args: *mut PyObject,
            out: *mut *mut PyObject,
            err: *mut *mut cp_error,
        ) -> cp_status {
            empty(out);
            absent(err)
        }
        fn cp_import(name: *const c_char, out: *mut *mut PyObject, err: *mut *mut cp_error) -> cp_status {
            empty(out);
            absent(err)
        }
        fn cp_call(
            callable: *mut PyObject,
            args: *const *mut PyObject,
            n_args: usize,
            out: *mut *mut PyObject,
            err: *mut *mut cp_error,
        ) -> cp_status {
            empty(out);
            absent(err)
        }
        fn cp_from_none() -> *mut PyObject { ptr::null_mut() }
        fn cp_from_int64(value: i64) -> *mut PyObject { ptr::null_mut() }
        fn cp_from_double(value: f64) -> *mut PyObject { ptr::null_mut() }
        fn cp_from_utf8(text: *const c_char, len: usize) -> *mut PyObject { ptr::null_mut() }
        fn cp_from_bytes(data: *const c_void, len: usize) -> *mut PyObject { ptr::null_mut() }
        fn cp_as_int64(obj: *mut PyObject, out: *mut i64, err: *mut *mut cp_error) -> cp_status {
            empty(out);
            absent(err)
        }
        fn cp_as_double(obj: *mut PyObject, out: *mut f64, err: *mut *mut cp_error) -> cp_status {
            empty(out);
            absent(err)
        }
        fn cp_str(obj: *mut PyObject, out: *mut cp_buffer, err: *mut *mut cp_error) -> cp_status {
            empty(out);
            absent(err)
        }
        fn cp_repr(obj: *mut PyObject, out: *mut cp_buffer, err: *mut *mut cp_error) -> cp_status {
            empty(out);
            absent(err)
        }
        fn cp_as_buffer(obj: *mut PyObject, out: *mut cp_buffer, err: *mut *mut cp_error) -> cp_status {
            empty(out);
            absent(err)
        }
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn cp_version() -> *const c_char {
    const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => panic!("a version has no NUL inside"),
    };
    VERSION.as_ptr()
}

#[unsafe(no_mangle)]
pub extern "C" fn cp_abi_version() -> u32 {
    ABI
}

/// A result is nothing.
///
/// # Safety
/// NULL or a place that can be written, of a type of which zeroes are a value.
unsafe fn empty<T>(out: *mut T) {
    if !out.is_null() {
        // SAFETY: as the caller says.
        unsafe { out.write_bytes(0, 1) };
    }
}

/// No Python runs.
///
/// # Safety
/// NULL or a place for a report.
unsafe fn absent(err: *mut *mut cp_error) -> cp_status {
    // SAFETY: as the caller says.
    unsafe { say(&Failure::new(CP_ERR_NOT_INITIALIZED, "no Python runs in this process"), err) }
}

/// No Python runs; the buffers in the options are moved in all the same, and end at once.
///
/// # Safety
/// NULL or options, and NULL or a place for a report.
unsafe fn without_buffers(options: *const cp_load_options, err: *mut *mut cp_error) -> cp_status {
    // SAFETY: as the caller says: so many buffers, each of which is given away here.
    unsafe {
        match options::read_known(options) {
            Ok(Some(given)) if !given.buffers.is_null() => {
                for at in 0..given.n_buffers {
                    let place = given.buffers.add(at);
                    let mut buffer = ptr::read(place);
                    (*place).release = None;
                    release(&mut buffer);
                }
            }
            Ok(_) => {}
            Err(failure) => return say(&failure, err),
        }
        absent(err)
    }
}

/// Releases a buffer unless that was done, and zeroes it.
///
/// # Safety
/// NULL or a buffer.
unsafe fn release(buf: *mut cp_buffer) {
    if buf.is_null() {
        return;
    }
    // SAFETY: as the caller says; zeroes are a value; the copy is the only one that is left of its kind.
    unsafe {
        let mut taken = ptr::read(buf);
        buf.write_bytes(0, 1);
        if let Some(end) = taken.release {
            end(&mut taken);
        }
    }
}
