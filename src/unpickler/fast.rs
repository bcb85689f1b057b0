//! The commonest opcodes once more, for as long as there is nothing to be careful about: what an opcode may need lies in
//! the window, the stack has room, and nothing is wrong. Whatever else there is, is left to the loop of `machine`, which
//! defines what each opcode does.

use pyo3_ffi::*;

use super::machine::Machine;
use super::states::For;
use crate::protocol::opcode as op;
use crate::py::collections::tuple_stealing;
use crate::py::error::PyResult;
use crate::py::layout::type_of;
use crate::py::owned::Owned;
use crate::py::{bytes, fresh};

/// As many bytes as an opcode and the arguments of a fixed size that are read here.
const WIDEST: usize = 9;

/// CPython keeps some tuples that ended, to be used again; so many may come from there.
const RECYCLED: u32 = 2000;

/// Cursor and stack of a machine, in registers.
struct Hot {
    cursor: *const u8,
    top: *mut *mut PyObject,
    /// The place of the last mark, below which nothing is taken.
    fence: *mut *mut PyObject,
    /// Does a dict lie under the last mark? Then every second item is a key.
    in_dict: bool,
}

impl Hot {
    /// # Safety
    /// There is room on the stack.
    #[inline(always)]
    unsafe fn push(&mut self, object: Owned) {
        // SAFETY: as the caller says; the reference is the stack's now.
        unsafe {
            self.top.write(object.into_ptr());
            self.top = self.top.add(1);
        }
    }

    #[inline(always)]
    fn height(&self) -> usize {
        (self.top as usize - self.fence as usize) / size_of::<*mut PyObject>()
    }

    #[inline(always)]
    fn look_below(&mut self, base: *mut *mut PyObject) {
        // SAFETY: an item of the stack, which holds it.
        self.in_dict = self.fence > base && unsafe { type_of(*self.fence.sub(1)) == &raw mut PyDict_Type };
    }
}

/// Is the tuple that was just made there to be the arguments of a call? Says whether it is memoised first, and the opcode.
///
/// # Safety
/// Two bytes can be read.
#[inline(always)]
unsafe fn takes_arguments(next: *const u8) -> Option<(bool, u8)> {
    // SAFETY: as the caller says.
    let (memoized, code) = unsafe { if *next == op::MEMOIZE { (true, *next.add(1)) } else { (false, *next) } };
    matches!(code, op::REDUCE | op::NEWOBJ).then_some((memoized, code))
}

