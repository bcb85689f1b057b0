//! `Pickler`, as cloudpickle has it: our base with cloudpickle's methods and tables.

use std::ffi::{c_int, c_void};
use std::ptr;

use pyo3_ffi::*;

use super::definition::{Constant, end, of_one};
use super::face;
use super::pickler::{PicklerObject, with_fields};
use super::reducers::{asking, class_reduce, function_getnewargs};
use crate::decide::by_reference::goes_by_reference;
use crate::protocol::wire::Wire;
use crate::py::error::{PyResult, check};
use crate::py::layout::type_of;
use crate::py::object::{call_method1, call1};
use crate::py::owned::Owned;
use crate::py::trampoline;
use crate::state::State;

static METHODS: Constant<[PyMethodDef; 5]> = Constant([
    of_one(
        c"reducer_override",
        reducer_override,
        c"reducer_override($self, obj, /)\n--\n\nThe reduce value of a class or function by value, NotImplemented for \
          any other object. To be overridden; it is asked about every object but the simplest.",
    ),
    of_one(
        c"_function_reduce",
        function_reduce,
        c"_function_reduce($self, obj, /)\n--\n\nThe reduce value of a function; NotImplemented if it goes by reference.",
    ),
    of_one(
        c"_dynamic_function_reduce",
        dynamic_function_reduce,
        c"_dynamic_function_reduce($self, func, /)\n--\n\nThe reduce value of a function by value.",
    ),
    of_one(
        c"_function_getnewargs",
        getnewargs,
        c"_function_getnewargs($self, func, /)\n--\n\nThe arguments that build a function, which gets its state later.",
    ),
    end(),
]);

const DOC: &std::ffi::CStr = c"Pickler(file, protocol=None, buffer_callback=None, *, fix_imports=True)\n--\n
Pickles objects into a file, functions and classes that cannot be imported by value, as cloudpickle does. Several dumps \
share the memo.\n\nSubclasses may have a dispatch_table, a reducer_override and a persistent_id of their own.";

/// The class, without its tables.
pub fn make(base: &Owned) -> PyResult<Owned> {
    let mut slots = [
        PyType_Slot { slot: Py_tp_methods, pfunc: METHODS.as_ptr().cast() },
        PyType_Slot { slot: Py_tp_doc, pfunc: DOC.as_ptr().cast_mut().cast() },
        PyType_Slot { slot: 0, pfunc: ptr::null_mut::<c_void>() },
    ];
    let mut spec = PyType_Spec {
        name: c"libcloudpickle.Pickler".as_ptr(),
        basicsize: size_of::<PicklerObject>() as c_int,
        itemsize: 0,
        flags: (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE) as u32,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: a spec that ends with a zero slot, read during the call, and a live class; new references or NULL.
    unsafe {
        let bases = Owned::new(PyTuple_Pack(1, base.as_ptr()))?;
        Owned::new(PyType_FromSpecWithBases(&mut spec, bases.as_ptr()))
    }
}

fn not_implemented() -> Owned {
    // SAFETY: a static object.
    Owned::of(unsafe { Py_NotImplemented() })
}

unsafe extern "C" fn reducer_override(object: *mut PyObject, obj: *mut PyObject) -> *mut PyObject {
    trampoline::object(|| {
        // SAFETY: live objects and types.
        unsafe {
            if PyType_Check(obj) != 0 {
                return class_reduce(obj);
            }
            let function = &raw mut PyFunction_Type;
            if type_of(obj) != function && check(PyObject_IsInstance(obj, function.cast()))? == 0 {
                return Ok(not_implemented());
            }
        }
        call_method1(object, face::get()?.names.function_reduce.as_ptr(), obj)
    })
}

unsafe extern "C" fn function_reduce(object: *mut PyObject, func: *mut PyObject) -> *mut PyObject {
    trampoline::object(|| {
        if goes_by_reference(State::get()?, func, &mut ())? {
            return Ok(not_implemented());
        }
        call_method1(object, face::get()?.names.dynamic_function_reduce.as_ptr(), func)
    })
}

unsafe extern "C" fn dynamic_function_reduce(object: *mut PyObject, func: *mut PyObject) -> *mut PyObject {
    trampoline::object(|| {
        let face = face::get()?;
        let arguments = call_method1(object, face.names.function_getnewargs.as_ptr(), func)?;
        let state = call1(face.function_getstate()?.as_ptr(), func)?;
        let of = |wire: Wire| asking(None, |pickler| pickler.wire_object(wire));
        let (make, set) = (of(Wire::MakeFunction)?, of(Wire::FunctionSetstate)?);
        // SAFETY: live objects; a new reference.
        unsafe {
            let none = Py_None();
            let (make, set) = (make.as_ptr(), set.as_ptr());
            Owned::new(PyTuple_Pack(6, make, arguments.as_ptr(), state.as_ptr(), none, none, set))
        }
    })
}

unsafe extern "C" fn getnewargs(object: *mut PyObject, func: *mut PyObject) -> *mut PyObject {
    trampoline::object(|| {
        // SAFETY: an instance.
        let globals_ref = unsafe { with_fields(object, PicklerObject::globals_ref)? };
        function_getnewargs(func, &globals_ref)
    })
}
