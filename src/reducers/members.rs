//! The members of an enumeration: `{member.name: member.value for member in class}`.
//!
//! All of that is Python code of `enum`. Where it is still that of the standard library (`EnumMeta.__iter__`,
//! `Enum.name`, `Enum.value` and the descriptors' `__get__` of `Lib/enum.py`, before 3.11 of `Lib/types.py`), the members
//! are read from where it finds them.

use pyo3_ffi::*;

use crate::analyzer::metaclass::calls_types_getattribute;
use crate::pickler::engine::Pickler;
use crate::py::code;
use crate::py::dict_find::{self, Found};
use crate::py::error::{PyResult, Raised, check, occurred};
use crate::py::instance::gets_plainly;
use crate::py::instance::own_value;
use crate::py::layout::{list_items, type_of};
use crate::py::object::{attr, each_item, import_from, type_attr};
use crate::py::owned::Owned;
use crate::py::text;
use crate::py::vec::TryPush;
use crate::state::{Names, State};

/// What `enum` had when it was first asked for.
pub struct EnumModule {
    /// `Enum`
    pub base: Owned,
    /// `EnumMeta`
    metaclass: Owned,
    /// None if something of it is not the standard library's.
    code: Option<KnownCode>,
}

/// The Python code that gives members, names and values.
struct KnownCode {
    /// `EnumMeta.__iter__`
    iter: KnownFunction,
    name: KnownProperty,
    value: KnownProperty,
}

/// A property such as `Enum.name`.
struct KnownProperty {
    property: Owned,
    /// Its function
    fget: KnownFunction,
    /// The `__get__` of its type, which calls this function
    get: KnownFunction,
}

struct KnownFunction {
    function: Owned,
    code: Owned,
}

impl KnownFunction {
    /// A function of this name whose code comes from the same file as another's does.
    fn new(object: Option<Owned>, name: &std::ffi::CStr, filename: Option<*mut PyObject>) -> Option<Self> {
        let function = object.filter(|object| type_of(object.as_ptr()).cast_const() == &raw const PyFunction_Type)?;
        // SAFETY: an exact function, laid out like this.
        let code = Owned::of(unsafe { (*function.as_ptr().cast::<PyFunctionObject>()).func_code });
        let fields = code::fields(code.as_ptr());
        let same_file = |other| {
            // SAFETY: two exact str, for which the call does not fail.
            unsafe { PyUnicode_Compare(fields.filename, other) == 0 }
        };
        (text::is(fields.name, name) && filename.is_none_or(same_file)).then_some(Self { function, code })
    }

    /// Is it this function, with the code that it had?
    fn is(&self, object: Option<Owned>) -> bool {
        object.is_some_and(|object| object.as_ptr() == self.function.as_ptr()) && self.has_its_code()
    }

    fn has_its_code(&self) -> bool {
        // SAFETY: an exact function.
        unsafe { (*self.function.as_ptr().cast::<PyFunctionObject>()).func_code == self.code.as_ptr() }
    }

    fn filename(&self) -> *mut PyObject {
        code::fields(self.code.as_ptr()).filename
    }
}

impl KnownProperty {
    fn new(state: &State, property: Option<Owned>, name: &std::ffi::CStr, filename: *mut PyObject) -> Option<Self> {
        let names = &state.names;
        let property = property?;
        let fget = KnownFunction::new(fget(&property, names), name, Some(filename))?;
        // That of `types` before 3.11.
        let get = KnownFunction::new(
            type_attr(type_of(property.as_ptr()), names.descriptor_get.as_ptr()),
            c"__get__",
            cfg!(Py_3_11).then_some(filename),
        )?;
        Some(Self { property, fget, get })
    }

    /// Has the class this property, and does it do what it did?
    fn is_of(&self, class: *mut PyTypeObject, name: *mut PyObject, names: &Names) -> bool {
        type_attr(class, name).is_some_and(|own| own.as_ptr() == self.property.as_ptr()) && self.does_what_it_did(names)
    }

    fn does_what_it_did(&self, names: &Names) -> bool {
        self.fget.is(fget(&self.property, names))
            && self.get.is(type_attr(type_of(self.property.as_ptr()), names.descriptor_get.as_ptr()))
    }
}

/// The function of a property, which is an instance of a Python class that keeps it in its dict.
fn fget(property: &Owned, names: &Names) -> Option<Owned> {
    own_value(property.as_ptr(), names.fget.as_ptr())
}

impl EnumModule {
    /// Imported at the first call.
    pub fn of<'s>(pickler: &mut Pickler<'s>) -> PyResult<&'s Self> {
        let state = pickler.state;
        if let Some(made) = state.enum_module.made() {
            return Ok(made);
        }
        pickler.foreign()?;
        state.enum_module.get(|| {
            let base = import_from(c"enum", c"Enum")?;
            let metaclass = import_from(c"enum", c"EnumMeta")?;
            let code = KnownCode::new(state, &metaclass, &base);
            Ok(Self { base, metaclass, code })
        })
    }
}

