//! The map of this house. Calls go down only:
//!
//! `capi`, `module` → `pickler`, `unpickler` → `reducers`, `reconstruct` → `decide` → `analyzer` → `state` → `py`,
//! `protocol`; `tests/rooms.rs` holds the arrows.

pub mod analyzer;
pub mod capi;
pub mod decide;
pub mod module;
pub mod pickler;
pub mod protocol;
pub mod py;
pub mod reconstruct;
pub mod reducers;
pub mod state;
pub mod unpickler;
