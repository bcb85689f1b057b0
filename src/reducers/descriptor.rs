//! What lies in classes: class and static methods, properties, attributes of types written in C.

use pyo3_ffi::*;

use super::call::Callable;
use crate::pickler::engine::Pickler;
use crate::pickler::plan::Place;
use crate::pickler::script::Script;
use crate::py::contended::locked;
use crate::py::error::PyResult;
use crate::py::layout::type_of;
use crate::py::object::attr;
use crate::py::owned::Owned;
use crate::state::Name;

/// classmethod, staticmethod and the abstract ones -> (type, (`__func__`,))
pub fn wrapped_function(pickler: &mut Pickler<'_>, object: *mut PyObject) -> PyResult<Script> {
    let ty = type_of(object);
    if ty != &raw mut PyClassMethod_Type && ty != &raw mut PyStaticMethod_Type {
        pickler.foreign()?;
    }
    let function = attr(object, pickler.state.names.func.as_ptr())?;
    Callable::object(ty.cast()).with(pickler, object, [(function, Place::Hidden)])
}

/// property and the abstract one -> (property, (fget, fset, fdel, `__doc__`))
pub fn property(pickler: &mut Pickler<'_>, object: *mut PyObject) -> PyResult<Script> {
    let [fget, fset, fdel, doc] = if type_of(object) == &raw mut PyProperty_Type {
        fields(object)
    } else {
        pickler.foreign()?;
        let names = &pickler.state.names;
        let get = |name: &Name| attr(object, name.as_ptr());
        [get(&names.fget)?, get(&names.fset)?, get(&names.fdel)?, get(&names.doc)?]
    };
    let arguments = [
        (fget, Place::Field(&"fget")),
        (fset, Place::Field(&"fset")),
        (fdel, Place::Field(&"fdel")),
        (doc, Place::Field(&"__doc__")),
    ];
    Callable::object((&raw mut PyProperty_Type).cast()).with(pickler, object, arguments)
}

/// The same attributes of an exact property: its members.
fn fields(property: *mut PyObject) -> [Owned; 4] {
    /// `propertyobject` of `Objects/descrobject.c`, as far as it matters.
    #[repr(C)]
    struct Property {
        head: PyObject,
        fields: [*mut PyObject; 4],
    }
    // SAFETY: a live property begins like this; NULL stands for None.
    locked(property, || unsafe {
        let fields = (*property.cast::<Property>()).fields;
        fields.map(|field| Owned::of(if field.is_null() { Py_None() } else { field }))
    })
}

/// types.GetSetDescriptorType -> (getattr, (class, name))
pub fn getset(pickler: &mut Pickler<'_>, object: *mut PyObject) -> PyResult<Script> {
    let names = &pickler.state.names;
    let class = attr(object, names.objclass.as_ptr())?;
    let name = attr(object, names.name.as_ptr())?;
    let getattr = Callable::object(pickler.state.imports.getattr.as_ptr());
    getattr.with(pickler, object, [(class, Place::Field(&"__objclass__")), (name, Place::Hidden)])
}
