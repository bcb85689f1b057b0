//! Loading with CPython's own unpickler, which is given a file and a `find_class` of our making.

use std::cell::Cell;
use std::ffi::{CStr, c_void};
use std::ptr;

use pyo3_ffi::*;

use crate::py::error::{PyResult, Raised, check, raise};
use crate::py::object::import_from;
use crate::py::owned::Owned;
use crate::py::trampoline;
use crate::py::vec::TryPush;
use crate::state::State;

/// Where the bytes of a pickle come from.
pub trait Source {
    /// Puts up to so many bytes there (at least one is asked for) and says how many; 0 at the end of the data.
    fn read(&mut self, into: &mut [u8]) -> PyResult<usize>;
    /// The next bytes, up to so many, without taking them; None if this source cannot tell.
    fn peek(&self, _len: usize) -> Option<&[u8]> {
        None
    }
}

/// A policy about globals, asked before anything else about each one that a pickle names.
pub trait FindClass {
    /// The object to use, or None to look it up as usual. Both arguments are `str` objects.
    fn find(&mut self, module: *mut PyObject, qualname: *mut PyObject) -> PyResult<Option<Owned>>;
}

/// How to load.
#[derive(Default)]
pub struct Options<'a> {
    pub find_class: Option<&'a mut dyn FindClass>,
    /// An iterable of the out-of-band buffers.
    pub buffers: Option<*mut PyObject>,
    /// No more than so many bytes of a source are read; 0: no limit.
    pub max_bytes: u64,
}

/// What a failed load tells beside the exception.
#[derive(Debug, Default, Clone, Copy)]
pub struct Report {
    /// `max_bytes` was reached.
    pub limit: bool,
}

/// Bytes in memory.
struct Memory<'a> {
    rest: &'a [u8],
}

impl Source for Memory<'_> {
    fn read(&mut self, into: &mut [u8]) -> PyResult<usize> {
        let (taken, rest) = self.rest.split_at(into.len().min(self.rest.len()));
        into[..taken.len()].copy_from_slice(taken);
        self.rest = rest;
        Ok(taken.len())
    }

    fn peek(&self, len: usize) -> Option<&[u8]> {
        Some(&self.rest[..len.min(self.rest.len())])
    }
}

/// No more than so many bytes of another source.
struct Limited<'a, 's> {
    source: &'a mut (dyn Source + 's),
    max: u64,
    left: u64,
    reached: bool,
}

impl Source for Limited<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> PyResult<usize> {
        // The unpickler never asks for more than the pickle needs: one that asks for more than is left is longer than
        // the limit, and nothing of it need be read.
        if into.len() as u64 > self.left {
            self.reached = true;
            let message = format!("the pickle is longer than max_bytes, {}", self.max);
            return Err(raise(State::get()?.imports.unpickling_error.as_ptr(), &message));
        }
        let len = self.source.read(into)?;
        self.left -= len as u64;
        Ok(len)
    }
}

/// Loads the pickle at the start of `data`; also says how many bytes it has.
pub fn load_from_memory(data: &[u8], options: Options<'_>, _: &mut Report) -> PyResult<(Owned, usize)> {
    let mut source = Memory { rest: data };
    let object = load(&mut source, options.find_class, options.buffers)?;
    Ok((object, data.len() - source.rest.len()))
}

/// Loads one pickle and leaves the source where it ends.
pub fn load_from_source(source: &mut dyn Source, options: Options<'_>, report: &mut Report) -> PyResult<Owned> {
    let max = options.max_bytes;
    let mut source = Limited { source, max, left: if max == 0 { u64::MAX } else { max }, reached: false };
    let loaded = load(&mut source, options.find_class, options.buffers);
    report.limit = source.reached;
    loaded
}

/// Loads one pickle from a Python object with read and readline.
pub fn load_from_file(file: *mut PyObject, options: Options<'_>, _: &mut Report) -> PyResult<Owned> {
    let loan = Loan::of(None, options.find_class)?;
    unpickle(file, &Lent::new(&loan)?, options.buffers)
}

