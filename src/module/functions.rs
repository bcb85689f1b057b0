//! The public functions: dump, dumps, load, loads, the register of modules, install.

use pyo3_ffi::*;

use super::arguments::{Signature, flag, given};
use super::definition::{Constant, function, of_none, of_one};
use super::pickler::{self, check_buffers, protocol, write_of};
use super::unpickler::c_text;
use super::{face, install};
use crate::decide::registry;
use crate::pickler::{FileSink, Options, Report, SaysWhere, dump_to_bytes, dump_to_sink};
use crate::py::error::{PyResult, check};
use crate::py::object::{call1, is_true};
use crate::py::owned::Owned;
use crate::py::trampoline;
use crate::unpickler::options::{self as load_options, load_from_memory, load_from_source};
use crate::unpickler::source::FileSource;

const DUMP: Signature<5> = Signature {
    function: "dump",
    parameters: ["obj", "file", "protocol", "buffer_callback", "fix_imports"],
    by_position: 4,
    required: 2,
    nameless: 0,
};
const DUMPS: Signature<4> = Signature {
    function: "dumps",
    parameters: ["obj", "protocol", "buffer_callback", "fix_imports"],
    by_position: 3,
    required: 1,
    nameless: 0,
};
const LOAD: Signature<5> = Signature {
    function: "load",
    parameters: ["file", "fix_imports", "encoding", "errors", "buffers"],
    by_position: 1,
    required: 1,
    nameless: 0,
};
const LOADS: Signature<5> = Signature {
    function: "loads",
    parameters: ["data", "fix_imports", "encoding", "errors", "buffers"],
    by_position: 1,
    required: 1,
    nameless: 1,
};
const INSTALL: Signature<2> =
    Signature { function: "install", parameters: ["replace", "package"], by_position: 1, required: 0, nameless: 0 };

/// Each public function.
pub static FUNCTIONS: &Constant<[PyMethodDef; 8]> = &Constant([
    function(
        c"dump",
        dump,
        c"dump(obj, file, protocol=None, buffer_callback=None, *, fix_imports=True)\n--\n\n\
          Write the pickle of obj to a file that is open for writing bytes.\n\nprotocol is the highest by default; \
          buffer_callback is called with each PickleBuffer (protocol 5), which goes in band if it answers true.",
    ),
    function(
        c"dumps",
        dumps,
        c"dumps(obj, protocol=None, buffer_callback=None, *, fix_imports=True)\n--\n\n\
          The pickle of obj as bytes.\n\nprotocol is the highest by default; buffer_callback is called with each \
          PickleBuffer (protocol 5), which goes in band if it answers true.",
    ),
    function(
        c"load",
        load,
        c"load(file, *, fix_imports=True, encoding='ASCII', errors='strict', buffers=None)\n--\n\n\
          Load one pickle from a file that is open for reading bytes, those of cloudpickle without the package.\n\n\
          Loading runs code of the pickle's author's choice.",
    ),
    function(
        c"loads",
        loads,
        c"loads(data, /, *, fix_imports=True, encoding='ASCII', errors='strict', buffers=None)\n--\n\n\
          Load a pickle from bytes, those of cloudpickle without the package.\n\nLoading runs code of the pickle's \
          author's choice.",
    ),
    of_one(
        c"register_pickle_by_value",
        register,
        c"register_pickle_by_value(module, /)\n--\n\nPickle the functions and classes of an imported module, \
          and of its submodules, by value.",
    ),
    of_one(
        c"unregister_pickle_by_value",
        unregister,
        c"unregister_pickle_by_value(module, /)\n--\n\nPickle them by reference again.",
    ),
    of_none(
        c"list_registry_pickle_by_value",
        list_registry,
        c"list_registry_pickle_by_value()\n--\n\nThe names of the modules that are pickled by value: a copy of \
          the set.",
    ),
    function(
        c"install",
        install_function,
        c"install(replace=False, *, package='cloudpickle')\n--\n\n\
          Make `import cloudpickle` give this module, where the package is absent, or, with replace, also where it is \
          present. package names another one whose place is taken, such as a copy that a framework brings along. Says \
          whether the place was taken.",
    ),
]);

fn none() -> Owned {
    // SAFETY: a static object.
    Owned::of(unsafe { Py_None() })
}

/// Asks a callback about a buffer: is it written in band?
fn ask(callback: *mut PyObject, buffer: *mut PyObject) -> PyResult<bool> {
    is_true(call1(callback, buffer)?.as_ptr())
}

