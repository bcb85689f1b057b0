//! The pickle protocol itself: opcodes and their encodings. No Python in here.

pub mod opcode;
pub mod wire;
