//! What a reduce value means (`save_reduce` in `_pickle.c`).

use pyo3_ffi::*;

use super::engine::Pickler;
use super::plan::{Place, Plan};
use super::script::{Script, Step};
use crate::protocol::opcode::*;
use crate::py::class::{heap_fields, is_class, is_subtype};
use crate::py::error::PyResult;
use crate::py::habits::NAMES_WHAT_IT_GOT;
use crate::py::layout::{tuple_items, type_of, unique};
use crate::py::message::message;
use crate::py::object::{attr, optional_attr};
use crate::py::owned::Owned;
use crate::py::text;

/// What a reduce value says, checked.
struct Parts {
    callable: *mut PyObject,
    arguments: *mut PyObject,
    /// Does nobody refer to the arguments but the value, and nobody to that but this pickler, which drops it next?
    is_lone: bool,
    state: Option<*mut PyObject>,
    items: Option<*mut PyObject>,
    pairs: Option<*mut PyObject>,
    setter: Option<*mut PyObject>,
}

/// `__name__` of a function proper, or of a class made by code, and by `type`: a field.
fn own_name(callable: *mut PyObject) -> Option<Owned> {
    let ty = type_of(callable);
    if ty == &raw mut PyType_Type {
        // SAFETY: a heap type, which is laid out like this.
        return heap_fields(callable).map(|fields| Owned::of(unsafe { (*fields).ht_name }));
    }
    let is_function = !cfg!(Py_GIL_DISABLED) && ty.cast_const() == &raw const PyFunction_Type;
    // SAFETY: a function proper, which is laid out like this.
    is_function.then(|| Owned::of(unsafe { (*callable.cast::<PyFunctionObject>()).func_name }))
}

/// The name of an object's type as CPython's words for a wrong one have it.
fn type_name(object: *mut PyObject) -> String {
    if NAMES_WHAT_IT_GOT {
        text::full_type_name(type_of(object))
    } else {
        message!("{}", text::type_name(type_of(object)))
    }
}

impl Pickler<'_> {
    /// A reduce value: a name, or a tuple of two to six.
    pub(super) fn reduce_value(&mut self, value: Owned, object: *mut PyObject) -> PyResult<Option<Script>> {
        if is_subtype(type_of(value.as_ptr()), &raw mut PyUnicode_Type) {
            return self.save_global(object, Some(value));
        }
        let below = self.stack.len();
        let begun = self.parts_of(value, object);
        if begun.is_err() && self.stack.len() == below {
            self.refused = Some(Owned::of(object));
        }
        begun
    }

    /// A reduce value that is no name.
    fn parts_of(&mut self, value: Owned, object: *mut PyObject) -> PyResult<Option<Script>> {
        if !is_subtype(type_of(value.as_ptr()), &raw mut PyTuple_Type) {
            let end = if NAMES_WHAT_IT_GOT { message!(", not {}", type_name(value.as_ptr())) } else { String::new() };
            return Err(self.pickling_error(&message!("__reduce__ must return a string or tuple{end}")));
        }
        let value = self.keep(value)?;
        let mut parts = self.parts(value)?;
        parts.is_lone = tuple_items(value).len() == 2 && unique(value) && unique(parts.arguments);
        let mut plan = self.plan();
        plan.construction(&parts, object)?;
        plan.built(object)?;
        if let Some(items) = parts.items {
            plan.raw(Step::Items(items))?;
        }
        if let Some(pairs) = parts.pairs {
            plan.raw(Step::Pairs(pairs))?;
        }
        match (parts.state, parts.setter) {
            (Some(state), None) => {
                plan.part(state, Place::State)?;
                plan.op(BUILD)?;
            }
            (Some(state), Some(setter)) => {
                plan.object(setter, Place::Setter)?;
                plan.part(object, Place::Itself)?;
                plan.part(state, Place::State)?;
                plan.set_state_end()?;
            }
            (None, _) => {}
        }
        Ok(Some(plan.finish()))
    }

    #[inline]
    fn parts(&mut self, value: *mut PyObject) -> PyResult<Parts> {
        let items = tuple_items(value);
        if !(2..=6).contains(&items.len()) {
            return Err(self.pickling_error("tuple returned by __reduce__ must contain 2 through 6 elements"));
        }
        // SAFETY: a static object.
        let given = |i: usize| items.get(i).copied().filter(|o| *o != unsafe { Py_None() });
        // The last three were worded apart from the first two, until 3.14 made them alike.
        let mut wrong = |nth: &str, what: &str, object: *mut PyObject| {
            let given = type_name(object);
            let late = nth != "first" && nth != "second";
            Err(self.pickling_error(&match (NAMES_WHAT_IT_GOT, late) {
                (true, _) => message!("{nth} item of the tuple returned by __reduce__ must be {what}, not {given}"),
                (false, true) => {
                    message!("{nth} element of the tuple returned by __reduce__ must be {what}, not {given}")
                }
                (false, false) => message!("{nth} item of the tuple returned by __reduce__ must be {what}"),
            }))
        };
        let parts = Parts {
            callable: items[0],
            arguments: items[1],
            is_lone: false,
            state: given(2),
            items: given(3),
            pairs: given(4),
            setter: given(5),
        };
        // SAFETY: live objects.
        unsafe {
            if !is_class(parts.callable) && PyCallable_Check(parts.callable) == 0 {
                return wrong("first", "callable", parts.callable);
            }
            if PyTuple_Check(parts.arguments) == 0 {
                return wrong("second", "a tuple", parts.arguments);
            }
            if let Some(items) = parts.items.filter(|i| PyIter_Check(*i) == 0) {
                return wrong("fourth", "an iterator", items);
            }
            if let Some(pairs) = parts.pairs.filter(|i| PyIter_Check(*i) == 0) {
                return wrong("fifth", "an iterator", pairs);
            }
            if let Some(setter) = parts.setter.filter(|s| PyCallable_Check(*s) == 0) {
                return wrong("sixth", if NAMES_WHAT_IT_GOT { "callable" } else { "a function" }, setter);
            }
        }
        Ok(parts)
    }
}

