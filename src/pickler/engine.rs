//! The loop, the stack, and the order of the questions that `save` asks (`save` in CPython's `Modules/_pickle.c`).
//!
//! # Who keeps objects alive
//! As long as no foreign code runs (code that is not this crate's: Python code, callbacks, finalizers), nothing that
//! can be reached from the root can die, and the engine works with borrowed pointers throughout. Before it calls
//! anything foreign it calls [`Pickler::foreign`], and from then on
//! - the memo holds what it knows,
//! - `pinned` holds what the frames and steps that were waiting then point to,
//! - `keep` holds what later frames and steps point to; it grows and shrinks with the stack.
//!
//! Objects that the engine or a reducer makes on the way lie in `keep` in any case; before the first foreign call it
//! never shrinks.

use std::mem;

use pyo3_ffi::*;

use super::atoms::PyPickleBuffer_Type;
use super::frame::{Frame, Next};
use super::globals::{BaseGlobals, WireFunctions};
use super::memo::Memo;
use super::options::Options;
use super::out::{Home, Out};
use super::plan::{Plan, Step};
use super::sink::Sink;
use crate::protocol::opcode::{PROTO, STOP};
use crate::py::error::{PyResult, raise};
use crate::py::layout::type_of;
use crate::py::owned::Owned;
use crate::py::vec::TryPush;
use crate::state::State;

/// One dump under way.
pub struct Pickler<'a> {
    pub(super) out: Out,
    pub(super) memo: Memo,
    pub(super) stack: Vec<Waiting>,
    /// The steps of all scripts on the stack.
    pub(super) steps: Vec<Step>,
    pub(super) keep: Vec<Owned>,
    /// A frame that is to be carried out before the current one.
    interposed: Option<Frame>,
    pinned: Vec<Owned>,
    pub(super) base_globals: BaseGlobals,
    pub(super) wires: WireFunctions,
    pub(super) protocol: u8,
    is_foreign: bool,
    pub(super) options: Options<'a>,
    sink: Option<&'a mut dyn Sink>,
    pub(crate) state: &'a State,
    pub(super) limit_reached: bool,
}

/// A frame on the stack, and how much of `keep` there was when it began.
pub struct Waiting {
    pub frame: Frame,
    base: usize,
}

impl<'a> Pickler<'a> {
    pub fn new(options: Options<'a>, home: Home, sink: Option<&'a mut dyn Sink>) -> PyResult<Self> {
        let mut out = Out::new(home, options.max_bytes)?;
        if options.persistent_id.is_some() || sink.is_some() {
            out.make_detour();
        }
        Ok(Self {
            out,
            memo: Memo::default(),
            stack: Vec::new(),
            steps: Vec::new(),
            keep: Vec::new(),
            interposed: None,
            pinned: Vec::new(),
            base_globals: BaseGlobals::default(),
            wires: WireFunctions::default(),
            protocol: options.protocol,
            is_foreign: cfg!(Py_GIL_DISABLED),
            options,
            sink,
            state: State::get()?,
            limit_reached: false,
        })
    }

    /// Writes the whole pickle of an object.
    pub fn dump(&mut self, root: *mut PyObject) -> PyResult<()> {
        if self.protocol >= 2 {
            self.out.op(PROTO);
            self.out.op(self.protocol);
        }
        if self.protocol >= 4 {
            self.out.start_framing()?;
        }
        if self.is_foreign {
            self.memo.publish()?;
        }
        self.save_all(root)?;
        self.out.op(STOP);
        self.out.finish()?;
        self.flush()
    }

    /// The protocol of the pickle, for reducers that depend on it.
    pub fn protocol(&self) -> u8 {
        self.protocol
    }

