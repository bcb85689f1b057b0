//! namedtuples: made as the `__new__` that `collections.namedtuple` gives to each class makes them, without calling it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ptr;

use pyo3_ffi::*;

use super::kept::is_shared;
use crate::py::class::version;
use crate::py::code;
use crate::py::error::{PyResult, no_memory};
use crate::py::function;
use crate::py::layout::{tuple_items, type_flags, type_of};
use crate::py::object::{attr, dict_get, import_from, type_attr};
use crate::py::owned::Owned;
use crate::py::{bytes, text};
use crate::state::State;

/// So many instances of a class are made the long way before it is looked at.
const FIRST: usize = 8;
/// Of more items they are made the long way.
const MOST: usize = 32;

/// Classes whose `__new__` is the usual one, for the length of a load.
#[derive(Default)]
pub struct Named {
    known: Option<Known>,
    /// The class that came last, and how often.
    seen: (*mut PyObject, usize),
}

struct Known {
    class: *mut PyObject,
    /// The class has not changed since.
    version: u32,
    count: usize,
    /// What `__new__` was, which the class holds.
    function: *mut PyObject,
    /// And its code.
    code: Owned,
    /// `_tuple_new`, and what its globals must have under this name.
    name: Owned,
    tuple_new: Owned,
}

/// The code of `__new__` by the number of items.
pub type Samples = RefCell<HashMap<usize, Option<Owned>>>;

impl Named {
    /// Is this a class of namedtuples of so many items, whose `__new__` does nothing else?
    #[inline]
    pub fn is(&self, class: *mut PyObject, count: usize) -> bool {
        let Some(known) = self.known.as_ref().filter(|known| known.class == class) else { return false };
        if known.count != count || version(class.cast()) != known.version {
            return false;
        }
        // SAFETY: the class holds the function: it has not changed. A str is looked up among a module's names, which runs
        // no foreign code and fails for no reason.
        unsafe {
            let function = known.function.cast::<PyFunctionObject>();
            (*function).func_code == known.code.as_ptr()
                && PyDict_GetItem((*function).func_globals, known.name.as_ptr()) == known.tuple_new.as_ptr()
        }
    }

    /// An instance of a class that `is` one, of borrowed items.
    pub fn make(&self, class: *mut PyObject, items: &[*mut PyObject]) -> PyResult<Owned> {
        // SAFETY: such a class; a new object with room for the items, filled before anyone sees it.
        unsafe {
            let object = Owned::new(PyType_GenericAlloc(class.cast(), items.len() as Py_ssize_t))?;
            let tuple = object.as_ptr().cast::<PyTupleObject>();
            #[cfg(Py_3_14)]
            {
                (*tuple).ob_hash = -1;
            }
            let place = (*tuple).ob_item.as_mut_ptr();
            for (i, item) in items.iter().enumerate() {
                Py_INCREF(*item);
                place.add(i).write(*item);
            }
            Ok(object)
        }
    }

    /// An instance of a class was made the long way. Looks at the class if there are many.
    pub fn note(
        &mut self,
        state: &State,
        samples: &Samples,
        class: *mut PyObject,
        args: *mut PyObject,
    ) -> PyResult<()> {
        if self.seen.0 != class {
            self.seen = (class, 0);
        }
        self.seen.1 += 1;
        if self.seen.1 == FIRST && !is_shared() {
            self.known = Known::find(state, samples, class, tuple_items(args).len())?;
        }
        Ok(())
    }
}

impl Known {
    fn find(state: &State, samples: &Samples, class: *mut PyObject, count: usize) -> PyResult<Option<Self>> {
        let Some(function) = plain_new(state, class, count) else { return Ok(None) };
        let name = text::intern("_tuple_new")?;
        let tuple_new = attr((&raw mut PyTuple_Type).cast(), state.names.new.as_ptr())?;
        // The function's globals may be any dict.
        let Some(fields) = function::fields(function) else { return Ok(None) };
        let Some(sample) = sample(samples, count)? else { return Ok(None) };
        let same = fields.func_closure.is_null()
            && type_of(fields.func_globals).cast_const() == &raw const PyDict_Type
            && dict_get(fields.func_globals, name.as_ptr())?.is_some_and(|it| it.as_ptr() == tuple_new.as_ptr())
            && does_the_same(fields.func_code, sample.as_ptr())?;
        let version = version(class.cast());
        let code = Owned::of(fields.func_code);
        Ok((same && version != 0).then_some(Self { class, version, count, function, code, name, tuple_new }))
    }
}

