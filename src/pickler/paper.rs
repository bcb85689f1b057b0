//! Dicts and lists that exist on paper only.

use super::plan::Plan;
use crate::protocol::opcode::*;
use crate::py::error::PyResult;
use crate::py::habits::SHORT_LAST_BATCH;

/// A dict or list on paper that takes its items in batches, as the real one would.
#[must_use]
pub struct OnPaper {
    len: usize,
    count: usize,
    ops: [u8; 2],
    /// A dict whose size is a multiple of the batch ends with an empty batch; a list does not.
    empty_last: bool,
    each: bool,
    /// One batch holds all of it.
    is_short: bool,
    single_last: bool,
}

impl OnPaper {
    pub(super) fn begin(plan: &mut Plan<'_, '_>, len: usize, ops: [u8; 2], empty_last: bool) -> PyResult<Self> {
        let each = plan.protocol() == 0;
        if len > 1 && !each {
            plan.op(MARK)?;
        }
        let is_short = !each && len < BATCH;
        Ok(Self { len, count: 0, ops, empty_last, each, is_short, single_last: false })
    }

    /// A dict of which a stencil has written the beginning and so many keys; from protocol 4 on, and of one batch.
    pub fn begun(len: usize, count: usize) -> Self {
        Self { len, count, ops: [SETITEM, SETITEMS], empty_last: true, each: false, is_short: true, single_last: false }
    }

    /// To be called before each item, or each key.
    #[inline(always)]
    pub fn next(&mut self, plan: &mut Plan<'_, '_>) -> PyResult<()> {
        if self.is_short {
            self.count += 1;
            return Ok(());
        }
        self.next_of_many(plan)
    }

    fn next_of_many(&mut self, plan: &mut Plan<'_, '_>) -> PyResult<()> {
        if self.each && self.count > 0 {
            plan.op(self.ops[0])?;
        } else if !self.each && self.count > 0 && self.count.is_multiple_of(BATCH) {
            plan.op(self.ops[1])?;
            if SHORT_LAST_BATCH && self.len - self.count == 1 {
                self.single_last = true;
            } else {
                plan.op(MARK)?;
            }
        }
        self.count += 1;
        Ok(())
    }

    /// To be called behind the last item.
    pub fn end(self, plan: &mut Plan<'_, '_>) -> PyResult<()> {
        debug_assert_eq!(self.len, self.count);
        if self.len == 0 {
            return Ok(());
        }
        if self.each || self.len == 1 || self.single_last {
            return plan.op(self.ops[0]);
        }
        plan.op(self.ops[1])?;
        if self.empty_last && !SHORT_LAST_BATCH && self.len.is_multiple_of(BATCH) {
            plan.op(MARK)?;
            plan.op(self.ops[1])?;
        }
        Ok(())
    }
}
