//! Objects that are reduced: who is asked (`save` in `_pickle.c`).

use std::ptr;

use pyo3_ffi::*;

use super::engine::Pickler;
use super::frame::{Frame, Slot, put};
use super::known::instances::Known;
use super::plan::Place;
use super::script::{Script, Step};
use crate::decide::by_reference::{claims_main, found_by_reference, tells_names_itself};
use crate::protocol::opcode::*;
use crate::py::class::{compares_by_identity, is_class, is_heap, is_subtype};
use crate::py::error::{PyResult, Raised, clear, matches};
use crate::py::layout::type_of;
use crate::py::message::message;
use crate::py::object::{call1, dict_get, optional_attr};
use crate::py::owned::Owned;
use crate::py::text;
use crate::reconstruct::table::callable_of;
use crate::reducers::table::{self, Kind};
use crate::reducers::{builtin_types, function};

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
            return if is_heap(object) { self.referenced(object) } else { self.static_type(object) };
        }
        if ty == &raw const PyFunction_Type {
            let is_of_main = claims_main(self.state, object);
            return if is_of_main { function::bare(self, object) } else { self.referenced(object) };
        }
        if ty == &raw const PyCFunction_Type {
            return self.static_function(object);
        }
        Ok(is_class(object) && self.referenced(object)?)
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
        if is_subtype(ty, &raw mut PyType_Type) {
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
            && is_subtype(ty, &raw mut PyType_Type)
            && tells_names_itself(self.state, object)
            && self.has_no_reducer(ty)?)
    }

    /// Has a metaclass, which is a class like others, a reducer in no table?
    pub(super) fn has_no_reducer(&mut self, metaclass: *mut PyTypeObject) -> PyResult<bool> {
        Ok(type_of(metaclass.cast()) == &raw mut PyType_Type
            && table::by_type(self, metaclass)?.is_none()
            && dict_get(self.state.imports.dispatch_table.as_ptr(), metaclass.cast())?.is_none())
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
            // cloudpickle looks into a table of its own first. What has no hash is refused in a dict's words.
            or_key_error(dict_get(self.state.imports.builtins_dict.as_ptr(), ty.cast()))?;
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
