//! What a pickle calls when it is loaded.

mod cell;
mod class;
pub mod code;
mod enumeration;
pub mod function;
mod imports;
pub mod table;
pub mod tracker;
mod typevar;
mod views;
