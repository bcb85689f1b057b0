//! How much memory there is, how much of it the process has, and when a dump has taken too much of it.

use std::fs::File;
use std::io::Read;

use super::engine::Pickler;
use crate::py::error::PyResult;
use crate::py::message::message;

impl Pickler<'_> {
    /// What lies deep may be of objects that a `__reduce__` or an attribute makes anew for ever: that ends before the
    /// machine's memory does.
    #[cold]
    #[inline(never)]
    pub(super) fn check_memory(&mut self) -> PyResult<()> {
        let Some(used) = resident() else { return Ok(()) };
        let begun = *self.memory_at_first.get_or_insert(used);
        if used.saturating_sub(begun) < physical() / 4 {
            return Ok(());
        }
        self.limit_reached = true;
        let text = message!(
            "Could not pickle object as excessively deep recursion required. At depth {} a quarter of the machine's \
             memory was taken",
            self.depth
        );
        Err(self.pickling_error(&text))
    }
}

/// The physical memory of the machine, in bytes; without an answer, no limit.
fn physical() -> u64 {
    // SAFETY: it asks for a number.
    match unsafe { libc::sysconf(libc::_SC_PHYS_PAGES) } {
        pages @ 1.. => pages as u64 * page(),
        _ => u64::MAX,
    }
}

/// The memory that the process has in use, in bytes (`proc(5)`, statm); None where the system does not say.
fn resident() -> Option<u64> {
    // Seven numbers. Neither the file nor the text takes memory.
    let mut text = [0; 192];
    let len = File::open("/proc/self/statm").ok()?.read(&mut text).ok()?;
    let text = std::str::from_utf8(&text[..len]).ok()?;
    Some(text.split_ascii_whitespace().nth(1)?.parse::<u64>().ok()? * page())
}

fn page() -> u64 {
    // SAFETY: it asks for a number.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as u64 }
}
