//! Which class stands for which id, so that a class comes back as itself when it is loaded again.
//!
//! The tracker is that of the Python package if it is in the process: two weak dictionaries of the standard library.
//! Otherwise it is a pair of our own of the same kind, whose entries move over when the package appears. The
//! dictionaries' inner dicts are used directly, in steps that no other thread can see halfway.

use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};

use pyo3_ffi::compat::{PyDict_SetDefaultRef, PyWeakref_GetRef};
use pyo3_ffi::*;

use crate::py::class::compares_by_identity;
use crate::py::collector::{CAN_WAIT, postponed};
use crate::py::dict_find::{Found, find_referring};
use crate::py::error::{Aside, PyResult, Raised, check, clear};
use crate::py::instance::own_value;
use crate::py::layout::{is_of_c, type_of};
use crate::py::message::Short;
use crate::py::object::{attr, call_method0, call_method2, call1, dict_get, each_item, optional_attr};
use crate::py::owned::Owned;
use crate::py::text;
use crate::py::vec::TryPush;
use crate::state::{Name, State, package};

/// The pair: class to id, and id to class.
#[derive(Clone)]
pub struct Tracker {
    /// A `weakref.WeakKeyDictionary`.
    pub by_class: Owned,
    /// A `weakref.WeakValueDictionary`.
    pub by_id: Owned,
}

/// The tracker of the moment.
pub fn current() -> PyResult<Tracker> {
    let state = State::get()?;
    let names = &state.names;
    if let Some(package) = dict_get(state.modules()?.as_ptr(), names.cloudpickle_module.as_ptr())? {
        let theirs = |name: *mut PyObject| {
            // SAFETY: a live module has a dict.
            unsafe {
                match PyModule_CheckExact(package.as_ptr()) {
                    0 => optional_attr(package.as_ptr(), name),
                    _ => dict_get(PyModule_GetDict(package.as_ptr()), name),
                }
            }
        };
        if let (Some(by_class), Some(by_id)) =
            (theirs(names.tracker_by_class.as_ptr())?, theirs(names.tracker_by_id.as_ptr())?)
        {
            let theirs = Tracker { by_class, by_id };
            if let Some(ours) = state.tracker.made::<Tracker>()
                && ours.by_id.as_ptr() != theirs.by_id.as_ptr()
            {
                hand_over(ours, &theirs)?;
            }
            return Ok(theirs);
        }
    }
    own().cloned()
}

/// Our own pair, for a process without the package.
pub fn own() -> PyResult<&'static Tracker> {
    let state = State::get()?;
    state.tracker.get(|| {
        let make = |ty: *mut PyObject| {
            // SAFETY: a live type; a new reference or NULL with an exception.
            unsafe { Owned::new(PyObject_CallNoArgs(ty)) }
        };
        let by_class = make(state.imports.weak_key_dictionary()?)?;
        Ok(Tracker { by_class, by_id: make(state.imports.weak_value_dictionary()?)? })
    })
}

/// Moves what we tracked to the package, which keeps what it has.
fn hand_over(from: &Tracker, to: &Tracker) -> PyResult<()> {
    let data = data_of(&from.by_id)?;
    // SAFETY: a live dict.
    if unsafe { PyDict_Size(data.as_ptr()) } == 0 {
        return Ok(());
    }
    let mut entries = Vec::new();
    each_item(data.as_ptr(), |id, reference| {
        referent(&reference)?.map_or(Ok(()), |class| entries.try_push((id, class)))
    })?;
    for (id, class) in &entries {
        to.track(id, class.as_ptr())?;
    }
    // Another thread may enter a class here until it sees the package, too: that goes over next time.
    #[cfg(Py_GIL_DISABLED)]
    {
        let ids = data_of(&from.by_class)?;
        for (id, class) in &entries {
            // SAFETY: live; a new reference or NULL with an exception.
            let key = unsafe { Owned::new(PyWeakref_NewRef(class.as_ptr(), ptr::null_mut()))? };
            for (dict, key) in [(&ids, &key), (&data, id)] {
                // SAFETY: live.
                check(unsafe { PyDict_Pop(dict.as_ptr(), key.as_ptr(), ptr::null_mut()) })?;
            }
        }
        Ok(())
    }
    #[cfg(not(Py_GIL_DISABLED))]
    {
        for mapping in [&from.by_class, &from.by_id] {
            let data = data_of(mapping)?;
            // SAFETY: a live dict.
            unsafe { PyDict_Clear(data.as_ptr()) };
        }
        Ok(())
    }
}

