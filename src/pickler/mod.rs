//! The pickling engine: one loop over a stack of frames, a memo, and the order of questions that `save` asks.

pub mod atoms;
pub mod base_globals;
pub mod block;
pub mod burst;
pub mod commons;
pub mod containers;
pub mod cutter;
pub mod dicts;
pub mod doors;
pub mod engine;
pub mod frame;
pub mod globals;
mod handover;
pub mod in_person;
pub mod ints;
pub mod items;
pub mod known;
pub mod lease;
mod lesser;
mod log;
pub mod memo;
pub mod memory;
mod nested;
#[cfg(Py_3_14)]
pub mod notes;
pub mod options;
pub mod out;
pub mod paper;
pub mod path;
pub mod plan;
pub mod reduction;
pub mod references;
pub mod script;
pub mod sets;
pub mod sink;
pub mod stack;
pub mod static_types;
pub mod stencil;
mod stretch;
pub mod table;
pub mod text;
pub mod wires;

pub use doors::{dump_to_bytes, dump_to_memory, dump_to_sink, dump_with_memo};
pub use options::{Options, Report, SaysWhere};
pub use out::Memory;
pub use sink::{FileSink, Sink};
