//! What lies in classes: class and static methods, properties, attributes of types written in C.

use pyo3_ffi::*;

use super::call::Callable;
use crate::pickler::engine::Pickler;
use crate::pickler::frame::Frame;
use crate::pickler::plan::Place;
use crate::py::error::PyResult;
use crate::py::layout::type_of;
use crate::py::object::attr;

/// classmethod, staticmethod and the abstract ones -> (type, (`__func__`,))
pub fn wrapped_function(pickler: &mut Pickler<'_>, object: *mut PyObject) -> PyResult<Frame> {
    let ty = type_of(object);
    if ty != &raw mut PyClassMethod_Type && ty != &raw mut PyStaticMethod_Type {
        pickler.foreign()?;
    }
    let function = attr(object, pickler.state.names.func.as_ptr())?;
    Callable::object(ty.cast()).with(pickler, object, [(function, Place::Hidden)])
}

/// property and the abstract one -> (property, (fget, fset, fdel, `__doc__`))
pub fn property(pickler: &mut Pickler<'_>, object: *mut PyObject) -> PyResult<Frame> {
    if type_of(object) != &raw mut PyProperty_Type {
        pickler.foreign()?;
    }
    let names = &pickler.state.names;
    let arguments = [
        (attr(object, names.fget.as_ptr())?, Place::Field(&"fget")),
        (attr(object, names.fset.as_ptr())?, Place::Field(&"fset")),
        (attr(object, names.fdel.as_ptr())?, Place::Field(&"fdel")),
        (attr(object, names.doc.as_ptr())?, Place::Field(&"__doc__")),
    ];
    Callable::object((&raw mut PyProperty_Type).cast()).with(pickler, object, arguments)
}

/// types.GetSetDescriptorType -> (getattr, (class, name))
pub fn getset(pickler: &mut Pickler<'_>, object: *mut PyObject) -> PyResult<Frame> {
    let names = &pickler.state.names;
    let class = attr(object, names.objclass.as_ptr())?;
    let name = attr(object, names.name.as_ptr())?;
    let getattr = Callable::object(pickler.state.imports.getattr.as_ptr());
    getattr.with(pickler, object, [(class, Place::Field(&"__objclass__")), (name, Place::Hidden)])
}
