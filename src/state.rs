//! What is kept for one interpreter, in one list: names, things imported once.
//!
//! It hangs on the interpreter (`PyInterpreterState_GetDict`), so each interpreter has its own and takes it along when
//! it ends. Each thread remembers which interpreter it asked last, so that the usual single one costs a compare.

use std::cell::Cell;
use std::ffi::{CStr, c_void};
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3_ffi::*;

use crate::protocol::wire::{MODULE, Wire};
use crate::py::error::{PyResult, Raised, raise};
use crate::py::object::{import, import_from};
use crate::py::owned::Owned;

/// Makes the struct of interned names: `field = "text"`.
macro_rules! names {
    ($($field:ident = $text:literal;)*) => {
        /// Interned `str` objects.
        pub struct Names { $(pub $field: Name,)* }

        impl Names {
            fn new() -> PyResult<Self> {
                Ok(Self { $($field: Name::new($text)?,)* })
            }
        }
    };
}

names! {
    abc_impl = "_abc_impl";
    add = "add";
    append = "append";
    builtins = "builtins";
    builtins_attr = "__builtins__";
    class_attr = "__class__";
    closure = "__closure__";
    cloudpickle_module = "cloudpickle.cloudpickle";
    data = "data";
    dict = "__dict__";
    doc = "__doc__";
    extend = "extend";
    file = "__file__";
    firstlineno = "__firstlineno__";
    getattr = "getattr";
    getinitargs = "__getinitargs__";
    globals = "__globals__";
    initializing = "_initializing";
    items = "items";
    latin1 = "latin1";
    main = "__main__";
    module = "__module__";
    modules = "modules";
    mro_entries = "__mro_entries__";
    name = "__name__";
    new = "__new__";
    newobj = "__newobj__";
    newobj_ex = "__newobj_ex__";
    orig_bases = "__orig_bases__";
    package = "__package__";
    path = "__path__";
    peek = "peek";
    prepare = "__prepare__";
    qualname = "__qualname__";
    read = "read";
    readinto = "readinto";
    readline = "readline";
    reduce = "__reduce__";
    reduce_ex = "__reduce_ex__";
    register = "register";
    remove = "_remove";
    setstate = "__setstate__";
    spec = "__spec__";
    submodules = "_cloudpickle_submodules";
    tracker_by_class = "_DYNAMIC_CLASS_TRACKER_BY_CLASS";
    tracker_by_id = "_DYNAMIC_CLASS_TRACKER_BY_ID";
    update = "update";
    write = "write";
}

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
            fn new() -> PyResult<Self> {
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
        dispatch_table = c"copyreg".c"dispatch_table";
        extension_registry = c"copyreg".c"_extension_registry";
        pickling_error = c"_pickle".c"PicklingError";
        unpickling_error = c"_pickle".c"UnpicklingError";
    }
    when asked {
        codecs_encode = c"codecs".c"encode";
        extension_cache = c"copyreg".c"_extension_cache";
        import_mapping_2to3 = c"_compat_pickle".c"IMPORT_MAPPING";
        import_mapping_3to2 = c"_compat_pickle".c"REVERSE_IMPORT_MAPPING";
        inverted_registry = c"copyreg".c"_inverted_registry";
        keyed_ref = c"weakref".c"KeyedRef";
        name_mapping_2to3 = c"_compat_pickle".c"NAME_MAPPING";
        name_mapping_3to2 = c"_compat_pickle".c"REVERSE_NAME_MAPPING";
        ordered_dict = c"collections".c"OrderedDict";
        partial = c"functools".c"partial";
        typing_typevar = c"typing".c"TypeVar";
        urandom = c"os".c"urandom";
        weak_key_dictionary = c"weakref".c"WeakKeyDictionary";
        weak_value_dictionary = c"weakref".c"WeakValueDictionary";
    }
}

/// Everything that is kept for one interpreter.
pub struct State {
    pub names: Names,
    pub imports: Imports,
    /// `sys.modules`.
    pub modules: Owned,
    /// The callables of what a pickle calls, made when first asked for.
    pub reconstructors: OnceLock<Vec<Owned>>,
    /// Our own class tracker: class to id, id to class.
    pub tracker: OnceLock<(Owned, Owned)>,
    /// The module of the names in the bytes, and those names in the order of [`Wire::ALL`].
    pub wire_module: Name,
    pub wire_names: Vec<Name>,
}

