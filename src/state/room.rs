//! What one room keeps for one interpreter. Its type is the room's own, which the state does not know.

use std::any::{Any, TypeId};
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::OnceLock;

use pyo3_ffi::PyExc_SystemError;

use crate::py::error::{PyResult, raise};
use crate::py::vec::try_box;

/// Made when it is first asked for.
#[derive(Default)]
pub struct Room(OnceLock<Kept>);

/// A box of some type, as a `Box<dyn Any>` is one; but which type it is lies beside it, where a look costs no call.
struct Kept {
    ty: TypeId,
    value: NonNull<c_void>,
    free: unsafe fn(NonNull<c_void>),
}

// SAFETY: the value can be used and dropped by any thread.
unsafe impl Send for Kept {}
// SAFETY: as above.
unsafe impl Sync for Kept {}

impl Kept {
    fn new<T: Any + Send + Sync>(value: T) -> PyResult<Self> {
        /// # Safety
        /// From a box of this type, which is given away.
        unsafe fn free<T>(value: NonNull<c_void>) {
            // SAFETY: as the caller says.
            drop(unsafe { Box::from_raw(value.cast::<T>().as_ptr()) });
        }
        let value = NonNull::from(Box::leak(try_box(value)?)).cast();
        Ok(Self { ty: TypeId::of::<T>(), value, free: free::<T> })
    }

    #[inline(always)]
    fn as_type<T: Any>(&self) -> Option<&T> {
        // SAFETY: of this type, and there as long as this is.
        (self.ty == TypeId::of::<T>()).then(|| unsafe { self.value.cast().as_ref() })
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // SAFETY: the function for its type.
        unsafe { (self.free)(self.value) }
    }
}

impl Room {
    /// What is kept, if it was asked for before.
    #[inline(always)]
    pub fn made<T: Any>(&self) -> Option<&T> {
        self.0.get().and_then(Kept::as_type)
    }

    /// What is kept; each room asks with one and the same type.
    #[inline(always)]
    pub fn get<T: Any + Send + Sync>(&self, make: impl FnOnce() -> PyResult<T>) -> PyResult<&T> {
        match self.made() {
            Some(kept) => Ok(kept),
            None => self.make(make),
        }
    }

    #[cold]
    #[inline(never)]
    fn make<T: Any + Send + Sync>(&self, make: impl FnOnce() -> PyResult<T>) -> PyResult<&T> {
        if self.0.get().is_none() {
            // Made outside of the cell: this may run Python code, and a second one that came first is as good.
            let _ = self.0.set(Kept::new(make()?)?);
        }
        match self.made() {
            Some(kept) => Ok(kept),
            // SAFETY: the exception types are there for the interpreter's life.
            None => Err(raise(unsafe { PyExc_SystemError }, "a room keeps values of one type only")),
        }
    }
}
