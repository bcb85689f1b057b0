//! What a reducer says: its object on paper, in the order of the bytes.
//!
//! A reducer gets a [`Plan`] and tells it what to call with which arguments, then which state to set; the engine writes
//! that. Tuples, dicts and strings that cloudpickle would build only to pickle them exist on paper: they take the memo
//! number that the real ones would take, and nothing else.

use std::ptr;

use pyo3_ffi::*;

use super::atoms::Leaf;
use super::containers::save;
use super::engine::Pickler;
use super::frame::{Frame, Next};
use super::items::Items;
use crate::protocol::opcode::*;
use crate::protocol::wire::Wire;
use crate::py::error::PyResult;
use crate::py::habits::SHORT_LAST_BATCH;
use crate::py::layout::{Chars, chars, unique};
use crate::py::owned::Owned;
use crate::py::vec::TryPush;

/// Where a step's object lies in the object that is reduced, for the path to a culprit.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    /// Nothing to show: the path goes on with what lies inside.
    Hidden,
    /// `.name`, a `str`.
    Attribute(*mut PyObject),
    /// `.name`.
    Field(&'static &'static str),
    /// `.__closure__['name']`, a `str`.
    Closure(*mut PyObject),
    /// `.__globals__['name']`, a `str`.
    Global(*mut PyObject),
    /// The state: its keys are attributes.
    State,
    /// Argument `n` of what rebuilds the object.
    Argument(u32),
}

/// One thing to write.
pub enum Step {
    Op(u8),
    /// The opcode that an object begins with.
    Begin(u8),
    /// An object, as any other.
    Object(*mut PyObject, Place),
    /// An object for which no persistent id is asked.
    Plain(*mut PyObject),
    /// A function of `cloudpickle.cloudpickle`.
    Wire(Wire),
    /// The characters of a str as a new str.
    FreshText(*mut PyObject),
    Int(i64),
    /// EMPTY_TUPLE, EMPTY_LIST, EMPTY_DICT as the protocol has them; what is not a tuple takes a number.
    EmptyTuple,
    EmptyList,
    EmptyDict,
    /// A tuple of the last so many items, on paper.
    Tuple(u32),
    /// The dict that functions with these globals share; see `globals.rs`.
    BaseGlobals(*mut PyObject),
    /// The object has been built: memoise it. If it is known by now, drop what was built and end the script.
    Built(*mut PyObject),
    /// What was built exists on paper only: it takes a number.
    BuiltOnPaper,
    /// As `Built`, for an object that cannot be known by now.
    Memoize(*mut PyObject),
    /// Items or pairs that an iterator gives, for the object just built.
    Items(*mut PyObject, Place),
    Pairs(*mut PyObject, Place),
    /// GLOBAL with the names of the module and the global, which `object` and what lies in `keep` hold.
    Global {
        object: *mut PyObject,
        module: *mut PyObject,
        name: *mut PyObject,
    },
}

impl Step {
    /// The object that the step points to and that must live until it is written; NULL if there is none.
    pub fn object(&self) -> *mut PyObject {
        match self {
            Self::Object(object, _)
            | Self::Plain(object)
            | Self::FreshText(object)
            | Self::BaseGlobals(object)
            | Self::Built(object)
            | Self::Memoize(object)
            | Self::Items(object, _)
            | Self::Pairs(object, _) => *object,
            _ => ptr::null_mut(),
        }
    }
}

/// A plan that is being carried out: a run of `Pickler::steps`.
pub struct Script {
    pub first: usize,
    pub next: usize,
    pub end: usize,
}

/// A plan that is being made.
pub struct Plan<'p, 'a> {
    pickler: &'p mut Pickler<'a>,
    first: usize,
}

impl<'p, 'a> Plan<'p, 'a> {
    pub(super) fn new(pickler: &'p mut Pickler<'a>) -> Self {
        let first = pickler.steps.len();
        Self { pickler, first }
    }

