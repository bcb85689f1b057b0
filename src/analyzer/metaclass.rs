//! May a metaclass have a say when an attribute of one of its classes is asked for?

use pyo3_ffi::*;

use crate::py::class::own_dict;
use crate::py::layout::type_of;
use crate::py::object::{dict_get, type_attr};
use crate::state::{Name, Names};

/// Do the metaclass's classes have this attribute as all classes do, so that asking for it runs no foreign code?
pub fn has_types_own(names: &Names, metaclass: *mut PyTypeObject, name: &Name) -> bool {
    metaclass == &raw mut PyType_Type
        || gets_as_types_do(names, metaclass, name)
            && (!may_have_getattr(metaclass) || is_always_there(names, name.as_ptr()))
}

/// Does `class.name` run no foreign code?
pub fn is_plain_attr(names: &Names, class: *mut PyObject, name: &Name) -> bool {
    let metaclass = type_of(class);
    if metaclass != &raw mut PyType_Type && !gets_as_types_do(names, metaclass, name) {
        return false;
    }
    let name = name.as_ptr();
    if let Some(of_all) = type_attr(&raw mut PyType_Type, name) {
        // SAFETY: a live type.
        let is_data = unsafe { (*type_of(of_all.as_ptr())).tp_descr_set.is_some() };
        let is_there =
            || is_always_there(names, name) || dict_get(own_dict(class).as_ptr(), name).is_ok_and(|own| own.is_some());
        return is_data && (!may_have_getattr(metaclass) || is_there());
    }
    // SAFETY: a live type.
    type_attr(class.cast(), name).is_some_and(|own| unsafe { (*type_of(own.as_ptr())).tp_descr_get.is_none() })
}

/// Are attributes of the metaclass's classes looked up by `type.__getattribute__`, if only at first?
pub fn calls_types_getattribute(names: &Names, metaclass: *mut PyTypeObject) -> bool {
    !may_have_getattr(metaclass) || is_types_own(metaclass, names.getattribute.as_ptr())
}

/// Is an attribute of the metaclass's classes looked up as one of other classes, as far as it is found?
fn gets_as_types_do(names: &Names, metaclass: *mut PyTypeObject, name: &Name) -> bool {
    is_types_own(metaclass, name.as_ptr()) && calls_types_getattribute(names, metaclass)
}

fn is_types_own(metaclass: *mut PyTypeObject, name: *mut PyObject) -> bool {
    let attr = |class| type_attr(class, name).map(|attr| attr.as_ptr());
    attr(metaclass) == attr(&raw mut PyType_Type)
}

/// May there be a `__getattr__` for what is not found, or a `__getattribute__`?
fn may_have_getattr(metaclass: *mut PyTypeObject) -> bool {
    // SAFETY: live types.
    let get = |class: *mut PyTypeObject| unsafe { (*class).tp_getattro }.map(|get| get as usize);
    get(metaclass) != get(&raw mut PyType_Type)
}

/// Have all classes this attribute, so that nobody is asked for what is not found?
fn is_always_there(names: &Names, name: *mut PyObject) -> bool {
    [&names.bases, &names.class_attr, &names.dict, &names.mro, &names.name, &names.qualname, &names.reduce]
        .iter()
        .any(|always| always.as_ptr() == name)
}
