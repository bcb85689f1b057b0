//! Stretches of a pickle that are written over and over: cut once, then copied, with a look into the memo for each
//! object in them.

use pyo3_ffi::*;

use super::engine::Pickler;
use super::options::Options;
use super::out::Home;
use super::plan::shared_text;
use crate::protocol::opcode::*;
use crate::py::code;
use crate::py::error::PyResult;
use crate::py::layout::{bytes, tuple_items, type_of};
use crate::py::owned::Owned;
use crate::py::vec::TryPush;
use crate::state::Name;

/// A stretch of a pickle of protocol 4 or more, as it is where none of its objects was met before.
pub struct Stencil {
    bytes: Vec<u8>,
    marks: Vec<Mark>,
    /// The most bytes that it takes, references being longer than some objects.
    most: usize,
    /// What must have been written before.
    needed: Option<Owned>,
    #[expect(dead_code, reason = "held, since the marks point to them")]
    held: Vec<Owned>,
}

// SAFETY: its objects are used and dropped by threads only that are attached to their interpreter.
unsafe impl Send for Stencil {}
// SAFETY: as above.
unsafe impl Sync for Stencil {}

/// What happens to the memo at some place in the bytes.
enum Mark {
    /// An object without objects in it: written by the bytes up to `end`.
    Leaf {
        object: *mut PyObject,
        at: u32,
        end: u32,
    },
    /// An object begins; the mark at `close` ends it, and the bytes up to `end` write it.
    Open {
        object: *mut PyObject,
        at: u32,
        end: u32,
        close: u32,
    },
    Close {
        object: *mut PyObject,
    },
    /// Something that exists on paper only takes a number.
    Paper,
    /// A reference to what is needed.
    Needed {
        at: u32,
    },
}

