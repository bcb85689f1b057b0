//! `Pickler.dispatch_table`, a `collections.ChainMap`, made when it is first asked for: the import of collections takes
//! longer than all the rest of `import libcloudpickle`.

use std::ffi::c_int;
use std::ptr;

use pyo3_ffi::*;

use super::face;
use crate::py::error::PyResult;
use crate::py::object::{attr, import_from};
use crate::py::owned::Owned;
use crate::py::{text, trampoline};
use crate::state::State;

/// The mapping, and the list of what it chains.
pub struct Chain {
    pub mapping: Owned,
    pub maps: Owned,
}

/// Chains our own reducers with copyreg's.
pub fn make(reducers: &Owned) -> PyResult<Chain> {
    let chain_map = import_from(c"collections", c"ChainMap")?;
    let copyreg = State::get()?.imports.dispatch_table.as_ptr();
    let end = ptr::null_mut::<PyObject>();
    // SAFETY: live objects; a new reference or NULL with an exception.
    let mapping =
        unsafe { Owned::new(PyObject_CallFunctionObjArgs(chain_map.as_ptr(), reducers.as_ptr(), copyreg, end))? };
    Ok(Chain { maps: attr(mapping.as_ptr(), text::new("maps")?.as_ptr())?, mapping })
}

/// What stands in the class until somebody asks for the mapping.
pub fn promise() -> PyResult<Owned> {
    let mut slots = [
        PyType_Slot { slot: Py_tp_descr_get, pfunc: get as *mut std::ffi::c_void },
        PyType_Slot { slot: 0, pfunc: ptr::null_mut() },
    ];
    let mut spec = PyType_Spec {
        name: c"libcloudpickle.DispatchTable".as_ptr(),
        basicsize: size_of::<PyObject>() as c_int,
        itemsize: 0,
        flags: Py_TPFLAGS_DEFAULT as u32,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: a spec that ends with a zero slot, read during the call; new references or NULL with an exception.
    unsafe {
        let class = Owned::new(PyType_FromSpec(&mut spec))?;
        Owned::new(PyObject_CallNoArgs(class.as_ptr()))
    }
}

unsafe extern "C" fn get(_: *mut PyObject, _: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    trampoline::object(|| Ok(face::get()?.chain()?.mapping.clone()))
}
