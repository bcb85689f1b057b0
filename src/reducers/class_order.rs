//! Which members a class has, in which order, and which of them are in its state, kept by the class's version: none of that
//! changes without it.

use std::sync::OnceLock;

use pyo3_ffi::*;

use super::class_dict::{Member, Order};
use super::class_state::StateKind;
use super::class_stencil::ClassStencil;
use crate::py::class::{lasting_version, own_dict};
use crate::py::dict::Entries;
use crate::py::error::PyResult;
use crate::py::layout::type_of;
use crate::py::owned::Owned;
use crate::py::remembered::Remembered;
use crate::py::shared::Shared;
use crate::py::vec::{TryPush, gather};
use crate::state::State;

/// What is known of the classes that came last, by their versions.
#[derive(Default)]
pub struct Orders {
    /// Their members without those that they inherit.
    members: Remembered<Known>,
    /// Those of them that are in the state.
    states: Remembered<KnownState>,
}

struct Known {
    /// How many entries the class's dict has, with those that were deleted.
    entries: usize,
    /// The names, in their order, and where they lie among the entries.
    names: Vec<(Owned, usize)>,
    order: Order,
}

/// What is known of a class's state.
pub struct KnownState {
    kind: StateKind,
    members: Known,
    /// The version of the metaclass, which had no say; 0 of `type`.
    metaclass: u32,
    abc_impl: Option<AbcImpl>,
    /// None if it cannot be cut.
    stencil: OnceLock<Option<Shared<ClassStencil>>>,
}

impl KnownState {
    pub(super) fn stencil(&self) -> Option<&Shared<ClassStencil>> {
        self.stencil.get().and_then(Option::as_ref)
    }

    /// Has nobody cut a stencil yet?
    pub(super) fn is_uncut(&self) -> bool {
        self.stencil.get().is_none()
    }

    pub(super) fn set_stencil(&self, stencil: Option<Shared<ClassStencil>>) {
        let _ = self.stencil.set(stencil);
    }
}

/// The members of a class's state.
pub(super) struct StateMembers {
    pub(super) members: Vec<Member>,
    pub(super) order: Order,
    /// What the class keeps about its subclasses, if it is an ABC.
    pub(super) abc_impl: Option<*mut PyObject>,
    pub(super) kept: Shared<KnownState>,
}

/// What an ABC keeps about its subclasses: where it lies among the entries, and its type.
struct AbcImpl {
    place: usize,
    ty: Owned,
}

impl Known {
    fn of<'m>(
        entries: &Entries,
        members: impl ExactSizeIterator<Item = &'m Member> + 'm,
        order: Order,
    ) -> PyResult<Self> {
        let names = gather(members.map(|member| (member.name.clone(), member.place)))?;
        Ok(Self { entries: entries.len(), names, order })
    }

    /// None if they are not there.
    fn members(&self, entries: &Entries) -> PyResult<Option<Vec<Member>>> {
        if entries.len() != self.entries {
            return Ok(None);
        }
        let mut members = vec![];
        members.try_room(self.names.len())?;
        for (name, place) in &self.names {
            match entries.get(*place) {
                Some((key, value)) if key == name.as_ptr() => members.push(Member::plain(key, value, *place)),
                _ => return Ok(None),
            }
        }
        Ok(Some(members))
    }
}

impl AbcImpl {
    /// As it is among the entries; None if it is another one.
    fn find(&self, entries: &Entries) -> Option<*mut PyObject> {
        let (_, data) = entries.get(self.place)?;
        (type_of(data).cast() == self.ty.as_ptr()).then_some(data)
    }
}

/// The version of a metaclass under which the state of its classes is kept; 0 of `type`. None if it has none.
fn metaclass_version(class: *mut PyObject) -> Option<u32> {
    let metaclass = type_of(class);
    if metaclass == &raw mut PyType_Type {
        return Some(0);
    }
    Some(lasting_version(metaclass)).filter(|version| *version != 0)
}

impl Orders {
    pub fn of(state: &State) -> PyResult<&Self> {
        state.class_orders.get(|| Ok(Self::default()))
    }

    /// The members of a class of which the order is known.
    pub(super) fn members(&self, class: *mut PyObject, version: u32) -> PyResult<Option<(Vec<Member>, Order)>> {
        if version == 0 {
            return Ok(None);
        }
        let Some(known) = self.members.get(version as usize) else { return Ok(None) };
        let Some(entries) = Entries::combined(own_dict(class).as_ptr()) else { return Ok(None) };
        Ok(known.members(&entries)?.map(|members| (members, known.order)))
    }

    /// Keeps the order of a class's members for as long as it has this version.
    pub(super) fn keep(&self, class: *mut PyObject, version: u32, members: &[Member], order: Order) -> PyResult<()> {
        let dict = own_dict(class);
        let Some(entries) = Entries::combined(dict.as_ptr()).filter(|_| version != 0) else { return Ok(()) };
        self.members.put(version as usize, Known::of(&entries, members.iter(), order)?).map(drop)
    }

    /// What is in the state of a class of which that is known.
    pub(super) fn state_members(&self, class: *mut PyObject, kind: StateKind) -> PyResult<Option<StateMembers>> {
        let version = lasting_version(class.cast());
        let Some(known) = self.states.get(version as usize).filter(|_| version != 0) else { return Ok(None) };
        if known.kind != kind || metaclass_version(class) != Some(known.metaclass) {
            return Ok(None);
        }
        let Some(entries) = Entries::combined(own_dict(class).as_ptr()) else { return Ok(None) };
        let data = match &known.abc_impl {
            None => None,
            Some(abc_impl) => match abc_impl.find(&entries) {
                None => return Ok(None),
                found => found,
            },
        };
        let Some(members) = known.members.members(&entries)? else { return Ok(None) };
        Ok(Some(StateMembers { members, order: known.members.order, abc_impl: data, kept: known }))
    }

    /// Keeps which members are in the state of a class.
    pub(super) fn keep_state(
        &self,
        class: *mut PyObject,
        kind: StateKind,
        members: &[&Member],
        order: Order,
        abc_impl: Option<(*mut PyObject, usize)>,
    ) -> PyResult<()> {
        let version = lasting_version(class.cast());
        let (Some(entries), Some(metaclass)) = (Entries::combined(own_dict(class).as_ptr()), metaclass_version(class))
        else {
            return Ok(());
        };
        if version == 0 {
            return Ok(());
        }
        let members = Known::of(&entries, members.iter().copied(), order)?;
        let abc_impl = abc_impl.map(|(data, place)| AbcImpl { place, ty: Owned::of(type_of(data).cast()) });
        self.states
            .put(version as usize, KnownState { kind, members, metaclass, abc_impl, stencil: OnceLock::new() })
            .map(drop)
    }
}
