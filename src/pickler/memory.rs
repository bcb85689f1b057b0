//! How much memory there is, and how much of it the process has.

use std::fs::File;
use std::io::Read;

/// The physical memory of the machine, in bytes; without an answer, no limit.
pub fn physical() -> u64 {
    // SAFETY: it asks for a number.
    match unsafe { libc::sysconf(libc::_SC_PHYS_PAGES) } {
        pages @ 1.. => pages as u64 * page(),
        _ => u64::MAX,
    }
}

/// The memory that the process has in use, in bytes (`proc(5)`, statm); None where the system does not say.
pub fn resident() -> Option<u64> {
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
