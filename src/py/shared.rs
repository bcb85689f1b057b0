//! A value with any number of holders: an `Arc` whose making answers a lack of memory with MemoryError.

use std::ffi::c_void;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering, fence};

use super::error::PyResult;
use super::vec::try_box;

struct Counted<T> {
    holders: AtomicUsize,
    value: T,
}

/// One holder of a value, which goes with the last.
///
/// Where there is a GIL the holders of one value belong to one interpreter, whose GIL is held whenever one comes or goes, so
/// that they are counted without atomic steps; those that come and go `ANYWHERE` are not.
pub struct Shared<T, const ANYWHERE: bool = false> {
    place: NonNull<Counted<T>>,
    owns: PhantomData<Counted<T>>,
}

// SAFETY: as for `Arc`: holders in several threads give each of them `&T`, and the last one drops the value. How they are
// counted is said above.
unsafe impl<T: Send + Sync, const ANYWHERE: bool> Send for Shared<T, ANYWHERE> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync, const ANYWHERE: bool> Sync for Shared<T, ANYWHERE> {}

impl<T, const ANYWHERE: bool> Shared<T, ANYWHERE> {
    const IS_ATOMIC: bool = ANYWHERE || cfg!(Py_GIL_DISABLED);

    pub fn new(value: T) -> PyResult<Self> {
        let counted = try_box(Counted { holders: AtomicUsize::new(1), value })?;
        Ok(Self { place: NonNull::from(Box::leak(counted)), owns: PhantomData })
    }

    /// Do two holders hold one value?
    pub fn is(&self, other: &Self) -> bool {
        self.place == other.place
    }

    /// The value, which lives as long as anyone holds it.
    pub fn as_ptr(&self) -> *const T {
        // SAFETY: held.
        unsafe { &raw const (*self.place.as_ptr()).value }
    }

    /// Gives the holder away.
    pub fn into_raw(self) -> *mut c_void {
        let place = self.place.as_ptr().cast();
        std::mem::forget(self);
        place
    }

    /// Takes over a holder that was given away.
    ///
    /// # Safety
    /// From `into_raw` of the same type, and taken over once.
    pub unsafe fn from_raw(raw: *mut c_void) -> Self {
        // SAFETY: as the caller says.
        Self { place: unsafe { NonNull::new_unchecked(raw.cast()) }, owns: PhantomData }
    }
}

impl<T, const ANYWHERE: bool> Clone for Shared<T, ANYWHERE> {
    #[inline]
    fn clone(&self) -> Self {
        // SAFETY: held. Nobody has memory for as many holders as the count cannot hold.
        let holders = &unsafe { self.place.as_ref() }.holders;
        if Self::IS_ATOMIC {
            holders.fetch_add(1, Ordering::Relaxed);
        } else {
            holders.store(holders.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
        Self { place: self.place, owns: PhantomData }
    }
}

impl<T, const ANYWHERE: bool> Deref for Shared<T, ANYWHERE> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: held.
        &unsafe { self.place.as_ref() }.value
    }
}

impl<T, const ANYWHERE: bool> Drop for Shared<T, ANYWHERE> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: held until here; whoever was the last has seen what the others did, and frees what `new` made.
        unsafe {
            let holders = &self.place.as_ref().holders;
            let before = if Self::IS_ATOMIC {
                holders.fetch_sub(1, Ordering::Release)
            } else {
                let before = holders.load(Ordering::Relaxed);
                holders.store(before - 1, Ordering::Relaxed);
                before
            };
            if before == 1 {
                fence(Ordering::Acquire);
                drop(Box::from_raw(self.place.as_ptr()));
            }
        }
    }
}
