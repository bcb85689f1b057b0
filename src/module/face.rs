//! What the importable face has, made once for an interpreter: the classes, the functions and the tables.

use std::ffi::CStr;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use pyo3_ffi::*;

use super::chain::{self, Chain};
use super::{class, functions, install, memo_proxy, pickler, questions, reducers, tables, unpickler};
use crate::protocol::wire::Wire;
use crate::py::class::version;
use crate::py::contended::locked;
use crate::py::dict_watch::DictWatch;
use crate::py::error::{PyResult, Raised, check, raise};
use crate::py::layout::list_items;
use crate::py::object::{dict_get, each_item, import_from, type_attr};
use crate::py::owned::Owned;
use crate::py::text;
use crate::reconstruct::{table, tracker};
use crate::state::{Name, State};

/// Names of attributes that are asked for at each dump or load.
pub struct Names {
    pub reducer_override: Name,
    pub function_reduce: Name,
    pub dynamic_function_reduce: Name,
    pub function_getnewargs: Name,
    pub persistent_id: Name,
    pub dispatch_table: Name,
    pub find_class: Name,
    pub persistent_load: Name,
}

/// What our own classes have under these names.
pub struct Own {
    pub reducer_override: Owned,
    pub function_reduce: Owned,
    pub dynamic_function_reduce: Owned,
    pub function_getnewargs: Owned,
    pub persistent_id: Owned,
    pub find_class: Owned,
    pub persistent_load: Owned,
}

/// What programs put in the place of what cloudpickle has.
#[derive(Clone, Copy)]
pub struct Replaced {
    /// A function that only Python's way of reducing functions calls.
    pub by_python: bool,
    /// The tables that `Pickler.dispatch_table` chains.
    pub tables: bool,
}

pub struct Face {
    pub names: Names,
    pub own: Own,
    pub pickler_base: Owned,
    pub pickler: Owned,
    pub memo_proxy: Owned,
    pub unpickler: Owned,
    pub unpickler_memo_proxy: Owned,
    /// `Pickler._dispatch_table`, and what was in it at first.
    reducers: Owned,
    reducers_at_first: Owned,
    /// What `Pickler.dispatch_table` is until somebody asks for it, and from then on.
    promised_chain: Owned,
    chain: OnceLock<Chain>,
    /// All that a module of the face has, by name.
    pub attributes: Owned,
    /// `cloudpickle.cloudpickle`, whether or not it was installed.
    pub inner: Owned,
    /// The dict of the first module `libcloudpickle`.
    outer: OnceLock<Owned>,
    watch: DictWatch,
    /// Something is not watched: look each time.
    unwatched: AtomicBool,
    /// The stamps of the watched dicts, and what was found at that time.
    stamps: [AtomicU64; 3],
    by_python: AtomicBool,
    tables: AtomicBool,
    /// The version of our class when its attributes were found to be our own; 0: never.
    version: AtomicU32,
}

/// The face of this interpreter.
#[inline]
pub fn get<'a>() -> PyResult<&'a Face> {
    State::get()?.face.get(make)
}

