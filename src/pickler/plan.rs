//! What a reducer says: its object on paper, in the order of the bytes.
//!
//! A reducer gets a [`Plan`] and tells it what to call with which arguments, then which state to set; the engine writes
//! that. Tuples, dicts and strings that cloudpickle would build only to pickle them exist on paper: they take the memo
//! number that the real ones would take, and nothing else.

use std::ptr;

use pyo3_ffi::*;

use super::atoms::Leaf;
use super::engine::Pickler;
use super::frame::Frame;
use super::paper::OnPaper;
pub use super::script::Place;
use super::script::{NESTED, PackedPlace, Ran, Script, Step};
use super::stencil::{Given, Stencil};
use crate::protocol::opcode::*;
use crate::protocol::wire::Wire;
use crate::py::error::{PyResult, no_memory};
use crate::py::layout::{Chars, chars, count, unique};
use crate::py::owned::Owned;
use crate::py::vec::TryPush;
use crate::state::Name;

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
    /// The number of the object that was built, if a step did that at once.
    number: Option<usize>,
    /// Was it built at once, by a step or a stencil?
    is_built: bool,
}

impl<'p, 'a> Plan<'p, 'a> {
    pub(super) fn new(pickler: &'p mut Pickler<'a>) -> Self {
        let first = pickler.steps.len();
        let at_once = !pickler.out.is_detour() && pickler.in_person.is_none();
        Self { pickler, first, start: usize::MAX, at_once, ended: false, number: None, is_built: false }
    }

    /// The protocol of the pickle.
    pub(super) fn protocol(&self) -> u8 {
        self.pickler.protocol
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
            Step::Built(_) => {
                self.number = Some(self.pickler.memo.next());
                self.is_built = true;
            }
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
        let place = match step {
            Step::Object(_, place) => place,
            _ => PackedPlace::HIDDEN,
        };
        let below = self.pickler.stack.len();
        match self.pickler.begin_nested(object) {
            Ok(None) => {}
            Ok(Some(parked)) => {
                self.pickler.parked.try_push(parked)?;
                self.at_once = false;
                self.queue(Step::Resume(object, place))?;
            }
            Err(raised) => {
                // For the path to the culprit: this plan lies below what was begun in it.
                if self.queue(Step::Resume(object, place)).is_ok() {
                    let next = self.pickler.steps.len();
                    if !self.is_built {
                        self.queue(Step::BuiltOnPaper)?;
                    }
                    let end = self.pickler.steps.len();
                    self.pickler.insert(below, Frame::Script(Script::of(next, next, end)));
                }
                return Err(raised);
            }
        }
        Ok(true)
    }

    #[inline(never)]
    fn queue(&mut self, step: Step) -> PyResult<()> {
        if self.pickler.in_person.is_some() {
            return self.pickler.make(step);
        }
        if self.pickler.is_foreign() {
            for object in step.objects().into_iter().filter(|object| !object.is_null()) {
                self.pickler.keep(Owned::of(object))?;
            }
        }
        if self.start == usize::MAX {
            self.start = self.pickler.steps.len();
        }
        if self.pickler.steps.len() >= u32::MAX as usize {
            return Err(no_memory());
        }
        self.pickler.steps.try_push(step)
    }

    /// Describes a part, the first of the arguments, in place, if it is to be written now: where somebody is asked about it,
    /// the plan is one of parts in person.
    pub fn inline(
        &mut self,
        object: *mut PyObject,
        describe: impl FnOnce(&mut Self, *mut PyObject) -> PyResult<()>,
    ) -> PyResult<()> {
        if !self.at_once {
            return self.part(object, Place::Part(0));
        }
        match self.pickler.leaf(object)? {
            Leaf::Done => Ok(()),
            Leaf::Detour => self.part(object, Place::Part(0)),
            Leaf::New => {
                self.pickler.begin_unknown(object)?;
                // Its number, and whether it lies inside itself, are its own affair.
                let before = (self.number, self.is_built, self.ended);
                describe(self, object)?;
                (self.number, self.is_built, self.ended) = before;
                Ok(())
            }
        }
    }

    /// Writes a stencil, if it is to be written now, and nobody is to be asked about what it is made of.
    pub fn stencil(&mut self, stencil: &Stencil) -> PyResult<bool> {
        self.piece(stencil, [ptr::null_mut(); 2])
    }

