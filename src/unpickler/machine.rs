//! The loop over the opcodes, and those that take an object from the bytes that follow.

use pyo3_ffi::*;

use super::calls::Calls;
use super::input::{Input, Short};
use super::kept::Kept;
use super::memo::Memo;
use super::named::Named;
use super::options::{Options, Report};
use super::promises::Promises;
use super::rows::Rows;
use super::stack::Stack;
use super::states::Opened;
use crate::protocol::opcode as op;
use crate::py::error::{PyResult, Raised};
use crate::py::message::message;
use crate::py::object::call1;
use crate::py::owned::Owned;
use crate::py::{bytes, number};
use crate::state::State;

/// Unpickles from one input; the memo lasts as long as the machine.
pub struct Machine<'i, 'o> {
    pub(super) input: Input<'i>,
    pub(super) stack: Stack,
    pub(super) memo: Memo,
    pub(super) options: Options<'o>,
    pub(super) state: &'static State,
    pub(super) kept: &'static Kept,
    /// The iterator over the out-of-band buffers.
    buffers: Option<Owned>,
    /// What `PROTO` said.
    pub(super) protocol: u8,
    /// The offset of the opcode at work.
    pub(super) at: usize,
    pub(super) limit_reached: bool,
    pub(super) singletons: Singletons,
    /// The number of this load.
    pub(super) load: usize,
    /// How many tuples were made.
    pub(super) tuples: u32,
    /// Nobody sees the memo, so not all that is in it needs to be made.
    pub(super) lazy: bool,
    pub(super) promises: Promises,
    pub(super) opened: Vec<Opened>,
    pub(super) rows: Rows,
    pub(super) named: Named,
    pub(super) calls: Calls,
}

/// Borrowed from the interpreter, for ever.
pub(super) struct Singletons {
    pub none: *mut PyObject,
    pub true_: *mut PyObject,
    pub false_: *mut PyObject,
}

impl<'i, 'o> Machine<'i, 'o> {
    pub fn new(input: Input<'i>, options: Options<'o>) -> PyResult<Self> {
        // SAFETY: the iterable is live; a new reference or NULL with an exception.
        let buffers = options.buffers.map(|b| unsafe { Owned::new(PyObject_GetIter(b)) }).transpose()?;
        // SAFETY: the singletons live as long as the interpreter.
        let singletons = unsafe { Singletons { none: Py_None(), true_: Py_True(), false_: Py_False() } };
        let state = State::get()?;
        let kept = state.unpickler.get(Kept::new)?;
        Ok(Self {
            input,
            stack: Stack::new(Kept::take(&kept.stack), Kept::take(&kept.marks)),
            memo: Memo::new(Kept::take(&kept.memo)),
            options,
            state,
            kept,
            buffers,
            protocol: 0,
            at: 0,
            limit_reached: false,
            singletons,
            load: kept.next_load(),
            tuples: 0,
            lazy: false,
            promises: Promises::new(Kept::take(&kept.promises), Kept::take(&kept.promised)),
            opened: Kept::take(&kept.opened),
            rows: Rows::default(),
            named: Named::default(),
            calls: Calls::default(),
        })
    }

    /// For one load, with a memo of its own.
    pub fn lazy(&mut self) -> &mut Self {
        self.lazy = true;
        self
    }

    /// Loads one pickle; also says how many bytes were consumed so far.
    pub fn load(&mut self, report: &mut Report) -> PyResult<(Owned, usize)> {
        let loaded = self.run().and_then(|object| {
            self.input.finish()?;
            Ok((object, self.input.offset()))
        });
        *report = Report { limit: self.limit_reached, protocol: self.protocol };
        loaded
    }