impl Plan<'_, '_> {
    /// The callable and its arguments, with NEWOBJ or NEWOBJ_EX where copyreg's `__newobj__` or `__newobj_ex__` is to
    /// be called.
    fn construction(&mut self, parts: &Parts, object: *mut PyObject) -> PyResult<()> {
        let state = self.pickler().state;
        let protocol = self.pickler().protocol();
        let name = match own_name(parts.callable) {
            name if protocol < 2 || name.is_some() => name,
            _ => optional_attr(parts.callable, state.names.name.as_ptr())?,
        };
        if protocol >= 2
            && let Some(name) = name
            && is_subtype(type_of(name.as_ptr()), &raw mut PyUnicode_Type)
        {
            if text::is(name.as_ptr(), c"__newobj_ex__") {
                return self.newobj_ex(parts, protocol);
            }
            if text::is(name.as_ptr(), c"__newobj__") {
                return self.newobj(parts, object);
            }
        }
        self.object(parts.callable, Place::Callable)?;
        if !parts.is_lone || !self.lone_tuple(parts.arguments)? {
            self.part(parts.arguments, Place::Argument(0))?;
        }
        self.op(REDUCE)
    }

    fn newobj(&mut self, parts: &Parts, object: *mut PyObject) -> PyResult<()> {
        let arguments = tuple_items(parts.arguments);
        let Some(class) = arguments.first().copied() else {
            let message = if NAMES_WHAT_IT_GOT {
                "__newobj__ expected at least 1 argument, got 0"
            } else {
                "__newobj__ arglist is empty"
            };
            return Err(self.pickler().pickling_error(message));
        };
        if !is_subtype(type_of(class), &raw mut PyType_Type) {
            let message = if NAMES_WHAT_IT_GOT {
                message!("first argument to __newobj__() must be a class, not {}", type_name(class))
            } else {
                message!("args[0] from __newobj__ args is not a type")
            };
            return Err(self.pickler().pickling_error(&message));
        }
        let names = &self.pickler().state.names;
        let own = match optional_attr(object, names.class_attr.as_ptr())? {
            Some(class) => class,
            None => Owned::of(type_of(object).cast()),
        };
        if own.as_ptr() != class {
            let message = if NAMES_WHAT_IT_GOT {
                let (own, class) = (text::repr(own.as_ptr()), text::repr(class));
                message!("first argument to __newobj__() must be {own}, not {class}")
            } else {
                message!("args[0] from __newobj__ args has the wrong class")
            };
            return Err(self.pickler().pickling_error(&message));
        }
        self.object(class, Place::Class)?;
        // SAFETY: a live tuple; a new tuple of the rest.
        let rest = unsafe { Owned::new(PyTuple_GetSlice(parts.arguments, 1, arguments.len() as Py_ssize_t))? };
        self.owned(rest, Place::Argument(1))?;
        self.op(NEWOBJ)
    }

    fn newobj_ex(&mut self, parts: &Parts, protocol: u8) -> PyResult<()> {
        let arguments = tuple_items(parts.arguments);
        let [class, positional, keywords] = *arguments else {
            let len = arguments.len();
            let message = if NAMES_WHAT_IT_GOT {
                message!("__newobj_ex__ expected 3 arguments, got {len}")
            } else {
                message!("length of the NEWOBJ_EX argument tuple must be exactly 3, not {len}")
            };
            return Err(self.pickler().pickling_error(&message));
        };
        for (object, ty, nth, what) in [
            (class, &raw mut PyType_Type, "first", "a class"),
            (positional, &raw mut PyTuple_Type, "second", "a tuple"),
            (keywords, &raw mut PyDict_Type, "third", "a dict"),
        ] {
            if !is_subtype(type_of(object), ty) {
                let name = type_name(object);
                let which = if NAMES_WHAT_IT_GOT {
                    "argument to __newobj_ex__()"
                } else {
                    "item from NEWOBJ_EX argument tuple"
                };
                return Err(self.pickler().pickling_error(&message!("{nth} {which} must be {what}, not {name}")));
            }
        }
        if protocol >= 4 {
            self.object(class, Place::Class)?;
            self.object(positional, Place::Argument(1))?;
            self.object(keywords, Place::Argument(2))?;
            return self.op(NEWOBJ_EX);
        }
        // partial(class.__new__, class, *positional, **keywords)()
        let partial = self.pickler().imported(|i| i.partial())?;
        let new = attr(class, self.pickler().state.names.new.as_ptr())?;
        let given = tuple_items(positional);
        // SAFETY: a new tuple, filled before anyone else sees it.
        let bound = unsafe {
            let all = Owned::new(PyTuple_New(given.len() as Py_ssize_t + 2))?;
            PyTuple_SetItem(all.as_ptr(), 0, new.into_ptr());
            PyTuple_SetItem(all.as_ptr(), 1, Owned::of(class).into_ptr());
            for (i, argument) in given.iter().enumerate() {
                PyTuple_SetItem(all.as_ptr(), i as Py_ssize_t + 2, Owned::of(*argument).into_ptr());
            }
            Owned::new(PyObject_Call(partial, all.as_ptr(), keywords))?
        };
        self.owned(bound, Place::Callable)?;
        // In person, since it may be asked about.
        // SAFETY: attached; a new reference.
        self.owned(unsafe { Owned::new(PyTuple_New(0))? }, Place::Hidden)?;
        self.op(REDUCE)
    }
}