fn load(source: &mut dyn Source, find: Option<&mut dyn FindClass>, buffers: Option<*mut PyObject>) -> PyResult<Owned> {
    let can_peek = source.peek(0).is_some();
    let loan = Loan::of(Some(source), find)?;
    let lent = Lent::new(&loan)?;
    // SAFETY: no arguments; a new reference or NULL.
    let file = unsafe {
        let namespace = import_from(c"types", c"SimpleNamespace")?;
        Owned::new(PyObject_CallObject(namespace.as_ptr(), ptr::null_mut()))?
    };
    lent.add_to(&file, &READ)?;
    lent.add_to(&file, &READINTO)?;
    lent.add_to(&file, &READLINE)?;
    // With a peek the unpickler reads ahead, and goes back to where it is at the end.
    if can_peek {
        lent.add_to(&file, &PEEK)?;
    }
    unpickle(file.as_ptr(), &lent, buffers)
}

fn unpickle(file: *mut PyObject, lent: &Lent<'_, '_, '_>, buffers: Option<*mut PyObject>) -> PyResult<Owned> {
    let standard = lent.loan.standard.as_ptr();
    // SAFETY: live objects, and NUL-terminated text; each call answers a new reference or NULL with an exception.
    unsafe {
        let class = if lent.loan.finds {
            // Instances of a subclass take attributes, and the unpickler looks find_class up in its instance.
            let ty = (&raw mut PyType_Type).cast::<PyObject>();
            Owned::new(PyObject_CallFunction(ty, c"s(O){}".as_ptr(), c"Unpickler".as_ptr(), standard))?
        } else {
            Owned::of(standard)
        };
        let arguments = Owned::new(PyTuple_Pack(1, file))?;
        let keywords = Owned::new(PyDict_New())?;
        if let Some(buffers) = buffers {
            check(PyDict_SetItemString(keywords.as_ptr(), c"buffers".as_ptr(), buffers))?;
        }
        let unpickler = Owned::new(PyObject_Call(class.as_ptr(), arguments.as_ptr(), keywords.as_ptr()))?;
        if lent.loan.finds {
            lent.loan.unpickler.set(unpickler.as_ptr());
            lent.add_to(&unpickler, &FIND_CLASS)?;
        }
        Owned::new(PyObject_CallMethod(unpickler.as_ptr(), c"load".as_ptr(), ptr::null()))
    }
}

/// What the methods below work on. Each takes what it needs out while it runs, so that none is entered twice.
struct Loan<'s, 'f> {
    source: Cell<Option<&'s mut dyn Source>>,
    find: Cell<Option<&'f mut dyn FindClass>>,
    finds: bool,
    /// `_pickle.Unpickler`.
    standard: Owned,
    /// The one that runs, borrowed.
    unpickler: Cell<*mut PyObject>,
}

impl<'s, 'f> Loan<'s, 'f> {
    fn of(source: Option<&'s mut dyn Source>, find: Option<&'f mut dyn FindClass>) -> PyResult<Self> {
        Ok(Self {
            source: Cell::new(source),
            finds: find.is_some(),
            find: Cell::new(find),
            standard: Owned::of(State::get()?.imports.unpickler()?),
            unpickler: Cell::new(ptr::null_mut()),
        })
    }
}

/// A loan that Python functions hold, who may outlive it: they find it gone then.
struct Lent<'l, 's, 'f> {
    loan: &'l Loan<'s, 'f>,
    capsule: Owned,
}

const LOAN: &CStr = c"libcloudpickle.loan";

impl<'l, 's, 'f> Lent<'l, 's, 'f> {
    fn new(loan: &'l Loan<'s, 'f>) -> PyResult<Self> {
        // SAFETY: the capsule's pointer only has to be there; what counts is the context, which is cleared in time.
        unsafe {
            let capsule = Owned::new(PyCapsule_New(LOAN.as_ptr().cast_mut().cast(), LOAN.as_ptr(), None))?;
            check(PyCapsule_SetContext(capsule.as_ptr(), ptr::from_ref(loan).cast_mut().cast::<c_void>()))?;
            Ok(Self { loan, capsule })
        }
    }

