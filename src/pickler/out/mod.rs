//! The output: one block of memory that grows, and the frames in it (PEP 3154).
//!
//! Between two objects there are always [`SLACK`] bytes free, so that opcodes and short objects are written without
//! asking. One compare per object, against `limit`, covers the free room, the end of the frame, and whatever else makes
//! the engine leave its fast path.

mod growth;

use std::ptr;

use pyo3_ffi::*;

pub use self::growth::Home;
pub use super::block::Memory;
use crate::protocol::opcode::{BINGET, FRAME, FRAME_HEADER, FRAME_MIN, FRAME_TARGET, LONG_BINGET};
use crate::py::error::{PyResult, no_memory, raise};
use crate::py::message::message;
use crate::py::owned::Owned;

/// Free behind the end when an object begins: enough for any object without a payload, with its memo number and the
/// opcodes that end the containers around it.
pub const SLACK: usize = 128;

/// The bytes of the block that stays from one dump to the next.
const SCRATCH: usize = 256 * 1024;

/// The head of a bytes object, and the NUL behind its data.
const HEAD: usize = std::mem::offset_of!(PyBytesObject, ob_sval);

pub struct Out {
    /// NULL between two dumps of which the first needed a larger one.
    block: *mut u8,
    /// The block is of [`SCRATCH`] bytes, of malloc, and stays here.
    scratch: bool,
    /// Bytes of the block; data begins at `head`.
    size: usize,
    head: usize,
    /// The end of the data, in the block.
    end: *mut u8,
    /// The end of the block less the slack.
    full: *mut u8,
    /// Up to there the pages of the block are provided, or are met by themselves.
    provided: usize,
    /// The size that the block gets when the scratch is outgrown, if that is enough: as the last outputs needed it.
    expected: usize,
    /// A frame is open; its header lies at `frame_at`.
    in_frame: bool,
    frame_at: usize,
    /// When `end` is here or beyond, the next object takes the slow path.
    limit: *mut u8,
    framing: bool,
    /// Every object takes the slow path.
    detour: bool,
    /// The next object takes the slow path, to hand over what is ready.
    flush_due: bool,
    home: Home,
    max_bytes: u64,
    /// Bytes that were handed to a sink.
    gone: u64,
    pub over_limit: bool,
}

impl Out {
    /// Nothing yet: [`Out::start`] begins.
    pub const fn idle() -> Self {
        Self {
            block: ptr::null_mut(),
            scratch: false,
            size: 0,
            head: 0,
            end: ptr::null_mut(),
            full: ptr::null_mut(),
            provided: usize::MAX,
            expected: 0,
            in_frame: false,
            frame_at: 0,
            limit: ptr::null_mut(),
            framing: false,
            detour: false,
            flush_due: false,
            home: Home::Memory,
            max_bytes: 0,
            gone: 0,
            over_limit: false,
        }
    }

    /// Begins an output; none of an earlier one is left. `whole`: no part of it is handed over.
    #[inline]
    pub fn start(&mut self, home: Home, whole: bool, max_bytes: u64) -> PyResult<()> {
        self.home = home;
        self.head = if home == Home::Bytes { HEAD } else { 0 };
        if self.block.is_null() {
            self.first_block(whole)?;
        }
        // SAFETY: inside the block, which is larger than the head.
        self.end = unsafe { self.block.add(self.head) };
        (self.in_frame, self.framing, self.detour, self.flush_due, self.over_limit) =
            (false, false, false, false, false);
        self.max_bytes = if max_bytes == 0 { u64::MAX } else { max_bytes };
        self.gone = 0;
        self.limit = self.full;
        Ok(())
    }

    /// Forgets the output. The block stays, unless a larger one was needed.
    #[inline]
    pub fn stop(&mut self) {
        if !self.scratch && !self.block.is_null() {
            self.free();
        }
    }

