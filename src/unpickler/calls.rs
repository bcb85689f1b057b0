//! What calling a class or a function comes to, where that is known: then its arguments are taken from the stack.

use std::ptr;

use pyo3_ffi::*;

use super::kept::is_shared;
use crate::py::class::version;
use crate::py::error::{PyResult, Raised, raise};
use crate::py::layout::{type_of, unique};
use crate::py::message::message;
use crate::py::object::type_attr;
use crate::py::owned::Owned;
use crate::py::text;
use crate::state::State;

/// So many classes at a time.
const CLASSES: usize = 8;

/// A date is made of no more items: its bytes, and a time zone.
pub const DATE_ITEMS: usize = 2;

/// Classes that were called, for the length of a load.
#[derive(Default)]
pub struct Calls {
    classes: Vec<(*mut PyObject, u32, How)>,
    next: usize,
    /// Tuples of one and of two items, for those who do not keep what they are given.
    tuples: [Option<Owned>; DATE_ITEMS],
}

/// What a call does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// `object.__new__`, and then this `__init__`, which the class holds.
    Init(*mut PyObject),
    /// The `__new__` of a date, a time or the like, which is written in C.
    Date,
    /// Call this function of Python.
    Function,
    Other,
}

impl Calls {
    /// What a call of this object does.
    #[inline]
    pub fn how(&mut self, state: &State, callable: *mut PyObject) -> How {
        let ty = type_of(callable).cast_const();
        if ty == &raw const PyFunction_Type {
            return How::Function;
        }
        if ty != &raw const PyType_Type {
            return How::Other;
        }
        match self.classes.iter().find(|(class, ..)| *class == callable) {
            Some((class, known, how)) if *known == version((*class).cast()) => *how,
            _ => self.look(state, callable),
        }
    }

    #[cold]
    fn look(&mut self, state: &State, class: *mut PyObject) -> How {
        if is_shared() {
            return How::Other;
        }
        let how = how(state, class.cast());
        let version = version(class.cast());
        if version != 0 {
            let entry = (class, version, how);
            if let Some(old) = self.classes.iter_mut().find(|(old, ..)| *old == class) {
                *old = entry;
            } else if self.classes.len() < CLASSES {
                if self.classes.try_reserve(CLASSES).is_ok() {
                    self.classes.push(entry);
                }
            } else {
                self.classes[self.next] = entry;
                self.next = (self.next + 1) % CLASSES;
            }
        }
        how
    }

    /// Calls the `__new__` of a [`How::Date`] with one to [`DATE_ITEMS`] items.
    pub fn date(&mut self, class: *mut PyObject, items: &[*mut PyObject]) -> PyResult<Owned> {
        let place = &mut self.tuples[items.len() - 1];
        // SAFETY: live; a tuple that only we hold, whose items are references of its own, and which the collector does
        // not look at. `tp_new` gives a new reference or NULL with an exception.
        unsafe {
            let Some(new) = (*class.cast::<PyTypeObject>()).tp_new else { return Err(no_instances()) };
            let tuple = match place.take() {
                Some(tuple) => tuple,
                None => {
                    let tuple = Owned::new(PyTuple_New(items.len() as Py_ssize_t))?;
                    PyObject_GC_UnTrack(tuple.as_ptr().cast());
                    tuple
                }
            };
            let slots = (*tuple.as_ptr().cast::<PyTupleObject>()).ob_item.as_mut_ptr();
            for (i, item) in items.iter().enumerate() {
                Py_INCREF(*item);
                slots.add(i).write(*item);
            }
            let made = new(class.cast(), tuple.as_ptr(), ptr::null_mut());
            // Whoever else holds it keeps it as it is.
            if unique(tuple.as_ptr()) {
                for (i, item) in items.iter().enumerate() {
                    slots.add(i).write(ptr::null_mut());
                    Py_DECREF(*item);
                }
                *place = Some(tuple);
            } else {
                PyObject_GC_Track(tuple.as_ptr().cast());
            }
            Owned::new(made)
        }
    }
}

/// What calling a class with arguments does, if its metaclass is `type`.
fn how(state: &State, class: *mut PyTypeObject) -> How {
    // SAFETY: a live class.
    let (new, flags, name) = unsafe {
        let name = std::ffi::CStr::from_ptr((*class).tp_name);
        ((*class).tp_new, (&raw const (*class).tp_flags).cast::<std::ffi::c_ulong>().read(), name)
    };
    if flags & Py_TPFLAGS_HEAPTYPE != 0 {
        // SAFETY: a static type.
        let plain = unsafe { PyBaseObject_Type.tp_new }.map(|new| new as usize);
        let init = type_attr(class, state.names.init.as_ptr());
        return match init.filter(|init| type_of(init.as_ptr()).cast_const() == &raw const PyFunction_Type) {
            Some(init) if new.map(|new| new as usize) == plain => How::Init(init.as_ptr()),
            _ => How::Other,
        };
    }
    let size = match name.to_bytes() {
        b"datetime.date" => size_of::<PyDateTime_Date>(),
        b"datetime.time" => size_of::<PyDateTime_Time>(),
        b"datetime.datetime" => size_of::<PyDateTime_DateTime>(),
        _ => return How::Other,
    };
    // SAFETY: a live class.
    let is_it = unsafe { (*class).tp_basicsize } as usize == size && new.is_some();
    if is_it { How::Date } else { How::Other }
}

/// Calls a function of Python.
pub fn call(function: *mut PyObject, items: &[*mut PyObject]) -> PyResult<Owned> {
    let _held = Owned::of(function);
    // SAFETY: live, as many arguments as are said; a new reference or NULL with an exception.
    unsafe { Owned::new(PyObject_Vectorcall(function, items.as_ptr(), items.len(), ptr::null_mut())) }
}

/// A new object of a class that is [`How::Init`], before its `__init__`.
pub fn new(class: *mut PyObject, empty_tuple: &Owned) -> PyResult<Owned> {
    // SAFETY: live; `object.__new__`, which gives a new reference or NULL with an exception.
    unsafe {
        let class = class.cast::<PyTypeObject>();
        let Some(new) = (*class).tp_new else { return Err(no_instances()) };
        Owned::new(new(class, empty_tuple.as_ptr(), ptr::null_mut()))
    }
}

/// A type without `__new__`, which no [`How`] is said of.
#[cold]
fn no_instances() -> Raised {
    // SAFETY: exception types live as long as the interpreter.
    raise(unsafe { PyExc_TypeError }, "cannot create instances")
}

/// Calls `__init__`; the first item is the object.
pub fn init(init: *mut PyObject, items: &[*mut PyObject]) -> PyResult<()> {
    let answer = call(init, items)?;
    // SAFETY: live; None and exception types live as long as the interpreter.
    unsafe {
        if answer.as_ptr() == Py_None() {
            return Ok(());
        }
        let name = text::type_name(Py_TYPE(answer.as_ptr()));
        Err(raise(PyExc_TypeError, &message!("__init__() should return None, not '{name}'")))
    }
}
