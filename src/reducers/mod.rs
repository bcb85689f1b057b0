//! What each kind of object is made of: one file a kind.

pub mod builtin_types;
pub mod cell;
pub mod class;
pub mod code;
pub mod function;
pub mod joined;
pub mod method;
pub mod module;
pub mod table;
