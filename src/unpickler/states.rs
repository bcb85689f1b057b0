//! States that go straight into their objects: where the dict that a pickle makes of a state would be dropped once the
//! object has what is in it, it is not made.
//!
//! When such a dict begins, a stand-in lies in its place, under a mark. Nothing can get at it before the mark is popped;
//! if the opcodes that follow then are not those that were expected, the dict takes the place of the stand-in.

use pyo3_ffi::*;

use super::machine::Machine;
use super::promises::{Items, What};
use super::rows::Kind;
use crate::protocol::opcode as op;
use crate::protocol::wire::Wire;
use crate::py::error::{PyResult, no_memory};
use crate::py::layout::type_of;
use crate::py::owned::Owned;
use crate::reconstruct::{function, table};

/// What a state is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    Instance(Kind),
    Function,
    /// One that has attributes: their dict is there already.
    FunctionWithDict,
}

/// A stand-in, or two of them.
pub(super) struct Opened {
    what: For,
    /// The mark above.
    pub(super) mark: usize,
    /// Which promise it is.
    promise: usize,
}

/// The rest of a state with slots, and that of an instance with a dict.
const DICT_TAIL: &[u8] = &[op::BUILD];
const SLOTS_TAIL: &[u8] = &[op::TUPLE2, op::MEMOIZE, op::BUILD];
const FUNCTION_TAIL: &[u8] = &[op::TUPLE2, op::MEMOIZE, op::TUPLE2, op::REDUCE, op::POP];

impl Machine<'_, '_> {
    /// Of what is the dict the state that begins with an EMPTY_DICT and a MEMOIZE, if it may go straight into it? `top` is
    /// the place behind the last item, of which so many lie above the last mark, and `rest` what follows the MEMOIZE.
    ///
    /// # Safety
    /// There is such an item, and three bytes can be read.
    #[inline(always)]
    pub(super) unsafe fn state_begins(
        &mut self,
        top: *mut *mut PyObject,
        height: usize,
        rest: *const u8,
    ) -> Option<For> {
        // SAFETY: as the caller says; the stack holds its items.
        unsafe {
            let item = *top.sub(1);
            match *rest {
                op::MARK if is_of_heap_type(item) => {
                    self.rows.knows(type_of(item)).then_some(For::Instance(Kind::Dict))
                }
                op::MARK if item == self.singletons.none && height > 1 && is_of_heap_type(*top.sub(2)) => {
                    self.rows.knows(type_of(*top.sub(2))).then_some(For::Instance(Kind::Slots))
                }
                op::MARK if height > 2 && type_of(item).cast_const() == &raw const PyDict_Type => {
                    is_function_setstate(top.sub(3)).then_some(For::FunctionWithDict)
                }
                op::EMPTY_DICT => {
                    let begins = *rest.add(1) == op::MEMOIZE && *rest.add(2) == op::MARK && height > 1;
                    (begins && is_function_setstate(top.sub(2))).then_some(For::Function)
                }
                _ => None,
            }
        }
    }

    /// The dict begins, or both do, and a mark. Says no, and nothing has happened, if the memo is not in order.
    pub(super) fn open_state(&mut self, what: For) -> PyResult<bool> {
        if !self.lazy {
            return Ok(false);
        }
        let count = if what == For::Function { 2 } else { 1 };
        if !self.promises.room(0)? {
            return Ok(false);
        }
        let Some(number) = self.memo.promise(count)? else { return Ok(false) };
        let promise = self.promises.add(number, What::Open);
        self.push(self.kept.stand_in.clone())?;
        if what == For::Function {
            self.promises.add(number + 1, What::Open);
            self.push(self.kept.stand_in.clone())?;
        }
        let mark = self.stack.len();
        self.opened.try_reserve(1).map_err(|_| no_memory())?;
        self.stack.mark()?;
        self.opened.push(Opened { what, mark, promise });
        Ok(true)
    }

