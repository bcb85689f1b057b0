//! The loop, the stack, and the order of the questions that `save` asks (`save` in CPython's `Modules/_pickle.c`).

use std::ptr;

use pyo3_ffi::*;

use super::atoms::PyPickleBuffer_Type;
use super::frame::{Frame, Next, Parked, Slot, put};
use super::in_person::InPerson;
use super::known::shape::Shapes;
use super::memo::Memo;
use super::nested::Came;
use super::options::Options;
use super::out::{Home, Out};
use super::plan::Plan;
use super::script::Step;
use super::sink::Sink;
use super::stack::Waiting;
use super::wires::Wires;
use crate::protocol::opcode::{PROTO, STOP};
use crate::py::error::{PyResult, raise};
use crate::py::layout::type_of;
use crate::py::message::message;
use crate::py::owned::Owned;
use crate::py::shared::Shared;
use crate::py::text;
use crate::py::vec::TryPush;
use crate::state::State;

/// A vector of more entries is not kept from one dump to the next.
const MOST_KEPT: usize = 4096;

/// One dump under way.
pub struct Pickler<'a> {
    pub(super) out: Out,
    pub(super) memo: Memo,
    pub(super) stack: Vec<Waiting>,
    /// The steps of all scripts on the stack.
    pub(super) steps: Vec<Step>,
    pub(super) keep: Vec<Owned>,
    /// Holds what was found last in a container that other threads may change, until the loop holds it.
    #[cfg(Py_GIL_DISABLED)]
    pub(super) lent: Vec<Owned>,
    /// The object that is being begun: no frame points to it yet.
    pub(super) beginning: *mut PyObject,
    /// Plans that are being made inside each other.
    pub(super) nested: u32,
    /// The weights of the frames on the stack.
    pub(super) depth: usize,
    /// The memory that the process had when that was looked at first.
    pub(super) memory_at_first: Option<u64>,
    /// Where plans make the reduce value that they describe instead of writing it.
    pub(super) in_person: Option<InPerson>,
    /// In place of `options.globals_ref`, if that is not given.
    pub(super) own_globals_ref: Option<Owned>,
    /// `options.asks()`.
    pub(super) asks: bool,
    /// Frames that a step takes up again.
    pub(super) parked: Vec<Parked>,
    /// So many stretches more begin no containers: one before ended halfway.
    pub(super) wary: u32,
    /// A frame that is to be carried out before the current one.
    interposed: Option<Parked>,
    pub(super) pinned: Vec<Owned>,
    /// What plans point to that are being made, as long as nothing foreign has run.
    pub(super) borrowed: Vec<*const [*mut PyObject]>,
    /// Of cloudpickle; none before one is written.
    pub(super) wires: Option<Shared<Wires>>,
    /// How the instances of the classes met so far are reduced.
    pub(super) shapes: Shapes,
    /// An empty vector for the slots of an instance.
    pub(super) spare_pairs: Vec<(Owned, Owned)>,
    pub(super) protocol: u8,
    /// How what is memoised is said: as the protocol does, or in protocol 0's way, which may be not at all.
    pub(super) puts: u8,
    pub(super) is_foreign: bool,
    pub(super) options: Options<'a>,
    pub(super) sink: Option<&'a mut dyn Sink>,
    pub(crate) state: &'a State,
    pub(super) limit_reached: bool,
    /// The memo is for dumps to come, so that it must hold what it knows when the last of the output is handed over.
    pub(super) keeps_memo: bool,
    /// The exception is the sink's: no object is to blame.
    pub(super) sink_failed: bool,
    /// Its reduce value was refused, so that it has no frame.
    pub(super) refused: Option<Owned>,
    /// A stretch wrote all of it: nothing else was begun.
    is_one_stretch: bool,
}

