//! The stack machine that loads.
