//! Objects that are found again by module and name (`save_global` in `_pickle.c`).

use std::ffi::CStr;

use pyo3_ffi::*;

use super::engine::Pickler;
use super::plan::Place;
use super::script::{Script, Step};
use crate::analyzer::{lookup, whichmodule};
use crate::decide::by_reference;
use crate::protocol::opcode::*;
use crate::protocol::wire::Wire;
use crate::py::dict::is_empty;
use crate::py::error::{self, PyResult, Raised, matches, raise, raise_from_current};
use crate::py::habits::{
    GETATTR_CHAIN, IMPORT_SAYS_WHY, KEEPS_NAME, LOCAL_IS_PICKLING_ERROR, NAMES_WHAT_IT_GOT, words_are_mended,
};
use crate::py::layout::{Chars, chars, type_of};
use crate::py::message::message;
use crate::py::object::{attr, dict_get, optional_attr};
use crate::py::owned::Owned;
use crate::py::text;

/// Where an object was found.
struct Found {
    /// What has it as an attribute, if that is not the module itself.
    parent: Option<Owned>,
    /// The last part of its qualified name, an exact str.
    last: Owned,
}

impl Pickler<'_> {
    /// Saves an object by reference; `name` is what `__reduce__` returned, if it returned a name.
    pub(super) fn save_global(&mut self, object: *mut PyObject, name: Option<Owned>) -> PyResult<Option<Script>> {
        let metaclass = type_of(object).cast_const();
        // Attributes of plain classes and functions are found without foreign code.
        if ![&raw const PyType_Type, &raw const PyFunction_Type, &raw const PyCFunction_Type].contains(&metaclass) {
            self.foreign()?;
        }
        let names = &self.state.names;
        let name = match name {
            Some(name) => name,
            None => match optional_attr(object, names.qualname.as_ptr())? {
                Some(name) => name,
                None => attr(object, names.name.as_ptr())?,
            },
        };
        let name = self.keep(name)?;
        self.refuse_local(object, name)?;
        let module = match optional_attr(object, names.module.as_ptr())? {
            // SAFETY: a static object.
            Some(module) if module.as_ptr() != unsafe { Py_None() } => module,
            _ => {
                self.foreign()?;
                whichmodule::for_pickle(self.state, object, name)?
            }
        };
        let module_name = self.keep(module)?;
        let module = self.module(object, module_name)?;
        let module = self.keep(module)?;
        let found = self.find(object, module, module_name, name)?;
        if self.protocol >= 2 && self.extension(object, module_name, name)? {
            return Ok(None);
        }
        let name = if KEEPS_NAME || found.parent.is_some() { name } else { self.keep(found.last.clone())? };
        let Some(parent) = found.parent.filter(|_| self.protocol < 4) else {
            return self.global_in_memo(object, module_name, name);
        };
        // Below protocol 4 there are no dotted names: getattr(parent, last).
        let getattr = self.state.imports.getattr.clone();
        if GETATTR_CHAIN {
            return self.getattr_chain(object, module_name, name, getattr).map(Some);
        }
        let in_person = if self.asks {
            // SAFETY: live objects; a new reference.
            Some(unsafe { Owned::new(PyTuple_Pack(2, parent.as_ptr(), found.last.as_ptr()))? })
        } else {
            None
        };
        let mut plan = self.plan();
        plan.owned(getattr, Place::Name)?;
        match in_person {
            Some(arguments) => plan.owned(arguments, Place::Name)?,
            None => {
                plan.tuple(2)?;
                plan.owned(parent, Place::Name)?;
                plan.owned(found.last, Place::Name)?;
                plan.tuple_end(2)?;
            }
        }
        plan.op(REDUCE)?;
        plan.memo_as(object)?;
        Ok(Some(plan.finish()))
    }

    /// Saves a class or function by reference that was found just now; false, and nothing is written, if it has to be
    /// looked for as [`Pickler::save_global`] does.
    pub(super) fn save_found(&mut self, object: *mut PyObject, found: by_reference::Found) -> PyResult<bool> {
        let Some(module_name) = found.claimed else { return Ok(false) };
        let is_plain =
            is_exact(found.name.as_ptr()) && is_exact(module_name.as_ptr()) && is_module(found.module.as_ptr());
        if !is_plain || self.asks || self.protocol < 4 {
            return Ok(false);
        }
        self.refuse_local(object, found.name.as_ptr())?;
        self.keep_reference(object, module_name.clone(), found.name.clone())?;
        let (module_name, name) = (self.keep(module_name)?, self.keep(found.name)?);
        if !self.extension(object, module_name, name)? {
            self.global_ref(module_name, name)?;
            self.memoize(object)?;
        }
        Ok(true)
    }

    /// `getattr(getattr(module.a, "b"), "c")` for the name "a.b.c".
    fn getattr_chain(
        &mut self,
        object: *mut PyObject,
        module: *mut PyObject,
        name: *mut PyObject,
        getattr: Owned,
    ) -> PyResult<Script> {
        let mut parts = lookup::parts(name)?.into_iter();
        let first = parts.next().map(|p| self.keep(p)).transpose()?.unwrap_or(name);
        let unmarked = self.protocol >= 2;
        let mut plan = self.plan();
        for _ in 0..parts.len() {
            plan.object(getattr.as_ptr(), Place::Name)?;
            if !unmarked {
                plan.op(MARK)?;
            }
        }
        plan.raw(Step::Global { module, name: first })?;
        for part in parts {
            plan.owned(part, Place::Name)?;
            plan.op(if unmarked { TUPLE2 } else { TUPLE })?;
            plan.op(REDUCE)?;
        }
        plan.memo_as(object)?;
        Ok(plan.finish())
    }

    /// The module of a name, imported if it is not there.
    fn module(&mut self, object: *mut PyObject, name: *mut PyObject) -> PyResult<Owned> {
        // SAFETY: a live object.
        if unsafe { PyUnicode_CheckExact(name) } != 0
            && let Some(module) = dict_get(self.state.modules()?.as_ptr(), name)?
            // SAFETY: a static object, which stands for what is not to be imported.
            && module.as_ptr() != unsafe { Py_None() }
        {
            return Ok(module);
        }
        self.foreign()?;
        if !IMPORT_SAYS_WHY {
            // SAFETY: a live object.
            let module = unsafe { Owned::new(PyImport_Import(name)) };
            return module.map_err(|raised| {
                // SAFETY: a static exception type.
                if matches(unsafe { PyExc_MemoryError }) {
                    return raised;
                }
                self.cannot(object, c"import of module %R failed", name, name)
            });
        }
        // SAFETY: a live object; without names to import from it, the call gives the package at the top.
        let module = unsafe {
            let (none, level) = (std::ptr::null_mut(), 0);
            Owned::new(PyImport_ImportModuleLevelObject(name, none, none, none, level))
                .and_then(|_| Owned::new(PyImport_GetModule(name)))
        };
        // SAFETY: static exception types.
        let (import, value) = unsafe { (PyExc_ImportError, PyExc_ValueError) };
        module.map_err(|raised| match error::take() {
            Some(why) if error::is(&why, import) || error::is(&why, value) => {
                let shown = why.clone();
                error::restore(why);
                self.cannot(object, c"%S", shown.as_ptr(), shown.as_ptr())
            }
            Some(other) => error::restore(other),
            None => raised,
        })
    }

    /// PicklingError "Can't pickle <repr>: …", with the exception that is set as its cause. `what` is a format of
    /// `PyUnicode_FromFormat` with two objects.
    #[cold]
    fn cannot(&mut self, object: *mut PyObject, what: &CStr, first: *mut PyObject, second: *mut PyObject) -> Raised {
        let cause = error::take();
        if let Err(raised) = self.foreign() {
            return raised;
        }
        // SAFETY: live objects, as many as the formats ask for; CPython's formatting keeps lone surrogates, which a
        // Rust string cannot hold.
        let message = unsafe {
            Owned::new(PyUnicode_FromFormat(what.as_ptr(), first, second)).and_then(|what| {
                Owned::new(PyUnicode_FromFormat(c"Can't pickle %R: %U".as_ptr(), object, what.as_ptr()))
            })
        };
        let Ok(message) = message else { return Raised };
        let Ok(pickling_error) = self.state.imports.pickling_error() else { return Raised };
        // SAFETY: a live type and a live str.
        unsafe { PyErr_SetObject(pickling_error, message.as_ptr()) };
        match cause {
            Some(cause) => error::chain(cause),
            None => Raised,
        }
    }

    /// Looks an object up by its qualified name and sees that it is the same.
    fn find(
        &mut self,
        object: *mut PyObject,
        module: *mut PyObject,
        module_name: *mut PyObject,
        name: *mut PyObject,
    ) -> PyResult<Found> {
        // The type of modules has names with two leading underscores only.
        let plain = is_module(module) && is_exact(name) && !text::has_dot(name) && !text::is_dunder(name);
        // SAFETY: an exact module has a dict.
        let direct = if plain { dict_get(unsafe { PyModule_GetDict(module) }, name)? } else { None };
        if let Some(value) = direct {
            if value.as_ptr() != object {
                return Err(self.not_the_same(object, module_name, name));
            }
            return Ok(Found { parent: None, last: Owned::of(name) });
        }
        self.foreign()?;
        let mut parent = None;
        let mut value = Owned::of(module);
        let mut last = Owned::of(name);
        let parts = lookup::parts(name)?;
        let is_dotted = parts.len() > 1;
        for part in parts {
            let next = attr(value.as_ptr(), part.as_ptr()).map_err(|raised| {
                // SAFETY: a static exception type.
                if !matches(unsafe { PyExc_AttributeError }) {
                    return raised;
                }
                if NAMES_WHAT_IT_GOT {
                    self.cannot(object, c"it's not found as %S.%S", module_name, name)
                } else {
                    self.cannot(object, c"attribute lookup %S on %S failed", name, module_name)
                }
            })?;
            parent = Some(std::mem::replace(&mut value, next));
            last = part;
        }
        if value.as_ptr() != object {
            return Err(self.not_the_same(object, module_name, name));
        }
        // A module may be an attribute of itself.
        let is_within = |parent: &Owned| if KEEPS_NAME { is_dotted } else { parent.as_ptr() != module };
        Ok(Found { parent: parent.filter(is_within), last })
    }

    #[cold]
    fn not_the_same(&mut self, object: *mut PyObject, module: *mut PyObject, name: *mut PyObject) -> Raised {
        self.cannot(object, c"it's not the same object as %S.%S", module, name)
    }

    /// Nothing inside a function can be found again by its name.
    fn refuse_local(&mut self, object: *mut PyObject, name: *mut PyObject) -> PyResult<()> {
        // SAFETY: a live object.
        if unsafe { PyUnicode_Check(name) } == 0 {
            // SAFETY: as above; it raises TypeError for what is no str.
            return unsafe { Owned::new(PyUnicode_Split(name, self.state.names.dot.as_ptr(), -1)) }.map(drop);
        }
        let may_be_local = match chars(name) {
            Chars::Ascii(ascii) => ascii.contains(&b'<'),
            _ => true,
        };
        let is_local = |part: &Owned| text::is(part.as_ptr(), c"<locals>");
        if !may_be_local || !text::has_dot(name) || !lookup::parts(name)?.iter().any(is_local) {
            return Ok(());
        }
        self.foreign()?;
        if LOCAL_IS_PICKLING_ERROR {
            let message = message!("Can't pickle local object {}", text::repr(object));
            return Err(self.pickling_error(&message));
        }
        let verb = if words_are_mended() { "get" } else { "pickle" };
        // SAFETY: a static exception type.
        Err(raise(unsafe { PyExc_AttributeError }, &message!("Can't {verb} local object {}", quoted(name))))
    }

    /// Is any global registered with `copyreg.add_extension`?
    #[inline(always)]
    pub(super) fn has_extensions(&self) -> bool {
        !is_empty(self.state.imports.extension_registry.as_ptr())
    }

    /// EXT1, EXT2 or EXT4 if the name is in copyreg's extension registry.
    pub(super) fn extension(
        &mut self,
        object: *mut PyObject,
        module: *mut PyObject,
        name: *mut PyObject,
    ) -> PyResult<bool> {
        if !self.has_extensions() {
            return Ok(false);
        }
        let registry = self.state.imports.extension_registry.as_ptr();
        self.foreign()?;
        // SAFETY: live objects.
        let key = unsafe { Owned::new(PyTuple_Pack(2, module, name))? };
        let Some(code) = dict_get(registry, key.as_ptr())? else { return Ok(false) };
        // SAFETY: a live object.
        if !words_are_mended() && unsafe { PyLong_Check(code.as_ptr()) } == 0 {
            let code = code.as_ptr();
            return Err(self.cannot(object, c"extension code %R isn't an integer", code, code));
        }
        let given = code;
        // SAFETY: a live object.
        let code = unsafe { PyLong_AsLong(given.as_ptr()) };
        if code == -1 && error::occurred() {
            return Err(Raised);
        }
        let le = (code as u32).to_le_bytes();
        match code {
            1..=0xff => self.out.bytes(&[EXT1, le[0]]),
            0x100..=0xffff => self.out.bytes(&[EXT2, le[0], le[1]]),
            0x1_0000..=0x7fff_ffff => self.out.bytes(&[EXT4, le[0], le[1], le[2], le[3]]),
            _ if words_are_mended() => {
                // SAFETY: a static exception type.
                return Err(raise(unsafe { PyExc_RuntimeError }, &message!("extension code {code} is out of range")));
            }
            _ => return Err(self.cannot(object, c"extension code %S is out of range", given.as_ptr(), given.as_ptr())),
        }
        Ok(true)
    }

    /// Writes a global by its names, from protocol 4 on exact strs; does not memoise it.
    pub(super) fn global_ref(&mut self, module: *mut PyObject, name: *mut PyObject) -> PyResult<()> {
        if self.protocol >= 4 {
            self.name_text(module)?;
            self.name_text(name)?;
            self.out.op(STACK_GLOBAL);
            return Ok(());
        }
        let (module, name) = if self.protocol < 3 && self.options.fix_imports {
            self.python2_names(module, name)?
        } else {
            (Owned::of(module), Owned::of(name))
        };
        self.out.op(GLOBAL);
        for (text, what) in [(&module, "module"), (&name, "global")] {
            let encoded = self.identifier(text.as_ptr(), what)?;
            let data = crate::py::layout::bytes(encoded.as_ptr());
            self.out.room(data.len())?;
            self.out.bytes(data);
            self.out.op(b'\n');
        }
        Ok(())
    }

    /// A name that is an exact str.
    fn name_text(&mut self, name: *mut PyObject) -> PyResult<()> {
        if self.text_leaf(name)? {
            return Ok(());
        }
        self.paper_boundary()?;
        self.text(name)
    }

    fn identifier(&mut self, name: *mut PyObject, what: &str) -> PyResult<Owned> {
        // SAFETY: a live object; both raise TypeError for anything but a str.
        let encoded = unsafe {
            Owned::new(if self.protocol == 3 { PyUnicode_AsUTF8String(name) } else { PyUnicode_AsASCIIString(name) })
        };
        encoded.map_err(|raised| {
            // SAFETY: a static exception type.
            if !matches(unsafe { PyExc_UnicodeEncodeError }) {
                return raised;
            }
            let protocol = self.protocol;
            let message = message!("can't pickle {what} identifier '{}' using pickle protocol {protocol}", shown(name));
            raise_from_current(|| self.pickling_error(&message))
        })
    }

    /// The names that Python 2 had (`_compat_pickle`).
    fn python2_names(&mut self, module: *mut PyObject, name: *mut PyObject) -> PyResult<(Owned, Owned)> {
        let name_mapping = self.imported(|i| i.name_mapping_3to2())?;
        let import_mapping = self.imported(|i| i.import_mapping_3to2())?;
        // SAFETY: live objects.
        let key = unsafe { Owned::new(PyTuple_Pack(2, module, name))? };
        // SAFETY: a static exception type.
        let wrong = |message: &str| raise(unsafe { PyExc_RuntimeError }, message);
        if let Some(item) = dict_get(name_mapping, key.as_ptr())? {
            // SAFETY: a live object.
            if unsafe { PyTuple_Check(item.as_ptr()) } == 0 || crate::py::layout::tuple_items(item.as_ptr()).len() != 2
            {
                return Err(wrong("_compat_pickle.REVERSE_NAME_MAPPING values should be 2-tuples"));
            }
            let pair = crate::py::layout::tuple_items(item.as_ptr());
            return Ok((Owned::of(pair[0]), Owned::of(pair[1])));
        }
        match dict_get(import_mapping, module)? {
            // SAFETY: a live object.
            Some(new) if unsafe { PyUnicode_Check(new.as_ptr()) } == 0 => {
                Err(wrong("_compat_pickle.REVERSE_IMPORT_MAPPING values should be strings"))
            }
            Some(new) => Ok((new, Owned::of(name))),
            None => Ok((Owned::of(module), Owned::of(name))),
        }
    }

    /// Saves one of our own callables, which goes by its name whether or not there is such a module.
    pub(super) fn save_wire(&mut self, wire: Wire, object: *mut PyObject) -> PyResult<Option<Script>> {
        let (module, name) = (self.state.wire_module.as_ptr(), self.state.wire_names[wire as usize].as_ptr());
        if self.protocol >= 2 && self.extension(object, module, name)? {
            return Ok(None);
        }
        self.global_in_memo(object, module, name)
    }

    /// Writes a global by its names and memoises it.
    fn global_in_memo(
        &mut self,
        object: *mut PyObject,
        module: *mut PyObject,
        name: *mut PyObject,
    ) -> PyResult<Option<Script>> {
        let are_exact = is_exact(module) && is_exact(name);
        if self.protocol < 4 || are_exact && self.options.persistent_id.is_none() {
            self.global_ref(module, name)?;
            self.memoize(object)?;
            return Ok(None);
        }
        // It is asked about the names as well, and a name that is no exact str is an object like others.
        let mut plan = self.plan();
        plan.object(module, Place::Name)?;
        plan.object(name, Place::Name)?;
        plan.op(STACK_GLOBAL)?;
        plan.memo_as(object)?;
        Ok(Some(plan.finish()))
    }
}

/// An exact str.
fn is_exact(text: *mut PyObject) -> bool {
    type_of(text).cast_const() == &raw const PyUnicode_Type
}

/// An exact module.
pub(super) fn is_module(object: *mut PyObject) -> bool {
    type_of(object).cast_const() == &raw const PyModule_Type
}

/// A name for a message.
fn shown(name: *mut PyObject) -> String {
    text::display(name)
}

/// A name for a message, as `repr` shows it.
fn quoted(name: *mut PyObject) -> String {
    text::repr(name)
}
