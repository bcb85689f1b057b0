//! The state of a class that goes by value (cloudpickle's `_class_getstate`).

use std::ffi::CStr;

use pyo3_ffi::*;

use super::class::known_id;
use super::class_dict::ClassDict;
use super::class_head::Head;
use super::class_order::KnownState;
use super::class_stencil::{ClassStencil, Piece};
use super::joined::is_plain;
use super::members::Members;
use crate::analyzer::class_of::is_its_type;
use crate::analyzer::metaclass::is_plain_attr;
use crate::pickler::engine::Pickler;
use crate::pickler::paper::OnPaper;
use crate::pickler::plan::{Place, Plan};
use crate::protocol::wire::Wire;
use crate::py::class::{is_subtype, own_dict};
use crate::py::error::{PyResult, Raised, check};
use crate::py::layout::{list_items, tuple_items, type_of};
use crate::py::object::{attr, call_method2, call1, dict_get};
use crate::py::owned::Owned;
use crate::py::shared::Shared;
use crate::py::vec::{TryPush, gather};
use crate::state::{Name, Names, State};

pub struct ClassState {
    pub dict: ClassDict,
    registry: Option<Registry>,
    /// What is kept of it, if it was known.
    kept: Option<Shared<KnownState>>,
}

/// Whose state it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum StateKind {
    Class,
    Enumeration,
}

/// What the metaclass of enumerations makes anew.
fn made_anew(names: &Names) -> [&Name; 5] {
    [&names.generate_next_value, &names.member_names, &names.member_map, &names.member_type, &names.value2member_map]
}

/// What is registered with an ABC.
#[derive(Default)]
struct Registry {
    /// The classes that live, and None for each that does not.
    classes: Vec<Owned>,
    /// Does it take the place of the class's own `_abc_impl`? Otherwise it comes last.
    in_place: bool,
}

/// 3.14 makes annotations of `__annotate_func__`, which holds the class's namespace; cloudpickle leaves it out.
const HAS_ANNOTATE: bool = cfg!(Py_3_14);

impl ClassState {
    /// As it was before, if nothing of it has changed since; runs no foreign code.
    pub fn known(state: &State, class: *mut PyObject, kind: StateKind) -> PyResult<Option<Self>> {
        let Some(known) = ClassDict::of_state(state, class, kind)? else { return Ok(None) };
        let registry = match known.abc_impl {
            None => None,
            Some(data) if is_empty_registry(data) => Some(Registry::default()),
            Some(_) => return Ok(None),
        };
        Ok(Some(Self { dict: known.dict, registry, kept: Some(known.kept) }))
    }

    pub fn of(pickler: &mut Pickler<'_>, class: *mut PyObject, kind: StateKind) -> PyResult<Self> {
        let state = pickler.state;
        let names = &state.names;
        if let Some(known) = Self::known(state, class, kind)? {
            return Ok(known);
        }
        let mut dict = ClassDict::of(pickler, class)?;
        dict.pop(names.weakref.as_ptr());
        let abc_impl = dict.get_at(names.abc_impl.as_ptr());
        let registry = registry(pickler, class, &mut dict)?;
        let slots = dict.get(names.slots.as_ptr());
        pop_slots(pickler, class, &mut dict)?;
        dict.pop(names.dict.as_ptr());
        if HAS_ANNOTATE {
            dict.pop(names.annotate_func.as_ptr());
        }
        if kind == StateKind::Enumeration {
            for name in made_anew(names) {
                dict.pop(name.as_ptr());
            }
        }
        // As long as nobody was asked for them, they are the same for as long as the classes are.
        if !pickler.is_foreign() && slots.is_none_or(lasts) {
            dict.keep_state(state, class, kind, abc_impl.filter(|_| registry.is_some()))?;
        } else {
            dict.keep(state, class)?;
        }
        Ok(Self { dict, registry, kept: None })
    }

