//! What a caller asks of a load, and what it learns of a failed one.

use std::ffi::CStr;

use pyo3_ffi::PyObject;

use super::input::Input;
use super::machine::Machine;
use super::memo::Memo;
use super::source::Source;
use crate::py::error::{PyResult, Raised};
use crate::py::owned::Owned;

/// A policy about globals, asked before anything else about each one that a pickle names.
pub trait FindClass {
    /// The object to use, or None to look it up as usual. Both names are `str` objects; the protocol is what the pickle
    /// said that it is.
    fn find(&mut self, module: *mut PyObject, qualname: *mut PyObject, protocol: u8) -> PyResult<Option<Owned>>;
}

/// The keywords of `pickle.loads`, and this library's own.
pub struct Options<'a> {
    pub find_class: Option<&'a mut dyn FindClass>,
    /// A callable.
    pub persistent_load: Option<*mut PyObject>,
    /// An iterable of objects with the buffer protocol, in pickle order.
    pub buffers: Option<*mut PyObject>,
    /// Python 2's names are mapped to today's in protocols below 3.
    pub fix_imports: bool,
    /// Of Python 2's strings; "bytes" leaves them `bytes`.
    pub encoding: &'a CStr,
    pub errors: &'a CStr,
    /// What earlier loads memoised, to which this one adds, also if it fails.
    pub memo: Option<&'a mut Memo>,
    /// No more than so many bytes of a source are read; 0: no limit.
    pub max_bytes: u64,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            find_class: None,
            persistent_load: None,
            buffers: None,
            fix_imports: true,
            encoding: c"ASCII",
            errors: c"strict",
            memo: None,
            max_bytes: 0,
        }
    }
}

/// What a load tells beside the object, or the exception, in whose message the offset is.
#[derive(Debug, Default, Clone, Copy)]
pub struct Report {
    /// `max_bytes` was reached.
    pub limit: bool,
    /// What the pickle said that it is.
    pub protocol: u8,
}

/// Loads the pickle at the start of `data`; also says how many bytes it has.
pub fn load_from_memory(data: &[u8], options: Options<'_>, report: &mut Report) -> PyResult<(Owned, usize)> {
    let input = Input::of_memory(data);
    // Not moved: it is large.
    match &mut Machine::new(input, options) {
        Ok(machine) => machine.lazy().load(report),
        Err(Raised) => Err(Raised),
    }
}

/// Loads one pickle and leaves the source where it ends.
pub fn load_from_source(source: &mut dyn Source, mut options: Options<'_>, report: &mut Report) -> PyResult<Owned> {
    let input = Input::of_source(source, options.max_bytes);
    let kept = options.memo.take();
    let mut machine = Machine::new(input, options)?;
    let Some(kept) = kept else { return machine.lazy().load(report).map(|(object, _)| object) };
    machine.memo = std::mem::take(kept);
    let loaded = machine.load(report).map(|(object, _)| object);
    *kept = std::mem::take(&mut machine.memo);
    loaded
}
