//! What a reducer says: its object on paper, in the order of the bytes.
//!
//! A reducer gets a [`Plan`] and tells it what to call with which arguments, then which state to set; the engine writes
//! that. Tuples, dicts and strings that cloudpickle would build only to pickle them exist on paper: they take the memo
//! number that the real ones would take, and nothing else.

use std::ptr;

use pyo3_ffi::*;

use super::atoms::Leaf;
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
    /// The closure of a function with this code: the cells in it have names.
    Closure(*mut PyObject),
    /// `.__globals__['name']`, a `str`.
    Global(*mut PyObject),
    /// The state: its keys are attributes.
    State,
    /// Argument `n` of what rebuilds the object.
    Argument(u32),
}

/// One thing to write.
#[derive(Clone, Copy)]
pub enum Step {
    Op(u8),
    /// The opcode that an object begins with.
    Begin(u8),
    /// An object, as any other.
    Object(*mut PyObject, Place),
    /// An object for which no persistent id is asked.
    Plain(*mut PyObject),
    /// The frame that was parked last: of an object that was begun while the plan was made.
    Resume(Place),
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
    /// EMPTY_DICT that the memo knows by a key; if it knows it by now, a reference in place of it and of so many steps
    /// that follow.
    SharedDict {
        key: usize,
        steps: u32,
    },
    /// A reference to what has this number.
    Get(usize),
    /// The object has been built: memoise it. If it is known by now, drop what was built and end the script.
    Built(*mut PyObject),
    /// What was built exists on paper only: it takes a number.
    BuiltOnPaper,
    /// As `Built`, for an object that cannot be known by now.
    Memoize(*mut PyObject),
    /// Items or pairs that an iterator gives, for the object just built.
    Items(*mut PyObject),
    Pairs(*mut PyObject),
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
            | Self::Built(object)
            | Self::Memoize(object)
            | Self::Items(object)
            | Self::Pairs(object) => *object,
            _ => ptr::null_mut(),
        }
    }
}

impl Step {
    /// Where its object lies.
    pub fn place(&self) -> Place {
        match self {
            Self::Object(_, place) | Self::Resume(place) => *place,
            _ => Place::Hidden,
        }
    }
}

/// A plan that is being carried out: a run of `Pickler::steps`.
pub struct Script {
    pub first: usize,
    pub next: usize,
    pub end: usize,
}

/// So many plans may be made inside each other; what lies deeper waits for the loop.
const NESTED: u32 = 8;

/// What became of a step.
enum Ran {
    Done,
    /// It is done, and so many that follow it are in vain.
    Skip(u32),
    /// The whole script is done.
    Ended,
    /// An object that is no leaf: it is to be saved before the script goes on.
    Into(*mut PyObject),
    Detour(*mut PyObject),
    /// The frame in `Pickler::interposed` is to be carried out first.
    Interposed,
}

/// A plan that is being made. As long as nothing has to wait, each step is carried out at once; from the first object
/// on that is no leaf, they queue up in `Pickler::steps`.
pub struct Plan<'p, 'a> {
    pickler: &'p mut Pickler<'a>,
    first: usize,
    /// Where its own steps begin, once there are any: steps of objects that are nested in it lie in front.
    start: usize,
    at_once: bool,
    /// The script has ended: what follows is in vain.
    ended: bool,
    /// The number of the object that was built, if that happened at once.
    number: Option<usize>,
}

impl<'p, 'a> Plan<'p, 'a> {
    pub(super) fn new(pickler: &'p mut Pickler<'a>) -> Self {
        let first = pickler.steps.len();
        let at_once = !pickler.out.is_detour();
        Self { pickler, first, start: usize::MAX, at_once, ended: false, number: None }
    }