/// `dict.setdefault(key, value)`
fn set_default(dict: &Owned, key: &Owned, value: &Owned) -> PyResult<Owned> {
    let mut found = ptr::null_mut();
    // SAFETY: all are live; a new reference, or NULL with an exception.
    unsafe {
        check(PyDict_SetDefaultRef(dict.as_ptr(), key.as_ptr(), value.as_ptr(), &mut found))?;
        Owned::new(found)
    }
}

/// What a weak reference leads to, if it still lives.
fn referent(reference: &Owned) -> PyResult<Option<Owned>> {
    let mut object = ptr::null_mut();
    // SAFETY: live; a new reference, NULL if it died.
    unsafe {
        check(PyWeakref_GetRef(reference.as_ptr(), &mut object))?;
        Ok(Owned::new_or_none(object))
    }
}

impl Tracker {
    /// The class of an id.
    fn class_of(&self, id: *mut PyObject) -> PyResult<Option<Owned>> {
        let data = data_of(&self.by_id)?;
        match dict_get(data.as_ptr(), id)? {
            Some(reference) => referent(&reference),
            None => Ok(None),
        }
    }

    /// The id of a class.
    fn id_of(&self, class: *mut PyObject) -> PyResult<Option<Owned>> {
        id_in(&self.by_class, class)
    }

    /// Puts the pair into both dictionaries unless the id has a living class; says which class has the id.
    fn track(&self, id: &Owned, class: *mut PyObject) -> PyResult<Owned> {
        let class = self.set_class(id, class)?;
        let (ids, key) = self.key_of(class.as_ptr())?;
        // SAFETY: all are live.
        check(unsafe { PyDict_SetItem(ids.as_ptr(), key.as_ptr(), id.as_ptr()) })?;
        Ok(class)
    }

    /// Puts the class under the id unless that has a living class; says which class it has.
    fn set_class(&self, id: &Owned, class: *mut PyObject) -> PyResult<Owned> {
        let state = State::get()?;
        let classes = data_of(&self.by_id)?;
        let forget = attr(self.by_id.as_ptr(), state.names.remove.as_ptr())?;
        // SAFETY: all are live; a new reference or NULL with an exception.
        unsafe {
            let ours = keyed_ref(state, class, &forget, id)?;
            loop {
                if let Some(class) = referent(&set_default(&classes, id, &ours)?)? {
                    return Ok(class);
                }
                if cfg!(Py_GIL_DISABLED) {
                    // Another thread may put a living one there meanwhile.
                    let remove_dead = state.imports.remove_dead_weakref()?;
                    let end = ptr::null_mut::<PyObject>();
                    Owned::new(PyObject_CallFunctionObjArgs(remove_dead, classes.as_ptr(), id.as_ptr(), end))?;
                    continue;
                }
                check(PyDict_SetItem(classes.as_ptr(), id.as_ptr(), ours.as_ptr()))?;
                return Ok(Owned::of(class));
            }
        }
    }

    /// The dict inside of `by_class`, and a new key for it: a weak reference that takes its entry along.
    fn key_of(&self, class: *mut PyObject) -> PyResult<(Owned, Owned)> {
        let names = &State::get()?.names;
        let ids = data_of(&self.by_class)?;
        let forget = attr(self.by_class.as_ptr(), names.remove.as_ptr())?;
        // SAFETY: all are live; a new reference or NULL with an exception.
        let key = unsafe { Owned::new(PyWeakref_NewRef(class, forget.as_ptr()))? };
        Ok((ids, key))
    }
}

/// `weakref.KeyedRef(class, forget, id)`, without the two Python functions that this runs.
fn keyed_ref(state: &State, class: *mut PyObject, forget: &Owned, id: &Owned) -> PyResult<Owned> {
    let keyed = state.imports.keyed_ref()?;
    // SAFETY: all are live; what the calls return is new or NULL with an exception. A weak reference of the type of
    // `keyed` is made as `KeyedRef.__new__` makes it.
    unsafe {
        let arguments = Owned::new(PyTuple_Pack(2, class, forget.as_ptr()))?;
        let Some(new) = _PyWeakref_RefType.tp_new else { return Err(Raised) };
        let reference = Owned::new(new(keyed.cast(), arguments.as_ptr(), ptr::null_mut()))?;
        check(PyObject_SetAttr(reference.as_ptr(), state.names.key.as_ptr(), id.as_ptr()))?;
        Ok(reference)
    }
}

/// The dict inside of a weak dictionary.
fn data_of(mapping: &Owned) -> PyResult<Owned> {
    let name = State::get()?.names.data.as_ptr();
    own_value(mapping.as_ptr(), name).map_or_else(|| attr(mapping.as_ptr(), name), Ok)
}

