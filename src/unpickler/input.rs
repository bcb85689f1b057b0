//! The bytes of a pickle, from memory or from a source, read no further than it needs.

use std::marker::PhantomData;

use super::source::Source;
use crate::py::error::{PyResult, Raised, no_memory};

/// Memory that is provided before a byte of what is to fill it was seen.
const TRUST: usize = 64 * 1024;

/// Why bytes could not be had.
#[derive(Debug)]
pub enum Short {
    /// The input ends.
    End,
    /// The frame ends in the middle of what was asked for.
    Frame,
    /// `max_bytes` was reached.
    Limit,
    /// The source raised.
    Raised,
}

impl From<Raised> for Short {
    fn from(_: Raised) -> Self {
        Self::Raised
    }
}

/// A window of bytes with a cursor in it.
pub struct Input<'a> {
    start: *const u8,
    cursor: *const u8,
    /// Of the frame, if it ends before the window.
    end: *const u8,
    /// Of the window.
    full_end: *const u8,
    /// A frame has begun, and nothing was read behind it yet.
    framed: bool,
    /// Bytes before the window.
    before: usize,
    /// How many bytes may be consumed in all.
    limit: usize,
    source: Option<&'a mut dyn Source>,
    /// The window's memory if there is a source.
    buffer: Vec<u8>,
    /// The window was only peeked at: its consumed part has to be skipped.
    peeked: bool,
    memory: PhantomData<&'a [u8]>,
}

impl<'a> Input<'a> {
    pub fn of_memory(data: &'a [u8]) -> Self {
        let range = data.as_ptr_range();
        Self {
            start: range.start,
            cursor: range.start,
            end: range.end,
            full_end: range.end,
            framed: false,
            before: 0,
            limit: usize::MAX,
            source: None,
            buffer: Vec::new(),
            peeked: false,
            memory: PhantomData,
        }
    }

    pub fn of_source(source: &'a mut dyn Source, max_bytes: u64) -> Self {
        let mut input = Self::of_memory(&[]);
        if max_bytes != 0 {
            input.limit = usize::try_from(max_bytes).unwrap_or(usize::MAX);
        }
        input.source = Some(source);
        input
    }

    /// How many bytes were consumed.
    #[inline]
    pub fn offset(&self) -> usize {
        self.before + (self.cursor as usize - self.start as usize)
    }

    #[inline]
    fn left(&self) -> usize {
        self.end as usize - self.cursor as usize
    }

    /// The next byte.
    #[inline]
    pub fn byte(&mut self) -> Result<u8, Short> {
        if self.cursor == self.end {
            self.refill(1)?;
        }
        // SAFETY: the cursor is before the end of the window.
        unsafe {
            let byte = *self.cursor;
            self.cursor = self.cursor.add(1);
            Ok(byte)
        }
    }

    /// Is this the next byte, as far as the window tells?
    pub fn next_is(&self, byte: u8) -> bool {
        // SAFETY: the cursor is before the end of the window.
        self.cursor != self.end && unsafe { *self.cursor } == byte
    }

    /// Are these the next bytes, as far as the window tells?
    #[inline]
    pub fn begins_with(&self, bytes: &[u8]) -> bool {
        // SAFETY: the window, from the cursor on.
        unsafe { std::slice::from_raw_parts(self.cursor, self.left()) }.starts_with(bytes)
    }

    /// Consumes so many bytes of the window.
    #[inline]
    pub fn skip(&mut self, count: usize) {
        debug_assert!(count <= self.left());
        // SAFETY: within the window.
        self.cursor = unsafe { self.cursor.add(count) };
    }

    /// The cursor, and the end of what can be read without asking for more.
    #[inline]
    pub fn window(&self) -> (*const u8, *const u8) {
        (self.cursor, self.end)
    }

    /// Consumes what is before a place in the window.
    ///
    /// # Safety
    /// The place is between the two that `window` answers.
    #[inline]
    pub unsafe fn move_to(&mut self, place: *const u8) {
        debug_assert!(self.cursor <= place && place <= self.end);
        self.cursor = place;
    }

