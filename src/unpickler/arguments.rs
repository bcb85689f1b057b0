//! Calls whose arguments are taken from the stack, where the tuple that the pickle makes of them would be dropped at once
//! or stay in the memo until the load is over.

use pyo3_ffi::*;

use super::machine::Machine;
use super::promises::What;
use crate::protocol::opcode as op;
use crate::py::error::PyResult;
use crate::py::layout::type_of;
use crate::reconstruct::{code, table};

use super::calls::{self, How};

impl Machine<'_, '_> {
    /// A tuple opcode, a MEMOIZE if so, and one that takes the tuple as arguments. The items lie from `position` on, above
    /// the last mark.
    pub(super) fn with_arguments(&mut self, position: usize, memoized: bool, code: u8) -> PyResult<()> {
        if position > self.stack.fence() {
            let count = self.stack.len() - position;
            let callable = self.stack.from(position - 1)[0];
            let done = match code {
                op::REDUCE if is_native(callable) => self.call_from(position, memoized)?,
                op::REDUCE => match self.calls.how(self.state, callable) {
                    How::Other => false,
                    How::Date if !(1..=calls::DATE_ITEMS).contains(&count) => false,
                    how => self.call_known(how, position, memoized)?,
                },
                op::NEWOBJ if self.named.is(callable, count) => self.named_from(position, memoized)?,
                _ => false,
            };
            if done {
                return Ok(());
            }
        }
        self.tuple_from(position)?;
        if memoized {
            self.memoize()?;
        }
        if code == op::REDUCE { self.reduce() } else { self.newobj(false) }
    }

    /// As `with_arguments`, of the items above the last mark.
    pub(super) fn with_marked_arguments(&mut self, memoized: bool, code: u8) -> PyResult<()> {
        let mark = self.pop_mark()?;
        self.with_arguments(mark, memoized, code)
    }

    /// Calls a function of ours. Says no, and nothing has happened, if the memo is not in order.
    fn call_from(&mut self, position: usize, memoized: bool) -> PyResult<bool> {
        let Some(number) = self.promise(position, memoized)? else { return Ok(false) };
        let items = self.stack.from(position);
        let callable = self.stack.from(position - 1)[0];
        let made = match table::function_of(callable) {
            Some(function) => function.call(self.state, items),
            None => code::make_code(items, &self.kept.codes.heard),
        };
        let object = made.map_err(|raised| self.needed_by_one_below(raised, position - 1))?;
        self.arguments_end(position, number);
        self.push(object)?;
        Ok(true)
    }

    /// Calls a function or a class of which it is known what that does.
    fn call_known(&mut self, how: How, position: usize, memoized: bool) -> PyResult<bool> {
        let Some(number) = self.promise(position, memoized)? else { return Ok(false) };
        let below = position - 1;
        let callable = self.stack.from(below)[0];
        let made = match how {
            How::Function => calls::call(callable, self.stack.from(position)).map(Some),
            How::Date => self.calls.date(callable, self.stack.from(position)).map(Some),
            How::Init(init) => calls::new(callable, &self.kept.fresh.empty_tuple()).and_then(|object| {
                // The object takes the place of its class in front of the arguments.
                let _class = self.stack.replace(below, object.clone());
                calls::init(init, self.stack.from(below)).map(|()| Some(object))
            }),
            How::Other => Ok(None),
        };
        match made.map_err(|raised| self.needed_by_one_below(raised, below))? {
            Some(object) => {
                self.arguments_end(position, number);
                self.push(object)?;
                Ok(true)
            }
            // `how` is never that here.
            None => Err(self.fail("a call of which nothing is known")),
        }
    }

    /// Makes a namedtuple as its `__new__` does.
    fn named_from(&mut self, position: usize, memoized: bool) -> PyResult<bool> {
        let Some(number) = self.promise(position, memoized)? else { return Ok(false) };
        let object = self.named.make(self.stack.from(position - 1)[0], self.stack.from(position))?;
        self.arguments_end(position, number);
        self.push(object)?;
        Ok(true)
    }

    /// The number that the tuple would get in the memo, `Some(None)` if it gets none; None if it has to be made.
    #[inline]
    fn promise(&mut self, position: usize, memoized: bool) -> PyResult<Option<Option<u32>>> {
        if !memoized {
            return Ok(Some(None));
        }
        if !self.lazy || !self.promises.room(self.stack.len() - position)? {
            return Ok(None);
        }
        Ok(self.memo.promise(1)?.map(Some))
    }

    /// The arguments leave the stack, and what was called does.
    #[inline]
    fn arguments_end(&mut self, position: usize, number: Option<u32>) {
        if let Some(number) = number {
            let items = self.promises.take(self.stack.from(position));
            self.promises.add(number, What::Tuple(items));
            // SAFETY: the references were just taken over.
            unsafe { self.stack.forget(position) };
        }
        self.stack.truncate(position - 1);
    }
}

/// Is this one of the functions that take arguments from wherever they lie?
#[inline]
fn is_native(callable: *mut PyObject) -> bool {
    let code_type = (&raw mut PyCode_Type).cast();
    callable == code_type || type_of(callable) == &raw mut PyCFunction_Type && table::function_of(callable).is_some()
}
