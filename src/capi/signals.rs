//! What the host does about the two signals that a starting or ending Python meddles with.

use std::ffi::c_int;
use std::mem::MaybeUninit;

const KEPT: [c_int; 2] = [libc::SIGINT, libc::SIGPIPE];

/// The dispositions at one time.
pub struct Dispositions([Option<libc::sigaction>; KEPT.len()]);

impl Dispositions {
    pub fn now() -> Self {
        Self(KEPT.map(|signal| {
            let mut action = MaybeUninit::<libc::sigaction>::zeroed();
            // SAFETY: nothing is changed; the place is filled if the call succeeds.
            unsafe {
                let asked = libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr());
                (asked == 0).then(|| action.assume_init())
            }
        }))
    }

    pub fn restore(self) {
        for (signal, action) in KEPT.into_iter().zip(self.0) {
            if let Some(action) = action {
                // SAFETY: what the system gave for this signal.
                unsafe { libc::sigaction(signal, &action, std::ptr::null_mut()) };
            }
        }
    }
}
