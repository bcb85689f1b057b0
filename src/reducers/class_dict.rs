//! What a class has in its dict (cloudpickle's `_extract_class_dict`).

use std::cmp::Ordering;

use pyo3_ffi::*;

use super::class_order::{KnownState, Orders};
use super::class_state::StateKind;
use super::joined::{is_plain, join};
use crate::analyzer::metaclass::has_types_own;
use crate::pickler::engine::Pickler;
use crate::pickler::plan::{Place, Plan};
use crate::py::class::{given_version, heap_fields, lasting_version, own_dict};
use crate::py::error::{self, PyResult, Raised, check};
use crate::py::layout::{Chars, chars, is_interned, tuple_items, type_of};
use crate::py::number::from_i64;
use crate::py::object::{attr, call1, dict_get, item};
use crate::py::owned::Owned;
use crate::py::shared::Shared;
use crate::py::vec::{TryPush, gather};
use crate::py::words;
use crate::state::State;

/// The members of a class in the order of their names, without those that are the very objects that it inherits.
pub struct ClassDict {
    members: Vec<Member>,
    order: Order,
    /// The member whose value is another one.
    replaced: Option<usize>,
    /// The class's version for which the order is not kept yet; 0 if it is, or cannot be.
    unkept: u32,
}

/// The members of a class's state that is known.
pub struct OfState {
    pub dict: ClassDict,
    /// What the class keeps about its subclasses, if it is an ABC.
    pub abc_impl: Option<*mut PyObject>,
    pub kept: Shared<KnownState>,
}

/// How a member is found by its name.
#[derive(Clone, Copy)]
pub(super) enum Order {
    /// They are in the order of the names, all of which are interned: the same object or none.
    OfInterned,
    /// They are in the order of the names.
    Sorted,
    /// They are not: keys that are no `str` were made names.
    None,
}

pub struct Member {
    /// A `str`.
    pub name: Owned,
    /// Was it made of a key that is no exact `str`? Then it is written itself, otherwise its characters in a new one.
    is_made: bool,
    value: Owned,
    is_gone: bool,
    /// See [`beginning`]; 0 while it is not known.
    beginning: u64,
    /// Where it lies among the entries of the class's dict.
    pub(super) place: usize,
}

impl Member {
    pub(super) fn plain(name: *mut PyObject, value: *mut PyObject, place: usize) -> Self {
        Self { name: Owned::of(name), is_made: false, value: Owned::of(value), is_gone: false, beginning: 0, place }
    }

    pub fn value(&self) -> *mut PyObject {
        self.value.as_ptr()
    }
}

impl ClassDict {
    pub fn of(pickler: &mut Pickler<'_>, class: *mut PyObject) -> PyResult<Self> {
        if let Some(dict) = Self::of_plain(pickler.state, class)? {
            return Ok(dict);
        }
        pickler.foreign()?;
        Self::of_any(pickler.state, class)
    }

    /// Without foreign code; None if that can't be.
    fn of_plain(state: &State, class: *mut PyObject) -> PyResult<Option<Self>> {
        let Some(bases) = plain_bases(state, class)? else { return Ok(None) };
        given_version(class.cast(), state.names.module.as_ptr());
        let (orders, version) = (Orders::of(state)?, lasting_version(class.cast()));
        if let Some((members, order)) = orders.members(class, version)? {
            return Ok(Some(Self { members, order, replaced: None, unkept: 0 }));
        }
        let inherited = gather(tuple_items(bases.as_ptr()).iter().map(|base| own_dict(*base)))?;
        let dict = own_dict(class);
        // Other threads may change it.
        #[cfg(Py_GIL_DISABLED)]
        let dict = crate::py::contended::copy_of(dict.as_ptr())?;
        let mut members = vec![];
        // SAFETY: a live dict.
        members.try_room(unsafe { PyDict_Size(dict.as_ptr()) } as usize)?;
        let (mut name, mut value, mut position) = (std::ptr::null_mut(), std::ptr::null_mut(), 0);
        // SAFETY: a live dict, which nothing changes meanwhile.
        while unsafe { PyDict_Next(dict.as_ptr(), &mut position, &mut name, &mut value) } != 0 {
            if !is_plain(name) {
                return Ok(None);
            }
            // What a base further to the left has hides what the others have.
            let mut above = None;
            for base in &inherited {
                above = dict_get(base.as_ptr(), name)?;
                if above.is_some() {
                    break;
                }
            }
            if above.is_none_or(|above| above.as_ptr() != value) {
                members.push(Member::plain(name, value, position as usize - 1));
            }
        }
        sort(&mut members);
        let interned = members.iter().all(|member| is_interned(member.name.as_ptr()));
        let order = if interned { Order::OfInterned } else { Order::Sorted };
        Ok(Some(Self { members, order, replaced: None, unkept: version }))
    }