    /// The engine, for questions in between.
    pub fn pickler(&mut self) -> &mut Pickler<'a> {
        self.pickler
    }

    #[inline(always)]
    fn step(&mut self, step: Step) -> PyResult<()> {
        if self.at_once {
            if self.carry_out(step)? {
                return Ok(());
            }
            self.at_once = false;
        }
        self.queue(step)
    }

    /// Carries a step out, unless that has to wait.
    #[inline(always)]
    fn carry_out(&mut self, step: Step) -> PyResult<bool> {
        if self.ended {
            return Ok(true);
        }
        match step {
            Step::Plain(_) | Step::Items(_) | Step::Pairs(_) => return Ok(false),
            Step::Built(_) => self.number = Some(self.pickler.memo.next()),
            _ => {}
        }
        match self.pickler.run(step)? {
            Ran::Done => Ok(true),
            Ran::Into(object) if self.pickler.simple(object)? => Ok(true),
            Ran::Into(object) if self.pickler.nested < NESTED => self.nest(object, step),
            Ran::Into(_) => Ok(false),
            Ran::Ended => {
                self.ended = true;
                Ok(true)
            }
            Ran::Skip(_) | Ran::Detour(_) | Ran::Interposed => Ok(false),
        }
    }

    /// Begins an object inside the plan. If that leaves a frame, it waits, and with it what follows.
    fn nest(&mut self, object: *mut PyObject, step: Step) -> PyResult<bool> {
        let place = step.place();
        let below = self.pickler.stack.len();
        match self.pickler.begin_nested(object) {
            Ok(None) => {}
            Ok(Some(frame)) => {
                self.pickler.parked.try_push(frame)?;
                self.at_once = false;
                self.queue(Step::Resume(place))?;
            }
            Err(raised) => {
                // For the path to the culprit: this plan lies below what was begun in it.
                if self.queue(Step::Resume(place)).is_ok() {
                    let end = self.pickler.steps.len();
                    self.pickler.insert(below, Frame::Script(Script { first: end, next: end, end }));
                }
                return Err(raised);
            }
        }
        Ok(true)
    }

    #[inline(never)]
    fn queue(&mut self, step: Step) -> PyResult<()> {
        if self.pickler.is_foreign() {
            let object = step.object();
            if !object.is_null() {
                self.pickler.keep(Owned::of(object))?;
            }
        }
        if self.start == usize::MAX {
            self.start = self.pickler.steps.len();
        }
        self.pickler.steps.try_push(step)
    }

    /// Describes a part in place, if it is to be written now and nobody else is to be asked about it.
    pub fn inline(
        &mut self,
        object: *mut PyObject,
        describe: impl FnOnce(&mut Self, *mut PyObject) -> PyResult<()>,
    ) -> PyResult<()> {
        let options = &self.pickler.options;
        if !self.at_once || options.reducer_override.is_some() || options.dispatch_table.is_some() {
            return self.part(object, Place::Hidden);
        }
        match self.pickler.leaf(object)? {
            Leaf::Done => Ok(()),
            Leaf::Detour => self.part(object, Place::Hidden),
            Leaf::New => {
                self.pickler.begin_unknown(object)?;
                // Its number, and whether it lies inside itself, are its own affair.
                let (number, ended) = (self.number, self.ended);
                describe(self, object)?;
                (self.number, self.ended) = (number, ended);
                Ok(())
            }
        }
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
        self.step(Step::Object(object, place))
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
        match self.number {
            Some(number) => self.step(Step::Get(number)),
            // It is met twice by way of one reference: held here, it gets into the memo's table.
            None => self.object(object, Place::Hidden),
        }
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

    /// Where the step lies, for [`Plan::close_shared_dict`], if it has to wait.
    pub(super) fn raw_at(&mut self, step: Step) -> PyResult<Option<usize>> {
        self.step(step)?;
        Ok((!self.at_once).then(|| self.pickler.steps.len() - 1))
    }

    /// The entries of a dict whose beginning is there.
    pub(super) fn shared_dict(&mut self, len: usize) -> PyResult<OnPaper> {
        OnPaper::begin(self, len, [SETITEM, SETITEMS], true)
    }

    /// Notes how many steps the dict that begins there took.
    pub(super) fn close_shared_dict(&mut self, at: Option<usize>) {
        let Some(at) = at else { return };
        let count = (self.pickler.steps.len() - at - 1) as u32;
        if let Step::SharedDict { steps, .. } = &mut self.pickler.steps[at] {
            *steps = count;
        }
    }

    /// Ends the plan and gives the frame that carries it out.
    pub fn finish(self) -> Frame {
        let end = self.pickler.steps.len();
        Frame::Script(Script { first: self.first, next: self.start.min(end), end })
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
            let step = self.steps[f.next];
            f.next += 1;
            match self.run(step)? {
                Ran::Done => {}
                Ran::Skip(steps) => f.next += steps as usize,
                Ran::Ended => break,
                Ran::Into(object) => return Ok(Next::Into(object)),
                Ran::Detour(object) => return Ok(Next::Detour(object)),
                Ran::Interposed => return Ok(Next::Interposed),
            }
        }
        // Steps that lie above are of a plan around this one, which takes these along when it ends.
        if f.end == self.steps.len() {
            self.steps.truncate(f.first);
        }
        Ok(Next::Done)
    }

    /// Begins an object while the plan of another is being made. Says nothing if that wrote it all.
    fn begin_nested(&mut self, object: *mut PyObject) -> PyResult<Option<Frame>> {
        let was_foreign = self.is_foreign();
        if was_foreign {
            self.keep(Owned::of(object))?;
        }
        let outer = Owned::of(std::mem::replace(&mut self.beginning, object));
        self.nested += 1;
        let frame = self.descend(object)?;
        self.nested -= 1;
        self.beginning = outer.as_ptr();
        if self.is_foreign() && !was_foreign {
            // Nothing pointed to it when foreign code ran.
            self.keep(outer)?;
        }
        Ok(frame.filter(|frame| !matches!(frame, Frame::Script(f) if f.next == f.end)))
    }

    /// Carries out one step.
    #[inline(always)]
    fn run(&mut self, step: Step) -> PyResult<Ran> {
        self.out.room(0)?;
        match step {
            Step::Op(op) => self.out.op(op),
            Step::Begin(op) => {
                self.paper_boundary()?;
                self.out.op(op);
            }
            Step::Object(object, _) => match self.leaf(object)? {
                Leaf::Done => {}
                Leaf::New => return Ok(Ran::Into(object)),
                Leaf::Detour => return Ok(Ran::Detour(object)),
            },
            Step::Plain(object) => {
                if let Some(frame) = self.begin(object)? {
                    return self.interposed(frame);
                }
            }
            Step::Resume(_) => match self.parked.pop() {
                Some(frame) => return self.interposed(frame),
                None => return Ok(Ran::Done),
            },
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
            Step::SharedDict { key, steps } => {
                self.paper_boundary()?;
                if let Some(number) = self.memo.get_key(key) {
                    self.get(number);
                    return Ok(Ran::Skip(steps));
                }
                self.empty_dict();
                self.put()?;
                self.memo.put_key(key)?;
            }
            Step::Get(number) => {
                self.paper_boundary()?;
                self.get(number);
            }
            Step::Built(object) => {
                if let Some(number) = self.memo.get(object) {
                    self.out.op(POP);
                    self.get(number);
                    return Ok(Ran::Ended);
                }
                self.memoize(object)?;
            }
            Step::Items(iterator) => return self.interposed(Items::items(Owned::of(iterator))?),
            Step::Pairs(iterator) => return self.interposed(Items::pairs(Owned::of(iterator))?),
            Step::Global { object, module, name } => self.global_ref(object, module, name)?,
            Step::BuiltOnPaper => self.memoize_paper()?,
            Step::Memoize(object) => self.memoize(object)?,
        }
        Ok(Ran::Done)
    }

    fn interposed(&mut self, frame: Frame) -> PyResult<Ran> {
        self.interpose(frame).map(|_| Ran::Interposed)
    }
}
