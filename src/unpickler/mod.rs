//! The stack machine that loads.

mod build;
mod collect;
mod construct;
mod globals;
mod input;
mod lines;
mod machine;
mod memo;
mod names;
pub mod options;
pub mod source;
mod stack;
