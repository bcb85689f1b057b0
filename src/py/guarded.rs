//! A value of one interpreter that one caller at a time has. Nobody waits for it: who comes meanwhile gets nothing, as in a
//! forked child for ever if another thread had it at that time.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Default)]
pub struct Guarded<T> {
    is_taken: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: one caller at a time has the value, and its threads are attached to the interpreter that it is of.
unsafe impl<T: Send> Sync for Guarded<T> {}

impl<T> Guarded<T> {
    pub const fn new(value: T) -> Self {
        Self { is_taken: AtomicBool::new(false), value: UnsafeCell::new(value) }
    }

    /// Lends the value, or None if somebody has it. The GIL, where there is one, is what makes the question and the answer
    /// one step: the caller holds it.
    #[inline(always)]
    pub fn with<R>(&self, body: impl FnOnce(&mut T) -> R) -> Option<R> {
        struct Back<'a>(&'a AtomicBool);
        impl Drop for Back<'_> {
            #[inline(always)]
            fn drop(&mut self) {
                self.0.store(false, Ordering::Release);
            }
        }
        let was_taken = if cfg!(Py_GIL_DISABLED) {
            self.is_taken.swap(true, Ordering::Acquire)
        } else {
            let was_taken = self.is_taken.load(Ordering::Relaxed);
            self.is_taken.store(true, Ordering::Relaxed);
            was_taken
        };
        if was_taken {
            return None;
        }
        let _back = Back(&self.is_taken);
        // SAFETY: whoever comes until it is back gets nothing.
        Some(body(unsafe { &mut *self.value.get() }))
    }
}
