//! The garbage collector, which before CPython 3.12 runs where an object is made, and foreign code in it.

/// Can a collection wait? CPython 3.9 has no function that says so.
pub const CAN_WAIT: bool = cfg!(Py_3_10);

/// Calls what makes objects and runs no foreign code. A collection that falls due meanwhile comes later, if it can wait.
pub fn postponed<T>(call: impl FnOnce() -> T) -> T {
    // SAFETY: neither function runs anything.
    #[cfg(all(Py_3_10, not(Py_3_12)))]
    unsafe {
        let was_on = pyo3_ffi::PyGC_Disable() != 0;
        let made = call();
        if was_on {
            pyo3_ffi::PyGC_Enable();
        }
        made
    }
    #[cfg(any(not(Py_3_10), Py_3_12))]
    call()
}
