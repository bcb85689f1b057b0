//! The work that is left: containers half written.

use std::mem::MaybeUninit;
use std::ptr;

use pyo3_ffi::PyObject;

use super::items::Items;
use super::script::Script;

/// One container half written. What it points to is alive: see [`super::engine`] on who holds it.
pub enum Frame {
    List(List),
    Tuple(Tuple),
    Dict(Dict),
    Set(Set),
    /// A frozenset: the position in its table.
    FrozenSet(Set),
    /// What a reducer described, or the parts of a reduce value.
    Script(Script),
    /// What an iterator gives: list items and dict items of a reduce value.
    Items(Box<Items>),
}

/// The place of a frame that is begun there: none of its fields is copied.
pub type Slot = MaybeUninit<Frame>;

/// Puts a frame, if there is one, into a slot.
#[inline]
pub fn put(slot: &mut Slot, frame: Option<Frame>) -> bool {
    frame.map(|frame| slot.write(frame)).is_some()
}

impl Frame {
    /// The object that it points to, NULL if it holds what it needs.
    #[inline(always)]
    pub fn object(&self) -> *mut PyObject {
        match self {
            Self::List(f) => f.list,
            Self::Tuple(f) => f.tuple,
            Self::Dict(f) => f.dict,
            Self::Set(f) | Self::FrozenSet(f) => f.set,
            Self::Script(_) | Self::Items(_) => ptr::null_mut(),
        }
    }
}

impl Frame {
    /// Is it of a container's items, so that nothing foreign runs before it comes to the first that is no leaf?
    #[inline(always)]
    pub fn is_container(&self) -> bool {
        matches!(self, Self::List(_) | Self::Tuple(_) | Self::Dict(_))
    }

    /// A plan of which everything is written.
    #[inline(always)]
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Script(f) if f.left() == 0)
    }

    /// How much it counts towards `max_depth`: a container one; a reduction, for which objects were made that are held
    /// until it is written, more, and the more the longer it is.
    #[inline(always)]
    pub fn weight(&self) -> u32 {
        match self {
            Self::Script(f) => 8 + f.left(),
            Self::Items(_) => 8,
            _ => 1,
        }
    }
}

/// A frame that waits to be carried out.
pub struct Parked {
    pub frame: Frame,
    /// The one that was parked before it lies on top of it.
    pub is_covered: bool,
}

impl Parked {
    pub fn alone(frame: Frame) -> Self {
        Self { frame, is_covered: false }
    }
}

/// What the loop does next.
pub enum Next {
    /// Save this object, which is no leaf and was not met before, then come back.
    Into(*mut PyObject),
    /// Save this object on the slow path, then come back.
    Detour(*mut PyObject),
    /// Carry out what is in `Pickler::interposed`, then come back.
    Interposed,
    /// The frame is done.
    Done,
}

/// How items are put into the container that a pickle builds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Batch {
    /// Protocol 0: each one by itself.
    Each,
    /// Exactly one, without a MARK.
    Single,
    /// That one is written; its opcode follows.
    Closing,
    /// Between MARK and an opcode for all of them; how many there are so far.
    Marked(u32),
}

pub struct List {
    pub list: *mut PyObject,
    /// The item that comes next.
    pub index: usize,
    /// Its size when it began.
    pub size: usize,
    pub batch: Batch,
}

pub struct Tuple {
    pub tuple: *mut PyObject,
    pub index: usize,
    /// Nobody but the container around it referred to it when it began.
    pub unique: bool,
    /// It is a namedtuple, and its items are the arguments of a NEWOBJ.
    pub is_arguments: bool,
}

pub struct Dict {
    pub dict: *mut PyObject,
    /// Position for PyDict_Next.
    pub position: isize,
    /// Its size when it began.
    pub size: isize,
    pub batch: Batch,
    /// Full batches so far.
    pub batches: u32,
    /// The value that comes next, whose key is written, if there is one.
    pub value: Value,
    /// Its keys belong to all instances of a class (a split table, PEP 412).
    pub shared_keys: bool,
    /// It is the state of the object that was just built: BUILD follows.
    pub is_state: bool,
}

impl Dict {
    /// Was a key the last thing that was begun?
    pub fn is_at_key(&self) -> bool {
        matches!(self.value, Value::Kept(_))
    }
}

/// Where a dict has a value whose key is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// There is none.
    None,
    /// In the entry in front of the position.
    InEntry,
    /// Kept, at this place in `Pickler::keep`, since the key was saved by itself.
    Kept(u32),
}

pub struct Set {
    pub set: *mut PyObject,
    pub position: usize,
    pub size: usize,
    /// How many elements were begun.
    pub count: usize,
    /// A batch has begun and has no element yet.
    pub between: bool,
    pub unique: bool,
}
