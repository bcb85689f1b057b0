//! Picklers go from one dump to the next with the memory that they have, so that a small dump allocates its result
//! only. An idle one holds no object.

use std::ops::{Deref, DerefMut};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering};

use super::engine::Pickler;
use super::options::Options;
use super::out::Home;
use super::sink::Sink;
use crate::py::error::PyResult;
use crate::py::vec::try_box;

/// Idle picklers: as many dumps may be under way at the same time, one inside the other or in several threads, and reuse
/// memory. A place is taken and filled in one step, so nobody waits, and none is locked for ever in a forked child.
static IDLE: [AtomicPtr<Pickler<'static>>; 4] = [const { AtomicPtr::new(ptr::null_mut()) }; 4];

/// A pickler for one dump.
pub struct Lease<'a>(NonNull<Pickler<'a>>);

impl<'a> Lease<'a> {
    /// Lends a pickler that begins with these options.
    #[inline]
    pub fn new(options: Options<'a>, home: Home, sink: Option<&'a mut dyn Sink>) -> PyResult<Self> {
        let mut lease = match Self::idle() {
            Some(pickler) => Self(pickler),
            None => Self::made()?,
        };
        lease.start(options, home, sink)?;
        Ok(lease)
    }

    #[inline]
    fn idle() -> Option<NonNull<Pickler<'a>>> {
        IDLE.iter().find_map(|place| {
            if place.load(Ordering::Relaxed).is_null() {
                return None;
            }
            NonNull::new(place.swap(ptr::null_mut(), Ordering::Acquire)).map(NonNull::cast)
        })
    }

    #[cold]
    fn made() -> PyResult<Self> {
        let pickler = try_box(Pickler::idle()?)?;
        // SAFETY: a box is not NULL.
        Ok(Self(unsafe { NonNull::new_unchecked(Box::into_raw(pickler)) }))
    }
}

impl<'a> Deref for Lease<'a> {
    type Target = Pickler<'a>;

    #[inline(always)]
    fn deref(&self) -> &Pickler<'a> {
        // SAFETY: of a box, which is nobody else's until the lease ends.
        unsafe { self.0.as_ref() }
    }
}

impl DerefMut for Lease<'_> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut Self::Target {
        // SAFETY: as above.
        unsafe { self.0.as_mut() }
    }
}

impl Drop for Lease<'_> {
    #[inline]
    fn drop(&mut self) {
        // Dropping what is held may run finalizers, and these may pickle: they find the others.
        self.stop();
        let pickler = self.0.as_ptr().cast();
        for place in &IDLE {
            if place.load(Ordering::Relaxed).is_null()
                && place.compare_exchange(ptr::null_mut(), pickler, Ordering::Release, Ordering::Relaxed).is_ok()
            {
                return;
            }
        }
        // SAFETY: of a box, which is ours alone.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}
