//! What each kind of object is made of: one file a kind.

pub mod table;