fn make() -> PyResult<Face> {
    let names = Names {
        reducer_override: Name::new("reducer_override")?,
        function_reduce: Name::new("_function_reduce")?,
        dynamic_function_reduce: Name::new("_dynamic_function_reduce")?,
        function_getnewargs: Name::new("_function_getnewargs")?,
        persistent_id: Name::new("persistent_id")?,
        dispatch_table: Name::new("dispatch_table")?,
        find_class: Name::new("find_class")?,
        persistent_load: Name::new("persistent_load")?,
    };
    let state = State::get()?;
    let pickler_base = pickler::make_base()?;
    let pickler = class::make(&pickler_base)?;
    let unpickler = unpickler::make()?;
    let attributes = attributes(state, &pickler, &unpickler)?;
    let reducers = tables::reducers(state, &attributes)?;
    // SAFETY: a live dict; a new reference or NULL with an exception.
    let reducers_at_first = unsafe { Owned::new(PyDict_Copy(reducers.as_ptr()))? };
    let promised_chain = chain::promise()?;
    set(&pickler, c"_dispatch_table", &reducers)?;
    for name in CHAINED {
        set(&pickler, name, &promised_chain)?;
    }
    let own = |class: &Owned, name: &Name| match type_attr(class.as_ptr().cast(), name.as_ptr()) {
        Some(own) => Ok(own),
        // SAFETY: a static exception type.
        None => Err(raise(unsafe { PyExc_SystemError }, "a class of libcloudpickle lacks a method")),
    };
    let own = Own {
        reducer_override: own(&pickler, &names.reducer_override)?,
        function_reduce: own(&pickler, &names.function_reduce)?,
        dynamic_function_reduce: own(&pickler, &names.dynamic_function_reduce)?,
        function_getnewargs: own(&pickler, &names.function_getnewargs)?,
        persistent_id: own(&pickler, &names.persistent_id)?,
        find_class: own(&unpickler, &names.find_class)?,
        persistent_load: own(&unpickler, &names.persistent_load)?,
    };
    let inner = install::inner(state, &attributes)?;
    let watch = state.package.watch();
    // SAFETY: a live module and its dict.
    let watched = watch.start(reducers.as_ptr()) && watch.start(unsafe { PyModule_GetDict(inner.as_ptr()) });
    Ok(Face {
        names,
        own,
        pickler_base,
        pickler,
        memo_proxy: memo_proxy::make_of_pickler()?,
        unpickler,
        unpickler_memo_proxy: memo_proxy::make_of_unpickler()?,
        reducers,
        reducers_at_first,
        promised_chain,
        chain: OnceLock::new(),
        attributes,
        inner,
        outer: OnceLock::new(),
        watch,
        unwatched: AtomicBool::new(!watched),
        stamps: [const { AtomicU64::new(u64::MAX) }; 3],
        by_python: AtomicBool::new(false),
        tables: AtomicBool::new(false),
        version: AtomicU32::new(0),
    })
}

/// The names that the chained tables have in the class.
const CHAINED: [&CStr; 2] = [c"dispatch_table", c"dispatch"];

fn set(class: &Owned, name: &CStr, value: &Owned) -> PyResult<()> {
    // SAFETY: live objects and NUL-terminated text.
    check(unsafe { PyObject_SetAttrString(class.as_ptr(), name.as_ptr(), value.as_ptr()) }).map(drop)
}

/// Puts functions into a dict by their names.
fn put_functions(dict: &Owned, definitions: &'static [PyMethodDef], module: &Owned) -> PyResult<()> {
    for definition in definitions {
        // SAFETY: a constant that CPython does not write to, with NUL-terminated text; a new reference.
        unsafe {
            let function =
                Owned::new(PyCFunction_NewEx(ptr::from_ref(definition).cast_mut(), ptr::null_mut(), module.as_ptr()))?;
            check(PyDict_SetItemString(dict.as_ptr(), definition.ml_name, function.as_ptr()))?;
        }
    }
    Ok(())
}

/// All that a module of the face has.
fn attributes(state: &State, pickler: &Owned, unpickler: &Owned) -> PyResult<Owned> {
    // SAFETY: attached; new references.
    let dict = unsafe { Owned::new(PyDict_New())? };
    put_functions(&dict, &functions::FUNCTIONS.0, &text::new("libcloudpickle")?)?;
    let theirs = Owned::of(state.wire_module.as_ptr());
    put_functions(&dict, &questions::FUNCTIONS.0, &theirs)?;
    put_functions(&dict, &reducers::FUNCTIONS.0, &theirs)?;
    let put = |name: &str, value: *mut PyObject| {
        let name = text::intern(name)?;
        // SAFETY: live objects.
        check(unsafe { PyDict_SetItem(dict.as_ptr(), name.as_ptr(), value) }).map(drop)
    };
    for (wire, callable) in Wire::ALL.iter().zip(table::callables(state)?) {
        put(wire.name(), callable.as_ptr())?;
    }
    put("Pickler", pickler.as_ptr())?;
    put("CloudPickler", pickler.as_ptr())?;
    put("Unpickler", unpickler.as_ptr())?;
    let tracker = tracker::own()?;
    put("_DYNAMIC_CLASS_TRACKER_BY_CLASS", tracker.by_class.as_ptr())?;
    put("_DYNAMIC_CLASS_TRACKER_BY_ID", tracker.by_id.as_ptr())?;
    // SAFETY: live callables, static objects and types; new references.
    unsafe {
        let lock = import_from(c"_thread", c"allocate_lock")?;
        put("_DYNAMIC_CLASS_TRACKER_LOCK", Owned::new(PyObject_CallNoArgs(lock.as_ptr()))?.as_ptr())?;
        put("PYPY", Py_False())?;
        put("builtin_code_type", Py_None())?;
        put("CellType", (&raw mut PyCell_Type).cast())?;
        let protocol = Owned::new(PyLong_FromLong(crate::protocol::opcode::HIGHEST.into()))?;
        put("DEFAULT_PROTOCOL", protocol.as_ptr())?;
    }
    put("_PICKLE_BY_VALUE_MODULES", state.by_value.as_ptr())?;
    put("_BUILTIN_TYPE_NAMES", tables::builtin_type_names(state)?.as_ptr())?;
    put("_empty_cell_value", tables::empty_cell_value()?.as_ptr())?;
    put("__version__", text::new(env!("CARGO_PKG_VERSION"))?.as_ptr())?;
    Ok(dict)
}