/// The id that a `WeakKeyDictionary` has for a class.
fn id_in(by_class: &Owned, class: *mut PyObject) -> PyResult<Option<Owned>> {
    let data = data_of(by_class)?;
    if type_of(data.as_ptr()) == &raw mut PyDict_Type && compares_by_identity(type_of(class)) {
        match find_referring(data.as_ptr(), class) {
            Found::Value(id) => return Ok(Some(Owned::of(id))),
            Found::Absent => return Ok(None),
            Found::Unclear => {}
        }
    }
    // A class has a weak reference already, which its base keeps.
    // SAFETY: live; a new reference or NULL with an exception.
    let key = unsafe { Owned::new(PyWeakref_NewRef(class, ptr::null_mut()))? };
    dict_get(data.as_ptr(), key.as_ptr())
}

/// The class that is known under an id; None also for the id None.
pub fn lookup(id: *mut PyObject) -> PyResult<Option<Owned>> {
    // SAFETY: None lives as long as the interpreter.
    if id == unsafe { Py_None() } { Ok(None) } else { current()?.class_of(id) }
}

/// The class that is known under an id, which is from now on `class` if there was none (`_lookup_class_or_track`).
pub fn lookup_or_track(id: *mut PyObject, class: *mut PyObject) -> PyResult<Owned> {
    // SAFETY: None lives as long as the interpreter.
    if id == unsafe { Py_None() } {
        return Ok(Owned::of(class));
    }
    current()?.track(&Owned::of(id), class)
}

/// A tracker that is there without foreign code, and the package's dict if it is the package's.
fn at_hand(state: &State) -> PyResult<Option<(Tracker, Option<Owned>)>> {
    let names = &state.names;
    let found = package::ask(state, |package| (package.dict.clone(), package.tracker.clone()))?;
    if let Some((Some(dict), tracker)) = found {
        return Ok(tracker.map(|(by_class, by_id)| (Tracker { by_class, by_id }, Some(dict))));
    }
    let Some(package) = dict_get(state.modules()?.as_ptr(), names.cloudpickle_module.as_ptr())? else {
        return Ok(state.tracker.made::<Tracker>().map(|tracker| (tracker.clone(), None)));
    };
    // SAFETY: live; an exact module has a dict.
    let dict = unsafe {
        if PyModule_CheckExact(package.as_ptr()) == 0 {
            return Ok(None);
        }
        Owned::of(PyModule_GetDict(package.as_ptr()))
    };
    let theirs = |name: &Name| dict_get(dict.as_ptr(), name.as_ptr());
    let (by_class, by_id) = (theirs(&names.tracker_by_class)?, theirs(&names.tracker_by_id)?);
    Ok(by_class.zip(by_id).map(|(by_class, by_id)| (Tracker { by_class, by_id }, Some(dict))))
}

/// The id of a class that has one under which it is found. Runs no foreign code for a class that is hashed and compared by
/// identity; None also if the tracker of the moment is not at hand.
pub fn known_id(class: *mut PyObject) -> PyResult<Option<Owned>> {
    let Some((tracker, _)) = at_hand(State::get()?)? else { return Ok(None) };
    match tracker.id_of(class)? {
        Some(id) if is_entered(&tracker.by_id, &id)? => Ok(Some(id)),
        _ => Ok(None),
    }
}

/// The id of a class that has none yet and is hashed and compared by identity, made without foreign code; None if that cannot
/// be: there is no tracker yet, it belongs to a package that is at work on it or came just now, or the collector would run.
pub fn quiet_id(class: *mut PyObject) -> PyResult<Option<Owned>> {
    if !CAN_WAIT || cfg!(Py_GIL_DISABLED) {
        return Ok(None);
    }
    let state = State::get()?;
    let Some((tracker, package)) = at_hand(state)? else { return Ok(None) };
    if let Some(package) = package {
        let lock = dict_get(package.as_ptr(), state.names.tracker_lock.as_ptr())?;
        let is_free = lock.map_or(Ok(false), |lock| is_free(&lock))?;
        if state.tracker.made::<Tracker>().is_some() || !is_free {
            return Ok(None);
        }
    }
    postponed(|| {
        if tracker.id_of(class)?.is_some() {
            return Ok(None);
        }
        let id = new_id()?;
        tracker.track(&id, class)?;
        Ok(Some(id))
    })
}

/// Is this a lock of CPython's own, which nobody has?
fn is_free(lock: &Owned) -> PyResult<bool> {
    if !is_of_c(type_of(lock.as_ptr()), c"_thread.lock") {
        return Ok(false);
    }
    let locked = call_method0(lock.as_ptr(), State::get()?.names.locked.as_ptr())?;
    // SAFETY: a static object.
    Ok(locked.as_ptr() == unsafe { Py_False() })
}

