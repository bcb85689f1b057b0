//! A plan that waits: its steps, and how they are carried out.

use std::ptr;

use pyo3_ffi::*;

use super::atoms::Leaf;
use super::engine::Pickler;
use super::frame::{Frame, Next, Parked, Slot, put};
use super::items::Items;
use super::nested::{Came, begins_with_stretch};
use crate::protocol::opcode::*;
use crate::protocol::wire::Wire;
use crate::py::error::PyResult;
use crate::py::owned::Owned;
use crate::py::vec::TryPush;

/// So many plans, and containers in them, may be begun inside each other; what lies deeper waits for the loop.
pub(super) const NESTED: u32 = 8;

/// Where a step's object lies in the object that is reduced, for the path to a culprit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// Nothing to show: the path goes on with what lies inside.
    Hidden,
    /// What is called to rebuild the object, or the class that it is made of, or what sets its state.
    Callable,
    Class,
    Setter,
    /// `.name`, a `str`.
    Attribute(*mut PyObject),
    /// `.name`.
    Field(&'static &'static str),
    /// The closure of a function with this code: the cells in it have names.
    Closure(*mut PyObject),
    /// `['key']`
    Item(*mut PyObject),
    /// `.__globals__['name']`, a `str`.
    Global(*mut PyObject),
    /// The state: its keys are attributes.
    State,
    /// The same, where the state is a pair on paper.
    PairedState,
    /// Argument `n` of what rebuilds the object.
    Argument(u32),
    /// Item `n` of the arguments, which are a tuple on paper.
    Part(u32),
    /// The same, as `.name`.
    NamedPart(u32, &'static &'static str),
    /// Item `n` of the arguments of a code object, which may be described within a function.
    CodePart(u32),
    /// Item `n` of the arguments of a class's `__new__`, which are a tuple on paper.
    NewPart(u32),
    /// `.name`, a `str`: an entry of the dict on paper that is item `n` of the arguments.
    Entry(u32, *mut PyObject),
    /// Item `n` of a list on paper, which is `.name`, a `str`.
    Listed(u32, *mut PyObject),
    /// The object itself, whose state is to be set.
    Itself,
    /// One of the names by which an object is found again.
    Name,
}

/// A place in two words, which are handed on in registers.
#[derive(Clone, Copy)]
pub struct PackedPlace {
    /// Which kind of place, in the lower half, and `n`.
    head: u64,
    /// A name or another object, or the address of a text.
    pointer: *mut PyObject,
}

impl PackedPlace {
    /// [`Place::Hidden`]
    pub const HIDDEN: Self = Self { head: 0, pointer: ptr::null_mut() };

    /// The place.
    pub fn unpack(self) -> Place {
        let (n, object) = ((self.head >> 32) as u32, self.pointer);
        // SAFETY: only asked for where a text was packed, which is static.
        let text = || unsafe { &*self.pointer.cast::<&'static str>().cast_const() };
        match self.head as u32 {
            0 => Place::Hidden,
            1 => Place::Callable,
            2 => Place::Class,
            3 => Place::Setter,
            4 => Place::Attribute(object),
            5 => Place::Field(text()),
            6 => Place::Closure(object),
            7 => Place::Item(object),
            8 => Place::Global(object),
            9 => Place::State,
            10 => Place::PairedState,
            11 => Place::Argument(n),
            12 => Place::Part(n),
            13 => Place::NamedPart(n, text()),
            14 => Place::CodePart(n),
            15 => Place::NewPart(n),
            16 => Place::Entry(n, object),
            17 => Place::Listed(n, object),
            18 => Place::Itself,
            _ => Place::Name,
        }
    }
}

impl Place {
    #[inline(always)]
    pub fn pack(self) -> PackedPlace {
        let text = |text: &'static &'static str| ptr::from_ref(text).cast_mut().cast::<PyObject>();
        let none = ptr::null_mut();
        let (kind, n, pointer) = match self {
            Self::Hidden => (0, 0, none),
            Self::Callable => (1, 0, none),
            Self::Class => (2, 0, none),
            Self::Setter => (3, 0, none),
            Self::Attribute(name) => (4, 0, name),
            Self::Field(name) => (5, 0, text(name)),
            Self::Closure(code) => (6, 0, code),
            Self::Item(key) => (7, 0, key),
            Self::Global(name) => (8, 0, name),
            Self::State => (9, 0, none),
            Self::PairedState => (10, 0, none),
            Self::Argument(n) => (11, n, none),
            Self::Part(n) => (12, n, none),
            Self::NamedPart(n, name) => (13, n, text(name)),
            Self::CodePart(n) => (14, n, none),
            Self::NewPart(n) => (15, n, none),
            Self::Entry(n, name) => (16, n, name),
            Self::Listed(n, name) => (17, n, name),
            Self::Itself => (18, 0, none),
            Self::Name => (19, 0, none),
        };
        PackedPlace { head: kind | u64::from(n) << 32, pointer }
    }

