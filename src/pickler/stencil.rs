//! Stretches of a pickle that are written over and over: cut once, then copied, with a look into the memo for each
//! object in them, or with none where the pickle has hardly begun.

use std::ptr;

use pyo3_ffi::*;

use super::commons::Common;
use super::engine::Pickler;
use super::opening::Openings;
use crate::protocol::opcode::*;
use crate::py::error::PyResult;
use crate::py::owned::Owned;
use crate::py::vec::TryPush;
use crate::state::Name;

/// LONG_BINGET and its argument.
pub(super) const LONGEST_GET: usize = 5;
/// So many bytes are copied at once.
const PADDING: usize = 16;

/// Copies bytes that have padding behind them, and gives the end of the copy.
///
/// # Safety
/// So many bytes and [`PADDING`] more can be read, and written.
#[inline(always)]
unsafe fn copy_padded(from: *const u8, to: *mut u8, len: usize) -> *mut u8 {
    let mut at = 0;
    // SAFETY: as the caller says.
    unsafe {
        while at < len {
            let next = from.add(at).cast::<[u8; PADDING]>().read_unaligned();
            to.add(at).cast::<[u8; PADDING]>().write_unaligned(next);
            at += PADDING;
        }
        to.add(len)
    }
}

/// Writes BINGET or LONG_BINGET, and gives its end.
///
/// # Safety
/// Eight bytes can be written.
#[inline(always)]
unsafe fn copy_reference(number: usize, to: *mut u8) -> *mut u8 {
    // SAFETY: as the caller says.
    unsafe {
        if number < 256 {
            to.cast::<[u8; 2]>().write_unaligned([BINGET, number as u8]);
            return to.add(2);
        }
        to.cast::<u64>().write_unaligned(u64::from(LONG_BINGET) | ((number as u64 & 0xffff_ffff) << 8));
        to.add(LONGEST_GET)
    }
}

/// A stretch of a pickle of protocol 4 or more, as it is where none of its objects was met before.
pub struct Stencil {
    /// With [`PADDING`] behind them.
    bytes: Vec<u8>,
    len: usize,
    marks: Vec<Mark>,
    /// The most bytes that it takes, references being longer than some objects.
    most: usize,
    /// What must have been written before.
    needed: Option<Owned>,
    /// What it is in a dump that has memoised little yet.
    openings: Option<Box<Openings>>,
    #[expect(dead_code, reason = "held, since the marks point to them")]
    held: Vec<Owned>,
}

// SAFETY: its objects are used and dropped by threads only that are attached to their interpreter.
unsafe impl Send for Stencil {}
// SAFETY: as above.
unsafe impl Sync for Stencil {}

/// What happens to the memo at some place in the bytes. Places in the bytes and among the marks; 16 bytes, since what
/// many stencils take out of the caches costs more than the work.
pub(super) enum Mark {
    /// An object without objects in it: written by the bytes up to `end`.
    Leaf {
        object: *mut PyObject,
        at: u16,
        end: u16,
    },
    /// An object begins; the mark at `close` ends it, and the bytes up to `end` write it.
    Open {
        object: *mut PyObject,
        at: u16,
        end: u16,
        close: u16,
    },
    Close {
        object: *mut PyObject,
    },
    /// As `Leaf`, and as `Open`, for objects that have places.
    CommonLeaf {
        object: *mut PyObject,
        at: u16,
        end: u16,
        common: Common,
    },
    CommonOpen {
        object: *mut PyObject,
        at: u16,
        end: u16,
        close: u16,
        common: Common,
    },
    /// Something that exists on paper only takes a number.
    Paper,
    /// A reference to an object that is known by now.
    Known {
        object: *mut PyObject,
        at: u16,
    },
    /// What is known by [`Given::shared`] begins; the bytes up to `end` and the marks before `next` write it.
    Shared {
        at: u16,
        end: u16,
        next: u16,
    },
    /// [`Given::built`] is there.
    Built,
    /// A reference to it.
    TheBuilt {
        at: u16,
    },
    /// One of [`Given::alone`] takes a number.
    Alone {
        which: u8,
    },
}

/// What is another each time that a stencil is copied.
#[derive(Clone, Copy)]
pub struct Given {
    /// The object that the stencil builds.
    pub built: *mut PyObject,
    /// The key of what it shares with others.
    pub shared: usize,
    /// Objects that only one holder refers to, each NULL for what exists on paper only.
    pub alone: [*mut PyObject; 2],
}

impl Given {
    const NOTHING: Self = Self { built: ptr::null_mut(), shared: 0, alone: [ptr::null_mut(); 2] };
}