    fn run(&mut self) -> PyResult<Owned> {
        loop {
            self.at = self.input.offset();
            let code = match self.input.byte() {
                Ok(code) => code,
                Err(Short::End) => return Err(self.out_of_input()),
                Err(short) => return Err(self.short(short)),
            };
            match code {
                op::SHORT_BINUNICODE => {
                    let len = self.byte()? as usize;
                    self.unicode(len)?;
                }
                op::MEMOIZE => self.memoize()?,
                op::BINGET => {
                    let number = self.byte()?;
                    self.get(number as usize)?;
                }
                op::BININT1 => {
                    let value = self.byte()?;
                    self.push(number::from_i64(value.into())?)?;
                }
                op::BININT2 => {
                    let value = u16::from_le_bytes(self.array()?);
                    self.push(number::from_i64(value.into())?)?;
                }
                op::BININT => {
                    let value = i32::from_le_bytes(self.array()?);
                    self.push(number::from_i64(value.into())?)?;
                }
                op::BINFLOAT => {
                    let value = f64::from_be_bytes(self.array()?);
                    self.push(number::from_f64(value)?)?;
                }
                op::NONE => self.push(Owned::of(self.singletons.none))?,
                op::NEWTRUE => self.push(Owned::of(self.singletons.true_))?,
                op::NEWFALSE => self.push(Owned::of(self.singletons.false_))?,
                op::MARK => self.stack.mark()?,
                op::EMPTY_TUPLE => self.tuple(0)?,
                op::TUPLE1 => self.tuple(1)?,
                op::TUPLE2 => self.tuple(2)?,
                op::TUPLE3 => self.tuple(3)?,
                op::TUPLE => self.tuple_of_marked()?,
                op::EMPTY_LIST => {
                    // SAFETY: attached; a new reference.
                    let list = unsafe { Owned::new(PyList_New(0))? };
                    self.push(list)?;
                }
                op::EMPTY_DICT => {
                    // SAFETY: attached; a new reference.
                    let dict = unsafe { Owned::new(PyDict_New())? };
                    self.push(dict)?;
                }
                op::EMPTY_SET => {
                    // SAFETY: attached; a new reference.
                    let set = unsafe { Owned::new(PySet_New(std::ptr::null_mut()))? };
                    self.push(set)?;
                }
                op::APPEND => self.append()?,
                op::APPENDS => self.appends()?,
                op::SETITEM => self.setitem()?,
                op::SETITEMS => self.state_ends()?,
                op::ADDITEMS => self.additems()?,
                op::FROZENSET => self.frozenset()?,
                op::LIST => self.list()?,
                op::DICT => self.dict()?,
                op::REDUCE => self.reduce()?,
                op::BUILD => self.build()?,
                op::NEWOBJ => self.newobj(false)?,
                op::NEWOBJ_EX => self.newobj(true)?,
                op::STACK_GLOBAL => self.stack_global()?,
                op::GLOBAL => self.global()?,
                op::POP => self.pop_or_mark()?,
                op::POP_MARK => {
                    let mark = self.pop_mark()?;
                    self.stack.truncate(mark);
                }
                op::DUP => {
                    let top = Owned::of(self.top()?);
                    self.push(top)?;
                }
                op::BINPUT => {
                    let number = self.byte()?;
                    self.put(number as usize)?;
                }
                op::LONG_BINPUT => {
                    let number = u32::from_le_bytes(self.array()?);
                    self.put(number as usize)?;
                }
                op::LONG_BINGET => {
                    let number = u32::from_le_bytes(self.array()?);
                    self.get(number as usize)?;
                }
                op::BINUNICODE => {
                    let len = u32::from_le_bytes(self.array()?) as usize;
                    self.unicode(len)?;
                }
                op::BINUNICODE8 => {
                    let len = self.length("BINUNICODE exceeds system's maximum size")?;
                    self.unicode(len)?;
                }
                op::SHORT_BINBYTES => {
                    let len = self.byte()? as usize;
                    self.bytes_object(len)?;
                }
                op::BINBYTES => {
                    let len = u32::from_le_bytes(self.array()?) as usize;
                    self.bytes_object(len)?;
                }
                op::BINBYTES8 => {
                    let len = self.length("BINBYTES exceeds system's maximum size")?;
                    self.bytes_object(len)?;
                }
                op::BYTEARRAY8 => {
                    let len = self.length("BYTEARRAY8 exceeds system's maximum size")?;
                    self.input.may_have(len).map_err(|short| self.short(short))?;
                    let array = bytes::bytearray(len, &mut |into| self.input.fill(into));
                    let array = array.map_err(|short| self.short(short))?;
                    self.push(array)?;
                }
                op::LONG1 => {
                    let len = self.byte()? as usize;
                    self.long(len)?;
                }
                op::LONG4 => {
                    let len = i32::from_le_bytes(self.array()?);
                    let Ok(len) = usize::try_from(len) else {
                        return Err(self.fail("LONG pickle has negative byte count"));
                    };
                    self.long(len)?;
                }
                op::NEXT_BUFFER => self.next_buffer()?,
                op::READONLY_BUFFER => self.readonly_buffer()?,
                op::SHORT_BINSTRING => {
                    let len = self.byte()? as usize;
                    self.binstring(len)?;
                }
                op::BINSTRING => {
                    let Ok(len) = usize::try_from(i32::from_le_bytes(self.array()?)) else {
                        return Err(self.fail("BINSTRING pickle has negative byte count"));
                    };
                    self.binstring(len)?;
                }
                op::INT => self.int_line()?,
                op::LONG => self.long_line()?,
                op::FLOAT => self.float_line()?,
                op::STRING => self.string_line()?,
                op::UNICODE => self.unicode_line()?,
                op::GET => self.get_line()?,
                op::PUT => self.put_line()?,
                op::PERSID => self.persistent_line()?,
                op::BINPERSID => {
                    let Some(load) = self.options.persistent_load else { return Err(self.no_persistent_load()) };
                    let id = self.pop()?;
                    let object = call1(load, id.as_ptr())?;
                    self.push(object)?;
                }
                op::INST => self.inst()?,
                op::OBJ => self.obj()?,
                op::EXT1 => {
                    let code = self.byte()?;
                    self.extension(code.into())?;
                }
                op::EXT2 => {
                    let code = u16::from_le_bytes(self.array()?);
                    self.extension(code.into())?;
                }
                op::EXT4 => {
                    let code = i32::from_le_bytes(self.array()?);
                    self.extension(code)?;
                }
                op::PROTO => {
                    let protocol = self.byte()?;
                    if protocol > op::HIGHEST {
                        let message = message!("unsupported pickle protocol: {protocol}");
                        return Err(self.fail_value(&message));
                    }
                    self.protocol = protocol;
                    if self.input.next_is(op::FRAME) {
                        continue;
                    }
                }
                op::FRAME => {
                    let len = self.length("FRAME length exceeds system's maximum")?;
                    if self.input.in_frame() {
                        return Err(self.fail("beginning of a new frame before end of current frame"));
                    }
                    self.input.frame(len).map_err(|short| self.short(short))?;
                }
                op::STOP => return self.pop(),
                unknown => return Err(self.unknown(unknown)),
            }
            self.fast()?;
        }
    }