impl Face {
    /// A module of this name has what the face has: look at it from now on, if it is the first.
    pub fn watch_module(&self, module: *mut PyObject) -> PyResult<()> {
        // SAFETY: a live module.
        let dict = Owned::of(unsafe { PyModule_GetDict(module) });
        if self.outer.get().is_none() {
            if !self.watch.start(dict.as_ptr()) {
                self.unwatched.store(true, Ordering::Relaxed);
            }
            let _ = self.outer.set(dict);
        }
        Ok(())
    }

    /// `Pickler.dispatch_table` as it was at first: made now, if nobody asked before.
    pub fn chain(&self) -> PyResult<&Chain> {
        if self.chain.get().is_none() {
            // Another thread may be faster, since this imports a module: its chain is as good.
            let _ = self.chain.set(chain::make(&self.reducers)?);
        }
        let Some(chain) = self.chain.get() else { return Err(Raised) };
        for name in CHAINED {
            let there = type_attr(self.pickler.as_ptr().cast(), text::new(&name.to_string_lossy())?.as_ptr());
            if there.is_some_and(|there| there.as_ptr() == self.promised_chain.as_ptr()) {
                set(&self.pickler, name, &chain.mapping)?;
            }
        }
        Ok(chain)
    }

    /// Is it what `Pickler.dispatch_table` was at first?
    #[inline]
    pub fn is_chain(&self, object: *mut PyObject) -> bool {
        object == self.promised_chain.as_ptr() || self.chain.get().is_some_and(|chain| chain.mapping.as_ptr() == object)
    }

    /// An attribute as it was at first.
    pub fn constant(&self, name: &str) -> PyResult<Owned> {
        let name = text::new(name)?;
        dict_get(self.attributes.as_ptr(), name.as_ptr())?.ok_or_else(|| {
            // SAFETY: a static exception type.
            raise(unsafe { PyExc_AttributeError }, "libcloudpickle lacks a name")
        })
    }

    /// What a program put in the place of a function, in either of the modules.
    fn replacement(&self, name: &str) -> PyResult<Option<Owned>> {
        let first = self.constant(name)?;
        let name = text::new(name)?;
        // SAFETY: a live module.
        let inner = unsafe { PyModule_GetDict(self.inner.as_ptr()) };
        for dict in [Some(inner), self.outer.get().map(Owned::as_ptr)].into_iter().flatten() {
            if let Some(now) = dict_get(dict, name.as_ptr())?
                && now.as_ptr() != first.as_ptr()
            {
                return Ok(Some(now));
            }
        }
        Ok(None)
    }

    /// `_function_getstate` of the moment.
    pub fn function_getstate(&self) -> PyResult<Owned> {
        match self.replacement("_function_getstate")? {
            Some(theirs) => Ok(theirs),
            None => self.constant("_function_getstate"),
        }
    }