    /// Takes back what was consumed of the window since it was asked for.
    ///
    /// # Safety
    /// The place is where the cursor was then, and nothing was read into the window meanwhile.
    #[inline]
    pub unsafe fn move_back(&mut self, place: *const u8) {
        debug_assert!(place <= self.cursor);
        self.cursor = place;
    }

    /// The next `n` bytes, which stay in place until the next call.
    #[inline]
    pub fn bytes<'b>(&mut self, n: usize) -> Result<&'b [u8], Short> {
        if n > self.left() {
            self.refill(n)?;
        }
        // SAFETY: the window has n bytes from the cursor on. Callers use the slice before they touch the input again.
        unsafe {
            let slice = std::slice::from_raw_parts(self.cursor, n);
            self.cursor = self.cursor.add(n);
            Ok(slice)
        }
    }

    /// The next `N` bytes.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Short> {
        if N > self.left() {
            self.refill(N)?;
        }
        // SAFETY: the window has N bytes from the cursor on.
        unsafe {
            let array = *self.cursor.cast::<[u8; N]>();
            self.cursor = self.cursor.add(N);
            Ok(array)
        }
    }

    /// The next bytes up to a newline, which is consumed and left out.
    pub fn line<'b>(&mut self) -> Result<&'b [u8], Short> {
        // SAFETY: the window, from the cursor on.
        let rest = unsafe { std::slice::from_raw_parts(self.cursor, self.left()) };
        // SAFETY: as above.
        let at = unsafe { libc::memchr(rest.as_ptr().cast(), b'\n'.into(), rest.len()) };
        if !at.is_null() {
            let line = &rest[..at as usize - rest.as_ptr() as usize];
            // SAFETY: the newline is in the window.
            self.cursor = unsafe { self.cursor.add(line.len() + 1) };
            // SAFETY: the window stays until the input is touched again.
            return Ok(unsafe { std::slice::from_raw_parts(line.as_ptr(), line.len()) });
        }
        if self.framed {
            self.leave_frame()?;
            return self.line();
        }
        if self.source.is_none() {
            return Err(Short::End);
        }
        self.open()?;
        let source = self.source.as_mut().ok_or(Short::End)?;
        // The limit is looked at after the line: a source that is asked for a line gives it whole.
        let result = source.read_line(&mut self.buffer);
        self.close();
        result?;
        if self.buffer.len() > self.limit - self.before {
            return Err(Short::Limit);
        }
        let line = self.buffer.strip_suffix(b"\n").ok_or(Short::End)?;
        let (start, len) = (line.as_ptr(), line.len());
        self.cursor = self.end;
        // SAFETY: the buffer is not touched before the next call.
        Ok(unsafe { std::slice::from_raw_parts(start, len) })
    }

    /// Makes `into` full; for data that is worth no copy.
    pub fn fill(&mut self, into: &mut [u8]) -> Result<(), Short> {
        if self.left() == 0 && self.framed {
            self.leave_frame()?;
        }
        let at_hand = self.left().min(into.len());
        if at_hand < into.len() && self.framed {
            return Err(Short::Frame);
        }
        let (first, mut rest) = into.split_at_mut(at_hand);
        first.copy_from_slice(self.bytes(at_hand)?);
        if rest.is_empty() {
            return Ok(());
        }
        if self.source.is_none() {
            return Err(Short::End);
        }
        self.open()?;
        if rest.len() > self.limit - self.before {
            return Err(Short::Limit);
        }
        let source = self.source.as_mut().ok_or(Short::End)?;
        while !rest.is_empty() {
            let count = source.read(rest)?;
            if count == 0 {
                return Err(Short::End);
            }
            self.before += count;
            let count = count.min(rest.len());
            rest = &mut rest[count..];
        }
        Ok(())
    }

    /// Begins a frame of `n` bytes (PEP 3154), and brings them into the window. Nothing may cross its end.
    pub fn frame(&mut self, n: usize) -> Result<(), Short> {
        if n > self.left() {
            self.refill(n)?;
        }
        // SAFETY: the window has n bytes from the cursor on.
        self.end = unsafe { self.cursor.add(n) };
        self.framed = true;
        Ok(())
    }

    /// Is there more in the frame that began last?
    pub fn in_frame(&self) -> bool {
        self.framed && self.cursor != self.end
    }

    #[cold]
    fn leave_frame(&mut self) -> Result<(), Short> {
        if self.left() > 0 {
            return Err(Short::Frame);
        }
        self.end = self.full_end;
        self.framed = false;
        Ok(())
    }

    /// Could so many bytes come? Memory knows; a source may always have them, up to the limit.
    pub fn may_have(&mut self, n: usize) -> Result<(), Short> {
        if n <= self.full_end as usize - self.cursor as usize {
            return Ok(());
        }
        match self.source {
            None => Err(Short::End),
            Some(_) if n > self.limit - self.offset().min(self.limit) => Err(Short::Limit),
            Some(_) => Ok(()),
        }
    }

    /// Is all that there is in memory?
    pub fn in_memory(&self) -> bool {
        self.source.is_none()
    }

    /// Leaves the source at the cursor.
    pub fn finish(&mut self) -> PyResult<()> {
        let consumed = self.cursor as usize - self.start as usize;
        if std::mem::take(&mut self.peeked)
            && consumed > 0
            && let Some(source) = self.source.as_mut()
        {
            source.skip(consumed)?;
        }
        Ok(())
    }

    /// Brings `n` bytes into the window.
    #[cold]
    #[inline(never)]
    fn refill(&mut self, n: usize) -> Result<(), Short> {
        if self.framed {
            self.leave_frame()?;
            if n <= self.left() {
                return Ok(());
            }
        }
        if self.source.is_none() {
            return Err(Short::End);
        }
        self.open()?;
        let source = self.source.as_mut().ok_or(Short::End)?;
        let allowed = self.limit - self.before;
        if n > allowed {
            // A shorter end of the input is found before the limit is.
            return Err(Short::Limit);
        }
        let mut result = Ok(());
        if self.buffer.is_empty() && n < TRUST && source.peek(&mut self.buffer)? {
            self.peeked = true;
            self.buffer.truncate(allowed);
            if self.buffer.len() < n {
                // It had less at hand than is needed: read it for real.
                self.peeked = false;
                self.buffer.clear();
            }
        }
        while self.buffer.len() < n {
            let have = self.buffer.len();
            let chunk = (n - have).min(have.max(TRUST));
            if self.buffer.try_reserve(chunk).is_err() {
                result = Err(no_memory().into());
                break;
            }
            self.buffer.resize(have + chunk, 0);
            match source.read(&mut self.buffer[have..]) {
                Ok(count) => {
                    self.buffer.truncate(have + count.min(chunk));
                    if count == 0 {
                        result = Err(Short::End);
                        break;
                    }
                }
                Err(raised) => {
                    self.buffer.truncate(have);
                    result = Err(raised.into());
                    break;
                }
            }
        }
        self.close();
        result
    }

    /// Moves what is left of the window to the start of the buffer, for more to be appended.
    fn open(&mut self) -> Result<(), Short> {
        let consumed = self.cursor as usize - self.start as usize;
        if self.peeked {
            // What was only seen is consumed up to the cursor, and then read.
            self.finish()?;
            self.buffer.clear();
        } else {
            self.buffer.drain(..consumed);
        }
        self.before += consumed;
        self.close();
        Ok(())
    }

    /// The window is the buffer, with the cursor at its start.
    fn close(&mut self) {
        let range = self.buffer.as_ptr_range();
        (self.start, self.cursor) = (range.start, range.start);
        (self.end, self.full_end) = (range.end, range.end);
    }
}
