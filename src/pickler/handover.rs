//! Between the output and the sink: what is ready goes there frame by frame, large payloads without a copy.

use pyo3_ffi::PyObject;

use super::engine::Pickler;
use crate::py::error::PyResult;
use crate::py::owned::Owned;

impl Pickler<'_> {
    /// The beginning of something on paper: what the beginning of an object does for the output. A sink, which is foreign
    /// code, waits for the next object.
    #[inline(always)]
    pub(super) fn paper_boundary(&mut self) -> PyResult<()> {
        if self.out.due() && self.out.boundary()? && self.sink.is_some() {
            self.out.make_flush_due();
        }
        Ok(())
    }

    /// Hands what is ready to the sink, if there is one, while an object is held that nothing else may hold.
    pub(super) fn flush_hold(&mut self, object: *mut PyObject) -> PyResult<()> {
        if self.sink.is_none() {
            return Ok(());
        }
        let _held = Owned::of(object);
        self.flush()
    }

    /// Hands what is ready to the sink, if there is one.
    pub(super) fn flush(&mut self) -> PyResult<()> {
        if self.sink.is_none() {
            return Ok(());
        }
        self.foreign()?;
        self.hand_over()
    }

    pub(super) fn hand_over(&mut self) -> PyResult<()> {
        let Some(sink) = self.sink.as_mut() else { return Ok(()) };
        let ready = self.out.ready()?;
        if !ready.is_empty() {
            sink.write(ready).inspect_err(|_| self.sink_failed = true)?;
        }
        self.out.hand_over();
        Ok(())
    }

    /// Is there a sink?
    pub(super) fn sinks(&self) -> bool {
        self.sink.is_some()
    }

    /// Hands a large payload to the sink without a copy; false if there is no sink.
    pub(super) fn pass_by(&mut self, owner: Option<*mut PyObject>, data: &[u8]) -> PyResult<bool> {
        if self.sink.is_none() {
            return Ok(false);
        }
        self.flush()?;
        self.out.passed_by(data.len())?;
        match (&mut self.sink, owner) {
            (Some(sink), Some(owner)) => {
                let _held = Owned::of(owner);
                sink.write_object(owner, data).inspect_err(|_| self.sink_failed = true)?;
            }
            (Some(sink), None) => sink.write(data).inspect_err(|_| self.sink_failed = true)?,
            (None, _) => return Ok(false),
        }
        Ok(true)
    }
}