    /// Sets one of the methods as an attribute.
    fn add_to(&self, object: &Owned, method: &'static Method) -> PyResult<()> {
        // SAFETY: a static definition, which CPython only reads; live objects; a new reference or NULL.
        unsafe {
            let definition = (&raw const method.0).cast_mut();
            let function = Owned::new(PyCFunction_NewEx(definition, self.capsule.as_ptr(), ptr::null_mut()))?;
            check(PyObject_SetAttrString(object.as_ptr(), method.0.ml_name, function.as_ptr()))?;
        }
        Ok(())
    }
}

impl Drop for Lent<'_, '_, '_> {
    fn drop(&mut self) {
        // SAFETY: our capsule. It cannot fail for a capsule with a name.
        unsafe { PyCapsule_SetContext(self.capsule.as_ptr(), ptr::null_mut()) };
    }
}

/// A function of ours, for Python.
struct Method(PyMethodDef);

// SAFETY: constant pointers to static text and code.
unsafe impl Sync for Method {}

impl Method {
    const fn new(name: &'static CStr, flags: i32, function: PyCFunction) -> Self {
        Self(PyMethodDef {
            ml_name: name.as_ptr(),
            ml_meth: PyMethodDefPointer { PyCFunction: function },
            ml_flags: flags,
            ml_doc: ptr::null(),
        })
    }
}

static READ: Method = Method::new(c"read", METH_O, read);
static READINTO: Method = Method::new(c"readinto", METH_O, readinto);
static READLINE: Method = Method::new(c"readline", METH_NOARGS, readline);
static PEEK: Method = Method::new(c"peek", METH_O, peek);
static FIND_CLASS: Method = Method::new(c"find_class", METH_VARARGS, find_class);

/// The loan behind a capsule.
///
/// # Safety
/// The capsule is one of `Lent`, and the answer is used during the call only.
unsafe fn loan<'l>(capsule: *mut PyObject) -> PyResult<&'l Loan<'l, 'l>> {
    // SAFETY: as the caller says; the context is a loan whose `Lent` still lives, or NULL.
    unsafe {
        let loan = PyCapsule_GetContext(capsule).cast::<Loan<'l, 'l>>();
        loan.as_ref().ok_or_else(|| raise(PyExc_ValueError, "the load that this belonged to has ended"))
    }
}

/// Runs something with the loan's source.
fn with_source<T>(capsule: *mut PyObject, body: impl FnOnce(&mut dyn Source) -> PyResult<T>) -> PyResult<T> {
    // SAFETY: the functions below are only made with such a capsule.
    let loan = unsafe { loan(capsule)? };
    let Some(source) = loan.source.take() else {
        // SAFETY: a type of the running interpreter.
        return Err(raise(unsafe { PyExc_ValueError }, "the source of the load is being read"));
    };
    let result = body(&mut *source);
    loan.source.set(Some(source));
    result
}

/// Fills as much of this as there is data for.
fn fill(source: &mut dyn Source, into: &mut [u8]) -> PyResult<usize> {
    let mut filled = 0;
    while filled < into.len() {
        match source.read(&mut into[filled..])? {
            0 => break,
            more => filled += more,
        }
    }
    Ok(filled)
}

/// A length that CPython asks for.
fn length(object: *mut PyObject) -> PyResult<usize> {
    // SAFETY: live; -1 with an exception for what is no int.
    let length = unsafe { PyLong_AsSsize_t(object) };
    if length == -1 && crate::py::error::occurred() { Err(Raised) } else { Ok(usize::try_from(length).unwrap_or(0)) }
}

