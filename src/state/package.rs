//! The Python package cloudpickle in this interpreter, whose tracker and registry are ours as well where it is imported: what
//! a dump asks of it and of `sys.modules`, found once, and once more when one of the dicts that say it has changed.

use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use pyo3_ffi::*;

use super::State;
use crate::py::dict_watch::DictWatch;
use crate::py::error::PyResult;
use crate::py::layout::type_of;
use crate::py::object::dict_get;
use crate::py::owned::Owned;
use crate::py::vec::try_box;

/// What was found.
pub struct Package {
    /// Another one for each time that it was found.
    pub serial: u64,
    /// `sys.modules`, an exact dict, and the one that imports use.
    pub modules: Owned,
    /// What `sys.modules` has for `builtins`.
    pub builtins: Option<Owned>,
    /// The dict of `cloudpickle.cloudpickle`; None if that is not imported.
    pub dict: Option<Owned>,
    /// The names of the modules that go by value.
    pub by_value: Owned,
    /// The two weak dictionaries of the package's tracker.
    pub tracker: Option<(Owned, Owned)>,
    stamps: [u64; WATCHED],
}

/// `sys.__dict__`, `sys.modules`, the dict of `builtins`, that of the package.
const WATCHED: usize = 4;

/// The one that was found last.
pub struct Last {
    watch: DictWatch,
    package: AtomicPtr<Package>,
    /// One that has changed, and with which something ends: see [`let_go`].
    left: AtomicPtr<Package>,
    serial: AtomicU64,
}

impl Last {
    pub fn new() -> Self {
        Self {
            watch: DictWatch::of_values(),
            package: AtomicPtr::default(),
            left: AtomicPtr::default(),
            serial: AtomicU64::new(1),
        }
    }

    /// Tells of the dicts that it watches when anything in them has changed.
    pub fn watch(&self) -> DictWatch {
        self.watch
    }
}

impl Drop for Last {
    fn drop(&mut self) {
        for place in [&self.package, &self.left] {
            // SAFETY: NULL, or a box that was given away here.
            unsafe { put(place, ptr::null_mut()) };
        }
    }
}

/// # Safety
/// NULL or a box, which is given away, and nobody looks at what was there.
unsafe fn put(place: &AtomicPtr<Package>, package: *mut Package) {
    let before = place.swap(package, Ordering::AcqRel);
    if !before.is_null() {
        // SAFETY: as the caller says.
        drop(unsafe { Box::from_raw(before) });
    }
}

/// Asks it, which runs no foreign code. None if the package or `sys.modules` are not what they usually are: then they are to be
/// asked themselves.
///
/// Not on a free-threaded build, where another thread may find it anew meanwhile.
#[inline]
pub fn ask<T>(state: &State, question: impl FnOnce(&Package) -> T) -> PyResult<Option<T>> {
    if cfg!(Py_GIL_DISABLED) {
        return Ok(None);
    }
    // SAFETY: NULL or a box that lives until it is found anew, which the question does not do.
    let last = unsafe { state.package.package.load(Ordering::Acquire).as_ref() };
    if let Some(last) = last.filter(|last| last.is_current(state)) {
        return Ok(Some(question(last)));
    }
    if last.is_some_and(Package::is_last_holder) && !leave(state) {
        return Ok(None);
    }
    let Some(found) = find(state)? else { return Ok(None) };
    let found = Box::into_raw(try_box(found)?);
    // SAFETY: a box, which lives until it is found anew; nobody looks at the one before, whose end runs no foreign code.
    unsafe {
        put(&state.package.package, found);
        Ok(Some(question(&*found)))
    }
}

/// Puts aside what was found last, since something would end with it; false if another one lies there.
#[cold]
fn leave(state: &State) -> bool {
    let is_free = state.package.left.load(Ordering::Acquire).is_null();
    if is_free {
        let last = state.package.package.swap(ptr::null_mut(), Ordering::AcqRel);
        state.package.left.store(last, Ordering::Release);
    }
    is_free
}

