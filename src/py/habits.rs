//! Where CPython versions pickle the same object differently: one row each.

/// A last batch of one is written as a single item, and no empty batch follows full ones (gh-135573).
pub const SHORT_LAST_BATCH: bool = cfg!(Py_3_15);

/// Below protocol 4 a dotted name becomes nested calls of `getattr` from the module's attribute on, rather than one
/// call on what holds the last part.
pub const GETATTR_CHAIN: bool = cfg!(Py_3_13);
