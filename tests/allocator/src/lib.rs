//! The library, linked so that its own allocations, Rust's and those by `malloc`, can be counted and made to fail. Those
//! of Python are not among them.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};

// All of its doors are exported.
use cloudpickle as _;

unsafe extern "C" {
    fn __real_malloc(size: usize) -> *mut c_void;
    fn __real_calloc(count: usize, size: usize) -> *mut c_void;
    fn __real_realloc(old: *mut c_void, size: usize) -> *mut c_void;
    fn __real_posix_memalign(place: *mut *mut c_void, align: usize, size: usize) -> c_int;
    fn __real_free(block: *mut c_void);
}

/// Allocations since `allocator_fail`.
static COUNT: AtomicUsize = AtomicUsize::new(0);
/// Which one fails.
static FAILS: AtomicUsize = AtomicUsize::new(usize::MAX);
/// And how many after it.
static MORE: AtomicUsize = AtomicUsize::new(0);
/// Blocks that were not given back.
static LIVE: AtomicIsize = AtomicIsize::new(0);

/// Lets the allocation of this number fail, counted from now on and from 0, and so many of those that follow it.
#[unsafe(no_mangle)]
pub extern "C" fn allocator_fail(number: usize, more: usize) {
    COUNT.store(0, Ordering::SeqCst);
    MORE.store(more, Ordering::SeqCst);
    FAILS.store(number, Ordering::SeqCst);
}

/// How many there were since.
#[unsafe(no_mangle)]
pub extern "C" fn allocator_count() -> usize {
    COUNT.load(Ordering::SeqCst)
}

/// How many blocks are there.
#[unsafe(no_mangle)]
pub extern "C" fn allocator_live() -> isize {
    LIVE.load(Ordering::SeqCst)
}

fn fails() -> bool {
    let number = COUNT.fetch_add(1, Ordering::SeqCst);
    let first = FAILS.load(Ordering::SeqCst);
    number >= first && number - first <= MORE.load(Ordering::SeqCst)
}

fn counted(block: *mut c_void) -> *mut c_void {
    if !block.is_null() {
        LIVE.fetch_add(1, Ordering::SeqCst);
    }
    block
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_malloc(size: usize) -> *mut c_void {
    // SAFETY: as the caller asks.
    if fails() { ptr::null_mut() } else { counted(unsafe { __real_malloc(size) }) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_calloc(count: usize, size: usize) -> *mut c_void {
    // SAFETY: as the caller asks.
    if fails() { ptr::null_mut() } else { counted(unsafe { __real_calloc(count, size) }) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_realloc(old: *mut c_void, size: usize) -> *mut c_void {
    if fails() {
        return ptr::null_mut();
    }
    // SAFETY: as the caller asks.
    let block = unsafe { __real_realloc(old, size) };
    if old.is_null() { counted(block) } else { block }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_posix_memalign(place: *mut *mut c_void, align: usize, size: usize) -> c_int {
    if fails() {
        return libc::ENOMEM;
    }
    // SAFETY: as the caller asks.
    let failed = unsafe { __real_posix_memalign(place, align, size) };
    if failed == 0 {
        LIVE.fetch_add(1, Ordering::SeqCst);
    }
    failed
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_free(block: *mut c_void) {
    if !block.is_null() {
        LIVE.fetch_sub(1, Ordering::SeqCst);
    }
    // SAFETY: as the caller asks.
    unsafe { __real_free(block) }
}