    /// The place of item `n` of the arguments.
    pub fn of_part(self, n: u32) -> Self {
        match self {
            Self::Hidden => Self::Part(n),
            Self::Field(name) => Self::NamedPart(n, name),
            other => other,
        }
    }

    /// The object that the place is called by; NULL if there is none.
    fn object(self) -> *mut PyObject {
        match self {
            Self::Attribute(name) | Self::Entry(_, name) | Self::Listed(_, name) | Self::Global(name) => name,
            Self::Item(key) => key,
            Self::Closure(code) => code,
            _ => ptr::null_mut(),
        }
    }
}

/// One thing to write.
#[derive(Clone, Copy)]
pub enum Step {
    Op(u8),
    /// The opcode that an object begins with.
    Begin(u8),
    /// An object, as any other.
    Object(*mut PyObject, PackedPlace),
    /// An object for which no persistent id is asked.
    Plain(*mut PyObject),
    /// The frame that was parked last: of an object that was begun while the plan was made.
    Resume(*mut PyObject, PackedPlace),
    /// A function of `cloudpickle.cloudpickle`.
    Wire(Wire),
    /// The characters of a str as a new str.
    FreshText(*mut PyObject),
    /// The memory of an object as a new bytes object.
    Contents(*mut PyObject),
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
    /// GLOBAL with the names of the module and the global, which what lies in `keep` holds.
    Global {
        module: *mut PyObject,
        name: *mut PyObject,
    },
}

impl Step {
    /// What the step points to and what must live until it is written, and as long as its place may be asked for; NULL
    /// for what is not there.
    pub fn objects(&self) -> [*mut PyObject; 2] {
        let place = match self {
            Self::Object(_, place) | Self::Resume(_, place) => place.unpack().object(),
            _ => ptr::null_mut(),
        };
        [self.object(), place]
    }

    /// The object that the step writes; NULL if there is none.
    pub fn object(&self) -> *mut PyObject {
        match self {
            Self::Object(object, _)
            | Self::Resume(object, _)
            | Self::Plain(object)
            | Self::FreshText(object)
            | Self::Contents(object)
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
            Self::Object(_, place) | Self::Resume(_, place) => place.unpack(),
            _ => Place::Hidden,
        }
    }
}

/// A plan that is being carried out: a run of `Pickler::steps`, of which there are no more than these numbers can say. It is
/// handed on in registers.
#[derive(Clone, Copy)]
pub struct Script {
    first: u32,
    next: u32,
    end: u32,
}

impl Script {
    #[inline(always)]
    pub fn of(first: usize, next: usize, end: usize) -> Self {
        Self { first: first as u32, next: next as u32, end: end as u32 }
    }

    /// Its next step.
    pub fn next(&self) -> usize {
        self.next as usize
    }

    /// The steps that are left.
    #[cfg(Py_3_14)]
    pub fn rest(&self) -> std::ops::Range<usize> {
        self.next.min(self.end) as usize..self.end as usize
    }

    /// How many steps are left.
    #[inline(always)]
    pub fn left(&self) -> u32 {
        self.end - self.next
    }
}

/// What became of a step.
pub(super) enum Ran {
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

impl Pickler<'_> {
    /// Carries out a plan up to the next object that is no leaf.
    #[inline(always)]
    pub(super) fn script(&mut self, f: &mut Script) -> PyResult<Next> {
        while f.next < f.end {
            let step = self.steps[f.next as usize];
            f.next += 1;
            match self.run(step)? {
                Ran::Done => {}
                Ran::Skip(steps) => f.next += steps,
                Ran::Ended => break,
                Ran::Into(object) => return Ok(Next::Into(object)),
                Ran::Detour(object) => return Ok(Next::Detour(object)),
                Ran::Interposed => return Ok(Next::Interposed),
            }
        }
        // Steps that lie above are of a plan around this one, which takes these along when it ends.
        if f.end as usize == self.steps.len() {
            self.steps.truncate(f.first as usize);
        }
        Ok(Next::Done)
    }

