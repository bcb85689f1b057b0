//! Where CPython versions pickle the same object differently: one row each.

use super::attach::patch_level;

/// A last batch of one is written as a single item, and no empty batch follows full ones (gh-135573).
pub const SHORT_LAST_BATCH: bool = cfg!(Py_3_15);

/// Below protocol 4 a dotted name becomes nested calls of `getattr` from the module's attribute on, rather than one
/// call on what holds the last part.
pub const GETATTR_CHAIN: bool = cfg!(Py_3_13);

/// A global is written under the name that was found or given, even if that is an object of a subclass of str; before,
/// what the module itself has as an attribute is written under the last part of the name, as a plain str.
pub const KEEPS_NAME: bool = cfg!(Py_3_14);

/// What lies inside a function is refused with PicklingError and the object; before, with AttributeError and its name.
pub const LOCAL_IS_PICKLING_ERROR: bool = cfg!(Py_3_14);

/// Two errors say "Can't get local object" and "can only be pickled"; before, "Can't pickle local object" and "can only
/// pickled". An extension code that is none is RuntimeError or TypeError; before, PicklingError. (gh-122311, in 3.12 from
/// a patch release on.)
pub fn words_are_mended() -> bool {
    cfg!(Py_3_13) || cfg!(Py_3_12) && patch_level() >= 5
}

/// A list whose size changes while it is pickled is an error, at the end of the batch in which that is.
pub const LIST_IS_WATCHED: bool = cfg!(Py_3_14);

/// The words of `_pickle.c` for what a reduce value must be, as they were made anew in 3.14: they name what was given.
pub const NAMES_WHAT_IT_GOT: bool = cfg!(Py_3_14);

/// A module that cannot be imported is refused with the words of the import; before, without them.
pub const IMPORT_SAYS_WHY: bool = cfg!(Py_3_14);