/// Does the `WeakValueDictionary` have the id? The package enters a class before its id.
fn is_entered(by_id: &Owned, id: &Owned) -> PyResult<bool> {
    Ok(dict_get(data_of(by_id)?.as_ptr(), id.as_ptr())?.is_some())
}

/// The id of a class, made at the first question (`_get_or_create_tracker_id`). From then on the class is found under it.
pub fn get_or_create_id(class: *mut PyObject) -> PyResult<Owned> {
    let tracker = current()?;
    if let Some(id) = tracker.id_of(class)? {
        if !is_entered(&tracker.by_id, &id)? {
            drop(wait_for_package()?);
            // Still not there if the thread that was about to enter it is not in this process.
            tracker.set_class(&id, class)?;
        }
        return Ok(id);
    }
    let id = new_id()?;
    // The id is of use from the moment at which another thread can find it.
    tracker.set_class(&id, class)?;
    let (ids, key) = tracker.key_of(class)?;
    // What a metaclass has for a hash runs before the lock is kept, and the reference remembers what it says.
    // SAFETY: live.
    if cfg!(Py_GIL_DISABLED) && unsafe { PyObject_Hash(key.as_ptr()) } == -1 {
        return Err(Raised);
    }
    let waited = wait_for_package()?;
    let found = set_default(&ids, &key, &id)?;
    drop(waited);
    if found.as_ptr() != id.as_ptr() {
        // Another thread was faster.
        let classes = data_of(&tracker.by_id)?;
        // SAFETY: a live dict, which has the id since it was entered above, unless another thread handed it over.
        unsafe {
            #[cfg(not(Py_GIL_DISABLED))]
            check(PyDict_DelItem(classes.as_ptr(), id.as_ptr()))?;
            #[cfg(Py_GIL_DISABLED)]
            check(PyDict_Pop(classes.as_ptr(), id.as_ptr(), ptr::null_mut()))?;
        }
        if !is_entered(&tracker.by_id, &found)? {
            tracker.set_class(&found, class)?;
        }
    }
    Ok(found)
}

/// The process in which the package's lock was seen to stay locked.
static LOCKED_FOR_EVER: AtomicU32 = AtomicU32::new(0);

/// The package looks a class up and then enters it, under a lock: waits until no other thread is in between. No lock is
/// kept where there is a GIL, since no thread can come in between before this one runs Python code. In a forked child the
/// lock may have no owner left; so the wait comes to an end, and is not tried again.
fn wait_for_package() -> PyResult<Waited> {
    let state = State::get()?;
    let names = &state.names;
    let Some(package) = dict_get(state.modules()?.as_ptr(), names.cloudpickle_module.as_ptr())? else {
        return Ok(Waited(None));
    };
    let Some(lock) = optional_attr(package.as_ptr(), names.tracker_lock.as_ptr())? else { return Ok(Waited(None)) };
    let process = std::process::id();
    let seconds = if LOCKED_FOR_EVER.load(Ordering::Relaxed) == process { 0.0 } else { 1.0 };
    // SAFETY: live; new references, or NULL with an exception.
    unsafe {
        let seconds = Owned::new(PyFloat_FromDouble(seconds))?;
        let acquired = call_method2(lock.as_ptr(), names.acquire.as_ptr(), Py_True(), seconds.as_ptr())?;
        if acquired.as_ptr() == Py_True() {
            LOCKED_FOR_EVER.store(0, Ordering::Relaxed);
            if cfg!(Py_GIL_DISABLED) {
                return Ok(Waited(Some(lock)));
            }
            call_method0(lock.as_ptr(), names.release.as_ptr())?;
        } else {
            LOCKED_FOR_EVER.store(process, Ordering::Relaxed);
        }
    }
    Ok(Waited(None))
}

/// The package's lock, as long as it has to be kept.
struct Waited(Option<Owned>);

impl Drop for Waited {
    fn drop(&mut self) {
        let (Some(lock), Ok(state)) = (&self.0, State::get()) else { return };
        // That of the call for which the lock was kept.
        let aside = Aside::put();
        if call_method0(lock.as_ptr(), state.names.release.as_ptr()).is_err() {
            clear();
        }
        if let Some(aside) = aside {
            aside.back();
        }
    }
}

/// As `uuid.uuid4().hex`.
fn new_id() -> PyResult<Owned> {
    let mut bytes = [0u8; 16];
    // SAFETY: the buffer is ours. So few bytes come whole, or not at all in very old sandboxes.
    if unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) } != bytes.len() as isize {
        let random = call1(State::get()?.imports.urandom()?, crate::py::number::from_i64(16)?.as_ptr())?;
        bytes.copy_from_slice(crate::py::bytes::content(random.as_ptr()));
    }
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    text::from_utf8(Short::new(format_args!("{:032x}", u128::from_be_bytes(bytes))).as_bytes())
}