    /// The stencil that is kept with it, if that fits the class, and an enumeration's members, and can be copied now.
    pub fn stencil(
        &self,
        pickler: &mut Pickler<'_>,
        class: *mut PyObject,
        members: Option<&Members>,
    ) -> PyResult<Option<Shared<ClassStencil>>> {
        let Some(stencil) = self.kept.as_ref().and_then(|kept| kept.stencil()) else { return Ok(None) };
        if !pickler.plan().takes_stencils() {
            return Ok(None);
        }
        let Some(id) = known_id(class)? else { return Ok(None) };
        Ok(if stencil.fits(pickler, class, &id, members)? { Some(stencil.clone()) } else { None })
    }

    /// Cuts a stencil, to be kept with it, unless there is one; it serves from the next dump on.
    pub fn cut(&self, pickler: &mut Pickler<'_>, head: &Head) -> PyResult<()> {
        let Some(kept) = self.kept.as_ref().filter(|kept| kept.is_uncut() && !pickler.is_foreign()) else {
            return Ok(());
        };
        let members = gather(self.dict.members())?;
        let cut = ClassStencil::cut(pickler, head, &members, self.registry.is_some())?;
        kept.set_stencil(cut.map(Shared::new).transpose()?);
        Ok(())
    }

    /// Goes on behind the bases of a class, with the pieces of a stencil; what of them cannot be copied is described.
    pub fn write_pieces(
        self,
        p: &mut Plan<'_, '_>,
        class: *mut PyObject,
        head: &Head,
        pieces: &[Piece],
    ) -> PyResult<()> {
        let is_part = p.lends(own_dict(class).as_ptr())?;
        let count = self.dict.len() + usize::from(self.registry.is_some());
        let mut members = self.dict.members();
        let mut next = 0;
        for (at, piece) in pieces.iter().enumerate() {
            let is_copied = match at {
                0 => p.piece_that_builds(&piece.stencil, class)?,
                _ => p.stencil(&piece.stencil)?,
            };
            if !is_copied && at == 0 {
                head.make(p, class)?;
                p.set_state(Wire::ClassSetstate, class)?;
                p.tuple(2)?;
                // Begun with a mark if need be; the last piece ends it.
                let _ = p.dict(count)?;
            }
            let constants = (next..piece.until).filter_map(|_| members.next());
            if is_copied {
                constants.for_each(drop);
            } else {
                for constant in constants {
                    p.fresh_text(constant.name.as_ptr())?;
                    p.lent(constant.value(), is_part, Place::Attribute(constant.name.as_ptr()))?;
                }
            }
            next = piece.until + 1;
            let Some(own) = members.next() else {
                return if is_copied { Ok(()) } else { self.end_pieces(p, count) };
            };
            if !is_copied {
                p.fresh_text(own.name.as_ptr())?;
            }
            p.lent(own.value(), is_part, Place::Attribute(own.name.as_ptr()))?;
        }
        Ok(())
    }

    /// Ends what pieces began whose last one cannot be copied.
    fn end_pieces(&self, p: &mut Plan<'_, '_>, count: usize) -> PyResult<()> {
        if self.registry.is_some() {
            let name = p.pickler().state.names.abc_impl.as_ptr();
            p.part(name, Place::Hidden)?;
            p.list(0)?.end(p)?;
        }
        OnPaper::begun(count, count).end(p)?;
        p.dict(0)?.end(p)?;
        p.tuple_end(2)?;
        p.set_state_end()
    }

    /// The class is built: `_class_setstate(class, (members, {}))`
    pub fn write(self, plan: &mut Plan<'_, '_>, class: *mut PyObject) -> PyResult<()> {
        plan.set_state(Wire::ClassSetstate, class)?;
        self.write_pair(plan, class)?;
        plan.set_state_end()
    }

