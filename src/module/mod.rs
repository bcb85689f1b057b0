//! The doors of the importable face.