    /// Those that are in the state of a class, if they are known.
    pub fn of_state(state: &State, class: *mut PyObject, kind: StateKind) -> PyResult<Option<OfState>> {
        let Some(known) = Orders::of(state)?.state_members(class, kind)? else { return Ok(None) };
        if plain_bases(state, class)?.is_none() {
            return Ok(None);
        }
        let dict = Self { members: known.members, order: known.order, replaced: None, unkept: 0 };
        Ok(Some(OfState { dict, abc_impl: known.abc_impl, kept: known.kept }))
    }

    /// Those that are left.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| !member.is_gone)
    }

    /// Keeps the order of all of them, if it is not kept yet.
    pub fn keep(&self, state: &State, class: *mut PyObject) -> PyResult<()> {
        Orders::of(state)?.keep(class, self.unkept, &self.members, self.order)
    }

    /// Keeps those that are left as the ones that are in the state of the class, an ABC if what it keeps about its subclasses
    /// is given and where that lay.
    pub fn keep_state(
        &self,
        state: &State,
        class: *mut PyObject,
        kind: StateKind,
        abc_impl: Option<(*mut PyObject, usize)>,
    ) -> PyResult<()> {
        let left = gather(self.members())?;
        Orders::of(state)?.keep_state(class, kind, &left, self.order, abc_impl)
    }

    /// The same in the words of Python.
    fn of_any(state: &State, class: *mut PyObject) -> PyResult<Self> {
        let names = &state.names;
        let mut members: Vec<Member> = vec![];
        // SAFETY: each call takes live objects, and gives a new reference or raises.
        unsafe {
            let keys = Owned::new(PySequence_List(attr(class, names.dict.as_ptr())?.as_ptr()))?;
            check(PyList_Sort(keys.as_ptr()))?;
            for position in 0..PyList_Size(keys.as_ptr()) {
                let key = Owned::of(PyList_GetItem(keys.as_ptr(), position));
                let is_made = !is_plain(key.as_ptr());
                let name = join(key.as_ptr())?;
                // Asked for each key, as often as cloudpickle asks: the metaclass may notice.
                let value = item(attr(class, names.dict.as_ptr())?.as_ptr(), key.as_ptr())?;
                match members.iter_mut().find(|member| compare(member.name.as_ptr(), name.as_ptr()).is_eq()) {
                    Some(member) => member.value = value,
                    None => {
                        members.try_push(Member { name, is_made, value, is_gone: false, beginning: 0, place: 0 })?
                    }
                }
            }
            let bases = || attr(class, names.bases.as_ptr());
            let dict_of = |base: Owned| attr(base.as_ptr(), names.dict.as_ptr());
            let count = PyObject_Size(bases()?.as_ptr());
            if count < 0 {
                return Err(Raised);
            }
            let inherited = if count == 1 {
                dict_of(item(bases()?.as_ptr(), from_i64(0)?.as_ptr())?)?
            } else {
                let all = Owned::new(PyDict_New())?;
                let reversed = call1((&raw mut PyReversed_Type).cast(), bases()?.as_ptr())?;
                while let Some(base) = Owned::new_or_none(PyIter_Next(reversed.as_ptr())) {
                    check(PyDict_Update(all.as_ptr(), dict_of(base)?.as_ptr()))?;
                }
                if error::occurred() {
                    return Err(Raised);
                }
                all
            };
            for member in &mut members {
                match item(inherited.as_ptr(), member.name.as_ptr()) {
                    Ok(above) => member.is_gone = above.as_ptr() == member.value.as_ptr(),
                    Err(_) if error::matches(PyExc_KeyError) => error::clear(),
                    Err(raised) => return Err(raised),
                }
            }
        }
        Ok(Self { members, order: Order::None, replaced: None, unkept: 0 })
    }

    /// The member of a name, an exact `str`.
    pub fn get(&self, name: *mut PyObject) -> Option<*mut PyObject> {
        self.find(name).map(|at| self.members[at].value.as_ptr())
    }

    /// The same, and where it lies among the entries of the class's dict.
    pub fn get_at(&self, name: *mut PyObject) -> Option<(*mut PyObject, usize)> {
        self.find(name).map(|at| (self.members[at].value.as_ptr(), self.members[at].place))
    }

    /// Keeps the place of a member for [`ClassDict::write`] to fill; false if there is none of this name.
    pub fn replace(&mut self, name: *mut PyObject) -> bool {
        self.replaced = self.find(name);
        self.replaced.is_some()
    }

    /// Leaves a member out; false if there is none of this name.
    pub fn pop(&mut self, name: *mut PyObject) -> bool {
        let found = self.find(name);
        if let Some(at) = found {
            self.members[at].is_gone = true;
        }
        found.is_some()
    }

    fn find(&self, name: *mut PyObject) -> Option<usize> {
        let at = match self.order {
            Order::OfInterned if is_interned(name) => self.members.iter().position(|it| it.name.as_ptr() == name)?,
            Order::None => self.members.iter().position(|it| compare(it.name.as_ptr(), name).is_eq())?,
            _ => self.members.binary_search_by(|it| compare(it.name.as_ptr(), name)).ok()?,
        };
        (!self.members[at].is_gone).then_some(at)
    }

    /// The number of members.
    pub fn len(&self) -> usize {
        self.members().count()
    }

    /// Describes the members, each by `next` and the pair; the value of the one that was replaced by `other`.
    pub fn write(
        self,
        plan: &mut Plan<'_, '_>,
        class: *mut PyObject,
        mut next: impl FnMut(&mut Plan<'_, '_>) -> PyResult<()>,
        mut other: impl FnMut(&mut Plan<'_, '_>) -> PyResult<()>,
    ) -> PyResult<()> {
        let dict = own_dict(class);
        let dict_ptr = dict.as_ptr();
        drop(dict);
        let is_part = plan.lends(dict_ptr)?;
        for (at, member) in self.members.into_iter().enumerate().filter(|(_, member)| !member.is_gone) {
            next(plan)?;
            if member.is_made {
                plan.object(member.name.as_ptr(), Place::Hidden)?;
            } else {
                plan.fresh_text(member.name.as_ptr())?;
            }
            if self.replaced == Some(at) {
                other(plan)?;
                continue;
            }
            plan.lent(member.value.as_ptr(), is_part, Place::Attribute(member.name.as_ptr()))?;
        }
        Ok(())
    }
}