    fn save_all(&mut self, root: *mut PyObject) -> PyResult<()> {
        let Some(mut current) = self.detour(root)? else { return Ok(()) };
        let mut base = 0;
        loop {
            let next = match &mut current {
                Frame::List(list) => self.list(list),
                Frame::Dict(dict) => self.dict(dict),
                Frame::Tuple(tuple) => self.tuple(tuple),
                Frame::Script(script) => self.script(script),
                Frame::Set(set) => self.set(set),
                Frame::FrozenSet(set) => self.frozenset(set),
                Frame::Items(items) => self.items(items),
            };
            let failed = match next {
                Ok(Next::Done) => {
                    self.let_go(base);
                    let Some(waiting) = self.stack.pop() else { return Ok(()) };
                    current = waiting.frame;
                    base = waiting.base;
                    match self.out.room(0) {
                        Ok(()) => continue,
                        Err(raised) => raised,
                    }
                }
                Ok(next @ (Next::Into(object) | Next::Detour(object))) => {
                    let below = base;
                    base = self.keep.len();
                    let held = if self.is_foreign { self.hold(object) } else { Ok(()) };
                    let begun = match (held, next) {
                        (Err(raised), _) => Err(raised),
                        (_, Next::Into(_)) => self.descend(object),
                        _ => self.detour(object),
                    };
                    match begun {
                        Ok(Some(frame)) => {
                            let frame = mem::replace(&mut current, frame);
                            match self.wait(Waiting { frame, base: below }) {
                                Ok(()) => continue,
                                Err(raised) => raised,
                            }
                        }
                        Ok(None) => {
                            self.let_go(base);
                            base = below;
                            continue;
                        }
                        Err(raised) => raised,
                    }
                }
                Ok(Next::Interposed) => {
                    let below = base;
                    base = self.keep.len();
                    let Some(frame) = self.interposed.take() else { continue };
                    let frame = mem::replace(&mut current, frame);
                    match self.wait(Waiting { frame, base: below }) {
                        Ok(()) => continue,
                        Err(raised) => raised,
                    }
                }
                Err(raised) => raised,
            };
            // For the path to the culprit, which is made of the stack.
            let _ = self.stack.try_push(Waiting { frame: current, base });
            return Err(failed);
        }
    }

    /// Puts a frame on the stack.
    fn wait(&mut self, waiting: Waiting) -> PyResult<()> {
        self.stack.try_push(waiting)?;
        if self.stack.len() > self.options.max_depth {
            self.limit_reached = true;
            let text = format!(
                "Could not pickle object as excessively deep recursion required: more than max_depth ({}) containers \
                 and reductions lie in each other",
                self.options.max_depth
            );
            return Err(raise(self.state.imports.pickling_error.as_ptr(), &text));
        }
        Ok(())
    }

    /// Holds an object while its frame exists.
    fn hold(&mut self, object: *mut PyObject) -> PyResult<()> {
        self.keep.try_push(Owned::of(object))
    }

    /// Drops what was kept for a frame that ended.
    #[inline(always)]
    fn let_go(&mut self, base: usize) {
        if self.is_foreign && self.keep.len() > base {
            self.keep.truncate(base);
        }
    }

    /// Has a frame carried out before the current one goes on.
    pub(super) fn interpose(&mut self, frame: Frame) -> PyResult<Next> {
        self.interposed = Some(frame);
        Ok(Next::Interposed)
    }

    /// The beginning of something on paper: what the beginning of an object does for the output.
    #[inline(always)]
    pub(super) fn paper_boundary(&mut self) -> PyResult<()> {
        if self.out.due() && self.out.boundary()? { self.flush() } else { Ok(()) }
    }

