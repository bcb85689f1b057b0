//! The map of this house. Calls go down only:
//!
//! `capi`, `module` → `pickler`, `unpickler` → `reducers`, `reconstruct` → `decide` → `analyzer` → `state` → `py`,
//! `protocol`; `tests/rooms.rs` holds the arrows.

mod analyzer;
pub mod capi;
mod decide;
mod module;
mod pickler;
mod protocol;
mod py;
mod reconstruct;
mod reducers;
mod state;
mod unpickler;