impl Stencil {
    pub(super) fn new(
        bytes: &[u8],
        marks: Vec<Mark>,
        needed: Option<Owned>,
        held: Vec<Owned>,
        opens: bool,
    ) -> PyResult<Self> {
        let mut copy = vec![];
        copy.try_room(bytes.len() + PADDING)?;
        copy.extend_from_slice(bytes);
        copy.resize(bytes.len() + PADDING, 0);
        let openings = if opens { Some(Openings::of(bytes, &marks)?) } else { None };
        let most = bytes.len() + marks.len() * LONGEST_GET;
        Ok(Self { bytes: copy, len: bytes.len(), marks, most, needed, openings, held })
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl Pickler<'_> {
    /// Writes a stencil; false, and nothing is written, where the output or the options ask for the slow path.
    pub(super) fn stencil(&mut self, stencil: &Stencil) -> PyResult<bool> {
        self.stencil_of(stencil, Given::NOTHING)
    }

    /// The same with what is given.
    #[inline]
    pub(super) fn stencil_of(&mut self, stencil: &Stencil, given: Given) -> PyResult<bool> {
        if self.out.until_due() <= stencil.most || self.puts < 4 || self.asks {
            return Ok(false);
        }
        if let Some(needed) = &stencil.needed
            && self.memo.get(needed.as_ptr()).is_none()
        {
            return Ok(false);
        }
        if let Some(openings) = &stencil.openings
            && self.opens()
            && self.open(openings, stencil.bytes(), &stencil.marks, given)?
        {
            return Ok(true);
        }
        self.copy(stencil, given).map(|()| true)
    }

    #[inline(never)]
    fn copy(&mut self, stencil: &Stencil, given: Given) -> PyResult<()> {
        let mut memo = self.memo.burst(stencil.marks.len())?;
        let bytes = stencil.bytes.as_ptr();
        let cursor = self.out.cursor();
        // What is not written yet begins there.
        let (mut from, mut to) = (0_u16, *cursor);
        let mut built = 0;
        let mut marks = stencil.marks.iter();
        while let Some(mark) = marks.next() {
            let (number, at, end) = match *mark {
                Mark::Leaf { object, at, end } => match memo.get_or_put(object) {
                    Some(number) => (number, at, end),
                    None => continue,
                },
                Mark::Open { object, at, close, end } => match memo.get(object) {
                    Some(number) => {
                        marks = stencil.marks[close as usize + 1..].iter();
                        (number, at, end)
                    }
                    None => continue,
                },
                Mark::CommonLeaf { object, at, end, common } => match memo.get_or_put_common(object, common) {
                    Some(number) => (number, at, end),
                    None => continue,
                },
                Mark::CommonOpen { object, at, close, end, common } => match memo.get_common(object, common) {
                    Some(number) => {
                        marks = stencil.marks[close as usize + 1..].iter();
                        (number, at, end)
                    }
                    None => continue,
                },
                Mark::Close { object } => {
                    memo.put(object);
                    continue;
                }
                Mark::Paper => {
                    memo.put_paper();
                    continue;
                }
                Mark::Known { object, at } => {
                    let Some(number) = memo.get(object) else { unreachable!("needed, or opened before") };
                    (number, at, at)
                }
                Mark::Shared { at, end, next } => match memo.get_or_put_key(given.shared) {
                    Some(number) => {
                        marks = stencil.marks[next as usize..].iter();
                        (number, at, end)
                    }
                    None => continue,
                },
                Mark::Built => {
                    built = memo.put(given.built);
                    continue;
                }
                Mark::TheBuilt { at } => (built, at, at),
                Mark::Alone { which } => {
                    memo.put_alone(given.alone[which as usize]);
                    continue;
                }
            };
            // SAFETY: the caller saw to it that the longest has room, and the slack behind it.
            unsafe {
                to = copy_padded(bytes.add(from as usize), to, (at - from) as usize);
                to = copy_reference(number, to);
            }
            from = end;
        }
        memo.end();
        // SAFETY: as above.
        *cursor = unsafe { copy_padded(bytes.add(from as usize), to, stencil.len - from as usize) };
        Ok(())
    }

    /// Writes a name.
    #[inline(always)]
    pub(super) fn name(&mut self, name: &Name) -> PyResult<()> {
        let (written, len) = name.written();
        if len == 0 || self.out.due() || self.puts < 4 {
            return self.name_slowly(name);
        }
        match self.memo.seek(name.as_ptr())? {
            Ok(number) => self.out.get(number),
            Err(place) => {
                self.memo.put_at(place, name.as_ptr())?;
                self.out.short(written, len);
                self.out.room(0)?;
            }
        }
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn name_slowly(&mut self, name: &Name) -> PyResult<()> {
        self.paper_boundary()?;
        self.text(name.as_ptr())
    }
}
