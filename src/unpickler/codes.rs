//! Code objects that came lately. A worker is sent the same functions again and again; where the opcodes that make a code
//! object came before, it is not made anew but taken again, with all that the opcodes put into the memo.
//!
//! So functions of several loads may share a code object, as the closures that one `def` makes do. It cannot be changed, is
//! equal to the one that would be made, and within what one pickle makes nothing is shared that would not be without.
//! One with which somebody keeps something is not taken again.

use std::cell::Cell;

use pyo3_ffi::*;

use super::code_span::Span;
use super::input::Input;
use super::kept::is_shared;
use super::machine::Machine;
use super::memo::Memo;
use super::options::{Options, Report};
use crate::protocol::opcode as op;
use crate::py::code::{self, is_code};
use crate::py::error::{PyResult, Raised, clear};
use crate::py::layout::{Chars, IMMORTAL, chars, count, tuple_items, type_of};
use crate::py::new_code::audit;
use crate::py::owned::Owned;
use crate::py::shared::Shared;
use crate::py::vec::{TryPush, gather, try_gather};
use crate::py::words::word;

/// A power of two.
const SLOTS: usize = 1024;
/// Each has so many places to choose from, a power of two.
const WAYS: usize = 4;
/// Opcodes are told apart by so many words; no fewer make a code object.
const WORDS: usize = 12;
/// No more bytes of opcodes are kept.
const MOST: usize = 256 * 1024;
/// No more numbers of the memo may come before.
const FARTHEST: usize = 16 * 1024;
/// To keep what comes of opcodes costs more than to do them, which pays only for what comes again and again: those that came
/// so often before are kept.
const SEEN: u8 = 2;
/// After so many opcodes that are not those kept in their slot, or cannot take what is kept, others are kept instead.
const PATIENCE: u8 = 16;
/// As `PATIENCE`, after opcodes that could not be kept.
const LONG_PATIENCE: u8 = u8::MAX;

pub struct Codes {
    slots: [Slot; SLOTS],
    /// Bytes of opcodes in the slots.
    held: Cell<usize>,
    /// There are audit hooks, which may hold what they hear of: then nothing is kept.
    pub heard: Cell<bool>,
}

#[derive(Default)]
struct Slot {
    /// Tells opcodes apart, mostly: those that came last.
    fingerprint: Cell<u64>,
    /// That of those that are kept; 0 if none are.
    kept: Cell<u64>,
    /// How many others are to come before the next are kept.
    wait: Cell<u8>,
    known: Cell<Option<Shared<Known>>>,
}

/// Opcodes, and what came of them.
struct Known {
    opcodes: Vec<u8>,
    /// The next number of the memo when they began.
    start: usize,
    before: Vec<Before>,
    /// What the opcodes put into the memo.
    memoised: Vec<Owned>,
    /// Which of these are the arguments of calls.
    calls: Vec<usize>,
    code: Owned,
}

/// What the memo has under a number that opcodes ask for although they did not put it there.
struct Before {
    number: usize,
    what: Asked,
}

enum Asked {
    /// This object.
    Is(Owned),
    /// An ASCII `str` of this text, which nothing that the opcodes make holds.
    Text(Vec<u8>),
}

impl Default for Codes {
    fn default() -> Self {
        Self { slots: std::array::from_fn(|_| Slot::default()), held: Cell::new(0), heard: Cell::new(false) }
    }
}

impl Codes {
    /// The slot of opcodes: where they are kept, where they came last, or one that is free.
    #[inline]
    fn slot(&self, fingerprint: u64) -> &Slot {
        let place = (fingerprint >> (64 - SLOTS.ilog2())) as usize;
        let ways = &self.slots[place & !(WAYS - 1)..][..WAYS];
        let first = |is_it: fn(&Slot, u64) -> bool| ways.iter().find(|slot| is_it(slot, fingerprint));
        first(|slot, fingerprint| slot.kept.get() == fingerprint)
            .or_else(|| first(|slot, fingerprint| slot.fingerprint.get() == fingerprint))
            .or_else(|| first(|slot, _| slot.fingerprint.get() == 0))
            .or_else(|| first(|slot, _| slot.kept.get() == 0))
            .unwrap_or(&self.slots[place])
    }

    /// Keeps what came of opcodes.
    fn keep(&self, slot: &Slot, fingerprint: u64, known: Shared<Known>) {
        let len = known.opcodes.len();
        if self.held.get() + len > MOST {
            self.slots.iter().for_each(|slot| self.forget(slot));
        }
        self.held.set(self.held.get() + len);
        slot.kept.set(fingerprint);
        if let Some(old) = slot.known.replace(Some(known)) {
            self.held.set(self.held.get() - old.opcodes.len());
        }
    }

    fn forget(&self, slot: &Slot) {
        slot.kept.set(0);
        if let Some(known) = slot.known.take() {
            self.held.set(self.held.get() - known.opcodes.len());
        }
    }
}