impl Pickler<'_> {
    /// Writes a stencil; false, and nothing is written, where the output or the options ask for the slow path.
    pub(super) fn stencil(&mut self, stencil: &Stencil) -> PyResult<bool> {
        if self.out.until_due() <= stencil.most || self.puts < 4 || self.asks {
            return Ok(false);
        }
        let needed = match &stencil.needed {
            None => 0,
            Some(needed) => match self.memo.get(needed.as_ptr()) {
                Some(number) => number,
                None => return Ok(false),
            },
        };
        let (out, mut memo) = (&mut self.out, self.memo.burst(stencil.marks.len())?);
        let bytes = stencil.bytes.as_slice();
        // What is not written yet begins there.
        let mut from = 0;
        let mut reference = |from: &mut usize, at: u32, number: usize, end: u32| {
            out.bytes(&bytes[*from..at as usize]);
            out.get(number);
            *from = end as usize;
        };
        let mut marks = stencil.marks.iter();
        while let Some(mark) = marks.next() {
            match *mark {
                Mark::Leaf { object, at, end } => {
                    if let Some(number) = memo.get_or_put(object) {
                        reference(&mut from, at, number, end);
                    }
                }
                Mark::Open { object, at, close, end } => {
                    if let Some(number) = memo.get(object) {
                        reference(&mut from, at, number, end);
                        marks = stencil.marks[close as usize + 1..].iter();
                    }
                }
                Mark::Close { object } => memo.put(object),
                Mark::Paper => memo.put_paper(),
                Mark::Needed { at } => reference(&mut from, at, needed, at),
            }
        }
        self.out.bytes(&bytes[from..]);
        Ok(true)
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

/// Cuts a stencil.
pub struct Cutter {
    /// What encodes; its own memo stays empty.
    encoder: Pickler<'static>,
    marks: Vec<Mark>,
    held: Vec<Owned>,
    needed: Option<Owned>,
}

/// A longer text or bytes object is not put into a stencil.
const LONGEST: Py_ssize_t = 4096;
/// Nor is a stencil longer than this.
const MOST_BYTES: usize = 16 * 1024;
/// Nor do constants lie deeper in it.
const MOST_DEPTH: u32 = 16;
/// LONG_BINGET and its argument.
const LONGEST_GET: usize = 5;

impl Cutter {
    pub fn new() -> PyResult<Self> {
        let encoder = Pickler::new(Options::default(), Home::Memory, None)?;
        Ok(Self { encoder, marks: vec![], held: vec![], needed: None })
    }

    fn at(&self) -> u32 {
        self.encoder.out.written() as u32
    }

    fn hold(&mut self, object: *mut PyObject) -> PyResult<()> {
        self.held.try_push(Owned::of(object))
    }

    pub fn op(&mut self, op: u8) -> PyResult<()> {
        self.encoder.out.room(0)?;
        self.encoder.out.op(op);
        Ok(())
    }

    pub fn int(&mut self, value: i64) -> PyResult<()> {
        self.encoder.out.room(0)?;
        self.encoder.int64(value)
    }

    /// What exists on paper only is there.
    pub fn paper(&mut self) -> PyResult<()> {
        self.op(MEMOIZE)?;
        self.marks.try_push(Mark::Paper)
    }

    /// A new str with the characters of a str, as `Plan::fresh_text` describes it.
    pub fn fresh_text(&mut self, text: *mut PyObject) -> PyResult<()> {
        if let Some(shared) = shared_text(text)? {
            return self.leaf(shared.as_ptr());
        }
        self.encoder.text_data(text)?;
        self.paper()
    }

    /// An object begins, unless it is known; [`Cutter::close`] ends it.
    pub fn open(&mut self, object: *mut PyObject) -> PyResult<usize> {
        self.hold(object)?;
        self.marks.try_push(Mark::Open { object, at: self.at(), end: 0, close: 0 })?;
        Ok(self.marks.len() - 1)
    }

    /// The object that `open` began is there.
    pub fn close(&mut self, open: usize) -> PyResult<()> {
        self.op(MEMOIZE)?;
        let (written, last) = (self.at(), self.marks.len() as u32);
        let Mark::Open { object, end, close, .. } = &mut self.marks[open] else { return Ok(()) };
        (*end, *close) = (written, last);
        let object = *object;
        self.marks.try_push(Mark::Close { object })
    }

    /// An object that must be known when the stencil is used: one for each stencil.
    pub fn needed(&mut self, object: *mut PyObject) -> PyResult<()> {
        self.needed = Some(Owned::of(object));
        self.marks.try_push(Mark::Needed { at: self.at() })
    }

    /// An exact str or bytes.
    fn leaf(&mut self, object: *mut PyObject) -> PyResult<()> {
        self.hold(object)?;
        let at = self.at();
        if type_of(object).cast_const() == &raw const PyUnicode_Type {
            self.encoder.text_data(object)?;
        } else {
            self.encoder.bytes_payload(object, bytes(object))?;
        }
        self.op(MEMOIZE)?;
        self.marks.try_push(Mark::Leaf { object, at, end: self.at() })
    }

    /// An exact str; false if it is none, or a long one.
    pub fn text(&mut self, object: *mut PyObject) -> PyResult<bool> {
        // SAFETY: an exact str has a length.
        if type_of(object).cast_const() != &raw const PyUnicode_Type || unsafe { PyUnicode_GetLength(object) } > LONGEST
        {
            return Ok(false);
        }
        self.leaf(object).map(|()| true)
    }

    /// Begins a tuple of so many items, more than none.
    pub fn tuple(&mut self, len: usize) -> PyResult<()> {
        if self.encoder.tuple_is_marked(len) { self.op(MARK) } else { Ok(()) }
    }

    /// The opcode that ends it.
    pub fn tuple_end(&mut self, len: usize) -> PyResult<()> {
        self.encoder.out.room(0)?;
        self.encoder.tuple_op(len);
        Ok(())
    }

    /// Any object of the kinds that a stencil can have: what code has as constants, but for a few rare types. Other
    /// code among them is written by `code`. False if it cannot.
    pub fn object(
        &mut self,
        object: *mut PyObject,
        depth: u32,
        code: &mut impl FnMut(&mut Self, *mut PyObject, u32) -> PyResult<bool>,
    ) -> PyResult<bool> {
        let ty = type_of(object).cast_const();
        if depth > MOST_DEPTH || self.encoder.out.written() > MOST_BYTES {
            return Ok(false);
        }
        if ty == &raw const PyUnicode_Type || ty == &raw const PyBytes_Type {
            // SAFETY: an exact str or bytes.
            if unsafe { PyObject_Size(object) } > LONGEST {
                return Ok(false);
            }
            return self.leaf(object).map(|()| true);
        }
        if ty == &raw const PyTuple_Type {
            let items = tuple_items(object);
            if items.is_empty() {
                return self.op(EMPTY_TUPLE).map(|()| true);
            }
            let open = self.open(object)?;
            self.tuple(items.len())?;
            for item in items {
                if !self.object(*item, depth + 1, code)? {
                    return Ok(false);
                }
            }
            self.tuple_end(items.len())?;
            return self.close(open).map(|()| true);
        }
        if code::is_code(object) {
            let open = self.open(object)?;
            if !code(self, object, depth + 1)? {
                return Ok(false);
            }
            return self.close(open).map(|()| true);
        }
        self.encoder.out.room(0)?;
        // None, bool, int, float.
        self.encoder.atom(object)
    }

    pub fn finish(mut self) -> PyResult<Option<Stencil>> {
        let written = self.encoder.out.ready()?;
        if written.len() > MOST_BYTES {
            return Ok(None);
        }
        let mut bytes = vec![];
        bytes.try_room(written.len())?;
        bytes.extend_from_slice(written);
        let most = bytes.len() + self.marks.len() * LONGEST_GET;
        Ok(Some(Stencil { bytes, marks: self.marks, most, needed: self.needed, held: self.held }))
    }
}
