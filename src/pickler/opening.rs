//! How a stencil is written where a pickle has hardly begun: its bytes and what it memoises are known beforehand.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::commons::CommonNumbers;
use super::engine::Pickler;
use super::memo::{LEFT_OUT, Memo};
use super::stencil::{Given, LONGEST_GET, Mark};
use super::table::{Image, is_entered};
use crate::protocol::opcode::{BINGET, LONG_BINGET};
use crate::py::error::{PyResult, no_memory};
use crate::py::vec::{TryPush, try_box};

/// Behind more numbers than these each object of a stencil is looked up.
const MOST_BEFORE: usize = 16;

/// What a stencil writes and memoises where none of its objects has a number yet: at the beginning of a pickle, and behind
/// that many numbers which it was behind first.
#[derive(Default)]
pub struct Openings {
    first: Opening,
    behind: OnceLock<Box<Opening>>,
}

impl Openings {
    pub(super) fn of(bytes: &[u8], marks: &[Mark]) -> PyResult<Box<Self>> {
        try_box(Self { first: Opening::behind(0, bytes, marks)?, behind: OnceLock::new() })
    }

    /// What there is behind so many numbers, of a stencil of these bytes and marks.
    fn behind(&self, before: usize, bytes: &[u8], marks: &[Mark]) -> PyResult<Option<&Opening>> {
        if before == 0 {
            return Ok(Some(&self.first));
        }
        if self.behind.get().is_none() {
            let _ = self.behind.set(try_box(Opening::behind(before, bytes, marks)?)?);
        }
        Ok(self.behind.get().map(|opening| &**opening).filter(|opening| opening.before == before))
    }
}

#[derive(Default)]
pub(super) struct Opening {
    bytes: Vec<u8>,
    /// So many numbers were given before.
    before: usize,
    /// The addresses by number, from there on; 0 for what exists on paper only, and for what is another each time.
    log: Vec<usize>,
    /// The number of the object that is built, and of what is known by a key.
    built: usize,
    shared: usize,
    /// The numbers of objects that only one holder refers to, as far as there are any.
    alone: [Option<usize>; 2],
    /// What the table has then, but for what is given.
    table: Image,
    /// The numbers of those that have places.
    common: CommonNumbers,
}

impl Opening {
    #[cold]
    fn behind(before: usize, bytes: &[u8], marks: &[Mark]) -> PyResult<Self> {
        let mut opening = Self { before, ..Self::default() };
        opening.bytes.try_room(bytes.len() + marks.len() * LONGEST_GET)?;
        let mut numbers = HashMap::new();
        let mut from = 0;
        let mut rest = marks.iter();
        while let Some(mark) = rest.next() {
            let next = before + opening.log.len();
            let (number, at, end) = match *mark {
                Mark::Leaf { object, at, end } | Mark::CommonLeaf { object, at, end, .. } => {
                    match numbers.get(&object) {
                        Some(number) => (*number, at, end),
                        None => {
                            if let Mark::CommonLeaf { common, .. } = *mark {
                                opening.common.set(common, next);
                            }
                            numbers.try_reserve(1).map_err(|_| no_memory())?;
                            numbers.insert(object, next);
                            opening.log.try_push(object as usize)?;
                            continue;
                        }
                    }
                }
                Mark::Open { object, at, end, close } | Mark::CommonOpen { object, at, end, close, .. } => {
                    let Some(number) = numbers.get(&object) else { continue };
                    rest = marks[close as usize + 1..].iter();
                    (*number, at, end)
                }
                Mark::Known { object, at } => (numbers[&object], at, at),
                Mark::TheBuilt { at } => (opening.built, at, at),
                Mark::Close { object } => {
                    numbers.try_reserve(1).map_err(|_| no_memory())?;
                    numbers.insert(object, next);
                    opening.log.try_push(object as usize)?;
                    continue;
                }
                Mark::Paper | Mark::Shared { .. } | Mark::Built | Mark::Alone { .. } => {
                    match *mark {
                        Mark::Shared { .. } => opening.shared = next,
                        Mark::Built => opening.built = next,
                        Mark::Alone { which } => opening.alone[which as usize] = Some(next),
                        _ => {}
                    }
                    opening.log.try_push(0)?;
                    continue;
                }
            };
            opening.bytes.extend_from_slice(&bytes[from..at as usize]);
            opening.reference(number);
            from = end as usize;
        }
        opening.bytes.extend_from_slice(&bytes[from..]);
        opening.table = Image::of(&opening.log, before)?;
        Ok(opening)
    }

    /// There is room.
    fn reference(&mut self, number: usize) {
        match u8::try_from(number) {
            Ok(number) => self.bytes.extend_from_slice(&[BINGET, number]),
            Err(_) => {
                self.bytes.push(LONG_BINGET);
                self.bytes.extend_from_slice(&(number as u32).to_le_bytes());
            }
        }
    }
}

impl Pickler<'_> {
    /// Has this pickle hardly begun?
    #[inline(always)]
    pub(super) fn opens(&self) -> bool {
        self.memo.next() <= MOST_BEFORE && !self.memo.is_published()
    }

    /// Writes a stencil of these bytes and marks where a pickle has hardly begun, for which there is room; false, and nothing
    /// is written, if something of it was met before.
    #[inline(never)]
    pub(super) fn open(&mut self, openings: &Openings, bytes: &[u8], marks: &[Mark], given: Given) -> PyResult<bool> {
        let Some(opening) = openings.behind(self.memo.next(), bytes, marks)? else { return Ok(false) };
        let is_open = self.memo.open(opening, given)?;
        if is_open {
            self.out.bytes(&opening.bytes);
        }
        Ok(is_open)
    }
}

impl Memo {
    /// Takes over what an opening memoises, with what is given; false if something has a number already.
    #[inline(always)]
    fn open(&mut self, opening: &Opening, given: Given) -> PyResult<bool> {
        let before = opening.before;
        debug_assert!(self.log.len() == before);
        if !self.table.takes_image() || before != 0 && self.has_met(opening, given) {
            return Ok(false);
        }
        self.log.room(opening.log.len())?;
        self.table.prepare(&self.log, &opening.table)?;
        self.log.extend(&opening.log)?;
        self.table.begin_with(&self.log, &opening.table);
        self.table.enter_aside(&self.log, given.shared, opening.shared)?;
        // Others with places, of which the table knows, are looked up again.
        self.common = opening.common;
        self.last_key = (given.shared, opening.shared);
        self.log[opening.built] = given.built as usize;
        self.table.enter(&self.log, given.built as usize, opening.built);
        for (at, alone) in opening.alone.into_iter().zip(given.alone) {
            if let (Some(at), false) = (at, alone.is_null()) {
                self.log[at] = alone as usize | LEFT_OUT;
            }
        }
        Ok(true)
    }

    /// Has something that an opening memoises a number?
    fn has_met(&self, opening: &Opening, given: Given) -> bool {
        self.log.iter().any(|entry| is_entered(*entry) && opening.table.has(&opening.log, *entry))
            || self.get_key(given.shared).is_some()
    }
}