/// The bases of a class whose dict, and theirs, are had without foreign code; None if they are not.
fn plain_bases(state: &State, class: *mut PyObject) -> PyResult<Option<Owned>> {
    let (names, metaclass) = (&state.names, type_of(class));
    let plain = |metaclass: *mut PyTypeObject| has_types_own(state, metaclass, &names.dict);
    if !plain(metaclass) || !has_types_own(state, metaclass, &names.bases) {
        return Ok(None);
    }
    let bases = match heap_fields(class) {
        // SAFETY: a heap type, which is laid out like this and holds its bases.
        Some(fields) => Owned::of(unsafe { (*fields).ht_type.tp_bases }),
        None => attr(class, names.bases.as_ptr())?,
    };
    let mut others = tuple_items(bases.as_ptr()).iter().map(|base| type_of(*base)).filter(|other| *other != metaclass);
    let are_plain = others.all(plain);
    Ok(are_plain.then_some(bases))
}

/// Sorts members by their names, most of which differ in the first eight characters.
fn sort(members: &mut [Member]) {
    let all_ascii = members.iter().all(|member| matches!(chars(member.name.as_ptr()), Chars::Ascii(_)));
    for member in members.iter_mut().filter(|_| all_ascii) {
        member.beginning = beginning(member.name.as_ptr());
    }
    members.sort_unstable_by(|left, right| match left.beginning.cmp(&right.beginning) {
        Ordering::Equal => compare(left.name.as_ptr(), right.name.as_ptr()),
        differ => differ,
    });
}

/// The first characters of an ASCII `str` as a number of the same order.
fn beginning(name: *mut PyObject) -> u64 {
    let Chars::Ascii(text) = chars(name) else { return 0 };
    if let Some(whole) = text.first_chunk() {
        return u64::from_be_bytes(*whole);
    }
    let mut padded = [0; 8];
    // SAFETY: there is room for eight bytes, and there are fewer.
    unsafe { words::copy(text, padded.as_mut_ptr()) };
    u64::from_be_bytes(padded)
}

/// The order of two `str`.
fn compare(left: *mut PyObject, right: *mut PyObject) -> Ordering {
    if let (Chars::Ascii(left), Chars::Ascii(right)) = (chars(left), chars(right)) {
        return left.cmp(right);
    }
    // SAFETY: live str, for which the call does not fail.
    unsafe { PyUnicode_Compare(left, right) }.cmp(&0)
}
