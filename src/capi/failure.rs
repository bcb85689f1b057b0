//! How a door fails, on its way to the caller.

use std::borrow::Cow;

use super::status::cp_status_value::{self, *};

/// A status, the number that goes with it, and either the exception that is set in the thread or words of our own.
#[derive(Debug)]
pub struct Failure {
    pub status: cp_status_value,
    pub code: i64,
    /// None: a Python exception is set and says it.
    pub message: Option<Cow<'static, str>>,
    /// Where in the object that was dumped the culprit lies, if that is known.
    pub path: Option<String>,
}

impl Failure {
    /// A failure without a Python exception.
    #[cold]
    pub fn new(status: cp_status_value, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code: 0, message: Some(message.into()), path: None }
    }

    /// An argument that cannot be accepted.
    #[cold]
    pub fn argument(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(CP_ERR_INVALID_ARGUMENT, message)
    }
}