    /// Is it to be written now, by stencils?
    #[inline]
    pub fn takes_stencils(&self) -> bool {
        self.at_once && !self.ended && self.pickler.puts >= 4 && !self.pickler.has_extensions()
    }

    /// Writes a stencil that builds the object with what is given, as [`Plan::stencil`] does; true if that is written.
    pub fn stencil_of(&mut self, stencil: &Stencil, given: Given) -> PyResult<bool> {
        self.is_built = self.pickler.stencil_of(stencil, given)?;
        Ok(self.is_built)
    }

    /// Writes a stencil in which objects may be that only one holder refers to, as [`Plan::stencil`] does.
    pub fn piece(&mut self, stencil: &Stencil, alone: [*mut PyObject; 2]) -> PyResult<bool> {
        let given = Given { built: ptr::null_mut(), shared: 0, alone };
        if self.at_once && !self.ended { self.pickler.stencil_of(stencil, given) } else { Ok(false) }
    }

    /// The same for one that builds the object, which may have been met since it was begun.
    pub fn piece_that_builds(&mut self, stencil: &Stencil, object: *mut PyObject) -> PyResult<bool> {
        if !self.takes_stencils() || self.pickler.memo.get(object).is_some() {
            return Ok(false);
        }
        self.stencil_of(stencil, Given { built: object, shared: 0, alone: [ptr::null_mut(); 2] })
    }

    pub fn op(&mut self, op: u8) -> PyResult<()> {
        self.step(Step::Op(op))
    }

    /// Any object.
    #[inline(always)]
    pub fn object(&mut self, object: *mut PyObject, place: Place) -> PyResult<()> {
        self.owned(Owned::of(object), place)
    }

    /// An object that lies in a dict which is reached in more ways than one, as globals are. The dict holds it, or foreign
    /// code has run, so that the memo does.
    #[inline(always)]
    pub fn held(&mut self, object: Owned, place: Place) -> PyResult<()> {
        self.held_at(object, place.pack())
    }

    fn held_at(&mut self, object: Owned, place: PackedPlace) -> PyResult<()> {
        if self.at_once && !self.ended && self.pickler.text_leaf(object.as_ptr())? {
            // If its dict alone held it from here on, it would pass for new where that dict is written itself.
            if count(object.as_ptr()) == 2 {
                self.pickler.keep(object)?;
            }
            return Ok(());
        }
        self.owned_at(object, place)
    }

    /// Any object, whose reference is handed over.
    #[inline(always)]
    pub fn owned(&mut self, object: Owned, place: Place) -> PyResult<()> {
        self.owned_at(object, place.pack())
    }

    #[inline(never)]
    fn owned_at(&mut self, object: Owned, place: PackedPlace) -> PyResult<()> {
        let object = self.pickler.keep(object)?;
        self.step(Step::Object(object, place))
    }

    /// The same for an object that often is None, a bool, or known by now.
    pub fn often_known(&mut self, object: Owned, place: Place) -> PyResult<()> {
        if self.at_once && !self.ended && self.pickler.known_leaf(object.as_ptr())? {
            return Ok(());
        }
        self.owned(object, place)
    }

    /// A part: an object that the reduced object itself holds, and that is met through it at most once if nothing else
    /// refers to it. Cheaper than [`Plan::object`], since the engine may find that it need not be remembered. What lies
    /// in a dict or a list of names that several objects lead to (globals, `sys.modules`) is not a part.
    #[inline(always)]
    pub fn part(&mut self, object: *mut PyObject, place: Place) -> PyResult<()> {
        self.part_at(object, place.pack())
    }

    fn part_at(&mut self, object: *mut PyObject, place: PackedPlace) -> PyResult<()> {
        // Most are texts or bytes.
        if self.at_once && !self.ended && (self.pickler.text_leaf(object)? || self.pickler.bytes_leaf(object)?) {
            return Ok(());
        }
        self.part_step(object, place)
    }

