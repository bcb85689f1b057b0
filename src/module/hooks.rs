//! What a Pickler's class or the instance itself says about how objects are pickled. Where nobody says anything, the
//! engine does what cloudpickle does, at its own speed.

use pyo3_ffi::*;

use super::face::{self, Face};
use super::pickler::{PicklerObject, with_fields};
use crate::pickler::Options;
use crate::py::error::PyResult;
use crate::py::layout::type_of;
use crate::py::object::{dict_get, optional_attr, type_attr};
use crate::py::owned::Owned;

/// The hooks of one dump; None where what cloudpickle does counts.
#[derive(Default)]
pub struct Hooks {
    reducer_override: Option<Owned>,
    persistent_id: Option<Owned>,
    dispatch_table: Option<Owned>,
    globals_ref: Option<Owned>,
}

impl Hooks {
    /// Looks at an instance of a Pickler.
    pub fn of(object: *mut PyObject) -> PyResult<Self> {
        let face = face::get()?;
        let replaced = face.replaced()?;
        let looks = Looks::at(face, object);
        let mut hooks = Self::default();
        let asked = [
            (&face.names.reducer_override, &face.own.reducer_override),
            (&face.names.function_reduce, &face.own.function_reduce),
            (&face.names.dynamic_function_reduce, &face.own.dynamic_function_reduce),
            (&face.names.function_getnewargs, &face.own.function_getnewargs),
        ];
        let mut overridden = replaced.by_python;
        for (name, own) in asked {
            overridden |= !looks.finds(name.as_ptr(), |found| found == own.as_ptr())?;
        }
        if overridden {
            hooks.reducer_override = optional_attr(object, face.names.reducer_override.as_ptr())?;
        }
        let own = face.own.persistent_id.as_ptr();
        if !looks.finds(face.names.persistent_id.as_ptr(), |found| found == own)? {
            hooks.persistent_id = optional_attr(object, face.names.persistent_id.as_ptr())?;
        }
        // SAFETY: an instance, which holds what was set.
        let member = unsafe {
            with_fields(object, |this| (!this.dispatch_table.is_null()).then(|| Owned::of(this.dispatch_table)))
        };
        hooks.dispatch_table = if member.is_some() {
            member
        } else if replaced.tables || !looks.finds(face.names.dispatch_table.as_ptr(), |found| face.is_chain(found))? {
            optional_attr(object, face.names.dispatch_table.as_ptr())?
        } else {
            None
        };
        if let Some(table) = &hooks.dispatch_table
            && face.is_chain(table.as_ptr())
            && !replaced.tables
        {
            hooks.dispatch_table = None;
        }
        if hooks.reducer_override.is_some() || hooks.persistent_id.is_some() || hooks.dispatch_table.is_some() {
            // SAFETY: an instance.
            hooks.globals_ref = Some(unsafe { with_fields(object, PicklerObject::globals_ref)? });
        }
        Ok(hooks)
    }

    /// Tells the engine.
    pub fn fill(&self, options: &mut Options<'_>) {
        let lent = |hook: &Option<Owned>| hook.as_ref().map(Owned::as_ptr);
        options.reducer_override = lent(&self.reducer_override);
        options.replaces_own = self.reducer_override.is_some();
        options.persistent_id = lent(&self.persistent_id);
        options.dispatch_table = lent(&self.dispatch_table);
        options.globals_ref = lent(&self.globals_ref);
    }
}

/// Where attributes of an instance are looked for.
struct Looks {
    class: *mut PyTypeObject,
    /// The instance's dict, unless it has none, or nothing in it.
    dict: Option<Owned>,
    /// Nothing but the class and the dict decides.
    plain: bool,
}

impl Looks {
    fn at(face: &Face, object: *mut PyObject) -> Self {
        let class = type_of(object);
        // SAFETY: an instance, which holds its dict.
        let dict = unsafe {
            with_fields(object, |this| {
                let empty = this.dict.is_null() || PyDict_Size(this.dict) == 0;
                (!empty).then(|| Owned::of(this.dict))
            })
        };
        // SAFETY: a live class.
        let get = unsafe { (*class).tp_getattro };
        // SAFETY: a live class.
        let same = unsafe { (*face.pickler_base.as_ptr().cast::<PyTypeObject>()).tp_getattro };
        let plain = get.map(|get| get as usize) == same.map(|get| get as usize);
        Self { class, dict, plain }
    }

    /// Is the attribute of the instance one of its class, and what our own class has under this name?
    fn finds(&self, name: *mut PyObject, is_own: impl Fn(*mut PyObject) -> bool) -> PyResult<bool> {
        let in_class = type_attr(self.class, name).is_some_and(|found| is_own(found.as_ptr()));
        let in_dict = match &self.dict {
            Some(dict) => dict_get(dict.as_ptr(), name)?.is_some(),
            None => false,
        };
        Ok(self.plain && in_class && !in_dict)
    }
}
