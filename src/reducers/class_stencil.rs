//! What the pickles of one class have in common: cut once, kept with its state under its version, and copied. What the class
//! is made of, and values that are more than constants, are left out, and a piece goes on behind each.

use pyo3_ffi::*;

use super::class_dict::Member;
use super::class_head::Head;
use super::constants::{self, is_constant};
use super::function_state::cut_empty;
use super::members::Members;
use crate::pickler::cutter::Cutter;
use crate::pickler::engine::Pickler;
use crate::pickler::stencil::Stencil;
use crate::pickler::wires::Wires;
use crate::protocol::opcode::*;
use crate::protocol::wire::Wire;
use crate::py::class::heap_fields;
use crate::py::error::PyResult;
use crate::py::owned::Owned;
use crate::py::shared::Shared;
use crate::py::vec::TryPush;

/// A class with more members has no stencil.
const MOST: usize = 200;

/// A stretch of a class's pickle.
pub struct Piece {
    pub stencil: Stencil,
    /// It ends in front of the value of this member; of all of them: it ends the pickle.
    pub until: usize,
}

/// A stencil, and what a class must have for it, besides its version.
pub struct ClassStencil {
    wires: Shared<Wires>,
    /// What the class is made with.
    pub head: Head,
    /// Up to the metaclass, if there is one in between, and up to the bases.
    pub arguments: Vec<Stencil>,
    /// What follows. The first makes the class, and begins its state.
    pub rest: Vec<Piece>,
}

impl ClassStencil {
    /// Is the class still called so, and tracked under this id, and are these the members of an enumeration?
    pub fn fits(
        &self,
        pickler: &mut Pickler<'_>,
        class: *mut PyObject,
        id: &Owned,
        members: Option<&Members>,
    ) -> PyResult<bool> {
        let Some(fields) = heap_fields(class) else { return Ok(false) };
        // SAFETY: a heap type, which is laid out like this.
        let (name, qualname) = unsafe { ((*fields).ht_name, (*fields).ht_qualname) };
        let is_same = |(ours, theirs): (&(Owned, Owned), &(Owned, Owned))| {
            ours.0.as_ptr() == theirs.0.as_ptr() && ours.1.as_ptr() == theirs.1.as_ptr()
        };
        let has_members = match (&self.head.members, members) {
            (None, None) => true,
            (Some((own_name, ours)), Some(theirs)) => {
                own_name.as_ptr() == qualname && ours.len() == theirs.len() && ours.iter().zip(theirs).all(is_same)
            }
            _ => false,
        };
        Ok(has_members
            && self.head.name.as_ptr() == name
            && self.head.id.as_ptr() == id.as_ptr()
            && pickler.shared_wires()?.is(&self.wires))
    }

    /// None if it cannot be cut. `has_registry`: the class is an ABC with which nothing is registered.
    #[cold]
    pub fn cut(
        pickler: &mut Pickler<'_>,
        head: &Head,
        members: &[&Member],
        has_registry: bool,
    ) -> PyResult<Option<Self>> {
        let named = head.members.as_ref().map_or(0, |(_, members)| members.len());
        if cfg!(Py_GIL_DISABLED) || head.is_generic || head.dict.is_some() || members.len().max(named) > MOST {
            return Ok(None);
        }
        let wires = pickler.shared_wires()?.clone();
        let mut arguments = vec![];
        let mut cutter = Cutter::new()?;
        if !wires.cut(&mut cutter, head.maker())? {
            return Ok(None);
        }
        cutter.tuple(head.arguments())?;
        if head.members.is_none() {
            let Some(cut) = next(&mut cutter)? else { return Ok(None) };
            arguments.try_push(cut)?;
            if !cutter.text(head.name.as_ptr())? {
                return Ok(None);
            }
        }
        let Some(cut) = next(&mut cutter)? else { return Ok(None) };
        arguments.try_push(cut)?;
        if !cut_making(&mut cutter, pickler, head)? || !wires.cut(&mut cutter, Wire::ClassSetstate)? {
            return Ok(None);
        }
        cutter.the_built()?;
        let count = members.len() + usize::from(has_registry);
        begin_dict(&mut cutter, count)?;
        let mut rest = vec![];
        for (at, member) in members.iter().enumerate() {
            cutter.fresh_text(member.name.as_ptr())?;
            let value = member.value();
            if is_constant(value) {
                if !constants::cut(&mut cutter, value)? {
                    return Ok(None);
                }
                continue;
            }
            let Some(stencil) = next(&mut cutter)? else { return Ok(None) };
            rest.try_push(Piece { stencil, until: at })?;
        }
        if has_registry {
            if !cutter.text(pickler.state.names.abc_impl.as_ptr())? {
                return Ok(None);
            }
            cut_empty(&mut cutter, EMPTY_LIST)?;
        }
        cutter.entries_end(count)?;
        begin_dict(&mut cutter, 0)?;
        cutter.tuple_end(2)?;
        cutter.paper()?;
        for op in [TUPLE2, REDUCE, POP] {
            cutter.op(op)?;
        }
        let Some(stencil) = cutter.finish()? else { return Ok(None) };
        rest.try_push(Piece { stencil, until: members.len() })?;
        Ok(Some(Self { wires, head: head.try_clone()?, arguments, rest }))
    }
}

/// Ends a stencil, and begins the next one.
fn next(cutter: &mut Cutter) -> PyResult<Option<Stencil>> {
    std::mem::replace(cutter, Cutter::new()?).finish()
}

/// Cuts what makes the class behind its bases; false if that cannot be.
fn cut_making(cutter: &mut Cutter, pickler: &Pickler<'_>, head: &Head) -> PyResult<bool> {
    let text = |cutter: &mut Cutter, text: &Owned| cutter.text(text.as_ptr());
    match (&head.members, &head.module) {
        (None, None) => begin_dict(cutter, 0)?,
        (None, Some(module)) => {
            begin_dict(cutter, 1)?;
            if !cutter.text(pickler.state.names.module.as_ptr())? || !text(cutter, module)? {
                return Ok(false);
            }
            cutter.entries_end(1)?;
        }
        (Some((qualname, members)), Some(module)) => {
            if !text(cutter, &head.name)? || !text(cutter, qualname)? {
                return Ok(false);
            }
            begin_dict(cutter, members.len())?;
            for (name, value) in members {
                if !text(cutter, name)? || !is_constant(value.as_ptr()) || !constants::cut(cutter, value.as_ptr())? {
                    return Ok(false);
                }
            }
            cutter.entries_end(members.len())?;
            if !text(cutter, module)? {
                return Ok(false);
            }
        }
        (Some(_), None) => return Ok(false),
    }
    if !text(cutter, &head.id)? {
        return Ok(false);
    }
    cutter.op(NONE)?;
    cutter.tuple_end(head.arguments())?;
    cutter.paper()?;
    cutter.op(REDUCE)?;
    cutter.built()?;
    Ok(true)
}

/// Begins a dict on paper of so many entries, of which there are fewer than a batch.
fn begin_dict(cutter: &mut Cutter, len: usize) -> PyResult<()> {
    cut_empty(cutter, EMPTY_DICT)?;
    cutter.entries(len)
}
