//! The stack machine that loads.

mod build;
mod collect;
mod construct;
mod fast;
pub mod globals;
mod input;
mod interned;
mod kept;
mod keys;
mod lines;
mod machine;
pub mod memo;
mod names;
pub mod options;
mod shapes;
pub mod source;
mod stack;

pub use globals::find_class;