fn bytes(data: &[u8]) -> PyResult<Owned> {
    // SAFETY: as many bytes as are read; a new reference or NULL.
    unsafe { Owned::new(PyBytes_FromStringAndSize(data.as_ptr().cast(), data.len() as Py_ssize_t)) }
}

/// So much memory is laid out before any of it is filled: a length in a pickle may be a lie.
const FIRST_STEP: usize = 1 << 20;

unsafe extern "C" fn read(capsule: *mut PyObject, len: *mut PyObject) -> *mut PyObject {
    trampoline::object(|| {
        let len = length(len)?;
        with_source(capsule, |source| {
            let mut data = Vec::new();
            while data.len() < len {
                let (before, step) = (data.len(), (len - data.len()).min(data.len().max(FIRST_STEP)));
                data.try_room(step)?;
                data.resize(before + step, 0);
                let filled = fill(source, &mut data[before..])?;
                if filled < step {
                    data.truncate(before + filled);
                    break;
                }
            }
            bytes(&data)
        })
    })
}

unsafe extern "C" fn readinto(capsule: *mut PyObject, into: *mut PyObject) -> *mut PyObject {
    trampoline::object(|| {
        let mut view = Py_buffer::new();
        // SAFETY: live; a Py_buffer to fill.
        check(unsafe { PyObject_GetBuffer(into, &mut view, PyBUF_WRITABLE) })?;
        let filled = with_source(capsule, |source| {
            if view.len == 0 {
                return Ok(0);
            }
            // SAFETY: the view holds so many bytes, for us to write, until it is released.
            fill(source, unsafe { std::slice::from_raw_parts_mut(view.buf.cast(), view.len as usize) })
        });
        // SAFETY: filled above, released once.
        unsafe { PyBuffer_Release(&mut view) };
        // SAFETY: a new reference or NULL.
        unsafe { Owned::new(PyLong_FromSize_t(filled?)) }
    })
}

unsafe extern "C" fn readline(capsule: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    trampoline::object(|| {
        with_source(capsule, |source| {
            let mut line = Vec::new();
            loop {
                // Byte by byte where nobody can look ahead: what follows the pickle is not ours.
                let ahead = source.peek(1024).unwrap_or_default();
                let end = ahead.iter().position(|byte| *byte == b'\n').map_or(ahead.len(), |at| at + 1);
                let (before, step) = (line.len(), end.max(1));
                line.try_room(step)?;
                line.resize(before + step, 0);
                let filled = fill(source, &mut line[before..])?;
                line.truncate(before + filled);
                if filled == 0 || line.ends_with(b"\n") {
                    return bytes(&line);
                }
            }
        })
    })
}

unsafe extern "C" fn peek(capsule: *mut PyObject, len: *mut PyObject) -> *mut PyObject {
    trampoline::object(|| {
        let len = length(len)?;
        with_source(capsule, |source| bytes(source.peek(len).unwrap_or_default()))
    })
}

unsafe extern "C" fn find_class(capsule: *mut PyObject, arguments: *mut PyObject) -> *mut PyObject {
    trampoline::object(|| {
        // SAFETY: the function is only made with such a capsule.
        let loan = unsafe { loan(capsule)? };
        let (mut module, mut name) = (ptr::null_mut::<PyObject>(), ptr::null_mut::<PyObject>());
        // SAFETY: a live tuple, and a place for each object that the format names.
        if unsafe { PyArg_ParseTuple(arguments, c"UU:find_class".as_ptr(), &mut module, &mut name) } == 0 {
            return Err(Raised);
        }
        if let Some(find) = loan.find.take() {
            let found = find.find(module, name);
            loan.find.set(Some(find));
            if let Some(found) = found? {
                return Ok(found);
            }
        }
        // SAFETY: live objects: the unpickler calls this; NUL-terminated text; a new reference or NULL.
        unsafe {
            let (class, method) = (loan.standard.as_ptr(), c"find_class".as_ptr());
            Owned::new(PyObject_CallMethod(class, method, c"OOO".as_ptr(), loan.unpickler.get(), module, name))
        }
    })
}
