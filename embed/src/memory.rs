//! Memory of this library: the system's, and where that has none, a reserve. The search for a libpython is written with
//! what Rust's library has for files and processes, which ends the process where there is no memory; with the reserve it
//! comes to its end, and says that there was none.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

#[global_allocator]
static MEMORY: Memory = Memory;

/// Far more than a search takes, whose largest parts are PATH and what a python answers. Pages that are never asked for
/// cost nothing.
const SIZE: usize = 1 << 20;

#[repr(align(64))]
struct Reserve(UnsafeCell<[u8; SIZE]>);

// SAFETY: each part is given away once, until all have come back.
unsafe impl Sync for Reserve {}

static RESERVE: Reserve = Reserve(UnsafeCell::new([0; SIZE]));

/// How much of the reserve is given away, in the upper half, and to how many, in the lower half.
static GIVEN: AtomicU64 = AtomicU64::new(0);

/// Since `watch`.
static ASKED: AtomicBool = AtomicBool::new(false);

/// Begins to watch whether the reserve is asked.
pub fn watch() {
    ASKED.store(false, Ordering::Relaxed);
}

/// Was there no memory since `watch`?
pub fn was_short() -> bool {
    ASKED.load(Ordering::Relaxed)
}

/// A part of the reserve; NULL if there is not that much left.
fn part(layout: Layout) -> *mut u8 {
    ASKED.store(true, Ordering::Relaxed);
    let base = RESERVE.0.get().cast::<u8>();
    let start = |given: u64| {
        let used = (given >> 32) as usize;
        used + base.wrapping_add(used).align_offset(layout.align())
    };
    let taken = GIVEN.fetch_update(Ordering::AcqRel, Ordering::Acquire, |given| {
        let end = start(given).checked_add(layout.size()).filter(|end| *end <= SIZE)?;
        Some((end as u64) << 32 | ((given & 0xffff_ffff) + 1))
    });
    taken.map_or(ptr::null_mut(), |given| base.wrapping_add(start(given)))
}

fn is_part(block: *mut u8) -> bool {
    block.addr().wrapping_sub(RESERVE.0.get().addr()) < SIZE
}

/// Takes a part back; with the last one the whole reserve is there again.
fn take_back() {
    let _ = GIVEN.fetch_update(Ordering::AcqRel, Ordering::Acquire, |given| {
        let left = given - 1;
        Some(if left & 0xffff_ffff == 0 { 0 } else { left })
    });
}

struct Memory;

// SAFETY: blocks of the system's allocator, or parts of the reserve, which do not overlap and are as large and aligned as
// they were asked for; each goes back to where it came from.
unsafe impl GlobalAlloc for Memory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller says.
        let block = unsafe { System.alloc(layout) };
        if block.is_null() { part(layout) } else { block }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if is_part(block) {
            take_back();
        } else {
            // SAFETY: as the caller says; it came from there.
            unsafe { System.dealloc(block, layout) }
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !is_part(block) {
            // SAFETY: as the caller says; it came from there.
            let grown = unsafe { System.realloc(block, layout, size) };
            if !grown.is_null() {
                return grown;
            }
        }
        // SAFETY: the caller says that the new size is one; both blocks are as large as what is copied.
        unsafe {
            let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !new.is_null() {
                ptr::copy_nonoverlapping(block, new, layout.size().min(size));
                self.dealloc(block, layout);
            }
            new
        }
    }
}
