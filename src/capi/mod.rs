//! The doors of the C API.
