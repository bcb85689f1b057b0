//! Reduce values in person: the tuple that cloudpickle's reducer would return, made of the same plan that is otherwise
//! written straight to the output. So whoever is asked about objects (a `persistent_id`, a `reducer_override`, a
//! `dispatch_table`) sees each of them, and cloudpickle's reducers can be called like functions.

use std::ptr;

use pyo3_ffi::*;

use super::engine::Pickler;
use super::plan::Plan;
use super::script::{Script, Step};
use crate::protocol::opcode::*;
use crate::py::collections::tuple_stealing;
use crate::py::error::{PyResult, check, raise};
use crate::py::layout::tuple_items;
use crate::py::number;
use crate::py::object::dict_get;
use crate::py::owned::Owned;
use crate::py::vec::{TryPush, gather};
use crate::reducers::joined::join;

/// A plan's parts as a pickle machine would put them together.
#[derive(Default)]
pub struct InPerson {
    stack: Vec<Owned>,
    /// Heights of the stack.
    marks: Vec<usize>,
    /// A callable and its arguments.
    call: Option<(Owned, Owned)>,
    /// What builds the object.
    construction: Option<(Owned, Owned)>,
    /// What is called with the object and its state.
    setter: Option<(Owned, Owned)>,
}

impl InPerson {
    fn pop(&mut self) -> PyResult<Owned> {
        self.stack.pop().ok_or_else(out_of_order)
    }

    /// The items above a height.
    fn above(&mut self, height: usize) -> PyResult<Vec<Owned>> {
        if height > self.stack.len() { Err(out_of_order()) } else { Ok(self.stack.split_off(height)) }
    }

    fn pop_mark(&mut self) -> PyResult<Vec<Owned>> {
        let mark = self.marks.pop().ok_or_else(out_of_order)?;
        self.above(mark)
    }

    fn tuple(&mut self, len: usize) -> PyResult<()> {
        let height = self.stack.len().checked_sub(len).ok_or_else(out_of_order)?;
        let items = self.above(height)?;
        // A MARK lies in front of the longer ones.
        if self.marks.last() == Some(&height) {
            self.marks.pop();
        }
        let tuple = tuple_of(items)?;
        self.stack.try_push(tuple)
    }

    /// Puts keys and values into the dict that lies below them.
    fn set_items(&mut self, pairs: &[Owned]) -> PyResult<()> {
        let dict = self.stack.last().ok_or_else(out_of_order)?;
        for pair in pairs.chunks_exact(2) {
            // SAFETY: a dict that a plan began, and live objects.
            check(unsafe { PyDict_SetItem(dict.as_ptr(), pair[0].as_ptr(), pair[1].as_ptr()) })?;
        }
        Ok(())
    }

    fn append(&mut self, items: &[Owned]) -> PyResult<()> {
        let list = self.stack.last().ok_or_else(out_of_order)?;
        for item in items {
            // SAFETY: a list that a plan began, and live objects.
            check(unsafe { PyList_Append(list.as_ptr(), item.as_ptr()) })?;
        }
        Ok(())
    }

    fn op(&mut self, op: u8) -> PyResult<()> {
        match op {
            MARK => self.marks.try_push(self.stack.len()),
            // SAFETY: a static object.
            NONE => self.stack.try_push(Owned::of(unsafe { Py_None() })),
            SETITEM => {
                let height = self.stack.len().saturating_sub(2);
                let pair = self.above(height)?;
                self.set_items(&pair)
            }
            SETITEMS => {
                let pairs = self.pop_mark()?;
                self.set_items(&pairs)
            }
            APPEND => {
                let item = self.pop()?;
                self.append(&[item])
            }
            APPENDS => {
                let items = self.pop_mark()?;
                self.append(&items)
            }
            TUPLE2 => self.tuple(2),
            REDUCE => {
                let arguments = self.pop()?;
                self.call = Some((self.pop()?, arguments));
                Ok(())
            }
            // Behind the call of a setter, whose result nobody wants.
            POP => {
                let (setter, arguments) = self.call.take().ok_or_else(out_of_order)?;
                let [_, state] = *tuple_items(arguments.as_ptr()) else { return Err(out_of_order()) };
                self.setter = Some((setter, Owned::of(state)));
                Ok(())
            }
            _ => Err(out_of_order()),
        }
    }

    /// (callable, arguments) or (callable, arguments, state, None, None, setter)
    fn value(mut self) -> PyResult<Owned> {
        let (callable, arguments) = self.construction.take().ok_or_else(out_of_order)?;
        // SAFETY: a static object.
        let none = || Owned::of(unsafe { Py_None() });
        match self.setter.take() {
            None => tuple_of([callable, arguments]),
            Some((setter, state)) => tuple_of([callable, arguments, state, none(), none(), setter]),
        }
    }
}

/// A plan that no reducer makes.
#[cold]
fn out_of_order() -> crate::py::error::Raised {
    // SAFETY: a static exception type.
    raise(unsafe { PyExc_SystemError }, "a reducer describes its object out of order")
}