    /// Begins an object while the plan of another is being made. Says nothing if that wrote it all.
    pub(super) fn begin_nested(&mut self, object: *mut PyObject) -> PyResult<Option<Parked>> {
        if begins_with_stretch(object) {
            match self.stretch_of(object)? {
                Came::Through => return Ok(None),
                Came::Halfway => {
                    return match self.parked.pop() {
                        Some(Parked { frame, is_covered: false }) => {
                            self.nested_in(object, |_, slot| Ok(put(slot, Some(frame))))
                        }
                        rest => Ok(rest),
                    };
                }
                Came::Nowhere => {}
            }
        }
        self.nested_in(object, |pickler, slot| pickler.descend_in(slot, object))
    }

    fn nested_in(
        &mut self,
        object: *mut PyObject,
        begin: impl FnOnce(&mut Self, &mut Slot) -> PyResult<bool>,
    ) -> PyResult<Option<Parked>> {
        let was_foreign = self.is_foreign();
        if was_foreign {
            self.keep(Owned::of(object))?;
        }
        let outer = Owned::of(std::mem::replace(&mut self.beginning, object));
        self.nested += 1;
        let mut slot = Slot::uninit();
        let begun = if begin(self, &mut slot)? {
            // SAFETY: a frame was put there.
            let frame = unsafe { slot.assume_init_mut() };
            if frame.is_done() {
                None
            } else if frame.is_container() && self.nested < NESTED {
                // SAFETY: of a container.
                unsafe { self.nest_items(&mut slot)? }
            } else {
                // SAFETY: as above.
                Some(Parked::alone(unsafe { slot.assume_init() }))
            }
        } else {
            None
        };
        self.nested -= 1;
        self.beginning = outer.as_ptr();
        if self.is_foreign() && !was_foreign {
            // Nothing pointed to it when foreign code ran.
            self.keep(outer)?;
        }
        Ok(begun)
    }

    /// Writes the items of a container, up to the first that leaves a frame.
    ///
    /// # Safety
    /// The slot has the frame of one.
    unsafe fn nest_items(&mut self, slot: &mut Slot) -> PyResult<Option<Parked>> {
        loop {
            // SAFETY: as the caller says.
            let next = self.carry_out(unsafe { slot.assume_init_mut() })?;
            let below = self.stack.len();
            let begun = match next {
                Next::Done => return self.out.room(0).map(|()| None),
                Next::Into(item) => self.nested_in(item, |pickler, slot| pickler.descend_in(slot, item)),
                Next::Detour(item) => self.nested_in(item, |pickler, slot| pickler.detour_in(slot, item)),
                Next::Interposed => Ok(self.take_interposed()),
            };
            match begun {
                Ok(None) => {}
                Ok(Some(inner)) => {
                    self.parked.try_push(inner)?;
                    // SAFETY: as above; it is taken once.
                    return Ok(Some(Parked { frame: unsafe { slot.assume_init_read() }, is_covered: true }));
                }
                Err(raised) => {
                    // For the path to the culprit: the container lies below what was begun in it.
                    // SAFETY: as above.
                    self.insert(below, unsafe { slot.assume_init_read() });
                    return Err(raised);
                }
            }
        }
    }

    /// Carries out one step.
    #[inline(always)]
    pub(super) fn run(&mut self, step: Step) -> PyResult<Ran> {
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
            Step::Resume(..) => match self.parked.pop() {
                Some(parked) => return self.interpose_parked(parked).map(|_| Ran::Interposed),
                None => return Ok(Ran::Done),
            },
            Step::Wire(wire) => self.wire(wire)?,
            Step::FreshText(text) => {
                self.paper_boundary()?;
                self.text_data(text)?;
                self.memoize_paper()?;
            }
            Step::Contents(object) => {
                self.paper_boundary()?;
                self.contents(object)?;
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
            Step::Global { module, name } => self.global_ref(module, name)?,
            Step::BuiltOnPaper => self.memoize_paper()?,
            Step::Memoize(object) => self.memoize(object)?,
        }
        Ok(Ran::Done)
    }

    fn interposed(&mut self, frame: Frame) -> PyResult<Ran> {
        self.interpose(frame).map(|_| Ran::Interposed)
    }
}
