//! How a [`Stencil`] is cut: its bytes are encoded once, and each object in them leaves a mark.

use pyo3_ffi::*;

use super::commons::Common;
use super::lease::Lease;
use super::options::Options;
use super::out::Home;
use super::plan::shared_text;
use super::stencil::{Mark, Stencil};
use crate::protocol::opcode::*;
use crate::py::code;
use crate::py::error::PyResult;
use crate::py::layout::{bytes, tuple_items, type_of};
use crate::py::owned::Owned;
use crate::py::vec::TryPush;

/// Cuts a stencil.
pub struct Cutter {
    /// What encodes; its own memo stays empty.
    encoder: Lease<'static>,
    marks: Vec<Mark>,
    held: Vec<Owned>,
    needed: Option<Owned>,
    opens: bool,
}

/// A longer text or bytes object is not put into a stencil.
const LONGEST: Py_ssize_t = 4096;
/// Nor is a stencil longer than this.
const MOST_BYTES: usize = 16 * 1024;
/// Nor has it more marks.
const MOST_MARKS: usize = 16 * 1024;
/// Nor do constants lie deeper in it.
const MOST_DEPTH: u32 = 64;

fn place(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

impl Cutter {
    pub fn new() -> PyResult<Self> {
        let encoder = Lease::new(Options::default(), Home::Memory, None)?;
        Ok(Self { encoder, marks: vec![], held: vec![], needed: None, opens: false })
    }

    /// The place in the bytes. What does not fit is part of no stencil.
    fn at(&self) -> u16 {
        place(self.encoder.out.written())
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
        self.open_lent(object)
    }

    /// The same for an object that keeps the stencil itself, and so is not held by it.
    pub fn open_lent(&mut self, object: *mut PyObject) -> PyResult<usize> {
        self.marks.try_push(Mark::Open { object, at: self.at(), end: 0, close: 0 })?;
        Ok(self.marks.len() - 1)
    }

    /// The same for an object that most pickles have.
    pub fn open_common(&mut self, object: *mut PyObject) -> PyResult<usize> {
        self.hold(object)?;
        let at = self.at();
        self.marks.try_push(match Common::of(self.encoder.state, object)? {
            Some(common) => Mark::CommonOpen { object, at, end: 0, close: 0, common },
            None => Mark::Open { object, at, end: 0, close: 0 },
        })?;
        Ok(self.marks.len() - 1)
    }

    /// The object that `open` began is there.
    pub fn close(&mut self, open: usize) -> PyResult<()> {
        self.op(MEMOIZE)?;
        let (written, last) = (self.at(), place(self.marks.len()));
        let (Mark::Open { object, end, close, .. } | Mark::CommonOpen { object, end, close, .. }) =
            &mut self.marks[open]
        else {
            return Ok(());
        };
        (*end, *close) = (written, last);
        let object = *object;
        self.marks.try_push(Mark::Close { object })
    }

    /// A reference to an object. Unless the stencil writes it before, it must be known when that is used: one for each
    /// stencil.
    pub fn known(&mut self, object: *mut PyObject) -> PyResult<()> {
        let is_ours = |mark: &Mark| matches!(mark, Mark::Close { object: ours } if *ours == object);
        if !self.marks.iter().any(is_ours) {
            self.needed = Some(Owned::of(object));
        }
        self.marks.try_push(Mark::Known { object, at: self.at() })
    }

    /// What is given as shared begins, and is memoised; [`Cutter::shared_end`] ends it.
    pub fn shared(&mut self, op: u8) -> PyResult<usize> {
        self.marks.try_push(Mark::Shared { at: self.at(), end: 0, next: 0 })?;
        self.op(op)?;
        self.op(MEMOIZE)?;
        Ok(self.marks.len() - 1)
    }

    pub fn shared_end(&mut self, begun: usize) {
        let (written, following) = (self.at(), place(self.marks.len()));
        if let Mark::Shared { end, next, .. } = &mut self.marks[begun] {
            (*end, *next) = (written, following);
        }
    }

    /// Behind an empty dict come so many entries, of one batch.
    pub fn entries(&mut self, len: usize) -> PyResult<()> {
        if len > 1 { self.op(MARK) } else { Ok(()) }
    }

    /// The opcode that puts them into it.
    pub fn entries_end(&mut self, len: usize) -> PyResult<()> {
        match len {
            0 => Ok(()),
            1 => self.op(SETITEM),
            _ => self.op(SETITEMS),
        }
    }

    /// What is given as built is there.
    pub fn built(&mut self) -> PyResult<()> {
        self.op(MEMOIZE)?;
        self.marks.try_push(Mark::Built)
    }

    /// A reference to it.
    pub fn the_built(&mut self) -> PyResult<()> {
        self.marks.try_push(Mark::TheBuilt { at: self.at() })
    }

    /// One of what is given as alone, a container that begins empty.
    pub fn alone(&mut self, op: u8, which: u8) -> PyResult<()> {
        self.op(op)?;
        self.op(MEMOIZE)?;
        self.marks.try_push(Mark::Alone { which })
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

    /// The same for a text that most pickles have.
    pub fn common_text(&mut self, object: *mut PyObject) -> PyResult<bool> {
        if !self.text(object)? {
            return Ok(false);
        }
        if let Some(place) = Common::of(self.encoder.state, object)?
            && let Some(mark) = self.marks.last_mut()
            && let Mark::Leaf { object, at, end } = *mark
        {
            *mark = Mark::CommonLeaf { object, at, end, common: place };
        }
        Ok(true)
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

    /// The stencil will often be the first thing that a dump writes.
    pub fn opens(&mut self) {
        self.opens = true;
    }

    pub fn finish(mut self) -> PyResult<Option<Stencil>> {
        let written = self.encoder.out.ready()?;
        if written.len() > MOST_BYTES || self.marks.len() > MOST_MARKS {
            return Ok(None);
        }
        Stencil::new(written, self.marks, self.needed, self.held, self.opens).map(Some)
    }
}