impl Machine<'_, '_> {
    /// Returns where an opcode begins that it does not know, or that has to be looked at closely.
    #[inline(never)]
    pub(super) fn fast(&mut self) -> PyResult<()> {
        let kept = self.kept;
        let code_type = (&raw mut PyCode_Type).cast::<PyObject>();
        // SAFETY: for all of the loop: an opcode begins only where `WIDEST` bytes are in the window, and longer arguments
        // are compared with its end. Each opcode takes at least a byte and adds at most one item, and there is room for
        // as many items as there are bytes up to `stop`. Items are taken only above the fence. Pointers into the window
        // and the stack are good until `self` is used otherwise, and everything is put back before that.
        unsafe {
            'refresh: loop {
                let (cursor, end) = self.input.window();
                let (base, top, fence, room) = self.stack.raw()?;
                let mut hot = Hot { cursor, top, fence, in_dict: false };
                hot.look_below(base);
                let whole = (end as usize - cursor as usize).saturating_sub(WIDEST - 1);
                let stop = cursor.add(whole.min(room));

                // Puts everything back, does what an opcode asks, and begins anew.
                macro_rules! call {
                    ($call:expr) => {{
                        self.settle(&hot, 1);
                        $call?;
                        continue 'refresh;
                    }};
                }
                // Leaves an opcode to those who look closely.
                macro_rules! leave {
                    () => {{
                        self.settle(&hot, 0);
                        return Ok(());
                    }};
                }
                macro_rules! made {
                    ($object:expr) => {
                        match $object {
                            Ok(object) => object,
                            Err(raised) => {
                                self.settle(&hot, 0);
                                return Err(raised);
                            }
                        }
                    };
                }

                macro_rules! tuple {
                    ($count:literal) => {{
                        if hot.height() < $count {
                            leave!();
                        }
                        if let Some((memoized, code)) = takes_arguments(hot.cursor.add(1)) {
                            self.settle(&hot, 2 + usize::from(memoized));
                            self.with_arguments(self.stack.len() - $count, memoized, code)?;
                            continue 'refresh;
                        }
                        let items = hot.top.sub($count);
                        let tuple = made!(self.small_tuple(&*items.cast::<[*mut PyObject; $count]>()));
                        hot.top = items;
                        hot.push(tuple);
                        hot.cursor = hot.cursor.add(1);
                    }};
                }

                while hot.cursor < stop {
                    let argument = hot.cursor.add(1);
                    match *hot.cursor {
                        op::NONE => {
                            hot.push(Owned::of_immortal(self.singletons.none));
                            hot.cursor = argument;
                        }
                        op::NEWTRUE => {
                            hot.push(Owned::of_immortal(self.singletons.true_));
                            hot.cursor = argument;
                        }
                        op::NEWFALSE => {
                            hot.push(Owned::of_immortal(self.singletons.false_));
                            hot.cursor = argument;
                        }
                        op::BININT1 => {
                            hot.push(made!(kept.fresh.int((*argument).into())));
                            hot.cursor = argument.add(1);
                        }
                        op::BININT2 => {
                            let value = u16::from_le_bytes(*argument.cast());
                            hot.push(made!(kept.fresh.int(value.into())));
                            hot.cursor = argument.add(2);
                        }
                        op::BININT => {
                            let value = i32::from_le_bytes(*argument.cast());
                            hot.push(made!(kept.fresh.int(value)));
                            hot.cursor = argument.add(4);
                        }
                        op::BINFLOAT => {
                            let value = f64::from_be_bytes(*argument.cast());
                            hot.push(made!(kept.fresh.float(value)));
                            hot.cursor = argument.add(8);
                        }
                        op::SHORT_BINUNICODE => {
                            let len = *argument as usize;
                            let start = argument.add(1);
                            if len > end as usize - start as usize {
                                leave!();
                            }
                            let data = std::slice::from_raw_parts(start, len);
                            let is_key = hot.in_dict && hot.height() & 1 == 0;
                            let text = if is_key { self.key(data) } else { self.text(data) };
                            let text = made!(text);
                            hot.cursor = start.add(len);
                            // A text is mostly put into the memo at once.
                            if hot.cursor < end && *hot.cursor == op::MEMOIZE {
                                made!(self.memo.memoize(text.as_ptr()));
                                hot.cursor = hot.cursor.add(1);
                            }
                            hot.push(text);
                        }
                        op::SHORT_BINBYTES => {
                            let len = *argument as usize;
                            let start = argument.add(1);
                            if len > end as usize - start as usize {
                                leave!();
                            }
                            hot.push(made!(bytes::of(std::slice::from_raw_parts(start, len))));
                            hot.cursor = start.add(len);
                        }
                        op::MEMOIZE => {
                            if hot.top == hot.fence {
                                leave!();
                            }
                            made!(self.memo.memoize(*hot.top.sub(1)));
                            hot.cursor = argument;
                        }
                        op::BINGET => {
                            let Some(object) = self.memo.get_near(*argument as usize) else { leave!() };
                            hot.push(Owned::of(object));
                            hot.cursor = argument.add(1);
                        }
                        op::LONG_BINGET => {
                            let number = u32::from_le_bytes(*argument.cast());
                            let Some(object) = self.memo.get_near(number as usize) else { leave!() };
                            hot.push(Owned::of(object));
                            hot.cursor = argument.add(4);
                        }
                        op::MARK => {
                            if hot.top > hot.fence && *hot.top.sub(1) == code_type {
                                self.settle(&hot, 0);
                                if self.code_again()? {
                                    continue 'refresh;
                                }
                            }
                            made!(self.stack.mark_at(hot.top.offset_from_unsigned(base)));
                            hot.fence = hot.top;
                            hot.look_below(base);
                            hot.cursor = argument;
                        }
                        op::EMPTY_TUPLE => {
                            hot.push(kept.fresh.empty_tuple());
                            hot.cursor = argument;
                        }
                        op::EMPTY_LIST => {
                            hot.push(made!(Owned::new(PyList_New(0))));
                            hot.cursor = argument;
                        }
                        op::EMPTY_DICT => {
                            if *argument == op::MEMOIZE
                                && hot.top > hot.fence
                                && let Some(what) = self.state_begins(hot.top, hot.height(), argument.add(1))
                            {
                                let opcodes = if what == For::Function { 5 } else { 3 };
                                self.settle(&hot, opcodes);
                                if self.open_state(what)? {
                                    continue 'refresh;
                                }
                                self.input.move_back(hot.cursor);
                            }
                            hot.push(made!(Owned::new(PyDict_New())));
                            hot.cursor = argument;
                        }
                        op::TUPLE1 => tuple!(1),
                        op::TUPLE2 => tuple!(2),
                        op::TUPLE3 => tuple!(3),
                        op::TUPLE => match takes_arguments(argument) {
                            Some((memoized, code)) => {
                                self.settle(&hot, 2 + usize::from(memoized));
                                self.with_marked_arguments(memoized, code)?;
                                continue 'refresh;
                            }
                            None => call!(self.tuple_of_marked()),
                        },
                        op::SETITEM => call!(self.setitem()),
                        op::APPEND => call!(self.append()),
                        op::APPENDS => call!(self.appends()),
                        op::SETITEMS => call!(self.state_ends()),
                        op::STACK_GLOBAL => call!(self.stack_global()),
                        op::REDUCE => call!(self.reduce()),
                        op::BUILD => call!(self.build()),
                        op::NEWOBJ => call!(self.newobj(false)),
                        _ => leave!(),
                    }
                }
                self.settle(&hot, 0);
                if hot.cursor as usize >= cursor as usize + whole {
                    return Ok(());
                }
            }
        }
    }

    /// Puts cursor and stack back, the cursor behind `consumed` bytes of opcodes that begin there, the last of one byte.
    #[inline(always)]
    unsafe fn settle(&mut self, hot: &Hot, consumed: usize) {
        // SAFETY: within the window; items up to `top` are the stack's.
        unsafe {
            self.input.move_to(hot.cursor);
            self.stack.set_top_at(hot.top);
            if consumed > 0 {
                self.at = self.input.offset() + consumed - 1;
                self.input.move_to(hot.cursor.add(consumed));
            }
        }
    }

    /// # Safety
    /// As for `tuple_stealing`.
    #[inline(always)]
    unsafe fn small_tuple<const N: usize>(&mut self, items: &[*mut PyObject; N]) -> PyResult<Owned> {
        self.tuples = self.tuples.saturating_add(1);
        // SAFETY: as the caller says.
        unsafe { if self.tuples < RECYCLED { tuple_stealing(items) } else { fresh::tuple_stealing(items) } }
    }

    /// A `str` of the bytes that follow.
    #[inline(always)]
    pub(super) fn text(&self, data: &[u8]) -> PyResult<Owned> {
        match self.kept.names.find(data) {
            Some(name) => Ok(Owned::of(name)),
            None => self.kept.fresh.text(data),
        }
    }

    /// A `str` that is a key of a dict.
    #[inline(always)]
    fn key(&self, data: &[u8]) -> PyResult<Owned> {
        match self.kept.names.find(data) {
            Some(name) => Ok(Owned::of(name)),
            None => self.kept.keys.get(data, self.load, || self.kept.fresh.text(data)),
        }
    }
}
