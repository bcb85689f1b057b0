//! What the instances of one class have in common in a pickle, once it has had the class and the names of the attributes.

use pyo3_ffi::PyTypeObject;

use crate::protocol::opcode::*;
use crate::py::dict::SharedKeys;
use crate::py::error::PyResult;
use crate::py::vec::TryPush;

/// The bytes up to the first attribute, at most.
pub const HEAD: usize = 16;

/// More keys are not shared (`SHARED_KEYS_MAX_SIZE` in `internal/pycore_dict.h`).
const KEYS: usize = 30;

/// Opcodes, and how many bytes they take.
type Written<const N: usize> = ([u8; N], usize);

#[derive(Clone, Copy)]
struct Mould {
    class: *mut PyTypeObject,
    keys: SharedKeys,
    head: Written<HEAD>,
    /// By index among the keys: BINGET of the key in the lower bytes, its length in the highest; 0 if not known yet.
    gets: [u64; KEYS],
}

/// Those of the classes that came last.
#[derive(Default)]
pub struct Moulds(Vec<Mould>);

/// A power of two.
const MOULDS: usize = 8;

impl Moulds {
    /// Forgets all: numbers are those of one dump.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    fn place(class: *mut PyTypeObject) -> usize {
        (class as usize >> 4 ^ class as usize >> 10) & (MOULDS - 1)
    }

    /// The place of the mould of a class.
    #[inline(always)]
    pub fn of(&self, class: *mut PyTypeObject, keys: SharedKeys) -> Option<usize> {
        let place = Self::place(class);
        self.0.get(place).filter(|mould| mould.class == class && mould.keys.are_those_of(keys)).map(|_| place)
    }

    /// Makes the mould of a class that has this number.
    #[cold]
    pub fn make(&mut self, class: *mut PyTypeObject, keys: SharedKeys, number: usize) -> PyResult<()> {
        let mut head = [0; HEAD];
        let (get, len) = get(number);
        head[..len].copy_from_slice(&get[..len]);
        let rest = [EMPTY_TUPLE, NEWOBJ, MEMOIZE, EMPTY_DICT, MEMOIZE];
        head[len..len + rest.len()].copy_from_slice(&rest);
        let mould = Mould { class, keys, head: (head, len + rest.len()), gets: [0; KEYS] };
        if self.0.is_empty() {
            self.0.try_room(MOULDS)?;
            self.0.resize(MOULDS, Mould { class: std::ptr::null_mut(), ..mould });
        }
        self.0[Self::place(class)] = mould;
        Ok(())
    }

    /// The class, an instance of it, and the dict of its attributes.
    #[inline(always)]
    pub fn head(&self, place: usize) -> Written<HEAD> {
        self.0[place].head
    }

    /// A key, if it is known.
    #[inline(always)]
    pub fn get(&self, place: usize, index: usize) -> Option<Written<8>> {
        let get = *self.0[place].gets.get(index)?;
        (get != 0).then(|| (get.to_le_bytes(), (get >> 56) as usize))
    }

    /// Keeps the number of a key.
    pub fn keep(&mut self, place: usize, index: usize, number: usize) {
        let (mut bytes, len) = get(number);
        bytes[7] = len as u8;
        if let Some(get) = self.0[place].gets.get_mut(index) {
            *get = u64::from_le_bytes(bytes);
        }
    }
}

fn get(number: usize) -> Written<8> {
    let n = (number as u32).to_le_bytes();
    if number < 256 {
        ([BINGET, n[0], 0, 0, 0, 0, 0, 0], 2)
    } else {
        ([LONG_BINGET, n[0], n[1], n[2], n[3], 0, 0, 0], 5)
    }
}
