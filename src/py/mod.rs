//! How to hold a `PyObject`, attach to the interpreter, raise; and what differs between CPython versions.
//!
//! The convention of this whole crate, which spares a `# Safety` section that says the same at every function: where
//! a function takes a `*mut PyObject`, the thread is attached to the interpreter, and the pointer is a live object that
//! stays alive during the call (a borrowed reference). Where it may be NULL, its comment says so. A function that asks
//! for more is `unsafe` and says what.

pub mod attach;
pub mod bytecode;
pub mod bytes;
pub mod class;
pub mod code;
pub mod collections;
pub mod collector;
pub mod contended;
pub mod dict;
pub mod dict_find;
pub mod dict_watch;
pub mod error;
pub mod foreign;
pub mod fresh;
pub mod function;
pub mod guarded;
pub mod habits;
pub mod instance;
pub mod layout;
pub mod lookup;
pub mod member;
pub mod message;
pub mod new_code;
pub mod number;
pub mod object;
pub mod owned;
pub mod pages;
pub mod remembered;
pub mod shared;
pub mod text;
pub mod trampoline;
pub mod types;
pub mod undeclared;
pub mod vec;
pub mod words;
