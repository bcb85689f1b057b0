//! `Unpickler`: its fields, and how one is made, used and ended.

use std::ffi::{CString, c_int, c_void};
use std::mem::offset_of;
use std::ptr;

use pyo3_ffi::*;

use super::arguments::{Signature, flag, owned, type_error};
use super::definition::{Constant, attribute, end, function, member, no_attribute, no_member, of_none, of_one};
use super::pickler::status;
use super::{face, memo_proxy};
use crate::py::contended::locked;
use crate::py::error::{PyResult, no_memory, raise};
use crate::py::layout::type_of;
use crate::py::message::{NoText, c_string, message};
use crate::py::object::{attr, call_method2, dict_get, type_attr};
use crate::py::owned::Owned;
use crate::py::{text, trampoline};
use crate::state::State;
use crate::unpickler::memo::Memo;
use crate::unpickler::options::{FindClass, Options, Report, load_from_source};
use crate::unpickler::source::FileSource;

/// An instance of our heap type or of a class that inherits it. All zeroes is one that was not initialised.
#[repr(C)]
pub struct UnpicklerObject {
    base: PyObject,
    dict: *mut PyObject,
    weakrefs: *mut PyObject,
    /// Of Rust; made by `new`, ended by `dealloc`.
    inner: Inner,
}

#[derive(Default)]
struct Inner {
    /// Made by `__init__`.
    file: Option<Owned>,
    buffers: Option<Owned>,
    fix_imports: bool,
    encoding: CString,
    errors: CString,
    /// While a load is under way the memo is with it.
    running: bool,
    /// What the pickle said that is being loaded, or was loaded last.
    protocol: u8,
    memo: Memo,
}

/// Of `Unpickler`, and of `load` and `loads`, whose first parameter is another.
pub const KEYWORDS: [&str; 5] = ["file", "fix_imports", "encoding", "errors", "buffers"];
const BASICS: Signature<5> =
    Signature { function: "Unpickler", parameters: KEYWORDS, by_position: 1, required: 1, nameless: 0 };

const FIND_CLASS: Signature<2> =
    Signature { function: "find_class", parameters: ["module", "name"], by_position: 2, required: 2, nameless: 2 };

static METHODS: Constant<[PyMethodDef; 4]> = Constant([
    of_none(c"load", load, c"load($self, /)\n--\n\nLoad the next pickle of the file."),
    function(
        c"find_class",
        find_class,
        c"find_class($self, module_name, global_name, /)\n--\n\nThe object of this name in a module, which is imported \
          if need be. To be overridden.",
    ),
    of_one(
        c"persistent_load",
        persistent_load,
        c"persistent_load($self, pid, /)\n--\n\nThe object of a persistent id: none, unless this is overridden.",
    ),
    end(),
]);

static MEMBERS: Constant<[PyMemberDef; 3]> = Constant([
    member(c"__dictoffset__", Py_T_PYSSIZET, offset_of!(UnpicklerObject, dict), Py_READONLY, c""),
    member(c"__weaklistoffset__", Py_T_PYSSIZET, offset_of!(UnpicklerObject, weakrefs), Py_READONLY, c""),
    no_member(),
]);

static ATTRIBUTES: Constant<[PyGetSetDef; 3]> = Constant([
    attribute(
        c"memo",
        get_memo,
        Some(set_memo),
        c"What was loaded so far: copy() gives a dict by number; a dict or another memo can be assigned.",
    ),
    PyGetSetDef {
        name: c"__dict__".as_ptr(),
        get: Some(PyObject_GenericGetDict),
        set: Some(PyObject_GenericSetDict),
        doc: ptr::null(),
        closure: ptr::null_mut(),
    },
    no_attribute(),
]);

const DOC: &std::ffi::CStr =
    c"Unpickler(file, *, fix_imports=True, encoding='ASCII', errors='strict', buffers=None)\n--\n
Loads pickles from a file, one after the other, those of cloudpickle without the package. The keywords are those of \
pickle.Unpickler.\n\nLoading runs code of the pickle's author's choice.";

