//! Objects that are reduced: who is asked, and what a reduce value means (`save` and `save_reduce` in `_pickle.c`).

use std::ptr;

use pyo3_ffi::*;

use super::engine::Pickler;
use super::frame::{Frame, Slot, put};
use super::known::instances::Known;
use super::plan::{Place, Plan};
use super::script::{Script, Step};
use crate::decide::by_reference::{claims_main, found_by_reference, tells_names_itself};
use crate::protocol::opcode::*;
use crate::py::class::{compares_by_identity, heap_fields, is_class};
use crate::py::error::{PyResult, Raised, clear, matches};
use crate::py::habits::NAMES_WHAT_IT_GOT;
use crate::py::layout::{tuple_items, type_of, unique};
use crate::py::message::message;
use crate::py::object::{attr, call1, dict_get, optional_attr};
use crate::py::owned::Owned;
use crate::py::text;
use crate::reconstruct::table::callable_of;
use crate::reducers::table::{self, Kind};
use crate::reducers::{builtin_types, function};

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

#[inline]
fn subtype(ty: *mut PyTypeObject, of: *mut PyTypeObject) -> bool {
    // SAFETY: live types.
    ty == of || unsafe { PyType_IsSubtype(ty, of) != 0 }
}

/// The name of an object's type as CPython's words for a wrong one have it.
fn type_name(object: *mut PyObject) -> String {
    if NAMES_WHAT_IT_GOT {
        text::full_type_name(type_of(object))
    } else {
        message!("{}", text::type_name(type_of(object)))
    }
}

/// None where a KeyError says that something is not there.
fn or_key_error<T>(found: PyResult<T>) -> PyResult<Option<T>> {
    match found {
        // SAFETY: a static exception type.
        Err(Raised) if matches(unsafe { PyExc_KeyError }) => {
            clear();
            Ok(None)
        }
        found => found.map(Some),
    }
}

