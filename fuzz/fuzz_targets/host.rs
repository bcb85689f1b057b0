//! A host that loads whatever it is given, from memory and from a callback, with a policy about globals.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::sync::Once;

use cloudpickle::capi::host::cp_decref;
use cloudpickle::capi::interpreter::cp_initialize;
use cloudpickle::capi::load::{cp_load, cp_load_options, cp_loads};
use cloudpickle::capi::status::cp_status_value::{CP_ERR_INTERNAL, CP_OK};

/// May the pickle have this global?
pub type Policy = fn(module: &str, name: &str) -> bool;

unsafe extern "C" fn find<O>(
    policy: *mut c_void,
    module: *const c_char,
    name: *const c_char,
    _: *mut *mut O,
) -> c_int {
    // SAFETY: the context is the policy's address, the texts are the library's.
    unsafe {
        let policy: Policy = std::mem::transmute(policy);
        let text = |text| CStr::from_ptr(text).to_str();
        match (text(module), text(name)) {
            (Ok(module), Ok(name)) if policy(module, name) => 0,
            _ => -1,
        }
    }
}

unsafe extern "C" fn read(rest: *mut c_void, into: *mut u8, len: usize) -> isize {
    // SAFETY: the context is what is left, and the library gives room for so many bytes.
    unsafe {
        let rest = &mut *rest.cast::<&[u8]>();
        let (given, left) = rest.split_at(len.min(rest.len()));
        ptr::copy_nonoverlapping(given.as_ptr(), into, given.len());
        *rest = left;
        given.len() as isize
    }
}

/// Loads the data in both ways, which must agree about failing.
pub fn load(mut data: &[u8], policy: Policy) {
    static START: Once = Once::new();
    START.call_once(|| {
        // SAFETY: no options.
        let status = unsafe { cp_initialize(ptr::null(), ptr::null_mut()) };
        assert_eq!(status, CP_OK as i32);
    });
    let options = || cp_load_options {
        struct_size: size_of::<cp_load_options>(),
        flags: 0,
        reserved: 0,
        buffers: ptr::null_mut(),
        n_buffers: 0,
        find_global: Some(find),
        find_global_ctx: policy as *mut c_void,
        max_bytes: 0,
    };
    let mut objects = [ptr::null_mut(); 2];
    // SAFETY: the data lives, and there is a place for each result.
    unsafe {
        let (pointer, len) = (data.as_ptr().cast(), data.len());
        let first = cp_loads(pointer, len, &options(), &mut objects[0], ptr::null_mut(), ptr::null_mut());
        let rest = (&raw mut data).cast();
        let second = cp_load(Some(read), rest, &options(), &mut objects[1], ptr::null_mut());
        // A panic ends in this status.
        assert!(first != CP_ERR_INTERNAL as i32 && second != CP_ERR_INTERNAL as i32);
        assert_eq!(first == CP_OK as i32, second == CP_OK as i32, "{first} from memory, {second} from a callback");
        for object in objects {
            cp_decref(object);
        }
    }
}
