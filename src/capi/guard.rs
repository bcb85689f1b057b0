//! The net under a door that does not touch Python.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs the body of such a door; a panic becomes the fallback.
pub fn guard<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(fallback)
}
