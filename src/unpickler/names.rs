//! Names that stand in most pickles of functions and classes: each is one interned `str` of the interpreter, so that it
//! is neither made nor hashed again. They are keys and names of attributes, which CPython would intern anyway.

use pyo3_ffi::PyObject;

use crate::protocol::wire::{MODULE, Wire};
use crate::py::error::PyResult;
use crate::py::owned::Owned;
use crate::py::text;
use crate::py::vec::gather;
use crate::py::words::equal;

/// Beside those of the wire: what cloudpickle writes of functions and classes.
const NAMES: &[&str] = &[
    MODULE,
    "_abc_impl",
    "_cloudpickle_submodules",
    "__annotations__",
    "__closure__",
    "__dataclass_fields__",
    "__dataclass_params__",
    "__defaults__",
    "__doc__",
    "__file__",
    "__firstlineno__",
    "__getstate__",
    "__globals__",
    "__hash__",
    "__init__",
    "__kwdefaults__",
    "__match_args__",
    "__module__",
    "__name__",
    "__package__",
    "__parameters__",
    "__path__",
    "__qualname__",
    "__repr__",
    "__slotnames__",
    "__slots__",
    "__static_attributes__",
];

/// Slots of the table, a power of two well above the number of names.
const SLOTS: usize = 256;
/// Shorter texts are not looked for.
const SHORTEST: usize = 7;
const LONGEST: usize = 40;

/// Lengths of the names that do not begin with an underscore.
const OTHERS: [usize; 3] = [MODULE.len(), "dynamic_subimport".len(), "subimport".len()];

/// The table, open addressing.
pub struct Names {
    slots: Vec<Option<(&'static str, Owned)>>,
}

impl Names {
    pub fn new() -> PyResult<Self> {
        let mut slots: Vec<Option<(&'static str, Owned)>> = gather((0..SLOTS).map(|_| None))?;
        for name in NAMES.iter().copied().chain(Wire::ALL.iter().map(|wire| wire.name())) {
            debug_assert!(name.starts_with('_') || OTHERS.contains(&name.len()));
            let mut at = place(name.as_bytes());
            while slots[at].is_some() {
                at = (at + 1) % SLOTS;
            }
            slots[at] = Some((name, text::intern(name)?));
        }
        Ok(Self { slots })
    }

    /// The interned `str` of a text, if it is one of the names; borrowed.
    #[inline(always)]
    pub fn find(&self, data: &[u8]) -> Option<*mut PyObject> {
        if !(SHORTEST..=LONGEST).contains(&data.len()) || data[0] != b'_' && !OTHERS.contains(&data.len()) {
            return None;
        }
        let mut at = place(data);
        while let Some((name, object)) = &self.slots[at] {
            if name.len() == data.len() && equal(name.as_bytes(), data) {
                return Some(object.as_ptr());
            }
            at = (at + 1) % SLOTS;
        }
        None
    }
}

/// Where to look first. The text has at least `SHORTEST` bytes.
#[inline]
fn place(data: &[u8]) -> usize {
    let half = |at: usize| u32::from_le_bytes([data[at], data[at + 1], data[at + 2], data[at + 3]]);
    let mixed = u64::from(half(2)) ^ u64::from(half(data.len() - 4)) << 29 ^ data.len() as u64;
    (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize % SLOTS
}
