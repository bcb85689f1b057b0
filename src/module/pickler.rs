//! `Pickler`: its fields, and how one is made, used and ended.

use std::ffi::{c_int, c_void};
use std::mem::offset_of;
use std::ptr;

use pyo3_ffi::*;

use super::arguments::{Signature, flag, given, int, owned, type_error, value_error};
use super::definition::{Constant, attribute, end, function, member, no_attribute, no_member, of_none, of_one};
use super::hooks::Hooks;
use super::{face, memo_proxy};
use crate::pickler::memo::Memo;
use crate::pickler::{FileSink, Options, Report, SaysWhere, dump_to_bytes, dump_with_memo};
use crate::protocol::opcode::HIGHEST;
use crate::py::contended::locked;
use crate::py::error::{PyResult, raise};
use crate::py::layout::type_of;
use crate::py::message::message;
use crate::py::object::{call1, is_true, optional_attr};
use crate::py::owned::Owned;
use crate::py::{text, trampoline};
use crate::state::State;

/// An instance of our heap type or of a class that inherits it. All zeroes is one that was not initialised.
#[repr(C)]
pub struct PicklerObject {
    base: PyObject,
    /// What was set through the member `dispatch_table`; NULL: the attribute of this name counts.
    pub dispatch_table: *mut PyObject,
    pub dict: *mut PyObject,
    weakrefs: *mut PyObject,
    /// `id(globals)` -> what functions with these globals share; NULL: nothing yet.
    globals_ref: *mut PyObject,
    bin: c_int,
    pub fast: c_int,
    proto: c_int,
    /// Of Rust; made by `new`, ended by `dealloc`.
    inner: Inner,
}

#[derive(Default)]
struct Inner {
    /// Made by `__init__`.
    write: Option<Owned>,
    buffer_callback: Option<Owned>,
    fix_imports: bool,
    /// While a dump is under way the memo is with it.
    running: bool,
    memo: Memo,
}

const BASICS: Signature<4> = Signature {
    function: "Pickler",
    parameters: ["file", "protocol", "buffer_callback", "fix_imports"],
    by_position: 3,
    required: 1,
    nameless: 0,
};

const DUMP: Signature<1> = Signature::new("dump", ["obj"], 1);

static METHODS: Constant<[PyMethodDef; 4]> = Constant([
    function(c"dump", dump, c"dump($self, /, obj)\n--\n\nWrite the pickle of obj to the file."),
    of_none(
        c"clear_memo",
        clear_memo,
        c"clear_memo($self, /)\n--\n\nForget which objects were pickled already: they will be pickled anew, not by \
          reference.",
    ),
    of_one(
        c"persistent_id",
        persistent_id,
        c"persistent_id($self, obj, /)\n--\n\nThe id of an object that is to be pickled as this id alone; None: \
          pickle it as usual. To be overridden.",
    ),
    end(),
]);

static MEMBERS: Constant<[PyMemberDef; 7]> = Constant([
    member(
        c"dispatch_table",
        Py_T_OBJECT_EX,
        offset_of!(PicklerObject, dispatch_table),
        0,
        c"Mapping from types to reducers, read at each dump.",
    ),
    member(c"bin", Py_T_INT, offset_of!(PicklerObject, bin), 0, c"True from protocol 1 on."),
    member(c"fast", Py_T_INT, offset_of!(PicklerObject, fast), 0, c"If true, nothing is memoised."),
    member(c"proto", Py_T_INT, offset_of!(PicklerObject, proto), 0, c"The protocol of the pickles."),
    member(c"__dictoffset__", Py_T_PYSSIZET, offset_of!(PicklerObject, dict), Py_READONLY, c""),
    member(c"__weaklistoffset__", Py_T_PYSSIZET, offset_of!(PicklerObject, weakrefs), Py_READONLY, c""),
    no_member(),
]);