impl<'a> Pickler<'a> {
    /// One that does nothing yet: [`Pickler::start`] makes it ready.
    pub fn idle(state: &'a State) -> Self {
        Self {
            out: Out::idle(),
            memo: Memo::default(),
            stack: Vec::new(),
            steps: Vec::new(),
            keep: Vec::new(),
            #[cfg(Py_GIL_DISABLED)]
            lent: Vec::new(),
            beginning: ptr::null_mut(),
            nested: 0,
            depth: 0,
            memory_at_first: None,
            in_person: None,
            own_globals_ref: None,
            asks: false,
            parked: Vec::new(),
            wary: 0,
            interposed: None,
            pinned: Vec::new(),
            borrowed: Vec::new(),
            wires: None,
            shapes: Shapes::default(),
            spare_pairs: Vec::new(),
            protocol: 0,
            puts: 0,
            is_foreign: false,
            options: Options::default(),
            sink: None,
            state,
            limit_reached: false,
            sink_failed: false,
            keeps_memo: false,
            refused: None,
            is_one_stretch: false,
        }
    }

    /// Makes a pickler that is idle ready for one dump.
    #[inline]
    pub fn start(
        &mut self,
        state: &'a State,
        options: Options<'a>,
        home: Home,
        sink: Option<&'a mut dyn Sink>,
    ) -> PyResult<()> {
        self.state = state;
        self.out.start(home, sink.is_none(), options.max_bytes)?;
        if options.persistent_id.is_some() || options.fast {
            self.out.make_detour();
        }
        self.memo.restart();
        self.beginning = ptr::null_mut();
        self.wary = 0;
        (self.nested, self.depth, self.memory_at_first) = (0, 0, None);
        self.asks = options.asks();
        self.protocol = options.protocol;
        self.puts = if options.fast { 0 } else { options.protocol };
        self.is_foreign = cfg!(Py_GIL_DISABLED);
        (self.limit_reached, self.sink_failed, self.keeps_memo) = (false, false, false);
        self.options = options;
        self.sink = sink;
        Ok(())
    }

    /// Lets go of everything but a moderate amount of memory.
    #[inline]
    pub fn stop(&mut self) {
        self.memo.release();
        self.memo.shrink();
        if !std::mem::take(&mut self.is_one_stretch) {
            self.stop_loop();
        }
        self.options.buffer_callback = None;
        self.sink = None;
        self.out.stop();
    }

    /// The same of what the loop needed.
    fn stop_loop(&mut self) {
        self.shapes.clear();
        for held in [&mut self.keep, &mut self.pinned] {
            recycle(held);
        }
        #[cfg(Py_GIL_DISABLED)]
        recycle(&mut self.lent);
        recycle(&mut self.stack);
        recycle(&mut self.steps);
        recycle(&mut self.parked);
        recycle(&mut self.spare_pairs);
        recycle(&mut self.borrowed);
        self.interposed = None;
        self.in_person = None;
        self.own_globals_ref = None;
        self.wires = None;
        self.refused = None;
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
        if self.keeps_memo {
            self.foreign()?;
        }
        self.hand_over()
    }

    /// The protocol of the pickle, for reducers that depend on it.
    pub fn protocol(&self) -> u8 {
        self.protocol
    }

    fn save_all(&mut self, root: *mut PyObject) -> PyResult<()> {
        match self.save_root(root)? {
            Next::Done => {
                self.is_one_stretch = !self.keeps_memo;
                Ok(())
            }
            next => self.save_rest(next),
        }
    }

    /// Writes the root as far as a stretch can.
    #[inline(always)]
    fn save_root(&mut self, root: *mut PyObject) -> PyResult<Next> {
        let ty = type_of(root).cast_const();
        if ty == &raw const PyDict_Type || ty == &raw const PyList_Type {
            match self.stretch_of(root)? {
                Came::Through => return Ok(Next::Done),
                Came::Halfway => {
                    if let Some(parked) = self.parked.pop() {
                        return self.interpose_parked(parked);
                    }
                }
                Came::Nowhere => {}
            }
        }
        Ok(Next::Detour(root))
    }

