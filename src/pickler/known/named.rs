//! namedtuples: `copyreg.__newobj__(class, *items)`, as the `__getnewargs__` says that `collections.namedtuple` makes.

use pyo3_ffi::*;

use super::instances::Known;
use super::slots::slots_of;
use crate::pickler::engine::Pickler;
use crate::pickler::frame::{Frame, Next, Slot, Tuple};
use crate::pickler::plan::Place;
use crate::pickler::script::Script;
use crate::protocol::opcode::*;
use crate::py::code;
use crate::py::error::PyResult;
use crate::py::layout::{tuple_items, type_of};
use crate::py::object::{dict_at_hand, dict_get, import_from};
use crate::py::owned::Owned;
use crate::py::text;

/// Is this class, which has this `__getnewargs__`, one whose instances are their items and nothing else?
pub fn is_named(pickler: &mut Pickler<'_>, class: *mut PyTypeObject, getnewargs: *mut PyObject) -> PyResult<bool> {
    // SAFETY: a live class and function; the fields of an exact function.
    let (iterates, dict_at, own_code, closure) = unsafe {
        if type_of(getnewargs).cast_const() != &raw const PyFunction_Type {
            return Ok(false);
        }
        let function = getnewargs.cast::<PyFunctionObject>();
        let same = |get: getiterfunc| PyTuple_Type.tp_iter.is_some_and(|own| std::ptr::fn_addr_eq(own, get));
        let iterates = (*class).tp_iter.is_some_and(same);
        (iterates, (*class).tp_dictoffset, (*function).func_code, (*function).func_closure)
    };
    let Some(known) = getnewargs_code(pickler)? else { return Ok(false) };
    if own_code != known || !iterates || dict_at != 0 || !is_of_tuple(closure) {
        return Ok(false);
    }
    // A tuple has no slots.
    Ok(slots_of(pickler, class)?.is_some())
}

/// Is the only variable of the closure the type `tuple`?
fn is_of_tuple(closure: *mut PyObject) -> bool {
    if closure.is_null() {
        return false;
    }
    let [cell] = tuple_items(closure) else { return false };
    // SAFETY: a closure is a tuple of cells; a new reference or NULL.
    let value = unsafe { Owned::new_or_none(PyCell_Get(*cell)) };
    value.is_some_and(|value| value.as_ptr().cast() == &raw mut PyTuple_Type)
}

/// The code of the method `__getnewargs__` that `collections.namedtuple` gives to each class; None if there is no such
/// code.
fn getnewargs_code(pickler: &mut Pickler<'_>) -> PyResult<Option<*mut PyObject>> {
    let state = pickler.state;
    if state.named_tuples.made::<Option<Owned>>().is_none() {
        let name = text::new("namedtuple")?;
        let module = dict_at_hand(state.modules()?.as_ptr(), "collections")?;
        let factory = module.map_or(Ok(None), |dict| dict_get(dict.as_ptr(), name.as_ptr()))?;
        match factory {
            Some(factory) => drop(state.named_tuples.get(|| find_code(&factory))?),
            None => pickler.foreign()?,
        }
    }
    let find = || find_code(&import_from(c"collections", c"namedtuple")?);
    Ok(state.named_tuples.get(find)?.as_ref().map(Owned::as_ptr))
}

fn find_code(factory: &Owned) -> PyResult<Option<Owned>> {
    if type_of(factory.as_ptr()).cast_const() != &raw const PyFunction_Type {
        return Ok(None);
    }
    // SAFETY: an exact function.
    let code = unsafe { (*factory.as_ptr().cast::<PyFunctionObject>()).func_code };
    let nested = tuple_items(code::fields(code).consts).iter();
    let found = nested.copied().find(|c| code::is_code(*c) && text::is(code::fields(*c).name, c"__getnewargs__"));
    Ok(found.map(Owned::of))
}

impl Pickler<'_> {
    /// Writes a namedtuple, or begins it.
    pub(super) fn named(&mut self, slot: &mut Slot, object: *mut PyObject) -> PyResult<Known> {
        let items = tuple_items(object);
        let Some(class) = self.memo.get(type_of(object).cast()) else {
            let script = self.named_by_plan(object)?;
            return Ok(Known::begun(slot, script));
        };
        self.paper_boundary()?;
        self.get(class);
        self.paper_boundary()?;
        if items.is_empty() {
            self.empty_tuple();
            self.newobj(object)?;
            return Ok(Known::Done);
        }
        if self.tuple_is_marked(items.len()) {
            self.out.op(MARK);
        }
        // Most are done here, without a turn of the loop.
        let mut frame = Tuple { tuple: object, index: 0, unique: false, is_arguments: true };
        match self.tuple(&mut frame)? {
            Next::Done => Ok(Known::Done),
            // The loop asks for the item that is no leaf once more.
            _ => {
                frame.index -= 1;
                slot.write(Frame::Tuple(frame));
                Ok(Known::Begun)
            }
        }
    }

    /// Writes a namedtuple of atoms at once if the pickle has had its class.
    #[inline(never)]
    pub(super) fn row_of_named(&mut self, object: *mut PyObject) -> PyResult<Next> {
        /// A reference, and the opcodes behind the items.
        const FRAMING: usize = 32;
        let class = self.memo.get(type_of(object).cast()).filter(|_| self.is_flat(object, FRAMING));
        if let Some(class) = class {
            self.get(class);
            self.items_of_flat(object)?;
            self.memoize_paper()?;
            self.newobj(object)?;
        }
        self.row_is_written(object, class.is_some())
    }

    /// The items are there.
    pub(in crate::pickler) fn end_named(&mut self, object: *mut PyObject) -> PyResult<()> {
        self.tuple_op(tuple_items(object).len());
        self.memoize_paper()?;
        self.newobj(object)
    }

    /// NEWOBJ; an object that is known by now lies inside itself, and the first one stays.
    fn newobj(&mut self, object: *mut PyObject) -> PyResult<()> {
        self.out.op(NEWOBJ);
        if let Some(number) = self.memo.get(object) {
            self.out.op(POP);
            self.get(number);
            return Ok(());
        }
        self.memoize(object)
    }

    fn named_by_plan(&mut self, object: *mut PyObject) -> PyResult<Script> {
        let items = tuple_items(object);
        let _held = Owned::of(object);
        let mut plan = self.plan();
        plan.object(type_of(object).cast(), Place::Class)?;
        if items.is_empty() {
            plan.empty_tuple()?;
        } else {
            plan.tuple(items.len())?;
            for (n, item) in (0..).zip(items) {
                plan.part(*item, Place::NewPart(n))?;
            }
            plan.tuple_end(items.len())?;
        }
        plan.op(NEWOBJ)?;
        plan.built(object)?;
        Ok(plan.finish())
    }
}