    #[inline(never)]
    fn part_step(&mut self, object: *mut PyObject, place: PackedPlace) -> PyResult<()> {
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

    /// Writes a tuple of atoms that cannot be met again, if it is to be written now.
    pub(super) fn lone_tuple(&mut self, tuple: *mut PyObject) -> PyResult<bool> {
        if self.at_once && !self.ended { self.pickler.lone_tuple(tuple) } else { Ok(false) }
    }

    /// A part if it is one, else any object.
    #[inline(always)]
    pub fn lent(&mut self, object: *mut PyObject, is_part: bool, place: Place) -> PyResult<()> {
        if is_part { self.part(object, place) } else { self.object(object, place) }
    }

    /// A part, or None for NULL.
    #[inline(always)]
    pub fn part_or_none(&mut self, object: *mut PyObject, place: Place) -> PyResult<()> {
        if object.is_null() { self.none() } else { self.part(object, place) }
    }

    #[inline]
    pub fn none(&mut self) -> PyResult<()> {
        if self.at_once && !self.ended && !self.pickler.out.due() {
            self.pickler.out.op(NONE);
            return self.pickler.out.room(0);
        }
        self.step(Step::Begin(NONE))
    }

    /// A name that many objects write.
    #[inline]
    pub fn name(&mut self, name: &Name) -> PyResult<()> {
        if self.at_once && !self.ended {
            self.pickler.name(name)
        } else {
            self.part_step(name.as_ptr(), PackedPlace::HIDDEN)
        }
    }

    #[inline]
    pub fn int(&mut self, value: i64) -> PyResult<()> {
        if self.at_once && !self.ended && self.pickler.byte_leaf(value)? {
            return Ok(());
        }
        self.step(Step::Int(value))
    }

    /// A function of `cloudpickle.cloudpickle`.
    pub fn wire(&mut self, wire: Wire) -> PyResult<()> {
        self.step(Step::Wire(wire))
    }

    /// A type for which the module `types` has this name.
    pub fn builtin_type(&mut self, ty: *mut PyTypeObject, name: &Name) -> PyResult<()> {
        let ty = ty.cast();
        if !self.at_once {
            return self.object(ty, Place::Callable);
        }
        self.pickler.paper_boundary()?;
        if ty == (&raw mut PyCode_Type).cast() && !self.ended && self.pickler.code_type()? {
            return Ok(());
        }
        if let Some(number) = self.pickler.memo.get(ty) {
            return self.step(Step::Get(number));
        }
        self.wire(Wire::BuiltinType)?;
        self.tuple(1)?;
        self.name(name)?;
        self.tuple_end(1)?;
        self.op(REDUCE)?;
        self.memo_as(ty)
    }

    /// A new str with the characters of a str, as `"".join(text)` makes it: for one character of Latin-1 or none, CPython
    /// has one shared object.
    pub fn fresh_text(&mut self, text: *mut PyObject) -> PyResult<()> {
        match shared_text(text)? {
            None => self.step(Step::FreshText(text)),
            Some(shared) => self.owned(shared, Place::Hidden),
        }
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

    /// The object was built before the plan began.
    pub(super) fn built_before(&mut self) {
        self.is_built = true;
    }

    /// Begins the call `setter(object, state)`; the state follows, then [`Plan::set_state_end`].
    pub fn set_state(&mut self, setter: Wire, object: *mut PyObject) -> PyResult<()> {
        self.step(Step::Wire(setter))?;
        match self.number {
            Some(number) => self.step(Step::Get(number)),
            // It is met twice by way of one reference: held here, it gets into the memo's table.
            None => self.object(object, Place::Itself),
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

    /// Are the parts made in person, for others to see, rather than written?
    pub(super) fn is_in_person(&self) -> bool {
        self.pickler.in_person.is_some()
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

    /// Ends the plan: the script carries out what is left of it.
    #[inline]
    pub fn finish(self) -> Script {
        let end = self.pickler.steps.len();
        Script::of(self.first, self.start.min(end), end)
    }
}

/// In place of a new str with these characters, the one that all share.
pub(super) fn shared_text(text: *mut PyObject) -> PyResult<Option<Owned>> {
    // SAFETY: a live str.
    let len = unsafe { PyUnicode_GetLength(text) };
    if len > 1 || matches!(chars(text), Chars::Two(_) | Chars::Four(_)) {
        return Ok(None);
    }
    // SAFETY: a live str; the bounds are those of a copy.
    unsafe {
        Owned::new(match len {
            0 => PyUnicode_FromStringAndSize(ptr::null(), 0),
            _ => PyUnicode_FromOrdinal(PyUnicode_ReadChar(text, 0) as _),
        })
        .map(Some)
    }
}