    fn save_rest(&mut self, mut next: Next) -> PyResult<()> {
        loop {
            loop {
                let (object, is_detour) = match next {
                    Next::Done => {
                        self.pop();
                        self.out.room(0)?;
                        break;
                    }
                    Next::Interposed => {
                        let base = self.keep.len();
                        let mut waiting = self.interposed.take();
                        while let Some(Parked { frame, is_covered }) = waiting {
                            self.push(frame, base)?;
                            waiting = if is_covered { self.parked.pop() } else { None };
                        }
                        break;
                    }
                    Next::Into(object) => (object, false),
                    Next::Detour(object) => (object, true),
                };
                let base = self.keep.len();
                if self.is_foreign {
                    self.hold(object)?;
                }
                self.beginning = object;
                self.stack.try_room(1)?;
                // SAFETY: there is room for one more. What is begun there is on the stack when it is counted.
                let slot = unsafe { &mut *self.stack.as_mut_ptr().add(self.stack.len()).cast::<Slot>() };
                let is_begun = if is_detour { self.detour_in(slot, object)? } else { self.descend_in(slot, object)? };
                if !is_begun {
                    self.let_go(base);
                    break;
                }
                // SAFETY: a frame was put there.
                let frame = unsafe { slot.assume_init_mut() };
                if !frame.is_container() {
                    if frame.is_done() {
                        self.let_go(base);
                        self.out.room(0)?;
                    } else {
                        // SAFETY: as above.
                        unsafe { self.push_slot(base)? };
                    }
                    break;
                }
                // Most containers have leaves only: they are done before they would get on the stack.
                next = self.carry_out(frame)?;
                if let Next::Done = next {
                    self.let_go(base);
                    self.out.room(0)?;
                    break;
                }
                // SAFETY: as above.
                unsafe { self.push_slot(base)? };
            }
            let Some(top) = self.stack.len().checked_sub(1) else { return Ok(()) };
            // SAFETY: below the length. Nothing pushes or pops while a frame is carried out, so it stays in its place,
            // and what else looks at the stack then (`become_foreign`) looks at the other fields of a `Waiting`.
            let frame = unsafe { &mut (*self.stack.as_mut_ptr().add(top)).frame };
            next = self.carry_out(frame)?;
        }
    }

    #[inline(always)]
    pub(super) fn carry_out(&mut self, frame: &mut Frame) -> PyResult<Next> {
        match frame {
            Frame::List(list) => self.list(list),
            Frame::Dict(dict) => self.dict(dict),
            Frame::Tuple(tuple) => self.tuple(tuple),
            Frame::Script(script) => self.script(script),
            Frame::Set(set) => self.set(set),
            Frame::FrozenSet(set) => self.frozenset(set),
            Frame::Items(items) => self.items(items),
        }
    }

    /// Has a frame carried out before the current one goes on.
    pub(super) fn interpose(&mut self, frame: Frame) -> PyResult<Next> {
        self.interpose_parked(Parked::alone(frame))
    }

    pub(super) fn interpose_parked(&mut self, parked: Parked) -> PyResult<Next> {
        self.interposed = Some(parked);
        Ok(Next::Interposed)
    }

    /// Has the loop go on with what a stretch left, which lies in `parked`.
    #[cold]
    pub(super) fn take_up_parked(&mut self) -> PyResult<Option<Next>> {
        /// Where one container ended halfway, the next ones likely will.
        const WARY: u32 = 12;
        self.wary = WARY;
        self.parked.pop().map(|parked| self.interpose_parked(parked)).transpose()
    }

    /// What is to be carried out before the current frame goes on, for who sees to that.
    #[cold]
    pub(super) fn take_interposed(&mut self) -> Option<Parked> {
        self.interposed.take()
    }

