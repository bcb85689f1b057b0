//! What a pickle calls when it is loaded.
