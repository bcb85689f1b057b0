//! `import libcloudpickle`.

use std::ffi::{CStr, c_int, c_void};
use std::ptr;

use pyo3_ffi::*;

use super::definition::Constant;
use super::face;
use super::pickler::status;
use crate::py::attach::{BUILT_FOR, is_version_built_for, version_text};
use crate::py::error::{self, PyResult, check};
use crate::py::message::message;
use crate::py::object::{dict_get, import_from};
use crate::py::owned::Owned;
use crate::py::text;
use crate::state::State;

const NAME: &CStr = c"libcloudpickle";
const DOC: &CStr = c"Pickles functions, lambdas, closures, classes and modules by value.\n\nThe interface is that of \
                     cloudpickle, and so are the bytes; this file is also a C library (cloudpickle.h).";

/// A slot of a module.
const fn slot(slot: c_int, value: *mut c_void) -> PyModuleDef_Slot {
    PyModuleDef_Slot { slot, value }
}

#[cfg(Py_3_12)]
static SLOTS: Constant<[PyModuleDef_Slot; 3 + cfg!(Py_GIL_DISABLED) as usize]> = Constant([
    slot(Py_mod_exec, exec as *mut c_void),
    // All that is kept hangs on the interpreter.
    slot(Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED),
    // What threads share is locked, or never changes.
    #[cfg(Py_GIL_DISABLED)]
    slot(Py_mod_gil, Py_MOD_GIL_NOT_USED),
    slot(0, ptr::null_mut()),
]);

#[cfg(not(Py_3_12))]
static SLOTS: Constant<[PyModuleDef_Slot; 2]> =
    Constant([slot(Py_mod_exec, exec as *mut c_void), slot(0, ptr::null_mut())]);

static mut DEFINITION: PyModuleDef = PyModuleDef {
    m_base: PyModuleDef_HEAD_INIT,
    m_name: NAME.as_ptr(),
    m_doc: DOC.as_ptr(),
    m_size: 0,
    m_methods: ptr::null_mut(),
    m_slots: SLOTS.as_ptr().cast(),
    m_traverse: None,
    m_clear: None,
    m_free: None,
};

/// What `import libcloudpickle` calls: the definition of the module (PEP 489).
#[unsafe(no_mangle)]
#[allow(non_snake_case)]
pub extern "C" fn PyInit_libcloudpickle() -> *mut PyObject {
    if !is_version_built_for() {
        let running = version_text().to_string_lossy();
        let words =
            error::c_text(&message!("this libcloudpickle is built for CPython 3.{BUILT_FOR}, not for {running}"));
        // SAFETY: CPython imports with the GIL held; what is called has been the same in all versions.
        unsafe { PyErr_SetString(PyExc_ImportError, words.as_ptr()) };
        return ptr::null_mut();
    }
    // SAFETY: the definition is CPython's from here on, which writes to its base only.
    unsafe { PyModuleDef_Init(&raw mut DEFINITION) }
}

unsafe extern "C" fn exec(module: *mut PyObject) -> c_int {
    status(|| fill(module))
}

/// Gives a module everything that the face has.
fn fill(module: *mut PyObject) -> PyResult<()> {
    let face = face::get()?;
    // SAFETY: a live module and its dict.
    check(unsafe { PyDict_Update(PyModule_GetDict(module), face.attributes.as_ptr()) })?;
    face.watch_module(module)
}

/// The module: from `sys.modules`, else a new one that is put there, as if it had been imported from `sys.path`.
pub fn module() -> PyResult<Owned> {
    let state = State::get()?;
    let name = text::new(&NAME.to_string_lossy())?;
    let modules = state.modules()?;
    if let Some(module) = dict_get(modules.as_ptr(), name.as_ptr())? {
        return Ok(module);
    }
    let module_spec = import_from(c"importlib.machinery", c"ModuleSpec")?;
    // SAFETY: live objects; new references or NULL with an exception; the definition is a module's.
    unsafe {
        let end = ptr::null_mut::<PyObject>();
        let spec = PyObject_CallFunctionObjArgs(module_spec.as_ptr(), name.as_ptr(), Py_None(), end);
        let spec = Owned::new(spec)?;
        let definition = Owned::new(PyModuleDef_Init(&raw mut DEFINITION))?;
        let module = Owned::new(PyModule_FromDefAndSpec(&raw mut DEFINITION, spec.as_ptr()))?;
        // The definition is static: nobody counts its references.
        std::mem::forget(definition);
        check(PyObject_SetAttr(module.as_ptr(), state.names.spec.as_ptr(), spec.as_ptr()))?;
        check(PyModule_ExecDef(module.as_ptr(), &raw mut DEFINITION))?;
        check(PyDict_SetItem(modules.as_ptr(), name.as_ptr(), module.as_ptr()))?;
        Ok(module)
    }
}
