//! Text that is put together without ending the process where there is no memory for it.

use std::borrow::Cow;
use std::ffi::CString;
use std::fmt::{self, Write};

/// As `format!`, for people: what there is no memory for is missing at the end.
macro_rules! message {
    ($($argument:tt)*) => {
        $crate::py::message::written(format_args!($($argument)*))
    };
}
pub(crate) use message;

/// Text that grows as far as there is memory.
#[derive(Default)]
struct Growing(String);

impl Write for Growing {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        self.0.try_reserve(more.len()).map_err(|_| fmt::Error)?;
        self.0.push_str(more);
        Ok(())
    }
}

/// What [`message!`] gives.
#[cold]
pub fn written(arguments: fmt::Arguments<'_>) -> String {
    let mut text = Growing::default();
    let _ = text.write_fmt(arguments);
    text.0
}

/// All of a text, if there is memory.
#[cold]
pub fn whole(arguments: fmt::Arguments<'_>) -> Option<String> {
    let mut text = Growing::default();
    text.write_fmt(arguments).ok()?;
    Some(text.0)
}

/// Appends to a message what there is memory for.
pub fn append(text: &mut String, more: &str) {
    if text.try_reserve(more.len()).is_ok() {
        text.push_str(more);
    }
}

/// A text of a few characters that needs no memory.
pub struct Short {
    data: [u8; Self::MOST],
    len: usize,
}

impl Short {
    const MOST: usize = 40;

    /// What is longer than 40 bytes is cut.
    pub fn new(arguments: fmt::Arguments<'_>) -> Self {
        let mut text = Self { data: [0; Self::MOST], len: 0 };
        let _ = text.write_fmt(arguments);
        text
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.data[..self.len]
    }
}

impl Write for Short {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let place = self.data.get_mut(self.len..self.len + more.len()).ok_or(fmt::Error)?;
        place.copy_from_slice(more.as_bytes());
        self.len += more.len();
        Ok(())
    }
}

/// Bytes as text; what is no UTF-8 is shown as replacement characters, as far as there is memory.
pub fn lossy(data: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(data) {
        return Cow::Borrowed(text);
    }
    let mut text = String::new();
    for chunk in data.utf8_chunks() {
        append(&mut text, chunk.valid());
        if !chunk.invalid().is_empty() {
            append(&mut text, "\u{fffd}");
        }
    }
    Cow::Owned(text)
}

/// Why a text cannot be one of C.
pub enum NoText {
    Nul,
    Memory,
}

/// A copy as C text.
pub fn c_string(text: &[u8]) -> Result<CString, NoText> {
    if text.contains(&0) {
        return Err(NoText::Nul);
    }
    let mut data = Vec::new();
    data.try_reserve_exact(text.len() + 1).map_err(|_| NoText::Memory)?;
    data.extend_from_slice(text);
    // There is room for the NUL, and none to give back.
    CString::new(data).map_err(|_| NoText::Nul)
}