/// Drops what was put aside. To be called now and then where foreign code may run.
#[inline]
pub fn let_go(state: &State) {
    if !state.package.left.load(Ordering::Relaxed).is_null() {
        // SAFETY: a box, which nobody looks at any more. It is put aside no longer when its end runs foreign code.
        unsafe { put(&state.package.left, ptr::null_mut()) };
    }
}

impl Package {
    fn dicts(&self, state: &State) -> [*mut PyObject; WATCHED] {
        let package = self.dict.as_ref().map_or(ptr::null_mut(), Owned::as_ptr);
        [state.sys_dict.as_ptr(), self.modules.as_ptr(), state.imports.builtins_dict.as_ptr(), package]
    }
}

impl Package {
    /// Is none of the dicts changed? One by one: to put the numbers side by side first takes longer.
    #[inline(always)]
    fn is_current(&self, state: &State) -> bool {
        self.dicts(state).into_iter().zip(&self.stamps).all(|(dict, known)| *known == stamp(state, dict))
    }

    /// Would something end with it, which may run foreign code?
    fn is_last_holder(&self) -> bool {
        let tracker = self.tracker.iter().flat_map(|(by_class, by_id)| [by_class, by_id]);
        let mut all =
            [&self.modules, &self.by_value].into_iter().chain(&self.builtins).chain(&self.dict).chain(tracker);
        // SAFETY: live.
        all.any(|object| unsafe { Py_REFCNT(object.as_ptr()) } == 1)
    }
}

#[inline(always)]
fn stamp(state: &State, dict: *mut PyObject) -> u64 {
    if dict.is_null() { 0 } else { state.package.watch.stamp(dict) }
}

#[cold]
fn find(state: &State) -> PyResult<Option<Package>> {
    let names = &state.names;
    let Some(modules) = dict_get(state.sys_dict.as_ptr(), names.modules.as_ptr())? else { return Ok(None) };
    // SAFETY: attached; the interpreter's own dict, borrowed.
    if type_of(modules.as_ptr()) != &raw mut PyDict_Type || unsafe { PyImport_GetModuleDict() } != modules.as_ptr() {
        return Ok(None);
    }
    let module = dict_get(modules.as_ptr(), state.wire_module.as_ptr())?;
    if module.as_ref().is_some_and(|module| type_of(module.as_ptr()) != &raw mut PyModule_Type) {
        return Ok(None);
    }
    // SAFETY: an exact module has a dict.
    let dict = module.map(|module| Owned::of(unsafe { PyModule_GetDict(module.as_ptr()) }));
    let mut package = Package {
        serial: state.package.serial.fetch_add(1, Ordering::Relaxed),
        builtins: None,
        by_value: state.by_value.clone(),
        tracker: None,
        stamps: [0; WATCHED],
        modules,
        dict,
    };
    let dicts = package.dicts(state);
    if !dicts.iter().all(|dict| dict.is_null() || state.package.watch.start(*dict)) {
        return Ok(None);
    }
    // Before it is looked at, so that no change is missed.
    package.stamps = dicts.map(|dict| stamp(state, dict));
    package.builtins = dict_get(package.modules.as_ptr(), names.builtins.as_ptr())?;
    if let Some(dict) = &package.dict {
        let theirs = |name: &super::Name| dict_get(dict.as_ptr(), name.as_ptr());
        let Some(by_value) = theirs(&names.by_value_modules)? else { return Ok(None) };
        // SAFETY: live objects.
        unsafe {
            if PySet_Check(by_value.as_ptr()) != 0 {
                // What was registered with ours goes over first.
                if by_value.as_ptr() != state.by_value.as_ptr() && PySet_Size(state.by_value.as_ptr()) != 0 {
                    return Ok(None);
                }
                package.by_value = by_value;
            }
        }
        package.tracker = theirs(&names.tracker_by_class)?.zip(theirs(&names.tracker_by_id)?);
    }
    Ok(Some(package))
}