    /// SETITEMS, where a state may have begun.
    pub(super) fn state_ends(&mut self) -> PyResult<()> {
        let Some(Opened { what, mark, promise }) = self.opened.last() else { return self.setitems() };
        let (what, mark, promise) = (*what, *mark, *promise);
        let tail = match what {
            For::Instance(Kind::Dict) => DICT_TAIL,
            For::Instance(Kind::Slots) => SLOTS_TAIL,
            For::Function | For::FunctionWithDict => FUNCTION_TAIL,
        };
        if self.stack.fence() != mark || !self.input.begins_with(tail) {
            return self.setitems();
        }
        if !self.promises.room(self.stack.len() - mark + 1)? {
            return self.setitems();
        }
        let pairs = self.stack.from(mark);
        let done = match what {
            _ if !pairs.len().is_multiple_of(2) => false,
            For::Instance(kind) => {
                let object = self.stack.from(mark - if kind == Kind::Dict { 2 } else { 3 })[0];
                self.rows.build(self.state, &self.kept.interned, object, kind, pairs)
            }
            For::Function => function::set_usual_state(self.state, self.stack.from(mark - 3)[0], None, pairs)?,
            For::FunctionWithDict => {
                let &[function, attributes, ..] = self.stack.from(mark - 3) else { return self.setitems() };
                function::set_usual_state(self.state, function, Some(attributes), pairs)?
            }
        };
        if !done {
            return self.setitems();
        }
        self.opened.pop();
        self.stack.pop_mark();
        let pairs = What::Dict(self.promises.take(self.stack.from(mark)));
        // SAFETY: the references were just taken over.
        unsafe { self.stack.forget(mark) };
        let first = self.promises.number(promise);
        match what {
            For::Instance(kind) => {
                self.promises.complete(promise, pairs);
                if kind == Kind::Slots {
                    self.promise_tuple(What::AfterNone(first))?;
                }
                self.stack.truncate(mark - if kind == Kind::Dict { 1 } else { 2 });
            }
            For::Function => {
                self.promises.complete(promise, What::Dict(Items::NONE));
                self.promises.complete(promise + 1, pairs);
                self.promise_tuple(What::Pair(first, first + 1))?;
                self.stack.truncate(mark - 4);
            }
            For::FunctionWithDict => {
                self.promises.complete(promise, pairs);
                let attributes = Owned::of(self.stack.from(mark - 2)[0]);
                let item = self.promises.take(&[attributes.into_ptr()]);
                self.promise_tuple(What::AfterItem(item.start, first))?;
                self.stack.truncate(mark - 4);
            }
        }
        self.input.skip(tail.len());
        Ok(())
    }

    /// A tuple of two in the memo.
    fn promise_tuple(&mut self, pair: What) -> PyResult<()> {
        match self.memo.promise(1)? {
            Some(number) => {
                self.promises.add(number, pair);
                Ok(())
            }
            // Numbers were left out in between.
            None => match self.promises.pair(pair, &mut self.memo)? {
                Some(pair) => self.memo.memoize(pair.as_ptr()),
                None => Err(no_memory()),
            },
        }
    }

    /// The mark above a stand-in was popped, or somebody asks for what it stands for: the dicts are made.
    #[cold]
    pub(super) fn make_opened(&mut self) -> PyResult<()> {
        let Some(Opened { what, mark, promise }) = self.opened.pop() else { return Ok(()) };
        let count = if what == For::Function { 2 } else { 1 };
        for n in 0..count {
            // SAFETY: attached; a new reference.
            let dict = unsafe { Owned::new(PyDict_New())? };
            self.memo.fulfil(self.promises.number(promise + n) as usize, dict.clone());
            self.stack.replace(mark - count + n, dict);
        }
        Ok(())
    }

    /// The object of a number for which there is none in the memo: what was promised.
    #[cold]
    pub(super) fn promised(&mut self, number: usize) -> PyResult<Option<Owned>> {
        if !self.promises.has(number) {
            return Ok(None);
        }
        while !self.opened.is_empty() {
            self.make_opened()?;
        }
        Ok(self.promises.make(number, &mut self.memo)?.map(Owned::of))
    }

    /// The pickle chooses a number by itself: what was promised is made, so that nothing else gets its number.
    #[cold]
    pub(super) fn keep_promises(&mut self) -> PyResult<()> {
        for number in self.promises.numbers()? {
            self.promised(number)?;
        }
        Ok(())
    }
}

/// Do the function that sets the state of a function and a function lie there?
///
/// # Safety
/// Two items of the stack lie there.
#[inline(always)]
unsafe fn is_function_setstate(items: *mut *mut PyObject) -> bool {
    // SAFETY: as the caller says; the stack holds its items.
    unsafe {
        type_of(*items.add(1)).cast_const() == &raw const PyFunction_Type
            && table::callable_of(*items) == Some(Wire::FunctionSetstate)
    }
}

/// Is the type of the object one that can be changed, as classes of Python can?
#[inline(always)]
fn is_of_heap_type(object: *mut PyObject) -> bool {
    // SAFETY: live.
    unsafe { (&raw const (*type_of(object)).tp_flags).cast::<std::ffi::c_ulong>().read() & Py_TPFLAGS_HEAPTYPE != 0 }
}
