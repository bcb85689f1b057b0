//! Runs of floats, of None and of bools in a container.

use pyo3_ffi::*;

use super::engine::Pickler;
use crate::protocol::opcode::*;
use crate::py::layout::type_of;

/// Writes the floats that a run of items begins with, up to the room for so many of nine bytes. Says how many.
#[inline(always)]
pub(super) fn float_run(items: &[*mut PyObject], room: usize, cursor: &mut *mut u8) -> usize {
    let mut end = *cursor;
    let mut written = 0;
    for item in &items[..room.min(items.len())] {
        if type_of(*item).cast_const() != &raw const PyFloat_Type {
            break;
        }
        // SAFETY: an exact float; it takes nine bytes, of which so many fit.
        unsafe {
            *end = BINFLOAT;
            end.add(1).cast::<[u8; 8]>().write_unaligned(PyFloat_AS_DOUBLE(*item).to_bits().to_be_bytes());
            end = end.add(9);
        }
        written += 1;
    }
    *cursor = end;
    written
}

/// Writes the None and bools that a run of items begins with, up to the room for so many. Says how many.
#[inline(never)]
fn singleton_run(items: &[*mut PyObject], room: usize, cursor: &mut *mut u8) -> usize {
    // SAFETY: the addresses of static objects.
    let (none, yes, no) = unsafe { (Py_None(), Py_True(), Py_False()) };
    let start = *cursor;
    let mut written = 0;
    for &item in &items[..room.min(items.len())] {
        // Without a branch, since which one comes next cannot be told; of anything else the compiler makes one.
        let which = usize::from(item == none) + 2 * usize::from(item == yes) + 3 * usize::from(item == no);
        let op = [0, NONE, NEWTRUE, NEWFALSE][which];
        if op == 0 {
            break;
        }
        // SAFETY: one byte each, of which so many fit.
        unsafe { *start.add(written) = op };
        written += 1;
    }
    // SAFETY: so many were written.
    *cursor = unsafe { start.add(written) };
    written
}

impl Pickler<'_> {
    /// Writes the floats that a run of items begins with, as far as the output has room. Says how many.
    #[inline(always)]
    pub(super) fn floats(&mut self, items: &[*mut PyObject]) -> usize {
        if self.protocol == 0 {
            return 0;
        }
        let room = self.out.fits(9);
        float_run(items, room, self.out.cursor())
    }

    /// The same for None and bools.
    #[inline(always)]
    pub(super) fn singletons(&mut self, items: &[*mut PyObject]) -> usize {
        if self.protocol < 2 {
            return 0;
        }
        let room = self.out.fits(1);
        singleton_run(items, room, self.out.cursor())
    }
}