impl KnownCode {
    fn new(state: &State, metaclass: &Owned, base: &Owned) -> Option<Self> {
        let names = &state.names;
        let of = |class: &Owned, name: *mut PyObject| type_attr(class.as_ptr().cast(), name);
        let iter = KnownFunction::new(of(metaclass, names.iter.as_ptr()), c"__iter__", None)?;
        let property = |name: *mut PyObject, text| KnownProperty::new(state, of(base, name), text, iter.filename());
        let name = property(names.name_of_member.as_ptr(), c"name")?;
        let value = property(names.value.as_ptr(), c"value")?;
        Some(Self { iter, name, value })
    }
}

/// Names and values.
pub type Members = Vec<(Owned, Owned)>;

/// The members, in their order, and whether foreign code had to be asked for them.
pub fn members(pickler: &mut Pickler<'_>, class: *mut PyObject) -> PyResult<(Members, bool)> {
    let module = EnumModule::of(pickler)?;
    if let Some(members) = known(pickler.state, module, class)? {
        return Ok((members, false));
    }
    pickler.foreign()?;
    asked(pickler.state, class).map(|members| (members, true))
}

/// Without foreign code; None if that can't be.
fn known(state: &State, module: &EnumModule, class: *mut PyObject) -> PyResult<Option<Members>> {
    let names = &state.names;
    // Without a GIL other threads may change what is read here.
    let Some(code) = module.code.as_ref().filter(|_| !cfg!(Py_GIL_DISABLED)) else { return Ok(None) };
    let (metaclass, ty) = (type_of(class), class.cast::<PyTypeObject>());
    let of_metaclass = |name: *mut PyObject| type_attr(metaclass, name);
    let is_known = metaclass.cast() == module.metaclass.as_ptr()
        && gets_plainly(ty)
        && calls_types_getattribute(state, metaclass)
        && code.iter.is(of_metaclass(names.iter.as_ptr()))
        && of_metaclass(names.member_map.as_ptr()).is_none()
        && of_metaclass(names.member_names.as_ptr()).is_none()
        && code.name.is_of(ty, names.name_of_member.as_ptr(), names)
        && code.value.is_of(ty, names.value.as_ptr(), names)
        && type_attr(ty, names.own_name.as_ptr()).is_none()
        && type_attr(ty, names.own_value.as_ptr()).is_none();
    if is_known { at_hand(class, names) } else { Ok(None) }
}

/// The members of a class of which they were known without foreign code, under the versions that it and its metaclass have
/// still; None if that can't be any more.
pub fn members_again(pickler: &mut Pickler<'_>, class: *mut PyObject) -> PyResult<Option<Members>> {
    let names = &pickler.state.names;
    let Some(code) = &EnumModule::of(pickler)?.code else { return Ok(None) };
    let is_known = code.iter.has_its_code() && code.name.does_what_it_did(names) && code.value.does_what_it_did(names);
    if is_known { at_hand(class, names) } else { Ok(None) }
}

/// The members as the class keeps them; None if they are not what the code of `enum` makes of them.
fn at_hand(class: *mut PyObject, names: &Names) -> PyResult<Option<Members>> {
    let ty = class.cast::<PyTypeObject>();
    let (Some(map), Some(order)) =
        (type_attr(ty, names.member_map.as_ptr()), type_attr(ty, names.member_names.as_ptr()))
    else {
        return Ok(None);
    };
    if type_of(map.as_ptr()) != &raw mut PyDict_Type || type_of(order.as_ptr()) != &raw mut PyList_Type {
        return Ok(None);
    }
    let is_text = |object: *mut PyObject| type_of(object).cast_const() == &raw const PyUnicode_Type;
    let (len, items) = list_items(order.as_ptr());
    let mut members = Members::new();
    members.try_room(len)?;
    for position in 0..len {
        // SAFETY: below the length of the list, which nothing changes meanwhile.
        let key = unsafe { *items.add(position) };
        let Found::Value(member) = (if is_text(key) { dict_find::find(map.as_ptr(), key) } else { Found::Unclear })
        else {
            return Ok(None);
        };
        if type_of(member) != ty {
            return Ok(None);
        }
        let (Some(name), Some(value)) =
            (own_value(member, names.own_name.as_ptr()), own_value(member, names.own_value.as_ptr()))
        else {
            return Ok(None);
        };
        // A name of another member, or what is no name, is a dict's to judge.
        if name.as_ptr() != key {
            return Ok(None);
        }
        members.push((name, value));
    }
    Ok(Some(members))
}

/// In the words of Python.
fn asked(state: &State, class: *mut PyObject) -> PyResult<Members> {
    let names = &state.names;
    let mut members = vec![];
    // SAFETY: each call takes live objects, and gives a new reference or raises.
    unsafe {
        let dict = Owned::new(PyDict_New())?;
        let iterator = Owned::new(PyObject_GetIter(class))?;
        while let Some(member) = Owned::new_or_none(PyIter_Next(iterator.as_ptr())) {
            let name = attr(member.as_ptr(), names.name_of_member.as_ptr())?;
            let value = attr(member.as_ptr(), names.value.as_ptr())?;
            check(PyDict_SetItem(dict.as_ptr(), name.as_ptr(), value.as_ptr()))?;
        }
        if occurred() {
            return Err(Raised);
        }
        each_item(dict.as_ptr(), |name, value| members.try_push((name, value)))?;
    }
    Ok(members)
}
