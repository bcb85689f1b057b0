//! How to hold a `PyObject`, attach to the interpreter, raise; and what differs between CPython versions.

pub mod error;
pub mod object;
pub mod owned;
pub mod text;
pub mod vec;