    // ---- what every opcode needs

    #[inline]
    pub(super) fn push(&mut self, object: Owned) -> PyResult<()> {
        self.stack.push(object)
    }

    #[inline]
    pub(super) fn pop(&mut self) -> PyResult<Owned> {
        self.stack.pop().map_err(|u| self.underflow(u))
    }

    /// The topmost object, borrowed.
    #[inline]
    pub(super) fn top(&self) -> PyResult<*mut PyObject> {
        self.stack.top().map_err(|u| self.underflow(u))
    }

    #[inline]
    pub(super) fn pop_mark(&mut self) -> PyResult<usize> {
        match self.stack.pop_mark() {
            Some(mark) => {
                if self.opened.last().is_some_and(|opened| opened.mark == mark) {
                    self.make_opened()?;
                }
                Ok(mark)
            }
            None => Err(self.fail("could not find MARK")),
        }
    }

    #[inline]
    pub(super) fn byte(&mut self) -> PyResult<u8> {
        self.input.byte().map_err(|short| self.short(short))
    }

    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> PyResult<[u8; N]> {
        self.input.array().map_err(|short| self.short(short))
    }

    /// The next bytes, to be used before the input is touched again.
    #[inline]
    pub(super) fn bytes<'b>(&mut self, len: usize) -> PyResult<&'b [u8]> {
        self.input.bytes(len).map_err(|short| self.short(short))
    }

