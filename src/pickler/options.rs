//! What a caller of the engine can choose, and what it is told when a dump fails.

use pyo3_ffi::PyObject;

use crate::protocol::opcode::HIGHEST;
use crate::py::error::PyResult;

/// How deep containers, attributes and reductions may lie in each other: far above what data needs, far below what
/// makes a machine suffer when a `__reduce__` never ends.
pub const MAX_DEPTH: usize = 2_000_000;

/// Asked for each PickleBuffer with the buffer: is it to be written in band?
pub type BufferCallback<'a> = &'a mut dyn FnMut(*mut PyObject) -> PyResult<bool>;

/// The choices. Objects are borrowed for the time of the dump.
pub struct Options<'a> {
    /// 0 to 5.
    pub protocol: u8,
    /// Below protocol 3: names of modules as Python 2 had them.
    pub fix_imports: bool,
    /// Fail before the output exceeds this many bytes; 0: no limit.
    pub max_bytes: u64,
    /// Fail when more containers than this wait for what lies in them, as those do not that hold leaves only; a reduction
    /// counts as eight of them and one for each part that is left to write.
    pub max_depth: usize,
    /// As `Pickler.reducer_override`, asked before cloudpickle's own.
    pub reducer_override: Option<*mut PyObject>,
    /// It stands in the place of cloudpickle's own.
    pub replaces_own: bool,
    /// As `Pickler.persistent_id`.
    pub persistent_id: Option<*mut PyObject>,
    /// As `Pickler.dispatch_table`: a mapping from types to reducers, in place of the engine's own and copyreg's.
    pub dispatch_table: Option<*mut PyObject>,
    /// As `Pickler.globals_ref`: a dict, in which hooks may find what functions with the same globals share.
    pub globals_ref: Option<*mut PyObject>,
    /// As `Pickler.fast`: nothing is memoised.
    pub fast: bool,
    /// How an exception says where its culprit lies.
    pub says_where: SaysWhere,
    /// None: all buffers go in band.
    pub buffer_callback: Option<BufferCallback<'a>>,
}

impl Options<'_> {
    /// Is somebody asked about objects, so that each must be there in person?
    pub fn asks(&self) -> bool {
        self.reducer_override.is_some() || self.persistent_id.is_some() || self.dispatch_table.is_some() || self.fast
    }
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            protocol: HIGHEST,
            fix_imports: true,
            max_bytes: 0,
            max_depth: MAX_DEPTH,
            reducer_override: None,
            replaces_own: false,
            persistent_id: None,
            dispatch_table: None,
            globals_ref: None,
            fast: false,
            says_where: SaysWhere::InMessage,
            buffer_callback: None,
        }
    }
}

/// How an exception says where its culprit lies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SaysWhere {
    /// Its message does, or a note if it is no plain message.
    InMessage,
    /// Only notes (PEP 678) do: the message is what others match on.
    InNotes,
}

/// What a failed dump tells beside the exception.
#[derive(Default, Debug)]
pub struct Report {
    /// A limit of the options was reached.
    pub limit: bool,
    /// Where in the root object the culprit sits, such as `obj.conf['db']`; None if it is the root, or if no object is
    /// to blame.
    pub path: Option<String>,
}
