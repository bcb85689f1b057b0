//! Pages of memory: huge ones for large memory that is about to be written, where the system gives them on advice; many
//! at once, which is cheaper than one by one when they are written first; and such as hold one large block, which grows
//! without being copied.

use std::ptr;

/// Memory of this size and more is worth huge pages.
pub const HUGE: usize = 32 << 20;

/// Asks for huge pages for a block. It is advice: a refusal changes nothing. The pages at both ends are advised too, so
/// that what `mmap` gave stays one mapping: the kernel moves no more than one when the block grows, and `realloc` would
/// copy.
pub fn advise_huge(block: *mut u8, size: usize) {
    let begin = block as usize & !(PAGE - 1);
    let end = (block as usize + size).next_multiple_of(PAGE);
    // SAFETY: the pages of the block; the advice changes no contents.
    unsafe { libc::madvise(begin as *mut libc::c_void, end - begin, libc::MADV_HUGEPAGE) };
}

const PAGE: usize = 4096;

/// Does the page of this address take no memory yet? Without an answer no.
pub fn is_untouched(address: *mut u8) -> bool {
    let mut resident = 1_u8;
    // SAFETY: a page of ours, and a place for the answer about one page.
    let status = unsafe { libc::mincore((address as usize & !(PAGE - 1)) as *mut libc::c_void, 1, &raw mut resident) };
    status == 0 && resident & 1 == 0
}

/// Has the system provide the pages that lie in a block as if they were written, which costs less than half of what it
/// costs when each is met by itself; a refusal changes nothing.
pub fn provide(block: *mut u8, size: usize) {
    /// `MADV_POPULATE_WRITE` of Linux 5.14.
    const POPULATE_WRITE: libc::c_int = 23;
    let begin = (block as usize).next_multiple_of(PAGE);
    let end = (block as usize + size) & !(PAGE - 1);
    if begin < end {
        // SAFETY: pages of the block; the advice changes no contents.
        unsafe { libc::madvise(begin as *mut libc::c_void, end - begin, POPULATE_WRITE) };
    }
}

/// A block of pages of this size with what the old one holds, which is gone then; or NULL, and the old one stays. What is
/// new is zero, and takes memory when it is written.
///
/// # Safety
/// `old` is NULL, or from here with this size; the new size is larger.
pub unsafe fn grow_pages(old: *mut u8, old_size: usize, size: usize) -> *mut u8 {
    // SAFETY: a new mapping, or one of ours, which nobody points into.
    let pages = unsafe {
        if old.is_null() {
            let access = libc::PROT_READ | libc::PROT_WRITE;
            libc::mmap(ptr::null_mut(), size, access, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0)
        } else {
            libc::mremap(old.cast(), old_size, size, libc::MREMAP_MAYMOVE)
        }
    };
    if pages == libc::MAP_FAILED {
        return ptr::null_mut();
    }
    if size >= HUGE {
        advise_huge(pages.cast(), size);
    }
    pages.cast()
}

/// Gives the pages of a block back.
///
/// # Safety
/// A block from [`grow_pages`], with its size; nobody uses it from here on.
pub unsafe fn free_pages(block: *mut u8, size: usize) {
    // SAFETY: as the caller says.
    unsafe { libc::munmap(block.cast(), size) };
}
