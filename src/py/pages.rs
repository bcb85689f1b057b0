//! Huge pages for large memory that is about to be written, where the system gives them on advice.

/// Memory of this size and more is worth it.
pub const HUGE: usize = 32 << 20;

/// Asks for huge pages for a block. It is advice: a refusal changes nothing. The pages at both ends are advised too, so
/// that what `mmap` gave stays one mapping: the kernel moves no more than one when the block grows, and `realloc` would
/// copy.
pub fn advise_huge(block: *mut u8, size: usize) {
    const PAGE: usize = 4096;
    let begin = block as usize & !(PAGE - 1);
    let end = (block as usize + size).next_multiple_of(PAGE);
    // SAFETY: the pages of the block; the advice changes no contents.
    unsafe { libc::madvise(begin as *mut libc::c_void, end - begin, libc::MADV_HUGEPAGE) };
}
