//! Types of the header: the layout of those that are looked into here, names for the others. tests/table.rs compares the
//! layouts with the header's.

use std::ffi::{c_char, c_void};
use std::mem::offset_of;

use crate::options::Options;

/// A Python object, which only the core looks into.
pub enum PyObject {}
/// A report, of the core's or of `report`'s.
pub enum cp_error {}
pub enum cp_buffers {}
pub enum cp_dump_options {}

/// A callback, which only the core calls.
pub type cp_write_fn = Option<unsafe extern "C" fn()>;
pub type cp_read_fn = Option<unsafe extern "C" fn()>;
pub type cp_find_fn = Option<unsafe extern "C" fn()>;

#[repr(C)]
pub struct cp_buffer {
    pub data: *const u8,
    pub len: usize,
    pub flags: u32,
    pub reserved: u32,
    pub release: Option<unsafe extern "C" fn(buf: *mut cp_buffer)>,
    pub private_data: *mut c_void,
}

#[repr(C)]
pub struct cp_init_options {
    pub struct_size: usize,
    pub flags: u32,
    pub reserved: u32,
    pub program: *const c_char,
    pub libpython: *const c_char,
    pub home: *const c_char,
}

#[repr(C)]
pub struct cp_load_options {
    pub struct_size: usize,
    pub flags: u32,
    pub reserved: u32,
    pub buffers: *mut cp_buffer,
    pub n_buffers: usize,
    pub find_global: cp_find_fn,
    pub find_global_ctx: *mut c_void,
    pub max_bytes: u64,
}

// SAFETY: begins with its size; zeroes are NULL and 0; `home` was the last field of the first version.
unsafe impl Options for cp_init_options {
    const FIRST: usize = offset_of!(Self, home) + size_of::<*const c_char>();
}

// SAFETY: begins with its size; zeroes are NULL and 0; `max_bytes` was the last field of the first version.
unsafe impl Options for cp_load_options {
    const FIRST: usize = offset_of!(Self, max_bytes) + size_of::<u64>();
}