    /// What programs put in the place of what was there at first.
    #[inline]
    pub fn replaced(&self) -> PyResult<Replaced> {
        let mut same = !self.unwatched.load(Ordering::Relaxed);
        for (dict, seen) in self.watched().into_iter().zip(&self.stamps) {
            let Some(dict) = dict else { continue };
            let stamp = self.watch.stamp(dict);
            same &= seen.load(Ordering::Acquire) == stamp;
            if !cfg!(Py_GIL_DISABLED) {
                seen.store(stamp, Ordering::Relaxed);
            }
        }
        if !same {
            self.look()?;
        }
        let chained = match self.chain.get() {
            Some(chain) => locked(chain.maps.as_ptr(), || {
                let (len, maps) = list_items(chain.maps.as_ptr());
                let copyreg = State::get()?.imports.dispatch_table.as_ptr();
                // SAFETY: so many items.
                Ok(len == 2 && unsafe { *maps == self.reducers.as_ptr() && *maps.add(1) == copyreg })
            })?,
            None => true,
        };
        Ok(Replaced {
            by_python: self.by_python.load(Ordering::Relaxed),
            tables: !chained || self.tables.load(Ordering::Relaxed),
        })
    }

    /// The dicts in which programs put their own.
    #[inline(always)]
    fn watched(&self) -> [Option<*mut PyObject>; 3] {
        // SAFETY: a live module.
        let inner = unsafe { PyModule_GetDict(self.inner.as_ptr()) };
        [Some(self.reducers.as_ptr()), Some(inner), self.outer.get().map(Owned::as_ptr)]
    }

    #[cold]
    fn look(&self) -> PyResult<()> {
        let state = State::get()?;
        let stamps = cfg!(Py_GIL_DISABLED).then(|| self.watched().map(|dict| dict.map(|dict| self.watch.stamp(dict))));
        self.by_python.store(self.replacement("_function_getstate")?.is_some(), Ordering::Relaxed);
        state.replaced.code_globals.set(self.replacement("_extract_code_globals")?);
        state.replaced.is_registered.set(self.replacement("_is_registered_pickle_by_value")?);
        // SAFETY: two live dicts.
        let mut changed =
            unsafe { PyDict_Size(self.reducers.as_ptr()) != PyDict_Size(self.reducers_at_first.as_ptr()) };
        each_item(self.reducers_at_first.as_ptr(), |ty, first| {
            let now = dict_get(self.reducers.as_ptr(), ty.as_ptr())?;
            changed |= now.is_none_or(|now| now.as_ptr() != first.as_ptr());
            Ok(())
        })?;
        self.tables.store(changed, Ordering::Relaxed);
        // Not before that: until then other threads, which nothing keeps from it without a GIL, have to look, too.
        for (stamp, seen) in stamps.into_iter().flatten().zip(&self.stamps) {
            if let Some(stamp) = stamp {
                seen.store(stamp, Ordering::Release);
            }
        }
        Ok(())
    }

    /// Would an instance of our own class do what cloudpickle does, with nothing replaced?
    #[inline]
    pub fn is_stock(&self) -> PyResult<bool> {
        let replaced = self.replaced()?;
        if replaced.by_python || replaced.tables {
            return Ok(false);
        }
        let class = self.pickler.as_ptr().cast::<PyTypeObject>();
        let number = version(class);
        if number != 0 && number == self.version.load(Ordering::Relaxed) {
            return Ok(true);
        }
        let same = self.attributes_are_own(class);
        // The looking up may have given it one.
        self.version.store(if same { version(class) } else { 0 }, Ordering::Relaxed);
        Ok(same)
    }

    #[cold]
    fn attributes_are_own(&self, class: *mut PyTypeObject) -> bool {
        let (names, own) = (&self.names, &self.own);
        [
            (&names.reducer_override, &own.reducer_override),
            (&names.function_reduce, &own.function_reduce),
            (&names.dynamic_function_reduce, &own.dynamic_function_reduce),
            (&names.function_getnewargs, &own.function_getnewargs),
            (&names.persistent_id, &own.persistent_id),
        ]
        .into_iter()
        .all(|(name, own)| type_attr(class, name.as_ptr()).is_some_and(|found| found.as_ptr() == own.as_ptr()))
            && type_attr(class, names.dispatch_table.as_ptr()).is_some_and(|found| self.is_chain(found.as_ptr()))
    }
}