static ATTRIBUTES: Constant<[PyGetSetDef; 4]> = Constant([
    attribute(
        c"memo",
        get_memo,
        Some(set_memo),
        c"Which objects were pickled so far: copy() gives a dict of pairs by id; a dict or another memo can be assigned.",
    ),
    attribute(
        c"globals_ref",
        get_globals_ref,
        Some(set_globals_ref),
        c"What functions with the same globals share, by the id of the globals.",
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

/// The base of `Pickler`: all but cloudpickle's own methods and tables.
pub fn make_base() -> PyResult<Owned> {
    let mut slots = [
        PyType_Slot { slot: Py_tp_new, pfunc: new as *mut c_void },
        PyType_Slot { slot: Py_tp_init, pfunc: init as *mut c_void },
        PyType_Slot { slot: Py_tp_dealloc, pfunc: dealloc as *mut c_void },
        PyType_Slot { slot: Py_tp_traverse, pfunc: traverse as *mut c_void },
        PyType_Slot { slot: Py_tp_clear, pfunc: clear as *mut c_void },
        PyType_Slot { slot: Py_tp_methods, pfunc: METHODS.as_ptr().cast() },
        PyType_Slot { slot: Py_tp_members, pfunc: MEMBERS.as_ptr().cast() },
        PyType_Slot { slot: Py_tp_getset, pfunc: ATTRIBUTES.as_ptr().cast() },
        PyType_Slot { slot: Py_tp_doc, pfunc: c"What Pickler inherits.".as_ptr().cast_mut().cast() },
        PyType_Slot { slot: 0, pfunc: ptr::null_mut() },
    ];
    let mut spec = PyType_Spec {
        name: c"libcloudpickle._Pickler".as_ptr(),
        basicsize: size_of::<PicklerObject>() as c_int,
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
/// An instance of the base.
pub unsafe fn with_fields<R>(object: *mut PyObject, run: impl FnOnce(&mut PicklerObject) -> R) -> R {
    // SAFETY: as the caller says; the object is locked, and nothing that could look at it once more runs meanwhile.
    locked(object, || run(unsafe { &mut *object.cast() }))
}

impl PicklerObject {
    /// The memo, unless a dump is under way.
    pub fn memo(&mut self) -> PyResult<&mut Memo> {
        self.refuse_running()?;
        Ok(&mut self.inner.memo)
    }

    fn refuse_running(&self) -> PyResult<()> {
        if self.inner.running {
            // SAFETY: a static exception type.
            return Err(raise(unsafe { PyExc_RuntimeError }, "Pickler object is already used"));
        }
        Ok(())
    }

    /// The dict in `globals_ref`, made at the first question.
    pub fn globals_ref(&mut self) -> PyResult<Owned> {
        if self.globals_ref.is_null() {
            // SAFETY: attached; a new reference.
            self.globals_ref = unsafe { Owned::new(PyDict_New())? }.into_ptr();
        }
        Ok(Owned::of(self.globals_ref))
    }
}

/// The protocol that an argument asks for.
pub fn protocol(argument: *mut PyObject) -> PyResult<u8> {
    let Some(argument) = given(argument) else { return Ok(HIGHEST) };
    match int(argument)? {
        given if given < 0 => Ok(HIGHEST),
        given if given <= HIGHEST.into() => Ok(given as u8),
        _ => Err(value_error(&message!("pickle protocol must be <= {HIGHEST}"))),
    }
}

/// Refuses a callback that could not be called.
pub fn check_buffers(callback: Option<*mut PyObject>, protocol: u8) -> PyResult<()> {
    if callback.is_some() && protocol < 5 {
        return Err(value_error("buffer_callback needs protocol >= 5"));
    }
    Ok(())
}

/// The method `write` of a file.
pub fn write_of(file: *mut PyObject) -> PyResult<Owned> {
    optional_attr(file, State::get()?.names.write.as_ptr())?
        .ok_or_else(|| type_error("file must have a 'write' attribute"))
}

unsafe extern "C" fn new(ty: *mut PyTypeObject, _: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    trampoline::object(|| {
        // SAFETY: a type that inherits ours; a new reference, all zero behind its head.
        let object = unsafe { Owned::new(PyType_GenericAlloc(ty, 0))? };
        // SAFETY: a new instance that nobody else has seen; the place holds no value yet.
        unsafe { (&raw mut (*object.as_ptr().cast::<PicklerObject>()).inner).write(Inner::default()) };
        Ok(object)
    })
}

unsafe extern "C" fn init(object: *mut PyObject, args: *mut PyObject, keywords: *mut PyObject) -> c_int {
    status(|| {
        let [file, asked, callback, fix_imports] = BASICS.bind_call(args, keywords)?;
        let protocol = protocol(asked)?;
        check_buffers(given(callback), protocol)?;
        let fix_imports = flag(fix_imports, true)?;
        let write = write_of(file)?;
        let inner = Inner {
            write: Some(write),
            buffer_callback: owned(callback),
            fix_imports,
            running: false,
            memo: Memo::default(),
        };
        // SAFETY: an instance, whose reference to the old globals is taken over.
        let old = unsafe {
            with_fields(object, |this| {
                this.refuse_running()?;
                this.proto = protocol.into();
                this.bin = (protocol > 0).into();
                let globals = Owned::new_or_none(std::mem::replace(&mut this.globals_ref, ptr::null_mut()));
                Ok((std::mem::replace(&mut this.inner, inner), globals))
            })
        };
        old.map(drop)
    })
}

/// The answer of a function that says 0 or -1.
pub fn status(body: impl FnOnce() -> PyResult<()>) -> c_int {
    trampoline::catch(body).map_or(-1, |()| 0)
}

unsafe extern "C" fn dump(
    object: *mut PyObject,
    args: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    trampoline::object(|| {
        // SAFETY: as the calling convention says.
        let [obj] = unsafe { DUMP.bind(args, count, names)? };
        // SAFETY: an instance.
        let write = unsafe { with_fields(object, |this| this.inner.write.clone()) };
        let Some(write) = write else {
            let name = text::type_name(type_of(object));
            let message = message!("Pickler.__init__() was not called by {name}.__init__()");
            return Err(State::get()?.imports.raise_pickling(&message));
        };
        let mut sink = FileSink::new(write);
        to_sink(object, obj, &mut sink)?;
        // SAFETY: a static object.
        Ok(Owned::of(unsafe { Py_None() }))
    })
}

/// A dump to bytes by an instance, be it initialised or not.
pub fn to_bytes(object: *mut PyObject, obj: *mut PyObject) -> PyResult<Owned> {
    match run(object, obj, None)? {
        Some(bytes) => Ok(bytes),
        // SAFETY: a static exception type.
        None => Err(raise(unsafe { PyExc_SystemError }, "a dump without a file gave no bytes")),
    }
}

/// A dump to a sink.
pub fn to_sink(object: *mut PyObject, obj: *mut PyObject, sink: &mut FileSink) -> PyResult<()> {
    run(object, obj, Some(sink)).map(drop)
}

/// Runs one dump with what the instance says, to bytes if there is no sink.
fn run(object: *mut PyObject, obj: *mut PyObject, sink: Option<&mut FileSink>) -> PyResult<Option<Owned>> {
    let hooks = Hooks::of(object)?;
    let begin = |this: &mut PicklerObject| {
        this.refuse_running()?;
        let Ok(protocol @ 0..=HIGHEST) = u8::try_from(this.proto) else {
            return Err(value_error(&message!("pickle protocol must be <= {HIGHEST}")));
        };
        this.inner.running = true;
        let callback = this.inner.buffer_callback.clone();
        Ok((protocol, this.inner.fix_imports, this.fast != 0, callback, std::mem::take(&mut this.inner.memo)))
    };
    // SAFETY: an instance.
    let (protocol, fix_imports, fast, callback, mut memo) = unsafe { with_fields(object, begin)? };
    let mut offer = |buffer: *mut PyObject| match &callback {
        Some(callback) => is_true(call1(callback.as_ptr(), buffer)?.as_ptr()),
        None => Ok(true),
    };
    let mut options = Options { protocol, fix_imports, fast, says_where: SaysWhere::InNotes, ..Options::default() };
    hooks.fill(&mut options);
    if callback.is_some() {
        options.buffer_callback = Some(&mut offer);
    }
    let mut report = Report::default();
    let dumped = match sink {
        Some(sink) => dump_with_memo(obj, options, sink, &mut memo, &mut report).map(|()| None),
        None => dump_to_bytes(obj, options, &mut report).map(Some),
    };
    let end = |this: &mut PicklerObject| {
        this.inner.running = false;
        std::mem::replace(&mut this.inner.memo, memo)
    };
    // SAFETY: as above.
    drop(unsafe { with_fields(object, end) });
    dumped
}

unsafe extern "C" fn clear_memo(object: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    trampoline::object(|| {
        // SAFETY: an instance.
        drop(unsafe { with_fields(object, |this| this.memo().map(std::mem::take)) }?);
        // SAFETY: a static object.
        Ok(Owned::of(unsafe { Py_None() }))
    })
}

unsafe extern "C" fn persistent_id(_: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: a static object.
    Owned::of(unsafe { Py_None() }).into_ptr()
}

unsafe extern "C" fn get_memo(object: *mut PyObject, _: *mut c_void) -> *mut PyObject {
    trampoline::object(|| memo_proxy::new(face::get()?.memo_proxy.as_ptr(), object))
}

unsafe extern "C" fn set_memo(object: *mut PyObject, value: *mut PyObject, _: *mut c_void) -> c_int {
    status(|| {
        if value.is_null() {
            return Err(type_error("attribute deletion is not supported"));
        }
        let memo = memo_proxy::memo_of(value)?;
        // SAFETY: an instance.
        unsafe { with_fields(object, |this| this.memo().map(|old| std::mem::replace(old, memo))) }.map(drop)
    })
}

unsafe extern "C" fn get_globals_ref(object: *mut PyObject, _: *mut c_void) -> *mut PyObject {
    // SAFETY: an instance.
    trampoline::object(|| unsafe { with_fields(object, PicklerObject::globals_ref) })
}

unsafe extern "C" fn set_globals_ref(object: *mut PyObject, value: *mut PyObject, _: *mut c_void) -> c_int {
    status(|| {
        // SAFETY: NULL or a live object.
        if value.is_null() || unsafe { PyDict_Check(value) } == 0 {
            return Err(type_error("globals_ref must be a dict"));
        }
        let value = Owned::of(value).into_ptr();
        // SAFETY: an instance.
        let old = unsafe { with_fields(object, |this| std::mem::replace(&mut this.globals_ref, value)) };
        // SAFETY: the reference was the instance's.
        drop(unsafe { Owned::new_or_none(old) });
        Ok(())
    })
}

unsafe extern "C" fn traverse(object: *mut PyObject, visit: visitproc, arg: *mut c_void) -> c_int {
    // SAFETY: an instance, which the collector looks at while nothing else runs.
    unsafe {
        let this = &*object.cast::<PicklerObject>();
        let inner = &this.inner;
        let held = [
            Py_TYPE(object).cast(),
            this.dispatch_table,
            this.dict,
            this.globals_ref,
            inner.write.as_ref().map_or(ptr::null_mut(), Owned::as_ptr),
            inner.buffer_callback.as_ref().map_or(ptr::null_mut(), Owned::as_ptr),
        ];
        for object in held.into_iter().chain(inner.memo.held()).filter(|object| !object.is_null()) {
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
        let this = &mut *object.cast::<PicklerObject>();
        let inner = (!this.inner.running).then(|| std::mem::take(&mut this.inner));
        let held = [&mut this.dispatch_table, &mut this.dict, &mut this.globals_ref]
            .map(|field| Owned::new_or_none(std::mem::replace(field, ptr::null_mut())));
        drop((inner, held));
    }
    0
}

unsafe extern "C" fn dealloc(object: *mut PyObject) {
    // SAFETY: CPython calls this once, with an instance, which holds a reference to its type.
    unsafe {
        PyObject_GC_UnTrack(object.cast());
        if !(*object.cast::<PicklerObject>()).weakrefs.is_null() {
            PyObject_ClearWeakRefs(object);
        }
        clear(object);
        ptr::drop_in_place(&raw mut (*object.cast::<PicklerObject>()).inner);
        let ty = Py_TYPE(object);
        if let Some(free) = (*ty).tp_free {
            free(object.cast());
        }
        Py_DECREF(ty.cast());
    }
}

/// An instance of a class that was not initialised: for `dumps`, which has no file.
pub fn for_bytes(
    class: *mut PyObject,
    protocol: u8,
    callback: Option<*mut PyObject>,
    fix_imports: bool,
) -> PyResult<Owned> {
    // SAFETY: a class that inherits our base, as the caller of this looked up.
    let object = unsafe { Owned::new(new(class.cast(), ptr::null_mut(), ptr::null_mut()))? };
    // SAFETY: a new instance.
    unsafe {
        with_fields(object.as_ptr(), |this| {
            this.proto = protocol.into();
            this.bin = (protocol > 0).into();
            this.inner.fix_imports = fix_imports;
            this.inner.buffer_callback = callback.map(Owned::of);
        });
    }
    Ok(object)
}
