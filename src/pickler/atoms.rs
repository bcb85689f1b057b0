//! Objects without objects in them: None, bool, int, float, str, bytes, buffers; and references to what is known.

use std::ffi::CStr;

use pyo3_ffi::*;

use super::engine::Pickler;
use super::known::arrays::View;
use super::memo::UnderWay;
use super::plan::Place;
use super::script::Script;
use crate::protocol::opcode::*;
use crate::py::error::{PyResult, Raised, raise};
use crate::py::habits::words_are_mended;
use crate::py::layout::{self, type_of, unique};
use crate::py::message::{Short, message};
use crate::py::owned::Owned;

// Exported by every supported CPython, declared by no header but the internal ones.
unsafe extern "C" {
    fn PyPickleBuffer_GetBuffer(buffer: *mut PyObject) -> *const Py_buffer;
    pub(super) static mut PyPickleBuffer_Type: PyTypeObject;
}

/// Flags of `PyOS_double_to_string`: always with a point or an exponent.
const ADD_DOT_0: std::ffi::c_int = 2;

impl Pickler<'_> {
    /// Writes an object that needs no frame, unless the output asks for the slow path.
    #[inline(always)]
    pub(super) fn leaf(&mut self, object: *mut PyObject) -> PyResult<Leaf> {
        if self.out.due() {
            return Ok(Leaf::Detour);
        }
        let ty = type_of(object).cast_const();
        if self.scalar(ty, object)? {
            return Ok(Leaf::Done);
        }
        // Containers come before None and its like: they pay for the descent.
        if !layout::is_container(ty) && self.singleton(object) {
            return Ok(Leaf::Done);
        }
        // What nobody else refers to was not met before.
        if unique(object) || !self.remembered(object)? { Ok(Leaf::New) } else { Ok(Leaf::Done) }
    }

    /// The same for an object that is reached in more ways than it has references.
    #[inline(always)]
    pub(super) fn shared_leaf(&mut self, object: *mut PyObject) -> PyResult<Leaf> {
        if self.out.due() || type_of(object).cast_const() != &raw const PyUnicode_Type {
            let _more = Owned::of(object);
            return self.leaf(object);
        }
        if !self.remembered(object)? {
            self.text_data(object)?;
            self.put()?;
            self.memo.put(object)?;
        }
        Ok(Leaf::Done)
    }

    /// Writes None, a bool, an int, a float, or a str (known or new).
    #[inline(always)]
    pub(super) fn atom(&mut self, object: *mut PyObject) -> PyResult<bool> {
        let ty = type_of(object).cast_const();
        Ok(self.scalar(ty, object)? || self.singleton(object))
    }

    /// Writes a str, an int or a float.
    #[inline(always)]
    fn scalar(&mut self, ty: *const PyTypeObject, object: *mut PyObject) -> PyResult<bool> {
        if ty == &raw const PyUnicode_Type {
            self.text(object)?;
        } else if ty == &raw const PyLong_Type {
            self.int(object)?;
        } else if ty == &raw const PyFloat_Type {
            self.float(object)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Writes None or a bool.
    #[inline(always)]
    fn singleton(&mut self, object: *mut PyObject) -> bool {
        // SAFETY: the addresses of static objects.
        unsafe {
            if object == Py_None() {
                self.out.op(NONE);
            } else if object == Py_True() {
                self.bool(true);
            } else if object == Py_False() {
                self.bool(false);
            } else {
                return false;
            }
        }
        true
    }

    #[inline(always)]
    pub(super) fn bool(&mut self, value: bool) {
        match (self.protocol >= 2, value) {
            (true, true) => self.out.op(NEWTRUE),
            (true, false) => self.out.op(NEWFALSE),
            (false, true) => self.out.bytes(b"I01\n"),
            (false, false) => self.out.bytes(b"I00\n"),
        }
    }

    #[inline(always)]
    fn float(&mut self, object: *mut PyObject) -> PyResult<()> {
        // SAFETY: an exact float.
        let value = unsafe { PyFloat_AS_DOUBLE(object) };
        if self.protocol >= 1 {
            self.out.op(BINFLOAT);
            self.out.short(value.to_bits().to_be_bytes(), 8);
            return Ok(());
        }
        self.float_as_text(value)
    }

    #[cold]
    fn float_as_text(&mut self, value: f64) -> PyResult<()> {
        // SAFETY: the result is NUL-terminated text of PyMem, freed below.
        unsafe {
            let digits = PyOS_double_to_string(value, b'r' as _, 0, ADD_DOT_0, std::ptr::null_mut());
            if digits.is_null() {
                PyErr_NoMemory();
                return Err(Raised);
            }
            self.out.op(FLOAT);
            self.out.bytes(CStr::from_ptr(digits).to_bytes());
            self.out.op(b'\n');
            PyMem_Free(digits.cast());
        }
        Ok(())
    }

    /// Writes a reference to an object that the memo knows.
    #[inline(always)]
    pub(super) fn remembered(&mut self, object: *mut PyObject) -> PyResult<bool> {
        match self.memo.get_or_under_way(object) {
            Ok(Some(number)) => {
                self.get(number);
                Ok(true)
            }
            Ok(None) => Ok(false),
            // It lies inside itself: from here on nothing is left out of the memo.
            Err(UnderWay) => self.foreign().map(|()| false),
        }
    }

    /// Writes None, a bool, or a reference to an object that the memo knows. False, and nothing is written, for any other,
    /// and where it takes the slow path.
    #[inline]
    pub(super) fn known_leaf(&mut self, object: *mut PyObject) -> PyResult<bool> {
        let is_written = !self.out.due() && (self.singleton(object) || !unique(object) && self.remembered(object)?);
        if is_written {
            self.out.room(0)?;
        }
        Ok(is_written)
    }

    /// Writes BINGET and its like.
    #[inline(always)]
    pub(super) fn get(&mut self, number: usize) {
        if self.protocol == 0 { self.get_in_words(number) } else { self.out.get(number) }
    }

    #[cold]
    #[inline(never)]
    fn get_in_words(&mut self, number: usize) {
        self.out.bytes(Short::new(format_args!("g{number}\n")).as_bytes());
    }

    /// Writes what puts the top of the stack into the memo under the next number.
    #[inline(always)]
    pub(super) fn put(&mut self) -> PyResult<()> {
        if self.puts >= 4 {
            self.out.op(MEMOIZE);
            Ok(())
        } else {
            self.put_number()
        }
    }

    #[cold]
    #[inline(never)]
    fn put_number(&mut self) -> PyResult<()> {
        if self.options.fast {
            return Ok(());
        }
        let number = self.memo.next();
        if self.protocol == 0 {
            self.out.bytes(Short::new(format_args!("p{number}\n")).as_bytes());
        } else if number < 256 {
            self.out.short([BINPUT, number as u8], 2);
        } else if let Ok(number) = u32::try_from(number) {
            let le = number.to_le_bytes();
            self.out.short([LONG_BINPUT, le[0], le[1], le[2], le[3], 0, 0, 0], 5);
        } else {
            return Err(self.pickling_error("memo id too large for LONG_BINPUT"));
        }
        Ok(())
    }

    /// Memoises an object.
    #[inline(always)]
    pub(super) fn memoize(&mut self, object: *mut PyObject) -> PyResult<()> {
        self.put()?;
        self.number(object)
    }

    /// Gives an object the next number, for which the opcode is written.
    #[inline(always)]
    pub(super) fn number(&mut self, object: *mut PyObject) -> PyResult<()> {
        if unique(object) { self.memo.put_unique(object) } else { self.memo.put(object) }
    }

    /// Memoises the dict that an instance does not have yet.
    #[inline(always)]
    pub(super) fn memoize_dict_of(&mut self, object: *mut PyObject) -> PyResult<()> {
        self.put()?;
        self.memo.put_dict_of(object)
    }

    /// Memoises something on paper, which nothing can refer to.
    #[inline(always)]
    pub(super) fn memoize_paper(&mut self) -> PyResult<()> {
        self.put()?;
        self.memo.put_paper()
    }

    /// The header of a payload: an opcode and a size in 1, 4 or 8 bytes.
    pub(super) fn payload(
        &mut self,
        ops: [Option<u8>; 3],
        data: &[u8],
        owner: Option<*mut PyObject>,
        what: &str,
    ) -> PyResult<()> {
        let large = data.len() >= FRAME_TARGET;
        if large {
            self.out.leave_frame();
        } else {
            self.out.room(data.len())?;
        }
        let len = data.len() as u64;
        match ops {
            [Some(op), ..] if len <= 0xff => self.out.short([op, len as u8], 2),
            [_, Some(op), _] if len <= 0xffff_ffff => {
                self.out.op(op);
                self.out.short((len as u32).to_le_bytes(), 4);
            }
            [_, _, Some(op)] => {
                self.out.op(op);
                self.out.short(len.to_le_bytes(), 8);
            }
            _ => {
                let message = message!("serializing a {what} larger than 4 GiB requires pickle protocol 4 or higher");
                // SAFETY: a static exception type.
                return Err(raise(unsafe { PyExc_OverflowError }, &message));
            }
        }
        if !large {
            self.out.bytes(data);
            return Ok(());
        }
        if !self.pass_by(owner, data)? {
            self.out.room(data.len())?;
            self.out.bytes(data);
        }
        self.out.return_to_frame()
    }

    pub(super) fn bytes(&mut self, object: *mut PyObject) -> PyResult<Option<Script>> {
        let data = layout::bytes(object);
        if self.protocol >= 3 {
            self.bytes_data(object, data)?;
            return Ok(None);
        }
        // bytes(), or codecs.encode(text, "latin1"), which Python 2 understands as well.
        let encode = if data.is_empty() { None } else { Some(self.imported(|i| i.codecs_encode())?) };
        let latin1 = self.state.names.latin1.as_ptr();
        // SAFETY: the bytes and their length.
        let decoded = unsafe {
            Owned::new(PyUnicode_DecodeLatin1(data.as_ptr().cast(), data.len() as Py_ssize_t, std::ptr::null()))?
        };
        self.described(object, |pickler| {
            let mut plan = pickler.plan();
            match encode {
                None => {
                    plan.object((&raw mut PyBytes_Type).cast(), Place::Callable)?;
                    plan.empty_tuple()?;
                }
                Some(encode) => {
                    plan.object(encode, Place::Callable)?;
                    plan.tuple(2)?;
                    plan.owned(decoded, Place::Part(0))?;
                    plan.object(latin1, Place::Part(1))?;
                    plan.tuple_end(2)?;
                }
            }
            plan.reduce(object)?;
            Ok(Some(plan.finish()))
        })
    }

    /// Writes bytes that nobody else refers to and that are few, unless the output asks for the slow path; false for
    /// anything else.
    #[inline]
    pub(super) fn bytes_leaf(&mut self, object: *mut PyObject) -> PyResult<bool> {
        if type_of(object).cast_const() != &raw const PyBytes_Type
            || !unique(object)
            || self.protocol < 3
            || self.out.due()
        {
            return Ok(false);
        }
        let data = layout::bytes(object);
        if data.len() > 0xff {
            return Ok(false);
        }
        self.bytes_data(object, data)?;
        self.out.room(0)?;
        Ok(true)
    }

    #[inline]
    fn bytes_data(&mut self, object: *mut PyObject, data: &[u8]) -> PyResult<()> {
        self.bytes_payload(object, data)?;
        self.memoize(object)
    }

    /// Writes the content of a bytes object, from protocol 3 on, and does not memoise it.
    #[inline]
    pub(super) fn bytes_payload(&mut self, object: *mut PyObject, data: &[u8]) -> PyResult<()> {
        if data.len() <= 0xff {
            self.out.room(data.len())?;
            self.out.short([SHORT_BINBYTES, data.len() as u8], 2);
            self.out.bytes(data);
            return Ok(());
        }
        let eight = (self.protocol >= 4).then_some(BINBYTES8);
        self.payload([Some(SHORT_BINBYTES), Some(BINBYTES), eight], data, Some(object), "bytes object")
    }

    pub(super) fn bytearray(&mut self, object: *mut PyObject) -> PyResult<Option<Script>> {
        // Without a GIL another thread may change it at any moment: what is written is a copy.
        #[cfg(Py_GIL_DISABLED)]
        if self.protocol >= 5 {
            // SAFETY: a live object.
            let copy = unsafe { Owned::new(PyBytes_FromObject(object))? };
            let copy = self.keep(copy)?;
            self.payload([None, None, Some(BYTEARRAY8)], layout::bytes(copy), Some(copy), "bytearray")?;
            self.memoize(object)?;
            return Ok(None);
        }
        // SAFETY: a live bytearray, which nothing changes before the foreign code of a sink runs.
        let data = unsafe {
            std::slice::from_raw_parts(PyByteArray_AsString(object).cast::<u8>(), PyByteArray_Size(object) as usize)
        };
        if self.protocol >= 5 {
            self.payload([None, None, Some(BYTEARRAY8)], data, Some(object), "bytearray")?;
            self.memoize(object)?;
            return Ok(None);
        }
        let empty = data.is_empty();
        // A new object also for a single byte, of which PyBytes_FromStringAndSize would give the one that all share.
        // SAFETY: a live object.
        let copy = unsafe { Owned::new(PyBytes_FromObject(object))? };
        self.described(object, |pickler| {
            let mut plan = pickler.plan();
            plan.object((&raw mut PyByteArray_Type).cast(), Place::Callable)?;
            if empty {
                plan.empty_tuple()?;
            } else {
                plan.tuple(1)?;
                plan.owned(copy, Place::Part(0))?;
                plan.tuple_end(1)?;
            }
            plan.reduce(object)?;
            Ok(Some(plan.finish()))
        })
    }

    pub(super) fn picklebuffer(&mut self, object: *mut PyObject) -> PyResult<Option<Script>> {
        if self.protocol < 5 {
            let be = if words_are_mended() { "be " } else { "" };
            return Err(self.pickling_error(&message!("PickleBuffer can only {be}pickled with protocol >= 5")));
        }
        // SAFETY: a live PickleBuffer; the view lives as long as it is not released.
        let view = unsafe {
            let view = PyPickleBuffer_GetBuffer(object);
            if view.is_null() {
                return Err(Raised);
            }
            if !(*view).suboffsets.is_null() || PyBuffer_IsContiguous(view, b'A' as _) == 0 {
                let message = "PickleBuffer can not be pickled when pointing to a non-contiguous buffer";
                return Err(self.pickling_error(message));
            }
            view
        };
        // What the callback or a sink does with the buffer takes its memory away from nobody, nor do other threads.
        let pinned = if cfg!(Py_GIL_DISABLED) || self.options.buffer_callback.is_some() || self.sinks() {
            Some(View::of(object, PyBUF_FULL_RO)?)
        } else {
            None
        };
        let view = pinned.as_ref().map_or(view, |pinned| &raw const pinned.0);
        // SAFETY: a live view: the PickleBuffer's own, which is not released before foreign code runs, or one that is
        // pinned. It says where the memory is and how long, which stays so as long as there is a view.
        let (data, readonly) = unsafe {
            let data = (*view).buf.cast::<u8>();
            let data = if data.is_null() { &[] } else { std::slice::from_raw_parts(data, (*view).len as usize) };
            (data, (*view).readonly != 0)
        };
        if self.options.buffer_callback.is_some() {
            self.foreign()?;
            let _held = Owned::of(object);
            if let Some(callback) = &mut self.options.buffer_callback
                && !callback(object)?
            {
                self.out.op(NEXT_BUFFER);
                if readonly {
                    self.out.op(READONLY_BUFFER);
                }
                return Ok(None);
            }
        }
        if readonly {
            self.bytes_data(object, data)?;
        } else {
            self.payload([None, None, Some(BYTEARRAY8)], data, Some(object), "bytearray")?;
            self.memoize(object)?;
        }
        Ok(None)
    }
}

/// What became of an object that might be a leaf.
pub enum Leaf {
    /// It is written.
    Done,
    /// It is no leaf, and was not met before.
    New,
    /// The output asks for the slow path.
    Detour,
}