    /// The engine, for questions in between.
    pub fn pickler(&mut self) -> &mut Pickler<'a> {
        self.pickler
    }

    fn step(&mut self, step: Step) -> PyResult<()> {
        if self.pickler.is_foreign() {
            let object = step.object();
            if !object.is_null() {
                self.pickler.keep(Owned::of(object))?;
            }
        }
        self.pickler.steps.try_push(step)
    }

    pub fn op(&mut self, op: u8) -> PyResult<()> {
        self.step(Step::Op(op))
    }

    /// Any object.
    pub fn object(&mut self, object: *mut PyObject, place: Place) -> PyResult<()> {
        self.owned(Owned::of(object), place)
    }

    /// Any object, whose reference is handed over.
    pub fn owned(&mut self, object: Owned, place: Place) -> PyResult<()> {
        let object = self.pickler.keep(object)?;
        self.pickler.steps.try_push(Step::Object(object, place))
    }

    /// A part: an object that the reduced object itself holds, and that is met through it at most once if nothing else
    /// refers to it. Cheaper than [`Plan::object`], since the engine may find that it need not be remembered. What lies
    /// in a dict or a list of names that several objects lead to (globals, `sys.modules`) is not a part.
    pub fn part(&mut self, object: *mut PyObject, place: Place) -> PyResult<()> {
        self.step(Step::Object(object, place))
    }

    /// Is what a container holds a part of the object that is described, which holds the container and is described
    /// without it? So it is if nothing else refers to the container; otherwise that may have been, or will be, saved by
    /// itself, and what it holds is met twice by way of one reference.
    pub fn lends(&mut self, container: *mut PyObject) -> PyResult<bool> {
        if unique(container) {
            return Ok(true);
        }
        if !self.pickler.is_foreign() && !matches!(self.pickler.memo.get_or_under_way(container), Ok(None)) {
            self.pickler.foreign()?;
        }
        Ok(false)
    }

    /// A part if it is one, else any object.
    pub fn lent(&mut self, object: *mut PyObject, is_part: bool, place: Place) -> PyResult<()> {
        if is_part { self.part(object, place) } else { self.object(object, place) }
    }

    /// A part, or None for NULL.
    pub fn part_or_none(&mut self, object: *mut PyObject, place: Place) -> PyResult<()> {
        if object.is_null() { self.none() } else { self.part(object, place) }
    }

    pub fn none(&mut self) -> PyResult<()> {
        self.step(Step::Begin(NONE))
    }

    pub fn bool(&mut self, value: bool) -> PyResult<()> {
        // SAFETY: static objects.
        self.part(unsafe { if value { Py_True() } else { Py_False() } }, Place::Hidden)
    }

    pub fn int(&mut self, value: i64) -> PyResult<()> {
        self.step(Step::Int(value))
    }

    /// A function of `cloudpickle.cloudpickle`.
    pub fn wire(&mut self, wire: Wire) -> PyResult<()> {
        self.step(Step::Wire(wire))
    }

    /// A new str with the characters of a str, as `"".join(text)` makes it: for one character of Latin-1 or none, CPython
    /// has one shared object.
    pub fn fresh_text(&mut self, text: *mut PyObject) -> PyResult<()> {
        // SAFETY: a live str.
        let len = unsafe { PyUnicode_GetLength(text) };
        if len > 1 || matches!(chars(text), Chars::Two(_) | Chars::Four(_)) {
            return self.step(Step::FreshText(text));
        }
        // SAFETY: a live str; the bounds are those of a copy.
        let shared = unsafe {
            Owned::new(match len {
                0 => PyUnicode_FromStringAndSize(ptr::null(), 0),
                _ => PyUnicode_FromOrdinal(PyUnicode_ReadChar(text, 0) as _),
            })?
        };
        self.owned(shared, Place::Hidden)
    }

    /// `()`.
    pub fn empty_tuple(&mut self) -> PyResult<()> {
        self.step(Step::EmptyTuple)
    }

    /// Begins a tuple on paper of so many items, more than none; [`Plan::tuple_end`] ends it.
    pub fn tuple(&mut self, len: usize) -> PyResult<()> {
        if self.pickler.tuple_is_marked(len) { self.step(Step::Begin(MARK)) } else { Ok(()) }
    }

    pub fn tuple_end(&mut self, len: usize) -> PyResult<()> {
        self.step(Step::Tuple(len as u32))
    }

    /// Begins a dict on paper of so many entries.
    pub fn dict(&mut self, len: usize) -> PyResult<OnPaper> {
        self.step(Step::EmptyDict)?;
        OnPaper::begin(self, len, [SETITEM, SETITEMS], true)
    }

    /// Begins a list on paper of so many items.
    pub fn list(&mut self, len: usize) -> PyResult<OnPaper> {
        self.step(Step::EmptyList)?;
        OnPaper::begin(self, len, [APPEND, APPENDS], false)
    }

    /// The dict that all functions with these globals share (`Pickler.globals_ref` of cloudpickle).
    pub fn base_globals(&mut self, globals: *mut PyObject) -> PyResult<()> {
        self.pickler.note_base_globals(globals)?;
        self.step(Step::BaseGlobals(globals))
    }

    /// The callable and the tuple of arguments are there: REDUCE, and the object is built.
    pub fn reduce(&mut self, object: *mut PyObject) -> PyResult<()> {
        self.step(Step::Op(REDUCE))?;
        self.built(object)
    }

    /// The same for an object that exists on paper only.
    pub fn reduce_paper(&mut self) -> PyResult<()> {
        self.step(Step::Op(REDUCE))?;
        self.step(Step::BuiltOnPaper)
    }

    /// The object is built: it gets its number. What follows is its state.
    pub fn built(&mut self, object: *mut PyObject) -> PyResult<()> {
        self.step(Step::Built(object))
    }

    /// Begins the call `setter(object, state)`; the state follows, then [`Plan::set_state_end`].
    pub fn set_state(&mut self, setter: Wire, object: *mut PyObject) -> PyResult<()> {
        self.step(Step::Wire(setter))?;
        // It is met twice by way of one reference: held here, it gets into the memo's table.
        self.object(object, Place::Hidden)
    }

    pub fn set_state_end(&mut self) -> PyResult<()> {
        self.step(Step::Op(TUPLE2))?;
        self.step(Step::Op(REDUCE))?;
        self.step(Step::Op(POP))
    }

    /// The object gets the next number.
    pub(super) fn memo_as(&mut self, object: *mut PyObject) -> PyResult<()> {
        self.step(Step::Memoize(object))
    }

    pub(super) fn raw(&mut self, step: Step) -> PyResult<()> {
        self.step(step)
    }

    /// Ends the plan and gives the frame that carries it out.
    pub fn finish(self) -> Frame {
        let end = self.pickler.steps.len();
        Frame::Script(Script { first: self.first, next: self.first, end })
    }
}