    fn set_limit(&mut self) {
        self.limit = if self.detour || self.flush_due {
            ptr::null_mut()
        } else if self.in_frame {
            self.full.min(self.block.wrapping_add(self.frame_at + FRAME_HEADER + FRAME_TARGET))
        } else {
            self.full
        };
    }

    /// The length of the data with the head.
    #[inline(always)]
    fn len(&self) -> usize {
        self.end as usize - self.block as usize
    }

    /// The length of the data.
    pub fn written(&self) -> usize {
        self.len() - self.head
    }

    /// Must the next object take the slow path?
    #[inline(always)]
    pub fn due(&self) -> bool {
        self.end >= self.limit
    }

    /// From here on every object takes the slow path.
    pub fn make_detour(&mut self) {
        self.detour = true;
        self.set_limit();
    }

    /// From here on objects take the slow path, until what is ready was handed over.
    #[cold]
    pub fn make_flush_due(&mut self) {
        self.flush_due = true;
        self.set_limit();
    }

    /// Is something ready that is to be handed over?
    pub fn is_flush_due(&self) -> bool {
        self.flush_due
    }

    /// Does every object take the slow path?
    pub fn is_detour(&self) -> bool {
        self.detour
    }

    /// The bytes that can be written before [`Out::due`] says stop.
    #[inline(always)]
    pub fn until_due(&self) -> usize {
        (self.limit as usize).saturating_sub(self.end as usize)
    }

    /// The slow path at the beginning of an object: room, and the end of the frame. Says whether a frame ended.
    #[cold]
    #[inline(never)]
    pub fn boundary(&mut self) -> PyResult<bool> {
        let ended = self.in_frame && self.len() - self.frame_at - FRAME_HEADER >= FRAME_TARGET;
        if ended {
            self.end_frame();
            self.begin_frame()?;
        }
        self.room(SLACK)?;
        self.set_limit();
        self.provide(0);
        Ok(ended)
    }

    /// Makes sure that `more` bytes and the slack fit.
    #[inline(always)]
    pub fn room(&mut self, more: usize) -> PyResult<()> {
        if self.full as isize - self.end as isize >= more as isize { Ok(()) } else { self.grow(more) }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, more: usize) -> PyResult<()> {
        let len = self.len();
        let used = self.gone + (len - self.head) as u64;
        if used > self.max_bytes || more as u64 > self.max_bytes - used {
            return Err(self.too_long());
        }
        let need = len.checked_add(more).and_then(|n| n.checked_add(SLACK)).ok_or_else(no_memory)?;
        let ample = need.saturating_add(len).min(isize::MAX as usize);
        let expected = if self.scratch { self.expected } else { 0 };
        self.resize(len, if expected >= need { expected } else { ample })?;
        self.provide(more);
        Ok(())
    }

    #[cold]
    fn too_long(&mut self) -> crate::py::error::Raised {
        self.over_limit = true;
        // SAFETY: a static exception type.
        raise(unsafe { PyExc_ValueError }, &message!("the pickle is longer than max_bytes ({})", self.max_bytes))
    }

    /// Appends one byte into the slack.
    #[inline(always)]
    pub fn op(&mut self, op: u8) {
        debug_assert!(self.len() < self.size);
        // SAFETY: the slack is free.
        unsafe {
            *self.end = op;
            self.end = self.end.add(1);
        }
    }

    /// Appends BINGET or LONG_BINGET into the slack.
    #[inline(always)]
    pub fn get(&mut self, number: usize) {
        if number < 256 {
            self.short([BINGET, number as u8], 2);
        } else {
            let le = (number as u32).to_le_bytes();
            self.short([LONG_BINGET, le[0], le[1], le[2], le[3], 0, 0, 0], 5);
        }
    }

    /// How many objects of at most `size` bytes can be written before [`Out::due`] says stop.
    #[inline(always)]
    pub fn fits(&self, size: usize) -> usize {
        (self.limit as usize).saturating_sub(self.end as usize).div_ceil(size)
    }

