//! Members of classes: attributes that are fields of their instances (`PyMemberDescrObject`, `cpython/descrobject.h`).

use std::ffi::c_int;

use pyo3_ffi::*;

use super::layout::type_of;
use super::undeclared::_PyType_Lookup;

/// `Py_T_OBJECT_EX`: an object, or NULL for an attribute that is not there.
const OBJECT_EX: c_int = 16;

#[repr(C)]
struct MemberDescriptor {
    base: PyObject,
    class: *mut PyTypeObject,
    name: *mut PyObject,
    qualname: *mut PyObject,
    member: *const PyMemberDef,
}

/// What a class has under a name, if that is a member of its instances.
pub fn of(class: *mut PyTypeObject, name: *mut PyObject) -> Option<PyMemberDef> {
    // SAFETY: a live class; what it has under a name is borrowed and only looked at. A member descriptor is laid out like
    // this, and its definition lives as long as the class.
    unsafe {
        let found = _PyType_Lookup(class, name);
        if found.is_null() || type_of(found).cast_const() != &raw const PyMemberDescr_Type {
            return None;
        }
        let found = &*found.cast::<MemberDescriptor>();
        (PyType_IsSubtype(class, found.class) != 0).then(|| *found.member)
    }
}

/// The offset of a slot: a member that holds any object or none, and that is set by putting it there.
pub fn slot(class: *mut PyTypeObject, name: *mut PyObject) -> Option<Py_ssize_t> {
    of(class, name).filter(|member| member.type_code == OBJECT_EX && member.flags == 0).map(|member| member.offset)
}
