//! What is kept for one interpreter, in one list: names, things imported once.
//!
//! It hangs on the interpreter (`PyInterpreterState_GetDict`), so each interpreter has its own and takes it along when
//! it ends. Each thread remembers which interpreter it asked last, so that the usual single one costs a compare.

mod imports;
mod names;
pub mod package;
mod room;

use std::cell::Cell;
use std::ffi::{CStr, c_void};
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use pyo3_ffi::*;

pub use self::imports::Imports;
pub use self::names::{Name, Names};
pub use self::room::Room;

use crate::protocol::wire::{MODULE, Wire};
use crate::py::attach::Home;
use crate::py::dict_watch::DictWatch;
use crate::py::error::{Aside, PyResult, Raised, clear, occurred, raise};
use crate::py::object::{dict_get, import};
use crate::py::owned::Owned;
use crate::py::shared::Shared;
use crate::py::vec::{try_box, try_gather};

/// A function that a program may have put in the place of one of cloudpickle's.
#[derive(Default)]
pub struct Replacement(AtomicPtr<PyObject>);

impl Replacement {
    /// The program's function, if there is one.
    #[inline]
    pub fn get(&self) -> Option<Owned> {
        let object = self.0.load(Ordering::Acquire);
        (!object.is_null()).then(|| Owned::of(object))
    }

    /// From now on this one, or none.
    pub fn set(&self, object: Option<Owned>) {
        let old = self.0.swap(object.map_or(ptr::null_mut(), Owned::into_ptr), Ordering::AcqRel);
        // Without a GIL another thread may have read the old one and not hold it yet: it is never dropped.
        if cfg!(Py_GIL_DISABLED) {
            return;
        }
        // SAFETY: NULL, or the reference that was kept here.
        drop(unsafe { Owned::new_or_none(old) });
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        self.set(None);
    }
}

/// The functions that programs put their own in the place of, and that the rooms below the importable face call.
#[derive(Default)]
pub struct Replaced {
    /// `_extract_code_globals`
    pub code_globals: Replacement,
    /// `_is_registered_pickle_by_value`
    pub is_registered: Replacement,
}

/// Everything that is kept for one interpreter.
pub struct State {
    pub names: Names,
    pub imports: Imports,
    /// The callables of what a pickle calls.
    pub reconstructors: Room,
    /// What the analyzer keeps: where it caches, and an index of `sys.modules`.
    pub analyzer: Room,
    /// `_BUILTIN_TYPE_NAMES` of cloudpickle.
    pub builtin_type_names: Room,
    /// The importable face.
    pub face: Room,
    /// Tells of changes in `copyreg.dispatch_table`; None if nothing does.
    pub table_watch: Option<DictWatch>,
    /// The package cloudpickle, as it was last found.
    pub package: package::Last,
    /// Our own class tracker.
    pub tracker: Room,
    /// The functions that pickles name, as the last dump had them.
    pub wires: Room,
    /// Where code objects keep the stretch of a pickle that they make.
    pub code_stencils: Room,
    /// Stretches of the pickles of functions.
    pub function_stencils: Room,
    /// Names of types that the reducers know and that lie in modules.
    pub module_types: Room,
    /// Types of `builtins`, and their names in pickles.
    pub static_types: Room,
    /// What most pickles of functions have in common.
    pub commons: Room,
    /// Picklers that wait for the next dump.
    pub picklers: Room,
    /// Functions and classes that went by reference.
    pub references: Room,
    /// The order of the members of classes.
    pub class_orders: Room,
    /// How instances of classes are reduced.
    pub instance_shapes: Room,
    /// What `enum` has.
    pub enum_module: Room,
    /// The code by which namedtuples give their items.
    pub named_tuples: Room,
    /// Names that are in most pickles.
    pub unpickler: Room,
    /// `sys.__dict__`.
    pub sys_dict: Owned,
    /// The module of the names in the bytes, and those names in the order of [`Wire::ALL`].
    pub wire_module: Name,
    pub wire_names: Vec<Name>,
    /// The `str` by which `__main__` calls itself, once it was met: another one than in `names`.
    pub main: OnceLock<Owned>,
    /// Names of the modules whose members are pickled by value, as long as cloudpickle keeps no such set here.
    pub by_value: Owned,
    /// What programs put in the place of cloudpickle's functions.
    pub replaced: Replaced,
    /// For what must come back to this interpreter from any thread.
    pub home: Shared<Home, true>,
    /// The type of the objects that own out-of-band buffers of the host, made when first asked for.
    pub buffer_type: OnceLock<Owned>,
}

impl Drop for State {
    fn drop(&mut self) {
        self.home.end();
    }
}

/// Counts the states that ended, so that a thread knows when what it remembers may be of an interpreter that is gone.
static ENDED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The interpreter that this thread asked last, its state, and `ENDED` at that time.
    static LAST: Cell<(*mut PyInterpreterState, *const State, u64)> =
        const { Cell::new((ptr::null_mut(), ptr::null(), 0)) };
}