/// Counts the states that ended, so that a thread knows when what it remembers may be of an interpreter that is gone.
static ENDED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The interpreter that this thread asked last, its state, and `ENDED` at that time.
    static LAST: Cell<(*mut PyInterpreterState, *const State, u64)> =
        const { Cell::new((ptr::null_mut(), ptr::null(), 0)) };
}

const CAPSULE: &CStr = c"libcloudpickle.state";

impl State {
    /// The state of the interpreter that the calling thread is attached to, made at the first call.
    ///
    /// The reference is good while the thread stays attached to this interpreter.
    #[inline]
    pub fn get<'a>() -> PyResult<&'a Self> {
        // SAFETY: attached.
        let interpreter = unsafe { PyInterpreterState_Get() };
        let (last, state, ended) = LAST.get();
        if last == interpreter && ended == ENDED.load(Ordering::Acquire) {
            // SAFETY: found for this interpreter, and none has ended since, this one least of all: it runs us.
            return Ok(unsafe { &*state });
        }
        Self::find(interpreter)
    }

    #[cold]
    fn find<'a>(interpreter: *mut PyInterpreterState) -> PyResult<&'a Self> {
        // SAFETY: attached; the dict is borrowed from the interpreter, the capsule from the dict.
        unsafe {
            let dict = PyInterpreterState_GetDict(interpreter);
            if dict.is_null() {
                return Err(raise(PyExc_RuntimeError, "the interpreter has no dict for the state of extensions"));
            }
            let capsule = PyDict_GetItemString(dict, CAPSULE.as_ptr());
            let state = if capsule.is_null() {
                Self::create(dict)?
            } else {
                let state = PyCapsule_GetPointer(capsule, CAPSULE.as_ptr()).cast::<Self>();
                if state.is_null() {
                    return Err(Raised);
                }
                state
            };
            LAST.set((interpreter, state, ENDED.load(Ordering::Acquire)));
            Ok(&*state)
        }
    }

    /// # Safety
    /// `dict` is the interpreter's.
    unsafe fn create(dict: *mut PyObject) -> PyResult<*mut Self> {
        let sys = import(c"sys")?;
        // SAFETY: live, held by `sys`.
        let modules = unsafe { Owned::new(PyObject_GetAttrString(sys.as_ptr(), c"modules".as_ptr()))? };
        let wire_names = Wire::ALL.iter().map(|wire| Name::new(wire.name())).collect::<PyResult<_>>()?;
        let state = Box::into_raw(Box::new(Self {
            names: Names::new()?,
            imports: Imports::new()?,
            modules,
            reconstructors: OnceLock::new(),
            tracker: OnceLock::new(),
            wire_module: Name::new(MODULE)?,
            wire_names,
        }));
        // SAFETY: the capsule takes the box over once it lies in the dict; until then it is freed here.
        unsafe {
            let capsule = match Owned::new(PyCapsule_New(state.cast(), CAPSULE.as_ptr(), Some(destroy))) {
                Ok(capsule) => capsule,
                Err(raised) => {
                    drop(Box::from_raw(state));
                    return Err(raised);
                }
            };
            if PyDict_SetItemString(dict, CAPSULE.as_ptr(), capsule.as_ptr()) < 0 {
                return Err(Raised);
            }
        }
        Ok(state)
    }
}

/// Ends the state together with its interpreter.
unsafe extern "C" fn destroy(capsule: *mut PyObject) {
    // SAFETY: CPython calls this once, with the capsule that `create` made, attached to its interpreter.
    unsafe {
        let state: *mut c_void = PyCapsule_GetPointer(capsule, CAPSULE.as_ptr());
        ENDED.fetch_add(1, Ordering::AcqRel);
        drop(Box::from_raw(state.cast::<State>()));
    }
}

/// An interned `str`, held twice, so that no one who sees it takes it for an object of a single holder.
pub struct Name(Owned, #[expect(dead_code, reason = "held for its count")] Owned);

impl Name {
    pub fn new(text: &str) -> PyResult<Self> {
        let name = intern(text)?;
        Ok(Self(name.clone(), name))
    }

    /// Lends the `str`.
    #[inline]
    pub fn as_ptr(&self) -> *mut PyObject {
        self.0.as_ptr()
    }
}

fn intern(text: &str) -> PyResult<Owned> {
    let mut name = crate::py::text::new(text)?.into_ptr();
    // SAFETY: a new str that only we hold; the call may exchange it for its equal.
    unsafe {
        PyUnicode_InternInPlace(&mut name);
        Owned::new(name)
    }
}