impl Machine<'_, '_> {
    /// A MARK, above `types.CodeType`, and what follows up to the REDUCE. Says no, and nothing has happened, where that has
    /// to be done opcode by opcode.
    pub(super) fn code_again(&mut self) -> PyResult<bool> {
        if is_shared() || !self.lazy || self.kept.codes.heard.get() {
            return Ok(false);
        }
        let Some(start) = self.memo.next_number().filter(|start| *start <= FARTHEST) else { return Ok(false) };
        let (cursor, end) = self.input.window();
        // SAFETY: the window.
        let data = unsafe { std::slice::from_raw_parts(cursor, end as usize - cursor as usize) };
        let Some(fingerprint) = fingerprint(data, start) else { return Ok(false) };
        let slot = self.kept.codes.slot(fingerprint);
        let known = slot.known.take();
        let usable = known.as_ref().filter(|known| known.is_usable(data, start, &self.memo)).cloned();
        let is_taken = known.is_some();
        slot.known.set(known);
        if let Some(known) = usable {
            slot.wait.set(PATIENCE);
            for call in &known.calls {
                let audited = audit(tuple_items(known.memoised[*call].as_ptr()), &self.kept.codes.heard);
                audited.map_err(|raised| self.needed_by_one_below(raised, self.stack.len() - 1))?;
            }
            return self.take_over(&known).map(|()| true);
        }
        if slot.fingerprint.replace(fingerprint) != fingerprint && !is_taken {
            slot.wait.set(SEEN);
        }
        let wait = slot.wait.get();
        if wait > 0 {
            slot.wait.set(wait - 1);
            return Ok(false);
        }
        slot.wait.set(LONG_PATIENCE);
        let Some(span) = Span::of(data, start)? else { return Ok(false) };
        let known = match Known::make(&self.memo, &data[..span.len], start, &span) {
            Ok(Some(known)) => known,
            Ok(None) => return Ok(false),
            Err(raised) if self.kept.codes.heard.get() => return Err(raised),
            // What is wrong is wrong in other words when it is done opcode by opcode.
            Err(Raised) => {
                clear();
                return Ok(false);
            }
        };
        self.take_over(&known)?;
        if !self.kept.codes.heard.get() {
            slot.wait.set(PATIENCE);
            self.kept.codes.keep(slot, fingerprint, known);
        }
        Ok(true)
    }

    /// What came of opcodes goes where they would have put it.
    fn take_over(&mut self, known: &Known) -> PyResult<()> {
        self.memo.memoize_all(known.memoised.iter().map(Owned::as_ptr))?;
        drop(self.stack.replace(self.stack.len() - 1, known.code.clone()));
        self.input.skip(known.opcodes.len());
        Ok(())
    }
}

impl Known {
    /// Does what opcodes say, with what they ask the memo for. None where that cannot be done by themselves.
    fn make(memo: &Memo, opcodes: &[u8], start: usize, span: &Span) -> PyResult<Option<Shared<Self>>> {
        let mut pickle = gather(opcodes.iter().copied())?;
        pickle.try_push(op::STOP)?;
        let mut counts = Vec::new();
        for number in &span.before {
            let Some(object) = memo.get_near(*number) else { return Ok(None) };
            // Nothing else is called.
            if !is_code_type(object) && !is_text(object) && type_of(object).cast_const() != &raw const PyBytes_Type {
                return Ok(None);
            }
            counts.try_push((*number, object, count(object)))?;
        }
        let mut machine = Machine::new(Input::of_memory(&pickle), Options::default())?;
        machine.memo.promise(start)?;
        for (number, object, _) in &counts {
            machine.memo.fulfil(*number, Owned::of(*object));
        }
        // SAFETY: a static type.
        machine.push(Owned::of((&raw mut PyCode_Type).cast()))?;
        let (code, _) = machine.load(&mut Report::default())?;
        let made = machine.memo.entries().filter(|(number, _)| *number >= start);
        let memoised = gather(made.map(|(_, object)| Owned::of(object)))?;
        drop(machine);
        pickle.pop();
        let calls = gather(span.calls.iter().map(|number| number - start))?;
        let before = try_gather(counts.into_iter().map(|(number, object, holders)| {
            let what = match is_text(object).then(|| chars(object)) {
                Some(Chars::Ascii(text)) if holders < IMMORTAL && holders == count(object) => {
                    Asked::Text(gather(text.iter().copied())?)
                }
                _ => Asked::Is(Owned::of(object)),
            };
            Ok(Before { number, what })
        }))?;
        Ok(Some(Shared::new(Self { opcodes: pickle, start, before, memoised, calls, code })?))
    }

    /// The code objects that the opcodes make.
    fn codes(&self) -> impl Iterator<Item = *mut PyObject> {
        let inner = self.memoised.iter().map(Owned::as_ptr).filter(|object| is_code(*object));
        inner.chain([self.code.as_ptr()])
    }

    /// Are these the opcodes, and would they make what they made?
    fn is_usable(&self, data: &[u8], start: usize, memo: &Memo) -> bool {
        start == self.start
            && data.starts_with(&self.opcodes)
            && self.before.iter().all(|before| before.is_in(memo))
            && self.codes().all(|code| code::fields(code).has_no_extras())
    }
}

impl Before {
    fn is_in(&self, memo: &Memo) -> bool {
        let Some(object) = memo.get_near(self.number) else { return false };
        match &self.what {
            Asked::Is(known) => known.as_ptr() == object,
            Asked::Text(text) => is_text(object) && matches!(chars(object), Chars::Ascii(there) if there == text),
        }
    }
}

fn is_code_type(object: *mut PyObject) -> bool {
    object == (&raw mut PyCode_Type).cast()
}

fn is_text(object: *mut PyObject) -> bool {
    type_of(object).cast_const() == &raw const PyUnicode_Type
}

/// Tells opcodes apart by what they begin with.
#[inline]
fn fingerprint(data: &[u8], start: usize) -> Option<u64> {
    let mut mixed = start as u64;
    for chunk in data.get(..8 * WORDS)?.chunks_exact(8) {
        // SAFETY: eight bytes.
        mixed = (mixed ^ unsafe { word(chunk.as_ptr()) }).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }
    Some(mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}
