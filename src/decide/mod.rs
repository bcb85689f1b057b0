//! By reference or by value.

pub mod by_reference;
pub mod registry;
