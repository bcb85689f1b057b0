//! The names that the library asks for and writes.

use pyo3_ffi::*;

use crate::protocol::opcode::{MEMOIZE, SHORT_BINUNICODE};
use crate::py::error::PyResult;
use crate::py::owned::Owned;
use crate::py::text;

/// Makes the struct of interned names: `field = "text"`.
macro_rules! names {
    ($($field:ident = $text:literal;)*) => {
        /// Interned `str` objects.
        pub struct Names { $(pub $field: Name,)* }

        impl Names {
            pub(super) fn new() -> PyResult<Self> {
                Ok(Self { $($field: Name::new($text)?,)* })
            }
        }
    };
}

names! {
    abc_cache = "_abc_cache";
    abc_impl = "_abc_impl";
    abc_negative_cache = "_abc_negative_cache";
    abc_negative_cache_version = "_abc_negative_cache_version";
    abc_registry = "_abc_registry";
    acquire = "acquire";
    add = "add";
    annotate_func = "__annotate_func__";
    annotations = "__annotations__";
    append = "append";
    args = "args";
    bases = "__bases__";
    bound = "__bound__";
    builtins = "builtins";
    builtins_attr = "__builtins__";
    by_value_modules = "_PICKLE_BY_VALUE_MODULES";
    c_pickle = "_pickle";
    class_attr = "__class__";
    closed = "closed";
    closure = "__closure__";
    cloudpickle_module = "cloudpickle.cloudpickle";
    code = "__code__";
    code_type = "CodeType";
    constraints = "__constraints__";
    contravariant = "__contravariant__";
    copy = "copy";
    covariant = "__covariant__";
    data = "data";
    defaults = "__defaults__";
    descriptor_get = "__get__";
    dict = "__dict__";
    doc = "__doc__";
    dot = ".";
    extend = "extend";
    fdel = "fdel";
    fget = "fget";
    file = "__file__";
    firstlineno = "__firstlineno__";
    fset = "fset";
    func = "__func__";
    generate_next_value = "_generate_next_value_";
    get = "get";
    getattr = "getattr";
    getattr_hook = "__getattr__";
    getattribute = "__getattribute__";
    getinitargs = "__getinitargs__";
    getnewargs = "__getnewargs__";
    getnewargs_ex = "__getnewargs_ex__";
    getstate = "__getstate__";
    globals = "__globals__";
    init = "__init__";
    initializing = "_initializing";
    isatty = "isatty";
    items = "items";
    iter = "__iter__";
    key = "key";
    keywords = "keywords";
    kwdefaults = "__kwdefaults__";
    latin1 = "latin1";
    locals = "<locals>";
    locked = "locked";
    main = "__main__";
    member_map = "_member_map_";
    member_names = "_member_names_";
    member_type = "_member_type_";
    mode = "mode";
    module = "__module__";
    modules = "modules";
    mp_main = "__mp_main__";
    mro = "__mro__";
    mro_entries = "__mro_entries__";
    name = "__name__";
    name_of_member = "name";
    new = "__new__";
    objclass = "__objclass__";
    of_partial = "func";
    orig_bases = "__orig_bases__";
    own_name = "_name_";
    own_value = "_value_";
    package = "__package__";
    path = "__path__";
    peek = "peek";
    pop = "pop";
    prepare = "__prepare__";
    qualname = "__qualname__";
    read = "read";
    readinto = "readinto";
    readline = "readline";
    reduce = "__reduce__";
    reduce_ex = "__reduce_ex__";
    register = "register";
    release = "release";
    remove = "_remove";
    rsplit = "rsplit";
    seek = "seek";
    setstate = "__setstate__";
    slotnames = "__slotnames__";
    slots = "__slots__";
    spec = "__spec__";
    split = "split";
    startswith = "startswith";
    stderr = "stderr";
    stdin = "stdin";
    stdout = "stdout";
    submodules = "_cloudpickle_submodules";
    tell = "tell";
    tobytes = "tobytes";
    tracker_by_class = "_DYNAMIC_CLASS_TRACKER_BY_CLASS";
    tracker_by_id = "_DYNAMIC_CLASS_TRACKER_BY_ID";
    tracker_lock = "_DYNAMIC_CLASS_TRACKER_LOCK";
    update = "update";
    value = "value";
    value2member_map = "_value2member_map_";
    weakref = "__weakref__";
    write = "write";
}

/// An interned `str`, held twice, so that no one who sees it takes it for an object of a single holder.
pub struct Name {
    text: Owned,
    #[expect(dead_code, reason = "held for its count")]
    again: Owned,
    /// How protocol 4 and up write it, and how long that is; 0 if it is too long.
    written: [u8; Self::WRITTEN],
    len: u8,
}

impl Name {
    const WRITTEN: usize = 32;

    pub fn new(name: &str) -> PyResult<Self> {
        let mut written = [0; Self::WRITTEN];
        let mut len = name.len() + 3;
        match written.get_mut(..len) {
            Some(all) => {
                all[0] = SHORT_BINUNICODE;
                all[1] = name.len() as u8;
                all[2..len - 1].copy_from_slice(name.as_bytes());
                all[len - 1] = MEMOIZE;
            }
            None => len = 0,
        }
        let text = text::intern(name)?;
        Ok(Self { again: text.clone(), text, written, len: len as u8 })
    }

    /// Lends the `str`.
    #[inline]
    pub fn as_ptr(&self) -> *mut PyObject {
        self.text.as_ptr()
    }

    /// What protocol 4 and up write where it was not met before, with padding, and how long that is without; 0 if this
    /// is not known.
    #[inline]
    pub fn written(&self) -> ([u8; Self::WRITTEN], usize) {
        (self.written, self.len.into())
    }
}