unsafe extern "C" fn dumps(
    _: *mut PyObject,
    args: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    trampoline::object(|| {
        // SAFETY: as the calling convention says.
        let [obj, asked, callback, fix_imports] = unsafe { DUMPS.bind(args, count, names)? };
        let (protocol, fix_imports) = (protocol(asked)?, flag(fix_imports, true)?);
        let callback = given(callback);
        check_buffers(callback, protocol)?;
        let face = face::get()?;
        if !face.is_stock()? {
            let pickler = pickler::for_bytes(face.pickler.as_ptr(), protocol, callback, fix_imports)?;
            return pickler::to_bytes(pickler.as_ptr(), obj);
        }
        let mut options = Options { protocol, fix_imports, says_where: SaysWhere::InNotes, ..Options::default() };
        let mut offer = |buffer| callback.map_or(Ok(true), |callback| ask(callback, buffer));
        if callback.is_some() {
            options.buffer_callback = Some(&mut offer);
        }
        dump_to_bytes(obj, options, &mut Report::default())
    })
}

unsafe extern "C" fn dump(
    _: *mut PyObject,
    args: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    trampoline::object(|| {
        // SAFETY: as the calling convention says.
        let [obj, file, asked, callback, fix_imports] = unsafe { DUMP.bind(args, count, names)? };
        let (protocol, fix_imports) = (protocol(asked)?, flag(fix_imports, true)?);
        let callback = given(callback);
        check_buffers(callback, protocol)?;
        let mut sink = FileSink::new(write_of(file)?);
        let face = face::get()?;
        if !face.is_stock()? {
            let pickler = pickler::for_bytes(face.pickler.as_ptr(), protocol, callback, fix_imports)?;
            pickler::to_sink(pickler.as_ptr(), obj, &mut sink)?;
            return Ok(none());
        }
        let mut options = Options { protocol, fix_imports, says_where: SaysWhere::InNotes, ..Options::default() };
        let mut offer = |buffer| callback.map_or(Ok(true), |callback| ask(callback, buffer));
        if callback.is_some() {
            options.buffer_callback = Some(&mut offer);
        }
        dump_to_sink(obj, options, &mut sink, &mut Report::default())?;
        Ok(none())
    })
}

unsafe extern "C" fn loads(
    _: *mut PyObject,
    args: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    trampoline::object(|| {
        // SAFETY: as the calling convention says.
        let [data, fix_imports, encoding, errors, buffers] = unsafe { LOADS.bind(args, count, names)? };
        let (encoding, errors) = (c_text(encoding, "encoding", "ASCII")?, c_text(errors, "errors", "strict")?);
        let options = load_options::Options {
            fix_imports: flag(fix_imports, true)?,
            encoding: &encoding,
            errors: &errors,
            buffers: given(buffers),
            ..load_options::Options::default()
        };
        let mut view = Py_buffer::new();
        // SAFETY: a live object, and a Py_buffer to fill.
        check(unsafe { PyObject_GetBuffer(data, &mut view, PyBUF_SIMPLE) })?;
        let bytes = if view.len == 0 {
            &[]
        } else {
            // SAFETY: the view holds so many bytes until it is released.
            unsafe { std::slice::from_raw_parts(view.buf.cast::<u8>(), view.len as usize) }
        };
        let loaded = load_from_memory(bytes, options, &mut load_options::Report::default());
        // SAFETY: filled above, released once.
        unsafe { PyBuffer_Release(&mut view) };
        loaded.map(|(object, _)| object)
    })
}

unsafe extern "C" fn load(
    _: *mut PyObject,
    args: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    trampoline::object(|| {
        // SAFETY: as the calling convention says.
        let [file, fix_imports, encoding, errors, buffers] = unsafe { LOAD.bind(args, count, names)? };
        let (encoding, errors) = (c_text(encoding, "encoding", "ASCII")?, c_text(errors, "errors", "strict")?);
        let options = load_options::Options {
            fix_imports: flag(fix_imports, true)?,
            encoding: &encoding,
            errors: &errors,
            buffers: given(buffers),
            ..load_options::Options::default()
        };
        load_from_source(&mut FileSource::new(file)?, options, &mut load_options::Report::default())
    })
}

unsafe extern "C" fn register(_: *mut PyObject, module: *mut PyObject) -> *mut PyObject {
    trampoline::object(|| registry::register(module).map(|()| none()))
}

unsafe extern "C" fn unregister(_: *mut PyObject, module: *mut PyObject) -> *mut PyObject {
    trampoline::object(|| registry::unregister(module).map(|()| none()))
}

unsafe extern "C" fn list_registry(_: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    trampoline::object(registry::list)
}

unsafe extern "C" fn install_function(
    _: *mut PyObject,
    args: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    trampoline::object(|| {
        // SAFETY: as the calling convention says.
        let [replace, package] = unsafe { INSTALL.bind(args, count, names)? };
        let took = install::install(flag(replace, false)?, given(package))?;
        // SAFETY: static objects.
        Ok(Owned::of(unsafe { if took { Py_True() } else { Py_False() } }))
    })
}
