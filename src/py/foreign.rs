//! Code that is not this crate's: Python code, finalizers, callbacks.

use super::error::PyResult;

/// Someone who must know before such code may run. What makes a container or an exception counts: on some versions the
/// garbage collector may run at that moment.
pub trait Foreign {
    /// To be called before; may be called any number of times.
    fn foreign(&mut self) -> PyResult<()>;
}

/// Nobody needs to know.
impl Foreign for () {
    #[inline]
    fn foreign(&mut self) -> PyResult<()> {
        Ok(())
    }
}