    /// Something of the standard library that is imported when first asked for; an import runs foreign code.
    pub(super) fn imported(
        &mut self,
        get: impl FnOnce(&'a crate::state::Imports) -> PyResult<*mut PyObject>,
    ) -> PyResult<*mut PyObject> {
        self.foreign()?;
        get(&self.state.imports)
    }

    /// Keeps an object that was made on the way, and lends it.
    pub fn keep(&mut self, object: Owned) -> PyResult<*mut PyObject> {
        let lent = object.as_ptr();
        self.keep.try_push(object)?;
        Ok(lent)
    }

    /// Keeps an object until the dump ends, and lends it.
    pub(super) fn keep_for_dump(&mut self, object: Owned) -> PyResult<*mut PyObject> {
        let lent = object.as_ptr();
        self.pinned.try_push(object)?;
        Ok(lent)
    }

    /// Has foreign code run, so that whatever is pointed to must be held?
    #[inline(always)]
    pub fn is_foreign(&self) -> bool {
        self.is_foreign
    }

    /// To be called before any code that is not this crate's may run.
    #[inline(always)]
    pub fn foreign(&mut self) -> PyResult<()> {
        if self.is_foreign { Ok(()) } else { self.become_foreign() }
    }

    #[cold]
    #[inline(never)]
    fn become_foreign(&mut self) -> PyResult<()> {
        self.memo.publish()?;
        self.pinned.try_room(self.stack.len() * 2 + self.steps.len())?;
        let mut pin = |object: *mut PyObject| {
            if !object.is_null() {
                self.pinned.push(Owned::of(object));
            }
        };
        for waiting in &self.stack {
            match &waiting.frame {
                Frame::List(f) => pin(f.list),
                Frame::Tuple(f) => pin(f.tuple),
                Frame::Dict(f) => pin(f.dict),
                Frame::Set(f) | Frame::FrozenSet(f) => pin(f.set),
                Frame::Script(_) | Frame::Items(_) => {}
            }
        }
        for step in &self.steps {
            pin(step.object());
        }
        self.is_foreign = true;
        Ok(())
    }

    /// The slow path: first what the output asks for and the persistent id, then as for any object.
    #[cold]
    fn detour(&mut self, object: *mut PyObject) -> PyResult<Option<Frame>> {
        if self.out.due() {
            if self.out.boundary()? {
                self.flush_hold(object)?;
            }
            if self.options.persistent_id.is_some()
                && let Some(frame) = self.persistent(object)?
            {
                return Ok(Some(frame));
            }
        }
        self.begin(object)
    }

    /// Writes any object, or begins it and gives the frame of the rest; asks for no persistent id.
    pub(super) fn begin(&mut self, object: *mut PyObject) -> PyResult<Option<Frame>> {
        if self.atom(object)? || self.remembered(object)? { Ok(None) } else { self.descend(object) }
    }

    /// Begins an object that is no leaf and was not met before.
    #[inline(always)]
    fn descend(&mut self, object: *mut PyObject) -> PyResult<Option<Frame>> {
        let ty = type_of(object).cast_const();
        if ty == &raw const PyDict_Type {
            self.begin_dict(object)
        } else if ty == &raw const PyTuple_Type {
            self.begin_tuple(object)
        } else if ty == &raw const PyList_Type {
            self.begin_list(object)
        } else {
            self.descend_other(object)
        }
    }

    #[inline(never)]
    fn descend_other(&mut self, object: *mut PyObject) -> PyResult<Option<Frame>> {
        let ty = type_of(object).cast_const();
        if ty == &raw const PySet_Type {
            self.begin_set(object)
        } else if ty == &raw const PyFrozenSet_Type {
            self.begin_frozenset(object)
        } else if ty == &raw const PyBytes_Type {
            self.bytes(object)
        } else if ty == &raw const PyByteArray_Type {
            self.bytearray(object)
        } else if ty == &raw const PyPickleBuffer_Type {
            self.picklebuffer(object)
        } else {
            self.begin_unknown(object)?;
            self.reduce(object)
        }
    }

    /// Begins a plan: what a reducer describes.
    pub fn plan(&mut self) -> Plan<'_, 'a> {
        Plan::new(self)
    }

    /// Hands what is ready to the sink, if there is one, while an object is held that nothing else may hold.
    fn flush_hold(&mut self, object: *mut PyObject) -> PyResult<()> {
        if self.sink.is_none() {
            return Ok(());
        }
        let _held = Owned::of(object);
        self.flush()
    }

    /// Hands what is ready to the sink, if there is one.
    pub(super) fn flush(&mut self) -> PyResult<()> {
        if self.sink.is_none() {
            return Ok(());
        }
        self.foreign()?;
        let Some(sink) = self.sink.as_mut() else { return Ok(()) };
        let ready = self.out.ready()?;
        if !ready.is_empty() {
            sink.write(ready)?;
        }
        self.out.hand_over();
        Ok(())
    }

    /// Hands a large payload to the sink without a copy; false if there is no sink.
    pub(super) fn pass_by(&mut self, owner: Option<*mut PyObject>, data: &[u8]) -> PyResult<bool> {
        if self.sink.is_none() {
            return Ok(false);
        }
        self.flush()?;
        self.out.passed_by(data.len())?;
        match (&mut self.sink, owner) {
            (Some(sink), Some(owner)) => {
                let _held = Owned::of(owner);
                sink.write_object(owner, data)?;
            }
            (Some(sink), None) => sink.write(data)?,
            (None, _) => return Ok(false),
        }
        Ok(true)
    }

    /// Gives the output away.
    pub fn into_out(self) -> Out {
        self.out
    }
}
