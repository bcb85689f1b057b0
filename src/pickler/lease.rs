//! Picklers go from one dump to the next with the memory that they have, so that a small dump allocates its result
//! only. An idle one holds no object.

use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use super::engine::Pickler;
use super::options::Options;
use super::out::Home;
use super::sink::Sink;
use crate::py::error::PyResult;
use crate::py::guarded::Guarded;
use crate::py::vec::try_box;
use crate::state::State;

/// Idle picklers of an interpreter: as many dumps may be under way at the same time, one inside the other or in several
/// threads, and reuse memory.
#[derive(Default)]
struct Idle(Guarded<[Option<Box<Pickler<'static>>>; 4]>);

// SAFETY: an idle pickler holds memory only.
unsafe impl Send for Idle {}
// SAFETY: as above; one thread at a time has them.
unsafe impl Sync for Idle {}

impl Idle {
    #[inline]
    fn of(state: &State) -> PyResult<&Self> {
        state.picklers.get(|| Ok(Self::default()))
    }
}

/// A pickler for one dump.
pub struct Lease<'a>(NonNull<Pickler<'a>>);

impl<'a> Lease<'a> {
    /// Lends a pickler that begins with these options.
    #[inline]
    pub fn new(options: Options<'a>, home: Home, sink: Option<&'a mut dyn Sink>) -> PyResult<Self> {
        let state = State::get()?;
        let idle = Idle::of(state)?.0.with(|idle| idle.iter_mut().find_map(Option::take));
        let pickler = match idle.flatten() {
            Some(pickler) => pickler,
            None => Self::made(state)?,
        };
        let mut lease = Self(NonNull::from(Box::leak(pickler)).cast());
        lease.start(state, options, home, sink)?;
        Ok(lease)
    }

    #[cold]
    fn made(state: &'static State) -> PyResult<Box<Pickler<'static>>> {
        try_box(Pickler::idle(state))
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
        let state = self.state;
        // SAFETY: of a box, which is ours alone; stopped, it holds nothing that a lifetime would be of.
        let mut pickler = Some(unsafe { Box::from_raw(self.0.as_ptr().cast()) });
        if let Ok(idle) = Idle::of(state) {
            idle.0.with(|idle| {
                // In front: the next dump gets the memory that was used last, not that of a dump inside.
                let [first, others @ ..] = idle;
                let before = std::mem::replace(first, pickler.take());
                if before.is_some()
                    && let Some(free) = others.iter_mut().find(|place| place.is_none())
                {
                    *free = before;
                }
            });
        }
    }
}
