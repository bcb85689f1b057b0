//! What is wrong with a pickle, in words: with the offset of the opcode at work.

use pyo3_ffi::*;

use super::input::Short;
use super::machine::Machine;
use super::stack::Underflow;
use crate::py::error::{Raised, raise};
use crate::py::message::message;

impl Machine<'_, '_> {
    /// UnpicklingError with the offset.
    #[cold]
    pub(super) fn fail(&self, message: &str) -> Raised {
        self.state.imports.unpickling_error().map_or_else(|raised| raised, |error| self.fail_with(error, message))
    }

    /// ValueError with the offset.
    #[cold]
    pub(super) fn fail_value(&self, message: &str) -> Raised {
        // SAFETY: exception types live as long as the interpreter.
        self.fail_with(unsafe { PyExc_ValueError }, message)
    }

    #[cold]
    pub(super) fn fail_with(&self, exception: *mut PyObject, message: &str) -> Raised {
        raise(exception, &message!("{message} (at byte {})", self.at))
    }

    #[cold]
    pub(super) fn underflow(&self, _: Underflow) -> Raised {
        self.fail(if self.stack.has_mark() { "unexpected MARK found" } else { "unpickling stack underflow" })
    }

    #[cold]
    pub(super) fn short(&mut self, short: Short) -> Raised {
        match short {
            Short::End => self.fail("pickle data was truncated"),
            Short::Frame => self.fail("pickle exhausted before end of frame"),
            Short::Limit => {
                self.limit_reached = true;
                self.fail(&message!("the pickle is longer than the {} bytes allowed", self.options.max_bytes))
            }
            Short::Raised => Raised,
        }
    }

    #[cold]
    pub(super) fn out_of_input(&self) -> Raised {
        // SAFETY: exception types live as long as the interpreter.
        self.fail_with(unsafe { PyExc_EOFError }, "Ran out of input")
    }

    #[cold]
    pub(super) fn no_persistent_load(&self) -> Raised {
        self.fail("A load persistent id instruction was encountered, but no persistent_load function was specified.")
    }

    #[cold]
    pub(super) fn unknown(&self, code: u8) -> Raised {
        match code {
            b' '..=b'~' if code != b'\'' && code != b'\\' => {
                self.fail(&message!("invalid load key, '{}'.", code as char))
            }
            _ => self.fail(&message!("invalid load key, '\\x{code:02x}'.")),
        }
    }
}