    /// Something of the standard library that is imported when first asked for; an import runs foreign code.
    pub(super) fn imported(
        &mut self,
        get: impl FnOnce(&'a crate::state::Imports) -> PyResult<*mut PyObject>,
    ) -> PyResult<*mut PyObject> {
        self.foreign()?;
        get(&self.state.imports)
    }

    /// The slow path: first what the output asks for and the persistent id, then as for any object. True if what is left of
    /// it is in the slot.
    #[inline(never)]
    pub(super) fn detour_in(&mut self, slot: &mut Slot, object: *mut PyObject) -> PyResult<bool> {
        if self.out.due() {
            if self.out.boundary()? || self.out.is_flush_due() {
                self.flush_hold(object)?;
            }
            if self.options.fast {
                self.memo.forget();
                self.refuse_cycle(object)?;
            }
            if self.options.persistent_id.is_some()
                && let Some(script) = self.persistent(object)?
            {
                return Ok(put(slot, Some(Frame::Script(script))));
            }
        }
        self.begin_in(slot, object)
    }

    /// In fast mode what lies in itself lies there for ever: refuses it, containers as `fast_save_enter` of `_pickle.c`
    /// does, and what is reduced, with which `_pickle` recurs until Python's limit, as cloudpickle words that.
    #[cold]
    fn refuse_cycle(&mut self, object: *mut PyObject) -> PyResult<()> {
        const NESTING: usize = 50;
        let Some(top) = self.stack.len().checked_sub(1).filter(|top| *top + 1 >= NESTING) else { return Ok(()) };
        let name = text::type_name(type_of(object));
        if !self.stack.iter().any(|waiting| waiting.object == object) {
            // The frame on top is at the object.
            let is_at = |waiting: &Waiting| match &waiting.frame {
                Frame::Script(script) => self.last_step(script).is_some_and(|step| step.object() == object),
                _ => false,
            };
            if !self.stack[..top].iter().any(is_at) {
                return Ok(());
            }
            let message = message!(
                "Could not pickle object as excessively deep recursion required. In fast mode an object of type '{name}' \
                 that refers to itself has no end"
            );
            return Err(self.pickling_error(&message));
        }
        let message = message!("fast mode: can't pickle cyclic objects including object type {name} at {object:p}");
        // SAFETY: a static exception type.
        Err(raise(unsafe { PyExc_ValueError }, &message))
    }

    /// Writes any object, or begins it and gives the frame of the rest; asks for no persistent id.
    pub(super) fn begin(&mut self, object: *mut PyObject) -> PyResult<Option<Frame>> {
        in_slot(|slot| self.begin_in(slot, object))
    }

    /// The same; true if what is left of it is in the slot.
    #[inline(always)]
    fn begin_in(&mut self, slot: &mut Slot, object: *mut PyObject) -> PyResult<bool> {
        if self.atom(object)? || self.remembered(object)? { Ok(false) } else { self.descend_in(slot, object) }
    }

    /// Begins an object that is no leaf and was not met before.
    pub(super) fn descend(&mut self, object: *mut PyObject) -> PyResult<Option<Frame>> {
        in_slot(|slot| self.descend_in(slot, object))
    }

    /// The same; true if what is left of it is in the slot.
    #[inline(always)]
    pub(super) fn descend_in(&mut self, slot: &mut Slot, object: *mut PyObject) -> PyResult<bool> {
        let ty = type_of(object).cast_const();
        if ty == &raw const PyDict_Type {
            self.begin_dict(slot, object)
        } else if ty == &raw const PyTuple_Type {
            self.begin_tuple(slot, object)
        } else if ty == &raw const PyList_Type {
            self.begin_list(slot, object)
        } else {
            self.descend_other(slot, object)
        }
    }

    #[inline(never)]
    fn descend_other(&mut self, slot: &mut Slot, object: *mut PyObject) -> PyResult<bool> {
        let ty = type_of(object).cast_const();
        let script = if ty == &raw const PySet_Type {
            return self.begin_set(slot, object);
        } else if ty == &raw const PyFrozenSet_Type {
            return self.begin_frozenset(slot, object);
        } else if ty == &raw const PyBytes_Type {
            self.bytes(object)?
        } else if ty == &raw const PyByteArray_Type {
            self.bytearray(object)?
        } else if ty == &raw const PyPickleBuffer_Type {
            self.picklebuffer(object)?
        } else {
            if self.alone(object)? {
                return Ok(false);
            }
            self.begin_unknown(object)?;
            return self.reduce(slot, object);
        };
        Ok(put(slot, script.map(Frame::Script)))
    }

    /// Begins a plan: what a reducer describes.
    pub fn plan(&mut self) -> Plan<'_, 'a> {
        Plan::new(self)
    }
}

/// The frame that is put into a slot, which it is if the answer is true.
fn in_slot(begin: impl FnOnce(&mut Slot) -> PyResult<bool>) -> PyResult<Option<Frame>> {
    let mut slot = Slot::uninit();
    // SAFETY: a frame was put there.
    Ok(if begin(&mut slot)? { Some(unsafe { slot.assume_init() }) } else { None })
}

/// Empties a vector, and drops its memory if it grew beyond what the next dumps need.
#[inline]
fn recycle<T>(vec: &mut Vec<T>) {
    vec.clear();
    if vec.capacity() > MOST_KEPT {
        *vec = Vec::new();
    }
}