    /// `(members, {})`
    pub fn write_pair(self, plan: &mut Plan<'_, '_>, class: *mut PyObject) -> PyResult<()> {
        plan.tuple(2)?;
        let last = self.registry.as_ref().is_some_and(|registry| !registry.in_place);
        let mut members = plan.dict(self.dict.len() + usize::from(last))?;
        let name = plan.pickler().state.names.abc_impl.as_ptr();
        let mut classes = self.registry.map_or(vec![], |registry| registry.classes);
        let mut list = |plan: &mut Plan<'_, '_>| {
            let mut list = plan.list(classes.len())?;
            for (n, class) in (0..).zip(std::mem::take(&mut classes)) {
                list.next(plan)?;
                plan.owned(class, Place::Listed(n, name))?;
            }
            list.end(plan)
        };
        self.dict.write(plan, class, |plan| members.next(plan), &mut list)?;
        if last {
            members.next(plan)?;
            plan.part(name, Place::Hidden)?;
            list(plan)?;
        }
        members.end(plan)?;
        plan.dict(0)?.end(plan)?;
        plan.tuple_end(2)
    }
}

/// Of an ABC: its registry in place of what it keeps about its subclasses. None for any other class.
fn registry(pickler: &mut Pickler<'_>, class: *mut PyObject, dict: &mut ClassDict) -> PyResult<Option<Registry>> {
    let metaclass = type_of(class);
    let state = pickler.state;
    let abc_meta = state.imports.abc_meta.as_ptr().cast();
    if metaclass == &raw mut PyType_Type || !is_subtype(metaclass, abc_meta) {
        return Ok(None);
    }
    for name in [&state.names.abc_cache, &state.names.abc_negative_cache, &state.names.abc_negative_cache_version] {
        dict.pop(name.as_ptr());
    }
    let own = dict.get(state.names.abc_registry.as_ptr()).map(Owned::of);
    let data = dict.get(state.names.abc_impl.as_ptr());
    if own.is_none()
        && data.is_some_and(|data| has_no_registry(state, data))
        && is_plain_attr(state, class, &state.names.abc_impl)
    {
        dict.pop(state.names.abc_impl.as_ptr());
        return Ok(Some(Registry::default()));
    }
    pickler.foreign()?;
    dict.pop(state.names.abc_registry.as_ptr());
    let mut classes = vec![];
    let mut in_place = false;
    // SAFETY: each call takes live objects, and gives a new reference or raises.
    unsafe {
        if let Some(own) = own.filter(|own| own.as_ptr() != Py_None()) {
            // An ABC in Python keeps a WeakSet there; one in C may have the attribute, too.
            let own = Owned::new(PySequence_List(own.as_ptr()))?;
            for position in 0..PyList_Size(own.as_ptr()) {
                classes.try_push(Owned::of(PyList_GetItem(own.as_ptr(), position)))?;
            }
            in_place = dict.replace(state.names.abc_impl.as_ptr());
        } else {
            dict.pop(state.names.abc_impl.as_ptr());
            let dump = call1(state.imports.abc_get_dump.as_ptr(), class)?;
            let references = Owned::new(PySequence_GetItem(dump.as_ptr(), 0))?;
            let references = Owned::new(PySequence_List(references.as_ptr()))?;
            for position in 0..PyList_Size(references.as_ptr()) {
                let reference = PyList_GetItem(references.as_ptr(), position);
                classes.try_push(Owned::new(PyObject_CallNoArgs(reference))?)?;
            }
        }
    }
    Ok(Some(Registry { classes, in_place }))
}

/// Is nothing registered in what an ABC keeps as `_abc_impl`? No is no answer.
fn has_no_registry(state: &State, data: *mut PyObject) -> bool {
    // Not for free-threaded builds, where another thread may register something meanwhile.
    !cfg!(Py_GIL_DISABLED) && is_one_of_abc(state, data) && is_empty_registry(data)
}

/// The same of what surely is of the type that `_abc` has for it.
fn is_empty_registry(data: *mut PyObject) -> bool {
    /// `_abc_data` of `Modules/_abc.c`, as far as it matters.
    #[repr(C)]
    struct Data {
        head: PyObject,
        registry: *mut PyObject,
    }
    // SAFETY: of that type, it begins like this; NULL as long as nothing was registered.
    unsafe { (*data.cast::<Data>()).registry.is_null() }
}

/// Are these slots the same as long as the class has them?
fn lasts(slots: *mut PyObject) -> bool {
    type_of(slots) == &raw mut PyTuple_Type || type_of(slots) == &raw mut PyUnicode_Type
}

