//! Loading.

pub mod standard;