impl Pickler<'_> {
    /// Writes a function or class of which nothing else is met on the way, so that it need not be under way; false, and nothing is
    /// written, for any other, and where somebody is to be asked.
    #[inline]
    pub(super) fn alone(&mut self, object: *mut PyObject) -> PyResult<bool> {
        let ty = type_of(object).cast_const();
        if ty == &raw const PyType_Type {
            return Ok(self.referenced(object)? || self.static_type(object)?);
        }
        if ty == &raw const PyFunction_Type {
            let is_of_main = claims_main(self.state, object);
            return if is_of_main { function::bare(self, object) } else { self.referenced(object) };
        }
        Ok(ty == &raw const PyCFunction_Type && self.static_function(object)?)
    }

    /// Any object that the protocol has no opcodes for; true if what is left of it is in the slot.
    pub(super) fn reduce(&mut self, slot: &mut Slot, object: *mut PyObject) -> PyResult<bool> {
        if let Some(hook) = self.options.reducer_override {
            self.foreign()?;
            let value = call1(hook, object)?;
            // SAFETY: a static object.
            if value.as_ptr() != unsafe { Py_NotImplemented() } {
                return Ok(put(slot, self.reduce_value(value, object)?.map(Frame::Script)));
            }
        }
        match self.known(slot, object)? {
            Known::Not => {}
            known => return Ok(known == Known::Begun),
        }
        let script = self.reduce_unknown(object)?;
        Ok(put(slot, script.map(Frame::Script)))
    }

    /// The same for an object whose reduction is not known beforehand.
    fn reduce_unknown(&mut self, object: *mut PyObject) -> PyResult<Option<Script>> {
        let ty = type_of(object);
        if !self.options.replaces_own {
            if self.options.dispatch_table.is_none()
                && let Some(reducer) = table::built_in(ty)
            {
                return self.described(object, |pickler| reducer(pickler, object).map(Some));
            }
            if let Some(kind) = Kind::of(self, object)? {
                if kind == Kind::Class
                    && let Some(script) = self.described(object, |pickler| builtin_types::reduce(pickler, object))?
                {
                    return Ok(Some(script));
                }
                let Some(found) = found_by_reference(self.state, object, self)? else {
                    return self.described(object, |pickler| kind.by_value(pickler, object).map(Some));
                };
                if self.goes_by_name(object)? && self.save_found(object, found)? {
                    return Ok(None);
                }
            }
        }
        if ty.cast_const() == &raw const PyType_Type {
            return self.save_type(object);
        }
        if ty.cast_const() == &raw const PyFunction_Type {
            return self.save_global(object, None);
        }
        if let Some(value) = self.dispatch_table(object, ty)? {
            return self.reduce_value(value, object);
        }
        if self.options.dispatch_table.is_some() {
            // A table that was made before the type's module was imported has no row for it.
            if let Some(reducer) = table::of_modules(self, ty)? {
                return self.described(object, |pickler| reducer(pickler, object).map(Some));
            }
        } else {
            if let Some(reducer) = table::by_type(self, ty)? {
                return self.described(object, |pickler| reducer(pickler, object).map(Some));
            }
            if let Some(value) = self.copyreg(object, ty)? {
                return self.reduce_value(value, object);
            }
        }
        if subtype(ty, &raw mut PyType_Type) {
            return self.save_global(object, None);
        }
        if let Some(wire) = callable_of(object) {
            return self.save_wire(wire, object);
        }
        if let Some(script) = self.array(object)? {
            return Ok(Some(script));
        }
        if let Some(script) = self.builtin_method(object)? {
            return Ok(Some(script));
        }
        if let Some(script) = self.generic_alias(object)? {
            return Ok(Some(script));
        }
        let value = match self.answer(object)? {
            Some(value) => value,
            None => {
                self.foreign()?;
                self.reduce_ex(object)?
            }
        };
        self.reduce_value(value, object)
    }

    /// Does a class or function that was found by its name go by that without a question to anybody?
    fn goes_by_name(&mut self, object: *mut PyObject) -> PyResult<bool> {
        let ty = type_of(object);
        if ty == &raw mut PyType_Type || ty.cast_const() == &raw const PyFunction_Type {
            return Ok(true);
        }
        // A class of another metaclass, which tables may have.
        Ok(self.options.dispatch_table.is_none()
            && subtype(ty, &raw mut PyType_Type)
            && type_of(ty.cast()) == &raw mut PyType_Type
            && tells_names_itself(self.state, object)
            && table::by_type(self, ty)?.is_none()
            && dict_get(self.state.imports.dispatch_table.as_ptr(), ty.cast())?.is_none())
    }

    /// The three types that are known by their only object; any other by reference.
    fn save_type(&mut self, ty: *mut PyObject) -> PyResult<Option<Script>> {
        // SAFETY: static objects.
        let only = unsafe { [Py_None(), Py_Ellipsis(), Py_NotImplemented()] };
        let Some(object) = only.into_iter().find(|only| type_of(*only).cast() == ty) else {
            return self.save_global(ty, None);
        };
        self.described(ty, |pickler| {
            let mut plan = pickler.plan();
            plan.object((&raw mut PyType_Type).cast(), Place::Callable)?;
            plan.tuple(1)?;
            plan.object(object, Place::Part(0))?;
            plan.tuple_end(1)?;
            plan.reduce(ty)?;
            Ok(Some(plan.finish()))
        })
    }

    /// The caller's own dispatch table.
    fn dispatch_table(&mut self, object: *mut PyObject, ty: *mut PyTypeObject) -> PyResult<Option<Owned>> {
        let Some(table) = self.options.dispatch_table else { return Ok(None) };
        self.foreign()?;
        if type_of(table).cast_const() == &raw const PyDict_Type {
            let Some(reducer) = dict_get(table, ty.cast())? else { return Ok(None) };
            return call1(reducer.as_ptr(), object).map(Some);
        }
        // SAFETY: live objects; a new reference or NULL with an exception.
        match or_key_error(unsafe { Owned::new(PyObject_GetItem(table, ty.cast())) })? {
            Some(reducer) => call1(reducer.as_ptr(), object).map(Some),
            None => Ok(None),
        }
    }

    /// What was registered with `copyreg.pickle`.
    fn copyreg(&mut self, object: *mut PyObject, ty: *mut PyTypeObject) -> PyResult<Option<Owned>> {
        if !compares_by_identity(type_of(ty.cast())) {
            self.foreign()?;
            // cloudpickle looks into a table of its own first.
            // SAFETY: live.
            let hash = unsafe { PyObject_Hash(ty.cast()) };
            or_key_error(if hash == -1 { Err(Raised) } else { Ok(()) })?;
        }
        let found = dict_get(self.state.imports.dispatch_table.as_ptr(), ty.cast());
        let Some(reducer) = or_key_error(found)?.flatten() else { return Ok(None) };
        self.foreign()?;
        call1(reducer.as_ptr(), object).map(Some)
    }

    /// `object.__reduce_ex__(protocol)`, else `object.__reduce__()`.
    pub(super) fn reduce_ex(&mut self, object: *mut PyObject) -> PyResult<Owned> {
        let names = &self.state.names;
        if let Some(method) = optional_attr(object, names.reduce_ex.as_ptr())? {
            // SAFETY: a new int.
            let protocol = unsafe { Owned::new(PyLong_FromLong(self.protocol.into()))? };
            return call1(method.as_ptr(), protocol.as_ptr());
        }
        if let Some(method) = optional_attr(object, names.reduce.as_ptr())? {
            // SAFETY: a live callable; the list of arguments is empty.
            return unsafe { Owned::new(PyObject_CallFunctionObjArgs(method.as_ptr(), ptr::null_mut::<PyObject>())) };
        }
        let name = text::type_name(type_of(object));
        let message = message!("can't pickle '{name}' object: {}", text::repr(object));
        Err(self.pickling_error(&message))
    }

    /// Raises PicklingError, which may have to be imported.
    #[cold]
    pub(super) fn pickling_error(&mut self, message: &str) -> Raised {
        match self.foreign() {
            Ok(()) => self.state.imports.raise_pickling(message),
            Err(raised) => raised,
        }
    }

    /// A reduce value: a name, or a tuple of two to six.
    pub(super) fn reduce_value(&mut self, value: Owned, object: *mut PyObject) -> PyResult<Option<Script>> {
        if subtype(type_of(value.as_ptr()), &raw mut PyUnicode_Type) {
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
        if !subtype(type_of(value.as_ptr()), &raw mut PyTuple_Type) {
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

    /// Asks for a persistent id; the script that writes it, if there is one.
    pub(super) fn persistent(&mut self, object: *mut PyObject) -> PyResult<Option<Script>> {
        let Some(hook) = self.options.persistent_id else { return Ok(None) };
        self.foreign()?;
        let id = call1(hook, object)?;
        // SAFETY: a static object.
        if id.as_ptr() == unsafe { Py_None() } {
            return Ok(None);
        }
        let mut plan = self.plan();
        if plan.pickler().protocol() >= 1 {
            let id = plan.pickler().keep(id)?;
            plan.raw(Step::Plain(id))?;
            plan.op(BINPERSID)?;
            return Ok(Some(plan.finish()));
        }
        let script = plan.finish();
        // SAFETY: a live object.
        let shown = unsafe { Owned::new(PyObject_Str(id.as_ptr()))? };
        let shown = text::utf8(shown.as_ptr()).ok().filter(|t| t.is_ascii());
        let Some(shown) = shown else {
            clear();
            return Err(self.pickling_error("persistent IDs in protocol 0 must be ASCII strings"));
        };
        self.out.room(shown.len())?;
        self.out.op(PERSID);
        self.out.bytes(shown.as_bytes());
        self.out.op(b'\n');
        Ok(Some(script))
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
            && subtype(type_of(name.as_ptr()), &raw mut PyUnicode_Type)
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
        if !subtype(type_of(class), &raw mut PyType_Type) {
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
            if !subtype(type_of(object), ty) {
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