/// Is this of the type that `_abc` has for what ABCs keep? It has no name in that module, but there is always one.
fn is_one_of_abc(state: &State, data: *mut PyObject) -> bool {
    let ty = type_of(data);
    // SAFETY: a live type, whose name is NUL-terminated text. No class written in Python lacks the flag.
    unsafe {
        PyType_HasFeature(ty, Py_TPFLAGS_BASETYPE) == 0
            && CStr::from_ptr((*ty).tp_name) == c"_abc._abc_data"
            && dict_get(own_dict(state.imports.abc.as_ptr()).as_ptr(), state.names.abc_impl.as_ptr())
                .is_ok_and(|known| known.is_some_and(|known| type_of(known.as_ptr()) == ty))
    }
}

/// Leaves out the descriptors that the class gets again by its `__slots__`.
fn pop_slots(pickler: &mut Pickler<'_>, class: *mut PyObject, dict: &mut ClassDict) -> PyResult<()> {
    let names = &pickler.state.names;
    let name = names.slots.as_ptr();
    let Some(own) = dict.get(name) else { return Ok(()) };
    let (slots, is_text) = if is_plain_attr(pickler.state, class, &names.slots) {
        let slots = Owned::of(own);
        let is_text = is_text(pickler, &slots)?;
        (slots, is_text)
    } else {
        pickler.foreign()?;
        // The class is asked twice: what they are, and for what they are.
        let is_text = is_text(pickler, &attr(class, name)?)?;
        (attr(class, name)?, is_text)
    };
    // SAFETY: live; each call gives a new reference or raises.
    unsafe {
        if is_text {
            if !pop(pickler, dict, slots.as_ptr())? {
                PyErr_SetObject(PyExc_KeyError, slots.as_ptr());
                return Err(Raised);
            }
            return Ok(());
        }
        let slot_type = type_of(slots.as_ptr());
        if slot_type == &raw mut PyTuple_Type {
            for slot in tuple_items(slots.as_ptr()) {
                pop(pickler, dict, *slot)?;
            }
            return Ok(());
        }
        // Without a GIL another thread may change a list.
        if !cfg!(Py_GIL_DISABLED) && slot_type == &raw mut PyList_Type {
            let (len, items) = list_items(slots.as_ptr());
            if (0..len).all(|i| is_plain(*items.add(i))) {
                for i in 0..len {
                    pop(pickler, dict, *items.add(i))?;
                }
                return Ok(());
            }
        }
        pickler.foreign()?;
        let slots = Owned::new(PySequence_Tuple(slots.as_ptr()))?;
        for slot in tuple_items(slots.as_ptr()) {
            pop(pickler, dict, *slot)?;
        }
    }
    Ok(())
}

/// `isinstance(object, str)`
fn is_text(pickler: &mut Pickler<'_>, object: &Owned) -> PyResult<bool> {
    let object = object.as_ptr();
    // SAFETY: live.
    unsafe {
        if PyUnicode_Check(object) != 0 || is_its_type(&pickler.state.names, type_of(object)) {
            return Ok(PyUnicode_Check(object) != 0);
        }
        pickler.foreign()?;
        Ok(check(PyObject_IsInstance(object, (&raw mut PyUnicode_Type).cast()))? != 0)
    }
}

/// `dict.pop(name, None)` for any object as the name: false if there is none.
pub fn pop(pickler: &mut Pickler<'_>, dict: &mut ClassDict, name: *mut PyObject) -> PyResult<bool> {
    if is_plain(name) {
        return Ok(dict.pop(name));
    }
    pickler.foreign()?;
    // Asked of a dict, which is not empty, so that what has no hash is refused in a dict's words.
    // SAFETY: live; new references, or NULL with an exception.
    unsafe {
        let names = &pickler.state.names;
        let some = Owned::new(PyDict_New())?;
        check(PyDict_SetItem(some.as_ptr(), names.slots.as_ptr(), Py_None()))?;
        call_method2(some.as_ptr(), names.pop.as_ptr(), name, Py_None())?;
        Ok(PyUnicode_Check(name) != 0 && dict.pop(name))
    }
}
