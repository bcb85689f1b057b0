//! Short runs of bytes, a word at a time: a call of memcpy or memcmp costs more than most of them are worth.

/// The eight bytes at a place.
///
/// # Safety
/// There are eight.
#[inline(always)]
pub unsafe fn word(at: *const u8) -> u64 {
    // SAFETY: as the caller says.
    unsafe { at.cast::<u64>().read_unaligned() }
}

/// As `[u8]::is_ascii`.
#[inline(always)]
pub fn is_ascii(data: &[u8]) -> bool {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let (start, len) = (data.as_ptr(), data.len());
    match len {
        0..8 => data.iter().fold(0, |all, byte| all | byte) < 0x80,
        // SAFETY: words within the text; the last ones may overlap.
        8..=64 => unsafe {
            let mut all = word(start.add(len - 8));
            let mut at = 0;
            while at + 8 < len {
                all |= word(start.add(at));
                at += 8;
            }
            all & HIGH == 0
        },
        _ => data.is_ascii(),
    }
}

/// Copies.
///
/// # Safety
/// There is room for as many bytes.
#[inline(always)]
pub unsafe fn copy(data: &[u8], to: *mut u8) {
    let (start, len) = (data.as_ptr(), data.len());
    // SAFETY: both sides have `len` bytes; words within them may overlap.
    unsafe {
        match len {
            8..=32 => {
                let mut at = 0;
                while at + 8 < len {
                    to.add(at).cast::<u64>().write_unaligned(word(start.add(at)));
                    at += 8;
                }
                to.add(len - 8).cast::<u64>().write_unaligned(word(start.add(len - 8)));
            }
            4..8 => {
                let last = start.add(len - 4).cast::<u32>().read_unaligned();
                to.cast::<u32>().write_unaligned(start.cast::<u32>().read_unaligned());
                to.add(len - 4).cast::<u32>().write_unaligned(last);
            }
            0..4 => (0..len).for_each(|i| *to.add(i) = *start.add(i)),
            _ => std::ptr::copy_nonoverlapping(start, to, len),
        }
    }
}

/// Are two runs of the same length equal?
#[inline(always)]
pub fn equal(one: &[u8], other: &[u8]) -> bool {
    let len = one.len();
    debug_assert_eq!(len, other.len());
    let (a, b) = (one.as_ptr(), other.as_ptr());
    // SAFETY: words within both; the last ones may overlap.
    unsafe {
        match len {
            8..=40 => {
                let differ = |at| word(a.add(at)) ^ word(b.add(at));
                let mut all = differ(0) | differ(len - 8);
                let mut at = 8;
                while at + 8 < len {
                    all |= differ(at);
                    at += 8;
                }
                all == 0
            }
            4..8 => {
                let half = |at: *const u8| at.cast::<u32>().read_unaligned();
                half(a) == half(b) && half(a.add(len - 4)) == half(b.add(len - 4))
            }
            0..4 => (0..len).all(|i| *a.add(i) == *b.add(i)),
            _ => one == other,
        }
    }
}