    /// The end of the data, for a loop that writes by itself what [`Out::fits`] allows, and the slack behind it.
    #[inline(always)]
    pub fn cursor(&mut self) -> &mut *mut u8 {
        &mut self.end
    }

    /// Appends the first `len` of the bytes into the slack; writes all of them, so that the copy has a fixed size.
    #[inline(always)]
    pub fn short<const N: usize>(&mut self, bytes: [u8; N], len: usize) {
        debug_assert!(len <= N && self.len() + N <= self.size);
        // SAFETY: N is far below the slack, which is free.
        unsafe {
            ptr::copy_nonoverlapping(bytes.as_ptr(), self.end, N);
            self.end = self.end.add(len);
        }
    }

    /// Appends bytes for which [`Out::room`] was made, or few enough for the slack.
    #[inline(always)]
    pub fn bytes(&mut self, data: &[u8]) {
        debug_assert!(self.len() + data.len() <= self.size);
        // SAFETY: room was made, so that at least the slack is free behind it; the source is not part of the block.
        unsafe {
            if data.len() <= 32 && self.end <= self.full.add(SLACK - 32) {
                copy_short(data, self.end);
            } else {
                ptr::copy_nonoverlapping(data.as_ptr(), self.end, data.len());
            }
            self.end = self.end.add(data.len());
        }
    }

    /// The free memory for `len` bytes that the caller fills and then counts with [`Out::advance`].
    pub fn spare(&mut self, len: usize) -> PyResult<&mut [u8]> {
        self.room(len)?;
        // SAFETY: room was made; bytes need no initialisation to be written.
        unsafe {
            ptr::write_bytes(self.end, 0, len);
            Ok(std::slice::from_raw_parts_mut(self.end, len))
        }
    }

    /// Counts bytes that were filled into [`Out::spare`].
    pub fn advance(&mut self, len: usize) {
        debug_assert!(self.len() + len + SLACK <= self.size);
        // SAFETY: inside the block.
        self.end = unsafe { self.end.add(len) };
    }

    /// Frames begin: from protocol 4 on, behind the header.
    pub fn start_framing(&mut self) -> PyResult<()> {
        self.framing = true;
        self.begin_frame()
    }

    fn begin_frame(&mut self) -> PyResult<()> {
        self.room(FRAME_HEADER)?;
        self.in_frame = true;
        self.frame_at = self.len();
        // SAFETY: room was made.
        self.end = unsafe { self.end.add(FRAME_HEADER) };
        self.set_limit();
        Ok(())
    }

    fn end_frame(&mut self) {
        if !std::mem::take(&mut self.in_frame) {
            return;
        }
        let len = self.len() - self.frame_at - FRAME_HEADER;
        // SAFETY: the header was reserved in front of the frame's data, inside the block.
        unsafe {
            let header = self.block.add(self.frame_at);
            if len >= FRAME_MIN {
                *header = FRAME;
                ptr::copy_nonoverlapping((len as u64).to_le_bytes().as_ptr(), header.add(1), 8);
            } else {
                ptr::copy(header.add(FRAME_HEADER), header, len);
                self.end = self.end.sub(FRAME_HEADER);
            }
        }
    }

    /// A large payload lies between frames: ends the one that is open.
    pub fn leave_frame(&mut self) {
        self.end_frame();
        self.set_limit();
    }

    /// Goes back to frames behind a large payload.
    pub fn return_to_frame(&mut self) -> PyResult<()> {
        if self.framing { self.begin_frame() } else { Ok(()) }
    }

    /// Ends the last frame and the output.
    pub fn finish(&mut self) -> PyResult<()> {
        self.end_frame();
        self.framing = false;
        if self.gone + (self.len() - self.head) as u64 > self.max_bytes {
            return Err(self.too_long());
        }
        Ok(())
    }

