//! By reference or by value.

pub mod registry;