/// The `__new__` that making an instance of a class calls, if that is a function of Python, and instances are tuples in
/// memory; borrowed from the class.
fn plain_new(state: &State, class: *mut PyObject, count: usize) -> Option<*mut PyObject> {
    let class = class.cast::<PyTypeObject>();
    // SAFETY: a live class and the classes that it inherits from.
    unsafe {
        let tuple = &raw mut PyTuple_Type;
        let generic = |alloc: allocfunc| ptr::fn_addr_eq(alloc, PyType_GenericAlloc as allocfunc);
        if count > MOST
            || type_of(class.cast()).cast_const() != &raw const PyType_Type
            || type_flags(class) & Py_TPFLAGS_TUPLE_SUBCLASS == 0
            || !(*class).tp_alloc.is_some_and(generic)
            || (*class).tp_itemsize != (*tuple).tp_itemsize
        {
            return None;
        }
        // `tuple.__new__` wants to be the nearest that is not a function of Python.
        let new = |class: *mut PyTypeObject| (*class).tp_new.map(|new| new as usize);
        let mut nearest = class;
        while new(nearest) == new(class) {
            nearest = (*nearest).tp_base;
            if nearest.is_null() {
                return None;
            }
        }
        if nearest != tuple {
            return None;
        }
        let method = type_attr(class, state.names.new.as_ptr())?;
        if type_of(method.as_ptr()).cast_const() != &raw const PyStaticMethod_Type {
            return None;
        }
        let function = attr(class.cast(), state.names.new.as_ptr()).ok()?;
        (type_of(function.as_ptr()).cast_const() == &raw const PyFunction_Type).then(|| function.as_ptr())
    }
}

/// The code of the `__new__` of a class that `collections.namedtuple` made just now.
fn sample(samples: &Samples, count: usize) -> PyResult<Option<Owned>> {
    if let Some(sample) = samples.borrow().get(&count) {
        return Ok(sample.clone());
    }
    let factory = import_from(c"collections", c"namedtuple")?;
    let mut fields = String::new();
    for n in 0..count {
        fields = text::whole(format_args!("{fields}item{n} "))?;
    }
    let (name, fields) = (text::new("sample")?, text::new(&fields)?);
    // SAFETY: live; a new reference or NULL with an exception; the list of arguments ends with NULL.
    let class = unsafe {
        let end = ptr::null_mut::<PyObject>();
        Owned::new(PyObject_CallFunctionObjArgs(factory.as_ptr(), name.as_ptr(), fields.as_ptr(), end))?
    };
    let new = attr(class.as_ptr(), State::get()?.names.new.as_ptr())?;
    let code = function::fields(new.as_ptr()).map(|fields| Owned::of(fields.func_code));
    samples.borrow_mut().try_reserve(1).map_err(|_| no_memory())?;
    samples.borrow_mut().insert(count, code.clone());
    Ok(code)
}

/// Are two code objects of functions of arguments by position the same but for the names of these?
fn does_the_same(one: *mut PyObject, other: *mut PyObject) -> PyResult<bool> {
    let (a, b) = (code::fields(one), code::fields(other));
    let counts =
        |code: &code::Code| (code.flags, code.argcount, code.posonlyargcount, code.kwonlyargcount, code.nlocals);
    if counts(a) != counts(b) || tuple_items(a.names) != tuple_items(b.names) || a.stacksize != b.stacksize {
        return Ok(false);
    }
    // Names are interned, and there is nothing but None among the constants.
    // SAFETY: None lives as long as the interpreter.
    let none = unsafe { Py_None() };
    let only_none = |code: &code::Code| tuple_items(code.consts).iter().all(|constant| *constant == none);
    if !only_none(a) || !only_none(b) {
        return Ok(false);
    }
    #[cfg(Py_3_11)]
    if bytes::content(a.exceptiontable) != bytes::content(b.exceptiontable) {
        return Ok(false);
    }
    Ok(bytes::content(code::bytecode(one)?.as_ptr()) == bytes::content(code::bytecode(other)?.as_ptr()))
}
