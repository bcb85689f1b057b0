//! The stack machine that loads.

mod arguments;
mod build;
mod calls;
mod code_span;
mod codes;
mod collect;
mod construct;
mod directory;
mod failures;
mod fast;
pub mod globals;
mod input;
mod interned;
mod kept;
mod keys;
mod lines;
mod machine;
pub mod memo;
mod named;
mod names;
pub mod options;
mod promises;
mod rows;
mod shapes;
pub mod source;
mod stack;
mod states;

pub use globals::find_class;