/// The type.
pub fn make() -> PyResult<Owned> {
    let mut slots = [
        PyType_Slot { slot: Py_tp_new, pfunc: new as *mut c_void },
        PyType_Slot { slot: Py_tp_init, pfunc: init as *mut c_void },
        PyType_Slot { slot: Py_tp_dealloc, pfunc: dealloc as *mut c_void },
        PyType_Slot { slot: Py_tp_traverse, pfunc: traverse as *mut c_void },
        PyType_Slot { slot: Py_tp_clear, pfunc: clear as *mut c_void },
        PyType_Slot { slot: Py_tp_methods, pfunc: METHODS.as_ptr().cast() },
        PyType_Slot { slot: Py_tp_members, pfunc: MEMBERS.as_ptr().cast() },
        PyType_Slot { slot: Py_tp_getset, pfunc: ATTRIBUTES.as_ptr().cast() },
        PyType_Slot { slot: Py_tp_doc, pfunc: DOC.as_ptr().cast_mut().cast() },
        PyType_Slot { slot: 0, pfunc: ptr::null_mut() },
    ];
    let mut spec = PyType_Spec {
        name: c"libcloudpickle.Unpickler".as_ptr(),
        basicsize: size_of::<UnpicklerObject>() as c_int,
        itemsize: 0,
        flags: (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC) as u32,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: a spec that ends with a zero slot, read during the call; a new reference or NULL.
    unsafe { Owned::new(PyType_FromSpec(&mut spec)) }
}

/// Looks at the fields of an instance, or changes them, while no other thread does. What runs is no foreign code, and
/// drops nothing that an instance held.
///
/// # Safety
/// An instance.
pub unsafe fn with_fields<R>(object: *mut PyObject, run: impl FnOnce(&mut UnpicklerObject) -> R) -> R {
    // SAFETY: as the caller says; the object is locked, and nothing that could look at it once more runs meanwhile.
    locked(object, || run(unsafe { &mut *object.cast() }))
}

impl UnpicklerObject {
    /// The memo, unless a load is under way.
    pub fn memo(&mut self) -> PyResult<&mut Memo> {
        self.refuse_running()?;
        Ok(&mut self.inner.memo)
    }

    fn refuse_running(&self) -> PyResult<()> {
        if self.inner.running {
            // SAFETY: a static exception type.
            return Err(raise(unsafe { PyExc_RuntimeError }, "Unpickler object is already used"));
        }
        Ok(())
    }
}

/// The text of an argument, or the default.
pub fn c_text(argument: *mut PyObject, name: &str, default: &str) -> PyResult<CString> {
    let text = if argument.is_null() {
        default
    } else {
        // SAFETY: a live object.
        if unsafe { PyUnicode_Check(argument) } == 0 {
            let given = text::type_name(type_of(argument));
            return Err(type_error(&message!("Unpickler() argument '{name}' must be str, not {given}")));
        }
        text::utf8(argument)?
    };
    c_string(text.as_bytes()).map_err(|no| match no {
        NoText::Nul => super::arguments::value_error("embedded null character"),
        NoText::Memory => no_memory(),
    })
}

unsafe extern "C" fn new(ty: *mut PyTypeObject, _: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    trampoline::object(|| {
        // SAFETY: a type that inherits ours; a new reference, all zero behind its head.
        let object = unsafe { Owned::new(PyType_GenericAlloc(ty, 0))? };
        // SAFETY: a new instance that nobody else has seen; the place holds no value yet.
        unsafe { (&raw mut (*object.as_ptr().cast::<UnpicklerObject>()).inner).write(Inner::default()) };
        Ok(object)
    })
}

unsafe extern "C" fn init(object: *mut PyObject, args: *mut PyObject, keywords: *mut PyObject) -> c_int {
    status(|| {
        let [file, fix_imports, encoding, errors, buffers] = BASICS.bind_call(args, keywords)?;
        let encoding = c_text(encoding, "encoding", "ASCII")?;
        let errors = c_text(errors, "errors", "strict")?;
        let fix_imports = flag(fix_imports, true)?;
        FileSource::new(file)?;
        // SAFETY: the iterable is live; a new reference or NULL with an exception.
        let buffers = owned(buffers).map(|buffers| unsafe { Owned::new(PyObject_GetIter(buffers.as_ptr())) });
        let buffers = buffers.transpose()?;
        let inner = Inner {
            file: Some(Owned::of(file)),
            buffers,
            fix_imports,
            encoding,
            errors,
            running: false,
            protocol: 0,
            memo: Memo::default(),
        };
        let set = |this: &mut UnpicklerObject| {
            this.refuse_running()?;
            Ok(std::mem::replace(&mut this.inner, inner))
        };
        // SAFETY: an instance.
        unsafe { with_fields(object, set) }.map(drop)
    })
}

/// The attribute of an instance, unless it is what our own class has under this name.
fn overridden(object: *mut PyObject, name: *mut PyObject, own: &Owned) -> PyResult<Option<Owned>> {
    let class = type_of(object);
    // SAFETY: an instance, which holds its dict, and two live classes.
    let (dict, plain) = unsafe {
        let ours = face::get()?.unpickler.as_ptr().cast::<PyTypeObject>();
        let get = |class: *mut PyTypeObject| (*class).tp_getattro.map(|get| get as usize);
        let dict = with_fields(object, |this| (!this.dict.is_null()).then(|| Owned::of(this.dict)));
        (dict, get(class) == get(ours))
    };
    let in_class = type_attr(class, name).is_some_and(|found| found.as_ptr() == own.as_ptr());
    if plain && in_class && dict.map_or(Ok(true), |dict| Ok(dict_get(dict.as_ptr(), name)?.is_none()))? {
        return Ok(None);
    }
    attr(object, name).map(Some)
}

/// The instance's own `find_class`.
struct Policy {
    object: *mut PyObject,
    name: *mut PyObject,
}

impl FindClass for Policy {
    fn find(&mut self, module: *mut PyObject, name: *mut PyObject, protocol: u8) -> PyResult<Option<Owned>> {
        // SAFETY: an instance.
        unsafe { with_fields(self.object, |this| this.inner.protocol = protocol) };
        call_method2(self.object, self.name, module, name).map(Some)
    }
}

unsafe extern "C" fn load(object: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    trampoline::object(|| {
        let face = face::get()?;
        // SAFETY: an instance.
        let file = unsafe { with_fields(object, |this| this.inner.file.clone()) };
        let Some(file) = file else {
            let name = text::type_name(type_of(object));
            let message = message!("Unpickler.__init__() was not called by {name}.__init__()");
            return Err(State::get()?.imports.raise_unpickling(&message));
        };
        let mut source = FileSource::new(file.as_ptr())?;
        let has_policy = overridden(object, face.names.find_class.as_ptr(), &face.own.find_class)?.is_some();
        let persistent = overridden(object, face.names.persistent_load.as_ptr(), &face.own.persistent_load)?;
        let mut policy = Policy { object, name: face.names.find_class.as_ptr() };
        let begin = |this: &mut UnpicklerObject| {
            this.refuse_running()?;
            this.inner.running = true;
            let inner = &mut this.inner;
            let texts = (inner.encoding.clone(), inner.errors.clone());
            Ok((inner.buffers.clone(), inner.fix_imports, texts.0, texts.1, std::mem::take(&mut inner.memo)))
        };
        // SAFETY: an instance.
        let (buffers, fix_imports, encoding, errors, mut memo) = unsafe { with_fields(object, begin)? };
        let options = Options {
            find_class: if has_policy { Some(&mut policy) } else { None },
            persistent_load: persistent.as_ref().map(Owned::as_ptr),
            buffers: buffers.as_ref().map(Owned::as_ptr),
            fix_imports,
            encoding: &encoding,
            errors: &errors,
            memo: Some(&mut memo),
            ..Options::default()
        };
        let mut report = Report::default();
        let loaded = load_from_source(&mut source, options, &mut report);
        let end = |this: &mut UnpicklerObject| {
            this.inner.running = false;
            this.inner.protocol = report.protocol;
            std::mem::replace(&mut this.inner.memo, memo)
        };
        // SAFETY: as above.
        drop(unsafe { with_fields(object, end) });
        loaded
    })
}

unsafe extern "C" fn find_class(
    object: *mut PyObject,
    args: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    trampoline::object(|| {
        // SAFETY: as the calling convention says.
        let [module, name] = unsafe { FIND_CLASS.bind(args, count, names)? };
        // SAFETY: an instance.
        let (protocol, fix_imports) =
            unsafe { with_fields(object, |this| (this.inner.protocol, this.inner.fix_imports)) };
        // SAFETY: live objects.
        if unsafe { PyUnicode_Check(module) == 0 || PyUnicode_Check(name) == 0 } {
            return Err(type_error("find_class() takes two str"));
        }
        crate::unpickler::find_class(&Owned::of(module), &Owned::of(name), protocol, fix_imports)
    })
}

unsafe extern "C" fn persistent_load(_: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    trampoline::object(|| {
        let message =
            "A load persistent id instruction was encountered, but no persistent_load function was specified.";
        Err(State::get()?.imports.raise_unpickling(message))
    })
}

unsafe extern "C" fn get_memo(object: *mut PyObject, _: *mut c_void) -> *mut PyObject {
    trampoline::object(|| memo_proxy::new(face::get()?.unpickler_memo_proxy.as_ptr(), object))
}

unsafe extern "C" fn set_memo(object: *mut PyObject, value: *mut PyObject, _: *mut c_void) -> c_int {
    status(|| {
        if value.is_null() {
            return Err(type_error("attribute deletion is not supported"));
        }
        let memo = memo_proxy::load_memo_of(value)?;
        // SAFETY: an instance.
        unsafe { with_fields(object, |this| this.memo().map(|old| std::mem::replace(old, memo))) }.map(drop)
    })
}

unsafe extern "C" fn traverse(object: *mut PyObject, visit: visitproc, arg: *mut c_void) -> c_int {
    // SAFETY: an instance, which the collector looks at while nothing else runs.
    unsafe {
        let this = &*object.cast::<UnpicklerObject>();
        let inner = &this.inner;
        let held = [
            Py_TYPE(object).cast(),
            this.dict,
            inner.file.as_ref().map_or(ptr::null_mut(), Owned::as_ptr),
            inner.buffers.as_ref().map_or(ptr::null_mut(), Owned::as_ptr),
        ];
        for object in held.into_iter().filter(|object| !object.is_null()).chain(inner.memo.entries().map(|(_, o)| o)) {
            let answer = visit(object, arg);
            if answer != 0 {
                return answer;
            }
        }
    }
    0
}

unsafe extern "C" fn clear(object: *mut PyObject) -> c_int {
    // SAFETY: an instance that no thread uses; what it held is dropped once it does not lead there any more.
    unsafe {
        let this = &mut *object.cast::<UnpicklerObject>();
        let inner = (!this.inner.running).then(|| std::mem::take(&mut this.inner));
        let dict = Owned::new_or_none(std::mem::replace(&mut this.dict, ptr::null_mut()));
        drop((inner, dict));
    }
    0
}

unsafe extern "C" fn dealloc(object: *mut PyObject) {
    // SAFETY: CPython calls this once, with an instance, which holds a reference to its type.
    unsafe {
        PyObject_GC_UnTrack(object.cast());
        if !(*object.cast::<UnpicklerObject>()).weakrefs.is_null() {
            PyObject_ClearWeakRefs(object);
        }
        clear(object);
        ptr::drop_in_place(&raw mut (*object.cast::<UnpicklerObject>()).inner);
        let ty = Py_TYPE(object);
        if let Some(free) = (*ty).tp_free {
            free(object.cast());
        }
        Py_DECREF(ty.cast());
    }
}
