//! The doors of the C API, one file for each section of the header, in which they come in this order: status, error,
//! buffer, interpreter, version, dump, load, registry, host. `include/cloudpickle.h` is made of their signatures and
//! comments; header/ makes it.
//!
//! In these files the comment of a function is its contract for callers in C, so there are no `# Safety` sections. Names
//! are those of C.
#![allow(non_camel_case_types, clippy::missing_safety_doc)]

pub mod buffer;
pub mod dump;
pub mod error;
pub mod host;
pub mod interpreter;
pub mod load;
pub mod registry;
pub mod status;
pub mod version;

pub mod enter;
pub mod failure;
pub mod guard;

mod argument;
mod host_buffer;
mod options;
mod raised;
mod runtime;
mod signals;
mod sinks;
mod sources;
