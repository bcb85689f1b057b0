//! What the library takes from the standard library.

use std::sync::OnceLock;

use pyo3_ffi::*;

use crate::py::error::{PyResult, Raised, raise};
use crate::py::object::import_from;
use crate::py::owned::Owned;

/// Makes the struct of what is imported when the state is made, and the getters of what is imported when first asked
/// for.
macro_rules! imports {
    (
        at once { $($field:ident = $module:literal . $name:literal;)* }
        when asked { $($lazy:ident = $lmodule:literal . $lname:literal;)* }
    ) => {
        /// Objects of the standard library.
        pub struct Imports { $(pub $field: Owned,)* $($lazy: OnceLock<Owned>,)* }

        impl Imports {
            pub(super) fn new() -> PyResult<Self> {
                Ok(Self { $($field: import_from($module, $name)?,)* $($lazy: OnceLock::new(),)* })
            }

            $(
                /// Imported at the first call; a borrowed reference.
                pub fn $lazy(&self) -> PyResult<*mut PyObject> {
                    if self.$lazy.get().is_none() {
                        let value = import_from($lmodule, $lname)?;
                        let _ = self.$lazy.set(value);
                    }
                    self.$lazy.get().map(Owned::as_ptr).ok_or(Raised)
                }
            )*
        }
    };
}

imports! {
    at once {
        abc = c"abc".c"ABC";
        abc_get_dump = c"_abc".c"_get_dump";
        abc_meta = c"abc".c"ABCMeta";
        // What `__builtins__` is in a module that was imported.
        builtins_dict = c"builtins".c"__dict__";
        dispatch_table = c"copyreg".c"dispatch_table";
        getattr = c"builtins".c"getattr";
        extension_registry = c"copyreg".c"_extension_registry";
    }
    when asked {
        codecs_encode = c"codecs".c"encode";
        extension_cache = c"copyreg".c"_extension_cache";
        format_exception = c"traceback".c"format_exception";
        import_mapping_2to3 = c"_compat_pickle".c"IMPORT_MAPPING";
        import_mapping_3to2 = c"_compat_pickle".c"REVERSE_IMPORT_MAPPING";
        inverted_registry = c"copyreg".c"_inverted_registry";
        keyed_ref = c"weakref".c"KeyedRef";
        name_mapping_2to3 = c"_compat_pickle".c"NAME_MAPPING";
        name_mapping_3to2 = c"_compat_pickle".c"REVERSE_NAME_MAPPING";
        ordered_dict = c"collections".c"OrderedDict";
        partial = c"functools".c"partial";
        // This module imports functools and with it collections, which takes longer than all the rest.
        pickling_error = c"_pickle".c"PicklingError";
        remove_dead_weakref = c"_weakref".c"_remove_dead_weakref";
        typing_typevar = c"typing".c"TypeVar";
        unpickling_error = c"_pickle".c"UnpicklingError";
        urandom = c"os".c"urandom";
        weak_key_dictionary = c"weakref".c"WeakKeyDictionary";
        weak_value_dictionary = c"weakref".c"WeakValueDictionary";
    }
}

impl Imports {
    /// Raises PicklingError. Foreign code may run before, where nobody has imported `_pickle`.
    #[cold]
    pub fn raise_pickling(&self, message: &str) -> Raised {
        self.pickling_error().map_or_else(|raised| raised, |exception| raise(exception, message))
    }

    /// Raises UnpicklingError; as above.
    #[cold]
    pub fn raise_unpickling(&self, message: &str) -> Raised {
        self.unpickling_error().map_or_else(|raised| raised, |exception| raise(exception, message))
    }
}
