//! The opcodes that make a code object, read without doing what they say.

use crate::protocol::opcode as op;
use crate::py::error::PyResult;
use crate::py::vec::TryPush;

/// No more bytes are looked at.
const LONGEST: usize = 16 * 1024;

/// Opcodes from the MARK below the arguments of `types.CodeType` to the REDUCE. They make numbers and other constants,
/// `str`, `bytes`, tuples, frozensets and code objects, of which all but numbers go into the memo at once; nothing else
/// is called.
pub struct Span {
    /// In bytes.
    pub len: usize,
    /// What was memoised before and is asked for, each number once.
    pub before: Vec<usize>,
    /// The numbers of the tuples of arguments, in the order of the calls.
    pub calls: Vec<usize>,
}

/// What an opcode that was read leaves.
enum Made {
    Nothing,
    Constant,
    Memoised,
    /// Of what lies above the last mark.
    Tuple,
    Set,
    /// The object of a number.
    Known(usize),
}

impl Span {
    /// Of opcodes that begin there, where the memo gives `start` as its next number. None for others.
    pub fn of(data: &[u8], start: usize) -> PyResult<Option<Self>> {
        let mut rest = &data[..data.len().min(LONGEST)];
        let all = rest.len();
        let mut span = Self { len: 0, before: Vec::new(), calls: Vec::new() };
        let (mut depth, mut next) = (0, start);
        while let Some(made) = read(&mut rest) {
            match made {
                Made::Nothing => depth += 1,
                Made::Constant => {}
                Made::Known(number) if number >= next => return Ok(None),
                Made::Known(number) => {
                    if number < start && !span.before.contains(&number) {
                        span.before.try_push(number)?;
                    }
                }
                Made::Memoised | Made::Tuple | Made::Set => {
                    if !takes(&mut rest, op::MEMOIZE) {
                        return Ok(None);
                    }
                    next += 1;
                    if let Made::Memoised = made {
                        continue;
                    }
                    depth -= 1;
                    if matches!(made, Made::Tuple) && takes(&mut rest, op::REDUCE) {
                        span.calls.try_push(next - 1)?;
                        if depth == 0 {
                            span.len = all - rest.len();
                            return Ok(Some(span));
                        }
                        if !takes(&mut rest, op::MEMOIZE) {
                            return Ok(None);
                        }
                        next += 1;
                    }
                }
            }
            if depth == 0 {
                break;
            }
        }
        Ok(None)
    }
}

/// Reads an opcode and its argument. None for those that are not expected.
fn read(rest: &mut &[u8]) -> Option<Made> {
    let code = number(rest, 1)?;
    let (made, len) = match code as u8 {
        op::MARK => (Made::Nothing, 0),
        op::NONE | op::NEWTRUE | op::NEWFALSE | op::EMPTY_TUPLE => (Made::Constant, 0),
        op::BININT1 => (Made::Constant, 1),
        op::BININT2 => (Made::Constant, 2),
        op::BININT => (Made::Constant, 4),
        op::BINFLOAT => (Made::Constant, 8),
        op::LONG1 => (Made::Constant, number(rest, 1)?),
        op::SHORT_BINUNICODE | op::SHORT_BINBYTES => (Made::Memoised, number(rest, 1)?),
        op::BINUNICODE | op::BINBYTES => (Made::Memoised, number(rest, 4)?),
        op::TUPLE1 | op::TUPLE2 | op::TUPLE3 => (Made::Memoised, 0),
        op::TUPLE => (Made::Tuple, 0),
        op::FROZENSET => (Made::Set, 0),
        op::BINGET => (Made::Known(number(rest, 1)?), 0),
        op::LONG_BINGET => (Made::Known(number(rest, 4)?), 0),
        _ => return None,
    };
    *rest = rest.get(len..)?;
    Some(made)
}

/// A number of so many bytes.
fn number(rest: &mut &[u8], width: usize) -> Option<usize> {
    let (bytes, others) = rest.split_at_checked(width)?;
    *rest = others;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte)))
}

/// Is this the next opcode? Then it is read.
fn takes(rest: &mut &[u8], code: u8) -> bool {
    match rest.split_first() {
        Some((first, others)) if *first == code => {
            *rest = others;
            true
        }
        _ => false,
    }
}
