//! The call that makes a class which goes by value.

use pyo3_ffi::*;

use super::class_state::ClassState;
use super::class_stencil::ClassStencil;
use super::members::Members;
use crate::pickler::plan::{Place, Plan};
use crate::protocol::wire::Wire;
use crate::py::error::PyResult;
use crate::py::layout::type_of;
use crate::py::owned::Owned;
use crate::py::vec::gather;

/// What a class is made with, but for its metaclass and its bases.
pub struct Head {
    pub name: Owned,
    pub module: Option<Owned>,
    /// A property in the place of the class's own `__dict__`.
    pub dict: Option<Owned>,
    /// The id under which the class is tracked.
    pub id: Owned,
    /// The bases are those that the class was written with: `__orig_bases__`.
    pub is_generic: bool,
    /// The qualified name and the members of an enumeration.
    pub members: Option<(Owned, Members)>,
}

impl Head {
    pub fn try_clone(&self) -> PyResult<Self> {
        let members = match &self.members {
            None => None,
            Some((qualname, members)) => Some((qualname.clone(), gather(members.iter().cloned())?)),
        };
        let (name, module, dict, id) = (self.name.clone(), self.module.clone(), self.dict.clone(), self.id.clone());
        Ok(Self { name, module, dict, id, is_generic: self.is_generic, members })
    }

    /// What is called to make it.
    pub fn maker(&self) -> Wire {
        if self.members.is_some() { Wire::MakeSkeletonEnum } else { Wire::MakeSkeletonClass }
    }

    /// How many arguments that takes.
    pub fn arguments(&self) -> usize {
        if self.members.is_some() { 7 } else { 6 }
    }

    /// (_make_skeleton_class, (metaclass, name, bases, type keyword arguments, tracker id, None), state, _class_setstate), or
    /// (_make_skeleton_enum, (bases, name, qualified name, members, module, tracker id, None), state, _class_setstate)
    ///
    /// What a stencil has of it is copied, if it is given; the head is the stencil's then.
    pub fn describe(
        &self,
        p: &mut Plan<'_, '_>,
        class: *mut PyObject,
        bases: Owned,
        state: ClassState,
        stencil: Option<&ClassStencil>,
    ) -> PyResult<()> {
        let arguments = stencil.map_or(&[][..], |stencil| &stencil.arguments);
        let copied = |p: &mut Plan<'_, '_>, at: usize| arguments.get(at).map_or(Ok(false), |piece| p.stencil(piece));
        if !copied(p, 0)? {
            p.wire(self.maker())?;
            p.tuple(self.arguments())?;
        }
        let is_class = self.members.is_none();
        if is_class {
            p.object(type_of(class).cast(), Place::NamedPart(0, &"__class__"))?;
            if !copied(p, 1)? {
                p.object(self.name.as_ptr(), Place::Part(1))?;
            }
        }
        let attribute = if self.is_generic { &"__orig_bases__" } else { &"__bases__" };
        p.owned(bases, Place::NamedPart(if is_class { 2 } else { 0 }, attribute))?;
        match stencil {
            Some(stencil) => state.write_pieces(p, class, self, &stencil.rest),
            None => {
                self.make(p, class)?;
                state.write(p, class)
            }
        }
    }

    /// Makes the class, whose bases are there.
    pub fn make(&self, p: &mut Plan<'_, '_>, class: *mut PyObject) -> PyResult<()> {
        match &self.members {
            None => {
                self.write_keywords(p)?;
                p.object(self.id.as_ptr(), Place::Part(4))?;
            }
            Some((qualname, members)) => {
                p.object(self.name.as_ptr(), Place::Part(1))?;
                p.object(qualname.as_ptr(), Place::Part(2))?;
                write_members(p, members)?;
                if let Some(module) = &self.module {
                    p.object(module.as_ptr(), Place::Part(4))?;
                }
                p.object(self.id.as_ptr(), Place::Part(5))?;
            }
        }
        p.none()?;
        p.tuple_end(self.arguments())?;
        p.reduce(class)
    }

    fn write_keywords(&self, p: &mut Plan<'_, '_>) -> PyResult<()> {
        let names = &p.pickler().state.names;
        let keywords = [(&names.module, &self.module), (&names.dict, &self.dict)];
        let mut dict = p.dict(keywords.iter().filter(|(_, value)| value.is_some()).count())?;
        for (name, value) in keywords {
            let Some(value) = value else { continue };
            dict.next(p)?;
            p.part(name.as_ptr(), Place::Hidden)?;
            p.object(value.as_ptr(), Place::Entry(3, name.as_ptr()))?;
        }
        dict.end(p)
    }
}

fn write_members(p: &mut Plan<'_, '_>, members: &Members) -> PyResult<()> {
    let mut dict = p.dict(members.len())?;
    for (name, value) in members {
        dict.next(p)?;
        p.object(name.as_ptr(), Place::Hidden)?;
        p.object(value.as_ptr(), Place::Entry(3, name.as_ptr()))?;
    }
    dict.end(p)
}