    /// The next line, likewise; without its newline.
    pub(super) fn line<'b>(&mut self) -> PyResult<&'b [u8]> {
        self.input.line().map_err(|short| self.short(short))
    }

    /// A line that says something.
    pub(super) fn full_line<'b>(&mut self) -> PyResult<&'b [u8]> {
        let line = self.line()?;
        if line.is_empty() { Err(self.short(Short::End)) } else { Ok(line) }
    }

    /// Eight bytes of length; `what` begins the message about one that no object can have.
    fn length(&mut self, what: &str) -> PyResult<usize> {
        let len = u64::from_le_bytes(self.array()?);
        if len > Py_ssize_t::MAX as u64 {
            let message = message!("{what} of {} bytes", Py_ssize_t::MAX);
            // SAFETY: exception types live as long as the interpreter.
            return Err(self.fail_with(unsafe { PyExc_OverflowError }, &message));
        }
        Ok(len as usize)
    }

    // ---- objects from bytes

    #[inline]
    fn unicode(&mut self, len: usize) -> PyResult<()> {
        let data = self.bytes(len)?;
        let text = self.text(data)?;
        self.push(text)
    }

    fn bytes_object(&mut self, len: usize) -> PyResult<()> {
        let object = if self.input.in_memory() {
            bytes::of(self.bytes(len)?)?
        } else {
            self.input.may_have(len).map_err(|short| self.short(short))?;
            bytes::bytes(len, &mut |into| self.input.fill(into)).map_err(|short| self.short(short))?
        };
        self.push(object)
    }

    fn long(&mut self, len: usize) -> PyResult<()> {
        let data = self.bytes(len)?;
        let value = number::from_le_bytes(data)?;
        self.push(value)
    }

    fn next_buffer(&mut self) -> PyResult<()> {
        let Some(buffers) = &self.buffers else {
            return Err(self.fail("pickle stream refers to out-of-band data but no *buffers* argument was given"));
        };
        // SAFETY: a live iterator; a new reference, or NULL with or without an exception.
        match unsafe { Owned::new_or_none(PyIter_Next(buffers.as_ptr())) } {
            Some(buffer) => self.push(buffer),
            None if crate::py::error::occurred() => Err(Raised),
            None => Err(self.fail("not enough out-of-band buffers")),
        }
    }

    fn readonly_buffer(&mut self) -> PyResult<()> {
        let object = self.top()?;
        if let Some(view) = bytes::readonly_view(object)? {
            self.stack.set_top(view).map_err(|u| self.underflow(u))?;
        }
        Ok(())
    }

    fn pop_or_mark(&mut self) -> PyResult<()> {
        if self.stack.mark_on_top() {
            self.pop_mark()?;
        } else {
            drop(self.pop()?);
        }
        Ok(())
    }

    // ---- the memo

    #[inline]
    pub(super) fn memoize(&mut self) -> PyResult<()> {
        let top = self.top()?;
        self.memo.memoize(top)
    }

    pub(super) fn put(&mut self, number: usize) -> PyResult<()> {
        if self.promises.has(number) {
            self.keep_promises()?;
        }
        let top = self.top()?;
        self.memo.put(number, top)
    }

    #[inline]
    pub(super) fn get(&mut self, number: usize) -> PyResult<()> {
        match self.memo.get(number) {
            Some(object) => self.push(Owned::of(object)),
            None if let Some(object) = self.promised(number)? => self.push(object),
            None => Err(self.fail(&message!("Memo value not found at index {number}"))),
        }
    }
}

impl Drop for Machine<'_, '_> {
    fn drop(&mut self) {
        let (items, marks) = self.stack.end();
        Kept::put_back(&self.kept.stack, items);
        Kept::put_back(&self.kept.marks, marks);
        Kept::put_back(&self.kept.memo, self.memo.end());
        let (promises, promised) = self.promises.end();
        Kept::put_back(&self.kept.promises, promises);
        Kept::put_back(&self.kept.promised, promised);
        self.opened.clear();
        Kept::put_back(&self.kept.opened, std::mem::take(&mut self.opened));
    }
}