fn tuple_of(items: impl AsRef<[Owned]> + IntoIterator<Item = Owned>) -> PyResult<Owned> {
    let pointers = gather(items.as_ref().iter().map(Owned::as_ptr))?;
    // SAFETY: the references go over to the tuple.
    unsafe {
        let tuple = tuple_stealing(&pointers)?;
        items.into_iter().for_each(std::mem::forget);
        Ok(tuple)
    }
}

impl<'a> Pickler<'a> {
    /// The reduce value that a reducer describes; None if it describes none.
    pub fn value_of(
        &mut self,
        describe: impl FnOnce(&mut Self) -> PyResult<Option<Script>>,
    ) -> PyResult<Option<Owned>> {
        let (made, frame) = self.in_person(describe)?;
        if frame.is_none() { Ok(None) } else { made.value().map(Some) }
    }

    /// The object that a plan puts together, which is no reduce value.
    pub fn part_of(&mut self, describe: impl FnOnce(&mut Plan<'_, 'a>) -> PyResult<()>) -> PyResult<Owned> {
        let (mut made, _) = self.in_person(|pickler| {
            let mut plan = pickler.plan();
            describe(&mut plan)?;
            Ok(Some(plan.finish()))
        })?;
        made.pop()
    }

    fn in_person<T>(&mut self, describe: impl FnOnce(&mut Self) -> PyResult<T>) -> PyResult<(InPerson, T)> {
        self.foreign()?;
        let outer = self.in_person.replace(InPerson::default());
        let described = describe(self);
        let made = std::mem::replace(&mut self.in_person, outer).unwrap_or_default();
        Ok((made, described?))
    }

    /// Describes an object, to the output or, if somebody is asked about objects, in person first.
    pub(super) fn described(
        &mut self,
        object: *mut PyObject,
        describe: impl FnOnce(&mut Self) -> PyResult<Option<Script>>,
    ) -> PyResult<Option<Script>> {
        if !self.asks {
            return describe(self);
        }
        match self.value_of(describe)? {
            Some(value) => self.reduce_value(value, object),
            None => Ok(None),
        }
    }

    /// Carries out a step in person.
    pub(super) fn make(&mut self, step: Step) -> PyResult<()> {
        let part = match step {
            Step::Object(object, _) | Step::Plain(object) => Owned::of(object),
            Step::Wire(wire) => self.wire_object(wire)?,
            Step::FreshText(text) => join(text)?,
            Step::Int(value) => number::from_i64(value)?,
            // SAFETY: attached; new references.
            Step::EmptyTuple => unsafe { Owned::new(PyTuple_New(0))? },
            // SAFETY: as above.
            Step::EmptyList => unsafe { Owned::new(PyList_New(0))? },
            // SAFETY: as above.
            Step::EmptyDict => unsafe { Owned::new(PyDict_New())? },
            _ => {
                let made = self.in_person.as_mut().ok_or_else(out_of_order)?;
                match step {
                    Step::Op(op) | Step::Begin(op) => return made.op(op),
                    Step::Tuple(len) => return made.tuple(len as usize),
                    Step::Built(_) => {
                        made.construction = made.call.take();
                        return Ok(());
                    }
                    Step::BuiltOnPaper => {
                        let (callable, arguments) = made.call.take().ok_or_else(out_of_order)?;
                        // SAFETY: live objects; a new reference or NULL with an exception.
                        unsafe { Owned::new(PyObject_Call(callable.as_ptr(), arguments.as_ptr(), ptr::null_mut()))? }
                    }
                    _ => return Err(out_of_order()),
                }
            }
        };
        match &mut self.in_person {
            Some(made) => made.stack.try_push(part),
            None => Err(out_of_order()),
        }
    }

    /// What all functions with these globals share: the dict in `Pickler.globals_ref`, made at the first question.
    pub(super) fn shared_globals(&mut self, globals: *mut PyObject, values: &[(Owned, Owned)]) -> PyResult<Owned> {
        let known = match (self.options.globals_ref, &self.own_globals_ref) {
            (Some(given), _) => Owned::of(given),
            (None, Some(own)) => own.clone(),
            // SAFETY: attached; a new reference.
            (None, None) => unsafe { self.own_globals_ref.insert(Owned::new(PyDict_New())?).clone() },
        };
        // SAFETY: attached; a new reference: `id(globals)`.
        let id = unsafe { Owned::new(PyLong_FromVoidPtr(globals.cast()))? };
        let shared = match dict_get(known.as_ptr(), id.as_ptr())? {
            Some(shared) => shared,
            None => {
                // SAFETY: attached; a new reference, and live objects.
                unsafe {
                    let shared = Owned::new(PyDict_New())?;
                    check(PyDict_SetItem(known.as_ptr(), id.as_ptr(), shared.as_ptr()))?;
                    shared
                }
            }
        };
        // SAFETY: live objects.
        unsafe {
            if PyDict_Check(shared.as_ptr()) != 0 && PyDict_Size(shared.as_ptr()) == 0 {
                for (key, value) in values {
                    check(PyDict_SetItem(shared.as_ptr(), key.as_ptr(), value.as_ptr()))?;
                }
            }
        }
        Ok(shared)
    }
}