const CAPSULE: &CStr = c"libcloudpickle.state";

/// The state's name in the interpreter's dict: another one for each copy of this library in the process, since copies of
/// two versions would not understand each other's.
fn key() -> PyResult<Owned> {
    // SAFETY: the format takes one pointer; a new reference or an exception.
    unsafe { Owned::new(PyUnicode_FromFormat(c"libcloudpickle.state.%p".as_ptr(), &raw const ENDED)) }
}

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

    /// `sys.modules`, as it is now: programs put another dict there.
    #[inline]
    pub fn modules(&self) -> PyResult<Owned> {
        if let Some(modules) = package::ask(self, |package| package.modules.clone())? {
            return Ok(modules);
        }
        match dict_get(self.sys_dict.as_ptr(), self.names.modules.as_ptr())? {
            Some(modules) => Ok(modules),
            // SAFETY: the exception types are there for the interpreter's life.
            None => Err(raise(unsafe { PyExc_AttributeError }, "module 'sys' has no attribute 'modules'")),
        }
    }

    /// One of the exception types of `_pickle`, with which nobody can have raised anything before that is imported. The
    /// exception that is set is left alone.
    #[cold]
    pub fn pickle_type(&self, get: impl FnOnce(&Imports) -> PyResult<*mut PyObject>) -> Option<*mut PyObject> {
        let aside = Aside::put();
        let imported = self.modules().and_then(|modules| dict_get(modules.as_ptr(), self.names.c_pickle.as_ptr()));
        let ty = imported.and_then(|module| module.map(|_| get(&self.imports)).transpose());
        if ty.is_err() {
            clear();
        }
        if let Some(aside) = aside {
            aside.back();
        }
        ty.unwrap_or(None)
    }

    #[cold]
    fn find<'a>(interpreter: *mut PyInterpreterState) -> PyResult<&'a Self> {
        // SAFETY: attached; the dict is borrowed from the interpreter, the capsule from the dict.
        unsafe {
            let dict = PyInterpreterState_GetDict(interpreter);
            if dict.is_null() {
                return Err(raise(PyExc_RuntimeError, "the interpreter has no dict for the state of extensions"));
            }
            let capsule = PyDict_GetItemWithError(dict, key()?.as_ptr());
            if capsule.is_null() && occurred() {
                return Err(Raised);
            }
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
        // SAFETY: live, held by `sys`; a module has a dict.
        let sys_dict = Owned::of(unsafe { PyModule_GetDict(sys.as_ptr()) });
        let wire_names = try_gather(Wire::ALL.iter().map(|wire| Name::new(wire.name())))?;
        // SAFETY: attached; a new reference.
        let by_value = unsafe { Owned::new(PySet_New(ptr::null_mut()))? };
        let (imports, package) = (Imports::new()?, package::Last::new());
        let watch = package.watch();
        let state = Box::into_raw(try_box(Self {
            names: Names::new()?,
            table_watch: watch.start(imports.dispatch_table.as_ptr()).then_some(watch),
            imports,
            reconstructors: Room::default(),
            analyzer: Room::default(),
            builtin_type_names: Room::default(),
            face: Room::default(),
            replaced: Replaced::default(),
            package,
            tracker: Room::default(),
            wires: Room::default(),
            code_stencils: Room::default(),
            function_stencils: Room::default(),
            module_types: Room::default(),
            static_types: Room::default(),
            commons: Room::default(),
            picklers: Room::default(),
            references: Room::default(),
            class_orders: Room::default(),
            instance_shapes: Room::default(),
            enum_module: Room::default(),
            named_tuples: Room::default(),
            unpickler: Room::default(),
            sys_dict,
            wire_module: Name::new(MODULE)?,
            wire_names,
            main: OnceLock::new(),
            by_value,
            home: Home::here()?,
            buffer_type: OnceLock::new(),
        })?);
        // SAFETY: the capsule takes the box over once it lies in the dict; until then it is freed here.
        unsafe {
            let capsule = match Owned::new(PyCapsule_New(state.cast(), CAPSULE.as_ptr(), Some(destroy))) {
                Ok(capsule) => capsule,
                Err(raised) => {
                    drop(Box::from_raw(state));
                    return Err(raised);
                }
            };
            // What was imported above let other threads run: the state is that of the one that came first, and ours
            // ends with its capsule.
            let kept = PyDict_SetDefault(dict, key()?.as_ptr(), capsule.as_ptr());
            if kept.is_null() {
                return Err(Raised);
            }
            let state = PyCapsule_GetPointer(kept, CAPSULE.as_ptr());
            if state.is_null() { Err(Raised) } else { Ok(state.cast()) }
        }
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
