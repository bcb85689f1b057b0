//! Reductions whose value is known without the call: what `object.__reduce_ex__`, `copyreg` and the types of the
//! standard library would answer where nothing is overridden.

pub mod arrays;
pub mod attributes;
pub mod dates;
pub mod instances;
mod kept;
pub mod mould;
pub mod named;
pub mod partial;
pub mod quiet;
mod rows;
pub mod shape;
pub mod slots;
