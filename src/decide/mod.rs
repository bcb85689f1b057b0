//! By reference or by value.
