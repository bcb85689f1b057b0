//! Options structs, which begin with their size and grow at their end.

use std::mem::MaybeUninit;

use super::failure::Failure;
use super::status::cp_status_value::CP_ERR_UNSUPPORTED;
use crate::py::message::message;

/// A struct of options as the header has it.
///
/// # Safety
/// `repr(C)`, begins with `struct_size: usize`, all bytes zero are a value of it, and `FIRST` is the size that it had
/// when it was first published.
pub unsafe trait Options: Sized {
    const FIRST: usize;
}

/// Beyond this a size is not one of a later version but garbage, which must not be followed.
const LARGEST: usize = 4096;

/// A copy of what the caller gave, with zeroes for what its version did not know; None for NULL.
///
/// # Safety
/// NULL, or a struct that is as long as its first field says.
pub unsafe fn read<T: Options>(options: *const T) -> Result<Option<T>, Failure> {
    // SAFETY: as the caller says.
    unsafe {
        let known = read_known(options)?;
        check_unknown(options)?;
        Ok(known)
    }
}

/// As [`read`], for who has something to do before [`check_unknown`].
///
/// # Safety
/// As `read` asks.
pub unsafe fn read_known<T: Options>(options: *const T) -> Result<Option<T>, Failure> {
    if options.is_null() {
        return Ok(None);
    }
    // SAFETY: the struct begins with its size.
    let size = unsafe { options.cast::<usize>().read_unaligned() };
    if size < T::FIRST {
        let first = T::FIRST;
        return Err(Failure::argument(message!(
            "options.struct_size is {size}, smaller than {first}: use the *_INIT macro"
        )));
    }
    if size > LARGEST {
        return Err(Failure::argument(message!("options.struct_size is {size}: use the *_INIT macro")));
    }
    let mut copy = MaybeUninit::<T>::zeroed();
    // SAFETY: both are at least so long; bytes of the copy that are not written are zero, which is a value.
    unsafe {
        std::ptr::copy_nonoverlapping(options.cast::<u8>(), copy.as_mut_ptr().cast(), size.min(size_of::<T>()));
        Ok(Some(copy.assume_init()))
    }
}

/// Refuses a value behind the fields that are known.
///
/// # Safety
/// NULL, or a struct that [`read_known`] read.
pub unsafe fn check_unknown<T: Options>(options: *const T) -> Result<(), Failure> {
    if options.is_null() {
        return Ok(());
    }
    let known = size_of::<T>();
    // SAFETY: the struct begins with its size.
    let size = unsafe { options.cast::<usize>().read_unaligned() };
    for at in known..size {
        // SAFETY: inside of the struct, as its size says.
        if unsafe { options.cast::<u8>().add(at).read() } != 0 {
            return Err(Failure::new(
                CP_ERR_UNSUPPORTED,
                message!(
                    "options has a value at byte {at}, where this library knows {known} bytes: it is too old for it"
                ),
            ));
        }
    }
    Ok(())
}

/// Refuses bits that mean nothing.
pub fn check_flags(flags: u32, known: u32) -> Result<(), Failure> {
    match flags & !known {
        0 => Ok(()),
        unknown => Err(Failure::argument(message!("options.flags has unknown bits {unknown:#x}"))),
    }
}

/// Refuses a value where there must be none yet.
pub fn check_reserved(reserved: u32) -> Result<(), Failure> {
    match reserved {
        0 => Ok(()),
        value => Err(Failure::argument(message!("options.reserved is {value}, not 0"))),
    }
}
