//! The doors of the importable face.

pub mod arguments;
mod chain;
pub mod class;
pub mod definition;
pub mod face;
pub mod functions;
pub mod hooks;
pub mod init;
pub mod install;
pub mod memo_proxy;
pub mod pickler;
pub mod questions;
pub mod reducers;
pub mod tables;
pub mod unpickler;
