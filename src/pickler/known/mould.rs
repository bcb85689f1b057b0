//! What the instances of one class have in common in a pickle, once it has had the class and the names of the attributes.

use std::ptr;

use pyo3_ffi::{PyObject, PyTypeObject};

use crate::protocol::opcode::*;
use crate::py::dict::{Entries, SharedKeys};
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
    /// Those that the instances share; None if they have dicts of their own.
    shared: Option<SharedKeys>,
    /// The keys of the last of these, which the pickle has had, so that the memo holds them if need be.
    own: [*mut PyObject; KEYS],
    /// How many of these there are; 0 where they are shared.
    size: usize,
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
        let is_same = |mould: &Mould| mould.shared.is_some_and(|shared| shared.are_those_of(keys));
        self.0.get(place).filter(|mould| mould.class == class && is_same(mould)).map(|_| place)
    }

    /// The place of the mould of a class whose last instance had these keys in a dict of its own.
    #[inline(always)]
    pub fn of_own(&self, class: *mut PyTypeObject, entries: &Entries, size: usize) -> Option<usize> {
        let place = Self::place(class);
        let mould = self.0.get(place).filter(|mould| mould.class == class)?;
        let mut position = 0;
        let mut is_same = |known: &*mut PyObject| entries.next(&mut position).is_some_and(|(key, _)| key == *known);
        (mould.size == size && mould.own[..size].iter().all(&mut is_same)).then_some(place)
    }

    /// Makes the mould of a class that has this number, of keys that instances share.
    #[cold]
    pub fn make(&mut self, class: *mut PyTypeObject, keys: SharedKeys, number: usize) -> PyResult<()> {
        self.put(Mould { shared: Some(keys), ..Mould::new(class, number) })
    }

    /// The same of keys in a dict of its own, none of which changes how the instance is reduced.
    #[cold]
    pub fn make_own(
        &mut self,
        class: *mut PyTypeObject,
        entries: &Entries,
        size: usize,
        number: usize,
    ) -> PyResult<()> {
        let mut mould = Mould { size, ..Mould::new(class, number) };
        let Some(own) = mould.own.get_mut(..size) else { return Ok(()) };
        let mut position = 0;
        for own in own {
            let Some((key, _)) = entries.next(&mut position) else { return Ok(()) };
            *own = key;
        }
        self.put(mould)
    }

    fn put(&mut self, mould: Mould) -> PyResult<()> {
        if self.0.is_empty() {
            self.0.try_room(MOULDS)?;
            self.0.resize(MOULDS, Mould { class: ptr::null_mut(), ..mould });
        }
        self.0[Self::place(mould.class)] = mould;
        Ok(())
    }

    /// The class, an instance of it, and the dict of its attributes.
    #[inline(always)]
    pub fn head(&self, place: usize) -> Written<HEAD> {
        self.0[place].head
    }

    /// A key, by its index among those that are shared or its place in the dict, if it is known.
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

impl Mould {
    /// The mould of a class that has this number, and of no keys.
    fn new(class: *mut PyTypeObject, number: usize) -> Self {
        let mut head = [0; HEAD];
        let (get, len) = get(number);
        head[..len].copy_from_slice(&get[..len]);
        let rest = [EMPTY_TUPLE, NEWOBJ, MEMOIZE, EMPTY_DICT, MEMOIZE];
        head[len..len + rest.len()].copy_from_slice(&rest);
        let head = (head, len + rest.len());
        Self { class, shared: None, own: [ptr::null_mut(); KEYS], size: 0, head, gets: [0; KEYS] }
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
