//! libcloudpickle-embed: the functions of cloudpickle.h for programs without a Python.
//!
//! It is linked to no libpython and knows none of its symbols. `cp_initialize` finds a libpython (`find`), loads it, then
//! loads the libcloudpickle that was built for it (`load`), the core; every other function of the header is handed on to
//! the core, or, as long as there is none, answers that no Python runs (`table`).
#![allow(non_camel_case_types, clippy::missing_safety_doc)]

mod ask;
mod dl;
mod find;
mod initialize;
mod load;
mod memory;
mod report;
mod table;
pub mod types;
mod version;

// What needs no Python is the core's own source.
#[path = "../../src/capi/failure.rs"]
#[allow(dead_code, reason = "only the core knows paths")]
mod failure;
#[path = "../../src/capi/guard.rs"]
mod guard;
#[path = "../../src/capi/options.rs"]
#[allow(dead_code, reason = "flags are checked by the core")]
mod options;
/// What the files below know as `py`.
#[path = "../../src/py"]
mod py {
    #[path = "message.rs"]
    #[allow(dead_code, reason = "the core puts together more")]
    pub mod message;
}
#[path = "../../src/capi/status.rs"]
mod status;