    /// What is ready for a sink: all but the frame that is open. The caller hands it over, then calls
    /// [`Out::hand_over`].
    pub fn ready(&mut self) -> PyResult<&[u8]> {
        let end = if self.in_frame { self.frame_at } else { self.len() };
        if self.gone + (end - self.head) as u64 > self.max_bytes {
            return Err(self.too_long());
        }
        // SAFETY: inside the block, written.
        Ok(unsafe { std::slice::from_raw_parts(self.block.add(self.head), end - self.head) })
    }

    /// Forgets what was ready; the header of an open frame moves to the front.
    pub fn hand_over(&mut self) {
        let end = if self.in_frame { self.frame_at } else { self.len() };
        self.gone += (end - self.head) as u64;
        let rest = self.len() - end;
        // SAFETY: both inside the block; they may overlap.
        unsafe {
            ptr::copy(self.block.add(end), self.block.add(self.head), rest);
            self.end = self.block.add(self.head + rest);
        }
        self.frame_at = self.head;
        self.flush_due = false;
        self.set_limit();
    }

    /// Counts a payload that went to the sink without a copy here.
    pub fn passed_by(&mut self, len: usize) -> PyResult<()> {
        self.gone += len as u64;
        if self.gone > self.max_bytes { Err(self.too_long()) } else { Ok(()) }
    }

    /// Gives the data away in a block of its length.
    pub fn take_memory(&mut self) -> PyResult<Memory> {
        debug_assert!(self.home == Home::Memory);
        let len = self.len();
        let block = self.cut(len)?;
        Ok(Memory { block, len })
    }

    /// Makes the data a `bytes` object.
    pub fn take_bytes(&mut self) -> PyResult<Owned> {
        debug_assert!(self.home == Home::Bytes);
        let len = self.len() - HEAD;
        // A NUL follows the data, in the slack.
        self.op(0);
        let block = self.cut(len + HEAD + 1)?;
        // SAFETY: the block was allocated as CPython allocates objects, with the size of a bytes object of this
        // length, and everything behind the head is written; the rest is what `_PyBytes_FromSize` sets.
        unsafe {
            let bytes = PyObject_InitVar(block.cast(), &raw mut PyBytes_Type, len as Py_ssize_t);
            *block.add(HASH).cast::<Py_hash_t>() = -1;
            Owned::new(bytes.cast())
        }
    }
}

/// Where a bytes object keeps its hash.
const HASH: usize = size_of::<PyVarObject>();

impl Drop for Out {
    fn drop(&mut self) {
        self.free();
    }
}

/// Copies up to 32 bytes with two moves that may overlap instead of a call.
///
/// # Safety
/// `to` has room for 32 bytes and does not overlap the source.
#[inline(always)]
pub unsafe fn copy_short(data: &[u8], to: *mut u8) {
    let (from, len) = (data.as_ptr(), data.len());
    // SAFETY: both moves stay inside the source: each is at most as long as it, or the byte loop runs.
    unsafe {
        if len >= 16 {
            to.cast::<[u8; 16]>().write_unaligned(from.cast::<[u8; 16]>().read_unaligned());
            to.add(len - 16).cast::<[u8; 16]>().write_unaligned(from.add(len - 16).cast::<[u8; 16]>().read_unaligned());
        } else if len >= 8 {
            to.cast::<u64>().write_unaligned(from.cast::<u64>().read_unaligned());
            to.add(len - 8).cast::<u64>().write_unaligned(from.add(len - 8).cast::<u64>().read_unaligned());
        } else if len >= 4 {
            to.cast::<u32>().write_unaligned(from.cast::<u32>().read_unaligned());
            to.add(len - 4).cast::<u32>().write_unaligned(from.add(len - 4).cast::<u32>().read_unaligned());
        } else {
            for i in 0..len {
                *to.add(i) = *from.add(i);
            }
        }
    }
}