/// A dict or list on paper that takes its items in batches, as the real one would.
#[must_use]
pub struct OnPaper {
    len: usize,
    count: usize,
    ops: [u8; 2],
    /// A dict whose size is a multiple of the batch ends with an empty batch; a list does not.
    empty_last: bool,
    each: bool,
    single_last: bool,
}

impl OnPaper {
    fn begin(plan: &mut Plan<'_, '_>, len: usize, ops: [u8; 2], empty_last: bool) -> PyResult<Self> {
        let each = plan.pickler.protocol == 0;
        if len > 1 && !each {
            plan.op(MARK)?;
        }
        Ok(Self { len, count: 0, ops, empty_last, each, single_last: false })
    }

    /// To be called before each item, or each key.
    pub fn next(&mut self, plan: &mut Plan<'_, '_>) -> PyResult<()> {
        if self.each && self.count > 0 {
            plan.op(self.ops[0])?;
        } else if !self.each && self.count > 0 && self.count.is_multiple_of(BATCH) {
            plan.op(self.ops[1])?;
            if SHORT_LAST_BATCH && self.len - self.count == 1 {
                self.single_last = true;
            } else {
                plan.op(MARK)?;
            }
        }
        self.count += 1;
        Ok(())
    }

    /// To be called behind the last item.
    pub fn end(self, plan: &mut Plan<'_, '_>) -> PyResult<()> {
        debug_assert_eq!(self.len, self.count);
        if self.len == 0 {
            return Ok(());
        }
        if self.each || self.len == 1 || self.single_last {
            return plan.op(self.ops[0]);
        }
        plan.op(self.ops[1])?;
        if self.empty_last && !SHORT_LAST_BATCH && self.len.is_multiple_of(BATCH) {
            plan.op(MARK)?;
            plan.op(self.ops[1])?;
        }
        Ok(())
    }
}

impl Pickler<'_> {
    /// Carries out a plan up to the next object that is no leaf.
    #[inline(always)]
    pub(super) fn script(&mut self, f: &mut Script) -> PyResult<Next> {
        while f.next < f.end {
            self.out.room(0)?;
            let step = &self.steps[f.next];
            f.next += 1;
            match *step {
                Step::Op(op) => self.out.op(op),
                Step::Begin(op) => {
                    self.paper_boundary()?;
                    self.out.op(op);
                }
                Step::Object(object, _) => {
                    save!(self.leaf(object), object);
                }
                Step::Plain(object) => {
                    if let Some(frame) = self.begin(object)? {
                        return self.interpose(frame);
                    }
                }
                Step::Wire(wire) => self.wire(wire)?,
                Step::FreshText(text) => {
                    self.paper_boundary()?;
                    self.text_data(text)?;
                    self.memoize_paper()?;
                }
                Step::Int(value) => {
                    self.paper_boundary()?;
                    self.int64(value)?;
                }
                Step::EmptyTuple => {
                    self.paper_boundary()?;
                    self.empty_tuple();
                }
                Step::EmptyList => {
                    self.paper_boundary()?;
                    self.empty_list();
                    self.memoize_paper()?;
                }
                Step::EmptyDict => {
                    self.paper_boundary()?;
                    self.empty_dict();
                    self.memoize_paper()?;
                }
                Step::Tuple(len) => {
                    self.tuple_op(len as usize);
                    self.memoize_paper()?;
                }
                Step::BaseGlobals(globals) => {
                    self.paper_boundary()?;
                    if let Some(frame) = self.write_base_globals(globals)? {
                        return self.interpose(frame);
                    }
                }
                Step::Built(object) => {
                    if let Some(number) = self.memo.get(object) {
                        self.out.op(POP);
                        self.get(number);
                        break;
                    }
                    self.memoize(object)?;
                }
                Step::Items(iterator, place) => {
                    return self.interpose(Items::items(Owned::of(iterator), place)?);
                }
                Step::Pairs(iterator, place) => {
                    return self.interpose(Items::pairs(Owned::of(iterator), place)?);
                }
                Step::Global { object, module, name } => self.global_ref(object, module, name)?,
                Step::BuiltOnPaper => self.memoize_paper()?,
                Step::Memoize(object) => self.memoize(object)?,
            }
        }
        self.steps.truncate(f.first);
        Ok(Next::Done)
    }
}
